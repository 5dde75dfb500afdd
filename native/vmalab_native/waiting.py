# SPDX-License-Identifier: Apache-2.0
"""Who waits for whom: what all participants announce, as trees.

At the root of a tree is the task that holds all others of it up: it waits for nobody. Under it are
those that wait for it, under them those that wait for these. No ffi here: `tasks()` takes rows of a
`Segment`, of a `SegmentView`, or of a server.

Who holds a waiter up:

* of a lock that it wants to write: everybody that holds it,
* of a lock that it wants to read: who holds it for writing; if nobody does, the writers that wait
  for it, because no reader passes them (rwsem.c),
* of a short mutex: who has it,
* of a grace period: everybody in an RCU read section.

A writer needs all holders gone, so each of them is enough to hold it up, and a circle of such waits
is a deadlock. In the tree a task stands under one of those that hold it up: under the one in a
circle with it, else under the one whose operation began first; of a grace period under the reader
that has read longest.

The rows are read one after the other while everybody goes on, so two tasks may be seen at
different moments. What has lasted for a second is not the accident of a look. A circle is called a
deadlock if each wait of it began before the look did: who waits gives no lock back meanwhile, so
all of it was true at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vmalab.ops import Op
from vmalab_native.records import LockInfo, ParticipantInfo

if TYPE_CHECKING:
    from vmalab_native.events import Event

GRACE_PERIOD: Final = LockInfo(0, 0, "grace period", "W", "waiting", 0, 0, 0)
"""What a task waits for that waits for the end of all RCU read sections."""
MUTEXES: Final = (
    *("slots lock", "page pool lock", "frame pool lock", "cache lock", "anon_vma lock"),
    *("page_table_lock", "grace period lock"),
)
"""The short mutexes. Nobody announces them: they are in rows where somebody waits for them. A name
may go on behind that: "cache lock of anon_vma", "anon_vma lock 7"."""
DEPTH_MAX: Final = 100
"""Of a tree. A longer chain is drawn as one of this length."""
_STATES: Final = {
    "R": "running", "S": "sleeping", "D": "sleeping", "I": "sleeping",
    "T": "stopped", "t": "traced", "Z": "dead", "X": "dead",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ages:
    """How long something has lasted, in ns.

    Attributes:
        operation_ns: the call under way; None: there is none (a fault is no call), or it is not
            known.
        wait_ns: the wait under way; None likewise.
    """

    operation_ns: int | None = None
    wait_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One participant, and what it does, holds and waits for.

    Attributes:
        participant: index of its slot.
        pid, tid: in the namespace that it joined from.
        role, comm: as in ParticipantInfo.
        alive: its process has not ended.
        state: of its thread in this kernel: "running", "sleeping", "stopped", "traced", "dead";
            "": not known.
        operation: under way: "munmap"; "": none.
        ages: of the operation and of the wait.
        reads_rcu: it is in an RCU read section.
        holds: locks that it has.
        wants: the lock that it waits for, or a grace period; None: it does not wait.
        rcu: as in ParticipantInfo.
    """

    participant: int
    pid: int
    tid: int
    role: str
    comm: str
    alive: bool
    state: str
    operation: str
    ages: Ages
    reads_rcu: bool
    holds: tuple[LockInfo, ...]
    wants: LockInfo | None
    rcu: int = 0

    @property
    def stands_still(self) -> bool:
        """It would not go on if it had what it waits for: it is stopped, or dead."""
        return not self.alive or self.state in ("stopped", "traced", "dead")

    @property
    def wait_s(self) -> float:
        """How long it has waited; 0.0 if it does not wait or that is not known."""
        return (self.ages.wait_ns or 0) / 1e9 if self.wants is not None else 0.0


