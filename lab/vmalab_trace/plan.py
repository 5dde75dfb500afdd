# SPDX-License-Identifier: Apache-2.0
"""The plan of a replay: steps in their order, files by identity, faults in their places.

What the emulator has nothing for is named here: a mapping of a driver's memory becomes a reserved
range, so that nothing else moves, and what happens in it is not compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from errno import EACCES, EIDRM, EINVAL, EPERM
from typing import Any, Final

from vmalab.uapi import SI_CODE
from vmalab_drive.drivers import FileInfo
from vmalab_native import flags
from vmalab_native.machine import Facts
from vmalab_trace import calls, files, maps, opens, pasted, plain, rights, shm
from vmalab_trace.folder import Folder, FolderError, Meta
from vmalab_trace.gaps import Gaps, page_up
from vmalab_trace.ordering import Ordering, arrange
from vmalab_trace.steps import Kind, Program, Step, compile_trace
from vmalab_trace.timeline import USER_END, Timeline


@dataclass(slots=True)
class Start:
    """How an imported address space begins."""

    text: str
    areas: list[maps.Area]
    mmap_base: int
    start_brk: int
    brk: int


_RANGED: Final = (*(calls.Munmap, calls.Mprotect, calls.Madvise, calls.Mincore, calls.SetVmaName),)


@dataclass(slots=True)
class Plan:
    """Everything a replay needs."""

    steps: list[Step]
    slots: int
    starts: dict[int, Start]
    files: list[FileInfo]
    snapshots: dict[int, list[maps.Area]]
    program: Program
    ordering: Ordering
    unknown_files: set[int] = field(default_factory=set)
    """Indices of files whose device, inode and path are not in the trace."""
    faults_left_out: dict[str, int] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)
    """What is not compared, and how often."""
    reserved: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    """By address space: ranges of mappings that the emulator does not have."""
    coalesce: bool = False
    """Compare maps with private neighbours joined: the trace does not show what was written to."""
    pkeys: bool = False
    """Its processor has protection keys."""
    machine: Facts = field(default_factory=dict)
    exact_stack: bool = False
    """The faults that made stacks grow are in the trace."""
    expect: dict[str, Any] = field(default_factory=dict)
    """What must be compared, and what may be left out (meta.json)."""
    blind: set[int] = field(default_factory=set)
    """Address spaces whose faults are not in the trace, though those of others are."""

    def in_reserved(self, step: Step) -> bool:
        """Whether a step is about memory that the emulator does not have."""
        ranges = self.reserved.get(step.mm)
        if not ranges:
            return False
        call = step.operation
        if step.kind is Kind.FAULT:
            start, end = step.addr, step.addr + 1
        elif isinstance(call, calls.Mremap):
            start, end = call.addr, call.addr + max(page_up(call.old_length), 1)
        elif isinstance(call, _RANGED) or (
            isinstance(call, calls.Plain) and call.name in plain.RANGED
        ):
            start, length = (call.numbers[:2] if isinstance(call, calls.Plain)
                             else (call.addr, call.length))  # fmt: skip
            end = start + max(page_up(length), 1)
        else:
            return False
        return any(low < end and start < high for low, high in ranges)


def load(folder: Folder) -> Plan:
    """Read a trace folder, or a file of strace's output.

    Raises:
        FolderError: no marker though there are maps, or no maps for a marker; no 64-bit program.
    """
    meta = folder.meta()
    notes: Counter[str] = Counter(
        {
            f"answers that {name} decides: it was changed from {old} to {new} meanwhile": 1
            for name, (old, new) in meta.changed.items()
        }
    )
    compiled, bare = _compile(folder, notes)
    texts = _snapshots(folder, compiled)
    snapshots = {number: _areas(number, text) for number, text in texts.items()}
    _attach_segments(compiled, snapshots, notes)
    _drop_unknowable(compiled, meta, notes)
    starts = {
        step.begins: _start(
            step, meta, compiled, texts.get(step.snapshot, ""), snapshots.get(step.snapshot, [])
        )
        for step in compiled.steps
        if step.kind in (Kind.IMPORT, Kind.EXEC)
    }
    left_out: dict[str, int] = defaultdict(int)
    timeline = Timeline(compiled, meta, left_out)
    timeline.add_locks(folder.locks())
    lines = folder.faults()
    if lines:
        timeline.add_faults(lines, snapshots)
    steps, ordering = _in_order(compiled, starts)
    plan = Plan(steps, compiled.slots, starts, [], snapshots, compiled, ordering, notes=notes)
    plan.faults_left_out = dict(left_out)
    plan.pkeys, plan.machine, plan.expect = meta.pkeys, meta.machine, meta.expect
    if bare:
        plan.steps = pasted.take_addresses(plan.steps, plan.notes)
    else:
        _judge_faults(plan, meta, has_faults=bool(lines))
    _reserve(plan)
    named = files.Files(folder, meta, snapshots, compiled.segments, compiled.removed, plan.notes)
    plan.steps = named.name_all(plan.steps)
    plan.files, plan.unknown_files = named.infos, named.unknown
    plan.steps = _as_processes(plan.steps, meta)
    _place_drawn(plan, meta)
    rights.follow(compiled, plan.steps)
    return plan


def _compile(folder: Folder, notes: Counter[str]) -> tuple[Program, bool]:
    """The steps of a trace, and whether it is bare: strace's output without snapshots."""
    compiled = compile_trace(folder.lines())
    bare = compiled.markers == 0 and folder.maps(0) is None
    if bare:
        compiled = compile_trace(pasted.clean(folder.lines(), notes), empty=True)
    for other in compiled.other_modes:
        raise FolderError(
            f"line {other.line}: process {other.pid} runs in {other.mode} mode; only 64-bit "
            "programs can be replayed"
        )
    if bare and not compiled.steps:
        raise FolderError(f"{folder.root} has no memory call as strace prints it")
    if compiled.markers == 0 and not bare:
        raise FolderError(
            f"{folder.root}/trace has no marker: madvise(ADDR, 0, 0xdead) must stand where "
            "maps.0 was read"
        )
    return compiled, bare


