# SPDX-License-Identifier: Apache-2.0
"""Goal: a campaign that is killed in the middle, or loses a worker, has each run once in the end;
nothing stays behind when it is killed.

Method: forty short runs on a local cluster; the command, one of its workers, or all of its
processes are killed with SIGKILL, and the command is given again. Then a real scheduler and worker,
processes of their own on the loopback interface. That no process stays is also what the guard of
tests/conftest.py finds.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from patience import HANG_S
from servers import VMALAB, vmalab, wait_for
from vmalab_native.core import SHM_DIRECTORY

pytestmark = pytest.mark.long
FORTY = """\
[global]
kind = "load"
mode = "attach"
processes = 1
ops = 200
[faults]
workload = ["page_fault1", "mmap1"]
model = ["typesafe-rwsem", "refcount"]
seeds = 8
[mixed]
vmas = [50, 100]
seeds = 4
"""
SLOW = """\
[a]
kind = "load"
mode = "attach"
processes = 1
duration = "600s"
seeds = 3
"""
FEW = """\
[a]
kind = "load"
mode = "attach"
processes = 1
ops = 200
seeds = 3
[b]
kind = "lin"
pages = [4, 8]
duration = 0.2
processes = 2
[c]
kind = "load"
mode = "attach"
processes = 1
ops = 200
threshold = ["ops<1"]
"""


class Campaign:
    """The command under way, in a session of its own."""

    def __init__(self, file: Path, *options: str) -> None:
        self.db = file.with_suffix(".db")
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this
        self.process = subprocess.Popen(
            [*VMALAB, "campaign", str(file), *options], stdout=subprocess.DEVNULL,
            stderr=self._errors, start_new_session=True,
        )  # fmt: skip

    def below(self) -> set[int]:
        """All processes that descend from it."""
        parents: dict[int, int] = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                with contextlib.suppress(OSError):
                    fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                    parents[int(entry)] = int(fields[1])
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found - {self.process.pid}

    def runs(self) -> set[int]:
        """The processes of runs that are under way."""
        found = set()
        for pid in self.below():
            with contextlib.suppress(OSError):
                if b"end_with_parent" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.add(pid)
        return found

    def workers(self) -> list[int]:
        """The processes of its cluster that do a run now."""
        found = []
        for pid in self.runs():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                found.append(int(fields[1]))
        return [pid for pid in found if pid in self.below()]

    def end(self) -> tuple[int, str]:
        code = self.process.wait(HANG_S)
        text = os.pread(self._errors.fileno(), 1 << 20, 0).decode()
        self._errors.close()
        return code, text


def rows(db: Path) -> list[tuple[str, str, int]]:
    """Key, begin and goodness of each run that is over."""
    if not db.exists():
        return []
    with closing(sqlite3.connect(f"{db.as_uri()}?mode=ro", uri=True, timeout=HANG_S)) as plain:
        try:
            return list(plain.execute("SELECT key, began, good FROM runs ORDER BY number"))
        except sqlite3.OperationalError:  # it is being made
            return []


def gone(pids: set[int]) -> bool:
    """Also if nobody has asked for its exit code yet."""
    for pid in pids:
        with contextlib.suppress(OSError):
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state not in "ZX":
                return False
    return True


@pytest.fixture
def forty(tmp_path: Path) -> Path:
    path = tmp_path / "forty.toml"
    path.write_text(FORTY)
    return path


def whole(db: Path, before: list[tuple[str, str, int]]) -> None:
    """Forty rows, each once, all good; those that were there are as they were."""
    after = rows(db)
    assert len(after) == 40
    assert len({key for key, _, _ in after}) == 40
    assert all(good for _, _, good in after)
    assert {*before} <= {*after}
    with closing(sqlite3.connect(db)) as plain:
        assert plain.execute("SELECT count(*) FROM earlier").fetchone() == (0,)
        assert plain.execute("SELECT count(*) FROM planned").fetchone() == (40,)
        assert plain.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("whom", ["controller", "all"])
def test_killed_and_resumed(forty: Path, whom: str) -> None:
    command = Campaign(forty, "--workers", "2")
    wait_for("some runs are over", lambda: len(rows(command.db)) >= 5)
    started = command.below()
    assert len(started) >= 2, "workers and their runs"
    command.process.kill()
    for pid in started if whom == "all" else ():
        with contextlib.suppress(OSError):
            # But for Python's own tracker, which removes what they had in /dev/shm.
            if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
    assert command.end()[0] == -signal.SIGKILL
    wait_for("its processes are gone", lambda: gone(started))
    for pid in started:
        for segment in SHM_DIRECTORY.glob(f"vmalab.*-{pid}-*"):
            assert whom == "all", "a run that could end left its segment"
            segment.unlink()
    before = rows(command.db)
    assert 5 <= len(before) < 40
    again = Campaign(forty, "--workers", "2")
    assert again.end()[0] == 0
    whole(command.db, before)
    done = vmalab("campaign", str(forty), "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["good"] == 40
    whole(command.db, rows(command.db))


def test_a_worker_is_killed(forty: Path) -> None:
    """Its run goes to another worker, and a new worker comes."""
    command = Campaign(forty, "--workers", "2")
    for least in (3, 12):
        wait_for("some runs are over", lambda least=least: len(rows(command.db)) >= least)  # type: ignore[misc]
        wait_for("a worker does a run", command.workers)
        with contextlib.suppress(ProcessLookupError):
            os.kill(command.workers()[0], signal.SIGKILL)
    code, text = command.end()
    assert code == 0, text
    whole(command.db, [])
    assert "its run goes to another one" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(tmp_path: Path, number: signal.Signals) -> None:
    """In the middle of long runs: they end too, and it says how to go on."""
    path = tmp_path / "slow.toml"
    path.write_text(SLOW)
    command = Campaign(path, "--workers", "2")
    wait_for("runs are under way", lambda: len(command.workers()) == 2)
    started, runs = command.below(), command.runs()
    assert runs
    if number == signal.SIGINT:
        os.killpg(command.process.pid, number)  # as a terminal sends it
    else:
        command.process.send_signal(number)
    code, text = command.end()
    assert code == 128 + number, text
    assert f"ended with 0 of 3 runs done; it goes on with: vmalab campaign {path}" in text
    assert "Traceback" not in text
    assert gone(runs), "no run goes on behind its back"
    wait_for("all is gone", lambda: gone(started))
    assert rows(command.db) == []


def test_failed_runs(tmp_path: Path) -> None:
    """They are kept with their reason, and done again only when asked."""
    path = tmp_path / "few.toml"
    path.write_text(FEW)
    done = vmalab("campaign", str(path), "--json")
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert (told["planned"], told["good"]) == (6, 5)
    (failed,) = told["failed"]
    assert failed["run"] == "c seed=1"
    assert failed["reason"].startswith("exit code 1: vmalab: threshold ops<1 was not kept")
    before = rows(path.with_suffix(".db"))
    assert vmalab("campaign", str(path)).returncode == 1
    assert rows(path.with_suffix(".db")) == before
    done = vmalab("campaign", str(path), "--retry")
    assert done.returncode == 1
    after = rows(path.with_suffix(".db"))
    assert [(key, good) for key, _, good in {*after} - {*before}] == [("c seed=1", 0)]
    shown = vmalab("campaign", "show", str(path.with_suffix(".db")), "c seed=1", "--json")
    assert [one["why"] for one in json.loads(shown.stdout)["earlier"]] == ["retried"]


def test_a_changed_file(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('[a]\nkind = "lin"\nduration = 0.2\nprocesses = 2\nseeds = 2\n')
    assert vmalab("campaign", str(path)).returncode == 0
    before = rows(path.with_suffix(".db"))
    path.write_text('[a]\nkind = "lin"\nduration = 0.2\nprocesses = 2\nseeds = 3\n')
    done = vmalab("campaign", str(path))
    assert done.returncode == 2
    assert "a seed=3: new" in done.stderr
    done = vmalab("campaign", str(path), "--changed")
    assert done.returncode == 0, done.stderr
    after = rows(path.with_suffix(".db"))
    assert after[:2] == before
    assert len(after) == 3


# --- a real scheduler ---


@contextlib.contextmanager
def dask(
    what: str, *options: str, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A program of Dask; gone at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.dask_{what}", *options],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(HANG_S)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Of a scheduler; and the file that has it."""
    file = tmp_path / "scheduler.json"
    options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    with dask("scheduler", *options, "--scheduler-file", str(file)):
        wait_for("the scheduler listens", lambda: file.exists() and file.read_text().endswith("}"))
        yield json.loads(file.read_text())["address"], file


