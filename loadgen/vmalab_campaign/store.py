# SPDX-License-Identifier: Apache-2.0
"""The results of a campaign: one SQLite file.

A row of `runs` is written when its run is over, in a transaction of its own; what is not there is
still to be done. Nothing is ever removed: a result that another one takes the place of goes to
`earlier`, with the reason. The journal is a write-ahead log, so others read while runs are added.
One process at a time adds: it holds a lock on the file (flock), which ends with it.

docs/campaigns.md has the columns. VERSION changes when a column changes its meaning or goes.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vmalab_campaign import plan as plans
from vmalab_campaign.plan import Plan, Run
from vmalab_campaign.work import Outcome, now
from vmalab_drive.errors import CommandError, UsageError

APPLICATION: Final = 0x564D4C43
""" "VMLC", in the head of the file."""
VERSION: Final = 1
BUSY_S: Final = 60.0
_RUN: Final = """
    key        TEXT NOT NULL,    -- section, values on the axes, seed
    number     INTEGER NOT NULL, -- place in the plan, from 1
    work       TEXT NOT NULL,    -- section of the file
    kind       TEXT NOT NULL,    -- load, lin, crash, scale, race
    axes       TEXT NOT NULL,    -- JSON object: values on the axes
    seed       INTEGER NOT NULL,
    command    TEXT NOT NULL,    -- JSON list: the words behind vmalab
    digest     TEXT NOT NULL,    -- of command, files and time limit
    version    TEXT NOT NULL,    -- of vmalab
    machine    TEXT NOT NULL,    -- JSON object: host, cpu, cpus, kernel, python, load_1m
    worker     TEXT NOT NULL,    -- address of the worker
    began      TEXT NOT NULL,    -- UTC, ISO 8601
    ended      TEXT NOT NULL,
    seconds    REAL NOT NULL,
    exit_code  INTEGER,          -- null: it has none
    good       INTEGER NOT NULL, -- 1 or 0
    reason     TEXT NOT NULL,    -- why it has failed
    result     TEXT,             -- the JSON that the command printed
    stderr     TEXT NOT NULL,    -- the end of standard error
    files      TEXT NOT NULL     -- JSON object: small text files that it left"""
COLUMNS: Final = tuple(line.split()[0] for line in _RUN.strip().split("\n"))
SCHEMA: Final = f"""
CREATE TABLE campaign (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE planned (key TEXT PRIMARY KEY, number INTEGER NOT NULL, digest TEXT NOT NULL);
CREATE TABLE runs ({_RUN.replace("key        TEXT NOT NULL, ", "key        TEXT PRIMARY KEY,")}
);
CREATE TABLE earlier (
    moved      TEXT NOT NULL,    -- when
    why        TEXT NOT NULL,    -- retried, or changed
{_RUN}
);
"""


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """An error of SQLite, in the words of who named the file."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        for begin, text in _ERRORS.items():
            if name.startswith(begin):
                raise CommandError(f"{path}: {text}") from None
        raise CommandError(f"{path}: {error}") from None


_ERRORS: Final[Mapping[str, str]] = {
    "SQLITE_FULL": "no space left on the device: make room, and start the campaign again",
    "SQLITE_READONLY": "it cannot be written: name another file with --db, or change its rights",
    "SQLITE_NOTADB": "this is no campaign: it is no SQLite file",
    "SQLITE_CORRUPT": "it is damaged; sqlite3 FILE .recover may read the rest of it",
    "SQLITE_CANTOPEN": "it cannot be opened",
    "SQLITE_BUSY": "another program has locked it",
    "SQLITE_IOERR": "the device has an error, or no space left",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A run that is over."""

    data: Mapping[str, Any]

    @property
    def key(self) -> str:
        return str(self.data["key"])

    @property
    def good(self) -> bool:
        return bool(self.data["good"])

    @property
    def axes(self) -> dict[str, Any]:
        return dict(json.loads(self.data["axes"]))

    @property
    def result(self) -> dict[str, Any]:
        """What the command printed; {}: nothing."""
        return dict(json.loads(self.data["result"])) if self.data["result"] else {}

    def as_dict(self) -> dict[str, Any]:
        """All columns, those with JSON as what they are."""
        found = dict(self.data)
        for name in ("axes", "command", "machine", "files"):
            found[name] = json.loads(found[name])
        found["result"] = self.result
        found["good"] = self.good
        return found


class Store:
    """The file. Close it; use it in a with block."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: int = -1) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        # The last: to close a descriptor of the file takes the locks of the connection away.
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    # --- reading ---

    def fact(self, name: str) -> str:
        """Of the campaign: file, text, created, version."""
        with _named(self.path):
            found = self._connection.execute(
                "SELECT value FROM campaign WHERE name = ?", (name,)
            ).fetchone()
        return str(found[0]) if found else ""

    def planned(self) -> dict[str, str]:
        """Key of each run that is to be, in order, and its digest."""
        with _named(self.path):
            rows = self._connection.execute("SELECT key, digest FROM planned ORDER BY number")
            return {str(key): str(digest) for key, digest in rows}

    def rows(self) -> list[Row]:
        """The runs that are over, in the order of the plan."""
        return self._rows("SELECT * FROM runs ORDER BY number")

    def row(self, key: str) -> Row | None:
        found = self._rows("SELECT * FROM runs WHERE key = ?", key)
        return found[0] if found else None

    def earlier(self, key: str = "") -> list[Row]:
        """Results that others took the place of, of a run or of all, oldest first."""
        if not key:
            return self._rows("SELECT * FROM earlier ORDER BY moved")
        return self._rows("SELECT * FROM earlier WHERE key = ? ORDER BY moved", key)

    def _rows(self, query: str, *values: str) -> list[Row]:
        with _named(self.path):
            cursor = self._connection.execute(query, values)
            names = [one[0] for one in cursor.description]
            return [Row(dict(zip(names, row, strict=True))) for row in cursor]

    def done(self) -> dict[str, bool]:
        """Key of each run that is over, and whether it is good."""
        with _named(self.path):
            rows = self._connection.execute("SELECT key, good FROM runs")
            return {str(key): bool(good) for key, good in rows}

    # --- writing ---

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """All of it, or nothing."""
        with _named(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # a full device has ended it already
                    self._connection.execute("ROLLBACK")
                raise

    def add(self, run: Run, outcome: Outcome) -> None:
        """Keep what came of a run.

        Raises:
            CommandError: it cannot be kept, or is there already.
        """
        values = {
            "key": run.key, "number": run.number, "work": run.work, "kind": run.kind,
            "axes": json.dumps(dict(run.axes)), "seed": run.seed,
            "command": json.dumps(run.command), "digest": run.digest,
            "version": outcome.version, "machine": json.dumps(dict(outcome.machine)),
            "worker": outcome.worker, "began": outcome.begin, "ended": outcome.end,
            "seconds": outcome.seconds, "exit_code": outcome.exit_code, "good": int(outcome.good),
            "reason": outcome.reason, "result": outcome.result or None, "stderr": outcome.errors,
            "files": json.dumps(dict(outcome.files)),
        }  # fmt: skip
        places = ", ".join(f":{name}" for name in COLUMNS)
        with self._changing():
            self._connection.execute(
                f"INSERT INTO runs ({', '.join(COLUMNS)}) VALUES ({places})", values
            )

    def retry(self) -> int:
        """Take the failed runs out, so that they are done again; how many."""
        with self._changing():
            return self._move("retried", "good = 0")

    def change(self, plan: Plan) -> int:
        """Follow another plan: results that it has no place for go; how many."""
        with self._changing():
            self._plan(plan)
            gone = self._move(
                "changed",
                "NOT EXISTS (SELECT 1 FROM planned WHERE planned.key = runs.key "
                "AND planned.digest = runs.digest)",
            )
            self._connection.execute(
                "UPDATE runs SET number = (SELECT number FROM planned WHERE key = runs.key)"
            )
            return gone

    def _move(self, why: str, which: str) -> int:
        columns = ", ".join(COLUMNS)
        self._connection.execute(
            f"INSERT INTO earlier (moved, why, {columns}) "
            f"SELECT ?, ?, {columns} FROM runs WHERE {which}",
            (now(), why),
        )
        return self._connection.execute(f"DELETE FROM runs WHERE {which}").rowcount

    def _plan(self, plan: Plan) -> None:
        facts = {"file": plan.where, "text": plan.text, "left_out": json.dumps(plan.left_out)}
        self._connection.executemany(
            "INSERT OR REPLACE INTO campaign VALUES (?, ?)", list(facts.items())
        )
        self._connection.execute("DELETE FROM planned")
        self._connection.executemany(
            "INSERT INTO planned VALUES (?, ?, ?)",
            [(run.key, run.number, run.digest) for run in plan.runs],
        )

    def make(self, plan: Plan) -> None:
        """Write the tables into a new file."""
        with self._changing():
            for statement in SCHEMA.split(";"):
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA application_id = {APPLICATION}")
            self._connection.execute(f"PRAGMA user_version = {VERSION}")
            self._connection.execute("INSERT INTO campaign VALUES ('created', ?)", (now(),))
            self._plan(plan)

    def check(self) -> None:
        """Raises CommandError unless the file is a campaign of this version."""
        with _named(self.path):
            application = self._connection.execute("PRAGMA application_id").fetchone()[0]
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION:
            raise UsageError(f"{self.path}: this is no campaign")
        if version != VERSION:
            raise UsageError(f"{self.path}: schema {version}; this vmalab reads {VERSION}")

    def is_new(self) -> bool:
        with _named(self.path):
            found = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return bool(found[0] == 0)


def _locked(path: Path) -> int:
    """A descriptor that holds the lock of the file, which is made if it is not there."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}; --db names another file") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        said = f"{path}: another `vmalab campaign` is adding runs to it: wait for it, or end it"
        raise CommandError(said) from None
    return lock


def open_for(plan: Plan, path: Path, *, changed: bool = False) -> Store:
    """The file of a plan, to add to. Made if it is not there.

    Args:
        changed: follow the plan also if that of the file is another one.

    Raises:
        UsageError: it is the file of another plan; the text says what differs.
        CommandError: it cannot be written, or another process adds to it.
    """
    lock = _locked(path)
    try:
        with _named(path):
            connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    except BaseException:
        os.close(lock)
        raise
    store = Store(path, connection, lock)
    try:
        with _named(path):
            fresh = store.is_new()
            if not fresh:
                store.check()
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        if fresh:
            store.make(plan)
        else:
            _follow(store, plan, changed=changed)
    except BaseException:
        store.close()
        raise
    return store


def _follow(store: Store, plan: Plan, *, changed: bool) -> None:
    """Go on with the plan of the file, or change it."""
    different = plans.differences(store.planned(), plan.runs)
    if not different or changed:
        store.change(plan)
        return
    said = "\n  ".join(
        [f"{plan.where} is not what {store.path} was begun with:", *different,
         "--changed goes on: results that fit stay, the others are kept as earlier ones; "
         "--db names another file"]
    )  # fmt: skip
    raise UsageError(said)


def open_to_read(path: Path) -> Store:
    """The file of a campaign, to look at; others may add to it meanwhile.

    Raises:
        UsageError: it is none.
        CommandError: it cannot be read.
    """
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file; `vmalab campaign FILE` makes one")
    place = path.absolute().as_uri()
    with _named(path):
        connection = sqlite3.connect(f"{place}?mode=ro", uri=True, timeout=BUSY_S)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError:
            # Of a write-ahead log that nobody can make here: the file alone, which is whole.
            connection.close()
            connection = sqlite3.connect(f"{place}?mode=ro&immutable=1", uri=True)
    store = Store(path, connection)
    try:
        store.check()
    except BaseException:
        store.close()
        raise
    return store


def campaigns_in(folder: Path) -> Sequence[Path]:
    """The files of campaigns in a folder."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix in (".db", ".sqlite", ".sqlite3"):
            with contextlib.suppress(CommandError), open_to_read(path):
                found.append(path)
    return found
