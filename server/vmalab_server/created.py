# SPDX-License-Identifier: Apache-2.0
"""Address spaces that a client made: their lease passes from the worker to time.

The core gives the lease on a new address space to the participant that made it. A worker's
participant lives as long as the worker, and the client is elsewhere, so the lease is exchanged for
a time to live at once: in that time the client opens a Hold stream, or calls KeepAlive.
"""

from __future__ import annotations

from vmalab_native.convert import made_mms
from vmalab_native.core import Participant
from vmalab_native.errors import NoSuchMm


def keep(participant: Participant, mm: int, ttl_ns: int) -> None:
    """Exchange the lease on `mm` for `ttl_ns`. One that has exited already needs nothing."""
    try:
        participant.mm_keep(mm, ttl_ns)
        participant.mm_put(mm)
    except NoSuchMm:
        return


def keep_made(participant: Participant, block: bytes, results: memoryview, ttl_ns: int) -> None:
    """Exchange the leases on what a block has made."""
    for mm in made_mms(block, results):
        keep(participant, mm, ttl_ns)
