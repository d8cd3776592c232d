# SPDX-License-Identifier: Apache-2.0
"""Files that are no programs, and the preprocessor: one clear message each, at the right place."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4rt.compiler.analysis.checker import check_program
from p4rt.compiler.diagnostics import CompileError, Diagnostics
from p4rt.compiler.frontend.parser import parse_file
from p4rt.compiler.frontend.preprocessor import preprocess_file


def messages(path: Path, include: tuple[str, ...] = (), define: tuple[str, ...] = ()) -> list[str]:
    """`FILE:LINE:COLUMN: message` of a file's errors, file names without their folder."""
    diagnostics = Diagnostics()
    try:
        check_program(parse_file(str(path), diagnostics, include, define), diagnostics)
    except CompileError as error:
        assert error.diagnostics == diagnostics.items
    places = [(item.span, item.message) for item in diagnostics.items]
    return [f"{Path(span.file).name}:{span.line}:{span.column}: {text}" for span, text in places]


def refused(folder: Path, data: bytes) -> list[str]:
    """The messages about a file with this content."""
    path = folder / "t.p4"
    path.write_bytes(data)
    return messages(path)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"const int a = 1;\n// caf\xe9\n", "t.p4:2:7: not UTF-8 text: byte 0xe9"),
        (b"const int a\0 = 1;", "t.p4:1:12: the file has a zero byte, so it is not P4 source"),
        (b"const int a = " + b"(" * 1000, "t.p4:1:315: brackets nested more than 300 deep"),
        (b"const bool a = " + b"!" * 5000 + b"true;", "t.p4:1:316: nested more than 300 deep"),
        (b"const int a = " + b"9" * 5000 + b";", "t.p4:1:15: number has more than 4000 digits"),
        (b'#include "t.p4"\n', "t.p4:1:10: #include nested too deeply"),
        (b"#if 1\n", "t.p4:1:2: unterminated conditional directive"),
        (b'#error "not today"\n', "t.p4:1:2: not today"),
        (b'const int a = 1;\n  #include "gone.p4"\n', "t.p4:2:12: included file 'gone.p4' not found"),
        (b"\xef\xbb\xbfconst bit<8> a = x;\n", "t.p4:1:18: name 'x' is not declared"),
        (b"const bit<8> a = 1;\r\nconst bit<8> b = x;\r\n", "t.p4:2:18: name 'x' is not declared"),
        (b"const\tbit<8>   a  =   x; // c\n", "t.p4:1:23: name 'x' is not declared"),
        (b"/* a */ const /* b */ bit<8> a = /* c */ x;\n", "t.p4:1:42: name 'x' is not declared"),
        (b"/* a\n b */ const bit<8> a = x;\n", "t.p4:2:24: name 'x' is not declared"),
        (b"const bit<8> \\\n a = x;\n", "t.p4:1:14: name 'x' is not declared"),
        (b"#define V x + 1\nconst bit<8> a = V;\n", "t.p4:2:18: name 'x' is not declared"),
        (b'# 100 "other.p4"\nconst bit<8> a = x;\n', "other.p4:100:18: name 'x' is not declared"),
    ],
)
def test_refused(tmp_path: Path, data: bytes, expected: str) -> None:
    assert refused(tmp_path, data) == [expected]


def test_an_empty_file_is_an_empty_program(tmp_path: Path) -> None:
    assert refused(tmp_path, b"") == []


def test_missing_file(tmp_path: Path) -> None:
    assert messages(tmp_path / "none.p4") == ["none.p4:0:0: cannot read: No such file or directory"]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert messages(tmp_path) == [f"{tmp_path.name}:0:0: cannot read: Is a directory"]


def test_an_error_in_an_included_file_points_into_that_file(tmp_path: Path) -> None:
    (tmp_path / "inc").mkdir()
    (tmp_path / "inc" / "b.p4").write_text("const bit<8> b = 1;\nconst bit<8> c = d;\n")
    (tmp_path / "t.p4").write_text("#include <b.p4>\nconst bit<8> e = f;\n")
    assert messages(tmp_path / "t.p4", include=(str(tmp_path / "inc"),)) == [
        "b.p4:2:18: name 'd' is not declared",
        "t.p4:2:18: name 'f' is not declared",
    ]


def test_defines_from_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "t.p4"
    path.write_text("#ifdef A\nconst bit<8> a = A;\n#endif\n")
    assert messages(path, define=("A=3",)) == []
    assert messages(path, define=("A=x",)) == ["t.p4:2:18: name 'x' is not declared"]
    assert messages(path, define=("3=A",)) == ["t.p4:0:0: -D '3=A' is not NAME or NAME=VALUE"]


def test_a_users_own_core_p4_comes_first(tmp_path: Path) -> None:
    (tmp_path / "core.p4").write_text("const bit<8> mine = 1;\n")
    (tmp_path / "t.p4").write_text("#include <core.p4>\n")
    text = preprocess_file(str(tmp_path / "t.p4"), Diagnostics(), (str(tmp_path),))
    assert "mine" in text


@pytest.mark.parametrize(
    ("define", "has"), [("", True), ("#define UBPF_MODEL_VERSION 20200304", False)], ids=["new", "old"]
)
def test_the_model_has_two_versions(tmp_path: Path, define: str, has: bool) -> None:
    path = tmp_path / "t.p4"
    path.write_text(f"{define}\n#include <ubpf_model.p4>\n#include <core.p4>\n")
    diagnostics = Diagnostics()
    program = check_program(parse_file(str(path), diagnostics), diagnostics)
    assert ("standard_metadata" in program.globals) == has


def test_a_version_that_is_none(tmp_path: Path) -> None:
    text = b"#define UBPF_MODEL_VERSION 5\n#include <ubpf_model.p4>\n"
    assert refused(tmp_path, text) == ["ubpf_model.p4:27:2: UBPF_MODEL_VERSION must be 20200304 or 20200515"]


def test_a_message_shows_the_line_and_a_caret(tmp_path: Path) -> None:
    path = tmp_path / "t.p4"
    path.write_text("const bit<8> limit = 1;\nconst\tbit<8> a = lmit + 1;\n")
    diagnostics = Diagnostics()
    with pytest.raises(CompileError) as caught:
        check_program(parse_file(str(path), diagnostics), diagnostics)
    assert caught.value.render().split("\n") == [
        f"{path}:2:18: error: name 'lmit' is not declared [undeclared]",
        "  const\tbit<8> a = lmit + 1;",
        "       \t           ^~~~",
        "  hint: did you mean 'limit'?",
    ]


def test_a_run_stops_after_fifty_errors(tmp_path: Path) -> None:
    found = refused(tmp_path, "".join(f"const bit<8> a{n} = x{n};\n" for n in range(80)).encode())
    assert len(found) == 51
    assert found[-1].endswith("too many errors, stopping after 50")


def test_warnings_become_errors_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "t.p4"
    path.write_text("const bit<8> a = 256;\n")
    diagnostics = Diagnostics(warnings_are_errors=True)
    with pytest.raises(CompileError):
        check_program(parse_file(str(path), diagnostics), diagnostics)
