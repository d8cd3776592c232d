# SPDX-License-Identifier: Apache-2.0
"""Objects and frames with random damage: whatever loads may run, and nothing may break."""

from __future__ import annotations

import io
import random

import pytest
from elftools.elf.elffile import ELFFile

from e2e import packets
from e2e.built import built
from e2e.switch import Bridge, Switch
from p4rt.runtime.errors import RefusedError
from p4rt.runtime.wire import COMMIT_REPLACE

FRAMES = [
    packets.udp(dst="10.0.2.7"), packets.udp(dst="10.0.2.7", vlan=10), packets.udp6(), packets.arp(),
    packets.tcp("10.0.1.1", "192.0.2.1", 4000, 80), packets.udp(payload=bytes(1400)),
    packets.ethernet(0x8847, bytes(46)), packets.ethernet(0x0800, b""), packets.resize(2, 2, bytes(300)),
]  # fmt: skip


def code_range(elf: bytes) -> range:
    """Where the instructions lie in an object."""
    section = ELFFile(io.BytesIO(elf)).get_section_by_name("prog")
    return range(section["sh_offset"], section["sh_offset"] + section["sh_size"])


def damaged(elf: bytes, seed: int) -> bytes:
    """The object with some bits or bytes changed: mostly in the code, else anywhere."""
    chance = random.Random(seed)
    result = bytearray(elf)
    where = code_range(elf) if seed % 4 else range(len(elf))
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.choice(where)
        result[at] = chance.choice((result[at] ^ 1 << chance.randrange(8), chance.randrange(256)))
    return bytes(result)


@pytest.mark.parametrize("name", ["router", "tunnel", "firewall", "resize.p4"])
def test_damaged_objects_are_refused_or_run_safely(switch: Switch, br0: Bridge, name: str) -> None:
    elf = built(name).read_bytes()
    br0.load(name, "victim")
    br0.add_flows("actions=prog:1,output:3")
    loaded = 0
    for seed in range(150):
        try:
            with br0.programs() as bridge:
                bridge.connection.upload("victim", damaged(elf, seed), COMMIT_REPLACE)
        except RefusedError as refused:
            assert str(refused)
            continue
        loaded += 1
        switch.exchange(1, FRAMES, batch=True)
    # Were all refused, this would test nothing; so it would if the verifier looked at nothing.
    assert 0 < loaded < 150


@pytest.mark.parametrize("name", ["router", "tunnel", "firewall", "tables.p4", "order.p4", "resize.p4"])
def test_random_frames(switch: Switch, br0: Bridge, name: str) -> None:
    br0.load(name, "program")
    br0.add_flows("in_port=1,actions=prog:1,goto_table:1", "table=1,actions=output:2")
    chance = random.Random(name)
    types = [0x0800, 0x86DD, 0x8847, 0x8100, 0x88A8, 0x0806, 0x88B6, 0x88B8, 0x9000]
    for _ in range(8):
        frames = [
            packets.ethernet(chance.choice(types), chance.randbytes(chance.choice((6, 8, 20, 46, 300))))
            for _ in range(32)
        ]
        switch.exchange(1, frames, batch=True)
    assert br0.statistics("program")["packets"] == 8 * 32
