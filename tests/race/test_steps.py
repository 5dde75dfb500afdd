# SPDX-License-Identifier: Apache-2.0
"""Goal: each step of the history breaks what its table says, and nothing else.

Method: the scenarios that the table of race/steps.toml names, on the step and on the model that
came of it: real processes on the lab core. The long run has every scenario, every mutant, and the
other tools on each step. A step that breaks more has an order of stores that nobody meant; one that
breaks less is not the step any more, or its scenario no longer comes to the place. `vmalab race run
SCENARIO --model STEP` shows the schedule.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from vmalab_native import cores, lab
from vmalab_native.core import Segment, SegmentConfig
from vmalab_native.errors import InvalidArgument
from vmalab_native.race import explore, scenario, session, steps
from vmalab_native.race.explore import Plan
from vmalab_native.race.steps import Break, Step
from vmalab_race import survey

NATIVE = Path(__file__).resolve().parents[2] / "native"
SHORT = "v4-4"
"""The step whose core the short run builds, beside that with killable writers."""
KILLABLE = "refcount-7.0"
OTHERS = ("v3", "v4-1", "v4-2", "v4-3", KILLABLE)


def test_the_tables_say_the_same() -> None:
    """native/Makefile, cores.py and steps.toml name the same steps, and what steps.toml names is
    there."""
    made = dict(re.findall(r"^FAMILY_(\S+) := (\S+)$", (NATIVE / "Makefile").read_text(), re.M))
    assert made == {name: cores.family(name) for name in cores.steps()}
    assert set(made.values()) < set(cores.lock_models())
    for step in steps.table().values():
        for name, one in step.breaks.items():
            assert one.invariant in lab.INVARIANTS.values()
            assert scenario.load(name).fits(step.name)
        for mutant in step.has:
            assert scenario.letter_of(step.name) in lab.mutant(mutant).kind
    assert steps.table()[SHORT].breaks
    with pytest.raises(InvalidArgument, match="steps of the history: v3, v4-1"):
        cores.check("v4-9", "aligned")


def test_a_segment_says_its_step() -> None:
    config = SegmentConfig(
        model=SHORT, layout=session.LAYOUT, size_bytes=48 << 20, participants_max=4, mms_max=4,
        frames_max=64, files_max=4,
    )  # fmt: skip
    with Segment.create("step", config, private=True) as segment:
        assert segment.config.model == SHORT


@pytest.mark.parametrize("name", steps.table()[SHORT].breaks)
def test_what_was_posted_breaks_and_what_was_reviewed_does_not(name: str) -> None:
    wanted = steps.table()[SHORT].breaks[name]
    posted = explore.explore(scenario.load(name), SHORT, Plan())
    assert posted.finding is not None
    assert posted.finding.violation.invariant == wanted.invariant
    again = explore.replay(posted.finding.schedule)
    assert again.violation is not None
    reviewed = explore.explore(scenario.load(name), cores.family(SHORT), Plan())
    assert reviewed.finding is None
    assert reviewed.complete


def run(*words: str, by_chance: Mapping[str, int] | None = None) -> dict[str, Any]:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("vmalab")), *words, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    data = dict(json.loads(done.stdout or "{}"))
    wanted = (by_chance or {}).get(data.get("verdict", ""), 0)
    assert done.returncode == wanted, done.stdout + done.stderr
    return data


TWO = ("fork-keeps-stamps", "new-vma-published")


OVERLAP = Break("reader-writer-overlap", "")
FREED = Break("lifetime", "")


@pytest.mark.parametrize(
    ("breaks", "alarms", "missing"),
    [
        ({"fork-keeps-stamps": FREED}, [], []),
        ({}, ["fork-keeps-stamps"], []),
        (
            {"fork-keeps-stamps": FREED, "new-vma-published": OVERLAP},
            [],
            ["new-vma-published v4-4"],
        ),
        (
            {"fork-keeps-stamps": Break("fsck", "")},
            ["fork-keeps-stamps"],
            ["fork-keeps-stamps v4-4"],
        ),
    ],
    ids=["as it is", "a row less", "a row more", "another invariant"],
)
def test_a_survey_fails_by_more_and_by_less(
    breaks: dict[str, Break],
    alarms: list[str],
    missing: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = {SHORT: Step(SHORT, {}, breaks)}
    monkeypatch.setattr(steps, "table", lambda: table)
    done = survey.survey(models=[SHORT], scenarios=TWO)
    assert [one.scenario.name for one, _ in done.false_alarms] == alarms
    assert done.missing == missing
    assert done.good == (not alarms and not missing)


def test_jobs_find_the_same() -> None:
    found = []
    for jobs in ("1", "2"):
        words = [word for name in TWO for word in ("--scenario", name)]
        done = run("race", "all", "--model", SHORT, "--jobs", jobs, *words)
        assert done.pop("jobs") == int(jobs)
        for row in [done, *done["intact"]]:
            for key in [*row]:
                if key.startswith(("seconds", "schedules_per")):
                    del row[key]
        found.append(done)
    assert found[0] == found[1]
    assert [row["mutant_name"] for row in found[0]["rows"]] == ["published_incomplete"]
    assert found[0]["caught"] == 1
    assert [one["scenario"] for one in found[0]["expected"]] == [TWO[0]]
    assert len(found[0]["intact"]) == 3  # a search, and one with a sample


KILL = """
lookup = "{lookup}"
bound = 1
points = ["op_*", "walked", "read_*", "write_*", "wait"]
setup = [
    "m0 = new", "m0: mmap 0x10000 1 rw", "m0: mmap 0x11000 1 r", "m0: mmap 0x12000 1 rw",
    "m0: write 0x10000 7",
]
[actors]
reader = ["m0: read 0x10000", "m0: read 0x12000"]
changer = ["m0: fail stamp {nth}", "{op}"]
"""


@pytest.mark.parametrize(
    ("op", "stamps"),
    [
        ("m1 = m0: fork", 3),
        ("m0: munmap 0x10000 3", 3),
        ("m0: mprotect 0x10000 3 -", 3),
        ("m0: mmap 0x10000 3 rw", 3),
        ("m0: mlock 0x10000 3", 3),
        ("m0: madvise 0x10000 3 dontfork", 3),
        ("m0: mremap 0x10000 1 1 to 0x50000", 1),
    ],
)
def test_an_operation_can_end_at_each_of_its_stamps(op: str, stamps: int, tmp_path: Path) -> None:
    """At the first, the second and so on, until there is none: the answer is EINTR, every invariant
    holds whatever readers do meanwhile, and mmap_lock is given back."""
    for nth in range(1, stamps + 2):
        path = tmp_path / f"kill-{nth}.toml"
        path.write_text(KILL.format(nth=nth, op=op, lookup="cache" if nth == 1 else "walk"))
        result = explore.explore(scenario.load(str(path)), KILLABLE, Plan())
        assert result.finding is None, result.finding
        assert result.complete
        assert result.last is not None
        outcome = explore.replay(result.last).outcome
        assert (f"changer, {op}: -4" in outcome) == (nth <= stamps), f"{nth}: {outcome}"


# --- the long run ---


@pytest.mark.long
@pytest.mark.parametrize("step", cores.steps())
def test_every_scenario_and_every_mutant_on_each_step(step: str, tmp_path: Path) -> None:
    done = survey.survey(models=[step], folder=tmp_path)
    alarms = [
        f"{one.scenario.name}: {found.violation.invariant}: {found.violation.text}"
        for one, found in done.false_alarms
    ]
    assert alarms == []
    assert done.missing == []
    assert [row.mutant for row in done.rows if not row.caught] == []
    assert len(done.rows) >= 30


@pytest.mark.long
@pytest.mark.parametrize("step", cores.steps())
@pytest.mark.parametrize(
    "words",
    [
        ("diff", "--ops", "40000", "--seed", "7"),
        ("lin", "--duration", "20", "--seed", "7"),
        ("crash", "--kills", "500", "--bursts", "2-6", "--seed", "7"),
    ],
    ids=["diff", "lin", "crash"],
)
def test_the_tools_on_each_step(step: str, words: tuple[str, ...]) -> None:
    """Kills fall where they fall: on a machine with other work few may have died in a recovery, and
    then nothing is wrong but the verdict."""
    by_chance = {"undecided": 1} if words[0] == "crash" else {}
    run(*words, "--model", step, by_chance=by_chance)


# Each step once with another layout, and each layout once: layouts are compiled, like steps.
PAIRS = [
    ("v3", "packed", "walk"),
    ("v4-1", "wide", "cache"),
    ("v4-2", "padded", "walk"),
    ("v4-3", "pair", "cache"),
    ("v4-4", "unaligned", "walk"),
    (KILLABLE, "random:7", "cache"),
]


@pytest.mark.long
@pytest.mark.parametrize(("step", "layout", "lookup"), PAIRS)
def test_steps_in_other_layouts(
    step: str, layout: str, lookup: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VMALAB_LOOKUP", lookup)
    run("diff", "--ops", "10000", "--seed", "7", "--model", step, "--layout", layout)
    run("lin", "--duration", "5", "--seed", "7", "--model", step, "--layout", layout)


SAYS_ITS_NAME = ("core/core", "surface/layout", "surface/api")
"""Files that have the name of the model in their code."""


@pytest.mark.long
@pytest.mark.parametrize("step", ["v4-1", "v4-2"])
def test_two_steps_are_the_code_of_their_models(step: str, tmp_path: Path) -> None:
    """Patches 1 and 2 of v4 change no order of stores of this core: the code is the same."""
    pair = [f"{name}.aligned" for name in (step, cores.family(step))]
    subprocess.run(
        ["make", "-C", str(NATIVE), "--silent", "objects", f"O={tmp_path}",
         f"PYTHON={sys.executable}", f"CORES={' '.join(pair)}"],
        check=True,
    )  # fmt: skip
    compared = 0
    for mine in sorted((tmp_path / pair[0]).rglob("*.o")):
        name = mine.relative_to(tmp_path / pair[0])
        if str(name.with_suffix("")) in SAYS_ITS_NAME:
            continue
        code = []
        for path in (mine, tmp_path / pair[1] / name):
            out = tmp_path / "code"
            out.unlink(missing_ok=True)
            subprocess.run(["objcopy", "-O", "binary", "-j", ".text", path, out], check=True)
            code.append(out.read_bytes() if out.exists() else b"")
        assert code[0] == code[1], name
        compared += bool(code[0])
    assert compared > 40
    assert not [*tmp_path.rglob("*.said")] or all(
        not path.read_text() for path in tmp_path.rglob("*.said")
    )
