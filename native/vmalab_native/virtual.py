# SPDX-License-Identifier: Apache-2.0
"""Runs operations on virtual CPUs: the core itself, with a modelled memory system, in virtual time.

The segment has to be of a virtual core (`cores.virtual_layout`). Every virtual CPU is a participant
of this process. docs/scale.md says how it works and what it cannot say.
"""

from collections.abc import Callable, MutableSequence, Sequence
from collections.abc import Mapping as Named
from dataclasses import dataclass
from typing import Final, Literal

from vmalab_native._core import ffi, lib
from vmalab_native.cdata import CArray, CStruct
from vmalab_native.checks import U64_MAX, bounded
from vmalab_native.convert import checked, listing, record
from vmalab_native.core import Participant
from vmalab_native.errors import InvalidArgument

CPUS_MAX: Final = int(lib.VL_VIRTUAL_CPUS_MAX)
CLUSTERS_MAX: Final = int(lib.VL_VIRTUAL_CLUSTERS_MAX)
KINDS_MAX: Final = int(lib.VL_VIRTUAL_KINDS_MAX)
RECORDS_MAX: Final = int(lib.VL_VIRTUAL_RECORDS_MAX)
PROTOCOLS: Final = ("mesi", "mesif", "moesi")
MACHINE_FIELDS: Final = tuple(
    name for name, _ in ffi.typeof("struct vl_virtual_machine").fields if name != "protocol"
)
"""What a machine says in numbers: virtual_api.h has their meaning and units."""
_ENDS: Final = {
    lib.VL_VIRTUAL_DONE: "done",
    lib.VL_VIRTUAL_LATE: "late",
    lib.VL_VIRTUAL_STOPPED: "stopped",
    lib.VL_VIRTUAL_STUCK: "stuck",
}
_MORE: Final = 1
_ASKS: Final = 2
WRONG: Final = int(lib.VL_VIRTUAL_WRONG)
"""The status of an operation whose value was another one than it had to be."""
_CALLS: Final = ("block", "maps", "smaps", "ask")
_WAITS: Final = 2
_MOVES: Final = 4
_BUCKETS: Final = int(lib.VL_VIRTUAL_BUCKETS)


Cells = MutableSequence[int]
"""Numbers that are known only when a run is under way."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation.

    Attributes:
        block: 1 to RECORDS_MAX records with one result each, done by one call; of "maps" and
            "smaps" the number of an address space, 8 bytes.
        kind: whose histogram its latency goes into; a run has KINDS_MAX at most.
        call: block, maps or smaps (a text is read), or ask: the caller does it, in no time.
        status: each has to end with.
        value: each has to have; None: any.
        keep: the cell that its value goes into; -1: none.
        patches: (word, cell): the number in the cell is added to the word of the block before.
        turn: which of the turns of the run it has; -1: it begins when the one before is done.
        checked: False: it may end with any status; who runs it looks at the answers.
    """

    block: bytes
    kind: str
    call: Literal["block", "maps", "smaps", "ask"] = "block"
    status: int = 0
    value: int | None = None
    keep: int = -1
    patches: tuple[tuple[int, int], ...] = ()
    turn: int = -1
    checked: bool = True


Program = Sequence[Step]
"""What one virtual CPU does, over and over."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The place of a step in an order.

    Attributes:
        waits: (counter, least), two at most: it begins when they are so much. Counters begin at 1.
        moves: counters, four at most, that are one more after it.
    """

    waits: tuple[tuple[int, int], ...] = ()
    moves: tuple[int, ...] = ()


@dataclass(frozen=True)
class Order:
    """What a run in an order needs: each program is done once.

    Attributes:
        turns: of all steps that have one.
        ask: does the step of a turn, which is one that asks; no CPU is in an operation then.
    """

    turns: Sequence[Turn]
    ask: Callable[[int, Cells], None]


@dataclass(frozen=True)
class CpuCounts:
    """What one CPU did while it was counted. Times are in ps.

    Attributes:
        missing: waited for lines.
        queued: waited for a line that was on its way to another CPU.
        waiting: slept, for a lock or for a time.
        ordered: waited for its turn.
    """

    operations: int
    failed: int
    instructions: int
    accesses: int
    misses: int
    locked: int
    fences: int
    work: int
    missing: int
    queued: int
    waiting: int
    ordered: int


@dataclass(frozen=True)
class KindCounts:
    """What the operations of a kind cost, while they were counted.

    Attributes:
        lines: that they touched, each counted once an operation; right on one CPU alone.
        ps: how long they took.
        cold: what the first one of the run missed.
    """

    operations: int
    instructions: int
    accesses: int
    misses: int
    locked: int
    fences: int
    lines: int
    ps: int
    cold: int


