# SPDX-License-Identifier: Apache-2.0
"""From the events of a trace to the steps of a replay.

A trace speaks of threads; a replay needs address spaces. Threads made with CLONE_VM share their
parent's, a forked child has its own that begins as a copy, execve gives a fresh one. An address
space is known from its first marker on (its maps are imported there) or when its parent was known
at the fork; calls before that led to the imported maps and are not replayed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum

from vmalab.uapi import SI_CODE, SIGNAL
from vmalab_native import flags
from vmalab_trace import calls, opens, strace


class Kind(Enum):
    """What a step does."""

    IMPORT = "import"
    CALL = "call"
    FORK = "fork"
    EXEC = "exec"
    EXIT = "exit"
    CHECK = "check"
    FAULT = "fault"


@dataclass(slots=True)
class Step:
    """One thing to replay."""

    kind: Kind
    line: int
    """Line of the trace where it was entered."""
    end_line: float
    """Where it was done. Between two lines for a fork whose child is seen first."""
    tid: int
    mm: int
    """Slot of the address space: a number of the replay, not the emulator's id."""
    operation: calls.Operation | None = None
    value: int = 0
    errno: int = 0
    snapshot: int = -1
    child: int = -1
    shared: bool = False
    """Of EXEC: others run on in the old address space."""
    file: int = -1
    file_mode: int = 0
    """How the file was opened, and which open it is: the upper half of a file in a mmap record."""
    opened: opens.Open | None = None
    """The open behind the call's descriptor, where the trace shows it."""
    placed: int = 0
    """The kernel drew this address at random: the call is replayed with it."""
    segment: calls.Segment | None = None
    """Of shmat: what its number named at that time."""
    dying: tuple[int, ...] = ()
    """Of remap_file_pages: the files of segments that end with their last attachment."""
    counted: bool = True
    """It stands for a call of the memory; else it makes the emulator's state what the kernel's
    was, and its answer is no answer of the kernel's."""
    addr: int = 0
    access: int = 0
    signal: int = 0
    si_code: int = 0
    pkey: int = -1
    """The key that a signal names; -1: none."""
    pkru: int | None = None
    """What the thread has in PKRU, as far as calls show it; None: as the address space has it."""
    kernel: bool = False
    compare_vector: bool = True
    time_ns: int | None = None
    end_ns: int | None = None
    moment_ns: int | None = None
    """When it took effect, where `locks` or `faults` show it."""
    first: float = -1.0
    """It took effect neither before this point nor after `last`: lines of the trace, or
    nanoseconds where the trace has `locks`."""
    last: float = -1.0

    def __post_init__(self) -> None:
        if self.last < 0:
            self.first, self.last = self.line, self.end_line

    @property
    def begins(self) -> int:
        """Slot of the address space that begins with this step; -1: none does."""
        if self.kind in (Kind.FORK, Kind.EXEC):
            return self.child
        return self.mm if self.kind is Kind.IMPORT else -1

    @property
    def ends(self) -> bool:
        """Whether this step ends its address space."""
        return self.kind is Kind.EXIT or (self.kind is Kind.EXEC and not self.shared)

    def text(self) -> str:
        if self.operation is not None:
            return calls.render(self.operation)
        if self.kind is Kind.FAULT:
            return f"fault({self.addr:#x}, {('read', 'write', 'exec', 'unknown')[self.access]})"
        return str(self.kind.value)


@dataclass(frozen=True, slots=True)
class Home:
    """From a moment on a thread runs in this address space; -1: in none that is known."""

    begin_ns: int
    slot: int


