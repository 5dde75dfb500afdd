# SPDX-License-Identifier: Apache-2.0
"""What the load generator itself costs: the same operations by a caller of a load and by a bare
loop, in turn, in one thread on one CPU.

  attach, off   no operation is timed
  attach, on    one fault in 16 is timed, and all other operations
  batch, on     each block is timed, four of them in flight
  unary, on     each call is timed

The bare loop sends the same blocks through the same driver, and looks at no answer. Of batch and
unary there is no other way than on: a clock is read twice for each block, or call.
The generator's own cost is the CPU time of the thread beyond that of the bare loop. Its share is
that over what an operation takes in the bare loop: CPU time where the thread does all of it
(attach), else the time until the answer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from vmalab_bench import base, machine, stats
from vmalab_bench.base import Aim, BenchError
from vmalab_drive import drivers, instances
from vmalab_loadgen.blocks import BRK_BASE
from vmalab_loadgen.caller import Caller, Clock
from vmalab_loadgen.config import SAMPLE, WINDOW, LoadConfig
from vmalab_loadgen.pacing import NEVER
from vmalab_loadgen.script import Cut, ScriptMaker
from vmalab_loadgen.workloads import WORKLOADS

WORKLOAD: Final = "page_fault1"
WAYS: Final = (("attach", "off"), ("attach", "on"), ("batch", "on"), ("unary", "on"))
MODES: Final = ("attach", "batch", "unary")
SHARE_MAX: Final = 1.10


@dataclass(frozen=True, slots=True)
class OwnCost:
    """How long a turn of each mode is, in seconds."""

    rounds: int
    attach: float = 0.03
    batch: float = 0.2
    unary: float = 0.4

    def seconds(self, mode: str) -> float:
        return {"attach": self.attach, "batch": self.batch, "unary": self.unary}[mode]


@dataclass(frozen=True, slots=True)
class _Spent:
    """Of one operation."""

    cpu_ns: float
    wall_ns: float


class _Side:
    """One mode: its driver and the address space that it works on."""

    def __init__(self, mode: str, driver: drivers.Driver, config: OwnCost) -> None:
        self.mode = mode
        self._driver = driver
        self._mm = driver.create(start_brk=BRK_BASE, brk=BRK_BASE)
        self._window = WINDOW[mode]
        self._seconds = config.seconds(mode)
        self._config = {on: self._load_of(on) for on in ("on", "off")}
        self._blocks = list(self._cut(self._maker()))

    def keep(self) -> None:
        self._driver.keep([self._mm])

    def _maker(self) -> ScriptMaker:
        workload = WORKLOADS[WORKLOAD]
        pages = 30 if self.mode == "unary" else workload.pages
        return ScriptMaker(
            workload.program, mm=self._mm, me=0, pages=pages, driver=self._driver,
            rng=np.random.default_rng(0),
        )  # fmt: skip

    def _load_of(self, latency: str) -> LoadConfig:
        return LoadConfig(
            processes=1,
            workload=WORKLOAD,
            shared_mms=0,
            mode=self.mode,
            seconds=self._seconds,
            sample=SAMPLE if latency == "on" and self.mode == "attach" else 0,
        ).filled()

    def _cut(self, maker: ScriptMaker) -> Iterator[Cut]:
        """The blocks that a caller sends in one turn of the workload."""
        block = maker.make(self._config["on"].block_ops)
        left = len(block.piece)
        while True:
            yield block
            left -= block.count
            if not left:
                return
            block = maker.make(left)

    def bare(self) -> _Spent:
        """The same blocks without a load generator."""
        run, send, receive = self._driver.run, self._driver.send, self._driver.receive
        blocks = [(block.data, block.count) for block in self._blocks]
        flying = done = 0
        begin, cpu = time.perf_counter_ns(), time.thread_time_ns()
        end = begin + int(self._seconds * 1e9)
        while time.perf_counter_ns() < end or not done:
            for data, count in blocks:
                if self.mode == "batch":
                    send(data)
                    flying += 1
                    if flying == self._window:
                        receive()
                        flying -= 1
                else:
                    run(data)
                done += count
        for _ in range(flying):
            receive()
        return self._spent(begin, cpu, done)

    def load(self, latency: str) -> _Spent:
        """By a caller of a load."""
        maker = self._maker()
        assert maker.make(0).data == b"", "packed before the clock starts, as a load begins"
        config, failed = self._config[latency], ""
        begin, cpu = time.perf_counter_ns(), time.thread_time_ns()
        while not maker.tally.ops and not failed:  # others may have the CPU for a whole turn
            clock = Clock.of(config, time.monotonic_ns())
            caller = Caller[Cut](
                config, self._driver, maker, clock, None, 0, lambda _: None, lambda: NEVER
            )
            failed = caller.run().failed
        if failed or maker.tally.wrong:
            raise BenchError(f"the load in mode {self.mode} went wrong: {failed or maker.tally}")
        return self._spent(begin, cpu, maker.tally.ops.total())

    @staticmethod
    def _spent(begin: int, cpu: int, done: int) -> _Spent:
        cpu_ns = (time.thread_time_ns() - cpu) / done
        return _Spent(cpu_ns, (time.perf_counter_ns() - begin) / done)


@contextmanager
def _sides(config: OwnCost) -> Iterator[dict[str, _Side]]:
    with ExitStack() as stack:
        bare = stack.enter_context(instances.instance_for(mode="attach"))
        served = stack.enter_context(instances.instance_for(mode="unary", workers=1))
        sides = {}
        for mode in MODES:
            target = bare if mode == "attach" else served
            driver = stack.enter_context(drivers.connect(target, mode, worker=0))
            sides[mode] = _Side(mode, driver, config)
        yield sides


def measure(config: OwnCost, seed: int) -> tuple[list[dict[str, Any]], list[Aim]]:
    """The rows of all ways, and their targets."""
    samples: dict[tuple[str, str], list[_Spent]] = {way: [] for way in WAYS}
    bare: dict[str, list[_Spent]] = {mode: [] for mode in MODES}
    turns: list[tuple[str, str]] = [*WAYS, *((mode, "bare") for mode in MODES)]
    rng = np.random.default_rng(seed)
    with machine.pinned(machine.cpus()[-1]), _sides(config) as sides:
        for number in base.rounds(config.rounds + 1):
            for index in rng.permutation(len(turns)):
                mode, how = turns[index]
                sides[mode].keep()
                spent = sides[mode].bare() if how == "bare" else sides[mode].load(how)
                if number:  # the first round is for the caches
                    (bare[mode] if how == "bare" else samples[mode, how]).append(spent)
    rows, aims = [], []
    for (mode, latency), spent_of in samples.items():
        row, ratio = _judged(mode, latency, spent_of, bare[mode], seed)
        rows.append(row)
        if (mode, latency) != ("attach", "on"):
            note = f"{WORKLOAD}, latency {latency}"
            aims.append(Aim(f"{mode}_over_bare", ratio, at_most=SHARE_MAX, note=note))
    return rows, aims


def _judged(
    mode: str, latency: str, load: list[_Spent], bare: list[_Spent], seed: int
) -> tuple[dict[str, Any], stats.Estimate]:
    whole = [one.cpu_ns if mode == "attach" else one.wall_ns for one in bare]
    own = [a.cpu_ns - b.cpu_ns for a, b in zip(load, bare, strict=True)]
    ratio = stats.estimate([1 + a / b for a, b in zip(own, whole, strict=True)], seed=seed)
    row = {
        "mode": mode,
        "latency": latency,
        "bare_ns": stats.median(whole),
        "own_ns": stats.median(own),
        "own_spread": stats.spread(own),
        "over_bare": ratio.value,
        "over_bare_interval": ratio.interval,
    }
    return row, ratio
