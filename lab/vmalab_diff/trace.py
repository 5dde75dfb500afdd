# SPDX-License-Identifier: Apache-2.0
"""A program that was done for real as a trace folder, which `vmalab replay` repeats.

Calls become lines of strace with the kernel's answers, snapshots become maps.N with their markers,
and touches that went well become page faults as perf shows them. Times are made up: a microsecond
for each step, so that the order is the program's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vmalab_diff.compare import Comparison, only_maps
from vmalab_diff.emulated import resolved
from vmalab_diff.encoding import FILE_FD, Operation, Value, hard_limit
from vmalab_diff.operations import BY_NAME
from vmalab_diff.program import PAGE, Op, Param
from vmalab_diff.real import MMAP_BASE, Outcome, Step, TestFile
from vmalab_drive.drivers import FileInfo
from vmalab_native import flags, machine
from vmalab_trace.folder import Meta, SnapshotInfo, write

FIRST_PID: Final = 1000
START_US: Final = 1_000_000_000_000_000
MARKER: Final = "madvise(0x0, 0, 0xdead /* MADV_??? */) = -1 EINVAL (Invalid argument)"
_CAPSET_HEAD: Final = "{version=_LINUX_CAPABILITY_VERSION_3, pid=0}"
_ERROR_CODES: Final = {"read": 0x4, "write": 0x6, "exec": 0x14}


def _argument(param: Param, value: Value, files: Sequence[TestFile]) -> str:
    if isinstance(value, bytes):
        return '"' + value.decode("latin-1") + '"'
    names = param.names or {}
    match param.kind:
        case "place":
            return f"{value:#x}" if value else "NULL"
        case "flags":
            zero = next((name for name, bit in names.items() if bit == 0), "0")
            return flags.render_flags(value, names, unknown="???", zero=zero)
        case "choice":
            return flags.render_choice(value, names, unknown="???")
        case "file" if 0 <= value < len(files):
            path = files[value].name.removesuffix(" (deleted)")
            return f"{FILE_FD + value}<{path}>(deleted)"
        case _:
            return str(value)


def _result(row: Operation, outcome: Outcome) -> str:
    if -4096 < outcome.value < 0:
        number = -outcome.value
        return f"-1 {flags.errno_name(number)} ({os.strerror(number)})"
    return f"{outcome.value:#x}" if row.answer in ("address", "break") else str(outcome.value)


def _call(
    row: Operation, values: Sequence[Value], outcome: Outcome, files: Sequence[TestFile]
) -> str:
    words = [_argument(p, v, files) for p, v in zip(row.params, values, strict=True)]
    match row.name:
        case "setrlimit" if isinstance(values[0], int):
            pair = f"{{rlim_cur={words[1]}, rlim_max={hard_limit(values[0])}}}"
            words = ["0", words[0], pair, "NULL"]
        case "process_madvise":
            pairs = [
                f"{{iov_base={words[at]}, iov_len={words[at + 1]}}}"
                for at in range(0, 2 * int(words[5]), 2)
            ]
            words = ["3", f"[{', '.join(pairs)}]", words[5], words[4], "0"]
        case "thp_disable":
            words[0] = "PR_SET_THP_DISABLE"
        case "mdwe":
            words = ["PR_SET_MDWE", words[0], "0", "0", "0"]
        case "add_seals":
            words.insert(1, "F_ADD_SEALS")
        case "capset":
            effective = words[0].replace("CAP_", "1<<CAP_")
            words = [_CAPSET_HEAD, f"{{effective={effective}, permitted=~0, inheritable=0}}"]
        case "set_vma_name":
            words[:2] = ["PR_SET_VMA", "PR_SET_VMA_ANON_NAME" if words[1] == "0" else words[1]]
    if row.answer == "mask":
        length = values[1]
        assert isinstance(length, int)
        pages = (length + PAGE - 1) // PAGE
        bits = ", ".join(str(outcome.extra >> at & 1) for at in range(pages))
        words.append(f"[{bits}]" if outcome.value == 0 else "0x100000000000")
    return f"{row.known}({', '.join(words)}) = {_result(row, outcome)}"


class _Writer:
    """The lines of the folder's files."""

    def __init__(self, program: Sequence[Op], comparison: Comparison) -> None:
        self.program, self.comparison = program, comparison
        self.files = comparison.real.files
        self.calls: list[str] = []
        self.faults: list[str] = []
        self.snapshots: list[tuple[SnapshotInfo, str]] = []
        self.modes: dict[int, int] = {}
        self.capabilities: dict[int, int] = {}
        self.now_us = START_US

    def _line(self, process: int, text: str) -> None:
        self.now_us += 1
        seconds, fraction = divmod(self.now_us, 1_000_000)
        self.calls.append(f"{FIRST_PID + process} {seconds}.{fraction:06d} {text}")

    def snapshot(self, process: int, text: str, why: str) -> None:
        number, pid = len(self.snapshots), FIRST_PID + process
        info = SnapshotInfo(number, pid, why, self.comparison.real.start_brk)
        self.snapshots.append((info, only_maps(text)))
        self._line(process, MARKER)

    def step(self, step: Step, outcome: Outcome) -> None:
        if step.op < 0:
            self.snapshot(step.process, outcome.text, "check point")
            return
        op = self.program[step.op]
        row = BY_NAME[op.name]
        if op.name in _ERROR_CODES:
            self._touch(op, outcome)
        elif op.name == "fork" and isinstance(op.args[0], int):
            self._line(step.process, f"fork() = {FIRST_PID + op.args[0]}")
        elif op.name == "exit":
            self._line(step.process, "exit_group(0) = ?")
            self._line(step.process, "+++ exited with 0 +++")
        elif row.known:
            values = resolved(op, self.comparison.real)
            if op.name == "mmap" and isinstance(values[4], int) and values[4] >= 0:
                self.modes[len(self.calls) + 1] = self.files[values[4]].mode
            if op.name == "capset" and isinstance(values[0], int) and outcome.value == 0:
                self.capabilities[len(self.calls) + 1] = values[0]
            self._line(step.process, _call(row, values, outcome, self.files))

    def _touch(self, op: Op, outcome: Outcome) -> None:
        if outcome.signal:
            return
        self.now_us += 1
        seconds, fraction = divmod(self.now_us, 1_000_000)
        address = resolved(op, self.comparison.real)[0]
        assert isinstance(address, int)
        pid = FIRST_PID + op.process
        self.faults.append(
            f"executor {pid}/{pid} {seconds}.{fraction:06d}000: exceptions:page_fault_user: "
            f"address={address:#x} ip=0x401000 error_code={_ERROR_CODES[op.name]:#x}"
        )


