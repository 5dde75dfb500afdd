# SPDX-License-Identifier: Apache-2.0
"""Goal: docs/series.md has each claim of the thread, and what it shows of each comes out.

Method: each command of the page is run as it is written. The lines below it must come out, in that
order; "..." stands for anything, a line of its own for any lines. In a block marked `figures`
numbers are compared by their places only: they are of one machine. Most run with -m long.

How to read a failure: it shows the first line of the page that did not come out, and the output.
"""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from patience import HANG_S

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "series.md"
CLAIMS = 47
WAIT = {47: "race detector that sees processes"}
"""Claims that no command shows yet, and a word of what they wait for."""
SHORT = ("vmalab layout --needs", "vmalab layout --list", "vmalab locks")
"""What each run has: searches are in the survey of test_lab.py too, and benches take longer."""
ELSEWHERE = {"tests/external/vma": "tests/kernel/test_kernel_vma.py"}


@dataclass(frozen=True)
class Shown:
    """A command of the page with the lines that it shows of its output."""

    row: int
    command: str
    lines: tuple[str, ...]
    figures: bool

    def wanted(self) -> re.Pattern[str]:
        parts = [r".*?\n" if line == "..." else _line(line, self.figures) for line in self.lines]
        return re.compile("^" + "".join(parts), re.DOTALL | re.MULTILINE)


def plain(text: str, figures: bool) -> str:
    """With single spaces, and without numbers if they are figures."""
    text = re.sub(r"[ \t]+", " ", text)
    return re.sub(r"\d[\d,.]*", "#", text) if figures else text


def _line(line: str, figures: bool) -> str:
    pieces = [re.escape(piece) for piece in plain(line.strip(), figures).split("...")]
    return r"[^\n]*?" + r"[^\n]*?".join(pieces) + r"[^\n]*\n"


def rows() -> dict[int, str]:
    """Number of a claim: its text on the page."""
    parts = re.split(r"^### (\d+)\. ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}


def shown() -> list[Shown]:
    found = []
    for row, text in rows().items():
        for kind, block in re.findall(r"^```console([^\n]*)\n(.*?)^```$", text, re.M | re.S):
            for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
                command, *lines = part.rstrip("\n").split("\n")
                found.append(Shown(row, command, tuple(lines), "figures" in kind))
    return found


def missing_line(one: Shown, output: str) -> str:
    """The first line of the page that the output does not have."""
    for n in range(1, len(one.lines) + 1):
        part = Shown(one.row, one.command, one.lines[:n], one.figures)
        if not part.wanted().search(output):
            return one.lines[n - 1]
    return ""


def test_every_claim_is_there() -> None:
    assert list(rows()) == list(range(1, CLAIMS + 1))
    with_command = {one.row for one in shown()}
    assert set(range(1, CLAIMS + 1)) - with_command == set(WAIT)
    for row, word in WAIT.items():
        assert "waits for" in rows()[row]
        assert word in rows()[row]
    assert [one.command for one in shown() if not any(line != "..." for line in one.lines)] == []


def test_the_index_has_them_all() -> None:
    listed = re.findall(r"^\| \[(\d+)\]\(#(\S+)\) \|", PAGE.read_text(encoding="utf-8"), re.M)
    assert [int(number) for number, _ in listed] == list(range(1, CLAIMS + 1))
    for number, anchor in listed:
        title = rows()[int(number)].split("\n", 1)[0]
        assert anchor == re.sub(r"[^\w -]", "", f"{number}. {title}".lower()).replace(" ", "-")


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(
            one,
            id=f"{one.row}-{one.command}",
            marks=() if one.command.startswith(SHORT) else pytest.mark.long,
        )
        for one in shown()
        if not one.command.startswith(tuple(ELSEWHERE))
    ],
)
def test_it_comes_out(one: Shown) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        shlex.split(one.command),
        cwd=ROOT,
        env={**os.environ, "PATH": path, "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=10 * HANG_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    output = plain(done.stdout, one.figures)
    assert not missing_line(one, output), f"{missing_line(one, output)!r} is not in:\n{done.stdout}"


def test_a_line_that_does_not_come_out_is_named() -> None:
    output = plain("a  1\nb 22 c\nd\n", True)
    assert missing_line(Shown(1, "", ("a 7", "...", "d"), True), output) == ""
    assert missing_line(Shown(1, "", ("a 7", "b x"), True), output) == "b x"
    assert missing_line(Shown(1, "", ("b ... c", "e"), True), output) == "e"
    assert missing_line(Shown(1, "", ("a 7",), False), "a 1\n") == "a 7"
