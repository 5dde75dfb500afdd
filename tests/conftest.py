# SPDX-License-Identifier: Apache-2.0
"""What holds for every test: it leaves no process and no segment behind.

Each pytest process marks its environment, and every process that descends from it inherits the
mark, also one whose parent was killed. Segments of this pytest process have its pid in their names.
A server that a fixture keeps for a whole module or run is not counted: only what a test adds.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from vmalab_native.core import lock_models

# How long an example takes says what else the machine does.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# A shell that starts this in the background makes it ignore SIGINT, nohup SIGHUP, and what tests
# start would inherit that.
for number, usual in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGQUIT, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)

MARK = f"VMALAB_TEST_MARK={os.getpid()}-{time.time_ns()}"
PATIENCE_S = 300.0  # for what is about to end, on a slow machine

os.environ["VMALAB_TEST_MARK"] = MARK.partition("=")[2]


LONG = (
    "tests/native/test_c.py",
    "tests/race/test_lab.py",
    "tests/crash/",
    "tests/server/test_worker",
)
"""Tests that take longest: they are begun first, so that none is left over at the end."""
MARGIN = 10


@pytest.hookimpl(trylast=True)  # when those that are not wanted are out
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each worker of xdist begins with some of the long ones: they are dealt in equal parts."""
    parts = int(getattr(config, "workerinput", {}).get("workercount", 1))
    long = [item for item in items if item.nodeid.startswith(LONG)]
    rest = [item for item in items if not item.nodeid.startswith(LONG)]
    size = -(-len(rest) // parts)
    items.clear()
    for part in range(parts):
        mine = rest[part * size : (part + 1) * size]
        # Some short ones in front: where xdist cuts the list is not known to the item.
        items += [*mine[:MARGIN], *long[part::parts], *mine[MARGIN:]]


@pytest.fixture(params=lock_models())
def each_model(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A lock model: every segment that the test makes, or its children make, is of it."""
    monkeypatch.setenv("VMALAB_MODEL", request.param)
    return str(request.param)


@pytest.fixture
def default_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """No lock model and layout in the environment: for tests of what the defaults are."""
    monkeypatch.delenv("VMALAB_MODEL", raising=False)
    monkeypatch.delenv("VMALAB_LAYOUT", raising=False)


def marked_processes() -> set[int]:
    """Living processes, other than this one, that descend from this pytest process."""
    found = set()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            environment = (folder / "environ").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if MARK.encode() in environment.split(b"\0") and state not in "ZX":
            found.add(int(folder.name))
    return found


def parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def own_segments() -> set[str]:
    """Files in /dev/shm whose names say that this pytest process made them."""
    return {path.name for path in Path("/dev/shm").glob(f"vmalab.*-{os.getpid()}-*")}


def command_of(pid: int) -> str:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return "gone"
    return raw.replace(b"\0", b" ").decode(errors="replace").strip()


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test after which a process or a segment is there that was not there before."""
    if "vmalab_server" in request.fixturenames:
        request.getfixturevalue("vmalab_server")  # lives longer than the test
    processes, segments = marked_processes(), own_segments()
    yield
    deadline = time.monotonic() + PATIENCE_S
    while True:
        # A server that was there before may have started a worker again.
        left = {pid for pid in marked_processes() - processes if parent_of(pid) not in processes}
        files = own_segments() - segments
        if not left and not files:
            return
        if not marked_processes():  # nobody is left who could remove a segment
            left, files = set(), own_segments() - segments
            if not files:
                return
            break
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    commands = [f"{pid}: {command_of(pid)}" for pid in left]
    pytest.fail(f"left behind: processes {commands}, segments {sorted(files)}")
