# SPDX-License-Identifier: Apache-2.0
"""Goal: a result is kept once, and nothing that was kept is lost: not by a retry, not by another
plan, not by a full device, not by a second process.

Method: files of a small plan, written and read back; what is damaged or of another program.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from patience import HANG_S
from vmalab_campaign import plan_file, store
from vmalab_campaign.plan import Plan
from vmalab_campaign.work import Outcome
from vmalab_drive.errors import CommandError, UsageError

TEXT = '[a]\nkind = "lin"\npages = [4, 8]\nseeds = 3\n'
OK = Outcome("2026-01-01", "2026-01-02", 1.5, 0, "", '{"checked": 7}', "seed 1", "0.1.0")
BAD = Outcome("2026-01-01", "2026-01-02", 1.5, 1, "exit code 1: no", "", "no", "0.1.0")


def plan(text: str = TEXT) -> Plan:
    return plan_file.parse(text, where="c.toml", folder=Path("/nowhere"))


def begun(path: Path, *, failed: int = 1) -> Plan:
    """A campaign with two runs of six done, of which the first ones have failed."""
    wanted = plan()
    with store.open_for(wanted, path) as results:
        for at, run in enumerate(wanted.runs[:2]):
            results.add(run, BAD if at < failed else OK)
    return wanted


def test_what_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    wanted = begun(path)
    with store.open_to_read(path) as results:
        assert [*results.planned()] == [run.key for run in wanted.runs]
        first, second = results.rows()
        assert results.done() == {wanted.runs[0].key: False, wanted.runs[1].key: True}
    assert first.data["reason"] == "exit code 1: no"
    row = second.as_dict()
    assert {*row} == {*store.COLUMNS}
    assert (row["axes"], row["seed"], row["good"]) == ({"pages": 8}, 1, True)
    assert (row["result"], row["stderr"], row["exit_code"]) == ({"checked": 7}, "seed 1", 0)
    assert row["command"][0] == "lin"
    with sqlite3.connect(path) as plain:
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert plain.execute("PRAGMA user_version").fetchone() == (store.VERSION,)
    plain.close()


def test_a_run_is_kept_once(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    wanted = begun(path)
    with store.open_for(wanted, path) as results:
        with pytest.raises(CommandError, match="UNIQUE"):
            results.add(wanted.runs[0], OK)
        assert len(results.rows()) == 2
        results.add(wanted.runs[2], OK)
        assert len(results.rows()) == 3


def test_a_retry_keeps_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    wanted = begun(path)
    with store.open_for(wanted, path) as results:
        assert results.retry() == 1
        assert [*results.done()] == [wanted.runs[1].key]
        results.add(wanted.runs[0], OK)
        (earlier,) = results.earlier(wanted.runs[0].key)
    assert (earlier.data["why"], earlier.data["reason"]) == ("retried", "exit code 1: no")


def test_another_plan_is_refused(tmp_path: Path) -> None:
    """What differs is said; --changed keeps what fits, and moves the rest aside."""
    path = tmp_path / "c.db"
    begun(path)
    other = plan('[a]\nkind = "lin"\npages = [8, 16]\nseeds = 2\n')
    with pytest.raises(UsageError) as found:
        store.open_for(other, path)
    said = str(found.value)
    assert "a pages=4 seed=1: gone" in said
    assert "a pages=16 seed=1: new" in said
    assert "--changed" in said
    with store.open_for(other, path, changed=True) as results:
        (kept,) = results.rows()
        assert (kept.key, kept.data["number"]) == ("a pages=8 seed=1", 1)
        assert [(one.key, one.data["why"]) for one in results.earlier()] == [
            ("a pages=4 seed=1", "changed")
        ]
    with store.open_for(other, path) as results:
        assert len(results.planned()) == 4


def test_another_order_is_the_same_plan(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    begun(path)
    with store.open_for(plan(TEXT.replace("[4, 8]", "[8, 4]")), path) as results:
        assert [row.data["number"] for row in results.rows()] == [1, 2]
        assert results.rows()[0].key == "a pages=8 seed=1"


HOLDER = """
import sys
from pathlib import Path
from vmalab_campaign import plan_file, store
plan = plan_file.parse(sys.argv[2], where="c.toml", folder=Path("/nowhere"))
with store.open_for(plan, Path(sys.argv[1])):
    print("open", flush=True)
    sys.stdin.read()
"""


def test_one_process_adds(tmp_path: Path) -> None:
    """A second one is refused; one that is killed leaves no lock; others read meanwhile."""
    path = tmp_path / "c.db"
    begun(path)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), TEXT],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(CommandError, match="another `vmalab campaign` is adding runs"):
            store.open_for(plan(), path)
        with store.open_to_read(path) as results:
            assert len(results.rows()) == 2
        holder.kill()
        holder.wait(HANG_S)
    store.open_for(plan(), path).close()


def test_no_space_left(tmp_path: Path) -> None:
    """What was kept stays, and the next one says why it could not be kept."""
    path = tmp_path / "c.db"
    wanted = begun(path)
    large = Outcome("", "", 1.0, 0, "", '{"text": "%s"}' % ("x" * 100_000), "", "0.1.0")
    with store.open_for(wanted, path) as results:
        results._connection.execute("PRAGMA max_page_count = 12")
        with pytest.raises(CommandError, match="no space left on the device"):
            results.add(wanted.runs[2], large)
        results._connection.execute("PRAGMA max_page_count = 100000")
        assert len(results.rows()) == 2
        results.add(wanted.runs[2], large)
    with store.open_to_read(path) as results:
        assert len(results.rows()) == 3


def test_it_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    wanted = begun(path)
    with (
        store.open_to_read(path) as results,
        pytest.raises(CommandError, match=r"c\.db: it cannot be written"),
    ):
        results.add(wanted.runs[2], OK)
    with pytest.raises(CommandError, match=r"^/sys/c\.db: .*; --db names another file"):
        store.open_for(wanted, Path("/sys/c.db"))


def test_what_is_no_campaign(tmp_path: Path) -> None:
    text, other, newer = (tmp_path / name for name in ("a.db", "b.db", "c.db"))
    text.write_text("a file of something else, and long enough to be looked at\n" * 40)
    with sqlite3.connect(other) as plain:
        plain.execute("CREATE TABLE notes (text)")
    plain.close()
    begun(newer)
    with sqlite3.connect(newer) as plain:
        plain.execute(f"PRAGMA user_version = {store.VERSION + 1}")
    plain.close()
    for path, says in (
        (text, "it is no SQLite file"),
        (other, "this is no campaign"),
        (newer, f"schema {store.VERSION + 1}; this vmalab reads {store.VERSION}"),
    ):
        with pytest.raises(CommandError, match=says):
            store.open_for(plan(), path)
        with pytest.raises(CommandError, match=says):
            store.open_to_read(path)
    assert text.read_text().startswith("a file of something else"), "it is left alone"
    assert [*store.campaigns_in(tmp_path)] == []
    with pytest.raises(UsageError, match="there is no such file"):
        store.open_to_read(tmp_path / "none.db")


def test_killed_while_it_is_made(tmp_path: Path) -> None:
    """All tables are there, or none: a file of no tables is a new one."""
    path = tmp_path / "c.db"
    path.touch()
    with store.open_for(plan(), path) as results:
        assert len(results.planned()) == 6
