# SPDX-License-Identifier: Apache-2.0
"""What a load is to do."""

from __future__ import annotations

import dataclasses
import math
import secrets
from dataclasses import dataclass, field
from typing import Final

from vmalab_drive.errors import UsageError
from vmalab_loadgen.churn import RATE_MAX as CHURN_MAX
from vmalab_loadgen.family import FOUR, VMAS_MAX, Shape
from vmalab_loadgen.mix import Mix
from vmalab_loadgen.pacing import RATE_MAX, Arrival, Profile, Stage
from vmalab_loadgen.pattern import ARENA_PAGES_MAX, RANDOM, USUAL, Pattern, Sizes
from vmalab_loadgen.workloads import TRACE, WORKLOADS, spaces_of

BLOCK_OPS: Final = {"unary": 32, "batch": 1024, "attach": 1024}
WINDOW: Final = {"unary": 1, "batch": 4, "attach": 1}
SAMPLE: Final = 16
INTERVALS_MAX: Final = 600
INTERVAL_S_MIN: Final = 0.01
ROWS_MAX: Final = 100_000
"""Intervals of a load of which the length was asked for: each is a row, a line and a part."""
CALLERS_MAX: Final = 1024
REACHED: Final = 0.95
"""A rate is reached if so much of what was asked for was done."""