@dataclass(frozen=True, slots=True)
class Tree:
    """A task, and who waits for it.

    Attributes:
        task: the one that holds the others up.
        waiters: the trees of those that wait for it.
        circle: of a root: it waits for one of those below it, which is a deadlock; False if one
            of these waits may be younger than the look.
    """

    task: Task
    waiters: tuple[Tree, ...]
    circle: bool = False

    def below(self) -> Iterator[Task]:
        """All tasks under the root."""
        for tree in self.waiters:
            yield tree.task
            yield from tree.below()

    def longest(self) -> Task | None:
        """The task under the root that has waited longest."""
        return max(self.below(), key=lambda task: task.wait_s, default=None)

    @property
    def longest_s(self) -> float:
        """The longest wait in the tree."""
        longest = self.longest()
        return max(self.task.wait_s, longest.wait_s if longest else 0.0)

    @property
    def held_up_s(self) -> float | None:
        """The longest wait of one that would go on without it; None: there is none."""
        everybody = (self.task, *self.below())
        waits = [one.wait_s for one in everybody if one.wants is not None and not one.stands_still]
        return max(waits, default=None)


def operation_name(op: int) -> str:
    """Of a code of an operation: "munmap"; the number if no operation has that code."""
    try:
        return Op(op).name.lower()
    except ValueError:
        return str(op)


def own_namespace() -> int:
    """The inode number of this process's pid namespace, 0 where it cannot be read."""
    try:
        return Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return 0


def thread_state(info: ParticipantInfo) -> str:
    """What the kernel says that a participant's thread does; "" if its pids are not ours."""
    if not info.alive or info.pid_namespace != own_namespace() or not info.pid_namespace:
        return ""
    return _state(Path(f"/proc/{info.pid}/task/{info.tid}/stat"))


def process_state(pid: int) -> str:
    """What the kernel says that the first thread of a process does; "" if there is none."""
    return _state(Path(f"/proc/{pid}/stat"))


