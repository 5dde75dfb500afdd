# SPDX-License-Identifier: Apache-2.0
"""The clock of one call or block for whose parts a client asks (call_parts.py)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from vmalab.v1 import memory_pb2 as pb
from vmalab_client.call_parts import KEY, CallParts, text_of

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
