# SPDX-License-Identifier: Apache-2.0
"""Records a real program: its memory calls, page faults and maps, as a trace folder.

The program runs under strace, which writes into a FIFO that this module reads while the program
runs. Maps are read at points where no thread of the process can change them:

exec    strace injects SIGSTOP into execve: the process stops on its way out of the call, before
        its first instruction. This is maps.0 of a program.
check   after every N memory calls the recorder sends SIGSTOP, waits until strace has shown the
        stop of each thread, reads, and sends SIGCONT. A stopped thread is outside every call, so
        all that strace wrote before is done and nothing after has begun.
exit    strace delays the entry of exit_group; the thread that calls it is delayed there while the
        others are stopped as above.

Each snapshot is followed by a marker line in the trace that belongs to the thread which stood
still, numbered over the whole trace in order. What the recorder's own stops add to the trace is
taken out again.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Final

from vmalab_drive.errors import UsageError
from vmalab_native import flags, machine
from vmalab_trace import calls, folder, maps, opens, perf, sightings, strace
from vmalab_trace.gaps import page_up
from vmalab_trace.sightings import Sighting
from vmalab_trace.tracees import (
    Group,
    Snapshot,
    Tracees,
    capabilities,
    end_tree,
    limits,
    send,
    start_brk,
    task_states,
    word_bits,
)

MEMORY_CALLS: Final = frozenset(
    {
        *("brk", "madvise", "mincore", "mmap", "mprotect", "mremap", "munmap"),
        *("mlock", "mlock2", "mlockall", "msync", "munlock", "munlockall", "pkey_mprotect"),
        *("pkey_alloc", "pkey_free"),
        *("process_madvise", "remap_file_pages", "shmat", "shmdt"),
    }
)
_RAW: Final = ",".join(["mremap", *sorted(opens.WRITES | opens.READS)])
"""Calls of which the numbers are wanted: what is written is not, and strace does not show the fifth
argument of mremap if MREMAP_FIXED is missing."""
_FILTER: Final = (
    "trace=%memory,?pkey_alloc,?pkey_free,?msync,?process_madvise,?mseal,?map_shadow_stack,"
    "?userfaultfd,ioctl,personality,shmget,shmctl,prlimit64,setrlimit,ftruncate,truncate,fallocate,"
    "prctl,clone,clone3,fork,vfork,execve,execveat,exit,exit_group,"
    "open,openat,?openat2,creat,memfd_create,?memfd_secret,dup,dup2,dup3,fcntl,fchmod,"
    "setuid,setreuid,setresuid,setfsuid,capset,rename,renameat,?renameat2," + _RAW
)
"""Every call that changes an address space, or that says whose it is, which file it maps and what
it may do; a name with ? need not be known to strace."""
_HELD = re.compile(r"^(\d+)\s+[\d.]+ exit_group\(")
_STOP_PATIENCE_S: Final = 30.0
_CLOCK_EVERY_S: Final = 1.0
_LOOKED_AT: Final = frozenset({"mmap", "rename", "renameat", "renameat2"}) | calls.CREDENTIALS


class RecordError(UsageError):
    """The program could not be recorded."""


@dataclass(frozen=True, slots=True)
class RecordConfig:
    """How to record."""

    every_calls: int = 250
    """Memory calls of one process between two check points; 0 for none."""
    snapshots_max: int = 64
    """Check points end after so many snapshots; those of exec and exit go on."""
    hold_ms: int = 50
    """How long exit_group waits for its snapshot."""
    faults: bool = True
    compress: folder.Compress = ""


@dataclass(slots=True)
class Recorder:
    """Turns strace's lines into the trace, and makes the snapshots on the way."""

    root: Path
    config: RecordConfig
    meta: folder.Meta
    trace: list[str] = field(default_factory=list)
    parser: strace.Parser = field(default_factory=strace.Parser)
    tracees: Tracees = field(default_factory=Tracees)
    execs_seen: int = 0
    clock_read: float = 0.0
    launched: bool = False
    files: sightings.Sightings = field(default_factory=sightings.Sightings)
    descriptors: opens.Descriptors = field(default_factory=opens.Descriptors)
    snapshots: list[Snapshot] = field(default_factory=list)
    _held_open: set[int] = field(default_factory=set)
    _opened_at: dict[int, int] = field(default_factory=dict)
    """Where in the trace the call that a thread is in was entered."""

    def feed(self, line: str) -> None:
        """One whole line of strace."""
        keep = True
        for event in self.parser.feed(line):
            keep = self._event(event) and keep
        tid = self._tid(line)
        opened = self.parser.open_calls.get(tid)
        if self.launched and opened is not None and opened.name == "exit_group":
            self.hold(tid)
        if not self.launched:
            return
        if opened is not None and opened.line == self.parser.line:
            self._opened_at[tid] = len(self.trace)
        elif not keep and " resumed>" in line and tid in self._opened_at:
            self.trace[self._opened_at[tid]] = ""  # a blank line, so that the others keep theirs
        if keep:
            self.trace.append(line)

    def partial(self, text: str) -> None:
        """The beginning of a line that strace has not ended: the only sign of a held exit."""
        match = _HELD.match(text)
        if match and self.launched:
            self.hold(int(match.group(1)))

    @staticmethod
    def _tid(line: str) -> int:
        head = line.split(None, 1)
        return int(head[0]) if head and head[0].isdigit() else 0

    def _group(self, tid: int) -> Group:
        spawns: dict[int, calls.Spawn] = {}
        for caller, opened in self.parser.open_calls.items():
            if opened.name in ("clone", "clone3", "fork", "vfork"):
                call = strace.Call(0, 0, caller, opened.name, (opened.text,), None)
                operation = _decoded(call)
                if isinstance(operation, calls.Spawn):
                    spawns[caller] = operation
        return self.tracees.group(tid, spawns)

    def _event(self, event: strace.Event) -> bool:
        """Act on an event. False when its line is of our own making."""
        if isinstance(event, strace.Call):
            return self._call(event)
        if not self.launched:
            # The shell that looks for the program along PATH fails in execve, which stops it too.
            if isinstance(event, strace.Signal) and event.stopped:
                send(event.pid, signal.SIGCONT)
            return True
        if isinstance(event, strace.Signal):
            return self._signal(event)
        if isinstance(event, strace.Exit):
            group = self._group(event.pid)
            self.tracees.forget(event.pid)
            if group.tgid in self.tracees.groups:
                self._settle(group)
        elif isinstance(event, strace.Superseded):
            self.tracees.forget(event.by)
        return True

    def _call(self, call: strace.Call) -> bool:
        if call.name in ("execve", "execveat") and call.value == 0:
            self.execs_seen += 1
            if not self.launched and self.execs_seen == 2:
                self.launched = True
            if self.launched:
                group = self._group(call.pid)
                group.exec_done, group.borrowed, group.stop = True, False, "exec"
                group.stopped.clear()
                group.stop_since = time.monotonic()
            return True
        if not self.launched:
            return True
        group = self._group(call.pid)
        if call.name in ("execve", "execveat") and call.finished and not group.stop:
            group.stop, group.stop_since = "exec", time.monotonic()
            group.stopped.clear()
        if call.name in ("clone", "clone3", "fork", "vfork") and (call.value or 0) > 0:
            spawn = _decoded(call)
            if isinstance(spawn, calls.Spawn) and call.value is not None:
                self.tracees.spawned[call.value] = spawn
                self.descriptors.spawned(call.pid, call.value, shared=spawn.shares_files)
        if call.name in MEMORY_CALLS:
            self.meta.calls += 1
            group.calls += 1
            self._maybe_check(group)
        return self._look(call)

    def _look(self, call: strace.Call) -> bool:
        """See what the call was about, while that can be seen. False: it says nothing."""
        if not (call.name in _LOOKED_AT or call.name in calls.SOMETIMES):
            return True
        line = len(self.trace) + 1
        match _decoded(call):
            case calls.Other():
                return False
            case calls.Renamed() if call.errno:
                return False
            case opens.Write(fd) | opens.Move(fd):
                opened = self.descriptors.find(call.pid, fd, "")
                return opened is not None and opened.grows
            case opens.Opens() | opens.Duplicate() as made:
                opened = self.descriptors.act(call.pid, made, call.value or 0)
                if opened is not None and opened.grows and not opened.memfd:
                    one = Sighting(
                        line=line, tid=call.pid, path=opened.path, maps=False, new=opened.new
                    )
                    self.files.see(one, (f"/proc/{call.pid}/fd/{call.value}",))
            case calls.Capabilities():
                found = capabilities(call.pid)
                if found >= 0 and not call.errno:
                    self.meta.capabilities[line] = found
            case calls.Mmap() as mapping if mapping.fd >= 0 and mapping.path:
                self._see_mapping(line, call, mapping)
        return True

    def _signal(self, event: strace.Signal) -> bool:
        group = self._group(event.pid)
        if event.name == "SIGCONT" and event.fields.get("si_pid") == str(os.getpid()):
            return False
        if event.name == "SIGCONT":
            self._continued(group, event.time_ns or 0)
        if event.name != "SIGSTOP":
            return True
        if event.fields.get("si_code") == "SI_KERNEL":
            group.injected = True
        if not group.stop:
            if event.stopped and group.injected:
                # strace's stop for an execve that was not seen: nobody else would end it.
                group.injected = False
                self._let_go(group, missed="exec: the end of execve was not seen")
            return not group.injected
        if event.stopped:
            group.stopped.add(event.pid)
            self._settle(group)
        return False

    def _maybe_check(self, group: Group) -> None:
        config = self.config
        if not config.every_calls or group.calls < config.every_calls or group.stop:
            return
        if len(self.snapshots) >= config.snapshots_max or group.borrowed:
            return
        if self._lends(group):
            return
        group.stop, group.stop_since = "check", time.monotonic()
        group.stopped.clear()
        if not send(group.tgid, signal.SIGSTOP):
            group.stop = ""

    def _lends(self, group: Group) -> bool:
        """Whether a vfork child runs in this group's address space now."""
        for tid, opened in self.parser.open_calls.items():
            if self.tracees.group_of.get(tid) != group.tgid:
                continue
            if opened.name == "vfork" or (
                opened.name.startswith("clone") and "CLONE_VFORK" in opened.text
            ):
                return True
        return False

    def _settle(self, group: Group) -> None:
        """When every thread of the group stands still, take the snapshot and let it go on."""
        if not group.stop:
            return
        states = task_states(group.tgid)
        running = {
            tid
            for tid, state in states.items()
            if tid not in group.stopped and tid != group.held and state not in "ZX"
        }
        if group.stop == "exit":
            if not running:
                self._snapshot(group, group.held, "exit")
                group.stop = ""
            return
        if group.stop == "check" and self._lends(group):
            self._let_go(group, missed="a vfork child was running")
            return
        if running:
            return
        if group.stop == "check" or group.exec_done:
            tid = min(group.stopped) if group.stop == "check" else group.tgid
            self._snapshot(group, tid, "exec" if group.exec_done else "check")
        self._let_go(group)

    def _let_go(self, group: Group, *, missed: str = "") -> None:
        if missed:
            self._miss(missed)
        group.stop, group.exec_done, group.injected = "", False, False
        group.stopped.clear()
        send(group.tgid, signal.SIGCONT)

    def _miss(self, why: str) -> None:
        self.meta.missed[why] = self.meta.missed.get(why, 0) + 1

    def tick(self) -> None:
        """Give up on stops that do not come, so that no program hangs because of us; compare the
        clocks now and then."""
        now = time.monotonic()
        if now - self.clock_read > _CLOCK_EVERY_S:
            self.read_clock()
        for group in list(self.tracees.groups.values()):
            if group.stop and now - group.stop_since > _STOP_PATIENCE_S:
                self._let_go(group, missed=f"{group.stop}: not all threads stopped")

    def read_clock(self) -> None:
        """Note how far the clock of strace is ahead of perf's."""
        self.clock_read = time.monotonic()
        self.meta.clock.append((time.monotonic_ns(), perf.clock_offset_ns()))

    def hold(self, tid: int) -> None:
        """A thread is delayed at the entry of exit_group."""
        if tid in self._held_open:
            return
        self._held_open.add(tid)
        group = self._group(tid)
        if group.borrowed or group.held:
            return
        group.held = tid
        group.stop, group.stop_since = "exit", time.monotonic()
        others = [one for one, state in task_states(group.tgid).items()
                  if one != tid and state not in "ZX"]  # fmt: skip
        if not set(others) <= group.stopped:
            send(group.tgid, signal.SIGSTOP)
        self._settle(group)

    def _snapshot(self, group: Group, tid: int, why: str) -> None:
        now = time.time_ns()  # before: afterwards a thread whose hold was too short may be gone
        try:
            text = Path(f"/proc/{group.tgid}/maps").read_text(errors="surrogateescape")
            brk_from = start_brk(group.tgid)
        except (OSError, ValueError):
            text, brk_from = "", 0
        if not text:
            self._miss(f"{why}: maps could not be read")
            return
        if why == "exit" and task_states(group.tgid).get(tid) not in ("t", "T"):
            self._miss("exit: the process was gone before its maps were read")
            return
        if why == "exec" and word_bits(group.tgid) == 32:
            program = os.readlink(f"/proc/{group.tgid}/exe")
            raise RecordError(f"{program} is a 32-bit program: only 64-bit ones can be recorded")
        info = folder.SnapshotInfo(
            0, group.tgid, why, brk_from, capabilities(group.tgid), limits(group.tgid), now
        )
        group.last = Snapshot(text, info, len(self.trace), time.time_ns())
        self.snapshots.append(group.last)
        self.trace.append(
            f"{tid:<5d} {now // 10**9}.{now % 10**9:09d} madvise(0x0, 0, "
            "0xdead /* MADV_??? */) = -1 EINVAL (Invalid argument)"
        )
        group.calls = 0

    def _continued(self, group: Group, time_ns: int) -> None:
        """The program itself continues what we have stopped: a snapshot that was being made does
        not count, because the process was running while its maps were read."""
        last = group.last
        if last is not None and last.good and time_ns <= last.read_ns:
            last.good = False
            self._miss(f"{last.info.why}: the program continued the process itself")
        elif group.stop in ("exec", "check"):
            self._let_go(group, missed=f"{group.stop}: the program continued the process itself")

    def _see_mapping(self, line: int, call: strace.Call, mapping: calls.Mmap) -> None:
        """Remember what is behind a mapped descriptor while it is still open."""
        value = call.value or 0
        end = value + page_up(mapping.length)
        self.files.see(
            Sighting(
                line=line,
                tid=call.pid,
                path=mapping.path,
                offset=mapping.offset,
                addr=value,
                begin_ns=call.time_ns or 0,
                end_ns=call.end_ns or call.time_ns or 0,
            ),
            (
                f"/proc/{call.pid}/fd/{mapping.fd}",
                f"/proc/{call.pid}/map_files/{value:x}-{end:x}",
                mapping.path.replace("\\012", "\n"),
            ),
        )
        if mapping.flags & flags.MAP_SHARED and value > 0:
            mode = _opened(call.pid, value, end)
            if mode:
                self.meta.modes[line] = mode

    def finish(self) -> None:
        """Number the snapshots that count, and write them."""
        for one in self.snapshots:
            if not one.good:
                self.trace[one.at] = ""
                continue
            info = replace(one.info, number=len(self.meta.snapshots))
            name = f"maps.{info.number}"
            folder.write(self.root, name, one.text, compress=self.config.compress)
            self.meta.snapshots.append(info)
            if info.number == 0:
                self.meta.start_brk = self.meta.brk = info.start_brk
                self.meta.mmap_base = highest_below_stack(maps.parse(one.text))


