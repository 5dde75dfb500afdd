# SPDX-License-Identifier: Apache-2.0
"""Goal: `vmalab race` as its user meets it: what it prints, writes and answers to nonsense.

Method: the command in a process of its own. A failure shows its output.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from patience import HANG_S
from vmalab_native.lab import INVARIANTS
from vmalab_native.race.language import VERBS, compile_line
from vmalab_native.race.scenario import KEYS

ROOT = Path(__file__).resolve().parents[2]


def race(*arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("vmalab")), "race", *arguments],
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code != 2 else done.stderr


@pytest.fixture(scope="module")
def b2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("race") / "b2.sched"
    text = race("run", "cve-2025-38554", "--mutant", "foreign_wake_unpinned", "-o", str(path))
    assert "lifetime: the writer of a foreign mm is woken" in text
    return path


def test_list() -> None:
    assert "cve-2025-38554" in race("list")
    rows = json.loads(race("list", "--json"))
    assert len(rows["scenarios"]) >= 25
    mutants = {row["name"]: row["full_name"] for row in rows["mutants"]}
    assert {"B2", "B18", "split_loses_guard"} <= mutants.keys()
    assert (mutants["B2"], mutants["split_loses_guard"]) == (
        "foreign_wake_unpinned",
        "split_loses_guard",
    )
    finds = {row["name"]: row["finds"] for row in rows["scenarios"]}
    assert finds["cve-2025-38554"] == ["B2"]
    assert len(rows["points"]) >= 60
    table = race("list", "--points")
    assert all(f" {row['name']} " in table for row in rows["points"])


def test_what_would_have_been_right(b2: Path, tmp_path: Path) -> None:
    """The schedule of a mutant, followed without it: to its end, or to where a process waits."""
    page = tmp_path / "right.html"
    text = race("show", str(b2), "--intact", "-o", str(page))
    assert text.endswith(": every invariant held; it follows the whole schedule\n")
    assert "intact core" in page.read_text()
    assert "lifetime" not in page.read_text()
    wrong = tmp_path / "overlap.sched"
    said = race("run", "lost-wake-up", "--mutant", "readers_unlimited", "-o", str(wrong))
    assert f"vmalab race show {wrong} --intact" in said
    row = json.loads(race("show", str(wrong), "--intact", "--json"))
    assert row["picture"] == str(tmp_path / "overlap.intact.svg")
    assert re.search(
        r"^every invariant held; it leaves the schedule at step \d+ .*: it sleeps$", row["verdict"]
    )


def test_a_run_that_breaks_nothing(tmp_path: Path) -> None:
    """It says what it was watched for, and leaves a schedule to look at."""
    good = tmp_path / "good.sched"
    text = race("run", "cve-2025-38554", "-o", str(good))
    (checked,) = re.findall(r"every invariant held: ([\w\s,-]+) \(docs/races.md", text)
    names = [name.strip() for name in checked.split(",")]
    assert sorted(names) == sorted({*filter(None, INVARIANTS.values())} - {"diverged"})
    page = (ROOT / "docs" / "races.md").read_text()
    rows = re.findall(
        r"^\| ([a-z, -]+) \| ", page[page.index("## What is watched") :], re.MULTILINE
    )
    assert {*names} <= {name for row in rows for name in row.split(", ")}
    assert "every invariant held" in race("replay", str(good))
    assert "every invariant held" in race("show", str(good), "-o", str(tmp_path / "good.svg"))
    text = race("run", "writer-dies", "--schedules", "2", "-o", str(tmp_path / "none.sched"))
    assert "none.sched is not written: each run of it had processes of its own" in text
    assert not (tmp_path / "none.sched").exists()


def test_replay(b2: Path, tmp_path: Path) -> None:
    assert "5 times, the same trace each time\n" in race("replay", str(b2), "--times", "5")
    row = json.loads(race("replay", str(b2), "--json"))
    assert (row["traces"], row["invariant"]) == (1, "lifetime")
    other = tmp_path / "other.sched"
    other.write_text(b2.read_text().replace("expect lifetime", "expect deadlock"))
    assert "the schedule expects deadlock" in race("replay", str(other), code=1)


def test_show(b2: Path, tmp_path: Path) -> None:
    picture, page, trace = (tmp_path / name for name in ("b2.svg", "b2.html", "b2.pftrace"))
    race("show", str(b2), "-o", str(picture), "--perfetto", str(trace))
    root = ElementTree.parse(picture).getroot()
    words = " ".join(text for node in root.iter() if (text := node.text))
    for wanted in ("reader", "recycler", "exiter", "FLAG+2", "foreign_found", "that mm is gone"):
        assert wanted in words
    race("show", str(b2), "-o", str(page))
    assert "<svg" in page.read_text()
    assert "reader foreign_found" in page.read_text()
    assert "the name of a picture ends in .svg or .html" in race(
        "show", str(b2), "-o", "b2.bmp", code=2
    )

    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace

    packets = Trace.FromString(trace.read_bytes()).packet
    names = {packet.track_descriptor.name for packet in packets}
    assert {"reader", "recycler", "exiter", "VMA read lock"} <= names
    steps = [packet for packet in packets if packet.track_event.name.startswith("foreign_found")]
    assert len(steps) == 1


def test_the_slices_of_a_perfetto_track_do_not_overlap(tmp_path: Path) -> None:
    """An end belongs to the slice that began last. The mover has two VMAs at a time."""
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace

    schedule, trace = tmp_path / "two.sched", tmp_path / "two.pftrace"
    race("run", "two-vma-move", "--mutant", "move_blocks_holding_vma", "-o", str(schedule))
    race("show", str(schedule), "-o", str(tmp_path / "two.html"), "--perfetto", str(trace))
    packets = Trace.FromString(trace.read_bytes()).packet
    names = {one.track_descriptor.uuid: one.track_descriptor.name for one in packets}
    assert {"steps", "VMA read lock", "VMA read lock 2", "mmap_lock for writing"} <= {
        *names.values()
    }
    depth = dict.fromkeys(names, 0)
    events = [one for one in packets if one.HasField("track_event")]
    assert len(events) > 60
    for one in sorted(events, key=lambda one: one.timestamp):  # stable, as in the trace processor
        event = one.track_event
        if event.type != event.TYPE_INSTANT:
            depth[event.track_uuid] += 1 if event.type == event.TYPE_SLICE_BEGIN else -1
        assert depth[event.track_uuid] in (0, 1), names[event.track_uuid]
    assert {*depth.values()} == {0}


def test_explore() -> None:
    text = race("explore", "reuse-before-lock", "--bound", "1", "--model", "refcount")
    assert "all within the bound" in text
    assert "every invariant held" in text
    row = json.loads(
        race("explore", "reuse-before-lock", "--strategy", "pct", "--schedules", "300", "--json")
    )
    assert row["schedules"] == 300
    assert row["states"] > 300
    assert row["points"] > 30
    assert row["coverage"]["read_taken"] > 0
    assert row["coverage"]["policy_set"] == 0


def test_a_scenario_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'setup = ["m0 = new", "m0: mmap 0x10000 1 rw"]\n'
        '[actors]\none = ["m0: write 0x10000 1"]\ntwo = ["m0: munmap 0x10000 1"]\n'
    )
    assert "every invariant held" in race("run", str(path))
    assert "stackrot would show it" in race("run", str(path), "--mutant", "B20", code=1)
    path.write_text(path.read_text().replace("0x10000 1 rw", "0x10001 1 rw"))
    assert "of setup fails: Invalid argument" in race("run", str(path), code=2)


def test_the_scenario_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/lab.md: its scenario and its commands, as they stand there."""
    page = (ROOT / "docs" / "lab.md").read_text()
    (text,) = re.findall(r"^```toml\n(# exit.toml.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (lines,) = re.findall(r"^```sh\n(vmalab race run exit.toml\n.*?)^```$", page, re.M | re.S)
    (tmp_path / "exit.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    shown = [race(*line.split()[2:]) for line in lines.splitlines()]
    assert "every invariant held" in shown[0]
    assert "v1 is read-locked and is free" in shown[1]
    assert "100 times, the same trace each time\n" in shown[2]
    assert (tmp_path / "exit.html").is_file()
    assert (tmp_path / "exit.pftrace").is_file()


def test_the_operations_of_the_page() -> None:
    """Every operation that docs/lab.md shows can be read, and it shows every verb."""
    page = (ROOT / "docs" / "lab.md").read_text()
    (table,) = re.findall(r"^\| operation \|.*?\n\n", page, re.MULTILINE | re.DOTALL)
    cells = [row.split("|")[1] for row in table.splitlines()[2:] if row]
    lines = [line for cell in cells for line in re.findall(r"`(m\d.*?)`", cell)]
    values = {"MODE": "2", "NODES": "1", "SEQ": "4", "ADDR": "0x10000", "STAMP": "3"}
    for line in lines:
        compile_line(" ".join(values.get(word, word) for word in line.split()))
    words = {word for line in lines for word in line.split()}
    assert {*VERBS} <= words
    table = page[page.index("| key |") : page.index("| operation |")]
    keys = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert {*re.findall(r"`(\w+)`", " ".join(keys))} == {*KEYS}


def test_a_schedule_of_ones_own_scenario(tmp_path: Path) -> None:
    """It is found again, and the model is one that the mutant is for."""
    scenario, schedule = tmp_path / "mine.toml", tmp_path / "mine.sched"
    scenario.write_text(
        'models = ["mmap-lock", "refcount"]\n'
        'setup = ["m0 = new", "m0: mmap 0x10000 1 rw", "m0: write 0x10000 7"]\n'
        '[actors]\nreader = ["m0: read 0x10000"]\nexiter = ["m0: exit"]\n'
    )
    text = race("run", str(scenario), "--mutant", "exit_frees_attached", "-o", str(schedule))
    assert "on refcount with exit_frees_attached (B9)" in text
    assert "\nmutant exit_frees_attached  # B9\n" in schedule.read_text()
    assert "grant-identity" in race("replay", str(schedule))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "nothing"), "scenario 'nothing'; there are"),
        (("run", "nothing"), "`vmalab race list` lists them"),
        (("run", "stakrot"), "did you mean stackrot or stack-growth?"),
        (("run", "/nonexistent.toml"), "No such file"),
        (("run", "stackrot", "--mutant", "B99"), "mutant 'B99' (did you mean B9?); there are"),
        (("run", "cve-2025-38554", "--model", "mmap-lock"), "is for refcount"),
        (("run", "stackrot", "--mutant", "stale_laef"), "(did you mean stale_leaf?); there are"),
        (("run", "stackrot", "--mutant", "guard"), "(did you mean split_loses_guard, change_loses"),
        (("run", "cve-2025-38554", "--mutant", "B4"), "B4 does not apply to refcount"),
        (("run", "cve-2025-38554", "--mutant", "dup_copies_detached"), "applies to typesafe-rwsem"),
        (("run", "stackrot", "--strategy", "guess"), "strategy 'guess'; there are"),
        (("replay", "/nonexistent.sched"), "No such file"),
        (("replay", "/etc/passwd"), "/etc/passwd: this is no schedule"),
        (("show", "/bin/true"), "/bin/true: this is no schedule: it is no text"),
        (("all", "--model", "abacus"), "lock model 'abacus'"),
    ],
)
def test_nonsense(arguments: tuple[str, ...], message: str) -> None:
    assert message in race(*arguments, code=2)