def write_trace(root: Path, program: Sequence[Op], comparison: Comparison) -> None:
    """Write the folder; made if it is not there."""
    root.mkdir(parents=True, exist_ok=True)
    real = comparison.real
    writer = _Writer(program, comparison)
    writer.snapshot(0, real.maps, "start")
    for step, outcome in zip(comparison.steps, real.outcomes, strict=True):
        writer.step(step, outcome)
    meta = Meta(
        command=["vmalab", "diff"],
        kernel=os.uname().release,
        mmap_base=MMAP_BASE,
        start_brk=real.start_brk,
        brk=real.start_brk,
        pids=sorted({FIRST_PID + op.process for op in program} | {FIRST_PID}),
        files=[FileInfo(file.name, file.dev, file.inode, file.size) for file in real.files],
        modes={line: mode for line, mode in writer.modes.items() if mode},
        snapshots=[info for info, _ in writer.snapshots],
        capabilities=writer.capabilities,
        anon_names=machine.anon_names(),
        machine=dict(machine.facts()),
        faults_source="exceptions",
        calls=len(writer.calls),
    )
    write(root, "trace", "\n".join(writer.calls) + "\n", compress="")
    write(root, "faults", "\n".join(writer.faults) + "\n", compress="")
    for info, text in writer.snapshots:
        write(root, f"maps.{info.number}", text, compress="")
    write(root, "meta.json", meta.to_json(), compress="")
