# SPDX-License-Identifier: Apache-2.0
"""Goal: docs/workloads.md shows what works: its commands run, its tables and its picture have all
workloads and all keys.

Method: the fenced commands are run in order, in a folder with the files that the page shows; tables
are compared with the code.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from patience import HANG_S
from vmalab_loadgen import job_file, job_picture
from vmalab_loadgen.workloads import WORKLOADS, listed

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "workloads.md"
TOUR = DOCS / "workloads" / "tour.toml"


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.M | re.S)


def test_every_workload_has_a_row() -> None:
    """Sizes are those of the code."""
    rows = re.findall(r"^\| `([\w:-]+)` \| [^|]+ \| ([^|]+) \| [^|]+ \|$", PAGE.read_text(), re.M)
    assert [name for name, _ in rows] == [one["name"] for one in listed()]
    for name, does in rows:
        for size in re.findall(r"([\d,]+) (?:present )?pages", does):
            pages = int(size.replace(",", ""))
            assert pages in (16, WORKLOADS[name].pages), (name, size)


def test_every_key_has_a_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (global|any) \|", PAGE.read_text(), re.M)
    assert rows == [
        (name, "global" if key.whole_job else "any") for name, key in job_file.KEYS.items()
    ]


def test_the_tour_has_all_workloads_one_after_the_other() -> None:
    tour = job_file.read(TOUR)
    assert [one.name for one in tour.sections] == [*WORKLOADS, "trace"]
    ends = 0.0
    for one in tour.sections:
        assert one.config.workload in (one.name, "trace:sqlite-pipeline")
        assert one.config.start_after_s >= ends
        ends = one.config.start_after_s + one.config.seconds
    svg = TOUR.with_suffix(".svg").read_text()
    assert re.findall(r'<text class="name"[^>]*>([\w-]+)<', svg) == [
        one.name for one in tour.sections
    ]


def test_the_picture() -> None:
    """A bar from p50 to p99, on an axis of decades; a section without times has none."""

    def one(rate: float, p50: float, p99: float) -> dict[str, object]:
        return {"ops_per_s": rate, "latency_us": {"p50": p50, "p99": p99}}

    data = {"sections": {"a<b": one(20_000, 1, 100), "c": one(5, 10, 10),
                         "none": {"ops_per_s": 0, "latency_us": {}}}}  # fmt: skip
    svg = job_picture.picture(data)
    bars = re.findall(r'd="M([\d.]+) [\d.]+H([\d.]+)"', svg)
    left, right = job_picture.LEFT, job_picture.WIDTH - job_picture.RIGHT
    decade = (right - left) / 3
    wanted = [left, left + 2 * decade, left + decade, left + decade]
    assert [float(end) for bar in bars for end in bar] == pytest.approx(wanted, abs=0.1)
    assert ">a&lt;b<" in svg
    assert ">20 k<" in svg


@pytest.mark.long
def test_the_commands_run(tmp_path: Path) -> None:
    """The rate of the example may be missed on a slow machine."""
    shutil.copy(TOUR, tmp_path)
    (job,) = fenced("toml")
    (tmp_path / "job.toml").write_text(job.replace("[readers]", "[readers]\nrate_may_miss = true"))
    commands = [line for block in fenced("sh") for line in block.split("\n") if line]
    assert len(commands) == 7
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for line in commands:
        done = subprocess.run(
            shlex.split(line), cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True,
            text=True, timeout=HANG_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}:\n{done.stderr}\n{done.stdout[-2000:]}"
    assert {one.name for one in tmp_path.iterdir()} == {
        "tour.toml", "tour.svg", "job.toml", "report.html", "report.json",
    }  # fmt: skip