@dataclass(frozen=True)
class Hot:
    """Two places of a line that CPUs took from one another.

    Attributes:
        line: offset of the line in the segment.
        reader, writer: where in the text of the core the one who missed was, and the last one who
            wrote.
        reader_at, writer_at: bytes of the line that they touched.
        writes: the one who missed wrote.
        real: what it touched had been written since it lost the line; else false sharing.
        count: misses.
        ps: how long they took, queues included.
        takers, writers: virtual CPUs: who missed, and who had written.
    """

    line: int
    reader: int
    writer: int
    reader_at: int
    writer_at: int
    writes: int
    real: int
    count: int
    ps: int
    takers: tuple[int, ...]
    writers: tuple[int, ...]


@dataclass(frozen=True)
class VirtualRun:
    """A run.

    Attributes:
        end: "done", "late" (ps_most), "stopped" or "stuck" (everyone waits).
        status: of the first operation that ended with another status than it had to, or WRONG; 0:
            none did.
        failed_cpu, failed_step: which one that was.
        ps: virtual time that was counted.
        accesses: to the segment, of the whole run.
        cpus: each virtual CPU.
        names: the kinds of operations.
        kinds: what the operations of each kind cost.
        latency: of each kind, (ns, how many): the lower ends of buckets, sixteen to a power of two.
        hot: the costliest pairs first.
        answers: (status, info, value) of each turn.
    """

    end: str
    status: int
    failed_cpu: int
    failed_step: int
    ps: int
    accesses: int
    cpus: list[CpuCounts]
    names: list[str]
    kinds: list[KindCounts]
    latency: list[list[tuple[int, int]]]
    hot: list[Hot]
    answers: list[tuple[int, int, int]]


def records_in(block: bytes) -> int:
    """How many records a block has, by the lengths that they say."""
    at = count = 0
    while at + 1 < len(block):
        at += 8 * max(1, block[at + 1])
        count += 1
    return count


def bucket_ns(bucket: int) -> int:
    """The lower end of a bucket of a histogram."""
    if bucket < 16:
        return bucket
    power, part = bucket // 16 + 3, bucket % 16
    return int((16 + part) << (power - 4))


