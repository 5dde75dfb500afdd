# SPDX-License-Identifier: Apache-2.0
"""Runs operations on virtual CPUs: the core itself, with a modelled memory system, in virtual time.

The segment has to be of a virtual core (`cores.virtual_layout`). Every virtual CPU is a participant
of this process. docs/scale.md says how it works and what it cannot say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vmalab_native._core import ffi, lib
from vmalab_native.cdata import CArray
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
_BUCKETS: Final = int(lib.VL_VIRTUAL_BUCKETS)


@dataclass(frozen=True)
class Program:
    """What one virtual CPU does, over and over.

    Attributes:
        operations: blocks of 1 to RECORDS_MAX records, each with one result, and the kind (0 to
            KINDS_MAX - 1) whose histogram their latency goes into. A block is one call.
    """

    operations: Sequence[tuple[bytes, int]]


@dataclass(frozen=True)
class CpuCounts:
    """What one CPU did while it was counted. Times are in ps.

    Attributes:
        missing: waited for lines.
        queued: waited for a line that was on its way to another CPU.
        waiting: slept, for a lock or for a time.
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
        status: of the first operation that failed; 0: none did.
        ps: virtual time that was counted.
        accesses: to the segment, of the whole run.
        cpus: each virtual CPU.
        kinds: what the operations of each kind cost.
        latency: of each kind, (ns, how many): the lower ends of buckets, sixteen to a power of two.
        hot: the costliest pairs first.
    """

    end: str
    status: int
    ps: int
    accesses: int
    cpus: list[CpuCounts]
    kinds: list[KindCounts]
    latency: list[list[tuple[int, int]]]
    hot: list[Hot]


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


def run(
    cpus: Sequence[Participant],
    machine: Mapping[str, int | str],
    programs: Sequence[Program],
    *,
    warm: int,
    least: int,
    ps_most: int = U64_MAX,
    seed: int = 1,
    instructions: bytes | None = None,
    hot_most: int = 64,
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
    kept: list[object] = []
    c_programs = ffi.new("struct vl_virtual_program[]", len(programs))
    for at, program in enumerate(programs):
        if not program.operations:
            raise InvalidArgument(f"the program of virtual CPU {at} has no operation")
        blocks = ffi.new("u64[]", sum(len(one) for one, _ in program.operations) // 8)
        raw = ffi.buffer(blocks)
        steps = ffi.new("struct vl_virtual_step[]", len(program.operations))
        offset = 0
        for step, (block, kind) in zip(steps, program.operations, strict=True):
            raw[offset : offset + len(block)] = block
            step.offset, step.bytes = offset, len(block)
            step.kind = bounded("kind", kind, 0, KINDS_MAX - 1)
            step.records = bounded("records of a block", records_in(block), 1, RECORDS_MAX)
            offset += len(block)
        c_programs[at].blocks = ffi.cast("const u8 *", blocks)
        c_programs[at].steps = steps
        c_programs[at].count = len(program.operations)
        kept += [blocks, steps]
    plan = ffi.new("struct vl_virtual_plan *")
    plan.warm = bounded("warm", warm, 0, U64_MAX)
    plan.least = bounded("least", least, 1, U64_MAX)
    plan.ps_most = bounded("ps_most", ps_most, 1, U64_MAX)
    plan.seed = bounded("seed", seed, 0, U64_MAX >> 1)
    if instructions is not None:
        table = ffi.from_buffer("u8[]", instructions)
        plan.instructions, plan.text_bytes = table, len(instructions)
        kept.append(table)
    each = ffi.new("struct vl_virtual_cpu[]", len(cpus))
    out = ffi.new("struct vl_virtual_result *")
    handles = [one._open() for one in cpus]
    code = lib.vl_virtual_run(handles, len(cpus), c_machine, c_programs, plan, each, out)
    try:
        while code == _MORE:
            code = lib.vl_virtual_go_on(handles[0], 0)
    except BaseException:  # we are told to end: no operation is left in its middle
        while code == _MORE:
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
        ps=out.ps,
        accesses=out.accesses_in_all,
        cpus=[record(CpuCounts, row) for row in each],
        kinds=[record(KindCounts, row) for row in out.kinds],
        latency=[
            [(bucket_ns(at), int(n)) for at, n in enumerate(histogram[0:_BUCKETS]) if n]
            for histogram in out.latency
        ],
        hot=hot,
    )
