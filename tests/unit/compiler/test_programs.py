# SPDX-License-Identifier: Apache-2.0
"""Whole programs: what the compiler makes of them, the engine accepts."""

from __future__ import annotations

from pathlib import Path

import pytest

import ubpf
from p4rt.compiler.driver import compile_file

CHECKOUT = Path(__file__).resolve().parents[3]
PROGRAMS = sorted([*CHECKOUT.glob("examples/*/*.p4"), *CHECKOUT.glob("tests/unit/frontend/programs/*.p4")])


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program_compiles_and_is_verified(path: Path):
    program = ubpf.Program(compile_file(path).object)
    assert program.verifier_summary.startswith("verified")


def test_many_tables_in_a_row_are_verified(tmp_path: Path):
    """Each table may push, rewrite, drop or count: the paths multiply, the proof must not."""
    number = 12
    tables = "\n".join(
        f"""
        action set{i}(bit<16> v) {{ meta.m{i} = v; meta.last = {i}; }}
        action ttl{i}(bit<8> v) {{ hdr.ip.ttl = v; std.output_action = ubpf_action.REDIRECT; }}
        action drop{i}() {{ std.output_action = ubpf_action.DROP; }}
        action tag{i}(bit<16> v) {{ hdr.tag = {{ v, hdr.eth.type }}; hdr.eth.type = 0x8100; }}
        table t{i} {{
            key = {{ hdr.ip.dst: {"lpm" if i % 2 else "exact"}; meta.last: exact; hdr.ip.ttl: exact; }}
            actions = {{ set{i}; ttl{i}; drop{i}; tag{i}; NoAction; }}
        }}"""
        for i in range(number)
    )
    calls = " ".join(
        f"if (!t{i}.apply().hit) {{ missed.write({i}, missed.read({i}) + 1); }}" for i in range(number)
    )
    text = f"""
    #include <ubpf_model.p4>
    header eth_t {{ bit<48> dst; bit<48> src; bit<16> type; }}
    header tag_t {{ bit<16> tci; bit<16> type; }}
    header ip_t {{ bit<64> start; bit<8> ttl; bit<8> protocol; bit<16> checksum; bit<32> src; bit<32> dst; }}
    struct headers_t {{ eth_t eth; tag_t tag; ip_t ip; }}
    struct metadata_t {{ bit<8> last; {" ".join(f"bit<16> m{i};" for i in range(number))} }}
    parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta, inout standard_metadata std) {{
        state start {{
            pkt.extract(hdr.eth);
            transition select(hdr.eth.type) {{ 0x8100: tag; 0x0800: ip; default: accept; }}
        }}
        state tag {{
            pkt.extract(hdr.tag);
            transition select(hdr.tag.type) {{ 0x0800: ip; default: accept; }}
        }}
        state ip {{ pkt.extract(hdr.ip); transition accept; }}
    }}
    control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) {{
        Register<bit<64>, bit<32>>({number}) missed;
        {tables}
        apply {{
            {calls}
        }}
    }}
    control dprs(packet_out pkt, in headers_t hdr) {{ apply {{ pkt.emit(hdr); }} }}
    ubpf(prs(), pipe(), dprs()) main;
    """
    path = tmp_path / "many.p4"
    path.write_text(text)
    program = ubpf.Program(compile_file(path).object)
    assert program.run(bytes(12) + b"\x08\x00" + bytes(20)).verdict is ubpf.Verdict.PASS
    assert program.maps["pipe_missed"].lookup((number - 1).to_bytes(4, "little")) == b"\1" + bytes(7)