def _decoded(call: strace.Call) -> calls.Operation | None:
    """None: strace could not read an argument. The replay will say so."""
    try:
        return calls.decode(call)
    except calls.DecodeError:
        return None


def _opened(pid: int, start: int, end: int) -> int:
    """How the file of a mapping was opened: 1 to read only, 2 to write only, else 0. The links of
    map_files have the rights of the open, not of the mapping."""
    try:
        rights = os.lstat(f"/proc/{pid}/map_files/{start:x}-{end:x}").st_mode & 0o600
    except OSError:
        return 0
    return {0o400: 1, 0o200: 2}.get(rights, 0)


def highest_below_stack(areas: list[maps.Area]) -> int:
    """End of the highest mapping below the stack: where top-down placement began at exec."""
    stack = next((area.start for area in areas if area.path == "[stack]"), 1 << 47)
    ends = [area.end for area in areas if area.end <= stack and area.path != "[heap]"]
    return max(ends, default=0)


def _pump(recorder: Recorder, fifo: int, process: subprocess.Popen[bytes]) -> None:
    """Read the FIFO until strace closes it."""
    buffer = b""
    seen = False
    poller = select.poll()
    poller.register(fifo, select.POLLIN)
    while True:
        poller.poll(100)
        try:
            data = os.read(fifo, 1 << 16)
        except BlockingIOError:
            data = None
        if data:
            seen = True
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                recorder.feed(line.decode("utf-8", "surrogateescape"))
            if buffer:
                recorder.partial(buffer.decode("utf-8", "surrogateescape"))
        elif data == b"" and (seen or process.poll() is not None):
            return
        elif data == b"":
            time.sleep(0.005)
        recorder.tick()


