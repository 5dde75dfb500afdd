# SPDX-License-Identifier: Apache-2.0
"""The real side: starts the executor for a program and reads its answers.

The executor (executor.c) is compiled once for each version of its source, into
$XDG_CACHE_HOME/vmalab. Files of programs are made here and given to it as descriptors.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import mmap
import os
import resource
import select
import shutil
import signal
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from vmalab_diff.encoding import CODE_TEXT, FILE_FD, RealCall, hard_limit
from vmalab_diff.operations import BY_NAME
from vmalab_diff.program import ARENAS, PAGE, Op, Place
from vmalab_drive.errors import CommandError
from vmalab_native import places, signals

SOURCE: Final = Path(__file__).with_name("executor.c")
EXECUTOR_AT: Final = 0x1000_0000
CFLAGS: Final = (
    "-O2", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-pic", "-no-pie",
    "-fcf-protection=none", "-fno-tree-loop-distribute-patterns", "-Wall", "-Wextra",
    f"-Wl,-Ttext-segment={EXECUTOR_AT:#x}",
)  # fmt: skip
"""The executor lies where no program maps: above the low addresses (the largest area of a program
ends below 16 MiB there) and below those of MAP_32BIT (from 1 GiB)."""
COMM_BYTES: Final = 32 << 20
OPS_AT, RESULTS_AT, TEXT_AT = 0x1000, 0x200000, 0x400000
OP: Final = struct.Struct("<4B5IQ6Q32s")
RESULT: Final = struct.Struct("<qIIQQ")
STEPS_MAX: Final = (RESULTS_AT - OPS_AT) // OP.size
REF_BREAK, REF_RESULTS = 1, 2
MMAP_BASE: Final = 0x7FFF_F7FF_F000
"""Where the kernel starts to place mappings without randomisation and with 8 MiB of stack."""
TIMEOUT_MS: Final = 300_000
U64: Final = (1 << 64) - 1
ERRNO_MAX: Final = 4095
_EXITS: Final = {
    3: "this machine does not allow fixed addresses (personality ADDR_NO_RANDOMIZE)",
    4: "the shared memory could not be mapped at its address",
    5: "a process waited too long for its turn",
    6: "a signal came outside of a touch",
}


class DiffError(CommandError):
    """The comparison itself could not be carried out."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one process does next: operation `op` of the program, or, if that is -1, a snapshot of
    its maps (`smaps`: with the flags of each area)."""

    process: int
    op: int = -1
    smaps: bool = False


def steps_of(program: Sequence[Op], *, every: int) -> list[Step]:
    """The operations in order, with a snapshot of the acting process after every so many (with the
    flags of its areas if that is after each), and of every living process at the end."""
    steps: list[Step] = []
    living = [0]
    since = 0
    for index, op in enumerate(program):
        steps.append(Step(op.process, index))
        since += 1
        if op.name == "fork" and isinstance(op.args[0], int):
            living.append(op.args[0])
        elif op.name == "exit":
            living.remove(op.process)
            continue
        if since >= every:
            steps.append(Step(op.process, smaps=every == 1))
            since = 0
    steps += [Step(process, smaps=True) for process in living]
    return steps


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step answered; `text` of a snapshot, `extra` the mask of a mincore."""

    value: int = 0
    signal: int = 0
    code: int = 0
    extra: int = 0
    text: str = ""


@dataclass(slots=True)
class RealRun:
    """A program that was done for real."""

    maps: str
    """Before the first operation."""
    start_brk: int
    outcomes: list[Outcome]
    """One for each step."""
    files: Sequence[TestFile]
    """What the program mapped."""
    answers: dict[int, int] = field(default_factory=dict)
    """By uid, as a Place of kind "@" needs them; only those that are addresses."""

    def address(self, place: Place) -> int:
        """The address of a place in this run."""
        if place.kind == "a":
            base = ARENAS[place.number]
        elif place.kind == "brk":
            base = self.start_brk
        elif place.kind == "@":
            base = self.answers.get(place.number, ARENAS[0])
        else:
            base = 0
        return (base + place.offset) & U64


@dataclass(frozen=True, slots=True)
class TestFile:
    """A file that programs map."""

    fd: int
    size: int
    name: str
    """As maps shows it."""
    dev: int
    inode: int
    on_disk: bool
    mode: int = 0
    """How it was opened, and which open it is: the upper half of a file in a mmap record."""


OPENED: Final = ((0, os.O_RDONLY), (1, os.O_WRONLY), (1, os.O_RDONLY), (3, os.O_RDONLY),
                 (3, os.O_WRONLY))  # fmt: skip