@dataclass(slots=True)
class Program:
    """All steps of a trace in the order of completion, and what was left out."""

    steps: list[Step] = field(default_factory=list)
    slots: int = 0
    unsupported: Counter[str] = field(default_factory=Counter)
    before_start: int = 0
    """Calls of address spaces that were not known yet."""
    unanswered: Counter[str] = field(default_factory=Counter)
    """Calls without a result: their thread died inside."""
    unread: list[strace.Garbage] = field(default_factory=list)
    markers: int = 0
    signals: list[strace.Signal] = field(default_factory=list)
    brk_answers: dict[int, list[int]] = field(default_factory=dict)
    """Answers of brk before the first marker, by thread: they show where the heap began."""
    segments: dict[int, calls.Segment] = field(default_factory=dict)
    """System V shared memory, by its number: what was last made under it."""
    renamed: bool = False
    """A file got another name."""
    late: set[int] = field(default_factory=set)
    """Address spaces that are not known from their beginning on."""
    removed: dict[int, float] = field(default_factory=dict)
    """Segments that end with their last attachment, and from which line on."""
    other_modes: list[strace.OtherMode] = field(default_factory=list)
    spawned: list[tuple[int, int, int]] = field(default_factory=list)
    """Each clone and fork: the line of the trace, its caller and the new thread."""
    homes: dict[int, list[Home]] = field(default_factory=dict)
    """Where each thread number was, in the order of time."""
    first_ns: dict[int, int] = field(default_factory=dict)
    """When a forked address space was first heard of, by slot."""


@dataclass(slots=True, eq=False)
class _Space:
    """An address space of the trace."""

    slot: int = -1
    users: int = 0
    exec: Step | None = None
    """The execve that it began with; None: it did not, or what was before is not known."""
    late: bool = False
    """Calls came before its first snapshot."""


@dataclass(slots=True, eq=False)
class _Life:
    """One life of a thread id: numbers are used again."""

    pid: int
    first: int
    last: float = float("inf")
    first_ns: int | None = None
    spawn: strace.Call | None = None
    space: _Space | None = None


def _lives(events: Iterable[strace.Event]) -> dict[int, list[_Life]]:
    lives: dict[int, list[_Life]] = {}
    open_lives: dict[int, _Life] = {}
    for event in events:
        if isinstance(event, strace.Garbage | strace.OtherMode):
            continue
        pid = event.pid
        life = open_lives.get(pid)
        if life is None:
            life = _Life(pid, event.line)
            open_lives[pid] = life
            lives.setdefault(pid, []).append(life)
        # A finished call is met at its end; the thread was there at its entry already.
        if life.first_ns is None or event.line < life.first:
            life.first_ns = None if isinstance(event, strace.Superseded) else event.time_ns
        life.first = min(life.first, event.line)
        if isinstance(event, strace.Exit):
            life.last = event.line
            del open_lives[pid]
    return lives


def is_marker(operation: calls.Operation) -> bool:
    """Whether a call marks the place of a snapshot."""
    return (
        isinstance(operation, calls.Madvise)
        and operation.length == 0
        and operation.advice == flags.MARKER_ADVICE
    )


