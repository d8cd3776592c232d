# SPDX-License-Identifier: Apache-2.0
"""The connection, against a peer that plays literal bytes over a socket pair."""

from __future__ import annotations

import socket
import threading

import pytest
from scripted_peer import Play, take

from p4rt.runtime import wire
from p4rt.runtime.errors import LinkError, NoExtensionError, RefusedError, WireError

HELLO_1_5 = bytes.fromhex("06000010 00000000 00010008 0000007e")
HELLO_1_0 = bytes.fromhex("01000008 00000000")


def test_hello_offers_and_takes_the_newest_version_in_common(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        assert take(s, 16) == HELLO_1_5
        s.sendall(bytes.fromhex("05000010 00000000 00010008 00000012"))  # 1.0 and 1.3.
        assert take(s, 16) == bytes.fromhex("04040010 00000001 50345254 00000005")
        s.sendall(bytes.fromhex("04040018 00000001 50345254 00000085 00000000 00000000"))

    connection = play(peer)
    connection.hello()
    assert connection.transact(wire.ListPrograms(), wire.ListReply) == wire.ListReply(())


def test_hello_without_bitmap_means_that_version_and_below(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        take(s, 16)
        s.sendall(HELLO_1_0)
        assert take(s, 16)[0] == 1
        s.sendall(bytes.fromhex("01040018 00000001 50345254 00000085 00000000 00000000"))

    connection = play(peer)
    connection.hello()
    assert connection.transact(wire.ListPrograms(), wire.ListReply) == wire.ListReply(())


def test_no_version_in_common(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        take(s, 16)
        s.sendall(bytes.fromhex("09000010 00000000 00010008 00000200"))

    connection = play(peer)
    with pytest.raises(LinkError, match="br0: no version of OpenFlow in common"):
        connection.hello()


def test_peer_that_does_not_speak_openflow(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        take(s, 16)
        s.sendall(b"HTTP/1.0 400 Bad Request\r\n")

    connection = play(peer)
    with pytest.raises(LinkError, match="does not speak OpenFlow"):
        connection.hello()


def test_echo_requests_are_answered_while_waiting(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        take(s, 16)
        s.sendall(bytes.fromhex("0602000c 00000099 cafebabe"))
        assert take(s, 12) == bytes.fromhex("0603000c 00000099 cafebabe")
        s.sendall(bytes.fromhex("06040018 00000001 50345254 00000085 00000000 00000000"))

    assert play(peer).transact(wire.ListPrograms(), wire.ListReply) == wire.ListReply(())


def test_messages_for_others_are_ignored(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        take(s, 16)
        s.sendall(bytes.fromhex("060c0010 00000000 0000000000000000"))  # A port status.
        s.sendall(bytes.fromhex("06040010 00000000 00002320 00000013"))  # Another experimenter.
        s.sendall(bytes.fromhex("06040018 00000001 50345254 00000085 00000000 00000000"))

    assert play(peer).transact(wire.ListPrograms(), wire.ListReply) == wire.ListReply(())


def test_reply_may_arrive_byte_by_byte(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        take(s, 16)
        for byte in bytes.fromhex("06040018 00000001 50345254 00000085 00000000 00000000"):
            s.sendall(bytes([byte]))

    assert play(peer).transact(wire.ListPrograms(), wire.ListReply) == wire.ListReply(())


def test_list_goes_on_while_more_follows(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        take(s, 16)
        s.sendall(bytes.fromhex("06040018 00000001 50345254 00000085 00000000 00000001"))
        s.sendall(bytes.fromhex("06040018 00000001 50345254 00000085 00000000 00000000"))

    parts = list(play(peer).transact_list(wire.ListPrograms(), wire.ListReply))
    assert [p.more for p in parts] == [True, False]


def test_error_reply_carries_code_text_and_index(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        take(s, 16)
        s.sendall(bytes.fromhex("0604001b 00000001 50345254 000000ff 0000000f 00000003 66756c"))

    with pytest.raises(RefusedError, match=r"\Aful\Z") as caught:
        play(peer).transact(wire.ListPrograms(), wire.ListReply)
    assert (caught.value.code, caught.value.index) == (15, 3)


def test_switch_without_the_extension(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        take(s, 16)
        s.sendall(bytes.fromhex("0601000c 00000001 00010003"))  # BAD_REQUEST, BAD_EXPERIMENTER.

    with pytest.raises(NoExtensionError, match="br0: this Open vSwitch does not know programs"):
        play(peer).transact(wire.ListPrograms(), wire.ListReply)


def test_wrong_kind_of_reply(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        take(s, 16)
        s.sendall(bytes.fromhex("06040018 00000001 50345254 00000084 00000000 00000000"))

    with pytest.raises(WireError, match="UnloadReply is no answer"):
        play(peer).transact(wire.ListPrograms(), wire.ListReply)


def test_upload_in_chunks_of_at_most_61440_bytes(play: Play) -> None:
    elf = bytes(range(256)) * 500

    def peer(s: socket.socket) -> None:
        begin = take(s, 88)
        assert begin[8:24] == bytes.fromhex("50345254 00000001 0001f400 00000000")
        s.sendall(bytes.fromhex("06040018 00000001 50345254 00000081 00000009 00000000"))
        received = b""
        for xid, size in ((2, 61440), (3, 61440), (4, 5120)):
            header = take(s, 24)
            assert header[2:8] == (24 + size).to_bytes(2, "big") + xid.to_bytes(4, "big")
            fixed = bytes.fromhex("50345254 00000002 00000009")
            assert header[8:] == fixed + len(received).to_bytes(4, "big")
            received += take(s, size)
        assert received == elf
        assert take(s, 24) == bytes.fromhex("06040018 00000005 50345254 00000003 00000009 00000001")
        s.sendall(bytes.fromhex("06040020 00000005 50345254 00000083 00000001 00000000 00000000 00000002"))

    reply = play(peer).upload("router", elf, wire.COMMIT_REPLACE)
    assert reply == wire.UploadCommitReply(1, 0, 0, 2, "")


def test_failing_chunk_ends_the_upload(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        take(s, 88)
        s.sendall(bytes.fromhex("06040018 00000001 50345254 00000081 00000009 00000000"))
        take(s, 30)
        s.sendall(bytes.fromhex("0604001b 00000002 50345254 000000ff 00000009 00000000 626967"))
        while s.recv(65536):
            pass

    connection = play(peer)
    with pytest.raises(RefusedError, match="big"):
        connection.upload("router", bytes(8 << 20), 0)
    connection.close()


def test_switch_stopped_in_the_middle_of_an_upload(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        take(s, 88)
        s.sendall(bytes.fromhex("06040018 00000001 50345254 00000081 00000009 00000000"))
        take(s, 1000)

    expected = "br0: the connection to ovs-vswitchd was lost while the program was being uploaded"
    with pytest.raises(LinkError, match=expected):
        play(peer).upload("router", bytes(8 << 20), 0)


def test_silence_is_a_timeout(play: Play) -> None:
    done = threading.Event()

    def peer(s: socket.socket) -> None:
        take(s, 16)
        assert done.wait(10)

    connection = play(peer)
    with pytest.raises(LinkError, match=r"br0: no answer in 0\.05 seconds"):
        connection.transact(wire.ListPrograms(), wire.ListReply, timeout=0.05)
    done.set()
