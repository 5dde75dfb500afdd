# SPDX-License-Identifier: Apache-2.0
"""The workers as the supervisor sees them: started, ready, died, started again."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from vmalab_server.launch import WorkerLaunch
from vmalab_server.ports import PortReservation, UnixPathReservation
from vmalab_server.roster import WorkerEntry

BACKOFF_FIRST_S = 0.05
BACKOFF_MAX_S = 5.0
STEADY_AFTER_S = 10.0
"""A worker that lived so long starts over with the shortest back-off."""


OF_THE_GROUP = (signal.SIGINT, signal.SIGHUP)
"""A terminal sends them to the whole group; a worker leaves them to the supervisor."""
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(128 << 20)}
"""What a worker's environment says unless ours does: glibc keeps what is freed. A block of faults
and its answer are up to a megabyte, and would be new pages of the kernel for every message."""


@contextlib.contextmanager
def _held_back() -> Iterator[None]:
    """A process that is started in the block has them blocked, until it ignores them itself: else
    one that comes while it loads its modules ends it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, OF_THE_GROUP)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def choose_cpus(pin: str, workers: int) -> list[int]:
    """The core of each worker, -1 for none. "auto" pins when there is a core for each."""
    cpus = sorted(os.sched_getaffinity(0))
    if pin == "off" or (pin == "auto" and len(cpus) < workers):
        return [-1] * workers
    return [cpus[index % len(cpus)] for index in range(workers)]


def _pipe(opened: list[int]) -> tuple[int, int]:
    """Both ends of a pipe; they are noted as open."""
    ends = os.pipe()
    opened.extend(ends)
    return ends


def _close(opened: list[int], *fds: int) -> None:
    for fd in fds:
        opened.remove(fd)
        os.close(fd)


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@dataclass(eq=False)
class WorkerSlot:
    """One worker's place; the process in it may change.

    States: "starting" (spawned) -> "ready" (it said so) -> "backoff" (dead, waits for `due_s`)
    -> "starting"; "stopping" from all of them.
    """

    launch: WorkerLaunch
    port: PortReservation
    unix: UnixPathReservation | None
    state: str = "backoff"
    process: subprocess.Popen[bytes] | None = None
    pidfd: int = -1
    ready_fd: int = -1
    restarts: int = -1
    started_s: float = 0.0
    due_s: float = 0.0
    backoff_s: float = BACKOFF_FIRST_S
    error: str = ""
    _said: bytes = field(default=b"", repr=False)

    @property
    def pid(self) -> int:
        return self.process.pid if self.process is not None else 0

    def entry(self) -> WorkerEntry:
        return WorkerEntry(
            index=self.launch.index,
            pid=self.pid,
            address=self.port.address,
            unix_path=self.launch.unix_path,
            cpu=self.launch.cpu,
            restarts=max(0, self.restarts),
            state=self.state,
        )

    def spawn(self, devnull: int) -> None:
        """Start the process: a new interpreter, never a fork of this one.

        Args:
            devnull: an open descriptor for its standard output.

        Raises:
            OSError: no descriptor, process or memory is available; nothing is left of it.
        """
        opened: list[int] = []
        process = None
        try:
            ready_fd, write_fd = _pipe(opened)
            orders_fd, say_fd = _pipe(opened)
            os.set_blocking(ready_fd, False)
            with _held_back():
                process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "vmalab_server.worker"],
                    stdin=orders_fd,
                    stdout=devnull,
                    env=KEEP_MEMORY | os.environ,
                    pass_fds=[write_fd],
                )
            _close(opened, write_fd, orders_fd)
            pidfd = os.pidfd_open(process.pid)
            opened.append(pidfd)
            orders = dataclasses.replace(self.launch, ready_fd=write_fd).to_json() + "\n"
            with contextlib.suppress(BrokenPipeError):  # it died at once; its pidfd tells
                _write(say_fd, orders.encode())
            _close(opened, say_fd)
        except BaseException:
            _close(opened, *opened)
            if process is not None:
                _end(process)
            raise
        self.process, self.pidfd, self.ready_fd = process, pidfd, ready_fd
        self.state, self.error, self._said = "starting", "", b""
        self.started_s = time.monotonic()
        self.restarts += 1

    def put_off(self, reason: str) -> None:
        """It could not be started: later, when that is then is in `due_s`."""
        self.error = reason
        self.state = "backoff"
        self.due_s = time.monotonic() + self.backoff_s
        self.backoff_s = min(2 * self.backoff_s, BACKOFF_MAX_S)

    def undo(self) -> None:
        """The process that was just started cannot be watched: end it."""
        assert self.process is not None
        _end(self.process)
        self.restarts -= 1
        os.close(self.ready_fd)
        os.close(self.pidfd)
        self.process, self.pidfd, self.ready_fd = None, -1, -1

    def hear(self) -> None:
        """Read what the worker says of itself: ready, or why it cannot be."""
        chunk = os.read(self.ready_fd, 65536)
        self._said += chunk
        if chunk and not self._said.endswith(b"\n"):
            return
        os.close(self.ready_fd)
        self.ready_fd = -1
        try:
            message = json.loads(self._said or b"{}")
        except ValueError:
            message = {}
        if message.get("ready"):
            self.state = "ready"
        else:
            self.error = message.get("error", "it ended without a word")

    def bury(self, *, stopping: bool) -> int:
        """Take note of the death; when it is to be started again is in `due_s`. The exit code."""
        assert self.process is not None
        code = self.process.wait()
        now = time.monotonic()
        if self.ready_fd >= 0:
            self.hear()
        if self.ready_fd >= 0:
            os.close(self.ready_fd)
        os.close(self.pidfd)
        self.process, self.pidfd, self.ready_fd = None, -1, -1
        if now - self.started_s > STEADY_AFTER_S:
            self.backoff_s = BACKOFF_FIRST_S
        self.due_s = now + self.backoff_s
        self.backoff_s = min(2 * self.backoff_s, BACKOFF_MAX_S)
        self.state = "stopping" if stopping else "backoff"
        return code

    def close(self) -> None:
        self.port.close()
        if self.unix is not None:
            self.unix.close()
