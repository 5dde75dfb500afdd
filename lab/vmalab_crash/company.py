# SPDX-License-Identifier: Apache-2.0
"""The processes of a run: they are forked, commanded, killed, and it is known how each died."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final, Self, TypeVar

import numpy as np

from vmalab_crash.board import ROW, ROWS_MAX, Board, Command, Doing, State
from vmalab_crash.talk import Birth, Order, packed, unpacked
from vmalab_crash.watch import BLOCKED, IN, OUT, STOP_BROKEN, Watch
from vmalab_native.core import Segment
from vmalab_native.texts import lines_of

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Answer = TypeVar("_Answer", bound="DataclassInstance")
MESSAGE_BYTES: Final = 1 << 20
UNKNOWN: Final = 3
"""In place of in_core: the slot was given back before it could be looked at."""
JOINING: Final = 4
"""In place of in_core: it had no slot yet, or none any more."""
POLL_S: Final = 0.004
LOG_LINES: Final = 12
DEATH_PATIENCE_S: Final = 60.0


class Failure(Exception):
    """Something that must not happen; `kind` is a column of the table.

    Kinds: "died" (a process ended by itself), "broken" (an invariant stopped the segment), "hung",
    "unsound" (fsck), "leaked", "corrupt", "refused".
    """

    def __init__(self, kind: str, what: str, lines: Sequence[str] = ()) -> None:
        super().__init__("\n".join([what, *lines]))
        self.kind, self.what, self.lines = kind, what, list(lines)


@dataclass(slots=True, eq=False)
class Member:
    """One process."""

    kind: str
    pid: int
    pidfd: int
    pipe: socket.socket
    rows: list[int]
    killed: bool = False
    leaving: bool = False
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Victim:
    """One participant that was killed, as it was found afterwards."""

    pid: int
    kind: str
    in_core: int
    op: int
    in_recovery: bool
    recovering: bool

    @property
    def inside(self) -> bool:
        return self.in_core in (IN, BLOCKED)

    def __str__(self) -> str:
        where = {OUT: "outside", IN: f"in op {self.op}", BLOCKED: f"blocked in op {self.op}"}
        place = where.get(self.in_core, "joining or leaving" if self.in_core == JOINING else "?")
        return f"{self.kind} {self.pid} {place}{', recovering' if self.recovering else ''}"


@dataclass(slots=True)
class Company:
    """All processes; use it in a with block, which ends them."""

    board: Board
    members: list[Member] = field(default_factory=list)
    _free: list[int] = field(default_factory=list)
    _gone: dict[int, int] = field(default_factory=dict)
    _control: socket.socket | None = None
    _zygote: subprocess.Popen[bytes] | None = None
    _log: IO[bytes] = field(init=False, repr=False)
    _log_from: int = 0
    _segment: Segment | None = None
    _watch: Watch | None = None

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        passed = (theirs.fileno(), self.board.fd, self._log.fileno())
        self._zygote = subprocess.Popen(
            [sys.executable, "-P", "-m", "vmalab_crash.zygote"]
            + [str(number) for number in (*passed, os.getpid())],
            pass_fds=passed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._control = ours
        return self

    def __exit__(self, *exception: object) -> None:
        self.end_all()
        assert self._control is not None
        assert self._zygote is not None
        self._control.close()
        try:
            self._zygote.wait(10)
        except subprocess.TimeoutExpired:
            self._zygote.kill()
            self._zygote.wait()
        self._log.close()

    # --- a segment's time ---

    def session(self, segment: Segment, watch: Watch, seed: int, without: frozenset[int]) -> None:
        """From now on processes are forked for that segment."""
        self.board.clear()
        self._free = list(range(ROWS_MAX))
        self._gone.clear()
        self._segment, self._watch = segment, watch
        self._log_from = os.fstat(self._log.fileno()).st_size
        self._ask({"do": "session", "seed": seed, "without": sorted(without)})

    def name_files(self) -> None:
        self._ask({"do": "files", "files": self.board.head[0]["files"].tolist()})

    def _ask(self, told: dict[str, Any]) -> bytes:
        assert self._control is not None
        self._control.send(json.dumps(told).encode())
        said = self._control.recv(MESSAGE_BYTES)
        if not said:
            raise Failure("died", "the process that forks the others ended", self.log())
        return said

    def fork(self, kind: str, seed: str, threads: int = 1) -> Member:
        """One more process, with so many participants, each in a thread of its own."""
        return self.fork_all([(kind, seed, threads)])[0]

    def fork_all(self, wanted: Sequence[tuple[str, str, int]]) -> list[Member]:
        """As fork(), many with one wait: (kind, seed, threads) of each."""
        assert self._control is not None
        assert self._segment is not None
        rows_of: list[list[int]] = []
        for kind, seed, threads in wanted:
            rows, self._free = self._free[:threads], self._free[threads:]
            rows_of.append(rows)
            for row in rows:
                self.board.rows[row : row + 1] = np.zeros(1, ROW)
            birth = Birth(self._segment.instance, kind, rows, seed)
            told = {"do": "fork", "birth": dataclasses.asdict(birth)}
            self._control.send(json.dumps(told).encode())
        made: list[Member] = []
        for (kind, _, _), rows in zip(wanted, rows_of, strict=True):
            said, fds, _, _ = socket.recv_fds(self._control, MESSAGE_BYTES, 2)
            if len(fds) != 2:
                raise Failure("died", "the process that forks the others ended", self.log())
            pipe = socket.socket(fileno=fds[1])
            made.append(Member(kind, json.loads(said)["pid"], fds[0], pipe, rows))
            self.members.append(made[-1])
        return made

    def of(self, kind: str) -> list[Member]:
        """The living of that kind, in the order in which they came. kind "": all."""
        return [one for one in self.members if one.kind == kind or not kind]

    def log(self) -> list[str]:
        """What the processes of this segment said on stderr: the invariants that broke, the end."""
        size = os.fstat(self._log.fileno()).st_size
        text = os.pread(self._log.fileno(), size - self._log_from, self._log_from)
        lines = lines_of(text.decode(errors="replace"))
        broken = [one for one in lines if "broken invariant" in one and "by another" not in one]
        return list(dict.fromkeys([*broken[:LOG_LINES], *lines[-LOG_LINES:]]))

    # --- death ---

    def kill(self, members: Sequence[Member]) -> list[Victim]:
        """SIGKILL to all of them, one right after the other; then each is looked at."""
        assert self._watch is not None
        begun = []
        for one in members:
            stop = self._watch.stop()
            begun.append(stop not in (0, STOP_BROKEN))
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(one.pidfd, signal.SIGKILL)
            one.killed = True
        found: list[Victim] = []
        for one, in_recovery in zip(members, begun, strict=True):
            self._await_death(one)
            found += [self._found(one, row, in_recovery) for row in one.rows]
        for one in members:
            self._forget(one)
        return found

    def _await_death(self, one: Member) -> None:
        waited = select.poll()
        waited.register(one.pidfd, select.POLLIN)
        if not waited.poll(DEATH_PATIENCE_S * 1000):
            raise Failure("hung", f"pid {one.pid} does not die of SIGKILL")

    def _found(self, one: Member, row: int, in_recovery: bool) -> Victim:
        assert self._watch is not None
        said = self.board.rows[row]
        in_core, op = JOINING, 0
        if said["slot"]:
            slot = self._watch.slot(int(said["slot"]) - 1)
            in_core, op = (slot.in_core, slot.op) if slot.pid == one.pid else (UNKNOWN, 0)
        if said["state"] == State.LEFT:
            in_core = JOINING
        return Victim(one.pid, one.kind, in_core, op, in_recovery, bool(said["recovering"]))

    def _forget(self, one: Member) -> None:
        self.members.remove(one)
        self._free += one.rows
        os.close(one.pidfd)
        one.pipe.close()

    def look(self) -> None:
        """Raises Failure if a process ended by itself, or the segment is broken. Those that were
        ordered to leave may end."""
        waited = select.poll()
        by_fd = {one.pidfd: one for one in self.members}
        for fd in by_fd:
            waited.register(fd, select.POLLIN)
        for fd, _ in waited.poll(0):
            one = by_fd[fd]
            code = self._code(one.pid)
            left = all(self.board.rows[row]["state"] == State.LEFT for row in one.rows)
            if one.leaving and left and code == 0:
                self._forget(one)
                continue
            assert self._watch is not None
            broken = self._watch.stop() == STOP_BROKEN
            what = f"{one.kind} {one.pid} ended by itself, {_how(code)}, {self.doing(one)}"
            raise Failure("broken" if broken else "died", what, self.log())

    def _code(self, pid: int) -> int:
        deadline = time.monotonic() + DEATH_PATIENCE_S
        while pid not in self._gone and time.monotonic() < deadline:
            self.reap()
        return self._gone.get(pid, 0)

    def reap(self) -> None:
        """Those that died leave the kernel's table."""
        self._gone |= dict(json.loads(self._ask({"do": "reap"})))

    def end_all(self) -> None:
        """Kills who is left, whatever it does."""
        for one in list(self.members):
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(one.pidfd, signal.SIGKILL)
        for one in list(self.members):
            waited = select.poll()
            waited.register(one.pidfd, select.POLLIN)
            waited.poll(DEATH_PATIENCE_S * 1000)
            self._forget(one)
        with contextlib.suppress(Failure, OSError):
            self.reap()

    # --- orders and answers ---

    def command(self, one: Member, command: Command) -> None:
        for row in one.rows:
            self.board.rows[row]["command"] = command
        one.leaving = one.leaving or command == Command.LEAVE

    def stop(self, one: Member) -> None:
        signal.pidfd_send_signal(one.pidfd, signal.SIGSTOP)
        one.stopped = True

    def go_on(self, members: Iterable[Member]) -> None:
        for one in members:
            if one.stopped and not one.killed:
                signal.pidfd_send_signal(one.pidfd, signal.SIGCONT)
            one.stopped = False

    def tell(self, one: Member, order: Order) -> None:
        one.pipe.send(packed(order))

    def has_answered(self, one: Member) -> bool:
        waited = select.poll()
        waited.register(one.pipe, select.POLLIN)
        return bool(waited.poll(0))

    def answer(self, one: Member, patience_s: float, kind: type[_Answer]) -> _Answer:
        """Waits for it, as long as nobody dies and the patience lasts."""
        self.wait(lambda: self.has_answered(one), lambda: [one], patience_s)
        said = one.pipe.recv(MESSAGE_BYTES)
        if not said:
            self.look()
            raise Failure("died", f"{one.kind} {one.pid} closed its pipe", self.log())
        return unpacked(kind, said)

    def ask(self, one: Member, order: Order, patience_s: float, kind: type[_Answer]) -> _Answer:
        """kind: of the answer to that order."""
        self.tell(one, order)
        return self.answer(one, patience_s, kind)

    def wait(
        self, done: Callable[[], bool], whom: Callable[[], list[Member]], patience_s: float
    ) -> None:
        """Until done() says so.

        Args:
            whom: those that are waited for now.

        Raises:
            Failure: "hung", when none of them has ended an operation for so long, or some are not
                done after five times as long.
        """
        begin = since = time.monotonic()
        before = -1
        while not done():
            self.look()
            now = sum(int(self.board.rows[row]["ops"]) for one in whom() for row in one.rows)
            if now != before:
                before, since = now, time.monotonic()
            if time.monotonic() > min(since + patience_s, begin + 5 * patience_s):
                self.look()
                quiet = time.monotonic() - since
                what = f"no operation ended in {quiet:.0f} s, not done in "
                what += f"{time.monotonic() - begin:.0f} s"
                raise Failure("hung", what, self.stuck(whom()))
            time.sleep(POLL_S)

    # --- what is said of them ---

    def doing(self, one: Member) -> str:
        said = [self.board.rows[row] for row in one.rows]
        return "/".join(Doing(int(row["doing"])).name.lower() for row in said)

    def stuck(self, members: Iterable[Member]) -> list[str]:
        """What each of them is in, and what it holds, takes or waits for."""
        assert self._watch is not None
        stop = self._watch.stop()
        lines = []
        if stop not in (0, STOP_BROKEN):
            pid = self._watch.slot(stop - 1).pid
            who = [f"{m.kind}, {self.doing(m)}" for m in self.members if m.pid == pid]
            lines.append(f"the world is stopped by slot {stop - 1}, pid {pid}: {who or 'dead'}")
        for one in members:
            for row in one.rows:
                said = self.board.rows[row]
                where, locks = "no slot", ""
                if said["slot"]:
                    index = int(said["slot"]) - 1
                    slot = self._watch.slot(index)
                    state = {OUT: "outside", IN: "in", BLOCKED: "blocked in"}.get(slot.in_core, "?")
                    where, locks = f"slot {index} {state} op {slot.op}", self._locks(index)
                doing = Doing(int(said["doing"])).name.lower()
                lines.append(
                    f"{one.kind} {one.pid}: {doing}, {where}{locks}, proof {said['proved']}, "
                    f"kernel: {_wchan(one.pid)}"
                )
        return lines

    def _locks(self, index: int) -> str:
        """What a participant has announced."""
        assert self._segment is not None
        locks = [lock for lock in self._segment.locks() if lock.participant == index]
        return "".join(f", {one.state} {one.name} {one.mode} of mm {one.mm:#x}" for one in locks)


def _how(code: int) -> str:
    return f"by signal {-code}" if code < 0 else f"with exit code {code}"


def _wchan(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/wchan") as file:
            return file.read() or "?"
    except OSError:
        return "gone"
