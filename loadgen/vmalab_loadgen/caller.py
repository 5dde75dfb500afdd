# SPDX-License-Identifier: Apache-2.0
"""One caller of a load: makes blocks, has them done when they are due, checks the answers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic

import numpy as np

from vmalab_drive import drivers
from vmalab_drive.sampling import Sampler
from vmalab_loadgen import kinds, pacing
from vmalab_loadgen.call_parts import BLOCK, sums_of
from vmalab_loadgen.churn import Churn
from vmalab_loadgen.config import CALLERS_MAX, LoadConfig
from vmalab_loadgen.histogram import Times
from vmalab_loadgen.kinds import OPS
from vmalab_loadgen.pacing import NEVER, Pacer
from vmalab_loadgen.parts import CallerEnd, Part
from vmalab_loadgen.recorder import Recorder
from vmalab_loadgen.work import BlockT, Timed, Work

if TYPE_CHECKING:
    from vmalab_native.load_times import LoadTimes

KEEP_EVERY_NS: Final = 10_000_000_000
LOOK_EVERY_NS: Final = 100_000_000
"""While nothing is due, so often it is looked whether the load ends, or an interval has."""
SPAN_NS: Final = 5_000_000
"""Of the operations that are due within so long a block is made."""
GAP_NS: Final = 500_000
"""With such a gap behind it an operation is a block of its own: the next one is made in the gap."""
CORE_EVERY: Final = 8
DRAIN_NS: Final = 1_000_000_000
"""So long after the end what was due before it may still begin."""


@dataclass(slots=True)
class Clock:
    """The times of a load, the same in all its processes: ns of CLOCK_MONOTONIC."""

    begin_ns: int
    measure_ns: int
    """The end of the warm-up."""
    end_ns: int
    interval_ns: int

    @staticmethod
    def of(config: LoadConfig, begin_ns: int) -> Clock:
        begin_ns += int(config.start_after_s * 1e9)
        measure = begin_ns + int(config.warmup_s * 1e9)
        end = measure + int(config.seconds * 1e9) if config.seconds < 1e9 else NEVER
        return Clock(begin_ns, measure, end, max(1, int(config.interval_s * 1e9)))


@dataclass(slots=True)
class Caller(Generic[BlockT]):
    """Makes the operations of one participant."""

    config: LoadConfig
    driver: drivers.Driver
    maker: Work[BlockT]
    clock: Clock
    pacer: Pacer | None
    share: int
    """Operations after which it ends; 0: no limit."""
    send: Callable[[Part], None]
    stop_ns: Callable[[], int]
    """The time at which the parent wants an end."""
    timed: Timed | None = None
    """What does the operations in the place of the driver."""
    churn: Churn[Work[BlockT]] | None = None
    recorder: Recorder = field(init=False)
    _blocks: int = 0
    _core_ops: int = 0
    _timed_ops: int = 0
    _timed_s: float = 0.0
    """CPU time of the core, of one block in CORE_EVERY: to ask for it costs a system call."""
    _times: LoadTimes | None = None
    _sampler: Sampler | None = None
    _flying: deque[BlockT] = field(default_factory=deque)
    _interval: int = 0
    _warm: bool = False
    _kept_ns: int = 0
    _ops_before: int = 0
    _op_ns: float = 0.0
    """What an operation took in the last turn, with all that a client does."""
    _unanswered: int = 0

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.maker.me, self.maker.tally, open_loop=self.pacer is not None)
        if isinstance(self.driver, drivers.AttachDriver):
            from vmalab_native.load_times import LoadTimes

            corrected = self.recorder.corrected
            self._times = LoadTimes(
                self.recorder.raw[:OPS].data,
                None if corrected is None else corrected[:OPS].data,
                every=self.config.sample,
                parts=self.recorder.parts.data,
            )
        elif self.config.sample and self.timed is None:
            seed = self.config.seed * CALLERS_MAX + self.maker.me
            self._sampler = self.driver.sampler = Sampler(self.config.sample, seed)

    @property
    def core_cpu_s(self) -> float:
        """CPU time of the core that this caller has called itself."""
        return self._timed_s * self._core_ops / max(1, self._timed_ops)

    # --- the loop ---

    def run(self) -> CallerEnd:
        """Until the end of the load."""
        clock = self.clock
        self._warm = clock.measure_ns > clock.begin_ns
        self._kept_ns = time.monotonic_ns()
        end = CallerEnd(self.maker.me, clock.measure_ns, 0)
        try:
            while (now := time.monotonic_ns()) < min(clock.begin_ns, self.stop_ns()):
                self._look(now)
                pacing.wait(clock.begin_ns, now + LOOK_EVERY_NS)
            while not self._over(now := time.monotonic_ns()):
                self._look(now)
                if self.churn is not None and now >= self.churn.due_ns:
                    self._renew(self.churn)
                elif self.pacer is None:
                    self._closed_turn(now)
                else:
                    self._open_turn(self.pacer, now)
            while self._flying:
                self._finish()
        except Exception as error:
            end.failed = in_a_line(error)
            end.unanswered = self._unanswered or sum(block.count for block in self._flying)
        end.ended_ns = time.monotonic_ns()
        self._look(end.ended_ns)
        self.send(self.recorder.take(self._interval))
        if self.pacer is not None:
            until = min(clock.end_ns, self.stop_ns(), end.ended_ns)
            end.dropped = self.pacer.not_begun(until) * self.pacer.unit
        if self.churn is not None:
            end.not_renewed = self.churn.not_begun(min(self.stop_ns(), end.ended_ns))
        if self._times is not None and isinstance(self.driver, drivers.AttachDriver):
            end.timing_cost_ns = self.driver.timing_cost_ns(self._times)
        if self._sampler is not None and not end.failed:
            with suppress(Exception):  # what the load has measured counts without it
                end.parts_cost_ns = self.driver.parts_cost_ns()
        end.wrong_first = self.maker.tally.wrong_first
        return end

    def _over(self, now: int) -> bool:
        if now >= self.stop_ns():
            return True
        if self.share and not self._warm and self._done() >= self.share:
            return True
        if self.pacer is None:
            return now >= self.clock.end_ns
        return now >= self.clock.end_ns + DRAIN_NS or self.pacer.next_ns() == NEVER

    def _done(self) -> int:
        """Operations since the warm-up, with those in flight."""
        flying = sum(block.count for block in self._flying)
        return self.maker.tally.ops.total() + flying - self._ops_before

    def _size(self) -> int:
        size = self.config.block_ops
        return min(size, self.share - self._done()) if self.share and not self._warm else size

    def _look(self, now: int) -> None:
        """The end of the warm-up, the end of an interval, leases."""
        if self._warm and now >= self.clock.measure_ns:
            self._warm = False
            self.recorder.drop()
            self._ops_before = self._done()
        if not self._warm:
            interval = (now - self.clock.measure_ns) // self.clock.interval_ns
            if interval > self._interval:
                self.send(self.recorder.take(self._interval))
                self._interval = interval
        if now - self._kept_ns > KEEP_EVERY_NS:
            self.driver.keep([self.maker.mm, *self.maker.forked], self.maker.files)
            self._kept_ns = now

    def _closed_turn(self, now: int) -> None:
        """A block that will not last beyond the end of the load, as far as can be known."""
        size = self._size()
        if self._op_ns and self.clock.end_ns < NEVER:
            flying = sum(block.count for block in self._flying)
            room = int((self.clock.end_ns - now) / self._op_ns) - flying
            if room < 1 and self._flying:
                self._finish()
                return
            size = max(1, min(size, room))
        before = self.maker.tally.ops.total()
        self._turn(size)
        if done := self.maker.tally.ops.total() - before:
            self._op_ns = (time.monotonic_ns() - now) / done

    def _renew(self, churn: Churn[Work[BlockT]]) -> None:
        """This caller leaves when all that it has sent is answered, and another one comes."""
        while self._flying:
            self._finish()
        due, begin = churn.due_ns, time.monotonic_ns()
        tally = self.maker.tally
        self.driver, self.maker = churn.renew()
        self.driver.sampler = self._sampler
        self.maker.tally = tally
        churn.done += 1
        end = time.monotonic_ns()
        self._kept_ns = end
        tally.ops[kinds.RENEWAL] += 1
        row = np.array([kinds.number_of(kinds.RENEWAL)])
        self.recorder.record(row, np.array([end - begin]), np.array([end - due]))

    def _open_turn(self, pacer: Pacer, now: int) -> None:
        """What is due next, or a while of waiting for it."""
        due = pacer.next_ns()
        look = now + LOOK_EVERY_NS
        if self.churn is not None:
            look = min(look, self.churn.due_ns)
        if pacer.unit > 1:
            if due <= now:
                self._turn(pacer.unit)
            elif self._flying:
                self._finish()
            else:
                pacing.wait(due, look)
        elif due > now + LOOK_EVERY_NS:
            pacing.wait(due - LOOK_EVERY_NS // 2, look)
        elif due > now and pacer.within(GAP_NS, 2) < 2:
            self._turn(1)
        else:
            span = SPAN_NS + max(0, now - due)  # who is late catches up with a longer block
            self._turn(max(1, min(self._size(), pacer.within(span, self.config.block_ops))))

    def _turn(self, size: int) -> None:
        """One block."""
        block = self.maker.make(size)
        if not block.count:  # it waits for an answer
            self._finish()
            return
        if self.timed is not None:
            self._calls(block, self.timed)
        elif self._times is not None and isinstance(self.driver, drivers.AttachDriver):
            self._attached(block, self.driver, self._times)
        elif isinstance(self.driver, drivers.CallByCall):
            self._calls(block, self.driver)
        else:
            block.sent_ns = time.monotonic_ns()
            pacer = self.pacer
            block.intended_ns = int(pacer.take(1)[0]) if pacer is not None else block.sent_ns
            self.driver.send(block.data)
            self._flying.append(block)
            while len(self._flying) >= self.config.window:
                self._finish()

    def _attached(self, block: BlockT, driver: drivers.AttachDriver, times: LoadTimes) -> None:
        due: Times | None = self.pacer.take(block.count) if self.pacer is not None else None
        timed = self._blocks % CORE_EVERY == 0
        self._blocks += 1
        self._core_ops += block.count
        begin = time.thread_time() if timed else 0.0
        view = None if due is None else due.view(np.uint64).data
        answer = driver.run_due(block.data, times, view)
        if timed:
            self._timed_s += time.thread_time() - begin
            self._timed_ops += block.count
        self.maker.check(block, answer)

    def _calls(self, block: BlockT, driver: Timed) -> None:
        """One call for each record. When one fails the block does not count."""
        pacer = self.pacer
        due: Times | None = pacer.take(block.count) if pacer is not None else None
        spans: list[tuple[int, int]] = []

        def wait(number: int) -> None:
            if due is not None:
                pacing.wait(int(due[number]), NEVER)

        self._unanswered = 1
        answer = driver.run_timed(block.data, spans, wait)
        self._unanswered = 0
        self._look(time.monotonic_ns())
        begin, end = np.array(spans, np.int64).T
        intended = begin if due is None else due
        self.recorder.record(block.kinds, end - begin, end - intended)
        if self._sampler is not None:
            for one in self._sampler.taken():
                at = one.number
                sums = sums_of(one, int(intended[at]), int(begin[at]), int(end[at]))
                self.recorder.record_call(kinds.name_of(int(block.kinds[one.number])), sums)
        self.maker.check(block, answer)

    def _finish(self) -> None:
        """The answer to the oldest block in flight."""
        block = self._flying[0]
        answer = self.driver.receive()
        self._flying.popleft()
        now = time.monotonic_ns()
        self._look(now)
        self.recorder.record_block(block.kinds, now - block.sent_ns, now - block.intended_ns)
        if self._sampler is not None:
            for one in self._sampler.taken():
                sums = sums_of(one, block.intended_ns, block.sent_ns, now)
                self.recorder.record_call(BLOCK, sums)
        self.maker.check(block, answer)


def in_a_line(error: Exception) -> str:
    """Why a caller could not go on. An error of our own keeps its place.

    Raises:
        Exception: an error that no server and no instance makes.
    """
    code, details = getattr(error, "code", None), getattr(error, "details", None)
    if callable(code) and callable(details):
        return f"{getattr(code(), 'name', code())}: {details()}"
    if isinstance(error, drivers.DriverError) or type(error).__module__.startswith("vmalab_nat"):
        return str(error)
    raise error
