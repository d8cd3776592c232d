# SPDX-License-Identifier: Apache-2.0
"""A program by its P4 names, wherever it runs: in a switch or in this process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

from p4rt.runtime.counters import Counters
from p4rt.runtime.digests import Digests
from p4rt.runtime.info import ProgramInfo
from p4rt.runtime.maps import MapStore
from p4rt.runtime.meters import Meters
from p4rt.runtime.registers import Registers
from p4rt.runtime.tables import Tables


class NamedProgram(ABC):
    """What the tables and objects of a program are, over its `maps`."""

    def __init__(self, maps: MapStore) -> None:
        self.maps = maps

    @cached_property
    def info(self) -> ProgramInfo:
        """What the program's object says of itself."""
        return self._read_info()

    @abstractmethod
    def _read_info(self) -> ProgramInfo:
        """Reads `info` from the object."""

    @property
    def tables(self) -> Tables:
        """The program's tables."""
        return Tables(self.info, self.maps)

    @property
    def counters(self) -> Counters:
        """The program's counters."""
        return Counters(self.info, self.maps)

    @property
    def meters(self) -> Meters:
        """The program's meters."""
        return Meters(self.info, self.maps)

    @property
    def digests(self) -> Digests:
        """The program's digests."""
        return Digests(self.info, self.maps)

    @property
    def registers(self) -> Registers:
        """The program's registers."""
        return Registers(self.info, self.maps)