def _state(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return _STATES.get(text.rpartition(")")[2].split()[0], "")


def ages_of(
    since: Callable[[int], tuple[int | None, int | None]], *, now_ns: int = 0
) -> Callable[[int], Ages]:
    """Ages, from the times at which an operation and a wait began (SegmentView.since).

    Args:
        now_ns: of CLOCK_MONOTONIC; 0: now.
    """
    now_ns = now_ns or time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def ages(index: int) -> Ages:
        operation_ns, wait_ns = since(index)
        return Ages(_age(now_ns, operation_ns), _age(now_ns, wait_ns))

    return ages


def _age(now_ns: int, then_ns: int | None) -> int | None:
    """What began after "now" was read has lasted for nothing."""
    return None if then_ns is None else max(0, now_ns - then_ns)


def tasks(
    participants: Iterable[ParticipantInfo],
    locks: Iterable[LockInfo],
    ages: Callable[[int], Ages],
    state: Callable[[ParticipantInfo], str] = thread_state,
) -> list[Task]:
    """Everybody who is in the core, has or wants a lock, reads under RCU, or waits.

    Args:
        participants, locks: as of a Segment or a SegmentView.
        ages: by the index of a slot; counted from a moment before the rows were read.
        state: of a participant's thread; by default asked of this machine's kernel.
    """
    of: dict[int, list[LockInfo]] = {}
    for lock in locks:
        of.setdefault(lock.participant, []).append(lock)
    infos = list(participants)
    readers = {info.index for info in infos if info.rcu_active}
    since = {info.index: ages(info.index) for info in infos}
    return [
        _task(info, of.get(info.index, []), since[info.index], state(info), readers)
        for info in infos
        if info.in_core or info.index in of or info.rcu_active or since[info.index].wait_ns
    ]


def _task(
    info: ParticipantInfo, locks: list[LockInfo], ages: Ages, state: str, readers: set[int]
) -> Task:
    wants = next((lock for lock in locks if lock.state == "waiting"), None)
    waits = info.blocked or (not info.in_core and ages.wait_ns is not None)  # a library user
    if wants is None and waits and readers - {info.index}:
        wants = GRACE_PERIOD  # of an instance that keeps no events, nothing else is known
    return Task(
        participant=info.index,
        pid=info.pid,
        tid=info.tid,
        role=info.role,
        comm=info.comm,
        alive=info.alive,
        state=state,
        operation=operation_name(info.op) if info.in_core and info.op else "",
        ages=ages,
        reads_rcu=info.rcu_active,
        holds=tuple(lock for lock in locks if lock.state == "held"),
        wants=wants,
        rcu=info.rcu,
    )


_Lock = tuple[str, int, int, int]


def _key(lock: LockInfo) -> _Lock | None:
    """Which lock that is; None for that of a VMA that was freed since, which is nobody's."""
    if lock.name == "vm_lock" and not lock.mm:
        return None
    return lock.name, lock.mm, lock.start, lock.end


def _edges(everybody: Sequence[Task]) -> dict[int, list[int]]:
    """By participant: who holds it up. Nobody: it does not wait, or it is about to go on."""
    holders: dict[_Lock, list[tuple[int, str]]] = {}
    writers: dict[_Lock, list[int]] = {}
    for task in everybody:
        for lock in task.holds:
            if (key := _key(lock)) is not None:
                holders.setdefault(key, []).append((task.participant, lock.mode))
        if task.wants is not None and task.wants.mode == "W" and (key := _key(task.wants)):
            writers.setdefault(key, []).append(task.participant)
    readers = [task.participant for task in everybody if task.reads_rcu]

    def held_up_by(task: Task) -> list[int]:
        if task.wants is None:
            return []
        if task.wants.name == GRACE_PERIOD.name:
            return readers
        key, mode = _key(task.wants), task.wants.mode
        if key is None:
            return []
        found = [who for who, held in holders.get(key, []) if "W" in (mode, held)]
        return found or ([] if mode == "W" else writers.get(key, []))

    return {
        task.participant: [other for other in held_up_by(task) if other != task.participant]
        for task in everybody
    }


def _circling(edges: dict[int, list[int]]) -> dict[int, set[int]]:
    """Those whose waits lead into a circle, and whom each of them leads to; mostly none."""
    left = {one: {other for other in others if edges[other]} for one, others in edges.items()}
    before: dict[int, list[int]] = {}
    for one, others in left.items():
        for other in others:
            before.setdefault(other, []).append(one)
    ends = [one for one, others in left.items() if not others]
    while ends:
        end = ends.pop()
        del left[end]
        for one in before.get(end, ()):
            left[one].discard(end)
            if not left[one]:
                ends.append(one)
    return {one: _reached(one, left) for one in left}


def _reached(start: int, edges: dict[int, set[int]]) -> set[int]:
    """Everybody that the waits of one lead to."""
    seen: set[int] = set()
    todo = list(edges[start])
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            todo.extend(edges[one])
    return seen


def forest(everybody: Sequence[Task]) -> list[Tree]:
    """The trees of all who wait, each task once; the one with the longest wait first.

    A task that waits, and nobody was seen to hold it up, is a root with nothing under it.
    """
    of = {task.participant: task for task in everybody}
    edges = _edges(everybody)
    circling = _circling(edges)

    def rank(one: int, other: int) -> tuple[bool, int, int, int]:
        wants = of[one].wants
        oldest = -of[other].rcu if wants and wants.name == GRACE_PERIOD.name else 0
        return one in circling.get(other, ()), oldest, of[other].ages.operation_ns or 0, -other

    above = {
        one: max(others, key=lambda other: rank(one, other))
        for one, others in edges.items()
        if others
    }
    roots = [one for one in edges if one not in above]
    circles = []
    for one in sorted(circling):
        members = _circle(one, above)
        if members:  # the first of a circle stands for it
            del above[min(members)]
            circles.append((min(members), members))
    below = _below(above, [*roots, *(root for root, _ in circles)])

    def tree(one: int, circle: bool = False) -> Tree:
        under = sorted((tree(other) for other in below.get(one, [])), key=_order)
        return Tree(of[one], tuple(under), circle)

    found = [tree(one) for one in roots if one in below or of[one].wants is not None]
    found += [tree(root, _lasts(of[one] for one in members)) for root, members in circles]
    return sorted(found, key=lambda root: -root.longest_s)


def _below(above: dict[int, int], roots: list[int]) -> dict[int, list[int]]:
    """Who stands under whom, at most DEPTH_MAX deep: those that would be deeper stand there too."""
    waiters: dict[int, list[int]] = {}
    for one, other in above.items():
        waiters.setdefault(other, []).append(one)
    below: dict[int, list[int]] = {}
    level = [(root, root) for root in roots]  # a task, and whom its waiters are to stand under
    depth = 0
    while level:
        deeper = [(one, under) for task, under in level for one in waiters.get(task, ())]
        for one, under in deeper:
            below.setdefault(under, []).append(one)
        level = [(one, one if depth < DEPTH_MAX else under) for one, under in deeper]
        depth += 1
    return below


def _order(tree: Tree) -> tuple[float, int]:
    return -tree.task.wait_s, tree.task.participant


def _circle(one: int, above: dict[int, int]) -> list[int]:
    """The members of the circle that the waits of one lead into; none: into none."""
    path: list[int] = []
    at: int | None = one
    while at is not None and at not in path:
        path.append(at)
        at = above.get(at)
    return [] if at is None else path[path.index(at) :]


def _lasts(members: Iterable[Task]) -> bool:
    """All of them waited already when the look began. Without events no age is known, and a circle
    is taken for what it seems."""
    ages = [task.ages.wait_ns for task in members]
    return all((age or 0) > 0 for age in ages) or all(age is None for age in ages)


def hung(trees: Iterable[Tree], after_s: float) -> list[Tree]:
    """The trees in which somebody has waited so long, or will wait for ever.

    The wait of a thread that is stopped, or dead, does not count: nobody's lock keeps it from going
    on. What it holds counts, by the waits of others.
    """
    return [
        tree for tree in trees
        if tree.circle or (tree.held_up_s is not None and tree.held_up_s >= after_s)
    ]  # fmt: skip


def chain(tree: Tree, task: Task) -> list[Task]:
    """From a task of the tree to its root: each waits for the next one."""
    if tree.task.participant == task.participant:
        return [tree.task]
    for under in tree.waiters:
        found = chain(under, task)
        if found:
            return [*found, tree.task]
    return []


# --- as rows and as text ---


def _lock_row(lock: LockInfo) -> dict[str, object]:
    row: dict[str, object] = {"name": lock.name, "mode": lock.mode, "mm": lock.mm}
    return row | {"vma_start": lock.start, "vma_end": lock.end}


def task_row(task: Task) -> dict[str, object]:
    """A task for JSON; operation_ns and wait_ns are None where they are not known."""
    return {
        **{name: getattr(task, name) for name in ("participant", "pid", "tid", "role", "comm")},
        **{name: getattr(task, name) for name in ("alive", "state", "operation", "reads_rcu")},
        "operation_ns": task.ages.operation_ns,
        "wait_ns": task.ages.wait_ns,
        "holds": [_lock_row(lock) for lock in task.holds],
        "wants": None if task.wants is None else _lock_row(task.wants),
    }


def tree_row(tree: Tree) -> dict[str, object]:
    """A tree for JSON: the task, with those that wait for it under "waiters"."""
    waiters = [tree_row(under) for under in tree.waiters]
    return {**task_row(tree.task), "deadlock": tree.circle, "waiters": waiters}


def seconds(ns: int | None) -> str:
    """ " for 12.3 s"; "" if it is not known."""
    return "" if ns is None else f" for {ns / 1e9:.1f} s"


def lock_text(lock: LockInfo) -> str:
    """mmap_lock W of mm 65537."""
    if lock.name == GRACE_PERIOD.name:
        return "a grace period"
    if lock.name.startswith(MUTEXES):
        return f"{lock.name} of mm {lock.mm}" if lock.mm else lock.name
    if lock.name == "user":
        return f"user lock {lock.start} {lock.mode}"
    if lock.name == "file lock":
        return f"file lock {lock.mode} of file {lock.start}"
    place = f" {lock.start:x}-{lock.end:x}" if lock.end else ""
    return f"{lock.name} {lock.mode}{place} of mm {lock.mm}" if lock.mm else f"a {lock.name}"


def who_text(task: Task) -> str:
    """pid 4242 (client python3, participant 3)."""
    comm = "".join(c if c.isprintable() else "?" for c in task.comm)  # anybody chose it
    return f"pid {task.pid} ({task.role} {comm}, participant {task.participant})"


def doing_text(task: Task) -> str:
    """stopped, in munmap for 12.3 s, holds mmap_lock W of mm 65537, waits for ..."""
    parts = []
    if not task.alive:
        parts.append("dead")
    elif task.state in ("stopped", "traced", "dead"):
        parts.append(task.state)
    if task.operation:
        parts.append(f"in {task.operation}{seconds(task.ages.operation_ns)}")
    if task.holds:
        parts.append("holds " + " and ".join(map(lock_text, task.holds)))
    if task.reads_rcu:
        parts.append("in an RCU read section")
    if task.wants is not None:
        parts.append(f"waits for {lock_text(task.wants)}{seconds(task.ages.wait_ns)}")
    return ", ".join(parts)


def lines(tree: Tree) -> list[str]:
    """The tree as text, a task a line."""
    head = f"{who_text(tree.task)}: {doing_text(tree.task)}"
    if tree.circle:
        head = f"deadlock: {head}"
    return [head, *_branches(tree)]


def _branches(tree: Tree) -> list[str]:
    text = []
    for number, under in enumerate(tree.waiters):
        last = number == len(tree.waiters) - 1
        text.append(f"{'└─' if last else '├─'} {who_text(under.task)}: {doing_text(under.task)}")
        text += [("   " if last else "│  ") + line for line in _branches(under)]
    return text


EVENTS_SHOWN: Final = 20
"""The last events of who holds others up, in a report."""


def event_lines(events: Sequence[Event]) -> list[str]:
    """The last events, an event a line: how long before now, what, and of what."""
    now_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    return [_event_line(event, now_ns) for event in events[-EVENTS_SHOWN:]]


def _event_line(event: Event, now_ns: int) -> str:
    return f"{(event.time_ns - now_ns) / 1e9:+.6f} s {event_text(event)}"


def duration(ns: int) -> str:
    """A time that people read: 350 ns, 12.3 us, 4.56 ms, 7.89 s."""
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}" if ns < 99.95 * size else f"{ns / size:.0f} {unit}"
    return f"{ns} ns"