@dataclass(frozen=True, slots=True)
class LoadConfig:
    """What to do for how long. 0 of a number: what suits the rest, which filled() says."""

    processes: int = 4
    mix: Mix = field(default_factory=lambda: Mix.parse("fault=90,mmap=5,munmap=5"))
    workload: str = ""
    """A named workload in the place of the mix, or `trace:` and the folder of a trace."""
    shared_mms: int = 1
    """Address spaces the callers share, dealt in turn; 0: each has its own."""
    fork_tree: Shape = FOUR
    """Of the address spaces that a caller of a mix forks."""
    churn: float = 0.0
    """Callers that leave, and others that come, per second; of all together."""
    seconds: float = 10.0
    """Infinite: until `ops` are done."""
    ops: int = 0
    """Operations after which the load ends; 0: no limit."""
    mode: str = "unary"
    vmas: int = 1000
    pattern: Pattern = RANDOM
    """Of the faults of a mix."""
    vma_pattern: Pattern = RANDOM
    """Of the VMAs that its calls change."""
    map_pages: Sizes = USUAL
    block_ops: int = 0
    window: int = 0
    """Blocks in flight of each caller, for batch."""
    rate: float = 0.0
    """Operations per second of all callers; 0: closed loop, unless there are stages."""
    stages: tuple[Stage, ...] = ()
    arrival: Arrival = "constant"
    burst: int = 100
    warmup_s: float = 0.0
    start_after_s: float = 0.0
    """From the begin of the job, whose sections begin one by one."""
    concurrency: int = 0
    """Requests outstanding at a time, of all processes; 0: one for each process."""
    interval_s: float = 0.0
    sample: int = -1
    """Attached, in the closed loop, one fault in so many is timed; 0: no operation is. Else of one
    call or block in so many it is asked where the time went; 0: of none. -1: what suits the mode.
    """
    rate_may_miss: bool = False
    seed: int = 0
    check: bool = False
    agents: int = 1
    """So many loads run together, each with these processes; rates and `ops` are of all."""
    agent: int = 0
    """Which of them this is."""

    @staticmethod
    def fresh_seed() -> int:
        return secrets.randbelow(1 << 31)

    @property
    def callers(self) -> int:
        """Who make operations: one for each process, or threads of them, for unary calls."""
        return max(self.processes, self.concurrency) if self.mode == "unary" else self.processes

    @property
    def callers_of_all(self) -> int:
        """With those of the other loads that run together with this one."""
        return self.callers * self.agents

    @property
    def callers_before(self) -> int:
        """Those of the loads before this one, whose numbers are lower."""
        return self.callers * self.agent

    @property
    def open_loop(self) -> bool:
        return bool(self.stages)

    @property
    def profile(self) -> Profile:
        """The stages with the warm-up before them, which has the rate of their begin."""
        first = self.stages[0]
        warm = (Stage(self.warmup_s, first.begin, first.begin),) if self.warmup_s else ()
        return Profile((*warm, *self.stages))

    def filled(self) -> LoadConfig:
        """With what was left to choose.

        Raises:
            UsageError: what was asked for contradicts itself.
        """
        if self.churn > CHURN_MAX:
            raise UsageError(f"--churn {self.churn:g}: at most {CHURN_MAX:g} per second")
        if self.mode not in BLOCK_OPS:
            raise UsageError(f"--mode {self.mode}: one of {', '.join(BLOCK_OPS)}")
        stages = self._stages()
        seconds = sum(one.seconds for one in stages) if stages else self.seconds
        if math.isinf(seconds) and not self.ops:
            raise UsageError("a load needs a duration or a number of operations")
        self._check_workload()
        self._check_memory()
        self._check_agents()
        whole = self.ops / max(self.rate, 1e-9) if math.isinf(seconds) and self.rate else seconds
        span = whole if math.isfinite(whole) else 1.0
        return dataclasses.replace(
            self,
            stages=stages,
            rate=0.0,  # the stages have it
            seconds=seconds,
            processes=self._processes(),
            block_ops=self.block_ops or BLOCK_OPS[self.mode],
            window=self._window(),
            sample=self.sample if self.sample >= 0 else SAMPLE * (self.mode == "attach"),
            interval_s=self._interval(span),
        )

    def _check_workload(self) -> None:
        if not self.workload:
            return
        readers = self.workload in WORKLOADS and WORKLOADS[self.workload].readers
        if self.churn and (readers or self.workload.startswith(TRACE)):
            raise UsageError(
                f"--churn {self.churn:g}: not with --workload {self.workload}, whose callers stay"
            )
        if self.workload.startswith(TRACE):
            from vmalab_loadgen.recorded import folder_of  # which needs the replayer

            folder_of(self.workload)
        if spaces_of(self.workload) == "own" and self.shared_mms:
            raise UsageError(
                f"--workload {self.workload} needs --own-mm: its answers are those of one"
            )
        if readers and not self.shared_mms:
            raise UsageError(
                f"--workload {self.workload} needs --shared-mm: it reads what others map"
            )
        if readers:
            least = 2 * self.shared_mms
            if self.callers < least:
                raise UsageError(
                    f"--workload {self.workload}: {self.callers} callers in {self.shared_mms} "
                    f"address spaces; each needs a writer and a reader, so give {least} or more"
                )
            if 0 < self.ops < self.callers:
                raise UsageError(f"--ops {self.ops}: {self.callers} callers have one or more")

    def _check_memory(self) -> None:
        if self.vmas * self.map_pages.most > ARENA_PAGES_MAX:
            raise UsageError(
                f"--map-pages {self.map_pages.text()}: {self.vmas} VMAs of up to "
                f"{self.map_pages.most} pages; give --vmas {ARENA_PAGES_MAX // self.map_pages.most}"
                " or less"
            )
        nodes = self.fork_tree.nodes if self.fork_tree.full else 0
        if self.vmas * nodes > VMAS_MAX:
            raise UsageError(
                f"--fork-tree {self.fork_tree.text()}: {nodes} children of {self.vmas} VMAs; give "
                f"--vmas {VMAS_MAX // nodes} or less"
            )

    def _check_agents(self) -> None:
        every = self.callers_of_all
        if self.agents == 1:
            return
        if every > CALLERS_MAX:
            raise UsageError(
                f"{self.agents} agents with {self.callers} callers each: at most {CALLERS_MAX} "
                "callers in all; give --processes or --concurrency less"
            )
        if 0 < self.ops < every:
            raise UsageError(f"--ops {self.ops}: {every} callers of all agents have one or more")

    def _interval(self, span: float) -> float:
        asked = self.interval_s
        least = max(INTERVAL_S_MIN, span / ROWS_MAX)
        if asked and asked < least:
            raise UsageError(
                f"--interval {asked:g}s: at least {least:g}s for a load of this length"
            )
        return asked or float(max(1, math.ceil(span / INTERVALS_MAX)))

    def _stages(self) -> tuple[Stage, ...]:
        if self.stages and self.rate:
            raise UsageError("--stages has the rates: leave --rate out")
        if self.rate > RATE_MAX:
            raise UsageError(f"--rate {self.rate:g}: at most {RATE_MAX:g} operations per second")
        if self.rate and self.concurrency:
            raise UsageError("--concurrency is the closed loop, --rate the open one: give one")
        if not self.rate:
            if self.arrival != "constant" and not self.stages:
                raise UsageError(
                    f"--arrival {self.arrival} is of the open loop: give --rate or --stages"
                )
            return self.stages
        seconds = min(self.seconds, self.ops / self.rate if self.ops else math.inf)
        return (Stage(seconds, self.rate, self.rate),)

    def _processes(self) -> int:
        wanted = self.concurrency
        if wanted > CALLERS_MAX:
            raise UsageError(f"--concurrency {wanted}: at most {CALLERS_MAX}")
        if wanted and wanted < self.processes:
            return wanted
        if self.mode == "attach" and wanted > self.processes:
            raise UsageError(
                f"--concurrency {wanted} with {self.processes} processes: an attached process has "
                f"one operation at a time; give --processes {wanted}"
            )
        return self.processes

    def _window(self) -> int:
        if self.mode != "batch":
            return 1
        if self.concurrency:
            return max(1, self.concurrency // self._processes())
        return self.window or WINDOW[self.mode]