def _cpus_of(mask: CArray) -> tuple[int, ...]:
    return tuple(at for at in range(64 * len(mask)) if mask[at // 64] >> at % 64 & 1)


class _Plan:
    """A plan as C has it, and the programs."""

    def __init__(
        self, programs: Sequence[Program], cells: Sequence[int], order: Order | None
    ) -> None:
        self.kept: list[object] = []
        self._patches: list[tuple[int, int]] = []
        self.names = sorted({step.kind for program in programs for step in program})
        bounded("kinds of operations", len(self.names), 1, KINDS_MAX)
        self.of = ffi.new("struct vl_virtual_plan *")
        self.programs = ffi.new("struct vl_virtual_program[]", len(programs))
        for at, program in enumerate(programs):
            if not program:
                raise InvalidArgument(f"the program of virtual CPU {at} has no operation")
            self._program(self.programs[at], program)
        self.of.patches = self._keep(ffi.new("struct vl_virtual_patch[]", self._patches))
        self.of.patches_count = len(self._patches)
        self.cells = self.of.cells = self._keep(ffi.new("u64[]", [*cells] or [0]))
        self.of.cells_count = len(cells)
        turns = order.turns if order else ()
        rows = self._keep(ffi.new("struct vl_virtual_turn[]", len(turns)))
        counters = 1
        for row, turn in zip(rows, turns, strict=True):
            bounded("waits of a turn", len(turn.waits), 0, _WAITS)
            bounded("moves of a turn", len(turn.moves), 0, _MOVES)
            for at, (counter, least) in enumerate(turn.waits):
                row.waits_for[at], row.least[at] = counter, least
            for at, counter in enumerate(turn.moves):
                row.moves[at] = counter
            counters = max(counters, 1 + max((0, *turn.moves, *(one for one, _ in turn.waits))))
        self.of.once = order is not None
        self.of.turns, self.of.turns_count = rows, len(turns)
        self.of.counters_count = counters
        self.answers = self.of.answers = self._keep(ffi.new("struct vl_result[]", len(turns)))

    def _keep(self, one: CArray) -> CArray:
        self.kept.append(one)
        return one

    def _program(self, row: CStruct, program: Program) -> None:
        blocks = self._keep(ffi.new("u64[]", sum(len(one.block) for one in program) // 8))
        raw = ffi.buffer(blocks)
        steps = self._keep(ffi.new("struct vl_virtual_step[]", len(program)))
        kinds = {name: at for at, name in enumerate(self.names)}
        offset = 0
        for step, one in zip(steps, program, strict=True):
            raw[offset : offset + len(one.block)] = one.block
            step.offset, step.bytes = offset, len(one.block)
            step.kind, step.call = kinds[one.kind], _CALLS.index(one.call)
            step.status, step.keep, step.turn = one.status, one.keep + 1, one.turn + 1
            step.checks = one.checked + (one.value is not None)
            step.value = one.value or 0
            records = records_in(one.block) if one.call == "block" else 1
            step.records = bounded("records of a block", records, 1, RECORDS_MAX)
            step.patches, step.patches_count = len(self._patches), len(one.patches)
            self._patches += one.patches
            offset += len(one.block)
        row.blocks, row.steps = ffi.cast("const u8 *", blocks), steps
        row.count = len(program)


def run(
    cpus: Sequence[Participant],
    machine: Named[str, int | str],
    programs: Sequence[Program],
    *,
    warm: int,
    least: int,
    ps_most: int = U64_MAX,
    seed: int = 1,
    instructions: bytes | None = None,
    hot_most: int = 64,
    cells: Sequence[int] = (),
    order: Order | None = None,
    progress: Callable[[int], object] = lambda done: None,
) -> VirtualRun:
    """Runs one program on each participant.

    Args:
        cpus: 1 to CPUS_MAX participants of one segment of a virtual core.
        machine: MACHINE_FIELDS, and "protocol", one of PROTOCOLS.
        programs: one for each.
        warm: operations of each CPU before anything is counted.
        least: operations of each CPU that are counted, at least.
        ps_most: the run ends after that virtual time all the same.
        seed: of how long each transfer takes, an eighth more or less; 0 to 2^63 - 1.
        instructions: how many instructions each basic block has, by the place in the core's text
            that its call of the runtime returns to; None: eight each.
        hot_most: so many pairs are given.
        cells: what they hold when the run begins.
        order: each program is done once, in that order; all of it counts, `warm` and `least` do
            not.
        progress: is called with the operations of the CPU that has done least, `warm` included.

    Raises:
        InvalidArgument: something does not fit; says what.
        CoreMissing: the segment's core is not a virtual one.
    """
    bounded("cpus", len(cpus), 1, CPUS_MAX)
    if len(programs) != len(cpus):
        raise InvalidArgument(f"{len(programs)} programs for {len(cpus)} virtual CPUs")
    if machine["protocol"] not in PROTOCOLS:
        raise InvalidArgument(f"protocol = {machine['protocol']!r}: {', '.join(PROTOCOLS)}")
    c_machine = ffi.new(
        "struct vl_virtual_machine *",
        {name: bounded(name, int(machine[name]), 0, 2**32 - 1) for name in MACHINE_FIELDS},
    )
    c_machine.protocol = PROTOCOLS.index(str(machine["protocol"]))
    made = _Plan(programs, cells, order)
    plan = made.of
    plan.warm = bounded("warm", warm, 0, U64_MAX)
    plan.least = bounded("least", least, 1, U64_MAX)
    plan.ps_most = bounded("ps_most", ps_most, 1, U64_MAX)
    plan.seed = bounded("seed", seed, 0, U64_MAX >> 1)
    if instructions is not None:
        table = ffi.from_buffer("u8[]", instructions)
        plan.instructions, plan.text_bytes = table, len(instructions)
        made.kept.append(table)
    each = ffi.new("struct vl_virtual_cpu[]", len(cpus))
    out = ffi.new("struct vl_virtual_result *")
    handles = [one._open() for one in cpus]
    code = lib.vl_virtual_run(handles, len(cpus), c_machine, made.programs, plan, each, out)
    try:
        while code in (_MORE, _ASKS):
            if code == _ASKS and order is not None:
                order.ask(out.asked, made.cells)
            progress(out.least_done)
            code = lib.vl_virtual_go_on(handles[0], 0)
    except BaseException:  # we are told to end: no operation is left in its middle
        while code in (_MORE, _ASKS):
            code = lib.vl_virtual_go_on(handles[0], 1)
        raise
    checked(code, f"a run on {len(cpus)} virtual CPUs")
    getter = lib.vl_virtual_hottest
    rows, count = listing("struct vl_virtual_hot[]", "hot lines", getter, handles[0])
    hot = [
        record(Hot, row, takers=_cpus_of(row.takers), writers=_cpus_of(row.writers))
        for row in rows[0 : min(count, hot_most)]
    ]
    return VirtualRun(
        end=_ENDS[out.end],
        status=out.status,
        failed_cpu=out.failed_cpu,
        failed_step=out.failed_step,
        ps=out.ps,
        accesses=out.accesses_in_all,
        cpus=[record(CpuCounts, row) for row in each],
        names=made.names,
        kinds=[record(KindCounts, row) for row in out.kinds[0 : len(made.names)]],
        latency=[
            [(bucket_ns(at), int(n)) for at, n in enumerate(histogram[0:_BUCKETS]) if n]
            for histogram in out.latency[0 : len(made.names)]
        ],
        hot=hot,
        answers=[(one.status, one.info, one.value) for one in made.answers],
    )