class _Compiler:
    def __init__(self, events: list[strace.Event], *, empty: bool) -> None:
        self.program = Program()
        self.empty = empty
        self.lives = _lives(events)
        self.events = events
        self.operations: dict[int, calls.Operation] = {}
        self.homes: dict[int, list[tuple[int, _Space | None]]] = {}
        self.descriptors = opens.Descriptors()

    def run(self) -> Program:
        ordered: list[tuple[float, int, strace.Event]] = []
        for index, event in enumerate(self.events):
            end: float = event.line
            if isinstance(event, strace.Call):
                end = self._decode(index, event)
            ordered.append((end, index, event))
        ordered.sort(key=lambda item: (item[0], item[1]))
        for end, index, event in ordered:
            self._event(end, index, event)
        self._end_execs()
        for pid, homes in self.homes.items():
            self.program.homes[pid] = [
                Home(begin, -1 if space is None else space.slot) for begin, space in homes
            ]
        return self.program

    def _settle(self, life: _Life, space: _Space | None, time_ns: int | None) -> None:
        """A thread goes into an address space, or out of its last."""
        life.space = space
        homes = self.homes.setdefault(life.pid, [])
        homes.append((max(time_ns or 0, homes[-1][0] if homes else 0), space))

    def _decode(self, index: int, call: strace.Call) -> float:
        """Decode a call and say when it was done."""
        try:
            operation = calls.decode(call)
        except calls.DecodeError as error:
            self.program.unread.append(strace.Garbage(call.line, call.text(), str(error)))
            return call.end_line
        self.operations[index] = operation
        if isinstance(operation, calls.Spawn) and call.value and call.value > 0:
            for life in self.lives.get(call.value, []):
                if life.last > call.line and life.spawn is None:
                    life.spawn = call
                    return min(float(call.end_line), life.first - 0.5)
        return call.end_line

    def _life(self, pid: int, line: float) -> _Life:
        for life in self.lives[pid]:
            if line <= life.last:
                return life
        return self.lives[pid][-1]

    def _space(self, pid: int, line: float) -> _Space:
        life = self._life(pid, line)
        if life.space is None:
            self._settle(life, _Space(users=1), life.first_ns)
            self._begin_empty(life, int(line))
        assert life.space is not None
        return life.space

    def _event(self, end: float, index: int, event: strace.Event) -> None:
        if isinstance(event, strace.Garbage):
            self.program.unread.append(event)
        elif isinstance(event, strace.OtherMode):
            self.program.other_modes.append(event)
        elif isinstance(event, strace.Signal):
            self._signal(event)
        elif isinstance(event, strace.Exit):
            life = self._life(event.pid, event.line)
            self._leave(life, event.line, event.pid, event.time_ns)
        elif isinstance(event, strace.Superseded):
            # The thread that called execve takes over the leader's id; its own is gone.
            if event.by in self.lives:
                self._leave(self._life(event.by, event.line), event.line, event.by, None)
        elif isinstance(event, strace.Call) and index in self.operations:
            self._call(end, event, self.operations[index])

    def _signal(self, event: strace.Signal) -> None:
        if event.name not in SIGNAL or event.fields.get("si_code") not in SI_CODE:
            return
        space = self._space(event.pid, event.line)
        self.program.signals.append(event)
        if space.slot < 0:
            return
        self._add(
            Step(
                Kind.FAULT,
                event.line,
                event.line,
                event.pid,
                space.slot,
                addr=int(event.fields.get("si_addr", "0").replace("NULL", "0"), 0),
                access=3,
                signal=SIGNAL[event.name],
                si_code=SI_CODE[event.fields["si_code"]],
                pkey=int(event.fields.get("si_pkey", "-1"), 0),
                time_ns=event.time_ns,
                end_ns=event.time_ns,
            )
        )

    def _add(self, step: Step) -> None:
        self.program.steps.append(step)

    def _leave(self, life: _Life, line: float, pid: int, time_ns: int | None) -> None:
        space = life.space
        if space is None:
            return
        self._settle(life, None, time_ns)
        self._release(space, line, pid, time_ns)

    def _release(self, space: _Space, line: float, pid: int, time_ns: int | None) -> None:
        """One user less; the last one ends the address space."""
        space.users -= 1
        if space.users == 0 and space.slot >= 0:
            self._add(
                Step(Kind.EXIT, int(line), line, pid, space.slot, time_ns=time_ns, end_ns=time_ns)
            )

    def _beside(
        self, end: float, call: strace.Call, operation: calls.Operation
    ) -> calls.Operation | None:
        """Follow what calls do to descriptors, names and segments. Returns what is left to do."""
        match operation:
            case opens.Opens() | opens.Duplicate():
                opened = self.descriptors.act(
                    call.pid, operation, call.value or 0, line=call.end_line
                )
                if opened is None or not opened.empty or opened.memfd:
                    return None
                return calls.Truncate(opened.path, call.value or 0, 0)
            case opens.Move():
                self.descriptors.move(call.pid, operation)
                return None
            case opens.Chmod(fd, mode):
                file = self.descriptors.find(call.pid, fd, "")
                if file is not None:
                    file.noexec = not mode & 0o111
                return None
            case opens.Seal(path, fd, seals):
                file = self.descriptors.find(call.pid, fd, path)
                if file is not None and file.noexec:
                    return replace(operation, seals=seals & ~flags.SEAL["F_SEAL_EXEC"])
            case calls.Renamed():
                self.program.renamed = self.program.renamed or not call.errno
                return None
            case calls.Removed():
                if not call.errno:
                    self.program.removed[operation.segment] = end
                return None
        return operation

    def _call(self, end: float, call: strace.Call, decoded: calls.Operation) -> None:
        operation = self._beside(end, call, decoded)
        match operation:
            case None:
                return
            case calls.Quit() | calls.Other():
                return
            case calls.Segment():
                if call.value is not None and call.value >= 0:
                    self.program.segments[call.value] = operation
                return
            case calls.Spawn():
                self._spawn(end, call, operation)
                return
            case calls.Execve():
                if call.value == 0:
                    self._exec(end, call, operation)
                return
        space = self._space(call.pid, end)
        if isinstance(operation, calls.Unsupported):
            self._unsupported(operation, space)
            return
        if is_marker(operation):
            self._marker(call, space)
            return
        if call.value is None or _is_no_address(call, operation):
            self.program.unanswered[call.name] += 1
            return
        if space.slot < 0:
            self.program.before_start += _counts(call, operation)
            space.late = True
            if isinstance(operation, calls.Brk):
                self.program.brk_answers.setdefault(call.pid, []).append(call.value)
            return
        step = Step(
            Kind.CALL,
            call.line,
            end,
            call.pid,
            space.slot,
            operation=operation,
            value=call.value,
            errno=flags.errno_number(call.errno) if call.errno else 0,
            counted=_counts(call, operation),
            time_ns=call.time_ns,
            end_ns=call.end_ns if call.end_ns is not None else call.time_ns,
        )
        match operation:
            case calls.Shmat(fd=number):
                step.segment = self.program.segments.get(number)
            case calls.Mmap(fd=fd, path=path) if not operation.flags & flags.MAP_ANONYMOUS:
                step.opened = self.descriptors.find(call.pid, fd, path)
            case calls.Truncate(path, fd) | calls.Allocate(path, fd) | opens.Seal(path, fd):
                step.opened = self.descriptors.find(call.pid, fd, path)
            case opens.Write(fd):
                step.opened = self.descriptors.find(call.pid, fd, "")
                step.value = self.descriptors.move(call.pid, operation)
        self._add(step)

    def _exec(self, end: float, call: strace.Call, operation: calls.Execve) -> None:
        life = self._life(call.pid, end)
        old, space = life.space, _Space(users=1)
        self._settle(life, space, call.time_ns)
        if self.empty:
            if old is not None:
                self._release(old, end, call.pid, call.end_ns)
            self._begin_empty(life, int(end))
            return
        if old is None:
            return
        if old.slot < 0:
            self._release(old, end, call.pid, call.end_ns)
            return
        old.users -= 1
        done_ns = call.end_ns if call.end_ns is not None else call.time_ns
        space.exec = Step(
            Kind.EXEC,
            call.line,
            end,
            call.pid,
            old.slot,
            operation=operation,
            shared=old.users > 0,
            time_ns=done_ns,
            end_ns=done_ns,
            first=end,
            last=end,
        )
        self._add(space.exec)

    def _begin_empty(self, life: _Life, line: int) -> None:
        """Without snapshots an address space begins with nothing in it."""
        if not self.empty or life.space is None or life.space.slot >= 0:
            return
        life.space.slot = self.program.slots
        self.program.slots += 1
        self._add(Step(Kind.IMPORT, line, float(line), life.pid, life.space.slot))

    def _end_execs(self) -> None:
        """Where the trace does not show what a program began with, the one before it just ends."""
        for step in self.program.steps:
            if step.kind is Kind.EXEC and step.child < 0 and not step.shared:
                step.kind, step.operation = Kind.EXIT, None
        self.program.steps = [
            step for step in self.program.steps if step.kind is not Kind.EXEC or step.child >= 0
        ]

    def _unsupported(self, operation: calls.Unsupported, space: _Space) -> None:
        name = operation.name
        if name.startswith(calls.UNRELATED):
            return
        if space.slot < 0:
            self.program.before_start += 1
        else:
            self.program.unsupported[name] += 1

    def _marker(self, call: strace.Call, space: _Space) -> None:
        kind = Kind.CHECK
        if space.slot < 0:
            kind = Kind.IMPORT
            space.slot = self.program.slots
            self.program.slots += 1
            if space.late:
                self.program.late.add(space.slot)
            elif space.exec is not None:
                space.exec.child, space.exec.snapshot = space.slot, self.program.markers
                self.program.markers += 1
                return
        self._add(
            Step(
                kind,
                call.line,
                call.end_line,
                call.pid,
                space.slot,
                snapshot=self.program.markers,
                time_ns=call.time_ns,
                end_ns=call.time_ns,
            )
        )
        self.program.markers += 1

    def _spawn(self, end: float, call: strace.Call, spawn: calls.Spawn) -> None:
        if not call.value or call.value < 0:
            return
        self.descriptors.spawned(call.pid, call.value, shared=spawn.shares_files)
        self.program.spawned.append((call.line, call.pid, call.value))
        child = next((one for one in self.lives.get(call.value, []) if one.spawn is call), None)
        parent = self._space(call.pid, end)
        if spawn.shares_mm:
            if child is not None:
                self._settle(child, parent, call.time_ns)
                parent.users += 1
            return
        space = _Space(users=1)
        if child is not None:
            self._settle(child, space, call.time_ns)
        if parent.slot < 0:
            return
        space.slot = self.program.slots
        self.program.slots += 1
        if child is not None and child.first_ns is not None:
            self.program.first_ns[space.slot] = child.first_ns
        self._add(
            Step(
                Kind.FORK,
                call.line,
                end,
                call.pid,
                parent.slot,
                child=space.slot,
                time_ns=call.time_ns,
                end_ns=call.end_ns if call.end_ns is not None else call.time_ns,
            )
        )
        if child is None:
            # The child did nothing that is in the trace; its address space ends unseen.
            self._add(Step(Kind.EXIT, call.line, end, call.pid, space.slot, end_ns=call.end_ns))


def _is_no_address(call: strace.Call, operation: calls.Operation) -> bool:
    """Of a thread that is killed inside mmap strace may show what is left in the register."""
    maps = isinstance(operation, calls.Mmap | calls.Mremap)
    return maps and not call.errno and bool((call.value or 0) % 4096)


def _counts(call: strace.Call, operation: calls.Operation) -> bool:
    """Whether a call is one of the memory, or of a file that is mapped."""
    opening = isinstance(operation, calls.Truncate) and call.name in opens.CALLS
    return not opening and not isinstance(operation, opens.Write | calls.Capabilities)


def compile_trace(lines: Iterable[str], *, empty: bool = False) -> Program:
    """Read a trace and give its steps in the order of completion.

    Args:
        empty: there are no snapshots; each address space begins empty.
    """
    return _Compiler(list(strace.parse(lines)), empty=empty).run()


def running_max(values: Iterable[int | None]) -> list[int]:
    """The values with every None and every step back replaced by the highest so far."""
    highest = 0
    result: list[int] = []
    for value in values:
        highest = max(highest, value or 0)
        result.append(highest)
    return result


def place_by_time(times: list[int], moment: int) -> int:
    """Index of the first step that was done after a moment."""
    return bisect_right(times, moment)