def record(command: list[str], root: Path, config: RecordConfig) -> folder.Meta:
    """Run `command` and write its trace into the folder `root`.

    Returns:
        What was recorded; also written as meta.json.

    Raises:
        RecordError: strace is missing, the folder is in use, or the program never started.
    """
    if not command:
        raise RecordError("no command to record")
    if shutil.which("strace") is None:
        raise RecordError("strace is not installed (Debian: apt-get install strace)")
    try:
        root.mkdir(parents=True, exist_ok=True)
        if any(root.iterdir()):
            raise RecordError(f"{root} is not empty: give -o another folder")
        (root / "trace").touch()
        (root / "trace").unlink()
    except OSError as error:
        raise RecordError(
            f"{root} cannot be written ({error.strerror}): give -o another folder"
        ) from None
    meta = folder.Meta(command=list(command), kernel=os.uname().release, recorded=True)
    meta.page_size = os.sysconf("SC_PAGE_SIZE")
    meta.machine = dict(machine.facts())
    meta.thp = str(meta.machine["thp.enabled"] or "")
    meta.anon_names = machine.anon_names()
    recorder = Recorder(root, config, meta)
    with tempfile.TemporaryDirectory(prefix="vmalab-record-") as scratch:
        seen = _run(recorder, command, config, Path(scratch))
    if not recorder.launched:
        raise RecordError(f"{command[0]} could not be run (exit status {meta.exit_status})")
    recorder.finish()
    now = machine.changeable()
    meta.changed = {
        name: [meta.machine.get(name), fact]
        for name, fact in now.items()
        if meta.machine.get(name) != fact
    }
    mappings = [one for line in seen if (one := perf.mapping_of(line)) is not None]
    recorder.files.settle(meta, mappings)
    faults, locks = _of_program(seen, recorder)
    meta.faults_unseen = _unseen(meta, faults)
    for name, lines in (("faults", faults), ("locks", locks), ("trace", recorder.trace)):
        if lines:
            folder.write(root, name, "\n".join(lines) + "\n", compress=config.compress)
    folder.write(root, "meta.json", meta.to_json(), compress="")
    return meta


