# SPDX-License-Identifier: Apache-2.0
"""Running the `vmalab` command in tests."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from patience import HANG_S
from vmalab_server import roster

VMALAB = (sys.executable, "-c", "from vmalab_cli import main; main()")
_numbers = itertools.count()


def new_instance() -> str:
    """An instance name that no other test has."""
    return f"s-{os.getpid()}-{next(_numbers)}"


def vmalab(*arguments: str, hang_s: float = HANG_S) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*VMALAB, *arguments], capture_output=True, text=True, timeout=hang_s, check=False
    )


def wait_for(what: str, condition: Callable[[], object]) -> None:
    """Wait until a condition holds; says `what` when it hangs."""
    deadline = time.monotonic() + HANG_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {HANG_S} s still not: {what}")
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

    wait_for(f"worker {index} is back", back)


class Serve(AbstractContextManager["Serve"]):
    """`vmalab serve` as a process. `ready` is what it says when it is up; killed at the end."""

    def __init__(
        self,
        *options: str,
        instance: str = "",
        how: Mapping[str, Any] | None = None,
        before: tuple[str, ...] = (),
    ) -> None:
        """Start it and wait until it serves, or has ended.

        Args:
            options: of `vmalab serve`.
            how: more arguments of subprocess.Popen.
            before: words in front of the command, which start it elsewhere.
        """
        self.instance = instance or new_instance()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this
        self.process = subprocess.Popen(
            [
                *(*before, *VMALAB, "serve", "--json", "--listen", "127.0.0.1:0"),
                *("--instance", self.instance, "--log-format", "json", *options),
            ],
            stdout=subprocess.PIPE,
            stderr=self._log,
            **(how or {}),
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.__exit__()
            raise AssertionError(f"no server: {self.errors}")
        self.ready: dict[str, Any] = json.loads(line)
        self.target: str = self.ready["address"]

    @property
    def errors(self) -> str:
        """What it has logged so far."""
        if not self._log.closed:
            self._said = os.pread(self._log.fileno(), 1 << 24, 0).decode()
        return self._said

    @property
    def worker_pids(self) -> list[int]:
        return [worker["pid"] for worker in self.ready["workers"]]

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(HANG_S)

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(HANG_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._said = self.errors
        self._log.close()
