# SPDX-License-Identifier: Apache-2.0
"""Where a load keeps step with loads on other machines; alone it waits for nobody."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vmalab_loadgen.parts import Part

LEAD_NS: Final = 20_000_000
"""From the start signal to the begin, so that all processes see both."""


def _nothing() -> None:
    pass


def _soon() -> int:
    return time.monotonic_ns() + LEAD_NS


def _clean() -> bool:
    return True


def _ignored(part: Part) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Together:
    """What a load calls on its way.

    Attributes:
        looked: the counters of the instance before the load are known.
        begin_ns: all callers are ready: waits for the others, and gives the moment of
            CLOCK_MONOTONIC at which the load begins.
        parted: the load has given back its address spaces: waits for the others. False: what is
            left at the instance need not be a leak of this load.
        heard: gets what each caller did in an interval.
    """

    looked: Callable[[], None] = _nothing
    begin_ns: Callable[[], int] = _soon
    parted: Callable[[], bool] = _clean
    heard: Callable[[Part], None] = _ignored


ALONE: Final = Together()
