# SPDX-License-Identifier: Apache-2.0
"""The lab core for Python: runs of a scenario under a scheduler, mutants, gates.

A segment whose layout ends in "-lab" has sync points, mutants and ghost state (lab_state.h says how
a run works). Everything here refuses a segment of a release core with CoreMissing.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from vmalab_native._core import ffi, lib
from vmalab_native.cdata import CArray, CStruct, Getter
from vmalab_native.convert import checked, listing, text
from vmalab_native.core import Participant, Segment
from vmalab_native.errors import InvalidArgument

ACTORS_MAX: Final = int(lib.VL_LAB_ACTORS_MAX)
OPS_MAX: Final = int(lib.VL_LAB_OPS_MAX)
SLOTS_MAX: Final = int(lib.VL_LAB_SLOTS_MAX)
SCRIPT_MAX: Final = int(lib.VL_LAB_SCRIPT_MAX)
HOLDERS_MAX: Final = int(lib.VL_LAB_HOLDERS_MAX)
NO_SLOT: Final = int(lib.VL_LAB_SLOT_NONE)
CONTROLLER: Final = ACTORS_MAX
STEP: Final = int(lib.VL_LAB_TRACE_STEP)
GRANT: Final = int(lib.VL_LAB_TRACE_GRANT)
BREAKS: Final = int(lib.VL_LAB_TRACE_BREAKS)


class Strategy(IntEnum):
    """How the next schedule is chosen."""

    DFS = lib.VL_LAB_DFS
    RANDOM = lib.VL_LAB_RANDOM
    PCT = lib.VL_LAB_PCT
    SCRIPT = lib.VL_LAB_SCRIPT
    PLAN = lib.VL_LAB_PLAN


INVARIANTS: Final[dict[int, str]] = {
    lib.VL_LAB_NONE: "",
    lib.VL_LAB_OVERLAP: "reader-writer-overlap",
    lib.VL_LAB_IDENTITY: "grant-identity",
    lib.VL_LAB_LIFETIME: "lifetime",
    lib.VL_LAB_ATTACH: "attach-state",
    lib.VL_LAB_WRITE_LOCK: "write-lock-first",
    lib.VL_LAB_COMPLETE: "publish-complete",
    lib.VL_LAB_LOCK_WORD: "lock-word",
    lib.VL_LAB_RCU: "rcu",
    lib.VL_LAB_TREE: "tree",
    lib.VL_LAB_ANON: "anon-vma",
    lib.VL_LAB_DEADLOCK: "deadlock",
    lib.VL_LAB_LIVELOCK: "livelock",
    lib.VL_LAB_ASSERT: "assertion",
    lib.VL_LAB_CRASH: "crash",
    lib.VL_LAB_OUTCOME: "outcome",
    lib.VL_LAB_FSCK: "fsck",
    lib.VL_LAB_COUNTERS: "counters",
    lib.VL_LAB_ORDER: "lock-order",
    lib.VL_LAB_DIVERGED: "diverged",
}

SPECIAL_OPS: Final[dict[str, int]] = {
    "preset": lib.VL_LAB_OP_PRESET,
    "fail": lib.VL_LAB_OP_FAIL,
    "maps": lib.VL_LAB_OP_MAPS,
    "die": lib.VL_LAB_OP_DIE,
    "reap": lib.VL_LAB_OP_REAP,
    "rcu": lib.VL_LAB_OP_RCU,
    "mbind": lib.VL_LAB_OP_MBIND,
    "truncate": lib.VL_LAB_OP_TRUNCATE,
    "map": lib.VL_LAB_OP_MAP_FILE,
    "low": lib.VL_LAB_OP_LOW,
    "seal": lib.VL_LAB_OP_SEAL,
    "name": lib.VL_LAB_OP_NAME,
    "fallocate": lib.VL_LAB_OP_FALLOCATE,
    "keep": lib.VL_LAB_OP_KEEP,
    "lend": lib.VL_LAB_OP_LEND,
}


@dataclass(frozen=True, slots=True)
class Named:
    """A sync point or a mutant."""

    name: str
    kind: str
    """Of a point: what it is about (VMA, MM, NODE, NONE). Of a mutant: its models by letter."""
    text: str
    alias: str = ""
    """Of a mutant: its number in the catalogue ("B5"), if it has one."""

    @property
    def label(self) -> str:
        """For a reader: the name, and the number beside it."""
        return f"{self.name} ({self.alias})" if self.alias else self.name

    @property
    def short(self) -> str:
        """For a program: the number, which stays as it is, or the name where there is none."""
        return self.alias or self.name


@dataclass(frozen=True, slots=True)
class Op:
    """One operation of a scenario, as struct vl_lab_op."""

    op: int
    slot: int = 0
    flags: int = 0
    args: tuple[int, ...] = ()
    result: int = NO_SLOT


@dataclass(frozen=True, slots=True)
class Program:
    """Who does what. points: names of the sync points where an actor may be preempted."""

    actors: tuple[tuple[Op, ...], ...]
    setup: tuple[Op, ...] = ()
    check: tuple[Op, ...] = ()
    slab_objects: int = 0
    points: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken invariant: its name, in whose hands (an actor's number), and what was seen."""

    invariant: str
    actor: int
    step: int
    text: str
    script_line: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What a search found."""

    schedules: int
    steps: int
    states: int
    outcomes: int
    ns: int
    complete: bool
    died: bool
    """An actor had to die, and has: the session is of no more use."""
    preemptions: int
    chosen: tuple[int, ...]
    violation: Violation | None
    outcome: str


STAMP_NEW: Final = 1 << 31
"""No writer has stamped the VMA in this life and in this run."""


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One sync point that was passed."""

    actor: int
    point: str
    op: int
    flags: int
    object: int
    stamp: int
    seq: int
    word: int
    own: int
    """The stamp of the VMA, counted as `seq` is; STAMP_NEW."""


