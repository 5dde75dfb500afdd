# SPDX-License-Identifier: Apache-2.0
"""What clients cost: the measuring, and the judgement of it.

Goal: the program of each language prints what clients/bench/README.md says, and a client that costs
more than its target ends `make bench-clients` with exit code 1. Method: a short run of the real
programs, whose figures are not judged here; and programs that print figures of this test.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from toolchains import HANG_S, ROOT, need

COMPARE = ROOT / "clients" / "bench" / "compare.py"
PAGE = ROOT / "clients" / "bench" / "README.md"
CPU_RATIO_MAX = {"go": 2.0, "rust": 2.0, "cpp": 2.0, "java": 2.0, "node": 4.0}
TOOLS = {
    "python": (),
    "go": ("go",),
    "rust": ("cargo",),
    "cpp": ("cmake", "ninja", "c++"),
    "java": ("javac", "mvn"),
    "node": ("node", "npm"),
}
"""The languages of the page, and what their programs are built with."""


def compare(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(COMPARE), *arguments],
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )


def fake(folder: Path, call_cpu_ns: int, **changed: object) -> str:
    """A program that prints the same figures in each round."""
    side = {"calls": 20, "wall_ns": 4_000_000, "cpu_ns": 2_000_000}
    one = {"echo": side, "call": {**side, "cpu_ns": call_cpu_ns}}
    said = {"runtime": "none", "faults": 10_000, "rounds": [{"unary": one, "block": one}] * 3}
    path = folder / "fake.py"
    path.write_text(f"print({json.dumps(json.dumps(said | changed))})\n")
    return f"{sys.executable} {path}"


@pytest.mark.parametrize(
    ("language", "call_cpu_ns", "code"),
    [("go", 4_000_000, 0), ("go", 4_100_000, 1), ("node", 7_900_000, 0), ("node", 8_100_000, 1)],
)
def test_a_target_is_kept_or_not(
    tmp_path: Path, language: str, call_cpu_ns: int, code: int
) -> None:
    program = fake(tmp_path, call_cpu_ns)
    done = compare("--rounds", "3", "--json", "--program", f"{language}={program}")
    assert done.returncode == code, done.stderr
    (one,) = json.loads(done.stdout)["languages"]
    assert one["block_cpu_ns"]["ratio"] == pytest.approx(call_cpu_ns / 2_000_000)
    assert one["good"] == (code == 0)
    assert ("is the target" in done.stderr) == (code == 1)


def test_a_program_that_measures_something_else_is_refused(tmp_path: Path) -> None:
    for changed, says in (
        ({"faults": 10}, "with 10 faults"),
        ({"rounds": []}, "0 rounds"),
        ({"rounds": [{}, {}, {}]}, "README.md has what to print"),
    ):
        program = fake(tmp_path, 1, **changed)
        done = compare("--rounds", "3", "--program", f"go={program}")
        assert done.returncode == 1
        assert says in done.stderr


@pytest.mark.parametrize("language", TOOLS)
def test_a_program_measures(language: str) -> None:
    """The figures of a machine that does something else besides are not judged."""
    for tool in TOOLS[language]:
        need(tool, "what `make bench-clients` installs")
    done = compare("--rounds", "2", "--json", language)
    assert done.stdout, done.stderr
    (one,) = json.loads(done.stdout)["languages"]
    assert one["language"] == language
    assert len(re.findall(r"\d+\.\d+\.\d+", one["runtime"])) == 2, one["runtime"]
    assert one["cpu_ratio_max"] == CPU_RATIO_MAX.get(language)
    for measure in ("unary_wall_ns", "block_wall_ns", "block_cpu_ns"):
        assert one[measure]["echo_ns"] > 1000
        assert one[measure]["ratio_min"] <= one[measure]["ratio"] <= one[measure]["ratio_max"]
    # The client does what the echo does, but a JVM that gets warm may take less for what is later.
    assert one["block_cpu_ns"]["ratio"] > 0.1


def test_the_page_has_what_a_program_prints() -> None:
    """Its example has the keys that compare.py reads."""
    (example,) = re.findall(r"^```json\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    said = json.loads(example)
    assert said["faults"] == 10_000
    for both in said["rounds"][0].values():
        for side in both.values():
            assert set(side) == {"calls", "wall_ns", "cpu_ns"}


def test_the_page_has_the_targets() -> None:
    """The rows of its table of figures; a figure that misses its target is shown as it is."""
    table = PAGE.read_text().split("## Measured\n")[1].split("\n## ")[0]
    rows = [row.split(" | ") for row in re.findall(r"^\| (.+) \|$", table, re.M)][1:]
    assert len(rows) >= 5
    for language, _unary, _block, _cpu, target, *_rest in rows:
        language = language.strip("`")
        assert language in TOOLS
        most = CPU_RATIO_MAX.get(language)
        assert target == ("none" if most is None else f"at most {most:g}"), language