"""Further descriptors: which file, and what it may be used for."""
MODES: Final = {os.O_RDONLY: 1, os.O_WRONLY: 2}
LOCK_LIMIT: Final = min(8 << 20, hard_limit(resource.RLIMIT_MEMLOCK))
SIZES: Final = (20 * PAGE, 5 * PAGE + 100, PAGE, 16 * PAGE)


def _cache_folder() -> Path:
    folder = places.cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def executable() -> Path:
    """The executor, compiled if this version of it was not yet.

    Raises:
        DiffError: no gcc, or it refused.
    """
    source = SOURCE.read_bytes()
    digest = hashlib.sha256(source + " ".join(CFLAGS).encode()).hexdigest()[:16]
    path = _cache_folder() / f"executor-{digest}"
    if path.is_file():
        return path
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise DiffError(
            "gcc is needed to build what runs programs for real: install gcc "
            "(Debian: apt-get install gcc libc6-dev)"
        )
    fresh = path.with_suffix(f".{os.getpid()}")
    done = subprocess.run(
        [compiler, *CFLAGS, "-o", str(fresh), str(SOURCE)], capture_output=True, text=True
    )
    if done.returncode:
        raise DiffError(f"{compiler} could not build {SOURCE.name}: {done.stderr.strip()[:500]}")
    fresh.replace(path)
    return path


