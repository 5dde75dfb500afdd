# SPDX-License-Identifier: Apache-2.0
"""A client that gives a server work until it is killed or has to leave.

`python -m vmalab_crash.client TARGET BOARD ROW SEED PARENT`: BOARD is the number of a
descriptor. A call that meets a dying worker is tried again, by way of other work; a proof that does
so begins again.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from typing import Final

import numpy as np

from vmalab.ops import Op
from vmalab_client import AddressSpace, Client, ServiceError
from vmalab_crash import mix, proof
from vmalab_crash.actor import OWN_FAMILIES
from vmalab_crash.board import SHARED, Board, Command, Doing, State
from vmalab_crash.mix import PAGE, Stock, record
from vmalab_native import lifeline

RESULT = np.dtype([("status", "<i4"), ("info", "<u4"), ("value", "<u8")])
BLOCKS: Final = 24
"""Of those that an attached process runs, in one message."""
STOCK_SEED: Final = 1


class Worker:
    """One client."""

    def __init__(self, client: Client, board: Board, row: int, seed: int) -> None:
        self._client, self._rng = client, random.Random(f"{seed}/{row}")
        self._head, self._row, self._number = board.head[0], board.rows[row], row
        self._stock = Stock.make(STOCK_SEED, frozenset())
        self._stock.name_files(self._head["files"].tolist())
        self._kin = OWN_FAMILIES + row
        self._last_ns, self._proofs = 0, 0
        self._own: AddressSpace | None = None

    def live(self) -> None:
        row = self._row
        row["state"] = State.RUNNING
        while row["command"] != Command.LEAVE:
            try:
                self._turn()
            except ServiceError:
                time.sleep(0.01)  # it died; another one answers
        row["doing"] = Doing.LEAVE

    def _turn(self) -> None:
        own = self._own
        if own is None:
            own = self._client.address_space(start_brk=mix.HEAP, brk=mix.HEAP)
            self._own = own
        if self._row["proved"] != self._head["epoch"]:
            self._prove(own.mm)
        self._row["doing"] = Doing.CHURN
        if self._rng.randrange(4):
            self._churn()
        else:
            self._forks()

    def _apply(self, block: bytes) -> mix.Rows:
        results = np.frombuffer(self._client.apply(block), RESULT)
        row, now = self._row, time.monotonic_ns()
        gap, self._last_ns = now - (self._last_ns or now), now
        if row["turn"] != self._head["turn"]:
            row["gap_ns"], row["turn"] = gap, self._head["turn"]
        elif gap > row["gap_ns"]:
            row["gap_ns"] = gap
        row["blocks"] += 1
        row["ops"] += len(results)
        return results

    def _check(self, block: mix.Block, results: mix.Rows, families: list[int]) -> None:
        strangers = block.strangers(results, families)
        self._row["checked"] += len(block.reads)
        if len(strangers):
            self._note(f"a word of another address space: {int(results['value'][strangers[0]]):#x}")
            self._row["corrupt"] += len(strangers)

    def _churn(self) -> None:
        parts = []
        for block in self._rng.sample(self._stock.churns, BLOCKS):
            families = [self._rng.randrange(SHARED) for _ in range(2)]
            words = block.of([int(self._head["mms"][f]) for f in families], families)
            parts.append((block, families, words.tobytes()))
        results = self._apply(b"".join(words for _, _, words in parts))
        at = 0
        for block, families, _ in parts:
            self._check(block, results[at : at + block.results], families)
            at += block.results

    def _forks(self) -> None:
        families = [self._rng.randrange(SHARED) for _ in range(2)]
        mms = [int(self._head["mms"][family]) for family in families]
        made = self._apply(
            record(Op.FORK, mm=mms[0]) + record(Op.FORK, mm=mms[1]) + record(Op.MM_CREATE, 0)
        )
        born = [int(one["value"]) for one in made if one["status"] == 0]
        if len(born) < 3:
            self._apply(b"".join(record(Op.EXIT, mm=mm) for mm in born) or record(Op.NOP))
            return
        block, kin = self._rng.choice(self._stock.ends), [*families, self._kin]
        self._check(block, self._apply(block.of(born, kin).tobytes()), kin)

    def _prove(self, mm: int) -> None:
        row, epoch = self._row, int(self._head["epoch"])
        row["doing"] = Doing.PROOF
        self._proofs += 1
        name, inode = f"/own/{self._number}", proof.OWN_INODES + self._number
        file = self._client.open_file(ino=inode, size_bytes=8 * PAGE, name=name)
        tag = proof.tag_of(int(row["pid"]) ^ self._number << 8, self._proofs)
        wrong = proof.prove(self._apply, mm, tag, file, frozenset())
        row["checked"] += wrong.checked
        if wrong.gone:
            self._own = None  # nobody held it any more when its worker had died; a new one
            return
        for kind in ("corrupt", "refused"):
            if getattr(wrong, kind):
                self._note(wrong.note)
                row[kind] += getattr(wrong, kind)
        row["proved"] = epoch

    def _note(self, text: str) -> None:
        if not self._row["note"]:
            self._row["note"] = text.encode()[:199]


def main() -> None:
    target, fd, row, seed, parent = sys.argv[1], *map(int, sys.argv[2:6])
    lifeline.end_with_parent(parent)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    board = Board(fd)
    board.rows[row]["pid"] = os.getpid()
    with Client(target) as client:
        Worker(client, board, row, seed).live()
    board.rows[row]["state"] = State.LEFT
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
