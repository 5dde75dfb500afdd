# SPDX-License-Identifier: Apache-2.0
"""Goal: a race can go onto a slide and into a mail, and shows what the bug is about.

Method: two schedules are searched for and drawn in each form: that of a reader whose VMA goes to
another address space, and that of a sequence that wraps around to an old stamp. The numbers of the
second are those of its scenario, so each run must have the same. A failure shows what was drawn.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from patience import HANG_S

ROOT = Path(__file__).resolve().parents[2]
GREY = "#8a8a8e"
SVG = "{http://www.w3.org/2000/svg}"
MAIL_COLUMNS = 72


def race(*arguments: str) -> str:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("vmalab")), "race", *arguments],
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wake(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("race") / "wake.sched"
    return path, race("run", "cve-2025-38554", "--mutant", "foreign_wake_unpinned", "-o", str(path))


@pytest.fixture(scope="module")
def wrap(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("race") / "wrap.sched"
    return path, race(
        "run", "sequence-wraps-around", "--mutant", "wrap_keeps_stamps", "-o", str(path)
    )


def drawn(schedule: Path, *options: str) -> list[tuple[str, str]]:
    """The steps of a picture: colour and text."""
    race("show", str(schedule), "-o", str(schedule.with_suffix(".svg")), *options)
    tree = ElementTree.parse(schedule.with_suffix(".svg"))
    return [
        (node.get("fill") or "", node.text or "")
        for node in tree.iter(f"{SVG}text")
        if node.find(f"{SVG}title") is not None
    ]


def test_compact_has_the_black_steps(wake: tuple[Path, str]) -> None:
    """What the whole picture has in black or red, and of the grey steps those that are granted."""
    whole, compact = drawn(wake[0]), drawn(wake[0], "--compact")
    black = [step for step in whole if step[0] != GREY or "(granted)" in step[1]]
    assert compact == black
    assert len(compact) < len(whole)
    assert any(colour == "#b3261e" for colour, _ in compact), "the step that breaks"


def test_docs_have_it(wrap: tuple[Path, str]) -> None:
    """The picture of docs/lab.md is what `race show --compact` draws now."""
    drawn(wrap[0], "--compact")
    assert (ROOT / "docs" / "compact-race.svg").read_text() == wrap[0].with_suffix(
        ".svg"
    ).read_text(), "vmalab race run sequence-wraps-around --mutant wrap_keeps_stamps, and show it"


def test_what_is_held_is_of_all_steps(wake: tuple[Path, str]) -> None:
    """The stripes come from the whole run: a lock that a grey step takes is there."""

    def stripes(*options: str) -> list[str]:
        drawn(wake[0], *options)
        tree = ElementTree.parse(wake[0].with_suffix(".svg"))
        titles = (node.find(f"{SVG}title") for node in tree.iter(f"{SVG}rect"))
        return sorted(title.text or "" for title in titles if title is not None)

    assert stripes("--compact") == stripes()


def test_text_for_a_mail(wrap: tuple[Path, str]) -> None:
    """A column for each process, 72 letters at most, and the steps of the picture."""
    target = wrap[0].with_suffix(".txt")
    race("show", str(wrap[0]), "--compact", "-o", str(target))
    text = target.read_text()
    wide = [line for line in text.splitlines() if len(line) > MAIL_COLUMNS]
    assert wide == []
    assert re.search(r"^protector +reader$", text, re.MULTILINE), text
    assert re.search(r"^ +read_granted v1\.1$", text, re.MULTILINE), "in the column of the reader"
    assert re.search(r"^write_stamped v2\.1$", text, re.MULTILINE), "in that of the writer"
    assert "BREAKS: reader-writer-overlap" in text
    assert len(drawn(wrap[0], "--compact")) == len(
        re.findall(r"^ *(?:\w+ [vm]\d\S*|walking|m0: \w+ 0x.*|\(done\))(?: \(granted\))?$",
                   text, re.MULTILINE)
    )  # fmt: skip


def test_stamps_as_numbers(wrap: tuple[Path, str]) -> None:
    """The numbers of the scenario: the old stamp 3, the sequence before the wrap, and 3 = 3."""
    path, said = wrap
    assert re.search(r"read_granted +\* +v1\.1 .* stamp 3 != seq 0xfffffffe$", said, re.MULTILINE)
    assert re.search(r"write_stamped .* stamp 0xffffffff == seq 0xffffffff$", said, re.MULTILINE)
    assert "\nv1.1: stamp 3 == seq 3\n" in said, "where it breaks, the two are equal"
    drawn(path)
    picture = path.with_suffix(".svg").read_text()
    assert "vm_lock 1 reader; stamp 3 != seq 0xfffffffe" in picture
    assert "v1.1: stamp 3 == seq 3" in picture
    assert "5 times, the same trace each time" in race("replay", str(path), "--times", "5")


def test_other_bugs_have_no_numbers(wake: tuple[Path, str]) -> None:
    assert "stamped=0 seq=" in wake[1]
    assert "stamp 0" not in wake[1]


def test_legend(wake: tuple[Path, str], wrap: tuple[Path, str]) -> None:
    """Under the trace stands what its marks are: those that it has, and no others."""
    for path, said in (wake, wrap):
        trace, _, legend = said.partition("Columns: ")
        told = re.search(r"^Marks: (.*)$", legend, re.MULTILINE)
        assert told, said
        assert {part.strip()[0] for part in told[1].split(";")} == {
            mark
            for mark in "*G!"
            if re.search(rf"^ +\d+ \w+ +\d+ \w+ +[*G!]*[{mark}]", trace, re.MULTILINE)
        }
        replayed = race("replay", str(path), "--trace")
        assert told[0] in replayed
    assert "stamped=1: the VMA is write-locked" in wake[1]
    assert "stamp: of the VMA; it is write-locked when the stamp equals seq" in wrap[1]
