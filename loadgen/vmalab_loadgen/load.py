# SPDX-License-Identifier: Apache-2.0
"""Runs a load from several processes and puts their findings together."""

from __future__ import annotations

import dataclasses
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from vmalab_drive import drivers
from vmalab_loadgen.blocks import BRK_BASE
from vmalab_loadgen.caller import in_a_line
from vmalab_loadgen.config import LoadConfig as LoadConfig
from vmalab_loadgen.crew import Crew, Group
from vmalab_loadgen.crew import LoadError as LoadError
from vmalab_loadgen.parts import Part
from vmalab_loadgen.result import LoadResult as LoadResult
from vmalab_loadgen.series import Series
from vmalab_loadgen.together import ALONE, Together

SETTLE_S: Final = 60.0
KEEP_EVERY_S: Final = 5.0
NODES_RESERVED: Final = 16
"""Nodes of a tree that one participant may keep for its next store, more than any load leaves."""

Progress = Callable[[float, Series], None]
"""Called a few times a second with the seconds since the warm-up and what was done until now."""


def run(
    config: LoadConfig,
    target: drivers.Target,
    progress: Progress | None = None,
    together: Together = ALONE,
) -> LoadResult:
    """Run a load.

    Args:
        together: keeps step with loads on other machines.

    Raises:
        LoadError: a process could not begin.
        DriverError: the instance cannot be reached.
        UsageError: the configuration contradicts itself.
    """
    config = config.filled()
    result = LoadResult(config, Series(config.interval_s, config.open_loop))
    _run([result], result, target, progress, together)
    return result


def run_job(
    sections: Mapping[str, LoadConfig], target: drivers.Target, progress: Progress | None = None
) -> tuple[list[LoadResult], LoadResult]:
    """Run loads side by side: what came of each, and of all of them together.

    The counters of the core, leaks and broken invariants belong to no section: they are in the
    whole. Its time begins with the job, and it has no rate that was asked for.

    Raises:
        as run()
    """
    configs = [one.filled() for one in sections.values()]
    results = [
        LoadResult(one, Series(one.interval_s, one.open_loop), name=name)
        for name, one in zip(sections, configs, strict=True)
    ]
    ends = [one.start_after_s + one.warmup_s + one.seconds for one in configs]
    everything = dataclasses.replace(
        configs[0],
        workload="",
        processes=sum(one.processes for one in configs),
        concurrency=sum(one.callers for one in configs) if configs[0].mode == "unary" else 0,
        shared_mms=sum(one.shared_mms for one in configs),
        seconds=max(ends),
        stages=(),
        warmup_s=0.0,
        start_after_s=0.0,
        check=any(one.check for one in configs),
    )
    whole = LoadResult(everything, Series(everything.interval_s, open_loop=True))
    _run(results, whole, target, progress, ALONE)
    return results, whole


def _run(
    results: list[LoadResult],
    whole: LoadResult,
    target: drivers.Target,
    progress: Progress | None,
    together: Together,
) -> None:
    attached = all(one.config.mode == "attach" for one in results)
    with drivers.connect(target, "attach" if attached else "apply") as control:
        stat_before = dict(control.vmstat())
        slab_before = _slabs(control)
        together.looked()
        mms = [
            [control.create(start_brk=BRK_BASE, brk=BRK_BASE) for _ in range(one.config.shared_mms)]
            for one in results
        ]
        crew = _run_crew(results, whole, target, mms, control, progress, together)
        for result, group in zip(results, crew.groups, strict=True):
            _collect(result, group, crew)
        if results[0] is not whole:
            _collect_all(results, whole, crew)
        try:
            for mm in (mm for one in mms for mm in one):
                _exit(control, mm)
            clean = together.parted()
            _look_back(whole, control, stat_before, slab_before, clean=clean)
        except Exception as error:
            if not whole.lost:
                raise
            whole.lost.append(f"the instance did not answer at the end: {in_a_line(error)}")


