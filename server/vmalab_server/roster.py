# SPDX-License-Identifier: Apache-2.0
"""Who serves an instance, and where: one small file that the supervisor keeps up to date.

Workers answer ListWorkers from it, and the command line finds a running instance's addresses in
it. It stands in a folder of the user's own (`$XDG_RUNTIME_DIR/vmalab`, else `vmalab-UID` in the
temporary folder), is replaced as a whole, and goes when the instance stops.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vmalab_native.checks import SHM_DIRECTORY, SHM_PREFIX
from vmalab_native.waiting import process_state
from vmalab_server import supervised


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerEntry:
    """One worker. `pid` is 0 while it is being restarted, `cpu` -1 if it is not pinned."""

    index: int
    pid: int
    address: str
    unix_path: str = ""
    cpu: int = -1
    restarts: int = 0
    state: str = "starting"


@dataclass(frozen=True, kw_only=True, slots=True)
class Roster:
    """One instance's supervisor, addresses and workers."""

    instance: str
    supervisor_pid: int
    shared_address: str
    secure: bool = False
    metrics_address: str = ""
    state: str = "serving"
    """Or "stopping", or "broken": `why` says what was found, and the instance is about to end."""
    why: str = ""
    warning: str = ""
    """What is wrong and does not keep the instance from serving."""
    shm_device: int = 0
    """Of the /dev/shm that has the segment: another mount namespace may have another one."""
    workers: tuple[WorkerEntry, ...] = field(default=())


class RosterError(Exception):
    """The folder or file of the roster cannot be used."""


def folder() -> Path:
    """The user's folder for rosters; made with mode 0700 if it is missing.

    Raises:
        RosterError: it belongs to somebody else, or others may write to it.
    """
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    uid = os.getuid()
    if base and os.path.isdir(base) and os.access(base, os.W_OK):
        path = Path(base) / "vmalab"
    else:
        import tempfile

        path = Path(tempfile.gettempdir()) / f"vmalab-{uid}"
    path.mkdir(mode=0o700, exist_ok=True)
    facts = path.stat(follow_symlinks=False)
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != uid or facts.st_mode & 0o022:
        raise RosterError(f"{path} is not a folder that only this user can write to: remove it")
    return path


def path_of(instance: str) -> Path:
    return folder() / f"{instance}.json"


def call_times_of(instance: str) -> Path:
    """The folder in which the workers of an instance count calls; it goes with the roster."""
    return folder() / f"{instance}.calls"


def write(roster: Roster, path: Path) -> None:
    """Replace the file as a whole. Raises OSError; then the old one stands."""
    fresh = path.with_suffix(f".{os.getpid()}.new")
    try:
        fresh.write_text(json.dumps(dataclasses.asdict(roster)))
        os.replace(fresh, path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def _parse(data: dict[str, Any]) -> Roster:
    workers = tuple(WorkerEntry(**entry) for entry in data.pop("workers"))
    return Roster(workers=workers, **data)


def read(path: Path) -> Roster | None:
    """The roster, or None if there is none (any more) that can be read."""
    try:
        return _parse(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def shm_device() -> int:
    """Which /dev/shm this process sees."""
    return SHM_DIRECTORY.stat().st_dev


def clean() -> list[str]:
    """Remove the rosters that killed supervisors left; the names of their instances."""
    gone = []
    try:
        paths = sorted(folder().glob("*.json"))
    except (OSError, RosterError):
        return []
    device = shm_device()
    for path in paths:
        known = read(path)
        elsewhere = known is not None and known.shm_device not in (0, device)
        if elsewhere or supervised.is_supervised(SHM_DIRECTORY / f"{SHM_PREFIX}{path.stem}"):
            continue
        for left in (path, *path.parent.glob(f"{path.stem}.*.new")):
            left.unlink(missing_ok=True)
        shutil.rmtree(path.with_suffix(".calls"), ignore_errors=True)
        gone.append(path.stem)
    return gone


def serving(entry: WorkerEntry) -> WorkerEntry:
    """The worker as its process is: "stopped" or "traced" in the place of "ready", if it is.

    The supervisor hears what a worker says, and a worker that is stopped (SIGSTOP, a debugger) says
    nothing of it.
    """
    state = process_state(entry.pid) if entry.state == "ready" else ""
    return dataclasses.replace(entry, state=state) if state in ("stopped", "traced") else entry


def find(instance: str) -> Roster | None:
    """The roster of an instance of this user whose supervisor is alive."""
    if not supervised.is_supervised(SHM_DIRECTORY / f"{SHM_PREFIX}{instance}"):
        return None
    try:
        return read(path_of(instance))
    except (OSError, RosterError):
        return None
