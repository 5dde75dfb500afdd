# SPDX-License-Identifier: Apache-2.0
"""Replays a trace folder from several client processes and compares every answer."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final, TypeVar, cast

from vmalab_drive import drivers, spawning
from vmalab_drive.drivers import FileInfo
from vmalab_drive.errors import CommandError
from vmalab_native.machine import Facts, Switch, choose_pkeys
from vmalab_trace import maps, player, reorder, verdict
from vmalab_trace.folder import Folder
from vmalab_trace.plan import Plan, load
from vmalab_trace.player import Outcome
from vmalab_trace.steps import Step
from vmalab_trace.verdict import Identities, Verdict

READY_TIMEOUT_S: Final = 600.0
KEEP_EVERY_S: Final = 5.0
DEAL_RUN: Final = {"unary": 1, "batch": 32, "attach": 32}
"""How many steps in a row one process does when a thread's calls go to several."""


class ReplayError(CommandError):
    """The replay could not be carried out."""


@dataclass(frozen=True, slots=True)
class ReplayConfig:
    """How to replay."""

    processes: int = 4
    copies: int = 1
    mode: str = "unary"
    deal: str = "auto"
    """tid: a thread stays with one process; round: steps go round the processes; auto: tid when the
    trace has threads enough for all processes."""
    pkeys: str = "trace"
    """Protection keys: trace, as the machine that was recorded; machine, on, off."""
    orders_max: int = 16
    """Other orders of overlapping calls to try when an answer disagrees."""


@dataclass(slots=True)
class Replay:
    """A verdict and what it took."""

    verdict: Verdict
    seconds: float
    processes: int
    deal: str
    threads: int
    spaces: int
    pkeys: bool
    machine: Facts
    """Of the recording; empty: not in the trace."""

    def as_dict(self, config: ReplayConfig, trace: str) -> dict[str, Any]:
        data = self.verdict.as_dict()
        calls = self.verdict.ops + self.verdict.faults_checked
        data |= {
            "trace": trace,
            "mode": config.mode,
            "processes": self.processes,
            "copies": config.copies,
            "deal": self.deal,
            "threads": self.threads,
            "address_spaces": self.spaces,
            "pkeys": self.pkeys,
            "machine": dict(self.machine),
            "seconds": round(self.seconds, 4),
            "ops_per_s": round(calls / self.seconds) if self.seconds else 0,
        }
        return data


def identities(plan: Plan, copy: int, *, salt: int | None = None) -> Identities:
    """Fresh inode numbers for every file of the trace.

    Args:
        salt: of 40 bits, if the caller knows one that no other has; else it is drawn.
    """
    if salt is None:
        salt = int.from_bytes(os.urandom(3), "little") << 8 | copy & 0xFF
    forth: dict[tuple[int, int], int] = {}
    numbers: list[int] = []
    back: dict[tuple[int, int], int] = {}
    for info in plan.files:
        # Two files may have had the same inode number, one after the other.
        numbers.append(salt << 24 | len(back) + 1)
        back[(info.dev, numbers[-1])] = info.inode
        forth.setdefault((info.dev, info.inode), numbers[-1])
    for areas in plan.snapshots.values():
        for area in areas:
            key = (area.dev, area.inode)
            if area.is_file and not area.is_shared_anonymous and key not in forth:
                forth[key] = salt << 24 | len(back) + 1
                back[(area.dev, forth[key])] = area.inode
    unknown = frozenset(
        (plan.files[index].dev, plan.files[index].inode) for index in plan.unknown_files
    )
    return Identities(forth, back, unknown, numbers)


def _renamed(areas: list[maps.Area], names: Identities) -> str:
    return maps.render(
        maps.Area(
            area.start,
            area.end,
            area.perms,
            area.offset,
            area.major,
            area.minor,
            names.forth.get((area.dev, area.inode), area.inode),
            area.path,
        )
        for area in areas
    )


def score_of(
    plan: Plan,
    steps: list[Step],
    owners: list[int],
    names: Identities,
    target: drivers.Target,
    mode: str,
) -> player.Score:
    imports = {
        slot: player.Import(
            _renamed(start.areas, names), start.mmap_base, start.start_brk, start.brk, plan.pkeys
        )
        for slot, start in plan.starts.items()
    }
    files = [
        FileInfo(info.path, info.dev, number, info.size)
        for info, number in zip(plan.files, names.files, strict=True)
    ]
    return player.Score(steps, owners, imports, files, plan.slots, target, mode)


