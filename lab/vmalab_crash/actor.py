# SPDX-License-Identifier: Apache-2.0
"""The life of a process that uses the segment until it is killed or has to leave.

It is nearly always inside of a block, so nearly always inside of an operation. After each burst it
proves that it can do everything (proof), and between two operations it looks at the clock: the
longest time without an end of one is what the others stood still.
"""

from __future__ import annotations

import random
from typing import Final

import numpy as np

from vmalab.ops import Op
from vmalab.uapi import UFFD_API_VERSION, UffdFeature
from vmalab_crash import mix, proof
from vmalab_crash.board import SHARED, Board, Command, Doing, State
from vmalab_crash.mix import PAGE, RW, Stock, record
from vmalab_native import history
from vmalab_native.core import MmSetup, Participant
from vmalab_native.errors import InvalidArgument, LimitExceeded, NoSuchMm
from vmalab_native.primitives import RcuReader, RwSem, synchronize

ACTS: Final = {
    "plain": (("churn", 70), ("forks", 18), ("userfaultfd", 12)),
    "primitives": (("churn", 40), ("forks", 10), ("rwsem", 30), ("rcu", 20)),
}
OWN_FAMILIES: Final = 16
"""Families of shared address spaces have the numbers below."""
RWSEMS: Final = 4
FILL_FILES: Final = 1 << 20
"""Numbers of files that only fill the table; they go up from here by row."""
FILL_FILES_EACH: Final = 1 << 11


