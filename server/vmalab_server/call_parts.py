# SPDX-License-Identifier: Apache-2.0
"""Where the time of a call went in this worker, for a client that asks (vmalab_client.call_parts).

A call arrives when Python takes it off gRPC's queue: every front sees that moment. What it waited
in the kernel and in gRPC's core before that is not seen here, and is a part of the way to the
client. A block of a stream has no moment of arrival: it is asked for when the one before it is
answered, and nobody knows how long it had lain there.

A call that does not ask costs a look at its metadata, and nothing more is sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from vmalab.v1 import memory_pb2 as pb
from vmalab_client.call_parts import KEY, CallParts, text_of
from vmalab_server.caller import here
from vmalab_server.request import Request

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Timing:
    """The clock of one call or block; its handler begins now.

    Args:
        queue_ns: until now; None: not known.
    """

    __slots__ = ("_begun_ns", "_core_ns", "_queue_ns", "_turn_ns")

    def __init__(self, queue_ns: int | None) -> None:
        self._queue_ns = queue_ns
        self._turn_ns = 0
        self._core_ns = 0
        self._begun_ns = time.monotonic_ns()

    def has_its_turn(self) -> None:
        """What was until now was waiting."""
        now_ns = time.monotonic_ns()
        self._turn_ns, self._begun_ns = now_ns - self._begun_ns, now_ns

    def around(self, core: Callable[_P, _T]) -> Callable[_P, _T]:
        """A call of the core, whose time counts as that of the core."""

        def timed(*args: _P.args, **kwargs: _P.kwargs) -> _T:
            begin_ns = time.monotonic_ns()
            try:
                return core(*args, **kwargs)
            finally:
                self._core_ns += time.monotonic_ns() - begin_ns

        return timed

    def parts(self) -> CallParts:
        """Until now."""
        handler_ns = time.monotonic_ns() - self._begun_ns - self._core_ns
        return CallParts(self._queue_ns, self._turn_ns, handler_ns, self._core_ns)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The trailing metadata of a unary call."""
        return ((KEY, text_of(self.parts())),)

    def of_block(self) -> bytes:
        """What stands behind a BatchResponse that is written: its field `times`."""
        parts = self.parts()
        times = pb.BlockTimes(
            turn_ns=parts.turn_ns, handler_ns=parts.handler_ns, core_ns=parts.core_ns
        )
        return pb.BatchResponse(times=times).SerializeToString()


def asked(request: Request | None) -> Timing | None:
    """The clock of a call whose handler begins now; None: its client does not ask."""
    if request is None or not request.has(KEY):
        return None
    return Timing(time.monotonic_ns() - int(request.arrived_s * 1e9))


def in_core(core: Callable[_P, _T]) -> Callable[_P, _T]:
    """A call of the core, timed if the client of the calling thread's call asks."""
    timing = here.timing
    return core if timing is None else timing.around(core)
