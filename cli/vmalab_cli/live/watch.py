# SPDX-License-Identifier: Apache-2.0
"""Looks at all instances, one look after the other, and keeps what the next look needs.

Each instance is looked at by a thread of its own. So one that is damaged, or that does not come
back, is a row with an error, and the others are shown all the same.

Each participant notes when its call and its wait began, and each wait that is over. A fault notes
nothing, because that would cost it time: since when it or an RCU reader is at it is observed. What
is the same in two looks has lasted for at least the time between them.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from vmalab_cli.live.page import Zoom
from vmalab_cli.live.world import (
    Close,
    GaveUp,
    Heat,
    LockKey,
    Look,
    Seen,
    Since,
    World,
    key_of,
)
from vmalab_native.checks import instances
from vmalab_native.errors import NativeError, NoSuchMm, SegmentDamaged
from vmalab_native.events import Event, Ring, events, waits
from vmalab_native.sample import Attached, Sample, same_file, take
from vmalab_native.segment_file import SegmentFile
from vmalab_native.view import SegmentView
from vmalab_native.waiting import Ages, Tree, forest, tasks
from vmalab_server import roster

PATIENCE_S: Final = 5.0
"""A look that takes longer is not waited for."""
VMAS_MAX: Final = 5000
"""VMAs of an address space that are read for one look."""
Over = tuple[LockKey, int, int]
"""A wait that is over: for what, when it ended, how long it was, in ns."""
HEAT_MAX: Final = 4096
"""Locks of which the waiting is remembered; the hottest stay. As many VMAs, with the reasons why
faults took mmap_lock."""
ASKED_MAX: Final = 256
"""Addresses of such faults whose VMA is looked for in one look."""


class Watch:
    """All instances of this machine, or those that are named."""

    def __init__(self, names: Sequence[str] = (), *, patience_s: float = PATIENCE_S) -> None:
        self._names = tuple(names)
        self._patience_s = patience_s
        self._eyes: dict[str, _Eye] = {}

    def look(self, zoom: Zoom | None = None) -> World:
        """One look at each instance.

        Args:
            zoom: what is read besides.
        """
        names = self._names or tuple(instances())
        for gone in [name for name in self._eyes if name not in names]:
            self._eyes.pop(gone).close()
        for name in names:
            eye = self._eyes.setdefault(name, _Eye(name))
            eye.begin(zoom if zoom and zoom.instance == name else None)
        deadline = time.monotonic() + self._patience_s
        for name in names:
            self._eyes[name].wait(max(0.0, deadline - time.monotonic()))
        late = f"it does not answer within {self._patience_s:g} s"
        return World(
            at_ns=time.clock_gettime_ns(time.CLOCK_MONOTONIC),
            clock=time.strftime("%H:%M:%S"),
            looks=tuple(self._eyes[name].found(late) for name in names),
        )

    def close(self) -> None:
        for eye in self._eyes.values():
            eye.close()
        self._eyes.clear()


class _Eye:
    """What looks at one instance."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._view: SegmentView | None = None
        self._rings: dict[int, Ring] = {}
        self._last = Look(name)
        self._thread: threading.Thread | None = None

    def begin(self, zoom: Zoom | None) -> None:
        """Start a look, unless the one before is still under way."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._look, args=(zoom,), name=f"look {self._name}", daemon=True
            )
            self._thread.start()

    def wait(self, seconds: float) -> None:
        if self._thread is not None:
            self._thread.join(seconds)

    def found(self, late: str) -> Look:
        """What the last look found; with the error `late` if it is not over."""
        if self._thread is not None and self._thread.is_alive():
            return replace(self._last, error=late, before=None)
        return self._last

    def close(self) -> None:
        """Close the file, unless a look that does not come back reads it."""
        if self._thread is not None and self._thread.is_alive():
            return
        if self._view is not None:
            self._view.file.close()
            self._view = None

    def _look(self, zoom: Zoom | None) -> None:
        try:
            view = self._opened()
            self._last = _next(self._last, view, self._rings, zoom)
        except SegmentDamaged as damage:
            what = damage.detail.removeprefix(f"instance {self._name!r}: ")
            self._failed(f"damaged: {what} (vmalab fsck --instance {self._name})")
        except (NativeError, OSError) as error:
            self._failed(str(error).removeprefix(f"instance {self._name!r}: "))
        except Exception as error:  # whatever one instance has in its file, the others go on
            self._failed(f"it cannot be looked at: {type(error).__name__}: {error}")

    def _failed(self, why: str) -> None:
        self._last = replace(self._last, error=why, before=None)

    def _opened(self) -> SegmentView:
        """The view of the file that the name leads to now."""
        if self._view is not None and not same_file(self._view.file):
            self._view.file.close()
            self._view = None
            self._rings.clear()
            self._last = Look(self._name)
        if self._view is None:
            self._view = SegmentView(SegmentFile.open(self._name, build=False))
        return self._view


def _next(last: Look, view: SegmentView, rings: dict[int, Ring], zoom: Zoom | None) -> Look:
    """The look that follows another one. rings: of each slot, as far as it was read."""
    sample = take(view)
    for one in sample.attached:
        rings.setdefault(one.info.index, Ring(view.file, one.info.index))
    new = [event for ring in rings.values() for event in ring.poll()[0]]
    over = list(_over(view, new))
    seen = _seen(last, sample)
    return Look(
        name=last.name,
        sample=sample,
        before=last.sample,
        roster=roster.find(last.name),
        seen=seen,
        heat=_heat(last, sample, seen, over),
        gave_up=_gave_up(last, view, new),
        trees=tuple(_trees(sample, seen)),
        close=_close(view, zoom),
    )


def _seen(last: Look, sample: Sample) -> Mapping[tuple[int, int], Seen]:
    """Since when each thread does what it does: as it has noted, else as it was observed."""
    before = {one.life: one for one in last.sample.attached} if last.sample else {}
    waiting = {lock.participant for lock in sample.locks if lock.state == "waiting"}
    found = {}
    for one in sample.attached:
        then = last.seen.get(one.life, Seen())
        goes_on = one.life in before and _same(before[one.life], one)
        fresh = Since(sample.at_ns, at_least=True)

        def since(noted: int | None, observed: Since | None) -> Since:
            if noted is not None:
                return Since(noted, at_least=False)
            return (goes_on and observed) or fresh  # noqa: B023 - called at once

        found[one.life] = Seen(
            operation=since(one.operation_ns, then.operation) if one.operation else None,
            wait=since(one.wait_ns, then.wait)
            if one.info.index in waiting or one.wait_ns is not None
            else None,
            reading=since(None, then.reading) if one.rcu else None,
        )
    return found


def _same(before: Attached, now: Attached) -> bool:
    """Whether a thread has done nothing that counts between two looks."""
    return (before.info.op, before.rcu, before.counters) == (now.info.op, now.rcu, now.counters)


def _trees(sample: Sample, seen: Mapping[tuple[int, int], Seen]) -> list[Tree]:
    """Who waits for whom."""
    of = {one.info.index: one for one in sample.attached}

    def ages(index: int) -> Ages:
        known = seen[of[index].life]
        return Ages(
            sample.at_ns - known.operation.ns if known.operation else None,
            sample.at_ns - known.wait.ns if known.wait else None,
        )

    infos = [one.info for one in sample.attached]
    return forest(tasks(infos, sample.locks, ages, lambda info: of[info.index].state))


def _heat(
    last: Look, sample: Sample, seen: Mapping[tuple[int, int], Seen], over: Iterable[Over]
) -> Mapping[LockKey, Heat]:
    """Waiting by lock. Of each wait the part that lies between the two looks is added.

    Args:
        over: waits that have ended since the last look.
    """
    found = {key: Heat(heat.waited_ns) for key, heat in last.heat.items()}
    if last.sample is None:
        return found
    begin = last.sample.at_ns

    def add(key: LockKey, ns: int) -> None:
        if ns > 0:
            old = found.get(key, Heat())
            found[key] = Heat(old.waited_ns + ns, old.last_ns + ns)

    for key, end_ns, ns in over:
        add(key, min(ns, end_ns - begin))
    of = {one.info.index: one for one in sample.attached}
    for lock in sample.locks:
        wait = seen[of[lock.participant].life].wait if lock.participant in of else None
        if lock.state == "waiting" and wait is not None:
            add(key_of(lock), sample.at_ns - max(begin, wait.ns))
    if len(found) > HEAT_MAX:
        hottest = sorted(found.items(), key=lambda pair: pair[1].waited_ns, reverse=True)
        found = dict(hottest[:HEAT_MAX])
    return found


def _over(view: SegmentView, new: Iterable[Event]) -> Iterator[Over]:
    """Waits for locks of address spaces and VMAs that have ended since the rings were read."""
    known: dict[int, LockKey] = {}
    for event in new:
        if event.kind in ("waited", "gave up") and event.lock.startswith(("mmap_", "vm_")):
            if event.ref not in known:
                known[event.ref] = view.lock_at(event.ref)
            if known[event.ref][1]:
                yield known[event.ref], event.time_ns, event.value


def _gave_up(last: Look, view: SegmentView, new: Iterable[Event]) -> GaveUp:
    """Why faults took mmap_lock, by VMA: what was known, and what is new since the last look."""
    found = {key: Counter(reasons) for key, reasons in last.gave_up.items()}
    if last.sample is None:  # before this view began
        return found
    fallbacks = [event for event in new if event.kind == "fallback"]
    places = Counter((event.mm, event.value) for event in fallbacks)
    asked = {place for place, _ in places.most_common(ASKED_MAX)}
    of = {(mm, addr): _vma_at(view, mm, addr) for mm, addr in asked}
    for event in fallbacks:
        key = of.get((event.mm, event.value))
        if key is not None and (key in found or len(found) < HEAT_MAX):
            found.setdefault(key, Counter())[event.reason] += 1
    return found


def _vma_at(view: SegmentView, mm: int, addr: int) -> LockKey | None:
    """The VMA at an address, as its lock is named; None: nothing is mapped there now."""
    try:
        vma = view.query_vma(mm, addr, 0)
    except NoSuchMm:
        return None
    return ("vm_lock", mm, vma.start, vma.end) if vma else None


def _close(view: SegmentView, zoom: Zoom | None) -> Close:
    """What is zoomed into; nothing if it has ended."""
    try:
        if zoom is None:
            return Close()
        mm, *rest = zoom.key
        if zoom.kind == "thread":
            slot = zoom.key[0]
            return Close(events=tuple(events(view.file, slot)), waits=waits(view.file, slot))
        if zoom.kind == "vma":
            vma = view.query_vma(mm, rest[0], 0)
            return Close((vma,) if vma else ())
        vmas = tuple(itertools.islice(view.vma_rows(mm), VMAS_MAX + 1))
        return Close(vmas[:VMAS_MAX], more=len(vmas) > VMAS_MAX)
    except NoSuchMm:
        return Close()
