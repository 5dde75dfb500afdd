# SPDX-License-Identifier: Apache-2.0
"""The pages of `vmalab top`: what stands above all of them, and one for each view."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from vmalab_cli.live import figures
from vmalab_cli.live.page import Column, Page, Row, Zoom
from vmalab_cli.live.world import (
    LOCK_COUNTERS,
    Heat,
    LockKey,
    Look,
    Seen,
    Since,
    World,
    key_of,
    name_of,
    state_of,
)
from vmalab_native.records import LockInfo, MmInfo, SlabInfo
from vmalab_native.sample import CALLS, WAITS, Attached
from vmalab_native.waiting import Task, Tree, lock_text
from vmalab_server.roster import WorkerEntry

NO_INSTANCE: Final = "no instance is running: start one with `vmalab serve`"
LONG_WAIT_S: Final = 1.0
"""A wait of so long is shown as something wrong."""

# --- above all pages ---


def about(look: Look) -> list[str]:
    """Five lines about an instance; what is wrong with it is not among them."""
    sample = look.sample
    if sample is None:
        return [f"{look.name}: nothing is known of it", "", "", "", ""]
    roles = [one.info.role for one in sample.attached]
    workers = {one.info.pid for one in sample.attached if one.info.role == "worker"}
    served = f"  {look.roster.shared_address}" if look.roster else ""
    return [
        f"{look.name}: {look.state}  {sample.info.model} {sample.info.layout}{served}",
        f"workers {len(workers)}  clients {roles.count('client')}  threads {len(roles)}"
        f"  spaces {len(sample.mms)}  {_slabs(sample.caches)}",
        f"faults/s {figures.per_second(look.faults)}  calls/s {figures.per_second(look.calls)}"
        f"  waits/s {figures.per_second(look.waits)}  {_gave_up(look)}",
        "vma_lock/s "
        + "  ".join(
            f"{name.removeprefix('vma_lock_')} {figures.per_second(look.rate(name))}"
            for name in LOCK_COUNTERS
        ),
        _oldest_reader(look),
    ]


def _gave_up(look: Look) -> str:
    """For which reason faults gave the lock of their VMA up most often in the last interval."""
    counters = look.sample.counters if look.sample else {}
    reasons = {name: look.rate(name) or 0.0 for name in counters if name.startswith("abort_")}
    most = max(reasons, key=lambda name: reasons[name], default="")
    if not most or not reasons[most]:
        return "no fault gave up"
    return f"gave up: {most} {figures.per_second(reasons[most])}/s"


def _slabs(caches: Iterable[SlabInfo]) -> str:
    rows = list(caches)
    used, all_of_them = sum(one.active_objs for one in rows), sum(one.num_objs for one in rows)
    allocs, reuses = sum(one.allocs for one in rows), sum(one.reuses for one in rows)
    text = f"slab {figures.percent(used, all_of_them)} used"
    return f"{text}, {figures.percent(reuses, allocs)} reused"


def _oldest_reader(look: Look) -> str:
    found = look.oldest_reader()
    if found is None or look.sample is None:
        return "no RCU reader"
    one, since = found
    behind = max(0, look.sample.grace_period - one.rcu)
    age = figures.seconds(look.sample.at_ns - since.ns, at_least=since.at_least)
    ended = "" if one.info.alive else ", dead"
    name = name_of(one, look.roster)
    return (
        f"oldest RCU reader: {name}, pid {one.info.pid}{ended}, {age},"
        f" {figures.count(behind)} grace periods behind"
    )


def wrong(look: Look) -> list[str]:
    """What is wrong with an instance: two lines at most."""
    if look.error:
        return [look.error]
    if look.sample and look.sample.broken:
        return [f"broken: {look.sample.broken}"]
    long = (one for one in look.trees if one.waiters)
    tree = next((one for one in long if one.circle or (one.held_up_s or 0) >= LONG_WAIT_S), None)
    if tree is None:
        return []
    return [holder(tree, look), held_up(tree)]


def all_wrong(world: World) -> list[str]:
    """What is wrong with each instance, the first line of it."""
    return [f"{look.name}: {lines[0]}" for look in world.looks if (lines := wrong(look))]


def holder(tree: Tree, look: Look) -> str:
    """Who holds all others of a tree up, in which operation, since when."""
    task = tree.task
    one = look.thread(task.participant)
    name = name_of(one, look.roster) if one else task.role
    state = task.state if task.alive and task.state in ("stopped", "traced") else ""
    parts = [f"pid {task.pid} ({name})", state if task.alive else "dead"]
    if task.operation:
        since = look.seen.get(one.life, Seen()).operation if one else None
        parts.append(f"in {task.operation}{_age(look, since, ' for ')}")
    return ("deadlock: " if tree.circle else "") + ", ".join(part for part in parts if part)


def held_up(tree: Tree) -> str:
    """What the root of a tree holds that others want, and how many wait."""
    wants = [under.task.wants for under in tree.waiters if under.task.wants]
    wanted = {key_of(lock): lock for lock in wants}
    held = [lock for lock in tree.task.holds if key_of(lock) in wanted]
    what = lock_text(held[0]) if held else lock_text(next(iter(wanted.values())))
    count = sum(1 for _ in tree.below())
    longest = figures.seconds(int(tree.longest_s * 1e9))
    verb = "holds" if held else "holds up"
    return f"  {verb} {what}: {count} {'waits' if count == 1 else 'wait'}, the longest {longest}"


def _age(look: Look, since: Since | None, before: str = "") -> str:
    if since is None or look.sample is None:
        return ""
    return before + figures.seconds(look.sample.at_ns - since.ns, at_least=since.at_least)


# --- instances ---

_INSTANCES: Final = (
    Column("instance", 13, left=True), Column("state", 9, left=True),
    Column("lock model", 14, left=True), Column("threads", 7), Column("spaces", 6),
    Column("faults/s", 8), Column("calls/s", 7), Column("waits/s", 7),
)  # fmt: skip


def instances(world: World) -> Page:
    """All instances of the machine."""
    rows = []
    for look in world.looks:
        sample = look.sample
        rates = (look.faults, look.calls, look.waits)
        sizes = (len(sample.attached), len(sample.mms)) if sample else (0, 0)
        state = "error" if look.error else look.state
        model = sample.info.model if sample else ""
        rows.append(
            Row(
                key=look.name,
                cells=(look.name, state, model, *map(str, sizes), *map(figures.per_second, rates)),
                order=(look.name, state, model, *sizes, *(rate or 0.0 for rate in rates)),
                instance=look.name,
                bad=bool(wrong(look)),
            )
        )
    return Page("Instances", _INSTANCES, tuple(rows), NO_INSTANCE)


# --- threads ---

_WORKERS: Final = (
    Column("who", 13, left=True), Column("pid", 8), Column("core", 4),
    Column("state", 8, left=True), Column("operation", 14, left=True), Column("since", 8),
    Column("faults/s", 8), Column("calls/s", 7),
)  # fmt: skip
_CLIENTS: Final = (
    Column("who", 16, left=True), Column("pid", 8), Column("slot", 4),
    Column("state", 8, left=True), Column("operation", 13, left=True), Column("since", 8),
    Column("faults/s", 8), Column("calls/s", 7),
)  # fmt: skip


def workers(look: Look) -> Page:
    """The threads of the server: its supervisor and its workers; and those that only look."""
    entries = look.roster.workers if look.roster else ()
    cores = {entry.pid: entry.cpu for entry in entries}
    attached = look.sample.attached if look.sample else ()
    rows = [
        _thread(look, one, cores.get(one.info.pid, -1))
        for one in attached
        if one.info.role != "client"
    ]
    pids = {one.info.pid for one in attached}
    rows += [_absent(entry) for entry in entries if entry.pid not in pids]
    return Page("Workers", _WORKERS, tuple(rows), "no server runs", sort=None)


def _absent(entry: WorkerEntry) -> Row:
    """A worker that is not attached: it starts, or has just died."""
    name, core = f"worker {entry.index}", str(entry.cpu) if entry.cpu >= 0 else ""
    return Row(
        key=name,
        cells=(name, str(entry.pid or "-"), core, entry.state, "", "", "-", "-"),
        order=(name, entry.pid, entry.cpu, entry.state, "", 0, 0.0, 0.0),
        bad=True,
    )


def clients(look: Look) -> Page:
    """The threads of processes that map the segment themselves."""
    rows = (
        _thread(look, one, one.info.index)
        for one in (look.sample.attached if look.sample else ())
        if one.info.role == "client"
    )
    empty = "no process maps the segment itself; clients of the server work through its workers"
    return Page("Clients", _CLIENTS, tuple(rows), empty, sort=6)


def _thread(look: Look, one: Attached, number: int) -> Row:
    """Args: number: what the third column has; -1: nothing."""
    name, state = name_of(one, look.roster), state_of(one)
    since = look.seen.get(one.life, Seen()).operation
    faults, calls = look.rates(one)
    lasted = look.sample.at_ns - since.ns if since and look.sample else 0
    return Row(
        key=one.life,
        cells=(
            *(name, str(one.info.pid), str(number) if number >= 0 else "", state, one.operation),
            *(_age(look, since), figures.per_second(faults), figures.per_second(calls)),
        ),
        order=(
            *(name, one.info.pid, number, state, one.operation, lasted),
            *(faults or 0.0, calls or 0.0),
        ),
        zoom=Zoom(look.name, "thread", one.life),
        bad=state in ("dead", "stopped"),
    )


# --- address spaces and VMAs ---

_SPACES: Final = (
    Column("space", 9), Column("VMAs", 6), Column("size", 6), Column("resident", 8),
    Column("tables", 6), Column("leases", 6), Column("holder", 14, left=True),
    Column("waiting", 7), Column("wait ms/s", 9),
)  # fmt: skip
_VMAS: Final = (
    Column("space", 9), Column("range", 25, left=True), Column("held", 4), Column("waiting", 7),
    Column("ms/s", 6), Column("waited", 7), Column("gave up", 7), Column("holder", 7),
)  # fmt: skip


def locks_of(look: Look) -> Mapping[LockKey, list[LockInfo]]:
    """Who announces which lock."""
    found: dict[LockKey, list[LockInfo]] = {}
    for lock in look.sample.locks if look.sample else ():
        found.setdefault(key_of(lock), []).append(lock)
    return found


def wait_ms(look: Look, heat: Heat) -> float:
    """ms of waiting in a second."""
    return heat.last_ns / 1e6 / look.seconds if look.seconds else 0.0


def spaces(look: Look) -> Page:
    """Address spaces, with who has their mmap_lock, a writer first, and how many wait for it."""
    locks = locks_of(look)
    rows = (
        _space(look, mm, locks.get(("mmap_lock", mm.id, 0, 0), []))
        for mm in (look.sample.mms if look.sample else ())
    )
    return Page("Spaces", _SPACES, tuple(rows), "no address space", sort=8)


def _space(look: Look, mm: MmInfo, locks: list[LockInfo]) -> Row:
    held = sorted((one for one in locks if one.state == "held"), key=lambda one: one.mode != "W")
    thread = look.thread(held[0].participant) if held else None
    who = f"{held[0].mode} {held[0].pid} {thread.operation if thread else ''}" if held else ""
    waiting = sum(one.state == "waiting" for one in locks)
    ms = wait_ms(look, look.heat.get(("mmap_lock", mm.id, 0, 0), Heat()))
    sizes = (mm.total_pages, mm.resident_pages)
    return Row(
        key=mm.id,
        cells=(
            *(str(mm.id), str(mm.map_count), *map(figures.pages, sizes), str(mm.table_pages)),
            *(str(mm.leases), who, str(waiting), figures.per_second(ms)),
        ),
        order=(mm.id, mm.map_count, *sizes, mm.table_pages, mm.leases, who, waiting, ms),
        zoom=Zoom(look.name, "space", (mm.id,)),
        bad=waiting > 0 and look.seconds > 0 and ms > 500,
    )


def vmas(look: Look) -> Page:
    """VMAs whose lock is held or waited for, or was since this view began, and those in which
    faults took mmap_lock: the hottest first."""
    locks = locks_of(look)
    keys = (*locks, *look.heat, *look.gave_up)
    known = {key for key in keys if key[0] == "vm_lock" and key[1]}
    rows = (_vma(look, key, locks.get(key, [])) for key in sorted(known))
    empty = "nobody holds or waits for the lock of a VMA, and no fault took mmap_lock"
    return Page("VMAs", _VMAS, tuple(rows), empty, sort=5)


def _vma(look: Look, key: LockKey, locks: list[LockInfo]) -> Row:
    _, mm, start, end = key
    heat = look.heat.get(key, Heat())
    held = [one for one in locks if one.state == "held"]
    waiting = sum(one.state == "waiting" for one in locks)
    ms, span = wait_ms(look, heat), f"{start:x}-{end:x}"
    holder = str(held[0].pid) if held else ""
    gave_up = sum(look.gave_up.get(key, {}).values())
    return Row(
        key=key,
        cells=(
            *(str(mm), span, str(len(held)), str(waiting), figures.per_second(ms)),
            *(figures.seconds(heat.waited_ns), figures.count(gave_up), holder),
        ),
        order=(mm, start, len(held), waiting, ms, heat.waited_ns, gave_up, holder),
        zoom=Zoom(look.name, "vma", (mm, start)),
    )


# --- locks ---

_LOCKS: Final = (
    Column("who", 26, left=True), Column("state", 8, left=True),
    Column("operation", 10, left=True), Column("since", 8), Column("lock", 23, left=True),
)  # fmt: skip


def locks(look: Look) -> Page:
    """Who waits for whom, as a tree; then those that hold a lock that nobody waits for."""
    rows: list[Row] = []
    for tree in look.trees:
        rows += _branches(look, tree, "", "")
    known = {row.key for row in rows}
    for one in look.sample.attached if look.sample else ():
        held = [
            lock
            for lock in (look.sample.locks if look.sample else ())
            if lock.participant == one.info.index and lock.state == "held"
        ]
        if held and one.life not in known:
            rows.append(_task(look, one, _short(held[0], "holds"), name_of(one, look.roster)))
    return Page("Locks", _LOCKS, tuple(rows), "no lock is held or waited for", sort=None)


def _short(lock: LockInfo, verb: str) -> str:
    """What fits into a column: holds mmap_lock W 65536."""
    if not lock.mm and lock.name not in ("user", "file lock"):
        return f"{verb} {lock.name}"
    return f"{verb} {lock.name} {lock.mode} {lock.mm or lock.start}"


def _branches(look: Look, tree: Tree, before: str, below: str) -> Iterator[Row]:
    """Args: before: what the name of the root has before it; below: what the others have."""
    one = look.thread(tree.task.participant)
    if one is not None:
        who = f"{before}{one.info.pid} {name_of(one, look.roster)}"
        yield _task(look, one, _wish(tree.task), who, bad=bool(tree.waiters))
    for number, under in enumerate(tree.waiters):
        last = number == len(tree.waiters) - 1
        yield from _branches(
            look, under, below + ("└ " if last else "├ "), below + ("  " if last else "│ ")
        )


def _wish(task: Task) -> str:
    if task.wants is not None:
        return _short(task.wants, "wants")
    return _short(task.holds[0], "holds") if task.holds else ""


def _task(look: Look, one: Attached, lock: str, who: str, *, bad: bool = False) -> Row:
    since = look.seen.get(one.life, Seen()).operation
    state = state_of(one)
    return Row(
        key=one.life,
        cells=(who, state, one.operation, _age(look, since), lock),
        order=(who, state, one.operation, -since.ns if since else 0, lock),
        zoom=Zoom(look.name, "thread", one.life),
        bad=bad or state in ("dead", "stopped"),
    )


# --- counters ---

_COUNTERS: Final = (
    Column("counter", 22, left=True), Column("total", 16), Column("per second", 11),
    Column("share %", 8), Column("of", 16, left=True),
)  # fmt: skip


def groups(names: Iterable[str]) -> dict[str, list[str]]:
    """Counters by what they count; each stands once."""
    left = list(names)
    kinds: tuple[tuple[str, Callable[[str], bool]], ...] = (
        ("VMA lock", lambda name: name in LOCK_COUNTERS),
        ("reasons", lambda name: name.startswith("abort_")),
        ("faults", lambda name: name.startswith("pgfault") or name.endswith("_faults")),
        ("waits", lambda name: name in WAITS),
        ("calls", lambda name: name in CALLS),
        ("VMAs", lambda name: name.startswith("vma_")),
        ("RCU", lambda name: name.startswith("rcu_")),
        ("others", lambda name: True),
    )
    found = {}
    for kind, fits in kinds:
        found[kind] = [name for name in left if fits(name)]
        left = [name for name in left if not fits(name)]
    return found


def counters(look: Look) -> Page:
    """The counters of vmstat: the four of the VMA lock and the reasons to give up first."""
    rows = []
    known = look.sample.counters if look.sample else {}
    for kind, names in groups(known).items():
        shared = sum(known[name] for name in names) if kind in ("VMA lock", "reasons") else 0
        for name in names:
            rate = look.rate(name)
            part = figures.share(known[name], shared) if shared else ""
            rows.append(
                Row(
                    key=name,
                    cells=(name, f"{known[name]:,}", figures.per_second(rate), part, kind),
                    order=(
                        *(name, known[name], rate or 0.0),
                        *(known[name] / shared if shared else 0.0, kind),
                    ),
                )
            )
    return Page("Counters", _COUNTERS, tuple(rows), "nothing is counted", sort=None)


# --- slab ---

_SLAB: Final = (
    Column("cache", 16, left=True), Column("used", 8), Column("objects", 8), Column("bytes", 5),
    Column("use %", 5), Column("slabs", 6), Column("allocs/s", 8), Column("frees/s", 8),
    Column("reuse %", 7),
)  # fmt: skip


def slab(look: Look) -> Page:
    """The caches: how full they are, and how many of their objects were there before."""
    before = {one.name: one for one in look.before.caches} if look.before else {}
    caches = look.sample.caches if look.sample else ()
    rows = (_cache(look, one, before.get(one.name)) for one in caches)
    return Page("Slab", _SLAB, tuple(rows), "no cache", sort=6)


def _cache(look: Look, one: SlabInfo, before: SlabInfo | None) -> Row:
    rates: tuple[float | None, float | None] = (None, None)
    if before is not None and look.seconds > 0:
        rates = (
            max(0, one.allocs - before.allocs) / look.seconds,
            max(0, one.frees - before.frees) / look.seconds,
        )
    sizes = (one.active_objs, one.num_objs, one.objsize)
    use, reuse = (one.active_objs, one.num_objs), (one.reuses, one.allocs)
    return Row(
        key=one.name,
        cells=(
            *(one.name, *map(str, sizes), figures.share(*use), str(one.num_slabs)),
            *(*map(figures.per_second, rates), figures.share(*reuse)),
        ),
        order=(
            *(one.name, *sizes, _ratio(*use), one.num_slabs),
            *(*(rate or 0.0 for rate in rates), _ratio(*reuse)),
        ),
    )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


OF_AN_INSTANCE: Final[Mapping[str, Callable[[Look], Page]]] = {
    "workers": workers,
    "clients": clients,
    "spaces": spaces,
    "vmas": vmas,
    "locks": locks,
    "counters": counters,
    "slab": slab,
}
VIEWS: Final = ("instances", *OF_AN_INSTANCE)
"""In the order of their keys, 1 to 8."""
TITLES: Final = ("Instances", "Workers", "Clients", "Spaces", "VMAs", "Locks", "Counters", "Slab")
"""As the line of the views has them."""


def view(world: World, look: Look | None, name: str) -> Page:
    """The page of a view."""
    if name == "instances":
        return instances(world)
    return OF_AN_INSTANCE[name](look or Look(""))


def columns(name: str) -> tuple[str, ...]:
    """The names of a view's columns."""
    return tuple(column.name for column in view(World(0, "", ()), None, name).columns)