def worker_of(file: Path) -> tuple[str, ...]:
    return ("--scheduler-file", str(file), "--nthreads", "1", "--no-dashboard",
            "--local-directory", str(file.parent))  # fmt: skip


def test_a_real_scheduler(tmp_path: Path, address: tuple[str, Path]) -> None:
    path = tmp_path / "c.toml"
    path.write_text(FEW[: FEW.index("[c]")])
    with dask("worker", *worker_of(address[1])):
        done = vmalab("campaign", str(path), "--scheduler", address[0], "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["good"] == 5
        assert "is gone" not in done.stderr
    shown = vmalab("campaign", "show", str(path.with_suffix(".db")), "1", "--json")
    assert json.loads(shown.stdout)["worker"].startswith("tcp://127.0.0.1:")
    path.with_suffix(".db").unlink()
    done = vmalab("campaign", str(path), "--scheduler", address[0])
    assert done.returncode == 2
    assert "has no worker: start one with `dask worker`" in done.stderr


def test_a_worker_of_another_version(tmp_path: Path, address: tuple[str, Path]) -> None:
    """It is refused, and named."""
    facts = tmp_path / "other" / "vmalab-9.9.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: vmalab\nVersion: 9.9\n")
    before = os.environ.get("PYTHONPATH", "")
    other = {"PYTHONPATH": f"{facts.parent}:{before}" if before else str(facts.parent)}
    path = tmp_path / "c.toml"
    path.write_text(FEW)
    with dask("worker", *worker_of(address[1]), environment=other):
        done = vmalab("campaign", str(path), "--scheduler", address[0])
    assert done.returncode == 2, done.stderr
    assert "has vmalab 9.9, here is" in done.stderr