class Actor:
    """One participant that works."""

    def __init__(
        self, board: Board, row: int, me: Participant, stock: Stock, seed: str, kind: str
    ) -> None:
        self._me, self._stock, self._rng = me, stock, random.Random(seed)
        self._head, self._row, self._number = board.head[0], board.rows[row], row
        userfaults = Op.UFFD_OPEN not in stock.without
        acts = [(name, n) for name, n in ACTS[kind] if userfaults or name != "userfaultfd"]
        self._acts, self._weights = [name for name, _ in acts], [weight for _, weight in acts]
        self._last_ns = 0
        self._proofs = 0
        self._filled: list[int] = []
        self._files: list[int] = []
        self._kin = OWN_FAMILIES + row % (256 - OWN_FAMILIES)

    def live(self) -> None:
        """Until the order to leave; then everything of one's own is given back."""
        row = self._row
        row["slot"] = self._me.index + 1
        self._own = self._me.mm_create(
            start_brk=mix.HEAP, brk=mix.HEAP, setup=MmSetup(overcommit=1)
        )
        for mm in self._head["mms"]:
            self._lease(int(mm))
        row["state"] = State.RUNNING
        while row["command"] != Command.LEAVE:
            self._command(Command(int(row["command"])))
            if row["proved"] != self._head["epoch"] and not self._head["full"] % 2:
                self._prove()
            (act,) = self._rng.choices(self._acts, self._weights)
            getattr(self, f"_{act}")()
        row["doing"] = Doing.LEAVE
        self._unfill()

    def _lease(self, mm: int) -> None:
        try:
            self._me.mm_get(mm)
        except NoSuchMm:
            return

    def _run(self, words: bytes | mix.Words) -> mix.Rows:
        """Executes a block, and notes the longest time between two ends."""
        raw = history.run_timed(self._me, words if isinstance(words, bytes) else words.tobytes())
        timed, row = np.frombuffer(raw, mix.TIMED), self._row
        ends = timed["end"].astype(np.int64)
        gap = int(np.diff(ends).max()) if len(ends) > 1 else 0
        if self._last_ns:
            gap = max(gap, int(ends[0]) - self._last_ns)
        self._last_ns = int(ends[-1])
        if row["turn"] != self._head["turn"]:
            row["gap_ns"], row["turn"] = gap, self._head["turn"]
        elif gap > row["gap_ns"]:
            row["gap_ns"] = gap
        row["blocks"] += 1
        row["ops"] += len(ends)
        return timed

    def _checked(self, block: mix.Block, mms: list[int], families: list[int]) -> mix.Rows:
        """As _run, and words of other families are counted."""
        timed = self._run(block.of(mms, families))
        strangers = block.strangers(timed, families)
        self._row["checked"] += len(block.reads)
        if len(strangers):
            word = int(timed["value"][strangers[0]])
            self._note(f"a word of another address space: {word:#x} in mms {mms} of {families}")
            self._row["corrupt"] += len(strangers)
        return timed

    def _note(self, text: str) -> None:
        if not self._row["note"]:
            self._row["note"] = text.encode()[:199]

    def _places(self, count: int) -> tuple[list[int], list[int]]:
        """Address spaces to work on, with their families: shared ones and one's own.

        As many of the shared ones that most processes are not waiting for each other.
        """
        mms, families = [], []
        for _ in range(count):
            number, own = self._rng.randrange(SHARED), self._rng.randrange(5) < 3
            mms.append(self._own if own else int(self._head["mms"][number]))
            families.append(self._kin if own else number)
        return mms, families

    def _churn(self) -> None:
        self._row["doing"] = Doing.CHURN
        self._checked(self._rng.choice(self._stock.churns), *self._places(2))

    def _forks(self) -> None:
        """Children of two address spaces, one of them in another program, and one from nothing."""
        self._row["doing"] = Doing.FORKS
        mms, families = self._places(2)
        first, second, fresh = self._born(
            record(Op.FORK, mm=mms[0]) + record(Op.FORK, mm=mms[1]) + record(Op.MM_CREATE, 0)
        )
        if second and Op.EXEC not in self._stock.without and self._rng.randrange(2):
            (program,) = self._born(record(Op.EXEC, 0, mix.HEAP, mix.HEAP, 0, mm=second))
            second = program or second
        born = [first, second, fresh]
        if all(born):
            self._checked(self._rng.choice(self._stock.ends), born, [*families, self._kin])
        elif any(born):
            self._run(b"".join(record(Op.EXIT, mm=mm) for mm in born if mm))

    def _born(self, block: bytes) -> list[int]:
        """Ids of what its records made, 0 where there was no room."""
        return [int(one["value"]) if one["status"] == 0 else 0 for one in self._run(block)]

    def _userfaultfd(self) -> None:
        """A userfaultfd of a shared address space."""
        self._row["doing"] = Doing.USERFAULTFD
        (mm,), _ = self._places(1)
        opened = self._run(record(Op.UFFD_OPEN, 0, mm=mm))
        if opened["status"][0] != 0:  # those that dead ones left open; their numbers are small
            handles = [serial << 8 | slot for slot in range(1, 17) for serial in range(1, 60)]
            self._run(b"".join(record(Op.UFFD_CLOSE, one, mm=mm) for one in handles))
            return
        uffd = int(opened["value"][0])
        block = record(Op.UFFD_API, uffd, UFFD_API_VERSION, UffdFeature.WP_UNPOPULATED, mm=mm)
        for op, args, flags in self._rng.choice(self._stock.userfaults):
            operands = (*args, uffd) if op == Op.UFFD_MOVE else (uffd, *args)
            block += record(op, *operands, flags=flags, mm=mm)
        self._run(block + record(Op.UFFD_CLOSE, uffd, mm=mm))

    def _rwsem(self) -> None:
        """A lock of the library that is held over a block."""
        self._row["doing"] = Doing.RWSEM
        sem, write = RwSem(self._me, self._rng.randrange(RWSEMS)), self._rng.randrange(2) == 0
        with sem.write() if write else sem.read() as held:
            self._checked(self._rng.choice(self._stock.churns), *self._places(2))
            if write and self._rng.randrange(2):
                held.downgrade()
                self._checked(self._rng.choice(self._stock.churns), *self._places(2))

    def _rcu(self) -> None:
        """A read section that lasts over calls."""
        self._row["doing"] = Doing.RCU
        with RcuReader(self._me):
            for _ in range(200):
                self._me.locks()
        if self._rng.randrange(4) == 0:
            synchronize(self._me)

    def _prove(self) -> None:
        row, epoch, full = self._row, int(self._head["epoch"]), int(self._head["full"])
        row["doing"] = Doing.PROOF
        self._proofs += 1
        file = 0
        try:
            file = self._me.file_open(
                dev=proof.FILE_DEV,
                ino=proof.OWN_INODES + self._number,
                size_bytes=8 * PAGE,
                name=f"/own/{self._number}",
            )
            tag = proof.tag_of(int(row["pid"]) ^ self._number << 8, self._proofs)
            wrong = proof.prove(self._run, self._own, tag, file, self._stock.without)
        except LimitExceeded:
            wrong = proof.Wrong(refused=1, note="file_open: the table of files is full")
        finally:
            if file:
                self._close(file)
        row["checked"] += wrong.checked
        if wrong.corrupt:
            self._note(wrong.note)
            row["corrupt"] += wrong.corrupt
        if full % 2 or full != self._head["full"]:
            return  # what was refused may have been for want of room
        if wrong.refused:
            self._note(wrong.note)
            row["refused"] += wrong.refused
        row["proved"] = epoch

    def _close(self, file: int) -> None:
        try:
            self._me.file_close(file)
        except InvalidArgument:
            return

    # --- room ---

    def _command(self, command: Command) -> None:
        if command == Command.RUN:
            if self._filled or self._files or self._row["state"] == State.FULL:
                self._unfill()
                self._row["state"] = State.RUNNING
        elif self._row["state"] == State.RUNNING and command != Command.LEAVE:
            self._row["doing"] = Doing.FILL
            getattr(self, f"_{command.name.lower()}")()
            self._row["state"] = State.FULL

    def _unfill(self) -> None:
        self._run(b"".join(record(Op.EXIT, mm=mm) for mm in self._filled) or record(Op.NOP))
        self._filled.clear()
        for file in self._files:
            self._close(file)
        self._files.clear()

    def _fresh(self) -> int:
        timed = self._run(record(Op.MM_CREATE, 0))
        if timed["status"][0] != 0:
            return 0
        self._filled.append(int(timed["value"][0]))
        return self._filled[-1]

    def _fill(self, step: int) -> None:
        """Writes to addresses so far apart until one cannot be served."""
        mm = self._fresh()
        size = 1 << 40
        prot = RW | (mix.MAP_PRIVATE | mix.MAP_ANONYMOUS | mix.MAP_FIXED | mix.MAP_NORESERVE) << 32
        if not mm or self._run(record(Op.MMAP, mix.FILL, size, prot, 0, 0, mm=mm))["status"][0]:
            return
        at = mix.FILL
        while self._row["command"] not in (Command.RUN, Command.LEAVE):
            addrs = [at + step * i for i in range(250)]
            at += step * len(addrs)
            if np.any(self._run(record(Op.FAULTS, *addrs, flags=1, mm=mm))["status"]):
                return

    def _fill_frames(self) -> None:
        self._fill(PAGE)

    def _fill_pages(self) -> None:
        self._fill(1 << 21)  # a table each

    def _fill_vmas(self) -> None:
        """In an address space that others use too."""
        mm = int(self._head["mms"][self._number % SHARED])
        flags = (mix.MAP_PRIVATE | mix.MAP_ANONYMOUS | mix.MAP_FIXED) << 32
        at = mix.FILL
        while self._row["command"] not in (Command.RUN, Command.LEAVE):
            block = b"".join(
                record(Op.MMAP, at + 2 * i * PAGE, PAGE, RW | flags, 0, 0, mm=mm)
                for i in range(250)
            )
            at += 500 * PAGE
            if np.any(self._run(block)["status"]):
                return

    def _fill_mms(self) -> None:
        block = record(Op.FORK, mm=self._own) * 16
        while self._row["command"] not in (Command.RUN, Command.LEAVE):
            timed = self._run(block)
            self._filled += [int(one["value"]) for one in timed if one["status"] == 0]
            if np.any(timed["status"]):
                return

    def _fill_files(self) -> None:
        first = FILL_FILES + self._number * FILL_FILES_EACH
        for number in range(first, first + FILL_FILES_EACH):
            if self._row["command"] in (Command.RUN, Command.LEAVE):
                return
            try:
                self._files.append(
                    self._me.file_open(
                        dev=proof.FILE_DEV, ino=number, size_bytes=PAGE, name=f"/fill/{number}"
                    )
                )
            except LimitExceeded:
                return