def _end(pid: int) -> None:
    """Kill an executor with all of its programs; it may have been reaped."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


class Executor:
    """Runs programs for real, one process tree each, one after another."""

    def __init__(self) -> None:
        self.path = str(executable())
        self._fd = os.memfd_create("vmalab-diff")
        os.ftruncate(self._fd, COMM_BYTES)
        self._comm = mmap.mmap(self._fd, COMM_BYTES)
        self.files = self._make_files()
        self._sealed = False

    def _make_files(self) -> list[TestFile]:
        files = [self._make_file(number, size) for number, size in enumerate(SIZES)]
        return files + [self._opened_again(files[file], how) for file, how in OPENED]

    def _make_file(self, number: int, size: int) -> TestFile:
        on_disk = number == len(SIZES) - 1
        if on_disk:
            fd, path = tempfile.mkstemp(prefix="diff-", dir=_cache_folder())
            os.unlink(path)
            name = f"{path} (deleted)"
        else:
            fd = os.memfd_create(f"diff-{number}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            name = f"/memfd:diff-{number} (deleted)"
        status = os.fstat(fd)
        dev = os.major(status.st_dev) << 20 | os.minor(status.st_dev)
        return TestFile(fd, size, name, dev, status.st_ino, on_disk)

    @staticmethod
    def _opened_again(file: TestFile, how: int) -> TestFile:
        fd = os.open(f"/proc/self/fd/{file.fd}", how)
        return replace(file, fd=fd, mode=MODES[how] | fd << 8)

    def _open_anew(self) -> None:
        """What a file on disk reads ahead depends on how its mappings missed before (struct
        file_ra_state): no program may find what another one left."""
        for file in self.files:
            if file.on_disk:
                how = fcntl.fcntl(file.fd, fcntl.F_GETFL) & os.O_ACCMODE
                fresh = os.open(f"/proc/self/fd/{file.fd}", how)
                os.dup2(fresh, file.fd, inheritable=False)
                os.close(fresh)

    def _unseal(self) -> None:
        """Files that a program sealed stay so: the next one has new ones."""
        if self._sealed:
            self._close_files()
            self.files = self._make_files()
            self._sealed = False

    def _close_files(self) -> None:
        for file in self.files:
            os.close(file.fd)

    def close(self) -> None:
        """Give everything back."""
        self._close_files()
        self._comm.close()
        os.close(self._fd)

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def run(self, program: Sequence[Op], steps: Sequence[Step]) -> RealRun:
        """Do a program.

        Raises:
            DiffError: the executor ended early, or is too slow.
        """
        if len(steps) > STEPS_MAX:
            raise DiffError(f"{len(steps)} steps in one program, at most {STEPS_MAX} are possible")
        self._write(program, steps)
        self._unseal()
        self._open_anew()
        for file in self.files[: len(SIZES)]:
            os.ftruncate(file.fd, 0)
            os.ftruncate(file.fd, file.size)
            if file.on_disk:
                os.pread(file.fd, file.size, 0)  # all in the page cache: no read-around to guess
        self._sealed = any(op.name == "add_seals" for op in program)
        self._start()
        return self._read(program, steps)

    def _write(self, program: Sequence[Op], steps: Sequence[Step]) -> None:
        comm = self._comm
        comm[0:OPS_AT] = struct.pack("<II", 0, len(steps)).ljust(OPS_AT, b"\0")
        step_of = {program[step.op].uid: at for at, step in enumerate(steps) if step.op >= 0}
        at = OPS_AT
        for step in steps:
            OP.pack_into(comm, at, *self._packed(program, step, step_of))
            at += OP.size
        comm[RESULTS_AT : RESULTS_AT + RESULT.size * len(steps)] = bytes(RESULT.size * len(steps))

    def _packed(
        self, program: Sequence[Op], step: Step, step_of: dict[int, int]
    ) -> tuple[int | bytes, ...]:
        refs: list[tuple[int, int]] = []
        if step.op < 0:
            call = RealCall(CODE_TEXT, int(step.smaps), ())
        else:
            op = program[step.op]
            plain: list[int | bytes] = []
            for index, arg in enumerate(op.args):
                if not isinstance(arg, Place):
                    plain.append(arg)
                    continue
                offset = arg.offset
                if arg.kind == "brk":
                    refs.append((index, REF_BREAK))
                elif arg.kind == "@" and arg.number in step_of:
                    refs.append((index, REF_RESULTS + step_of[arg.number]))
                elif arg.kind:
                    offset += ARENAS[arg.number if arg.kind == "a" else 0]
                plain.append(offset)
            call = BY_NAME[op.name].real(plain)
        refs += [(0, 0)] * (2 - len(refs))
        words = [word & U64 for word in call.args] + [0] * (6 - len(call.args))
        return (
            call.code, step.process, refs[0][0], refs[1][0], call.nr, refs[0][1], refs[1][1],
            call.ptr_arg, 0, ARENAS[0], *words, call.data,
        )  # fmt: skip

    def _start(self) -> None:
        pid = 0
        try:
            with signals.held():
                pid = self._spawn()
            self._wait(pid)
        except BaseException:
            if pid:
                _end(pid)
            raise

    def _spawn(self) -> int:
        # Twice: a descriptor of ours may be where another one has to go.
        high = 64
        spare = [os.dup2(file.fd, high + number) for number, file in enumerate(self.files)]
        comm = os.dup2(self._fd, high + len(spare))
        try:
            actions: list[tuple[int, ...]] = [(os.POSIX_SPAWN_DUP2, comm, 3)]
            actions += [
                (os.POSIX_SPAWN_DUP2, fd, FILE_FD + number) for number, fd in enumerate(spare)
            ]
            return os.posix_spawn(self.path, ["executor"], {}, file_actions=actions, setpgroup=0)
        finally:
            for fd in [*spare, comm]:
                os.close(fd)

    def _wait(self, pid: int) -> None:
        watch = os.pidfd_open(pid)
        try:
            poller = select.poll()
            poller.register(watch, select.POLLIN)
            in_time = bool(poller.poll(TIMEOUT_MS))
            if not in_time:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
        finally:
            os.close(watch)
        if status == 0:
            return
        turn = struct.unpack_from("<I", self._comm, 0)[0]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        if os.WIFEXITED(status):
            code = os.WEXITSTATUS(status)
            why = _EXITS.get(code, f"it ended with code {code}")
        else:
            why = (
                f"it was killed by signal {os.WTERMSIG(status)}; a program must not map, unmap"
                f" or protect what lies at {EXECUTOR_AT:#x}: the executor"
            )
        raise DiffError(f"the executor failed at step {turn}: {why}")

    def _text(self, packed: int) -> str:
        at, size = TEXT_AT + (packed >> 32), packed & 0xFFFFFFFF
        return bytes(self._comm[at : at + size]).decode("utf-8", "surrogateescape")

    def _read(self, program: Sequence[Op], steps: Sequence[Step]) -> RealRun:
        header = struct.unpack_from("<IIII16IQQ", self._comm, 0)
        if header[0] != len(steps):
            raise DiffError(f"the executor did {header[0]} of {len(steps)} steps")
        run = RealRun(self._text(header[-1]), header[-2], [], self.files)
        end = RESULTS_AT + RESULT.size * len(steps)
        rows = RESULT.iter_unpack(bytes(self._comm[RESULTS_AT:end]))
        for step, (value, number, code, extra, _) in zip(steps, rows, strict=True):
            if step.op < 0:
                run.outcomes.append(Outcome(text=self._text(extra)))
                continue
            run.outcomes.append(Outcome(value, number, code, extra))
            if value and not -ERRNO_MAX <= value < 0:
                run.answers[program[step.op].uid] = value & U64
        return run
