# SPDX-License-Identifier: Apache-2.0
"""One run: a command of vmalab as a process of its own, on a worker of the cluster.

The process ends with the worker, however that dies. Its standard output is the result, the end of
its standard error is kept, and files that it leaves are kept if they are small.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from vmalab_server import version

RESULT_MAX: Final = 64 << 20
ERRORS_MAX: Final = 4000
"""Characters of standard error, its end."""
FILES_MAX: Final = 1 << 20
"""Bytes of all files together that a run leaves."""
GRACE_S: Final = 60.0
"""Between the signal that ends a run and the one that kills it."""
TICK_S: Final = 0.05
CHILD: Final = (
    "from vmalab_native.lifeline import end_with_parent; import signal; "
    "end_with_parent({parent}, by=signal.SIGTERM); from vmalab_cli import main; main()"
)
NOT_OURS: Final = ("MALLOC_TRIM_THRESHOLD_", "OMP_NUM_THREADS", "MKL_NUM_THREADS",
                   "OPENBLAS_NUM_THREADS")  # fmt: skip
"""Variables that Dask sets for its workers, and that would change what is measured."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker is given.

    Attributes:
        campaign: names the controller, so that it can end its runs and no others.
        version: of vmalab, which the worker must have too.
    """

    campaign: str
    version: str
    command: tuple[str, ...]
    files: Mapping[str, str]
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        exit_code: None: it has none, because it was not started, or its worker died.
        reason: why it has failed; "": it is good.
        result: the JSON that it printed; "": none.
    """

    begin: str = ""
    end: str = ""
    seconds: float = 0.0
    exit_code: int | None = None
    reason: str = ""
    result: str = ""
    errors: str = ""
    version: str = ""
    worker: str = ""
    machine: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        return not self.reason


def now() -> str:
    """UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def about() -> dict[str, Any]:
    """What this worker is."""
    return {"version": version(), "machine": machine()}


def machine() -> dict[str, Any]:
    """What a figure depends on."""
    model = ""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line for line in file if line.startswith("model name")), "")
    return {
        "host": platform.node(),
        "cpu": model.partition(":")[2].strip(),
        "cpus": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_1m": round(os.getloadavg()[0], 2),
    }


def _address() -> str:
    """Of the worker that this is; "": it is none."""
    if "distributed" not in sys.modules:
        return ""
    from distributed import get_worker

    try:
        return str(get_worker().address)
    except ValueError:
        return ""


class _Running:
    """The processes of this worker, by the campaign that they are of."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: dict[int, tuple[str, subprocess.Popen[bytes]]] = {}
        self._ended: set[str] = set()

    def begin(self, task: Task, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._processes[process.pid] = (task.campaign, process)
            if task.campaign in self._ended:
                process.terminate()

    def over(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            del self._processes[process.pid]

    def end(self, campaign: str) -> bool:
        """Send all of a campaign the signal to end, now and later. Whether there are some."""
        with self._lock:
            first = campaign not in self._ended
            self._ended.add(campaign)
            mine = [one for name, one in self._processes.values() if name == campaign]
            if first:
                for process in mine:
                    process.terminate()
            return bool(mine)


_running = _Running()


def end_all(campaign: str) -> None:
    """End the runs of a campaign on this worker, and wait until they have."""
    deadline = time.monotonic() + GRACE_S
    while _running.end(campaign) and time.monotonic() < deadline:
        time.sleep(TICK_S)


def run_one(task: Task) -> dict[str, Any]:
    """Do a run, to its end. An Outcome as a dictionary."""
    begin, started = now(), time.monotonic()
    where = machine()
    mine = version()
    if mine != task.version:
        reason = f"the worker has vmalab {mine}, the campaign is of {task.version}"
        return asdict(Outcome(begin, now(), 0.0, None, reason, version=mine, machine=where))
    with tempfile.TemporaryDirectory(prefix="vmalab-run-") as name:
        folder = Path(name)
        for file, text in task.files.items():
            (folder / Path(file).name).write_text(text, encoding="utf-8")
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            environment = {key: value for key, value in os.environ.items() if key not in NOT_OURS}
            process = subprocess.Popen(
                [sys.executable, "-c", CHILD.format(parent=os.getpid()), *task.command],
                stdin=subprocess.DEVNULL, stdout=out, stderr=errors, cwd=folder, env=environment,
                start_new_session=True,
            )  # fmt: skip
            _running.begin(task, process)
            try:
                in_time = _waited(process, task.timeout_s)
            finally:
                _running.over(process)
            seconds = time.monotonic() - started
            result, said = _text(out, RESULT_MAX), _text(errors, ERRORS_MAX)
        left = _left(folder, task.files)
    code = process.returncode
    reason = _reason(code, result, said) if in_time else f"not done after {task.timeout_s:g} s"
    return asdict(
        Outcome(begin, now(), round(seconds, 3), code, reason, result if _is_json(result) else "",
                said, mine, _address(), where, left)
    )  # fmt: skip


def _waited(process: subprocess.Popen[bytes], timeout_s: float) -> bool:
    """Wait for its end; False: it was made to end, because it took too long."""
    try:
        process.wait(timeout_s)
        return True
    except subprocess.TimeoutExpired:
        process.terminate()
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it has a session of its own
        process.wait()
    return False


def _text(file: IO[bytes], most: int) -> str:
    """The last characters of a file that a process wrote."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - most))
    return file.read().decode("utf-8", errors="replace")


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _reason(code: int, result: str, said: str) -> str:
    """Why it has failed; "": it has not."""
    lines = [line for line in said.split("\n") if line.strip()]
    last = f": {lines[-1].strip()}" if lines else ""
    if code < 0:
        return f"ended by {signal.Signals(-code).name}{last}"
    if code > 128 and code - 128 in {*signal.Signals}:
        return f"ended by {signal.Signals(code - 128).name}{last}"
    if code:
        return f"exit code {code}{last}"
    return "" if _is_json(result) else f"it printed no JSON object{last}"


def _left(folder: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Text files that it wrote into its folder, as a history that fails."""
    found: dict[str, str] = {}
    room = FILES_MAX
    for path in sorted(folder.iterdir()):
        if path.name in given or not path.is_file() or path.stat().st_size > room:
            continue
        with contextlib.suppress(OSError, UnicodeDecodeError):
            found[path.name] = path.read_text(encoding="utf-8")
            room -= path.stat().st_size
    return found