def _deal(steps: list[Step], config: ReplayConfig) -> tuple[list[int], str]:
    """Which process does which step."""
    tids = {tid: index for index, tid in enumerate(dict.fromkeys(step.tid for step in steps))}
    deal = config.deal
    if deal == "auto":
        deal = "tid" if len(tids) >= config.processes else "round"
    if deal == "tid":
        return [tids[step.tid] % config.processes for step in steps], deal
    run = DEAL_RUN[config.mode]
    return [index // run % config.processes for index in range(len(steps))], deal


_Report = TypeVar("_Report")


def _receive(
    pipes: list[Connection[None, tuple[str, _Report]]],
    wanted: str,
    timeout_s: float,
    keep: Callable[[], None] | None = None,
) -> list[_Report]:
    """One message of every process; an error of any of them is raised."""
    answers: list[_Report] = []
    deadline = time.monotonic() + timeout_s
    kept = time.monotonic()
    for pipe in pipes:
        while not pipe.poll(0.25):
            if time.monotonic() > deadline:
                raise ReplayError(f"a client process did not report {wanted!r} in time")
            if keep is not None and time.monotonic() - kept > KEEP_EVERY_S:
                keep()
                kept = time.monotonic()
        try:
            kind, data = pipe.recv()
        except EOFError:
            raise ReplayError("a client process died") from None
        if kind == "error":
            raise ReplayError(str(data))
        answers.append(data)
    return answers


def _play_shared(
    plan: Plan, steps: list[Step], config: ReplayConfig, target: drivers.Target
) -> tuple[Verdict, float, str]:
    """One copy, all processes as its threads."""
    owners, deal = _deal(steps, config)
    names = identities(plan, 0)
    score = score_of(plan, steps, owners, names, target, config.mode)
    context = spawning.context()
    baton = player.Baton.make(context, config.processes, plan.slots, len(plan.files))
    pipes: list[Connection[None, tuple[str, list[Outcome]]]] = []
    processes: list[BaseProcess] = []
    try:
        for me in range(config.processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=player.serve, args=(me, score, baton, theirs))
            spawning.start(process, processes)
            theirs.close()
            pipes.append(ours)
        _receive(pipes, "ready", READY_TIMEOUT_S)
        with drivers.connect(target, "attach" if config.mode == "attach" else "apply") as driver:
            begin = time.perf_counter()
            baton.wake[owners[0]].release()

            def keep() -> None:
                driver.keep([mm for mm in baton.mms if mm], [file for file in baton.files if file])

            results = _receive(pipes, "done", player.BATON_TIMEOUT_S * 4, keep)
            seconds = time.perf_counter() - begin
            player.end_all(driver, list(baton.mms), list(baton.files), score)
    except BaseException:
        spawning.end(processes, patience_s=0)
        raise
    baton.done.set()
    spawning.end(processes)
    outcomes = [outcome for result in results for outcome in result]
    return verdict.judge(plan, steps, outcomes, names), seconds, deal


def _play_copies(
    plan: Plan, config: ReplayConfig, target: drivers.Target
) -> tuple[Verdict, float, str]:
    """Many copies at once, each by one process in address spaces of its own."""
    context = spawning.context()
    start = context.Event()
    names = [identities(plan, copy) for copy in range(config.copies)]
    owners = [0] * len(plan.steps)
    pipes: list[Connection[None, tuple[str, list[tuple[int, list[Outcome]]]]]] = []
    processes: list[BaseProcess] = []
    try:
        for me in range(config.processes):
            scores = [
                (copy, score_of(plan, plan.steps, owners, names[copy], target, config.mode))
                for copy in range(me, config.copies, config.processes)
            ]
            ours, theirs = context.Pipe()
            process = context.Process(target=player.serve_copies, args=(me, scores, start, theirs))
            spawning.start(process, processes)
            theirs.close()
            pipes.append(ours)
        _receive(pipes, "ready", READY_TIMEOUT_S)
        begin = time.perf_counter()
        start.set()
        results = _receive(pipes, "done", player.BATON_TIMEOUT_S * 4)
        seconds = time.perf_counter() - begin
    except BaseException:
        spawning.end(processes, patience_s=0)
        raise
    spawning.end(processes)
    total: Verdict | None = None
    for part in results:
        for copy, outcomes in part:
            one = verdict.judge(plan, plan.steps, outcomes, names[copy])
            if total is None:
                total = one
            else:
                total.merge(one)
    assert total is not None
    return total, seconds, "copies"


def replay(folder: Folder, config: ReplayConfig, target: drivers.Target) -> Replay:
    """Replay a trace.

    Raises:
        ReplayError: a client process failed.
        FolderError: the trace cannot be read.
        DriverError: the instance cannot be reached.
    """
    plan = load(folder)
    if config.pkeys != "trace":
        plan.pkeys = choose_pkeys(cast(Switch, config.pkeys))
    if config.copies > 1:
        result, seconds, deal = _play_copies(plan, config, target)
    else:
        seconds, deal = 0.0, ""

        def play(steps: list[Step]) -> Verdict:
            nonlocal seconds, deal
            one, seconds, deal = _play_shared(plan, steps, config, target)
            return one

        best = reorder.improve(plan.steps, play(plan.steps), play, tries_max=config.orders_max)
        result = best.verdict
    if config.copies == 1 and config.pkeys == "trace":
        result.hold_to(plan.expect)
    return Replay(
        verdict=result,
        seconds=seconds,
        processes=config.processes,
        deal=deal,
        threads=len({step.tid for step in plan.steps}),
        spaces=plan.slots,
        pkeys=plan.pkeys,
        machine=plan.machine,
    )