def test_a_signal_with_a_real_scheduler(tmp_path: Path, address: tuple[str, Path]) -> None:
    """The runs of this campaign end on the worker, which stays."""
    path = tmp_path / "slow.toml"
    path.write_text(SLOW)
    with dask("worker", *worker_of(address[1])) as worker:
        command = Campaign(path, "--scheduler", address[0])

        def runs() -> list[Path]:
            found = []
            for entry in Path("/proc").iterdir():
                with contextlib.suppress(OSError):
                    words = (entry / "cmdline").read_bytes()
                    if b"end_with_parent" in words and str(os.getpid()).encode() in mark(entry):
                        found.append(entry)
            return found

        wait_for("a run is under way", runs)
        command.process.terminate()
        code, text = command.end()
        assert code == 128 + signal.SIGTERM, text
        assert runs() == []
        assert worker.poll() is None


def mark(process: Path) -> bytes:
    """What tests/conftest.py gives to all that descends from a test."""
    words = (process / "environ").read_bytes().split(b"\0")
    return next((one for one in words if one.startswith(b"VMALAB_TEST_MARK=")), b"")


def test_nobody_answers(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(FEW)
    done = vmalab("campaign", str(path), "--scheduler", "tcp://127.0.0.1:1")
    assert done.returncode == 2
    assert "--scheduler tcp://127.0.0.1:1: no Dask scheduler answers" in done.stderr
    assert "Traceback" not in done.stderr
