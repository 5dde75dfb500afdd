# SPDX-License-Identifier: Apache-2.0
"""The emulated side: the same program on an instance, in this process."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from vmalab import pack
from vmalab.ops import OPERATIONS, RESULT
from vmalab.uapi import PKRU_START, Madv, Map, Prot, UffdOpen
from vmalab_client.block import PKEY_MASK, PKEY_SHIFT, SI_CODE_MASK
from vmalab_diff.encoding import Operation, Target, Value
from vmalab_diff.operations import BY_NAME
from vmalab_diff.program import ARENAS, Op, Place
from vmalab_diff.real import LOCK_LIMIT, MMAP_BASE, Outcome, RealRun, Step, TestFile
from vmalab_diff.strategies import KEY0
from vmalab_diff.uffd import UFFD_FEATURES
from vmalab_native import cores, machine, signals

if TYPE_CHECKING:
    from vmalab_native.core import Participant

BLOCK_STEPS: Final = 256
CAPABILITIES: Final = ("cap_ipc_lock", "cap_sys_rawio", "cap_sys_admin")
_NUMBERS = itertools.count(1)


def resolved(op: Op, run: RealRun) -> list[Value]:
    """The arguments as numbers, with the addresses that the real run had."""
    return [run.address(arg) if isinstance(arg, Place) else arg for arg in op.args]


def writes_pkru(op: Op) -> bool:
    """Whether the call may change the register: pkey_alloc, and what makes memory that is executed
    alone."""
    match op.name, op.args:
        case ("pkey_alloc", _) | (
            "mmap" | "mprotect" | "pkey_mprotect",
            (_, _, Prot.EXEC, *_),
        ):
            return True
    return False


class Emulator:
    """An instance of its own and one participant."""

    def __init__(
        self, *, model: str = "", layout: str = "", pkeys: machine.Switch = "machine"
    ) -> None:
        from vmalab_native.core import Segment, SegmentConfig  # late: `vmalab --help` needs no core

        config = SegmentConfig(
            size_bytes=256 << 20,
            mms_max=64,
            participants_max=4,
            frames_max=1 << 18,
            files_max=1024,
            pkeys=machine.choose_pkeys(pkeys),
            vmas_per_mm_max=machine.max_map_count(),
            model=model or cores.default_model(),
            layout=layout or cores.default_layout(),
        )
        self.model, self.pkeys = config.model, config.pkeys
        name = f"diff-{os.getpid()}-{next(_NUMBERS)}"
        with signals.held():
            self._segment = Segment.create(name, config, private=True)
        self._participant = self._segment.participant("client", comm="diff")

    def close(self) -> None:
        """Give the instance back."""
        self._participant.release()
        self._segment.close()

    def __enter__(self) -> Emulator:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def fsck(self) -> list[str]:
        """Complaints of the invariant walker."""
        return self._participant.fsck()

    def run(
        self,
        program: Sequence[Op],
        steps: Sequence[Step],
        real: RealRun,
        check: Callable[[int, Outcome], bool],
    ) -> None:
        """Do a program, giving each step's outcome to check() in order, until that says False."""
        play = _Play(self._participant, program, steps, real, check)
        try:
            play.all()
        finally:
            play.end()