def event_text(event: Event) -> str:
    """What an event says, in words."""
    of = f"{event.lock}{f' of mm {event.mm}' if event.mm else ''}"
    op = operation_name(event.op)
    match event.kind:
        case "join" | "leave":
            return f"pid {event.value} {event.kind}s"
        case "begin":
            return f"{op} begins: mm {event.mm}, {event.value:#x}"
        case "end":
            return (
                f"{op} ends: {event.value:#x}" if event.value >= 0 else f"{op} ends: {event.value}"
            )
        case "fault":
            return f"fault (one of many): mm {event.mm}, {event.value:#x}"
        case "fallback":
            return f"fault takes mmap_lock, {event.reason}: mm {event.mm}, {event.value:#x}"
        case "taken":
            return f"takes {of}"
        case "downgraded":
            return f"downgrades to {of}"
        case "given":
            return f"releases {of}"
        case "wait":
            owner = f", slot {event.value - 1} has it" if event.value else ""
            return f"waits for {of}{owner}"
        case "waited" | "gave up":
            end = "has" if event.kind == "waited" else "gives up"
            return f"{end} {of} after {duration(event.value)}"
        case "woke":
            return f"wakes who waits for {of}"
        case "recover":
            return f"recovery begins: {event.value} dead"
        case _:
            return "recovery ends" if event.kind == "recovered" else event.kind
