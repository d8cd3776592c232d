# SPDX-License-Identifier: Apache-2.0
"""An OpenFlow connection to a bridge that carries the messages of `wire`.

One thread, no callbacks: requests go out, the reply with the same xid comes back.  Reading goes
on while writing, so that neither side can block the other.  `timeout` is the longest silence
that is accepted, not the length of a whole operation.
"""

from __future__ import annotations

import errno
import os
import struct
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

from p4rt.runtime import wire
from p4rt.runtime.errors import LinkError, NoExtensionError, RefusedError, WireError
from p4rt.runtime.limits import DEFAULT_TIMEOUT
from p4rt.runtime.locate import stream_name

_COMMIT_TIMEOUT = 120.0  # By default: verification and compilation of a large object take time.
_VERSIONS = range(1, 7)  # OpenFlow 1.0 to 1.5.
_VERSION_LIMIT = 0x20  # No OpenFlow message begins with more.
_READ_SIZE = 1 << 17
_OUT_HIGH = 1 << 20  # Bytes to queue before waiting for the switch to take some.

# What was being done, for messages about a connection that fails.
_SETTING_UP = "the connection was being set up"
_ASKING = "a request was under way"
_UPLOADING = "the program was being uploaded"

R = TypeVar("R", bound=wire.Message)


