# SPDX-License-Identifier: Apache-2.0
"""A process that is stopped in the middle of a munmap, and ten others that wait for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from patience import HANG_S
from servers import wait_for
from vmalab import pack
from vmalab.ops import Op
from vmalab_client import Client
from vmalab_client.errors import ServiceUnavailable
from vmalab_native.core import Segment

VICTIM = Path(__file__).parents[1] / "native" / "victim.py"
TEN = 10
MAP = 0x22, 3  # MAP_PRIVATE | MAP_ANONYMOUS; PROT_READ | PROT_WRITE


def stop_in_munmap(segment: Segment, pid: int) -> int:
    """SIGSTOP until it is in a munmap and has mmap_lock; the address space."""
    deadline = time.monotonic() + HANG_S
    while time.monotonic() < deadline:
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED)
        if any(one.pid == pid and one.in_core and one.op == Op.MUNMAP
               for one in segment.participants()):  # fmt: skip
            for lock in segment.locks():
                if lock.pid == pid and (lock.name, lock.state) == ("mmap_lock", "held"):
                    return lock.mm
        os.kill(pid, signal.SIGCONT)
    pytest.fail(f"process {pid} was never stopped in a munmap")


class Waiters:
    """Nine threads of this process, and one call of the server, that map in an address space."""

    def __init__(self, segment: Segment, client: Client, mm: int) -> None:
        self._threads = [
            threading.Thread(target=self._map, args=(segment, mm)) for _ in range(TEN - 1)
        ]
        self._threads.append(threading.Thread(target=self._call, args=(client, mm)))
        self.done: list[bool] = []
        for thread in self._threads:
            thread.start()

    def _map(self, segment: Segment, mm: int) -> None:
        with segment.participant("client", comm="waiter") as me:
            me.run(pack.mmap(mm, 0, 4096, MAP[1], MAP[0], 0, 0, 0))
            self.done.append(True)

    def _call(self, client: Client, mm: int) -> None:
        client.use(mm, hold=False).mmap(4096)
        self.done.append(True)

    def __len__(self) -> int:
        return len(self._threads)

    def end(self) -> None:
        for thread in self._threads:
            thread.join()


def _client(target: str) -> Client:
    """Connected: on a machine that is busy an attempt may take longer than grpc's patience."""
    while True:
        try:
            return Client(target, timeout_s=HANG_S)
        except ServiceUnavailable:
            time.sleep(0.1)


def _waiting(segment: Segment) -> int:
    return sum(lock.state == "waiting" for lock in segment.locks())


@contextmanager
def stopped(instance: str, target: str) -> Iterator[tuple[int, Waiters]]:
    """The pid of the process that is stopped, and those who all wait for it by now.

    At the end it goes on, and is killed when the others have been served.
    """
    command = [sys.executable, str(VICTIM), instance, "changes"]
    with (
        Segment.attach(instance) as segment,
        _client(target) as client,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            waiters = Waiters(segment, client, stop_in_munmap(segment, process.pid))
            try:
                wait_for("ten wait", lambda: _waiting(segment) == len(waiters))
                yield process.pid, waiters
            finally:
                process.send_signal(signal.SIGCONT)
                waiters.end()
        finally:
            process.kill()
