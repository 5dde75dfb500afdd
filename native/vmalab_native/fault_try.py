# SPDX-License-Identifier: Apache-2.0
"""Faults by who may not wait: a server's thread on which all calls depend."""

from __future__ import annotations

from vmalab.ops import RESULT_BYTES
from vmalab_native._core import ffi, lib
from vmalab_native.cdata import CArray, ParticipantHandle
from vmalab_native.core import Participant


class FaultTry:
    """Executes faults that hit, in bounded time (op_fault_try.c). For one thread."""

    def __init__(self, participant: Participant) -> None:
        """
        Args:
            participant: whose faults they are. Nobody else uses it, and it outlives this.
        """
        self._participant: ParticipantHandle = participant._open()
        self._result: CArray = ffi.new("u64[]", RESULT_BYTES // 8)

    def __call__(self, record: bytes) -> bytes | None:
        """The result of one FAULT record.

        Returns:
            Its 16 bytes; None: nothing was done, because it would have had to wait, to allocate or
            to fail. Participant.run() does it then.
        """
        if not lib.vl_fault_try(self._participant, record, len(record), self._result):
            return None
        return bytes(ffi.buffer(self._result))
