# SPDX-License-Identifier: Apache-2.0
"""Address spaces that a client made: their lease passes from the worker to time.

The core gives the lease on a new address space to the participant that made it. A worker's
participant lives as long as the worker, and the client is elsewhere, so the lease is exchanged for
a time to live at once: in that time the client opens a Hold stream, or calls KeepAlive.
"""

from __future__ import annotations

from vmalab_client.block import HEADER_WORDS, RESULT, RESULT_BYTES, WORDS, Op
from vmalab_native.core import Participant
from vmalab_native.errors import NoSuchMm

_FORK, _MM_CREATE, _EXEC = int(Op.FORK), int(Op.MM_CREATE), int(Op.EXEC)
_FAULTS = int(Op.FAULTS)
_FORK_WORDS, _MM_CREATE_WORDS = WORDS[Op.FORK], WORDS[Op.MM_CREATE]
_EXEC_WORDS = WORDS[Op.EXEC]
_NO_MM = (bytes(8), b"")


def keep(participant: Participant, mm: int, ttl_ns: int) -> None:
    """Exchange the lease on `mm` for `ttl_ns`. One that has exited already needs nothing."""
    try:
        participant.mm_keep(mm, ttl_ns)
        participant.mm_put(mm)
    except NoSuchMm:
        return


def creating_records(block: bytes) -> list[int]:
    """Which records of a block are a FORK, MM_CREATE or EXEC, by the place of their result.

    Walking a thousand records in Python would cost more than executing them. So the first byte of
    every word, cut out in one go, is searched instead. What looks like such a header may be an
    operand: then, and only then, the lengths of the records before it are added up. An
    record of these that the core refuses for its length may be in the answer; one that it carries
    out is never missing.
    """
    first_bytes = block[::8]
    candidates = []
    at = first_bytes.find(_FORK)
    while at >= 0:
        # No address space has the number 0.
        if block[8 * at + 1] == _FORK_WORDS and block[8 * at + 8 : 8 * at + 16] not in _NO_MM:
            candidates.append(at)
        at = first_bytes.find(_FORK, at + 1)
    at = first_bytes.find(_MM_CREATE)
    while at >= 0:
        if block[8 * at + 1] == _MM_CREATE_WORDS:
            candidates.append(at)
        at = first_bytes.find(_MM_CREATE, at + 1)
    at = first_bytes.find(_EXEC)
    while at >= 0:
        if block[8 * at + 1] >= _EXEC_WORDS:
            candidates.append(at)
        at = first_bytes.find(_EXEC, at + 1)
    return _record_starts(block, sorted(candidates)) if candidates else candidates


def _record_starts(block: bytes, candidates: list[int]) -> list[int]:
    """The numbers of the results of the records that begin at one of these words."""
    ops, lengths = block[::8], block[1::8]
    found: list[int] = []
    at = number = 0
    for candidate in candidates:
        while at < candidate:
            if lengths[at] < HEADER_WORDS:
                return found  # the core stops at this record too
            number += max(1, lengths[at] - HEADER_WORDS) if ops[at] == _FAULTS else 1
            at += lengths[at]
        if at == candidate:
            found.append(number)
    return found


def keep_all(
    participant: Participant, numbers: list[int], results: memoryview, ttl_ns: int
) -> None:
    """Exchange the leases on what the records of these numbers have made."""
    for number in numbers:
        if (number + 1) * RESULT_BYTES > len(results):
            return
        status, _, mm = RESULT.unpack_from(results, number * RESULT_BYTES)
        if status == 0:
            keep(participant, mm, ttl_ns)
