# SPDX-License-Identifier: Apache-2.0
"""Runs a load from several processes and puts their findings together."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from vmalab_drive import drivers
from vmalab_loadgen.blocks import BRK_BASE
from vmalab_loadgen.caller import in_a_line
from vmalab_loadgen.config import LoadConfig as LoadConfig
from vmalab_loadgen.crew import Crew
from vmalab_loadgen.crew import LoadError as LoadError
from vmalab_loadgen.parts import Part
from vmalab_loadgen.result import LoadResult as LoadResult
from vmalab_loadgen.series import Series

SETTLE_S: Final = 60.0
KEEP_EVERY_S: Final = 5.0
NODES_RESERVED: Final = 16
"""Nodes of a tree that one participant may keep for its next store, more than any load leaves."""

Progress = Callable[[float, Series], None]
"""Called a few times a second with the seconds since the warm-up and what was done until now."""


def run(config: LoadConfig, target: drivers.Target, progress: Progress | None = None) -> LoadResult:
    """Run a load.

    Raises:
        LoadError: a process could not begin.
        DriverError: the instance cannot be reached.
        UsageError: the configuration contradicts itself.
    """
    config = config.filled()
    result = LoadResult(config, Series(config.interval_s, config.open_loop))
    control_mode = "attach" if config.mode == "attach" else "apply"
    with drivers.connect(target, control_mode) as control:
        stat_before = dict(control.vmstat())
        slab_before = _slabs(control)
        mms = [control.create(start_brk=BRK_BASE, brk=BRK_BASE) for _ in range(config.shared_mms)]
        crew = _run_crew(result, target, mms, control, progress)
        _collect(result, crew)
        try:
            _look_back(result, control, mms, stat_before, slab_before)
        except Exception as error:
            if not result.lost:
                raise
            result.lost.append(f"the instance did not answer at the end: {in_a_line(error)}")
    return result


def _look_back(
    result: LoadResult,
    control: drivers.Driver,
    mms: list[int],
    stat_before: dict[str, int],
    slab_before: dict[str, dict[str, int]],
) -> None:
    """What the load did to the instance."""
    for mm in mms:
        _exit(control, mm)
    after = dict(control.vmstat())
    result.vmstat = {name: value - stat_before.get(name, 0) for name, value in after.items()}
    result.slabinfo = control.slabinfo()
    result.slabs = {
        name: {key: one[key] - slab_before.get(name, {}).get(key, 0) for key in one}
        for name, one in _slabs(control).items()
    }
    if result.config.check:
        result.checked = True
        result.problems = control.fsck()
        if not result.lost:  # what they had stays until its time to live is over
            result.leaks = _leaks(control, slab_before, stat_before, result.config.callers + 1)


def _slabs(control: drivers.Driver) -> dict[str, dict[str, int]]:
    names = ("active_objs", "num_objs", "allocs", "frees", "reuses")
    return {
        str(one["name"]): {name: int(one[name]) for name in names} for one in control.slabinfo()
    }


def _exit(control: drivers.Driver, mm: int) -> None:
    from vmalab_client.block import BlockBuilder

    block = BlockBuilder()
    block.exit(mm)
    control.run(block.bytes())


def _run_crew(
    result: LoadResult,
    target: drivers.Target,
    mms: list[int],
    control: drivers.Driver,
    progress: Progress | None,
) -> Crew:
    kept = time.monotonic()

    def tick() -> None:
        nonlocal kept
        now = time.monotonic()
        if mms and now - kept > KEEP_EVERY_S:
            with suppress(Exception):  # the callers meet it too, and say so
                control.keep(mms)
            kept = now
        if progress is not None and crew.clock is not None:
            progress((time.monotonic_ns() - crew.clock.measure_ns) / 1e9, result.series)

    def heard(part: Part) -> None:
        result.series.add(part)

    crew = Crew(result.config, target, mms, heard, tick)
    crew.run()
    return crew


def _collect(result: LoadResult, crew: Crew) -> None:
    """How the callers ended."""
    assert crew.clock is not None
    ends = [end for done in crew.done for end in done.callers]
    for end in ends:
        result.dropped += end.dropped
        result.wrong_first += end.wrong_first
        if end.failed:
            at_s = (end.ended_ns - end.begun_ns) / 1e9
            result.lost.append(
                f"caller {end.caller} ended after {at_s:.1f} s: {end.failed}; "
                f"{end.unanswered} of its operations have no answer"
            )
    result.lost += crew.lost
    result.ended_by = signal.Signals(crew.ended_by).name if crew.ended_by else ""
    result.stopped_ns = crew.stopped_ns
    begun = crew.clock.measure_ns
    result.started = time.time() - (time.monotonic_ns() - begun) / 1e9
    ended = max((end.ended_ns for end in ends), default=time.monotonic_ns())
    result.begun_ns, result.seconds = begun, max(0.0, (ended - begun) / 1e9)
    room = sum(done.room_s for done in crew.done)
    result.client_cpu_s = sum(done.client_cpu_s for done in crew.done)
    result.client_share = result.client_cpu_s / room if room else 0.0


def _leaks(
    control: drivers.Driver,
    before: Mapping[str, Mapping[str, int]],
    stat: Mapping[str, int],
    workers: int,
) -> dict[str, tuple[int, int]]:
    """What is still in use after every address space of the load has ended.

    Objects are freed after a grace period, so this waits for a while before it says so. A node of
    the tree is no leak if its participant has retired it, and will free it when it enters the core
    again, or has reserved it for the next store. The nodes that trees have are counted apart.

    Args:
        workers: participants that the load can have used, and that stay.
    """
    deadline = time.monotonic() + SETTLE_S
    while True:
        after = _slabs(control)
        leaks = {
            f"{name} objects": (int(before.get(name, {}).get("active_objs", 0)), one["active_objs"])
            for name, one in after.items()
            if one["active_objs"] > before.get(name, {}).get("active_objs", 0)
        }
        now = control.vmstat()
        waiting = now.get("rcu_retired", 0) - now.get("rcu_freed", 0)
        node, (had, has) = "maple_node objects", leaks.get("maple_node objects", (0, 0))
        if node in leaks and has - had <= waiting + NODES_RESERVED * workers:
            del leaks[node]
        for name in ("nr_frames", "nr_page_table_pages", "nr_tree_nodes"):
            if now.get(name, 0) > stat.get(name, 0):
                leaks[name] = (stat.get(name, 0), now[name])
        if not leaks or time.monotonic() > deadline:
            return leaks
        time.sleep(0.25)
