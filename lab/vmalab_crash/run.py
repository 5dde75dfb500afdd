# SPDX-License-Identifier: Apache-2.0
"""Carries out a run: one segment after the other, bursts in each, and a verdict after each burst.

A segment lives for some hundred kills. Then everybody leaves, or is killed, and what is kept is
given back: nothing may be left in it.
"""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, Final

from vmalab_crash import plan
from vmalab_crash.board import Board, Command, State
from vmalab_crash.company import POLL_S, Company, Failure, Member, Victim
from vmalab_crash.plan import Burst, Kind
from vmalab_crash.talk import Complaints, Done, Left, Order, Recovery
from vmalab_crash.tally import Size, Tally
from vmalab_crash.watch import STOP_BROKEN, Watch
from vmalab_native import signals
from vmalab_native.core import Segment, SegmentConfig

FRAMES: Final = 1 << 15
QUOTA: Final = (1 << 31) - 1
PARTICIPANTS: Final = 96
"""For so many, or a multiple, a segment has room."""
PAGE: Final = 4096
THREADED: Final = 2
"""Processes with several participants."""
THREADS: Final = 4
PRIMITIVES: Final = 2
"""Processes that use rwsems and RCU too."""
SESSION_KILLS: Final = 400
FEW_KILLS: Final = 20
"""Too few to be a sample, however they fall."""
QUIET_S: Final = 0.5
RECOVERIES_MAX: Final = 20
SIZE_BURSTS: Final = 12
USUAL_NS: Final = 3_000_000
"""Length of a recovery before one was measured."""


@dataclass(frozen=True, slots=True)
class CrashConfig:
    """What to run.

    Attributes:
        kills: of processes, over all models.
        smallest, largest: processes killed at once.
        actors, recoverers: processes that are there.
        sizes: MiB of populated memory, a few bursts each.
        failures: so many per model end its run.
        keep: segments in which something failed stay.
        patience_s: so long nobody may end an operation.
        long_stops: now and then a process is stopped for longer than a recovery waits for it.
        without: operations that nobody does.
    """

    kills: int = 1000
    smallest: int = 2
    largest: int = 20
    actors: int = 22
    recoverers: int = 3
    seed: int = 0
    sizes: tuple[int, ...] = ()
    failures: int = 1
    keep: bool = False
    patience_s: float = 60.0
    long_stops: bool = True
    without: frozenset[int] = frozenset()

    @staticmethod
    def fresh_seed() -> int:
        return secrets.randbelow(1 << 31)


Progress = Callable[[Tally], None]
"""Called after each burst with what its model has counted so far."""
_instances = count()


