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

from vmalab_client.call_parts import KEY
from vmalab_server.caller import here
from vmalab_server.request import Request
from vmalab_server.timing import Timing

_P = ParamSpec("_P")
_T = TypeVar("_T")


def asked(request: Request | None) -> Timing | None:
    """The clock of a call whose handler begins now; None: its client does not ask."""
    if request is None or not request.has(KEY):
        return None
    return Timing(time.monotonic_ns() - int(request.arrived_s * 1e9))


def in_core(core: Callable[_P, _T]) -> Callable[_P, _T]:
    """A call of the core, timed if the client of the calling thread's call asks."""
    timing = here.timing
    return core if timing is None else timing.around(core)
