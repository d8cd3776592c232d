# SPDX-License-Identifier: Apache-2.0

"""A client of the control channel for tests: knows the bytes, and nothing
of any other implementation of them."""

import random
import socket
import struct
import sys

VENDOR = 0x50345254
HELLO = 0
VENDOR_MESSAGE = 4
BARRIER_REQUEST = 18
BARRIER_REPLY = 19
UPLOAD_BEGIN, UPLOAD_CHUNK, UPLOAD_COMMIT, UNLOAD, LIST, READ = range(1, 7)
MAP_LIST, MAP_LOOKUP, MAP_UPDATE, MAP_DELETE, MAP_DUMP = range(7, 12)
ERROR = 0xff
ERROR_NAMES = {6: "EXISTS", 9: "LIMIT", 12: "CHANGED"}


def message(type_, body=b"", xid=1):
    return struct.pack("!BBHIII", 1, VENDOR_MESSAGE, 16 + len(body), xid,
                       VENDOR, type_) + body


class Connection:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(path)
        self.received = b""
        self.send(struct.pack("!BBHI", 1, HELLO, 8, 0))
        while self.receive()[0] != HELLO:
            pass

    def send(self, data):
        self.sock.sendall(data)

    def receive(self):
        """Returns the type of the next message, its xid and its body."""
        while True:
            if len(self.received) >= 8:
                _, type_, length, xid = struct.unpack("!BBHI",
                                                      self.received[:8])
                if len(self.received) >= length:
                    body = self.received[8:length]
                    self.received = self.received[length:]
                    return type_, xid, body
            data = self.sock.recv(65536)
            if not data:
                raise EOFError("the switch closed the connection")
            self.received += data

    def request(self, type_, body=b"", xid=1):
        """Sends a request and returns the type and body of its reply."""
        self.send(message(type_, body, xid))
        return self.reply(xid)

    def reply(self, xid):
        while True:
            type_, got, body = self.receive()
            if type_ == VENDOR_MESSAGE and got == xid:
                return struct.unpack("!I", body[4:8])[0], body[8:]

    def barrier(self):
        """Reads until everything sent before has been handled.  Returns the
        bodies of the vendor messages that were received."""
        self.send(struct.pack("!BBHI", 1, BARRIER_REQUEST, 8, 0xbabe))
        bodies = []
        while True:
            type_, xid, body = self.receive()
            if type_ == BARRIER_REPLY and xid == 0xbabe:
                return bodies
            if type_ == VENDOR_MESSAGE:
                bodies.append(body)


def map_request(prog, map_, n, data, generation=0):
    return struct.pack("!IIIIII", prog, map_, 0, n, generation, 0) + data


def key(i):
    return struct.pack("<I", i)


def large_map(path):
    """Fills map 2, with 2000 entries of 128 bytes, and reads it back."""
    conn = Connection(path)
    for start in range(0, 2000, 450):
        part = range(start, min(start + 450, 2000))
        data = b"".join(key(i) + struct.pack("<I", 7 * i) * 31 for i in part)
        type_, body = conn.request(MAP_UPDATE,
                                   map_request(1, 2, len(part), data))
        assert type_ == MAP_UPDATE + 0x80, (type_, body)
        print("updated %d" % struct.unpack("!I", body[:4]))

    want = {key(i): struct.pack("<I", 7 * i) * 31 for i in range(2000)}
    found, cursor, messages = {}, 0, 0
    while True:
        type_, body = conn.request(
            MAP_DUMP, struct.pack("!IIQII", 1, 2, cursor, 0, 1))
        assert type_ == MAP_DUMP + 0x80, (type_, body)
        cursor, n = struct.unpack("!QI4x", body[:16])
        if not n:
            break
        messages += 1
        assert len(body) == 16 + n * 128 and len(body) <= 16 + 61440
        for i in range(n):
            entry = body[16 + 128 * i:16 + 128 * (i + 1)]
            assert entry[:4] not in found
            found[entry[:4]] = entry[4:]
    assert found == want
    print("dumped %d of %d in %d messages" % (len(found), len(want), messages))

    conn.send(message(MAP_LOOKUP, map_request(1, 2, 2000, b"".join(want)), 9))
    found, messages, more = {}, 0, True
    while more:
        type_, body = conn.reply(9)
        assert type_ == MAP_LOOKUP + 0x80, (type_, body)
        n, more = struct.unpack("!II", body[:8])
        messages += 1
        assert len(body) == 8 + n * 128
        for i in range(n):
            entry = body[8 + 128 * i:8 + 128 * (i + 1)]
            found[entry[:4]] = entry[4:]
    assert found == want
    print("looked up %d of %d in %d messages"
          % (len(found), len(want), messages))

    # A small request for a large answer: the same key many times.
    n = 8193
    type_, body = conn.request(MAP_LOOKUP, map_request(1, 2, n, key(1) * n))
    assert type_ == ERROR, (type_, body)
    print_error(body)