@dataclass(slots=True)
class Session:
    """One segment, from its making to the count of what is left in it.

    Attributes:
        ballast_mib: populated memory that nobody touches.
        size: what the bursts here are counted for too.
        story: what happened in the burst under way.
        instance: the name of the segment.
    """

    config: CrashConfig
    tally: Tally
    company: Company
    number: int
    ballast_mib: int = 0
    size: Size | None = None
    burst: int = 0
    story: list[str] = field(default_factory=list)
    instance: str = ""
    _forked: int = 0
    _filled: list[int] = field(default_factory=list)
    _missed: int = 0
    _segment: Segment = field(init=False, repr=False)
    _watch: Watch = field(init=False, repr=False)
    _before: dict[str, int] = field(default_factory=dict)

    def run(self, bursts: Iterator[Burst], enough: Callable[[], bool], tell: Progress) -> None:
        """Bursts until there are enough, then the end. A failure is counted and ends it."""
        self.tally.sessions += 1
        begin = time.monotonic()
        with ExitStack() as stack:
            self.open(stack)
            try:
                self.start()
                while not enough():
                    self._one(next(bursts))
                    tell(self.tally)
                self.finish()
            except Failure as failure:
                self.tally.failed(failure, self._where())
            finally:
                self._count_work()
                self.company.end_all()
                self.tally.seconds += time.monotonic() - begin

    def _where(self) -> dict[str, Any]:
        return {
            "model": self.tally.model,
            "seed": self.config.seed,
            "segment": self.instance if self.config.keep else "",
            "session": self.number,
            "burst": self.burst,
            "story": self.story,
        }

    # --- begin and end ---

    def open(self, stack: ExitStack) -> None:
        self.instance = f"crash-{os.getpid()}-{next(_instances)}"
        config = self.segment_config()
        with signals.held():
            self._segment = stack.enter_context(Segment.create(self.instance, config))
            stack.callback(self._remove)
        self._before = self._in_use()
        self._watch = Watch(self.instance, config.model, config.layout)
        stack.callback(self._watch.close)
        self.company.session(self._segment, self._watch, self.config.seed, self.config.without)

    def segment_config(self) -> SegmentConfig:
        """Room enough for everybody, and little enough to be exhausted."""
        config, pages = self.config, self.ballast_mib << 8
        # Everybody, those who come while the dead have their slots still, and some more.
        participants = config.actors + THREADED * THREADS + config.recoverers + config.largest
        scale = -(-(participants + RECOVERIES_MAX) // PARTICIPANTS)
        return SegmentConfig(
            size_bytes=scale * (160 << 20) + pages * 64,
            mms_max=512 * scale,
            participants_max=PARTICIPANTS * scale,
            frames_max=FRAMES * scale + pages * 5 // 4,
            files_max=2048 * scale,
            vmas_per_mm_max=max(4096, pages // 32),
            # What is charged is recounted; what is refused is the whole segment's to say.
            frames_per_mm_max=QUOTA,
            account_frames_max=QUOTA,
            account_tables_max=QUOTA,
            account_vmas_max=QUOTA,
            account_files_max=QUOTA,
            account_mms_max=QUOTA,
            model=self.tally.model,
        )

    def _remove(self) -> None:
        failed = self.tally.failures and self.tally.failures[-1]["session"] == self.number
        if not (failed and self.config.keep):
            self._segment.unlink()

    def _in_use(self) -> dict[str, int]:
        info = self._segment.info()
        slabs = {slab.name: slab.active_objs for slab in self._segment.slabinfo()}
        empty = sum(slab.num_slabs * slab.pagesperslab for slab in self._segment.slabinfo())
        pages = info.pages_populated - info.pages_free - empty
        return {"frames": info.frames_in_use, "pages": pages, **slabs}

    def start(self) -> None:
        config, company = self.config, self.company
        first = self.company.fork(*self._wanted("recoverer"))
        company.ask(first, Order("begin"), config.patience_s, Done)
        if self.ballast_mib:
            pages = self.ballast_mib << 8
            company.ask(first, Order("ballast", pages=pages), config.patience_s * 4, Done)
        company.name_files()
        self._fill_up()
        self.prove()
        company.board.head["turn"] += 1
        time.sleep(QUIET_S)
        self.tally.quiet_ns = max(self.tally.quiet_ns, self._gap(company.of("")))

    def _wanted(self, kind: str, threads: int = 1) -> tuple[str, str, int]:
        self._forked += 1
        seed = f"{self.config.seed}/{self.tally.model}/{self.number}/{self._forked}"
        return kind, seed, threads

    def _fill_up(self) -> None:
        """In place of those who are gone."""
        wanted = {
            "recoverer": self.config.recoverers,
            "primitives": min(PRIMITIVES, self.config.actors),
            "plain": max(0, self.config.actors - PRIMITIVES),
        }
        threaded = sum(len(one.rows) > 1 for one in self.company.of("plain"))
        orders: list[tuple[str, str, int]] = []
        for kind, number in wanted.items():
            for _ in range(number - len(self.company.of(kind))):
                many = kind == "plain" and threaded < THREADED
                threaded += many
                orders.append(self._wanted(kind, THREADS if many else 1))
        self.company.fork_all(orders)

    def finish(self) -> None:
        """Everybody leaves or is killed; what is left then has leaked."""
        config, company = self.config, self.company
        self.story = ["the end: everybody leaves"]
        company.go_on(company.of(""))
        actors = self._actors()
        if self.number % 2:
            self.story = ["the end: everybody is killed"]
            company.kill(actors)
        for one in actors:
            company.command(one, Command.LEAVE)
        company.wait(lambda: not self._actors(), self._actors, config.patience_s)
        self._recover([])
        said = company.ask(self._recoverer(), Order("end"), config.patience_s * 2, Left)
        for one in company.of("recoverer"):
            company.tell(one, Order("leave"))
            one.leaving = True
        company.wait(lambda: not company.of(""), lambda: company.of(""), config.patience_s)
        self._sound(said.fsck)
        left = {
            name: number - self._before.get(name, 0)
            for name, number in self._in_use().items()
            if number != self._before.get(name, 0)
        }
        left |= {"mms": said.mms} if said.mms else {}
        files = self._segment.config.files_max - said.files_free
        left |= {"files": files} if files else {}
        if left:
            raise Failure("leaked", ", ".join(f"{name}: {n}" for name, n in left.items()))

    def _actors(self) -> list[Member]:
        return [one for one in self.company.of("") if one.kind != "recoverer"]

    def _count_work(self) -> None:
        rows = self.company.board.rows
        self.tally.ops += int(rows["ops"].sum())
        self.tally.checked += int(rows["checked"].sum())

    # --- one burst ---

    def _one(self, burst: Burst) -> None:
        company, config, rng = self.company, self.config, random.Random(burst.picks)
        before = self.tally.bursts
        self.burst += 1
        self.tally.bursts += 1
        self.tally.kinds[burst.kind] += 1
        self.story = [f"{burst.kind}, {burst.size} at once"]
        self._make_full(burst, rng)
        company.board.head["turn"] += 1
        time.sleep(burst.delay_s)
        stopped = rng.sample(self._actors(), min(burst.stopped, len(self._actors()) - 1))
        for one in stopped:
            company.stop(one)
            self.story.append(f"stopped: {one.kind} {one.pid} ({company.doing(one)})")
        self._kill(self._victims(burst, rng, stopped))
        self._recover(stopped, burst, rng)
        fsck = company.ask(self._recoverer(), Order("fsck"), config.patience_s, Complaints)
        self._sound(fsck.lines)
        survivors = [one for one in company.of("") if one not in stopped]
        self._make_room()
        self._fill_up()
        self.prove()
        self.tally.recovered += self.tally.bursts - before
        if not burst.stopped:
            gap = self._gap(survivors)
            self.tally.standstills_ns.append(gap)
            if self.size is not None:
                self.size.standstills_ns.append(gap)
        if self.size is not None:
            self.size.bursts += 1
        company.reap()

    def _victims(self, burst: Burst, rng: random.Random, stopped: Sequence[Member]) -> list[Member]:
        company, actors = self.company, self._actors()
        match burst.kind:
            case Kind.ALL_BUT_ONE:
                everybody = company.of("")
                rng.shuffle(everybody)
                return everybody[1:]
            case Kind.JOINERS:
                joiners = company.fork_all([self._wanted("plain") for _ in range(burst.size)])
                time.sleep(rng.random() * 0.008)
                return joiners
            case Kind.LEAVERS:
                leavers = rng.sample(actors, min(burst.size, len(actors) - 1))
                for one in leavers:
                    company.command(one, Command.LEAVE)
                time.sleep(rng.random() * 0.02)
                company.look()
                return [one for one in leavers if one in company.members]
        chosen = rng.sample(actors, min(burst.size, len(actors) - 1))
        if burst.fill and rng.randrange(3):  # mostly who took the room dies
            full = [one for one in actors if one.rows[0] in self._filled and one not in chosen]
            chosen[: len(full)] = full
        if stopped and rng.randrange(2):
            chosen[0] = chosen[0] if stopped[0] in chosen else stopped[0]
        return chosen

    def _kill(self, members: list[Member]) -> list[Victim]:
        victims = self.company.kill(members)
        self.tally.died(len(members), victims)
        stop = self._watch.stop()
        self.story += [f"killed: {victim}" for victim in victims]
        if stop == STOP_BROKEN:
            raise Failure("broken", "the segment is broken", self.company.log())
        return victims

    def _recoverer(self, *, but: Sequence[Member] = ()) -> Member:
        """One that is there, or a newcomer."""
        for one in self.company.of("recoverer"):
            if one not in but:
                return one
        return self.company.fork(*self._wanted("recoverer"))

    def _recover(
        self,
        stopped: Sequence[Member],
        burst: Burst | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """Until nobody is dead; the plan may have more deaths meanwhile."""
        company, again = self.company, burst.again if burst else 0
        second = (burst.second or self._missed) if burst else 0
        due = time.monotonic() + burst.stop_s if burst and stopped else 0.0
        for _ in range(RECOVERIES_MAX):
            at_it = [self._recoverer()]
            if burst and (burst.kind == Kind.BOTH or burst.picks % 4 == 0):
                at_it.append(self._recoverer(but=at_it))
            for one in at_it:
                company.tell(one, Order("recover"))
            more = bool(burst and second and self._caught(at_it[0], burst))
            if burst and second and not more:
                self._missed = second  # it was over too soon; the next one, then
            if burst and more:
                assert rng is not None
                self._missed = 0
                self._kill_in_recovery(burst, rng, second, at_it)
                second = second if again else 0
                again -= 1
            answers = self._answers(at_it, stopped, due)
            self._recovered(answers)
            if any(said.stuck for said in answers):
                self.tally.stuck += 1
            elif answers and not more and not any(said.left for said in answers):
                return
        raise Failure("unrecovered", f"somebody is dead after {RECOVERIES_MAX} recoveries")

    def _answers(
        self, at_it: Sequence[Member], stopped: Sequence[Member], due: float
    ) -> list[Recovery]:
        """Of those who recover and live; those who are stopped go on when they are due, or when
        they are waited for no more."""
        company, living = self.company, [one for one in at_it if one in self.company.members]
        while living and time.monotonic() < due and not company.has_answered(living[0]):
            company.look()
            time.sleep(POLL_S)
        if living:
            company.go_on(stopped)
        return [company.answer(one, self.config.patience_s, Recovery) for one in living]

    def _recovered(self, answers: list[Recovery]) -> None:
        for said in answers:
            self.tally.recoveries_ns += said.spent_ns
            if self.size is not None:
                self.size.recoveries_ns += said.spent_ns
            if said.dead:
                self.story.append(f"recovered: {said.dead} dead, {said.repaired} repairs")

    def _caught(self, recoverer: Member, burst: Burst) -> bool:
        """Waits until the world is stopped, and then for the moment of the second burst."""
        begin = time.monotonic()
        while not self._watch.stop():
            if self.company.has_answered(recoverer):
                return False
            self.company.look()
            if time.monotonic() - begin > self.config.patience_s:
                raise Failure("hung", "a recovery does not begin", self.company.stuck([recoverer]))
        usual = self.tally.recoveries_ns[-50:] or [USUAL_NS]
        until = time.monotonic_ns() + burst.moment * sorted(usual)[len(usual) // 2]
        while time.monotonic_ns() < until and self._watch.stop():
            pass
        return True

    def _kill_in_recovery(
        self, burst: Burst, rng: random.Random, size: int, at_it: Sequence[Member]
    ) -> None:
        """The recoverer, the second one if both are meant, and others."""
        self.story.append(f"in the recovery, {size} at once")
        meant = list(at_it if burst.kind == Kind.BOTH else at_it[:1])
        stop = self._watch.stop()
        if stop not in (0, STOP_BROKEN):
            pid = self._watch.slot(stop - 1).pid
            meant += [one for one in self.company.members if one.pid == pid and one not in meant]
        others = [one for one in self._actors() if one not in meant]
        rng.shuffle(others)
        self.tally.bursts += 1
        self._kill([*meant, *others[: max(0, min(size - len(meant), len(others) - 1))]])

    # --- room ---

    def _make_full(self, burst: Burst, rng: random.Random) -> None:
        if not burst.fill:
            return
        head, rows = self.company.board.head, self.company.board.rows
        fillers = rng.sample([one for one in self._actors() if one.kind == "plain"], 2)
        self.story.append(f"{burst.fill.name.lower()} by {[one.pid for one in fillers]}")
        head["full"] += 1
        self._filled = [row for one in fillers for row in one.rows]
        for one in fillers:
            self.company.command(one, burst.fill)
        self.company.wait(
            lambda: all(rows[row]["state"] == State.FULL for row in self._filled),
            lambda: fillers,
            self.config.patience_s,
        )

    def _make_room(self) -> None:
        if not self._filled:
            return
        rows, living = self.company.board.rows, self._actors()
        fillers = [one for one in living if set(one.rows) & set(self._filled)]
        for one in fillers:
            self.company.command(one, Command.RUN)
        self.company.wait(
            lambda: all(rows[r]["state"] == State.RUNNING for one in fillers for r in one.rows),
            lambda: fillers,
            self.config.patience_s,
        )
        patience = self.config.patience_s
        self.company.ask(self._recoverer(), Order("unfill", rows=self._filled), patience, Done)
        self._filled = []
        self.company.board.head["full"] += 1

    # --- verdicts ---

    def _sound(self, complaints: list[str]) -> None:
        if complaints:
            raise Failure("unsound", f"fsck: {complaints[0]}", complaints[:20])

    def prove(self, patience_s: float = 0.0) -> None:
        """Every process does everything once, and what it reads is right."""
        company, head, rows = self.company, self.company.board.head, self.company.board.rows
        head["epoch"] += 1
        epoch = head["epoch"][0]

        def late() -> list[Member]:
            return [
                one for one in self._actors() if any(rows[r]["proved"] != epoch for r in one.rows)
            ]

        def done() -> bool:
            self._right()
            return not late()

        company.wait(done, late, patience_s or self.config.patience_s)

    def _right(self) -> None:
        rows = self.company.board.rows
        for kind in ("corrupt", "refused"):
            wrong = rows[rows[kind] != 0]
            if len(wrong):
                notes = [f"pid {row['pid']}: {row['note'].decode()}" for row in wrong[:10]]
                raise Failure(kind, notes[0], notes)

    def _gap(self, members: Sequence[Member]) -> int:
        """Longest time without the end of an operation in this burst, of those."""
        rows, turn = self.company.board.rows, self.company.board.head[0]["turn"]
        numbers = [row for one in members if one.kind != "recoverer" for row in one.rows]
        return max((int(rows[n]["gap_ns"]) for n in numbers if rows[n]["turn"] == turn), default=0)


def _enough(tally: Tally, kills: int) -> bool:
    """So many, and up to half as many again while too few died where it matters."""
    more = 0 if tally.decided or kills < FEW_KILLS else kills // 2
    return tally.kills >= kills + more


def _enough_of(size: Size) -> bool:
    return size.bursts >= SIZE_BURSTS


def run_model(
    config: CrashConfig, model: str, kills: int, company: Company, progress: Progress
) -> Tally:
    """All kills of a model, and then the bursts of each size."""
    tally = Tally(model)
    bursts = plan.bursts(
        config.seed, model, config.smallest, config.largest, long_stops=config.long_stops
    )
    numbers = count()
    while tally.kills < kills and len(tally.failures) < config.failures:
        until = min(kills, tally.kills + SESSION_KILLS)
        session = Session(config, tally, company, next(numbers))
        session.run(bursts, partial(_enough, tally, until), progress)
    for mib in config.sizes:
        if len(tally.failures) >= config.failures:
            break
        size = Size(mib)
        tally.sizes.append(size)
        session = Session(config, tally, company, next(numbers), mib, size)
        session.run(bursts, partial(_enough_of, size), progress)
    return tally


def run_all(
    config: CrashConfig, models: Sequence[str], progress: Progress, *, grpc: bool = False
) -> list[Tally]:
    """The models in turn; the kills are shared out among them.

    Args:
        grpc: the victims are workers of a server and their clients.
    """
    share = -(-config.kills // len(models))
    if grpc:
        from vmalab_crash import serving

        sizes = config.smallest, config.largest
        return [
            serving.run_model(model, share, sizes, config.seed, config.patience_s, progress)
            for model in models
        ]
    board = Board.make()
    try:
        with Company(board) as company:
            return [run_model(config, model, share, company, progress) for model in models]
    finally:
        board.close()