def _of_program(lines: list[str], recorder: Recorder) -> tuple[list[str], list[str]]:
    """The lines of `faults` and of `locks`. perf saw strace and the launching shell too; what they
    did is none of the program's."""
    mine = set(recorder.meta.pids)
    first = next(iter(strace.Parser().feed(recorder.trace[0])), None)
    began = getattr(first, "time_ns", None) or 0
    faults: list[str] = []
    locks: list[str] = []
    for line in lines:
        seen = perf.lock_of(line) or perf.parse_line(line)
        if seen is None or seen.tid not in mine:
            continue
        if recorder.meta.trace_time(seen.time_ns) < began:
            continue
        if isinstance(seen, perf.Lock):
            locks.append(seen.render())
        else:
            faults.append(line.strip())
    return faults, locks


def _unseen(meta: folder.Meta, faults: list[str]) -> int:
    """How many programs began and had no page fault, though no program runs without one."""
    times: dict[int, list[int]] = {}
    for line in faults:
        fault = perf.parse_line(line)
        if fault is not None:
            times.setdefault(fault.tid, []).append(meta.trace_time(fault.time_ns))
    begun: dict[int, list[int]] = {}
    for one in meta.snapshots:
        if one.why == "exec":
            begun.setdefault(one.pid, []).append(one.read_ns)
    if not faults:
        return 0
    unseen = 0
    for pid, starts in begun.items():
        for start, end in pairwise([*starts, 1 << 63]):
            unseen += not any(start < moment < end for moment in times.get(pid, []))
    return unseen