def _snapshots(folder: Folder, compiled: Program) -> dict[int, str]:
    texts: dict[int, str] = {}
    for step in compiled.steps:
        if step.snapshot >= 0:
            text = folder.maps(step.snapshot)
            if text is None:
                raise FolderError(f"line {step.line} marks maps.{step.snapshot}, which is missing")
            texts[step.snapshot] = text
    return texts


def _areas(number: int, text: str) -> list[maps.Area]:
    try:
        return maps.parse(text)
    except maps.MapsError as error:
        raise FolderError(f"maps.{number}: {error}") from None


def _in_order(compiled: Program, starts: dict[int, Start]) -> tuple[list[Step], Ordering]:
    gaps = {
        slot: Gaps.of(start.areas, base=start.mmap_base, brk=start.brk)
        for slot, start in starts.items()
    }
    steps, ordering = arrange(compiled.steps, gaps)
    for index, step in enumerate(steps):
        # Address spaces were ordered one by one; a later line of one may not pass another's fork.
        step.last = max(step.last, steps[index - 1].last if index else 0.0)
    return steps, ordering


def _judge_faults(plan: Plan, meta: Meta, *, has_faults: bool) -> None:
    """What can be compared depends on which page faults are in the trace."""
    plan.exact_stack = has_faults and meta.faults_lost == 0
    if meta.recorded and not has_faults:
        plan.coalesce = True
        plan.notes[
            "borders between private neighbours of equal kind: whether the kernel joins them "
            "depends on page faults, which were not recorded"
        ] += 1
    if has_faults:
        late = plan.program.late
        plan.blind = _blind(plan.steps, late)
        unseen = len(plan.blind & plan.starts.keys() - late)
        plan.notes += Counter({BLIND: unseen, LATE: len(late)})
    _judge_mincore(plan, meta, has_faults=has_faults)


def _attach_segments(
    compiled: Program, snapshots: dict[int, list[maps.Area]], notes: Counter[str]
) -> None:
    """Make mappings of the calls of shmat, and give the calls of shmdt what they end."""
    seen = [area for areas in snapshots.values() for area in areas if shm.is_segment(area)]
    sizes: dict[int, int] = {}
    opens = 0
    kept: list[Step] = []
    for step in compiled.steps:
        call = step.operation
        if isinstance(call, calls.Shmat):
            gone = compiled.removed.get(call.fd, 1 << 62) < step.end_line
            if step.errno in _OWNERS_WORD or (gone and step.errno == EINVAL):
                notes["shmat of a segment that its owner does not share, or that is removed"] += 1
                continue
            segment = step.segment
            if segment is None and call.fd not in compiled.segments:
                segment = shm.segment_of(call.fd, seen)
            if segment is None and not step.errno:
                compiled.unsupported["shmat of a segment that the trace does not make"] += 1
                continue
            step.operation = call = shm.attach(call, segment)
            opens += 1
            step.file_mode = opens << 8 | (shm.READ_ONLY if shm.read_only(call) else 0)
            sizes[step.value] = call.length
        elif isinstance(call, calls.Shmdt):
            step.operation = calls.Shmdt(call.addr, sizes.get(call.addr, 0))
        kept.append(step)
    compiled.steps = kept