def _names(getter: Getter) -> tuple[Named, ...]:
    rows, count = listing("struct vl_lab_name[]", "names", getter, start=160)
    return tuple(
        Named(text(rows[i].name), text(rows[i].kind), text(rows[i].text), text(rows[i].alias))
        for i in range(count)
    )


POINTS: Final = _names(lib.vl_lab_points)
MUTANTS: Final = _names(lib.vl_lab_mutants)
VARIANTS: Final = _names(lib.vl_lab_variants)
"""Other ways to do something right; `kind` has the models by letter."""
_POINT_NUMBER: Final = {point.name: number for number, point in enumerate(POINTS)}
_MUTANT_BIT: Final = {
    one: bit for bit, mutant in enumerate(MUTANTS) for one in (mutant.name, mutant.alias) if one
}
_VARIANT_BIT: Final = {one.name: bit for bit, one in enumerate(VARIANTS, len(MUTANTS))}
_NEAR_MAX: Final = 4
_NEAR_RATIO: Final = 0.7


def point_number(name: str) -> int:
    """Raises InvalidArgument: there is no such sync point."""
    if name not in _POINT_NUMBER:
        raise InvalidArgument(
            f"there is no sync point {name!r}; there are {', '.join(_POINT_NUMBER)}"
        )
    return _POINT_NUMBER[name]


