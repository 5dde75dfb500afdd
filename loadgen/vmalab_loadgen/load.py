# SPDX-License-Identifier: Apache-2.0
"""Runs a load from several processes and puts their findings together."""

from __future__ import annotations

import os
import platform
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final

from vmalab_drive import drivers, spawning
from vmalab_drive.errors import CommandError
from vmalab_drive.report import LOCK_COUNTERS
from vmalab_loadgen import hammer
from vmalab_loadgen.blocks import BRK_BASE, Wrong
from vmalab_loadgen.histogram import Latency
from vmalab_loadgen.mix import Mix

READY_TIMEOUT_S: Final = 600.0
SETTLE_S: Final = 60.0
BLOCK_OPS: Final = {"unary": 32, "batch": 1024, "attach": 1024}
WINDOW: Final = {"unary": 1, "batch": 4, "attach": 1}


class LoadError(CommandError):
    """The load could not be carried out."""


@dataclass(frozen=True, slots=True)
class LoadConfig:
    """What to do for how long."""

    processes: int = 4
    mix: Mix = field(default_factory=lambda: Mix.parse("fault=90,mmap=5,munmap=5"))
    shared_mms: int = 1
    """Address spaces the processes share, dealt in turn; 0: each has its own."""
    seconds: float = 10.0
    mode: str = "unary"
    vmas: int = 1000
    block_ops: int = 0
    """0: what suits the mode."""
    window: int = 0
    rate: float = 0.0
    seed: int = 0
    check: bool = False

    @staticmethod
    def fresh_seed() -> int:
        return secrets.randbelow(1 << 31)