def print_error(body):
    code, _ = struct.unpack("!II", body[:8])
    print("%s: %s" % (ERROR_NAMES.get(code, code), body[8:].decode()))


def abandon(path, times):
    """Begins an upload of the largest object 'times' times, sends a part of
    it, and goes away without a word."""
    for _ in range(int(times)):
        conn = Connection(path)
        type_, body = conn.request(
            UPLOAD_BEGIN, struct.pack("!II64s", 64 << 20, 0, b"a"))
        assert type_ == UPLOAD_BEGIN + 0x80, (type_, body)
        for i in range(5):
            conn.send(message(UPLOAD_CHUNK,
                              body[:4] + struct.pack("!I", i * 60000)
                              + bytes(60000)))
        conn.sock.close()


def commit(conn, elf_name, name, flags=0, xid=7):
    """Uploads an object and asks for it to be published as 'name', without
    waiting for the answer."""
    with open(elf_name, "rb") as elf_file:
        elf = elf_file.read()
    type_, body = conn.request(UPLOAD_BEGIN,
                               struct.pack("!II64s", len(elf), 0, name))
    assert type_ == UPLOAD_BEGIN + 0x80, (type_, body)
    conn.send(message(UPLOAD_CHUNK, body[:4] + bytes(4) + elf))
    conn.send(message(UPLOAD_COMMIT, body[:4] + struct.pack("!I", flags), xid))


def outcome(type_, body):
    if type_ == ERROR:
        code, = struct.unpack("!I", body[:4])
        return ERROR_NAMES.get(code, str(code))
    names = {UPLOAD_COMMIT: "UPLOAD_COMMIT_REPLY", UNLOAD: "UNLOAD_REPLY",
             LIST: "LIST_REPLY of %d programs" % body[3]}
    return names[type_ - 0x80]


def overtake(path, slow):
    """While an object is loaded for one connection, another one works; the
    first one's next request waits."""
    conn, other = Connection(path), Connection(path)
    commit(conn, slow, b"slow")
    conn.send(message(LIST, b"", 8))
    print("other connection: " + outcome(*other.request(LIST)))
    print(outcome(*conn.reply(7)))
    print(outcome(*conn.reply(8)))


def undercut(path, slow):
    """Unloads a program while it is being replaced, and has several commits
    at a time."""
    conn, other = Connection(path), Connection(path)
    commit(conn, slow, b"slow", flags=1)
    print("unloaded: " + outcome(*other.request(
        UNLOAD, struct.pack("!II", 2, 0))))
    type_, body = conn.reply(7)
    _, programs = conn.request(LIST)
    print("replaced: %s generation %d"
          % (outcome(type_, body),
             struct.unpack("!I", programs[8 + 176 + 20:8 + 176 + 24])[0]))

    third = Connection(path)
    commit(conn, slow, b"x")
    commit(other, slow, b"x")
    commit(third, slow, b"y")
    print("first: " + outcome(*conn.reply(7)))
    print("second: " + outcome(*other.reply(7)))
    print("third: " + outcome(*third.reply(7)))
    print(outcome(*conn.request(LIST)))