def _run(recorder: Recorder, command: list[str], config: RecordConfig, scratch: Path) -> list[str]:
    """Run the program under strace (and perf); return perf's lines."""
    meta = recorder.meta
    fifo_path, data = scratch / "trace", scratch / "perf.data"
    os.mkfifo(fifo_path)
    fifo = os.open(fifo_path, os.O_RDONLY | os.O_NONBLOCK)
    chosen = perf.choose() if config.faults else "not asked for"
    prefix: list[str] = []
    if isinstance(chosen, str):
        meta.faults_note = chosen
    else:
        meta.faults_source = chosen[0]
        prefix = perf.command(chosen[1], data)
    # strace does not tamper with the execve that starts its own child, so a shell stands in for
    # the program until the execve that counts.
    argv = [*prefix, "strace", "-f", "-y", "--absolute-timestamps=format:unix,precision:ns",
            "--syscall-times=ns", "-s", "16384", "-e", _FILTER, "-e", f"raw={_RAW}",
            "-e", "inject=execve,execveat:signal=SIGSTOP",
            "-e", f"inject=exit_group:delay_enter={config.hold_ms * 1000}",
            "-o", str(fifo_path), "--", "/bin/sh", "-c", 'exec "$@"', "sh", *command]  # fmt: skip
    previous = signal.signal(signal.SIGINT, _leave_to_child)
    recorder.read_clock()
    try:
        with subprocess.Popen(argv) as process:
            try:
                _pump(recorder, fifo, process)
                meta.exit_status = process.wait()
            except BaseException:
                end_tree(process.pid)
                raise
        recorder.read_clock()
    finally:
        signal.signal(signal.SIGINT, previous)
        os.close(fifo)
    meta.pids = sorted({pid for line in recorder.trace if (pid := Recorder._tid(line))})
    if isinstance(chosen, str):
        return []
    lines, meta.faults_lost = perf.script(data, chosen[2])
    return lines


def _leave_to_child(number: int, frame: FrameType | None) -> None:
    """Ctrl-C is for the recorded program; the recorder ends when it does."""
