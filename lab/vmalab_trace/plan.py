# SPDX-License-Identifier: Apache-2.0
"""The plan of a replay: steps in their order, files by identity, faults in their places."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from vmalab_drive.drivers import FileInfo
from vmalab_native import flags
from vmalab_native.machine import Facts
from vmalab_trace import calls, maps, shm
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
    notes: list[str] = field(default_factory=list)
    coalesce: bool = False
    """Compare maps with private neighbours joined: the trace does not show what was written to."""
    pkeys: bool = False
    """Its processor has protection keys."""
    machine: Facts = field(default_factory=dict)
    exact_stack: bool = False
    """The faults that made stacks grow are in the trace."""


def load(folder: Folder) -> Plan:
    """Read a trace folder.

    Raises:
        FolderError: no marker, or no maps for it.
    """
    meta = folder.meta()
    compiled = compile_trace(folder.lines())
    if compiled.markers == 0:
        raise FolderError(
            f"{folder.root}/trace has no marker: madvise(ADDR, 0, 0xdead) must stand where "
            "maps.0 was read"
        )
    snapshots: dict[int, list[maps.Area]] = {}
    texts: dict[int, str] = {}
    for step in compiled.steps:
        if step.snapshot >= 0:
            text = folder.maps(step.snapshot)
            if text is None:
                raise FolderError(f"line {step.line} marks maps.{step.snapshot}, which is missing")
            texts[step.snapshot] = text
            snapshots[step.snapshot] = maps.parse(text)
    _attach_segments(compiled, snapshots)
    dropped = _drop_unknowable(compiled, meta)
    starts = {
        step.begins: _start(step, meta, compiled, texts[step.snapshot], snapshots[step.snapshot])
        for step in compiled.steps
        if step.kind in (Kind.IMPORT, Kind.EXEC)
    }
    left_out: dict[str, int] = defaultdict(int)
    timeline = Timeline(compiled, meta, left_out)
    timeline.add_locks(folder.locks())
    lines = folder.faults()
    if lines:
        timeline.add_faults(lines, snapshots)
    gaps = {
        slot: Gaps.of(start.areas, base=start.mmap_base, brk=start.brk)
        for slot, start in starts.items()
    }
    steps, ordering = arrange(compiled.steps, gaps)
    for index, step in enumerate(steps):
        # Address spaces were ordered one by one; a later line of one may not pass another's fork.
        step.last = max(step.last, steps[index - 1].last if index else 0.0)
    plan = Plan(steps, compiled.slots, starts, [], snapshots, compiled, ordering)
    plan.faults_left_out = dict(left_out)
    plan.notes += dropped
    plan.pkeys, plan.machine = meta.pkeys, meta.machine
    plan.exact_stack = bool(lines) and meta.faults_lost == 0
    if meta.recorded and not lines:
        plan.coalesce = True
        plan.notes.append(
            "borders between private neighbours of equal kind: whether the kernel joins them "
            "depends on page faults, which were not recorded"
        )
    _name_files(plan, folder, meta)
    _judge_mincore(plan, meta, has_faults=bool(lines))
    return plan


def _attach_segments(compiled: Program, snapshots: dict[int, list[maps.Area]]) -> None:
    """Make mappings of the calls of shmat, and give the calls of shmdt what they end."""
    seen = [area for areas in snapshots.values() for area in areas if shm.is_segment(area)]
    sizes: dict[int, int] = {}
    opens = 0
    kept: list[Step] = []
    for step in compiled.steps:
        call = step.operation
        if isinstance(call, calls.Shmat):
            segment = compiled.segments.get(call.fd) or shm.segment_of(call.fd, seen)
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


def _drop_unknowable(compiled: Program, meta: Meta) -> list[str]:
    """Take out what the recorded kernel did not have, and name what no file of the emulator can
    stand for. Returns notes of what was taken out."""
    names = 0
    kept: list[Step] = []
    for step in compiled.steps:
        call = step.operation
        if isinstance(call, calls.SetVmaName) and not meta.anon_names:
            names += 1
            continue
        if isinstance(call, calls.Mmap) and not step.errno and _is_device(call):
            compiled.unsupported[f"mmap({call.path})"] += 1
            continue
        kept.append(step)
    compiled.steps = kept
    if not names:
        return []
    return [
        f"{names} calls of prctl(PR_SET_VMA): the recorded kernel was built without "
        "CONFIG_ANON_VMA_NAME and refuses them all"
    ]


def _is_device(call: calls.Mmap) -> bool:
    """A mapping whose pages are a driver's: its VMA has flags of the driver's choice."""
    if call.flags & flags.MAP_ANONYMOUS or call.fd < 0:
        return False
    if call.path.startswith("anon_inode:"):
        return True
    return call.path.startswith("/dev/") and not call.path.startswith("/dev/shm/")


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


def _name_files(plan: Plan, folder: Folder, meta: Meta) -> None:
    """Find out which file each mapping is of."""
    index_of: dict[tuple[int, int], int] = {}
    by_path = {info.path: info for info in meta.files}
    later: dict[int, list[int]] = defaultdict(list)
    for step in plan.steps:
        if step.snapshot >= 0:
            later[step.begins if step.begins >= 0 else step.mm].append(step.snapshot)
    for step in plan.steps:
        call = step.operation
        if not isinstance(call, calls.Mmap) or call.flags & flags.MAP_ANONYMOUS or call.fd < 0:
            continue
        if isinstance(call, calls.Shmat):
            step.file = _segment_file(plan, index_of, call)
            continue
        info = by_path.get(call.path) or _from_snapshots(plan, later[step.mm], step, call)
        known = info is not None
        if info is None:
            # An identity of its own per descriptor number: enough to tell two files apart.
            info = FileInfo(call.path or f"fd:{call.fd}", 0xFFF << 20, 1 + call.fd, 0)
        key = (info.dev, info.inode)
        if key not in index_of:
            size = info.size or folder.file_size(info.path) or 0
            index_of[key] = len(plan.files)
            plan.files.append(FileInfo(info.path, info.dev, info.inode, size))
            if not known:
                plan.unknown_files.add(index_of[key])
        step.file = index_of[key]
        step.file_mode = meta.modes.get(int(step.end_line), 0) or _mode_of_refusal(step, call)
    plan.files = [_sized(plan, index, info) for index, info in enumerate(plan.files)]
    _name_changed_files(plan)


def _mode_of_refusal(step: Step, call: calls.Mmap) -> int:
    """How the file must have been opened, or its mount be, for the kernel to refuse so."""
    shared = call.flags & flags.MAP_SHARED
    match flags.errno_name(step.errno) if step.errno else "":
        case "EACCES":
            return 1 if shared and call.prot & flags.PROT["PROT_WRITE"] else 2
        case "EPERM" if call.prot & flags.PROT["PROT_EXEC"]:
            return 4
        case _:
            return 0


def _segment_file(plan: Plan, index_of: dict[tuple[int, int], int], call: calls.Shmat) -> int:
    """A segment is a file of its own, whose inode is its number."""
    segment = plan.program.segments.get(call.fd)
    key = (shm.DEV, call.fd)
    if not call.length:
        return -1
    if key not in index_of:
        index_of[key] = len(plan.files)
        size = segment.size if segment else call.length
        plan.files.append(FileInfo(call.path, *key, size))
    return index_of[key]


def _name_changed_files(plan: Plan) -> None:
    """Which file each ftruncate, truncate and fallocate is of. Those of files that nobody maps,
    and those that the file system refused, are no matter of memory."""
    mapped: dict[tuple[int, str | int], int] = {}
    kept: list[Step] = []
    left_out = 0
    for step in plan.steps:
        call = step.operation
        if isinstance(call, calls.Mmap) and step.file >= 0:
            mapped[(0, call.path) if call.path else (step.tid, call.fd)] = step.file
    for step in plan.steps:
        call = step.operation
        if isinstance(call, calls.Truncate | calls.Allocate):
            key: tuple[int, str | int] = (0, call.path) if call.path else (step.tid, call.fd)
            step.file = mapped.get(key, -1)
            if step.file < 0 or step.errno:
                left_out += 1
                continue
        kept.append(step)
    plan.steps = kept
    if left_out:
        plan.notes.append(
            f"{left_out} calls of ftruncate, truncate and fallocate that failed, or were of files "
            "that nobody maps"
        )


def _sized(plan: Plan, index: int, info: FileInfo) -> FileInfo:
    """A file of unknown size is taken to hold all that was mapped of it."""
    if info.size:
        return info
    ends = [
        step.operation.offset + step.operation.length
        for step in plan.steps
        if step.file == index and isinstance(step.operation, calls.Mmap)
    ]
    plan.notes.append(f"size of {info.path} unknown: taken as what was mapped of it")
    return FileInfo(info.path, info.dev, info.inode, page_up(max(ends, default=0)))


def _from_snapshots(
    plan: Plan, numbers: list[int], step: Step, call: calls.Mmap
) -> FileInfo | None:
    """Look for the mapping in later snapshots, then for its path anywhere."""
    if not step.errno:
        for number in numbers:
            for area in plan.snapshots[number]:
                if not area.is_file or area.is_shared_anonymous:
                    continue
                if area.start <= step.value < area.end:
                    offset = area.offset + step.value - area.start
                    if offset == call.offset and call.path in ("", area.path):
                        return FileInfo(area.path, area.dev, area.inode, 0)
    if call.path:
        for found in plan.snapshots.values():
            for area in found:
                if area.path == call.path and area.is_file:
                    return FileInfo(area.path, area.dev, area.inode, 0)
    else:
        return _same_descriptor(plan, step, call)
    return None


def _same_descriptor(plan: Plan, step: Step, call: calls.Mmap) -> FileInfo | None:
    """Without paths, a descriptor is taken to stay the file that another mapping of it showed."""
    for other in plan.steps:
        there = other.operation
        if not isinstance(there, calls.Mmap) or there.fd != call.fd or other.tid != step.tid:
            continue
        if there.flags & flags.MAP_ANONYMOUS or other.errno:
            continue
        for areas in plan.snapshots.values():
            for area in areas:
                if not area.is_file or area.is_shared_anonymous:
                    continue
                inside = area.start <= other.value < area.end
                if inside and area.offset + other.value - area.start == there.offset:
                    return FileInfo(area.path, area.dev, area.inode, 0)
    return None


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
            step.compare_vector = step.compare_vector and reliable
