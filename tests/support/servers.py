# SPDX-License-Identifier: Apache-2.0
"""Running the `vmalab` command in tests."""

from __future__ import annotations

import itertools
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from vmalab_server import roster

VMALAB = (sys.executable, "-c", "from vmalab_server.cli import main; main()")
_numbers = itertools.count()


def new_instance() -> str:
    """An instance name that no other test has."""
    return f"s-{os.getpid()}-{next(_numbers)}"


def vmalab(*arguments: str, timeout_s: float = 30.0) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*VMALAB, *arguments], capture_output=True, text=True, timeout=timeout_s, check=False
    )


def wait_for(what: str, condition: Callable[[], object], *, timeout_s: float = 10.0) -> None:
    """Wait until a condition holds; fails with `what` when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout_s} s still not: {what}")
        time.sleep(0.02)


def workers(instance: str) -> tuple[roster.WorkerEntry, ...]:
    """The workers of a running instance, as its supervisor sees them."""
    found = roster.find(instance)
    assert found is not None, f"instance {instance} is not running"
    return found.workers


def kill_worker(instance: str, index: int) -> None:
    """SIGKILL one worker and wait until its successor serves."""
    victim = workers(instance)[index]
    os.kill(victim.pid, signal.SIGKILL)

    def back() -> bool:
        now = workers(instance)[index]
        return now.restarts > victim.restarts and now.state == "ready"

    # the pause before a start grows with deaths in a row, up to 5 s
    wait_for(f"worker {index} is back", back, timeout_s=30.0)


class Serve(AbstractContextManager["Serve"]):
    """`vmalab serve` as a process. `ready` is what it says when it is up; killed at the end."""

    def __init__(self, *options: str, instance: str = "") -> None:
        self.instance = instance or new_instance()
        self.errors = ""
        self.process = subprocess.Popen(
            [
                *(*VMALAB, "serve", "--json", "--listen", "127.0.0.1:0"),
                *("--instance", self.instance, "--log-format", "json", *options),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], 30.0)
        line = self.process.stdout.readline() if readable else b""
        if not line:
            self.__exit__()
            raise AssertionError(f"no server: {self.errors}")
        self.ready: dict[str, Any] = json.loads(line)
        self.target: str = self.ready["address"]

    @property
    def worker_pids(self) -> list[int]:
        return [worker["pid"] for worker in self.ready["workers"]]

    def end(self, number: int = signal.SIGTERM, *, timeout_s: float = 20.0) -> int:
        """Send a signal and wait; the exit code. What it logged is in `errors`."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=timeout_s)
        self.errors = errors.decode()
        return self.process.returncode

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
        _, errors = self.process.communicate()
        self.errors = self.errors or errors.decode()