def leave(path, elf):
    """Goes away, with all said, while its object is loaded."""
    conn = Connection(path)
    commit(conn, elf, b"left", flags=1)
    conn.sock.close()


def good_messages(elf, upload):
    """What a client might say, in that order; 'upload' is the upload that the
    switch began last."""
    name = b"f".ljust(64, b"\0")
    return [
        message(UPLOAD_BEGIN, struct.pack("!II", len(elf), 0) + name),
        message(UPLOAD_CHUNK, struct.pack("!II", upload, 0) + elf),
        message(UPLOAD_COMMIT, struct.pack("!II", upload, 1)),
        message(UNLOAD, struct.pack("!II", 2, 1)),
        message(LIST),
        message(READ, struct.pack("!IIII", 1, 0, 0, 0)),
        message(READ, struct.pack("!IIII", 1, 1, 0, 1)),
        message(MAP_LIST, map_request(1, 0, 0, b"")),
        message(MAP_LOOKUP, map_request(1, 0, 2, bytes(8))),
        message(MAP_UPDATE, map_request(1, 0, 2, bytes(24))),
        message(MAP_UPDATE, map_request(1, 2, 3, bytes(384))),
        message(MAP_DELETE, map_request(1, 0, 1, bytes(4))),
        message(MAP_DUMP, struct.pack("!IIQII", 1, 0, 0, 0, 0)),
    ]


def mutate(rng, msg, n_changes):
    """Returns 'msg' changed at random, with a length that is right (or the
    stream would be of no further use)."""
    data = bytearray(msg)
    for _ in range(n_changes):
        how = rng.randrange(5)
        at = rng.randrange(8, len(data) + 1)
        if how == 0 and at < len(data):
            data[at] = rng.randrange(256)
        elif how == 1 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif how == 2:
            del data[at:at + rng.choice((1, 4, 8, 64))]
        elif how == 3:
            data[at:at] = rng.randbytes(rng.choice((1, 4, 8, 64)))
        elif how == 4 and at + 4 <= len(data):
            data[at:at + 4] = struct.pack("!I", rng.choice(
                (0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 61440)))
    del data[65535:]
    data[0] = 1
    data[1] = VENDOR_MESSAGE
    data[2:4] = struct.pack("!H", len(data))
    return bytes(data)


def fuzz(path, elf_name, seed, count):
    with open(elf_name, "rb") as elf_file:
        elf = elf_file.read()
    rng = random.Random(int(seed))
    conn = Connection(path)
    upload = 1
    n_loaded = 0
    for i in range(int(count)):
        obj = bytearray(elf)
        if rng.random() < 0.5:
            # Spoil the object, not only the message.
            for _ in range(rng.randrange(1, 4)):
                obj[rng.randrange(len(obj))] = rng.randrange(256)
        good = good_messages(bytes(obj), upload)
        # An upload takes three messages, so spare them more often.
        which = i % len(good)
        n_changes = rng.choice((0, 0, 0, 0, 1, 2) if which < 3
                               else (0, 1, 1, 2, 4))
        conn.send(mutate(rng, good[which], n_changes))
        for body in conn.barrier():
            type_, = struct.unpack("!I", body[4:8])
            if type_ == UPLOAD_BEGIN + 0x80:
                upload, = struct.unpack("!I", body[8:12])
            n_loaded += type_ == UPLOAD_COMMIT + 0x80
        if i % 100 == 99:
            conn.sock.close()
            conn = Connection(path)
    # Most must have got past the outer defences for this to mean anything.
    assert n_loaded > int(count) / 200, n_loaded
    print("the switch is alive")


if __name__ == "__main__":
    {"large-map": large_map, "abandon": abandon, "overtake": overtake,
     "undercut": undercut, "leave": leave, "fuzz": fuzz}[sys.argv[1]](*sys.argv[2:])
