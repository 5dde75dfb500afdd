# SPDX-License-Identifier: Apache-2.0
"""The pages of one thing: an address space, a VMA, a thread."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Final

from vmalab_cli.live import figures
from vmalab_cli.live.page import Column, Page, Row, Zoom
from vmalab_cli.live.views import locks_of, wait_ms
from vmalab_cli.live.world import Heat, LockKey, Look, Seen, name_of, state_of
from vmalab_native.events import Event
from vmalab_native.records import LockInfo, MmInfo, VmaInfo
from vmalab_native.sample import Attached
from vmalab_native.waiting import lock_text, operation_name

_LETTERS: Final = ((1, "r"), (2, "w"), (4, "x"))


def page(look: Look, zoom: Zoom) -> Page:
    """What is seen of it now; a page without rows, that says so, when it has ended."""
    if zoom.kind == "space":
        return space(look, zoom.key[0])
    if zoom.kind == "vma":
        return vma(look, *zoom.key)
    return thread(look, zoom.key)


# --- an address space ---

_SPACE: Final = (
    Column("range", 27, left=True), Column("perm", 4, left=True), Column("size", 6),
    Column("held", 4), Column("waiting", 7), Column("waited", 8), Column("name", 17, left=True),
)  # fmt: skip


def space(look: Look, mm: int) -> Page:
    """Its sizes, who has its mmap_lock, and its VMAs."""
    info = next((one for one in (look.sample.mms if look.sample else ()) if one.id == mm), None)
    title = f"Address space {mm} of {look.name}"
    if info is None:
        return Page(title, _SPACE, (), "it has ended", sort=None)
    locks = locks_of(look)
    rows = (_vma_row(look, mm, one, locks) for one in look.close.vmas)
    return Page(
        title,
        _SPACE,
        tuple(rows),
        "nothing is mapped",
        facts=(*_sizes(info), _mmap_lock(look, mm, locks)),
        sort=None,
        left_out=look.close.more,
    )


def _sizes(info: MmInfo) -> tuple[str, str]:
    pages = figures.pages
    return (
        f"VMAs {info.map_count}  size {pages(info.total_pages)}"
        f"  resident {pages(info.resident_pages)}  page tables {info.table_pages}",
        f"leases {info.leases}  data {pages(info.data_pages)}  locked {pages(info.locked_pages)}"
        f"  account {info.account}  writes so far {info.mm_lock_seq}",
    )


def _mmap_lock(look: Look, mm: int, locks: Mapping[LockKey, list[LockInfo]]) -> str:
    key = ("mmap_lock", mm, 0, 0)
    rows = locks.get(key, [])
    held = ", ".join(f"{one.mode} by {one.pid}" for one in rows if one.state == "held")
    waiting = [one for one in rows if one.state == "waiting"]
    ms = wait_ms(look, look.heat.get(key, Heat()))
    return (
        f"mmap_lock: {f'held {held}' if held else 'free'}; {len(waiting)} waiting,"
        f" {figures.per_second(ms)} ms/s"
    )


def perms(one: VmaInfo) -> str:
    """As maps has them: rw-p."""
    letters = "".join(letter if one.flags & bit else "-" for bit, letter in _LETTERS)
    return letters + ("s" if one.flags & 8 else "p")


def _vma_row(look: Look, mm: int, one: VmaInfo, locks: Mapping[LockKey, list[LockInfo]]) -> Row:
    key = ("vm_lock", mm, one.start, one.end)
    rows = locks.get(key, [])
    held = sum(lock.state == "held" for lock in rows)
    waiting = sum(lock.state == "waiting" for lock in rows)
    heat = look.heat.get(key, Heat())
    pages = (one.end - one.start) >> 12
    waited = figures.seconds(heat.waited_ns) if heat.waited_ns else "-"
    return Row(
        key=one.start,
        cells=(
            *(f"{one.start:x}-{one.end:x}", perms(one), figures.pages(pages), str(held)),
            *(str(waiting), waited, _printable(one.name)),
        ),
        order=(one.start, perms(one), pages, held, waiting, heat.waited_ns, one.name),
        zoom=Zoom(look.name, "vma", (mm, one.start)),
        bad=waiting > 0,
    )


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name)


# --- a VMA ---

_VMA: Final = (
    Column("who", 22, left=True), Column("pid", 8), Column("state", 8, left=True),
    Column("operation", 12, left=True), Column("lock", 10, left=True), Column("since", 8),
)  # fmt: skip


def vma(look: Look, mm: int, start: int) -> Page:
    """Its line of maps, and who holds or wants its lock."""
    title = f"VMA {start:x} of address space {mm} of {look.name}"
    one = next((one for one in look.close.vmas if one.start == start), None)
    if one is None:
        return Page(title, _VMA, (), "it has been unmapped, or begins elsewhere now", sort=None)
    key = ("vm_lock", mm, one.start, one.end)
    heat = look.heat.get(key, Heat())
    file = f"  offset {one.offset:x}  inode {one.inode}" if one.inode else ""
    name = f"  {_printable(one.name)}" if one.name else ""
    rows = []
    for lock in locks_of(look).get(key, []):
        who = look.thread(lock.participant)
        if who is not None:
            rows.append(_holder(look, who, lock))
    return Page(
        title,
        _VMA,
        tuple(rows),
        "nobody holds or waits for its lock",
        facts=(
            f"{one.start:x}-{one.end:x} {perms(one)}"
            f" {figures.pages((one.end - one.start) >> 12)}{file}{name}",
            f"waited for: {figures.seconds(heat.waited_ns)} in all,"
            f" {figures.per_second(wait_ms(look, heat))} ms/s",
            _reasons(look.gave_up.get(key, {})),
        ),
        sort=None,
    )


def _reasons(gave_up: Mapping[str, int]) -> str:
    """For which reasons faults took mmap_lock, the most frequent first."""
    most = sorted(gave_up.items(), key=lambda pair: -pair[1])
    text = ", ".join(f"{reason} {figures.count(times)}" for reason, times in most)
    return f"faults that took mmap_lock: {text}" if text else "no fault took mmap_lock"


def _holder(look: Look, one: Attached, lock: LockInfo) -> Row:
    seen = look.seen.get(one.life, Seen())
    since = seen.wait if lock.state == "waiting" else seen.operation
    lasted = look.sample.at_ns - since.ns if since and look.sample else 0
    what = f"{lock.state} {lock.mode}"
    age = figures.seconds(lasted, at_least=since.at_least) if since else ""
    name = name_of(one, look.roster)
    return Row(
        key=(one.life, what),
        cells=(name, str(one.info.pid), state_of(one), one.operation, what, age),
        order=(name, one.info.pid, state_of(one), one.operation, what, lasted),
        zoom=Zoom(look.name, "thread", one.life),
        bad=lock.state == "waiting" or state_of(one) in ("dead", "stopped"),
    )


# --- a thread ---

_THREAD: Final = (
    Column("ago", 8), Column("event", 10, left=True), Column("operation", 12, left=True),
    Column("lock", 15, left=True), Column("space", 8), Column("what", 21, left=True),
)  # fmt: skip


def thread(look: Look, life: tuple[int, ...]) -> Page:
    """What it does, holds and wants, and its last events."""
    rows = look.sample.attached if look.sample else ()
    one = next((one for one in rows if one.life == life), None)
    if one is None:
        return Page(f"Thread in slot {life[0]} of {look.name}", _THREAD, (), "it has left")
    return Page(
        f"{name_of(one, look.roster)}, pid {one.info.pid}, of {look.name}",
        _THREAD,
        tuple(_event(look, event) for event in reversed(look.close.events)),
        "it has noted nothing",
        facts=(*_doing(look, one), _announced(look, one), _waited(look)),
        sort=None,
    )


def _event(look: Look, event: Event) -> Row:
    ago = look.sample.at_ns - event.time_ns if look.sample else 0
    cells = (
        *(figures.seconds(ago), event.kind, operation_name(event.op) if event.op else ""),
        *(event.lock, str(event.mm or ""), what(event)),
    )
    return Row(key=event.number, cells=cells, order=(ago, *cells[1:]), bad=event.kind == "gave up")


def what(event: Event) -> str:
    """What the value of an event means."""
    if event.kind in ("waited", "gave up"):
        return figures.seconds(event.value)
    if event.kind == "fallback":
        return f"{event.value:x} {event.reason}"
    if event.kind in ("begin", "fault"):
        return f"{event.value:x}"
    if event.kind == "end":
        return _result(event.value)
    if event.kind == "wait":
        return f"slot {event.value - 1} has it" if event.value else ""
    if event.kind in ("join", "leave"):
        return f"pid {event.value}"
    return str(event.value) if event.kind in ("recover", "recovered") else ""


def _result(value: int) -> str:
    """An errno by its name; an address, a number."""
    if value < 0:
        return errno.errorcode.get(-value, str(value))
    return f"{value:x}" if value > 0xFFFF else str(value)


def _waited(look: Look) -> str:
    """How long it has waited for which class of locks."""
    longest = sorted(look.close.waits.items(), key=lambda pair: -pair[1].ns)
    parts = [f"{name} {figures.seconds(one.ns)} in {one.waits}" for name, one in longest[:3]]
    return f"waited for {', '.join(parts)}" if parts else "no wait is over yet"


def _doing(look: Look, one: Attached) -> tuple[str, str]:
    seen = look.seen.get(one.life, Seen())
    now = look.sample.at_ns if look.sample else 0

    def age(name: str) -> str:
        since = getattr(seen, name)
        return f" for {figures.seconds(now - since.ns, at_least=since.at_least)}" if since else ""

    operation = f"in {one.operation}{age('operation')}" if one.operation else "in no operation"
    reading = f"in an RCU read section{age('reading')}" if one.rcu else "in no RCU read section"
    info = one.info
    rates = [figures.per_second(rate) for rate in look.rates(one)]
    return (
        f"slot {info.index}  tid {info.tid}  leases {info.leases}"
        f"  faults {one.faults:,} ({rates[0]}/s)  calls {one.calls:,} ({rates[1]}/s)",
        f"{state_of(one)}, {operation}, {reading}",
    )


def _announced(look: Look, one: Attached) -> str:
    """The locks that it has, and the one that it waits for."""
    mine = [
        lock
        for lock in (look.sample.locks if look.sample else ())
        if lock.participant == one.info.index and lock.state != "taking"
    ]
    verbs = {"held": "holds", "waiting": "waits for"}
    parts = [f"{verbs[lock.state]} {lock_text(lock)}" for lock in mine]
    return ", ".join(parts) or "holds no lock"
