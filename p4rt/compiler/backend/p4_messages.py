# SPDX-License-Identifier: Apache-2.0
"""Classes of P4Runtime's messages.

The stubs of the `p4runtime` package were generated for an old protobuf and do not import with today's.  The
descriptors inside them are as good as ever: they are taken from the files and registered with the runtime.
"""

from __future__ import annotations

import ast as python_ast
import re
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

_STUBS = {
    "p4.config.v1": ("p4types_pb2.py", "p4info_pb2.py"),
    "p4.v1": ("p4data_pb2.py", "p4runtime_pb2.py"),
}
"""Packages in the order of their dependence, with their files."""


@cache
def _pool(package: str) -> Any:
    from google.protobuf import any_pb2, descriptor_pool

    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
    _add(pool, "p4.config.v1")
    if package != "p4.config.v1":
        status = import_module("google.rpc.status_pb2")
        pool.AddSerializedFile(status.DESCRIPTOR.serialized_pb)
        _add(pool, package)
    return pool


def _add(pool: Any, package: str) -> None:
    from google.protobuf import descriptor_pb2

    for stub in _STUBS[package]:
        text = files(package).joinpath(stub).read_text(encoding="utf-8")
        found = re.search(r"^\s*serialized_pb=(b'.*'|b\".*\")\s*$", text, re.MULTILINE)
        if found is None:
            raise RuntimeError(f"no descriptor in {stub} of the package p4runtime")
        pool.Add(descriptor_pb2.FileDescriptorProto.FromString(python_ast.literal_eval(found[1])))


@cache
def message_class(name: str, package: str = "p4.config.v1") -> Any:
    """The class of a message, such as `P4Info`, or `WriteRequest` of package p4.v1."""
    from google.protobuf import message_factory

    return message_factory.GetMessageClass(_pool(package).FindMessageTypeByName(f"{package}.{name}"))


def as_text(message: Any) -> str:
    """Protobuf text format."""
    from google.protobuf import text_format

    return str(text_format.MessageToString(message))


def as_bytes(message: Any) -> bytes:
    """The serialized message; equal messages give equal bytes."""
    return bytes(message.SerializeToString(deterministic=True))


def as_json(message: Any) -> str:
    """Protobuf's JSON, with the names of the fields as the specification writes them."""
    from google.protobuf import json_format

    return str(json_format.MessageToJson(message, preserving_proto_field_name=True)) + "\n"


def encode(message: Any, path: str | None) -> bytes:
    """The message in the form that the end of a file's name asks for: .json, binary for .bin and .pb, else
    text."""
    end = (path or "").rpartition(".")[2].lower()
    if end in ("bin", "pb"):
        return as_bytes(message)
    return (as_json(message) if end == "json" else as_text(message)).encode()


def bytestring(value: int) -> bytes:
    """A number as P4Runtime writes it: big-endian, in as few bytes as it needs, at least one."""
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