class _Play:
    """One program under way."""

    def __init__(
        self,
        participant: Participant,
        program: Sequence[Op],
        steps: Sequence[Step],
        real: RealRun,
        check: Callable[[int, Outcome], bool],
    ) -> None:
        self.participant = participant
        self.program, self.steps, self.real, self.check = program, steps, real, check
        self.files = [
            (
                self.participant.file_open(
                    dev=file.dev, ino=file.inode, size_bytes=file.size, name=file.name
                ),
                file.mode,
            )
            for file in real.files
        ]
        self.mms = {0: self._create(real)}
        self.uffds = {0: [self._uffd(self.mms[0], number) for number in range(2)]}
        self._warm(real.files)
        self.block: list[bytes] = []
        self.pending: list[int] = []
        keys = self.participant.segment.config.pkeys
        self.pkrus: dict[int, int | None] = {0: PKRU_START if keys else None}
        """What each process has in PKRU; None: its processor has no protection keys."""

    def _create(self, real: RealRun) -> int:
        """The address space of the executor, whose huge pages are off."""
        from vmalab_native.core import MmSetup

        may = {name: bool(machine.facts()[f"user.{name}"]) for name in CAPABILITIES}
        setup = MmSetup(
            memlock_limit_bytes=LOCK_LIMIT,
            cap_ipc_lock=may["cap_ipc_lock"],
            cap_sys_rawio=may["cap_sys_rawio"],
            cap_sys_admin=may["cap_sys_admin"],
            anon_names=machine.anon_names(),
        )
        mm = self.participant.mm_create(
            mmap_base=MMAP_BASE,
            start_brk=real.start_brk,
            brk=real.start_brk,
            maps=real.maps,
            setup=setup,
        )
        self.participant.run(pack.thp_disable(mm, 1, 0))
        return mm

    def _warm(self, files: Sequence[TestFile]) -> None:
        """Files on disk are read whole before a program begins, on both sides."""
        mm = self.participant.mm_create()
        block = b""
        for (number, _), file in zip(self.files, files, strict=True):
            if file.on_disk and not file.mode:
                how = Map.SHARED | Map.FIXED
                block += pack.mmap(mm, ARENAS[0], file.size, Prot.READ, how, number, 0, 0)
                block += pack.madvise(mm, ARENAS[0], file.size, Madv.POPULATE_READ)
        self.participant.run(block + pack.exit(mm))

    def _uffd(self, mm: int, number: int) -> int:
        """One of the two userfaultfds of a process, with its handshake."""
        opened = self.participant.run(pack.uffd_open(mm, UffdOpen.USER_MODE_ONLY))
        handle: int = RESULT.unpack(opened)[2]
        self.participant.run(pack.uffd_api(mm, handle, UFFD_FEATURES[number]))
        return handle

    def all(self) -> None:
        """Every step, or those up to the first that check() refuses."""
        for at, step in enumerate(self.steps):
            if step.op < 0:
                if not self._flush() or not self.check(at, self._snapshot(step)):
                    return
                continue
            op = self.program[step.op]
            row = BY_NAME[op.name]
            mm = self.mms[step.process]
            target = Target(mm, self.files, self.uffds[step.process])
            values = resolved(op, self.real)
            self.block.append(self._as_caller(row, step.process, row.packed(target, values)))
            self.pending.append(at)
            if op.name == "wrpkru" and isinstance(values[0], int):
                self.pkrus[step.process] = values[0]
            if op.name == "exit":
                del self.mms[step.process]
            if (
                op.name in ("fork", "uffd_close", "rdpkru")
                or writes_pkru(op)
                or len(self.pending) >= BLOCK_STEPS
            ) and not self._flush():
                return
        self._flush()

    def _as_caller(self, row: Operation, process: int, record: bytes) -> bytes:
        """The record with what the process has in PKRU. For calls that read memory of the executor
        the executor allows key 0, which that memory has."""
        pkru = self.pkrus[process]
        if pkru is None or not OPERATIONS[row.packs].pkru:
            return record
        own = row.name == "process_madvise" or row.name.startswith("uffd_")
        return pack.with_pkru(record, pkru & ~KEY0 if own else pkru)

    def _snapshot(self, step: Step) -> Outcome:
        read = self.participant.smaps if step.smaps else self.participant.maps
        return Outcome(text=read(self.mms[step.process]))

    def _flush(self) -> bool:
        if not self.pending:
            return True
        results = self.participant.run(b"".join(self.block))
        pending, self.pending, self.block = self.pending, [], []
        outcomes: list[Outcome] = []
        for at, (status, info, value) in zip(pending, RESULT.iter_unpack(results), strict=True):
            op = self.program[self.steps[at].op]
            if op.name == "fork" and status == 0 and isinstance(op.args[0], int):
                self.mms[op.args[0]] = value
                self.uffds[op.args[0]] = [self._uffd(value, number) for number in range(2)]
                self.pkrus[op.args[0]] = self.pkrus[self.steps[at].process]
                value = 0
            elif op.name == "rdpkru":
                value = self.pkrus[self.steps[at].process] or 0
            elif writes_pkru(op) and self.pkrus[self.steps[at].process] is not None:
                self.pkrus[self.steps[at].process] = info
            elif op.name == "uffd_close" and status == 0 and isinstance(op.args[0], int):
                process = self.steps[at].process
                self.uffds[process][op.args[0]] = self._uffd(self.mms[process], op.args[0])
            outcomes.append(self._outcome(status, info, value))
        return all(self.check(at, outcome) for at, outcome in zip(pending, outcomes, strict=True))

    @staticmethod
    def _outcome(status: int, info: int, value: int) -> Outcome:
        if status > 0:
            return Outcome(0, status, info & SI_CODE_MASK, extra=(info & PKEY_MASK) >> PKEY_SHIFT)
        return Outcome(status or (value - (1 << 64) if value >> 63 else value), extra=value)

    def end(self) -> None:
        """Ends what lives and closes the files."""
        ends = b"".join(pack.exit(mm) for mm in self.mms.values())
        self.participant.run(ends)
        for number, _ in self.files:
            self.participant.file_close(number)