@dataclass(slots=True)
class LoadResult:
    """What came of a load."""

    config: LoadConfig
    seconds: float = 0.0
    ops: Counter[str] = field(default_factory=Counter)
    errnos: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    wrong_first: list[Wrong] = field(default_factory=list)
    raw: Latency = field(default_factory=Latency)
    corrected: Latency = field(default_factory=Latency)
    vmstat: dict[str, int] = field(default_factory=dict)
    slabs: dict[str, dict[str, int]] = field(default_factory=dict)
    slabinfo: list[dict[str, int | str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    leaks: dict[str, tuple[int, int]] = field(default_factory=dict)
    checked: bool = False

    @property
    def total(self) -> int:
        return sum(self.ops.values())

    @property
    def good(self) -> bool:
        return not self.wrong and not self.problems and not self.leaks

    def as_dict(self) -> dict[str, Any]:
        config = self.config
        seconds = self.seconds or 1e-9
        vmas = self.slabs.get("vm_area_struct", {})
        return {
            "seed": config.seed,
            "mode": config.mode,
            "processes": config.processes,
            "shared_mms": config.shared_mms,
            "mix": config.mix.text(),
            "vmas": config.vmas,
            "block_ops": config.block_ops,
            "window": config.window,
            "rate": config.rate,
            "seconds": round(self.seconds, 3),
            "ops": self.total,
            "ops_per_s": round(self.total / seconds),
            "faults_per_s": round(self.ops["fault"] / seconds),
            "ops_by_kind": dict(self.ops.most_common()),
            "errnos": dict(self.errnos.most_common()),
            "latency_of": "one call" if config.mode == "unary" else "one block",
            "latency_us": self.corrected.summary_us(),
            "latency_raw_us": self.raw.summary_us(),
            "locks": {name: self.vmstat.get(name, 0) for name in LOCK_COUNTERS},
            "vmstat": {name: value for name, value in self.vmstat.items() if value},
            "vma_objects_reused": vmas.get("reuses", 0),
            "vma_objects_allocated": vmas.get("allocs", 0),
            "wrong": self.wrong,
            "wrong_first": [
                {"op": one.op, "what": one.what, "expected": one.expected, "got": one.got}
                for one in self.wrong_first
            ],
            "checked": self.checked,
            "problems": self.problems,
            "leaks": {name: {"before": a, "after": b} for name, (a, b) in self.leaks.items()},
            "machine": {
                "cpus": os.cpu_count(),
                "kernel": platform.release(),
                "python": platform.python_version(),
            },
        }


Progress = Callable[[float, int, int, int], None]
"""Called with seconds, operations, faults and wrong answers so far."""


def run(config: LoadConfig, target: drivers.Target, progress: Progress | None = None) -> LoadResult:
    """Run a load.

    Raises:
        LoadError: a process failed.
        DriverError: the instance cannot be reached.
    """
    config = _filled(config)
    result = LoadResult(config)
    control_mode = "attach" if config.mode == "attach" else "apply"
    with drivers.connect(target, control_mode) as control:
        stat_before = dict(control.vmstat())
        slab_before = _slabs(control)
        mms = [control.create(start_brk=BRK_BASE, brk=BRK_BASE) for _ in range(config.shared_mms)]
        parts = _run_processes(config, target, mms, control, progress)
        for mm in mms:
            _exit(control, mm)
        _collect(result, parts)
        after = dict(control.vmstat())
        result.vmstat = {name: value - stat_before.get(name, 0) for name, value in after.items()}
        result.slabinfo = control.slabinfo()
        result.slabs = {
            name: {key: one[key] - slab_before.get(name, {}).get(key, 0) for key in one}
            for name, one in _slabs(control).items()
        }
        if config.check:
            result.checked = True
            result.problems = control.fsck()
            result.leaks = _leaks(control, slab_before, stat_before)
    return result


def _filled(config: LoadConfig) -> LoadConfig:
    if config.mode not in BLOCK_OPS:
        raise LoadError(f"mode {config.mode}: one of {', '.join(BLOCK_OPS)}")
    values = {name: getattr(config, name) for name in config.__dataclass_fields__}
    unary_paced = config.mode == "unary" and config.rate > 0
    values["block_ops"] = config.block_ops or (1 if unary_paced else BLOCK_OPS[config.mode])
    values["window"] = config.window or WINDOW[config.mode]
    if config.mode != "batch":
        values["window"] = 1
    return LoadConfig(**values)


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


def _run_processes(
    config: LoadConfig,
    target: drivers.Target,
    mms: list[int],
    control: drivers.Driver,
    progress: Progress | None,
) -> list[hammer.Done]:
    context = spawning.context()
    start = context.Event()
    everyone = range(config.processes)
    pipes: list[Connection[None, hammer.Message]] = []
    processes: list[BaseProcess] = []
    counters: list[hammer.Counters] = []
    try:
        for me in everyone:
            group = me % len(mms) if mms else me
            sharers = tuple(one for one in everyone if mms and one % len(mms) == group)
            task = hammer.Task(
                me=me,
                parent=os.getpid(),
                processes=config.processes,
                target=target,
                mode=config.mode,
                mix=config.mix,
                mm=mms[group] if mms else 0,
                sharers=sharers or (me,),
                vmas=config.vmas,
                block_ops=config.block_ops,
                window=config.window,
                rate=config.rate,
                seconds=config.seconds,
                seed=config.seed,
            )
            shown: hammer.Counters = context.RawArray("q", 3)
            ours, theirs = context.Pipe()
            process = context.Process(target=hammer.work, args=(task, start, shown, theirs))
            spawning.start(process, processes)
            theirs.close()
            pipes.append(ours)
            counters.append(shown)
        _messages(pipes, "ready", READY_TIMEOUT_S, None)
        begin = time.monotonic()
        kept = [begin]

        def tick() -> None:
            now = time.monotonic()
            if mms and now - kept[0] > 5:
                control.keep(mms)
                kept[0] = now
            if progress is not None:
                sums = [sum(shown[index] for shown in counters) for index in range(3)]
                progress(now - begin, sums[0], sums[1], sums[2])

        start.set()
        parts = _messages(pipes, "done", config.seconds + READY_TIMEOUT_S, tick)
    except BaseException:
        spawning.end(processes, patience_s=0)
        raise
    spawning.end(processes)
    return parts


def _messages(
    pipes: list[Connection[None, hammer.Message]],
    wanted: str,
    timeout_s: float,
    tick: Callable[[], None] | None,
) -> list[hammer.Done]:
    """One message of every process, and what they did, if it says that."""
    answers: list[hammer.Done] = []
    deadline = time.monotonic() + timeout_s
    for me, pipe in enumerate(pipes):
        while not pipe.poll(0.25):
            if tick is not None:
                tick()
            if time.monotonic() > deadline:
                raise LoadError(f"process {me} did not report {wanted!r} in time")
        try:
            kind, data = pipe.recv()
        except EOFError:
            raise LoadError(f"process {me} died") from None
        if kind == "error":
            raise LoadError(f"process {me}: {data}")
        if isinstance(data, hammer.Done):
            answers.append(data)
    return answers


def _collect(result: LoadResult, parts: list[hammer.Done]) -> None:
    for part in parts:
        result.ops += part.tally.ops
        result.errnos += part.tally.errnos
        result.wrong += part.tally.wrong
        result.wrong_first += part.tally.wrong_first
        result.raw.merge(part.raw)
        result.corrected.merge(part.corrected)
    begun = min(part.begun_ns for part in parts)
    result.seconds = (max(part.ended_ns for part in parts) - begun) / 1e9


def _leaks(
    control: drivers.Driver, before: Mapping[str, Mapping[str, int]], stat: Mapping[str, int]
) -> dict[str, tuple[int, int]]:
    """What is still in use after every address space of the load has ended.

    Objects are freed after a grace period, so this waits for a while before it says so. A node of
    the tree that its participant has retired, and will free when it enters the core again, is no
    leak.
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
        if node in leaks and has - had <= waiting:
            del leaks[node]
        for name in ("nr_frames", "nr_page_table_pages", "nr_tree_nodes"):
            if now.get(name, 0) > stat.get(name, 0):
                leaks[name] = (stat.get(name, 0), now[name])
        if not leaks or time.monotonic() > deadline:
            return leaks
        time.sleep(0.25)
