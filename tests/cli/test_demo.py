# SPDX-License-Identifier: Apache-2.0
"""Goal: `make demo` shows what it promises, on the traces that are in the repository, and ends 0.

What README.md shows of its output is what it prints.

Method: run it with a short load, read what it prints; each line that README.md shows must be in it,
with other numbers.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from models import FAULT_COUNTER, MODEL
from patience import HANG_S
from vmalab_cli.demo import TRACES, folders_in
from vmalab_trace.folder import Folder
from vmalab_trace.plan import load

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"


def number_after(name: str, text: str) -> int:
    found = re.search(rf"^\s*{name}\s+([\d,]+)", text, re.MULTILINE)
    assert found, f"{name} is not in the output:\n{text}"
    return int(found[1].replace(",", ""))


@pytest.mark.serial
def test_demo() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vmalab_cli.demo", "--seconds", "2", "--seed", "1"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "140"},
        timeout=HANG_S,
        check=False,
    )
    text = done.stdout
    assert done.returncode == 0, text
    assert "all is well" in text
    assert "2 workers" in text
    agree, calls = re.findall(r"kernel's answers: (\d+) of (\d+) agree", text)[0]
    assert agree == calls
    assert number_after(FAULT_COUNTER, text) > 1000
    for name in ("vma_lock_abort", "vma_lock_retry", "vma_lock_miss"):
        number_after(name, text)
    assert int(re.findall(r"([\d,]+) of them used before", text)[0].replace(",", "")) > 0
    assert "vm_area_struct" in text
    if MODEL == "typesafe-rwsem":  # as in README.md
        assert [line for line in readme_lines() if not re.search(line, text, re.MULTILINE)] == []


EXACT = ("calls", "maps", "kernel's")
"""What the lines begin with whose numbers are the same in each run."""


def readme_lines() -> list[str]:
    """What README.md shows of the output, as patterns: any number and any gap fits."""
    (block,) = re.findall(r"^```text\n(replay .*?)^```$", README.read_text(), re.M | re.S)
    lines = [line for line in block.splitlines() if line.strip() not in ("", "...")]
    assert len(lines) > 15
    patterns = []
    for line in lines:
        words = [re.escape(word) for word in line.split()]
        if words[0] not in EXACT:
            words = [re.sub(r"\d[\d,]*", r"\\d[\\d,]*", word) for word in words]
        patterns.append(r"^\s*" + r"\s+".join(words) + r"\s*$")
    return patterns


def test_the_committed_traces() -> None:
    """At least two real programs, at least one of them with threads."""
    plans = [load(Folder(folder)) for folder in folders_in(TRACES)]
    assert len(plans) >= 2
    assert max(len({step.tid for step in plan.steps}) for plan in plans) > 1