BLIND: Final = (
    "page faults of a program that perf did not follow (set-user-id): borders between neighbours, "
    "mincore and the stack"
)


LATE: Final = (
    "address spaces known from a later snapshot only, without the page faults before it: borders "
    "between neighbours, mincore and the stack"
)


def _blind(steps: list[Step], late: set[int]) -> set[int]:
    """Address spaces of programs without a single fault, though no program begins without one, and
    those whose first faults are not known."""
    seen = {step.mm for step in steps if step.kind is Kind.FAULT} - late
    blind: set[int] = set()
    for step in steps:
        began = step.kind in (Kind.IMPORT, Kind.EXEC)
        if step.begins not in seen and (began or (step.kind is Kind.FORK and step.mm in blind)):
            blind.add(step.begins)
    return blind


NO_ADDRESS: Final = (
    "signals with SI_KERNEL, of no page: an address that no CPU takes, or an instruction"
)
_OWNERS_WORD: Final = (EACCES, EIDRM)


def _drop_unknowable(compiled: Program, meta: Meta, notes: Counter[str]) -> None:
    """Take out what the recorded kernel did not have, or did not show, and name it."""
    kept: list[Step] = []
    for step in compiled.steps:
        call = step.operation
        if isinstance(call, calls.SetVmaName) and not meta.anon_names:
            notes[
                "calls of prctl(PR_SET_VMA): the recorded kernel was built without "
                "CONFIG_ANON_VMA_NAME and refuses them all"
            ] += 1
            continue
        if isinstance(call, calls.Plain) and call.name == "setrlimit" and step.errno == EPERM:
            notes["raises of a hard limit that the kernel refused: hard limits are not kept"] += 1
            continue
        if step.kind is Kind.FAULT and step.si_code == SI_CODE["SI_KERNEL"]:
            notes[NO_ADDRESS] += 1
            continue
        kept.append(step)
    compiled.steps = kept


def _is_device(step: Step, call: calls.Mmap) -> bool:
    """A mapping whose pages are a driver's: its VMA has flags of the driver's choice."""
    if call.flags & flags.MAP_ANONYMOUS or call.fd < 0:
        return False
    if call.path.startswith("anon_inode:") or (step.opened is not None and step.opened.huge):
        return True
    return call.path.startswith("/dev/") and not call.path.startswith("/dev/shm/")


def _zero_as_memory(step: Step, call: calls.Mmap) -> bool:
    """A mapping of /dev/zero: a shared one is shared memory without a name, a private one the pages
    of a file that are all zero. False: neither says all of it."""
    if call.path != files.ZERO_DEVICE:
        return False
    if not call.flags & flags.MAP_SHARED:
        return True
    if call.offset or step.opened is None or step.opened.mode != opens.READ_WRITE:
        return False
    step.operation = replace(call, flags=call.flags | flags.MAP_ANONYMOUS)
    return True


def _reserve(plan: Plan) -> None:
    """Keep the place of each mapping that no file of the emulator can stand for."""
    kept: list[Step] = []
    for step in plan.steps:
        call = step.operation
        if step.kind is Kind.FORK:
            plan.reserved[step.child] = list(plan.reserved.get(step.mm, []))
        elif isinstance(call, calls.Mmap) and _is_strange(step, call):
            plan.program.unsupported[f"mmap({call.path})"] += 1
            if step.errno:
                continue
            _reserve_one(plan, step, call)
        kept.append(step)
    plan.steps = kept


def _is_strange(step: Step, call: calls.Mmap) -> bool:
    """Whether neither a file nor memory without a name can stand for a mapping. What cannot be
    mapped at all is refused before its driver is asked."""
    if not _is_device(step, call) or _zero_as_memory(step, call):
        return False
    return flags.errno_name(step.errno) not in ("ENODEV", "EBADF", "EACCES")


def _reserve_one(plan: Plan, step: Step, call: calls.Mmap) -> None:
    length = page_up(call.length)
    how = flags.MAP["MAP_PRIVATE"] | flags.MAP_ANONYMOUS | flags.MAP_FIXED
    step.operation = calls.Mmap(step.value, length, 0, how | flags.MAP["MAP_NORESERVE"])
    step.counted = False
    plan.reserved.setdefault(step.mm, []).append((step.value, step.value + length))