def _look_back(
    result: LoadResult,
    control: drivers.Driver,
    stat_before: dict[str, int],
    slab_before: dict[str, dict[str, int]],
    *,
    clean: bool,
) -> None:
    """What the load did to the instance.

    Args:
        clean: nobody else has left anything there.
    """
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
        if clean and not result.lost:  # what they had stays until its time to live is over
            workers = result.config.callers_of_all + result.config.agents
            result.leaks = _leaks(control, slab_before, stat_before, workers)


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
    results: list[LoadResult],
    whole: LoadResult,
    target: drivers.Target,
    mms: list[list[int]],
    control: drivers.Driver,
    progress: Progress | None,
    together: Together,
) -> Crew:
    kept = time.monotonic()
    every = [mm for one in mms for mm in one]

    def tick() -> None:
        nonlocal kept
        now = time.monotonic()
        if every and now - kept > KEEP_EVERY_S:
            with suppress(Exception):  # the callers meet it too, and say so
                control.keep(every)
            kept = now
        if progress is not None:
            begun = crew.groups[0].clock.measure_ns if results[0] is whole else _begun(crew)
            progress((time.monotonic_ns() - begun) / 1e9, whole.series)

    groups = [
        Group(result.config, mine, _heard(result, whole, together))
        for result, mine in zip(results, mms, strict=True)
    ]
    crew = Crew(groups, target, tick, together.begin_ns)
    crew.run()
    return crew


def _heard(result: LoadResult, whole: LoadResult, together: Together) -> Callable[[Part], None]:
    """Adds a part to the series of its load, and to that of the whole, whose intervals begin with
    the job."""
    config = result.config
    shift = round((config.start_after_s + config.warmup_s) / config.interval_s)

    def heard(part: Part) -> None:
        together.heard(part)
        result.series.add(part)
        if result is not whole:
            whole.series.add(
                dataclasses.replace(
                    part, interval=part.interval + shift, corrected=part.corrected or part.raw
                )
            )

    return heard


def _collect(result: LoadResult, group: Group, crew: Crew) -> None:
    """How the callers ended."""
    ends = [end for done in group.done for end in done.callers]
    for end in ends:
        result.dropped += end.dropped
        result.not_renewed += end.not_renewed
        result.timing_cost_ns = max(result.timing_cost_ns, end.timing_cost_ns)
        if end.parts_cost_ns:
            result.parts_costs_ns.append(end.parts_cost_ns)
        result.wrong_first += end.wrong_first
        result.turns += end.turns
        result.between += end.between
        result.not_compared += end.not_compared
        if end.failed:
            at_s = (end.ended_ns - end.begun_ns) / 1e9
            result.lost.append(
                f"caller {end.caller} ended after {at_s:.1f} s: {end.failed}; "
                f"{end.unanswered} of its operations have no answer"
            )
    result.lost += group.lost
    result.ended_by = signal.Signals(crew.ended_by).name if crew.ended_by else ""
    result.stopped_ns = crew.stopped_ns
    begun = group.clock.measure_ns
    result.started = time.time() - (time.monotonic_ns() - begun) / 1e9
    ended = max((end.ended_ns for end in ends), default=time.monotonic_ns())
    result.begun_ns, result.seconds = begun, max(0.0, (ended - begun) / 1e9)
    room = sum(done.room_s for done in group.done)
    result.client_cpu_s = sum(done.client_cpu_s for done in group.done)
    result.client_share = result.client_cpu_s / room if room else 0.0


def _begun(crew: Crew) -> int:
    """When the job began, whose sections may begin later."""
    group = crew.groups[0]
    return group.clock.begin_ns - int(group.config.start_after_s * 1e9)


def _collect_all(results: list[LoadResult], whole: LoadResult, crew: Crew) -> None:
    """How all callers of a job ended."""
    for one in results:
        whole.dropped += one.dropped
        whole.wrong_first += one.wrong_first
        whole.lost += [f"{one.name}: {what}" for what in one.lost]
        whole.client_cpu_s += one.client_cpu_s
    whole.ended_by, whole.stopped_ns = results[0].ended_by, crew.stopped_ns
    begun = _begun(crew)
    ended = max(one.begun_ns + int(one.seconds * 1e9) for one in results)
    whole.begun_ns, whole.seconds = begun, max(0.0, (ended - begun) / 1e9)
    whole.started = results[0].started - (results[0].begun_ns - begun) / 1e9
    room = sum(done.room_s for group in crew.groups for done in group.done)
    whole.client_share = whole.client_cpu_s / room if room else 0.0


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
