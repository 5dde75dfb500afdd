# SPDX-License-Identifier: Apache-2.0
"""Goal: `make demo` shows what it promises, on the traces that are in the repository, and ends 0.

Method: run it with a short load, read what it prints.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from models import FAULT_COUNTER
from patience import HANG_S
from vmalab_cli.demo import TRACES, folders_in
from vmalab_trace.folder import Folder
from vmalab_trace.plan import load

ROOT = Path(__file__).resolve().parents[2]


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


def test_the_committed_traces() -> None:
    """At least two real programs, at least one of them with threads."""
    plans = [load(Folder(folder)) for folder in folders_in(TRACES)]
    assert len(plans) >= 2
    assert max(len({step.tid for step in plan.steps}) for plan in plans) > 1
