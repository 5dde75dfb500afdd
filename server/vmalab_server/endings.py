# SPDX-License-Identifier: Apache-2.0
"""What is recorded of a call that has ended: its time, and of some a line of the log.

A call that is served writes no line unless the log level is debug. There is a line for a call that
failed by a fault of the service, and for a unary call that took long; of each kind one a second at
most, with the number of those that were left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from vmalab_server import logs
from vmalab_server.caller import here

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

LINE_EVERY_S: Final = 1.0
FAULTS: Final = frozenset(("INTERNAL", "UNKNOWN"))
"""Codes by which the service says that the fault is its own."""


class _Sparse:
    """Lets a line through now and then."""

    def __init__(self) -> None:
        self._due_s = 0.0
        self._left_out = 0

    def says(self, say: Callable[..., object], text: str, **facts: object) -> None:
        now_s = time.monotonic()
        if now_s < self._due_s:
            self._left_out += 1
            return
        self._due_s = now_s + LINE_EVERY_S
        say(text, **facts, left_out=self._left_out)
        self._left_out = 0


class Endings:
    """What is recorded of a call that has ended.

    Args:
        add: counts it: method, code, seconds; None: nobody counts.
        slow_s: a unary call that takes so long is said; 0: none is.
        every: whether each call is said, at the level debug.
    """

    def __init__(
        self,
        *,
        add: Callable[[str, str, float], None] | None = None,
        slow_s: float = 0.0,
        every: bool = False,
    ) -> None:
        self._add = add
        self._slow_s = slow_s
        self._every = every
        self._log: FilteringBoundLogger = logs.get()
        self._faults, self._slow = _Sparse(), _Sparse()

    def of_call(self, name: str, code: str, *, unary: bool = True) -> None:
        """The calling thread has ended its call.

        Args:
            name: of the method.
            code: of its gRPC status.
            unary: a stream may last.
        """
        request = here.request
        if request is None:
            return
        took_s = time.monotonic() - request.arrived_s
        if self._add is not None:
            self._add(name, code, took_s)
        slow = unary and 0.0 < self._slow_s <= took_s
        if not (slow or self._every or code in FAULTS):
            return
        facts: dict[str, object] = {"method": name, "code": code, "seconds": round(took_s, 6)}
        if code in FAULTS:
            self._faults.says(self._log.error, "a call failed", **facts)
        elif slow:
            self._slow.says(self._log.warning, "a call took long", **facts)
        else:
            self._log.debug("a call ended", **facts)