class Connection:
    """A connection on which OpenFlow's version has been agreed."""

    def __init__(self, stream: Any, name: str, timeout: float | None = None) -> None:
        """Takes over `stream`, an open ovs.stream.Stream; errors are said of `name`.

        `timeout`, in seconds, is the longest silence to accept, 0 any; None for defaults."""
        self._stream = stream
        self._name = name
        self._timeout = DEFAULT_TIMEOUT if timeout is None else timeout
        self._commit_timeout = _COMMIT_TIMEOUT if timeout is None else timeout
        self._out = bytearray()
        self._in = bytearray()
        self._next_xid = 1
        self._version = _VERSIONS[-1]
        self._outstanding: set[int] = set()
        self._doing = _SETTING_UP

    @classmethod
    def open(cls, target: str, timeout: float | None = None) -> Self:
        """Connects to `target` (see locate.stream_name) and says hello.

        Raises InputError when there is no such bridge and LinkError when it does not answer."""
        name = stream_name(target)
        import ovs.stream  # Late: --help needs no sockets.

        wait = DEFAULT_TIMEOUT if timeout is None else timeout
        try:
            error, stream = ovs.stream.Stream.open_block(
                ovs.stream.Stream.open(name), int(wait * 1000) if wait else None
            )
        except (OSError, ValueError) as e:
            raise LinkError(f"{target}: cannot connect to {name}: {e}") from None
        if error:
            raise LinkError(f"{target}: {_explain_connect(error, name)}")
        connection = cls(stream, target, timeout)
        try:
            connection.hello()
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Closes the connection; an upload under way ends with it."""
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def hello(self) -> None:
        """Agrees on a version of OpenFlow with the peer."""
        bitmap = sum(1 << v for v in _VERSIONS)
        element = struct.pack("!HHI", 1, 8, bitmap)
        header = wire.OFP_HEADER.pack(_VERSIONS[-1], wire.OFPT_HELLO, wire.OFP_HEADER.size + len(element), 0)
        self._out += header + element
        version, kind, _, payload = self._receive(self._timeout)
        if kind == wire.OFPT_ERROR:
            raise LinkError(f"{self._name}: the switch refused the connection: {_explain_error(payload)}")
        if kind != wire.OFPT_HELLO:
            raise LinkError(f"{self._name}: the peer does not speak OpenFlow")
        offered = _hello_versions(version, payload)
        common = [v for v in _VERSIONS if v in offered]
        if not common:
            raise LinkError(f"{self._name}: no version of OpenFlow in common")
        self._version = common[-1]
        self._doing = _ASKING

    def transact(self, request: wire.Message, reply: type[R], timeout: float | None = None) -> R:
        """Sends `request` and returns its reply, which must be a `reply`."""
        xid = self._send(request)
        return self._reply(xid, reply, self._timeout if timeout is None else timeout)

    def transact_list(self, request: wire.Message, reply: type[R]) -> Iterator[R]:
        """Like transact() for a request that several replies answer; each says `more` or not."""
        xid = self._send(request)
        while True:
            part = self._reply(xid, reply, self._timeout)
            more = bool(getattr(part, "more", False))
            if more:
                self._outstanding.add(xid)
            yield part
            if not more:
                return

    def upload(self, name: str, elf: bytes, flags: int) -> wire.UploadCommitReply:
        """Uploads the object `elf` as program `name` and has it published."""
        self._doing = _UPLOADING
        begin = self.transact(wire.UploadBegin(len(elf), name), wire.UploadBeginReply)
        for offset in range(0, len(elf), wire.DATA_MAX):
            data = elf[offset : offset + wire.DATA_MAX]
            self._send(wire.UploadChunk(begin.upload, offset, data))
            self._drain(_OUT_HIGH)
        commit = wire.UploadCommit(begin.upload, flags)
        reply = self.transact(commit, wire.UploadCommitReply, self._commit_timeout)
        self._doing = _ASKING
        self._outstanding.clear()  # Chunks that went well are not answered.
        return reply

    def _send(self, message: wire.Message) -> int:
        """Queues `message` and returns its xid."""
        xid = self._next_xid
        self._next_xid = xid % 0xFFFFFFFF + 1
        self._out += wire.encode(message, xid=xid, version=self._version)
        self._outstanding.add(xid)
        return xid

    def _reply(self, xid: int, reply: type[R], timeout: float) -> R:
        """Waits for the message that answers `xid`."""
        while True:
            _, kind, got, payload = self._receive(timeout)
            message = self._message(kind, got, payload)
            if message is None:
                continue
            if got != xid:
                raise WireError(f"{self._name}: reply to an unknown request")
            self._outstanding.discard(xid)
            if not isinstance(message, reply):
                raise WireError(f"{self._name}: {type(message).__name__} is no answer to this request")
            return message

    def _message(self, kind: int, xid: int, payload: bytes) -> wire.Message | None:
        """Decodes a message; raises what an error says, returns None for what is not for us."""
        if kind == wire.OFPT_ERROR and xid in self._outstanding:
            raise self._refusal(payload)
        if kind != wire.OFPT_EXPERIMENTER:
            return None
        message = wire.decode(payload)
        if isinstance(message, wire.ErrorReply):
            raise RefusedError(message.code, message.text, message.index)
        return message

    def _refusal(self, payload: bytes) -> Exception:
        error_type, code = struct.unpack_from("!HH", payload.ljust(4, b"\0"))
        if (error_type, code) == (1, 3):
            return NoExtensionError(f"{self._name}: this Open vSwitch does not know programs")
        return LinkError(f"{self._name}: the switch refused the request: {_explain_error(payload)}")

    def _drain(self, most: int) -> None:
        """Sends until at most `most` bytes are queued, looking at what arrives meanwhile."""
        while len(self._out) > most:
            self._step(self._timeout, wait_input=False)
            while (frame := self._next_frame()) is not None:
                _, kind, xid, payload = frame
                self._message(kind, xid, payload)

    def _receive(self, timeout: float) -> tuple[int, int, int, bytes]:
        """Returns the next message as version, type, xid and payload; answers echo requests."""
        while True:
            frame = self._next_frame()
            if frame is not None:
                return frame
            self._step(timeout, wait_input=True)

    def _next_frame(self) -> tuple[int, int, int, bytes] | None:
        while len(self._in) >= wire.OFP_HEADER.size:
            version, kind, length, xid = wire.OFP_HEADER.unpack_from(self._in)
            if not 0 < version < _VERSION_LIMIT or length < wire.OFP_HEADER.size:
                raise WireError(f"{self._name}: the peer does not speak OpenFlow")
            if len(self._in) < length:
                return None
            payload = bytes(self._in[wire.OFP_HEADER.size : length])
            del self._in[:length]
            if kind == wire.OFPT_ECHO_REQUEST:
                self._out += wire.OFP_HEADER.pack(version, wire.OFPT_ECHO_REPLY, length, xid) + payload
                continue
            return version, kind, xid, payload
        return None

    def _step(self, timeout: float, *, wait_input: bool) -> None:
        """Moves some bytes, waiting up to `timeout` seconds (0: for ever) until that is possible."""
        import ovs.poller

        deadline = time.monotonic() + timeout if timeout else None
        while True:
            received = self._recv_some()
            sent = self._send_some()
            if received or (sent and not wait_input):
                return
            if sent and deadline is not None:
                deadline = time.monotonic() + timeout
            if deadline is not None and time.monotonic() >= deadline:
                raise LinkError(f"{self._name}: no answer in {timeout:g} seconds; {self._doing}")
            poller = ovs.poller.Poller()
            self._stream.run_wait(poller)
            self._stream.recv_wait(poller)
            if self._out:
                self._stream.send_wait(poller)
            if deadline is not None:
                poller.timer_wait(max(1, int((deadline - time.monotonic()) * 1000)))
            poller.block()

    def _recv_some(self) -> bool:
        error, data = self._stream.recv(_READ_SIZE)
        if error == errno.EAGAIN:
            return False
        if error or not data:
            raise self._lost()
        self._in += data
        return True

    def _send_some(self) -> bool:
        if not self._out:
            return False
        n = self._stream.send(bytes(self._out[:_READ_SIZE]))
        if n == -errno.EAGAIN:
            return False
        if n < 0:
            # A switch that closes may have said why: read that first.
            self._recv_some()
            return True
        del self._out[:n]
        return True

    def _lost(self) -> LinkError:
        return LinkError(f"{self._name}: the connection to ovs-vswitchd was lost while {self._doing}")


def _hello_versions(version: int, payload: bytes) -> set[int]:
    """Versions that a HELLO offers (OpenFlow 1.3.1, section 7.5.1)."""
    offset = 0
    while len(payload) - offset >= 4:
        kind, length = struct.unpack_from("!HH", payload, offset)
        if length < 4 or offset + length > len(payload):
            break
        if kind == 1 and length >= 8:
            (bitmap,) = struct.unpack_from("!I", payload, offset + 4)
            return {v for v in range(32) if bitmap >> v & 1}
        offset += -(-length // 8) * 8
    return set(range(1, version + 1))


def _explain_connect(error: int, name: str) -> str:
    path = name.removeprefix("unix:")
    if error in (errno.EACCES, errno.EPERM):
        return f"no permission to open {path}; run as a user who may, such as root"
    if error == errno.ECONNREFUSED and name.startswith("unix:"):
        return f"nobody listens on {path}; ovs-vswitchd is not running"
    if error == errno.ETIMEDOUT:
        return f"no answer from {name}"
    return f"cannot connect to {name}: {os.strerror(error)}"


_OFP_ERRORS = {
    (0, 0): "no version of OpenFlow in common",
    (1, 4): "this Open vSwitch does not know this kind of message",
    (1, 5): "no permission",
    (1, 6): "the message has a bad length",
    (1, 1): "this Open vSwitch does not know this kind of message",
}


def _explain_error(payload: bytes) -> str:
    """Says in words what an OFPT_ERROR says in numbers."""
    error_type, code = struct.unpack_from("!HH", payload.ljust(4, b"\0"))
    text = _OFP_ERRORS.get((error_type, code))
    if error_type == 0 and len(payload) > 4:
        text = payload[4:].decode("utf-8", "replace").strip("\0\n")
    return text or f"OpenFlow error type {error_type}, code {code}"
