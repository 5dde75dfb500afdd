# SPDX-License-Identifier: Apache-2.0
"""Scenarios run for LabService, in processes apart: a worker never forks, the race lab does.

``python -m vmalab_server.lab_runs`` reads one order, a line of JSON, has a child of its own explore
the scenario, and writes one line of JSON. It ends, with the child, the actors and their segments,
when its standard input ends or when the order has taken too long.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vmalab_native import cores
from vmalab_native.texts import lines_of

if TYPE_CHECKING:
    from vmalab_native.race.scenario import Scenario

STRATEGIES: Final = ("exhaustive", "pct", "random")
OVERTIME_S: Final = 60.0
"""For building a core, learning outcomes, and shortening what was found."""


class RunError(Exception):
    """A run that came to nothing; one line that says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What to run."""

    name: str
    lock_model: str
    mutant: str
    strategy: str
    schedules: int
    seed: int
    time_ms: int

    def check(self) -> None:
        """Raises ValueError: says what is wrong, and what there is."""
        from vmalab_native.race import scenario

        if self.name not in scenario.names():
            raise ValueError(
                f"there is no scenario {self.name!r}; there are {', '.join(scenario.names())}"
            )
        if self.strategy not in STRATEGIES:
            raise ValueError(
                f"there is no strategy {self.strategy!r}; there are {', '.join(STRATEGIES)}"
            )
        if self.lock_model not in cores.all_models():
            models = ", ".join(cores.all_models())
            raise ValueError(f"there is no lock model {self.lock_model!r}; there are {models}")
        one = scenario.load(self.name)
        if not one.fits(self.lock_model):
            there = ", ".join(one.models)
            raise ValueError(f"{self.name} runs on {there}, not on {self.lock_model}")
        if not self.mutant:
            return
        scenario.check_applies([self.mutant], self.lock_model)


def scenarios() -> list[Scenario]:
    """Every scenario that comes with the package."""
    from vmalab_native.race import scenario

    return [scenario.load(name) for name in scenario.names()]


class Runs:
    """The runs of one worker; stop() ends them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopping = False
        self._open: set[subprocess.Popen[bytes]] = set()

    def run(self, order: Order) -> dict[str, Any]:
        """The fields of the response. Raises RunError."""
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "vmalab_server.lab_runs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with self._lock:
            self._open.add(process)
            stopping = self._stopping
        try:
            if stopping:
                raise RunError("the worker is stopping")
            process.stdin.write(json.dumps(dataclasses.asdict(order)).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError as error:
            raise RunError(f"the run ended before it began: {error}") from None
        finally:
            with self._lock:
                self._open.discard(process)
            with contextlib.suppress(OSError):
                process.stdin.close()
            process.wait()
            process.stdout.close()
        message: dict[str, Any] = json.loads(line) if line else {"error": "the run was ended"}
        if "error" in message:
            raise RunError(message["error"])
        return message

    def stop(self) -> None:
        """Ends every run that is under way, and those to come."""
        with self._lock:
            self._stopping = True
            for process in self._open:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGTERM)


# --- the process of a run ---


def _explore(order: Order) -> dict[str, Any]:
    from vmalab_native.race import explore, scenario

    plan = explore.Plan(
        strategy=order.strategy,
        schedules=order.schedules or None,
        seconds=order.time_ms / 1000,
        seed=order.seed,
        mutants=(order.mutant,) if order.mutant else (),
    )
    one = scenario.load(order.name)
    result = explore.explore(one, order.lock_model, plan)
    found = result.finding
    facts: dict[str, Any] = {
        "verdict": "broken" if found else "passed",
        "schedules": result.schedules,
        "complete": result.complete,
        "seed": order.seed,
        "lock_model": order.lock_model,
    }
    if found:
        facts |= {
            "invariant": found.violation.invariant,
            "text": found.violation.text,
            "schedule": found.schedule.text(),
            "trace": lines_of(explore.trace_text(one, found.trace)),
        }
    return facts


def _child(order: Order, parent: int) -> None:
    """In a session of its own, so that it can be ended with its actors."""
    from vmalab_native import lifeline

    lifeline.end_with_parent(parent)
    os.setsid()
    try:
        message = _explore(order)
    except Exception as error:  # whatever it is, the caller is told
        message = {"error": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _clear(child: int) -> None:
    """Ends the child with its actors, whose segments have no names."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)


def _end(*_: object) -> None:
    raise InterruptedError


def main() -> int:
    """One order."""
    # raw: what follows the first line must stay in the pipe for the life line
    with open(0, "rb", buffering=0, closefd=False) as order_pipe:
        line = order_pipe.readline()
    order = Order(**json.loads(line))
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            _child(order, parent)
        finally:
            os._exit(0)
    signal.signal(signal.SIGTERM, _end)
    pidfd = os.pidfd_open(child)
    try:
        timeout_s = order.time_ms / 1000 + OVERTIME_S
        select.select([pidfd, sys.stdin.fileno()], [], [], timeout_s)
    except InterruptedError:
        pass  # told to end
    finally:
        _clear(child)
    return 0


if __name__ == "__main__":
    sys.exit(main())
