# SPDX-License-Identifier: Apache-2.0
"""The same over gRPC: the victims are the workers of a server, and the clients that load it.

The server's own supervisor sees the deaths and recovers. What is attached is a worker with several
threads, so a victim is a worker, inside an operation if one of its threads was. The shares are
printed and not judged: a worker spends a part of its time in gRPC, and who recovers is the
supervisor, which nobody replaces.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np

from vmalab.ops import Op
from vmalab_client import Client, ServiceError
from vmalab_crash import mix, plan
from vmalab_crash.board import FILES, ROW, SHARED, Board, Command, State
from vmalab_crash.company import POLL_S, Failure, Victim
from vmalab_crash.mix import PAGE, record
from vmalab_crash.plan import Burst
from vmalab_crash.tally import Tally
from vmalab_crash.watch import BLOCKED, IN, OUT, STOP_BROKEN, Watch
from vmalab_native.core import Segment
from vmalab_server import roster
from vmalab_server.embedded import EmbeddedServer

WORKERS: Final = 2
CLIENTS: Final = 6
CAUGHT_S: Final = 0.5
"""So long a recovery is waited for, to kill during it."""
SHARED_INODES: Final = 1
CALLS_AT_ONCE: Final = 24
NOPS: Final = 4096


@dataclass(slots=True)
class Served:
    """One server and its clients; use it in a with block, which ends them.

    Attributes:
        clients: by row of the board.
        story: what happened in the burst under way.
    """

    tally: Tally
    seed: int
    patience_s: float
    board: Board
    clients: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    burst: int = 0
    story: list[str] = field(default_factory=list)
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _server: EmbeddedServer = field(init=False, repr=False)
    _watch: Watch = field(init=False, repr=False)
    _me: Client = field(init=False, repr=False)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        self._server = self._stack.enter_context(
            EmbeddedServer(
                workers=WORKERS,
                instance=f"crash-{os.getpid()}-grpc",
                model=self.tally.model,
                log_level="error",
                start_timeout_s=self.patience_s,
            )
        )
        self._watch = Watch(self._server.instance, self._server.model, self._server.layout)
        self._stack.callback(self._watch.close)
        self._me = self._stack.enter_context(Client(self._server.target))
        head = self.board.head
        for number in range(FILES):
            head["files"][0, number] = self._me.open_file(
                ino=SHARED_INODES + number,
                size_bytes=mix.FILE_PAGES * PAGE,
                name=f"/shared/{number}",
            )
        for number in range(SHARED):
            space = self._me.address_space(start_brk=mix.HEAP, brk=mix.HEAP, ttl_s=3600)
            head["mms"][0, number] = space.mm
        self.fill_up()

    def __exit__(self, *exception: object) -> None:
        for process in self.clients.values():
            process.kill()
        for process in self.clients.values():
            process.wait()
        self.clients.clear()
        self._stack.close()

    def fill_up(self) -> None:
        """In place of the clients that are gone."""
        for row in range(CLIENTS):
            if row in self.clients:
                continue
            self.board.rows[row : row + 1] = np.zeros(1, ROW)
            numbers = (self.board.fd, row, self.seed + self.burst, os.getpid())
            self.clients[row] = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "vmalab_crash.client"),
                    *(self._server.target, *map(str, numbers)),
                ],
                pass_fds=(self.board.fd,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )

    # --- death ---

    def kill(self, burst: Burst, rng: random.Random) -> None:
        """A burst, and a second one in the recovery if there is one in time."""
        self.burst += 1
        self.tally.bursts += 1
        self.tally.kinds["over gRPC"] += 1
        self.story = []
        self.board.head["turn"] += 1
        self._kill(burst.size, rng)
        begin = time.monotonic()
        if burst.second:
            while not self._watch.stop() and time.monotonic() - begin < CAUGHT_S:
                pass
            if self._watch.stop():
                self.story.append("in the recovery")
                self._kill(burst.second, rng)

    def _kill(self, size: int, rng: random.Random) -> None:
        pids = [worker.pid for worker in self._workers() if worker.pid]
        meant: list[tuple[str, int]] = [("worker", pid) for pid in pids]
        meant += [("client", process.pid) for process in self.clients.values()]
        meant = rng.sample(meant, min(size, len(meant)))
        fds = []
        for kind, pid in meant:
            with contextlib.suppress(ProcessLookupError):
                fds.append((kind, pid, os.pidfd_open(pid)))
        stops = []
        for _, _, fd in fds:
            stops.append(self._watch.stop() not in (0, STOP_BROKEN))
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(fd, signal.SIGKILL)
        victims = []
        for (kind, pid, fd), in_recovery in zip(fds, stops, strict=True):
            select.select([fd], [], [], self.patience_s)
            os.close(fd)
            if kind == "worker":
                victims.append(self._victim(pid, in_recovery))
            self.story.append(f"killed: {kind} {pid}")
        self.tally.died(len(fds), victims)
        for row in [
            row for row, process in self.clients.items() if ("client", process.pid) in meant
        ]:
            self.clients.pop(row).wait()

    def _victim(self, pid: int, in_recovery: bool) -> Victim:
        slots = self._watch.slots_of(pid)
        inside = [slot for slot in slots if slot.in_core in (IN, BLOCKED)]
        at = inside[0] if inside else None
        return Victim(
            pid, "worker", at.in_core if at else OUT, at.op if at else 0, in_recovery, False
        )

    def _workers(self) -> Sequence[roster.WorkerEntry]:
        found = roster.find(self._server.instance)
        if found is None:
            raise Failure("died", "the supervisor ended")
        return found.workers

    # --- verdicts ---

    def judge(self) -> None:
        """Both workers serve, nobody is dead in the segment, and everybody does everything."""
        self.wait("both workers serve", self._all_serve)
        self.fill_up()
        complaints = self._fsck()
        if complaints:
            raise Failure("unsound", f"fsck: {complaints[0]}", complaints[:20])
        self.prove()
        self.tally.recovered += 1
        rows = self.board.rows
        turn = self.board.head[0]["turn"]
        gaps = [int(rows[row]["gap_ns"]) for row in self.clients if rows[row]["turn"] == turn]
        self.tally.standstills_ns.append(max(gaps, default=0))

    def _all_serve(self) -> bool:
        workers = self._workers()
        return all(one.state == "ready" and os.path.exists(f"/proc/{one.pid}") for one in workers)

    def _fsck(self) -> list[str]:
        lines: list[str] = []

        def asked() -> bool:
            try:
                lines[:] = self._me.inspect.fsck(stop=True)
            except ServiceError:
                return False
            return not any("is dead" in line or "is gone" in line for line in lines)

        self.wait("a death is recovered", asked)
        return lines

    def prove(self) -> None:
        """Every client does everything once."""
        rows, head = self.board.rows, self.board.head
        head["epoch"] += 1

        def done() -> bool:
            for kind in ("corrupt", "refused"):
                for row in self.clients:
                    if rows[row][kind]:
                        raise Failure(kind, rows[row]["note"].decode())
            return all(rows[row]["proved"] == head[0]["epoch"] for row in self.clients)

        self.wait("every client has done everything", done)

    def wait(self, what: str, done: Callable[[], bool]) -> None:
        """As long as somebody ends operations, and five times the patience."""
        begin = since = time.monotonic()
        before = -1
        while not done():
            if not self._server.running:
                raise Failure("died", "the supervisor ended")
            if self._watch.stop() == STOP_BROKEN:
                raise Failure("broken", "the segment is broken")
            for row, process in self.clients.items():
                if process.poll() is not None and self.board.rows[row]["state"] != State.LEFT:
                    raise Failure("died", f"client {process.pid} ended by itself")
            now = int(self.board.rows["ops"].sum())
            if now != before:
                before, since = now, time.monotonic()
            if time.monotonic() > min(since + self.patience_s, begin + 5 * self.patience_s):
                raise Failure("hung", f"after {time.monotonic() - begin:.0f} s still not: {what}")
            time.sleep(POLL_S)

    def finish(self) -> None:
        """The clients leave, every address space ends; then no object may be in use."""
        rows = self.board.rows
        for row in self.clients:
            rows[row]["command"] = Command.LEAVE
        self.wait("all clients leave", lambda: all(p.poll() == 0 for p in self.clients.values()))
        self.tally.ops += int(rows["ops"].sum())
        self.tally.checked += int(rows["checked"].sum())
        self.clients.clear()
        left: dict[str, int] = {"not asked": 1}
        deadline = time.monotonic() + self.patience_s
        while not self._empty(left):
            if time.monotonic() > deadline:
                what = ", ".join(f"{name}: {n}" for name, n in left.items() if n)
                raise Failure("leaked", what)
            time.sleep(0.05)
        complaints = self._fsck()
        if complaints:
            raise Failure("unsound", f"fsck: {complaints[0]}", complaints[:20])

    def _empty(self, left: dict[str, int]) -> bool:
        """Ends every address space; whether no object is in use. left: those that are."""
        try:
            spaces = self._me.inspect.address_spaces()
            self._me.apply(b"".join(record(Op.EXIT, mm=s.mm) for s in spaces) or record(Op.NOP))
            for worker in self._workers():
                _poll_all_threads(worker.address)
        except ServiceError:
            return False
        with Segment.attach(self._server.instance) as segment:
            left.clear()
            slabs = segment.slabinfo()
            left.update({s.name: s.active_objs for s in slabs if s.name != "maple_node"})
        return not any(left.values())


def _poll_all_threads(address: str) -> None:
    """Work for every thread of a worker: each frees what it retired and is ripe."""
    with Client(address, discover=False) as one, ThreadPoolExecutor(CALLS_AT_ONCE) as threads:
        list(threads.map(one.apply, [record(Op.NOP) * NOPS] * CALLS_AT_ONCE))


def run_model(
    model: str,
    kills: int,
    bursts: tuple[int, int],
    seed: int,
    patience_s: float,
    progress: Callable[[Tally], None],
) -> Tally:
    """So many kills of workers and clients, then the count of what is left."""
    tally = Tally(model, "grpc", sessions=1)
    planned = plan.bursts(seed, f"{model}/grpc", *bursts, long_stops=False)
    board = Board.make()
    begin = time.monotonic()
    try:
        with Served(tally, seed, patience_s, board) as served:
            try:
                served.prove()
                while tally.kills < kills:
                    burst = next(planned)
                    time.sleep(burst.delay_s * 5)
                    served.kill(burst, random.Random(burst.picks))
                    served.judge()
                    progress(tally)
                served.finish()
            except Failure as failure:
                where = {"model": model, "seed": seed, "segment": "", "session": 0}
                tally.failed(failure, {**where, "burst": served.burst, "story": served.story})
    finally:
        tally.seconds = time.monotonic() - begin
        board.close()
    return tally
