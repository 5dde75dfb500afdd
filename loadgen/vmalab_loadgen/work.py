# SPDX-License-Identifier: Apache-2.0
"""What makes the operations of a caller, and judges their answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from vmalab_loadgen.blocks import Tally


class Sent(Protocol):
    """A block that is sent as it is, and comes back to be checked."""

    intended_ns: int
    sent_ns: int

    @property
    def count(self) -> int: ...

    @property
    def data(self) -> bytes: ...

    @property
    def kinds(self) -> npt.NDArray[np.int64]:
        """The operation number of each record."""


BlockT = TypeVar("BlockT", bound=Sent)


class Work(Protocol[BlockT]):
    """Operations of one caller: blocks.Maker (a mix), script.ScriptMaker (a named workload),
    reading.ReadingMaker (texts of maps), recorded.TraceMaker (a trace)."""

    mm: int
    me: int
    tally: Tally

    @property
    def files(self) -> list[int]: ...

    @property
    def forked(self) -> list[int]: ...

    def first(self) -> list[bytes]:
        """Blocks that are run before the load."""

    def most(self, size: int) -> int:
        """How many operations a block of `size` has at most."""

    def make(self, size: int) -> BlockT:
        """The next block; without a record while an answer is missing."""

    def check(self, block: BlockT, answer: bytes) -> int:
        """Judges the answers; how many there are."""

    def farewell(self) -> bytes:
        """A block that gives back what is left; an empty one if nothing is."""

    def last(self) -> bytes:
        """A block that ends the own address space."""


class Timed(Protocol):
    """Does the records of a block one by one, and times each: contract.CallByCall."""

    def run_timed(
        self, block: bytes, spans_ns: list[tuple[int, int]], wait: Callable[[int], None], /
    ) -> bytes: ...