def _as_processes(steps: list[Step], meta: Meta) -> list[Step]:
    """Give each imported address space the capabilities and limits of its process, and each process
    what setuid, capset and their like left it."""
    result: list[Step] = []
    infos = {info.number: info for info in meta.snapshots}
    for step in steps:
        if isinstance(step.operation, calls.Capabilities):
            bits = meta.capabilities.get(int(step.end_line))
            if bits is not None and not step.errno:
                step.operation, step.value = calls.Capabilities(bits), 0
                result.append(step)
            continue
        result.append(step)
        info = infos.get(step.snapshot)
        if info is None or step.begins < 0:
            continue
        setup: list[calls.Operation] = []
        if info.capabilities >= 0:
            setup.append(calls.Capabilities(info.capabilities))
        if step.kind is Kind.IMPORT:
            setup += [
                calls.Plain("setrlimit", (flags.RLIMIT[name], soft, hard))
                for name, (soft, hard) in info.limits.items()
            ]
        result += [
            Step(
                Kind.CALL,
                step.line,
                step.end_line,
                step.tid,
                step.begins,
                operation=one,
                counted=False,
                first=step.first,
                last=step.last,
            )
            for one in setup
        ]
    return result


LOW_FROM, LOW_TO = 0x4000_0000, 0x8000_0000
"""Where MAP_32BIT maps (kernel: find_start_end)."""


def _place_drawn(plan: Plan, meta: Meta) -> None:
    """Addresses that the kernel draws at random are taken from the trace, within their bounds."""
    if meta.machine.get("sysctl.kernel.randomize_va_space") == 0 or not meta.recorded:
        return
    for step in plan.steps:
        call = step.operation
        if not isinstance(call, calls.Mmap) or step.errno or not call.flags & _LOW:
            continue
        asked = call.addr and call.addr & -4096 == step.value
        fixed = call.flags & (flags.MAP_FIXED | flags.MAP_FIXED_NOREPLACE)
        if not asked and not fixed and LOW_FROM <= step.value <= LOW_TO - page_up(call.length):
            step.placed = step.value
            plan.notes["addresses of MAP_32BIT, which the kernel draws: only their bounds"] += 1


_LOW: Final = flags.MAP["MAP_32BIT"]


def _start(step: Step, meta: Meta, compiled: Program, text: str, areas: list[maps.Area]) -> Start:
    heap = next((area for area in areas if area.path == "[heap]"), None)
    info = next((one for one in meta.snapshots if one.number == step.snapshot), None)
    answers = compiled.brk_answers.get(step.tid, [])
    start_brk = info.start_brk if info else (meta.start_brk if step.snapshot == 0 else 0)
    if not start_brk:
        start_brk = answers[0] if answers else (heap.start if heap else 0)
    if not start_brk:
        start_brk = _first_brk(compiled, step.begins)
    brk = meta.brk if step.snapshot == 0 and not info else 0
    if not brk:
        brk = answers[-1] if answers else (heap.end if heap else start_brk)
    base = meta.mmap_base if step.snapshot == 0 else 0
    return Start(text, areas, base or _mmap_base(compiled, step, areas), start_brk, brk)


def _first_brk(compiled: Program, slot: int) -> int:
    """The first brk answer shows where the heap is when nothing else does."""
    for step in compiled.steps:
        if step.mm == slot and isinstance(step.operation, calls.Brk):
            return step.value
    return 0


def _mmap_base(compiled: Program, step: Step, areas: list[maps.Area]) -> int:
    """Where top-down placement begins.

    At exec the highest mapping below the stack ends there. Later something may have been unmapped
    there, and an answer of mmap(NULL) that lies higher corrects the guess.
    """
    stack = next((area.start for area in areas if area.path == "[stack]"), USER_END)
    ends = [area.end for area in areas if area.end <= stack and area.path != "[heap]"]
    base = max(ends, default=0)
    for later in compiled.steps:
        operation = later.operation
        if later.mm != step.begins or later.errno or not isinstance(operation, calls.Mmap):
            continue
        if operation.addr == 0 and not operation.flags & flags.MAP_FIXED:
            end = later.value + page_up(operation.length)
            base = max(base, end if end <= stack else 0)
    return base


def _judge_mincore(plan: Plan, meta: Meta, *, has_faults: bool) -> None:
    """Decide which mincore vectors mean something.

    A program that only makes calls (its folder was not written by `vmalab record`) has the pages
    its calls made. A real program also has those it touched, which only `faults` shows, and file
    pages that were cached before it began, which nothing shows.
    """
    if not meta.recorded:
        for step in plan.steps:
            step.compare_vector = True
        return
    reliable = has_faults and meta.faults_lost == 0
    for step in plan.steps:
        if isinstance(step.operation, calls.Mincore):
            step.compare_vector = reliable and step.mm not in plan.blind
