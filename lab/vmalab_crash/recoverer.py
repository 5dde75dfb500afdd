# SPDX-License-Identifier: Apache-2.0
"""The life of a process that recovers, checks and counts on command, as a supervisor does.

It knows nothing that it would have to keep: it can be killed too, and another does the next thing.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import numpy as np

from vmalab.ops import Op
from vmalab_crash import actor, mix, proof
from vmalab_crash.board import FILES, ROWS_MAX, SHARED, Board, Doing, State
from vmalab_crash.mix import PAGE, RW, record
from vmalab_crash.talk import Complaints, Done, Left, Order, Recovery, packed, unpacked
from vmalab_native.core import MmSetup, Participant, monotonic_ns
from vmalab_native.errors import (
    InvalidArgument,
    LimitExceeded,
    RecoveryBusy,
    RecoveryStuck,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

KEEP_NS: Final = 3600 * 10**9
FILE_INODES: Final = 1
BALLAST: Final = 0x4000_0000_0000
CLOSED_MAX: Final = 1 << 16
PROBE_FILES: Final = 1 << 30
ROUNDS_MAX: Final = 100


class Recoverer:
    """One participant that answers to orders over a socket."""

    def __init__(self, board: Board, row: int, me: Participant, pipe: socket.socket) -> None:
        self._me, self._pipe = me, pipe
        self._head, self._row = board.head[0], board.rows[row]

    def live(self) -> None:
        row = self._row
        row["slot"] = self._me.index + 1
        row["state"] = State.RUNNING
        while True:
            row["doing"] = Doing.WAIT
            row["proved"] = self._head["epoch"]  # what it has to prove it does when it is told
            said = self._pipe.recv(1 << 16)
            if not said:
                return
            order = unpacked(Order, said)
            if order.do == "leave":
                row["doing"] = Doing.LEAVE
                return
            self._pipe.send(packed(self._done(order)))

    def _done(self, order: Order) -> DataclassInstance:
        """Carries out an order: the answer."""
        match order.do:
            case "recover":
                return self._recover()
            case "fsck":
                return Complaints(self._fsck())
            case "begin":
                self._begin()
            case "ballast":
                self._ballast(order.pages)
            case "unfill":
                self._unfill(order.rows)
            case "end":
                return self._end()
            case _:
                raise ValueError(f"{order.do!r} is no order")
        return Done()

    def _recover(self) -> Recovery:
        """Until nobody is dead, or ROUNDS_MAX calls were made."""
        row = self._row
        row["doing"] = Doing.RECOVER
        said = Recovery()
        for _ in range(ROUNDS_MAX):
            begin = time.monotonic_ns()
            row["recovering"] = 1
            try:
                report = self._me.recover()
            except RecoveryBusy:
                continue
            except RecoveryStuck as error:
                said.stuck = error.stuck_pid
                return said
            finally:
                row["recovering"] = 0
            if not report.dead:
                self._me.mm_reap()  # what the dead were to go on in by exec is kept for a time
                return said
            said.spent_ns.append(time.monotonic_ns() - begin)
            said.dead += len(report.dead)
            said.repaired += sum(report.repaired.values())
            self._me.run(record(Op.NOP))  # what was adopted and is ripe goes
        said.left = True
        return said

    def _fsck(self) -> list[str]:
        self._row["doing"] = Doing.FSCK
        while True:
            try:
                return self._me.fsck()
            except RecoveryBusy:
                continue

    def _begin(self) -> None:
        """The address spaces and files that all share."""
        for number in range(FILES):
            self._head["files"][number] = self._me.file_open(
                dev=proof.FILE_DEV,
                ino=FILE_INODES + number,
                size_bytes=mix.FILE_PAGES * PAGE,
                name=f"/shared/{number}",
            )
        for number in range(SHARED):
            mm = self._me.mm_create(start_brk=mix.HEAP, brk=mix.HEAP, setup=MmSetup(overcommit=1))
            self._keep(mm)
            self._head["mms"][number] = mm

    def _keep(self, mm: int) -> None:
        """By time: its maker may die."""
        self._me.mm_keep(mm, KEEP_NS)
        self._me.mm_put(mm)

    def _ballast(self, pages: int) -> None:
        """An address space with so many pages, a page table for each 512 and a VMA for each 64."""
        mm = self._me.mm_create(setup=MmSetup(overcommit=1))
        self._keep(mm)
        flags = (mix.MAP_PRIVATE | mix.MAP_ANONYMOUS | mix.MAP_FIXED) << 32
        step = 64 * PAGE
        for at in range(BALLAST, BALLAST + pages * PAGE, step):
            prot = RW if at // step % 2 else RW | mix.EXEC
            addrs = [at + page * PAGE for page in range(64)]
            block = record(Op.MMAP, at, step, prot | flags, 0, 0, mm=mm)
            block += record(Op.FAULTS, *addrs, flags=1, mm=mm)
            results = np.frombuffer(self._me.run(block), np.dtype("<i4,<u4,<u8"))
            if np.any(results["f0"]):
                raise LimitExceeded(f"ballast of {pages} pages: {results['f0'].min()}")

    def _unfill(self, rows: list[int]) -> None:
        """What those of these rows, who filled a table, left in it."""
        for mm in self._head["mms"]:
            self._me.run(record(Op.MUNMAP, mix.FILL, 1 << 40, mm=int(mm)))
        for row in rows:
            first = actor.FILL_FILES + row * actor.FILL_FILES_EACH
            self._close(range(first, first + actor.FILL_FILES_EACH))

    def _close(self, inodes: range) -> None:
        """Closes files that are open still: those who opened them are gone. A kernel would have
        closed them with their process; here an open belongs to the segment."""
        for ino in inodes:
            self._close_one(ino)

    def _close_one(self, ino: int) -> None:
        """All opens of a file."""
        try:
            file = self._open(ino, f"/close/{ino}")
        except LimitExceeded:
            return  # the table is full, and it is not in it
        with suppress(InvalidArgument):
            for _ in range(CLOSED_MAX):
                self._me.file_close(file)

    def _open(self, ino: int, name: str) -> int:
        return self._me.file_open(dev=proof.FILE_DEV, ino=ino, size_bytes=PAGE, name=name)

    def _files_free(self) -> int:
        """How many files there is room for, found by opening them."""
        ids: list[int] = []
        with suppress(LimitExceeded):
            for ino in range(PROBE_FILES, PROBE_FILES + CLOSED_MAX):
                ids.append(self._open(ino, "/probe"))
        for file in ids:
            self._me.file_close(file)
        return len(ids)

    def _end(self) -> Left:
        """Everybody else has left: what is kept by time ends, and nothing may be left."""
        for mm in self._me.mm_list():
            if not mm.leases and mm.keep_until_ns > monotonic_ns():
                self._me.run(record(Op.EXIT, mm=mm.id))
        self._close(range(proof.OWN_INODES, proof.OWN_INODES + ROWS_MAX))
        self._close(range(FILE_INODES, FILE_INODES + FILES))
        self._me.mm_reap()
        for _ in range(4):
            self._me.synchronize_rcu()
            self._me.run(record(Op.NOP))
        return Left(mms=len(self._me.mm_list()), files_free=self._files_free(), fsck=self._fsck())