def _bits(numbers: Sequence[int]) -> tuple[int, int]:
    words = [0, 0]
    for number in numbers:
        words[number // 64] |= 1 << number % 64
    return words[0], words[1]


def _near(name: str) -> str:
    """The names and numbers of mutants that may have been meant, as a question."""
    lower = {one.lower(): one for one in _MUTANT_BIT}
    word = name.lower()
    close = [word] if word in lower else difflib.get_close_matches(
        word, lower, n=_NEAR_MAX, cutoff=_NEAR_RATIO
    )  # fmt: skip
    if len(word) > 3:
        close += [one for one in lower if word in one and one not in close]
    found = [lower[one] for one in close[:_NEAR_MAX]]
    if len(found) > 1:
        found[-2:] = [f"{found[-2]} or {found[-1]}"]
    return f" (did you mean {', '.join(found)}?)" if found else ""


def mutant(name: str) -> Named:
    """A mutant by its name, or by its number in the catalogue ("B5").

    Raises:
        InvalidArgument: there is none; says which may have been meant, and which there are.
    """
    if name not in _MUTANT_BIT:
        there = f"there are {len(MUTANTS)}: `vmalab race list` lists them"
        raise InvalidArgument(f"there is no mutant {name!r}{_near(name)}; {there}")
    return MUTANTS[_MUTANT_BIT[name]]


def variant(name: str) -> Named:
    """A variant by its name.

    Raises:
        InvalidArgument: there is none; says which there are.
    """
    if name not in _VARIANT_BIT:
        there = ", ".join(_VARIANT_BIT)
        raise InvalidArgument(f"there is no variant {name!r}; there are {there}")
    return VARIANTS[_VARIANT_BIT[name] - len(MUTANTS)]


def mutant_bits(names: Sequence[str], variants: Sequence[str] = ()) -> tuple[int, int]:
    """Raises InvalidArgument: there is no such mutant or variant."""
    bits = [_MUTANT_BIT[mutant(name).name] for name in names]
    return _bits(bits + [_VARIANT_BIT[variant(name).name] for name in variants])


def _fill(rows: CArray, ops: Sequence[Op], what: str) -> int:
    if len(ops) > OPS_MAX:
        raise InvalidArgument(f"{what} has {len(ops)} operations, at most {OPS_MAX} are possible")
    for row, op in zip(rows, ops, strict=False):
        row.op, row.slot, row.result, row.flags = op.op, op.slot, op.result, op.flags
        for index, value in enumerate(op.args):
            row.arg[index] = value & (1 << 64) - 1
    return len(ops)


def load(participant: Participant, program: Program) -> None:
    """Puts a scenario into the segment.

    Raises:
        InvalidArgument: too many actors, operations or objects.
        CoreMissing: the segment is of a release core.
    """
    c_program = ffi.new("struct vl_lab_program *")
    if not 0 < len(program.actors) <= ACTORS_MAX:
        raise InvalidArgument(f"{len(program.actors)} actors, 1 to {ACTORS_MAX} are possible")
    c_program.actors = len(program.actors)
    c_program.setup_count = _fill(c_program.setup, program.setup, "the set-up")
    c_program.check_count = _fill(c_program.check, program.check, "the check")
    for number, ops in enumerate(program.actors):
        count = _fill(c_program.ops[number], ops, f"actor {number}")
        c_program.ops_count[number] = count
    c_program.slab_objects = program.slab_objects
    low, high = _bits([point_number(name) for name in program.points])
    c_program.points[0], c_program.points[1] = low, high
    checked(lib.vl_lab_load(participant._open(), c_program), "loading a scenario")


def act(participant: Participant, actor: int) -> None:
    """The calling process is that actor until stop()."""
    checked(lib.vl_lab_actor(participant._open(), actor), f"being actor {actor}")


def stop(participant: Participant) -> None:
    """Every actor returns from act()."""
    checked(lib.vl_lab_stop(participant._open()), "stopping the actors")


def search(
    participant: Participant,
    *,
    strategy: Strategy,
    bound: int = 0,
    seed: int = 0,
    schedules_max: int = 1,
    seconds_max: float = 60.0,
    mutants: Sequence[str] = (),
    variants: Sequence[str] = (),
    op_points: bool = False,
    learn: bool = False,
    order: bool = False,
    fsck_every: int = 1,
    script: Sequence[tuple[int, str]] = (),
    plan: Sequence[int] = (),
) -> Report:
    """Runs schedules until one breaks an invariant, or the search is over.

    Args:
        bound: preemptions (DFS), change points (PCT).
        op_points: preempt between whole operations only.
        learn: outcomes that are seen are possible; without it, others are violations.
        order: locks that one run waits for in two orders are a violation.
        fsck_every: walk all invariants after so many runs; 0 is never.
        script: (actor, sync point) pairs, each: that actor goes on until it stands there.
        plan: who is chosen, for each choice of a run in turn.

    Raises:
        NativeError: the actors are not there.
    """
    c_search = ffi.new("struct vl_lab_search *")
    c_search.strategy, c_search.bound, c_search.seed = strategy, bound, seed & (1 << 64) - 1
    c_search.schedules_max, c_search.ns_max = schedules_max, int(seconds_max * 1e9)
    low, high = mutant_bits(mutants, variants)
    c_search.mutants[0], c_search.mutants[1] = low, high
    c_search.op_points, c_search.learn, c_search.fsck_every = op_points, learn, fsck_every
    c_search.order = order
    if len(script) > SCRIPT_MAX:
        raise InvalidArgument(f"a script of {len(script)} lines, at most {SCRIPT_MAX} are possible")
    if strategy is Strategy.SCRIPT:
        c_search.count = len(script)
        for line, (actor, point) in zip(c_search.script, script, strict=False):
            line.actor, line.point = actor, point_number(point)
    elif strategy is Strategy.PLAN:
        c_search.count = len(plan)
        for index, actor in enumerate(plan):
            c_search.plan[index] = actor
    c_report = ffi.new("struct vl_lab_report *")
    checked(lib.vl_lab_search(participant._open(), c_search, c_report), "a search")
    return _report(c_report)


def _report(row: CStruct) -> Report:
    broken = row.violation
    violation = None
    if broken.invariant:
        violation = Violation(
            INVARIANTS[broken.invariant],
            broken.actor,
            broken.step,
            text(broken.text),
            broken.script_line,
        )
    return Report(
        schedules=row.schedules,
        steps=row.steps,
        states=row.states,
        outcomes=row.outcomes,
        ns=row.ns,
        complete=bool(row.complete),
        died=bool(row.died),
        preemptions=row.preemptions,
        chosen=tuple(row.chosen[0 : row.choices]),
        violation=violation,
        outcome=text(row.outcome),
    )


def trace(participant: Participant) -> list[TraceLine]:
    """Every sync point that the last run passed, in order."""
    rows, count = listing(
        "struct vl_lab_trace_line[]", "a trace", lib.vl_lab_trace, participant._open(), start=1024
    )
    return [
        TraceLine(
            row.actor,
            POINTS[row.point].name,
            row.op,
            row.flags,
            row.object,
            row.stamp,
            row.seq,
            row.word,
            row.own,
        )
        for row in rows[0:count]
    ]


def outcomes(participant: Participant) -> list[int]:
    """What was learnt to be possible: hashes of outcomes."""
    handle, empty = participant._open(), ffi.new("u64[]", 1)
    count = checked(lib.vl_lab_outcomes(handle, empty, 0, 0), "outcomes")
    buffer = ffi.new("u64[]", max(count, 1))
    checked(lib.vl_lab_outcomes(handle, buffer, count, 0), "outcomes")
    return list(buffer[0:count])


def set_outcomes(participant: Participant, values: Sequence[int]) -> None:
    """What another session of the same scenario and model has learnt."""
    buffer = ffi.new("u64[]", list(values) or 1)
    checked(lib.vl_lab_outcomes(participant._open(), buffer, len(values), 1), "outcomes")


def coverage(participant: Participant) -> dict[str, int]:
    """How often each sync point was passed, since the segment was made."""
    buffer = ffi.new("u64[]", len(POINTS))
    checked(lib.vl_lab_coverage(participant._open(), buffer, len(POINTS)), "coverage")
    return {point.name: buffer[number] for number, point in enumerate(POINTS)}


@dataclass(frozen=True, slots=True)
class Edge:
    """A lock was waited for while another one was held."""

    held: str
    wanted: str
    """Names of LOCKS."""
    actor: int
    """Of a run; else CONTROLLER."""
    number: int
    """Of the actor's operation."""
    op: int
    """Code of the operation; 0: none of a block."""
    pid: int
    steps: tuple[str, ...]
    """The last sync points of the operation before that."""


LOCKS: Final = tuple(one.name for one in _names(lib.vl_lab_locks))
"""Classes of locks, and subclasses."""


def order(participant: Participant) -> list[Edge]:
    """The order of locks that was learnt since the segment was made."""
    rows, count = listing(
        "struct vl_lab_edge[]", "the order of locks", lib.vl_lab_order, participant._open()
    )
    return [
        Edge(
            LOCKS[row.held],
            LOCKS[row.wanted],
            row.actor,
            row.number,
            row.op,
            row.pid,
            tuple(POINTS[point].name for point in row.steps[0 : row.steps_count]),
        )
        for row in rows[0:count]
    ]


@dataclass(frozen=True, slots=True)
class GateInfo:
    """A gate, and one of those who stand there."""

    point: str
    armed: int
    held: int
    reached: int
    participant: int
    pid: int
    mm: int
    op: int


@dataclass(frozen=True, slots=True)
class Holder:
    """A participant that is held: at which point, in which operation of which mm."""

    point: str
    participant: int
    pid: int
    mm: int
    op: int


def _gate(row: CStruct) -> GateInfo:
    return GateInfo(
        *(POINTS[row.point].name, row.armed, row.held, row.reached),
        *(row.participant, row.pid, row.mm, row.op),
    )


def gates(participant: Participant) -> list[GateInfo]:
    """Every gate, in the order of POINTS."""
    handle = participant._open()
    buffer, count = listing(
        "struct vl_lab_gate_info[]", "gates", lib.vl_lab_gates, handle, start=len(POINTS)
    )
    return [_gate(buffer[i]) for i in range(count)]


def holders(participant: Participant) -> list[Holder]:
    """Every participant that is paused at a gate, and lives."""
    handle = participant._open()
    buffer, count = listing("struct vl_lab_holder_info[]", "holders", lib.vl_lab_holders, handle)
    return [
        Holder(POINTS[row.point].name, row.participant, row.pid, row.mm, row.op)
        for row in buffer[0:count]
    ]


def mutants_on(participant: Participant) -> list[str]:
    """The names of the mutants that are switched on."""
    words = ffi.new("u64[2]")
    checked(lib.vl_lab_mutants_get(participant._open(), words), "mutants")
    return [one.name for bit, one in enumerate(MUTANTS) if words[bit // 64] >> bit % 64 & 1]


def set_mutants(participant: Participant, names: Sequence[str]) -> None:
    """Switches mutants of a free-running segment: these on, all others off."""
    low, high = mutant_bits(names)
    checked(lib.vl_lab_mutants_set(participant._open(), low, high), "switching mutants")


def arm(
    participant: Participant, point: str, *, mm: int = 0, count: int = 1, hold_s: float = 10.0
) -> None:
    """Pause the next `count` calls that come to a sync point, in that mm or (0) in any.

    Args:
        hold_s: at most so long, up to 600 s; then they go on by themselves.
    """
    code = lib.vl_lab_gate(participant._open(), point_number(point), mm, count, int(hold_s * 1e9))
    checked(code, f"arming {point}")


def wait_held(participant: Participant, point: str, *, timeout_s: float) -> GateInfo | None:
    """Waits until a call is paused at the point; None after the timeout."""
    row = ffi.new("struct vl_lab_gate_info *")
    number = point_number(point)
    code = lib.vl_lab_gate_wait(participant._open(), number, int(timeout_s * 1e9), row)
    if code == -110:  # ETIMEDOUT
        return None
    checked(code, f"waiting at {point}")
    return _gate(row)


def release(participant: Participant, point: str) -> int:
    """Releases the calls that are paused there; returns how many."""
    code = lib.vl_lab_gate_release(participant._open(), point_number(point))
    return checked(code, f"releasing {point}")


def open_gates(participant: Participant) -> None:
    """No gate is armed any more, and all who are held go on."""
    for number in range(len(POINTS)):
        checked(lib.vl_lab_gate(participant._open(), number, 0, 0, 0), "opening the gates")
        checked(lib.vl_lab_gate_release(participant._open(), number), "opening the gates")


def set_delays(participant: Participant, *, seed: int, one_in: int, us_max: int) -> None:
    """A pause of up to us_max at every `one_in`-th sync point of a free-running segment, at random;
    one_in 0: no more."""
    checked(lib.vl_lab_delays(participant._open(), seed, one_in, us_max), "delays")


def abandon(segment: Segment) -> None:
    """Unmaps a segment whose actors were ended in the middle of operations: its participants are
    forgotten, not released, because nothing in it may be waited for."""
    for participant in list(segment._participants):
        if participant._handle is not None:
            lib.vl_abandon(participant._handle)
        participant._handle = None
        segment._participants.discard(participant)
    segment.close()
