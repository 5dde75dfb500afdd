# SPDX-License-Identifier: Apache-2.0
"""The process of an agent that does one run: an ordinary load, which waits for the others."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

from vmalab_drive import drivers
from vmalab_drive.errors import CommandError
from vmalab_loadgen import agent_wire, load
from vmalab_loadgen.caller import in_a_line
from vmalab_loadgen.config import LoadConfig
from vmalab_loadgen.parts import Part
from vmalab_loadgen.result import LoadResult
from vmalab_loadgen.together import Together
from vmalab_native import lifeline, signals


@dataclass(frozen=True, slots=True)
class Looked:
    """The counters of the server before the load are known."""


@dataclass(frozen=True, slots=True)
class Ready:
    """All callers wait for the begin."""


@dataclass(frozen=True, slots=True)
class Parted:
    """All callers have ended, and what they had is given back."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of the load: the bytes of an End."""

    end: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """The load could not begin, or broke."""

    why: str


Said = Looked | Ready | Part | Parted | Ended | Failed


@dataclass(frozen=True, slots=True)
class Begin:
    """The moment of CLOCK_MONOTONIC at which the load begins."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class Settle:
    """The others have ended."""

    clean: bool


Word = Begin | Settle


@dataclass(frozen=True, slots=True)
class Order:
    """A run.

    Attributes:
        parent: the process of the agent, with which this one ends.
        looks: it reads the counters of the server for all agents.
    """

    parent: int
    config: LoadConfig
    target: drivers.Target
    looks: bool


class _Run:
    """What the load calls on its way, said to the agent."""

    def __init__(self, order: Order, pipe: Connection[Said, Word]) -> None:
        self._order = order
        self._pipe = pipe
        self.late_ns = 0

    def _heard(self, wanted: type[Word]) -> Word:
        """What the agent says next. A signal that ends the load meanwhile does not end this."""
        try:
            word = self._pipe.recv()
        except SystemExit:
            if wanted is Begin:  # nothing was done yet
                raise
            word = self._pipe.recv()
        if not isinstance(word, wanted):
            raise load.LoadError("the controller ended the run")
        return word

    def begin_ns(self) -> int:
        self._pipe.send(Ready())
        word = self._heard(Begin)
        assert isinstance(word, Begin)
        self.late_ns = max(0, time.monotonic_ns() - word.at_ns)
        return word.at_ns

    def looked(self) -> None:
        if self._order.looks:
            self._pipe.send(Looked())

    def parted(self) -> bool:
        if not self._order.looks:
            return False
        self._pipe.send(Parted())
        word = self._heard(Settle)
        assert isinstance(word, Settle)
        return word.clean

    def run(self) -> LoadResult:
        together = Together(self.looked, self.begin_ns, self.parted, self._pipe.send)
        return load.run(self._order.config, self._order.target, None, together)


def work(order: Order, pipe: Connection[Said, Word]) -> None:
    """The body of the process."""
    lifeline.end_with_parent(order.parent)
    for number in (signal.SIGINT, signal.SIGHUP):  # of the agent's terminal: the agent ends us
        signal.signal(number, signal.SIG_IGN)
    with signals.orderly():
        one = _Run(order, pipe)
        try:
            end = agent_wire.end_of(one.run(), late_ns=one.late_ns, looks=order.looks)
            pipe.send(Ended(end.SerializeToString()))
        except CommandError as error:
            pipe.send(Failed(str(error)))
        except SystemExit:
            pipe.send(Failed("it was ended before it began"))
            raise
        except (BrokenPipeError, EOFError):
            return  # the agent is gone, or has given the run up
        except Exception as error:
            pipe.send(Failed(_why(error)))


def _why(error: Exception) -> str:
    """An error of the server in a line; another one as it is."""
    try:
        return in_a_line(error)
    except Exception:
        return f"{type(error).__name__}: {error}"
