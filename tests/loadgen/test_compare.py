# SPDX-License-Identifier: Apache-2.0
"""Goal: a change that is there is found, and noise is not called one.

Method: reports whose intervals are drawn from known distributions; files that are no reports.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from vmalab_cli import app
from vmalab_drive.errors import UsageError
from vmalab_loadgen import compare, compare_page
from vmalab_loadgen.job import SCHEMA as SCHEMA_OF_JOBS
from vmalab_loadgen.result import SCHEMA, SCHEMA_VERSION

COUNT = 40


def report(
    seed: int, *, rate: float = 1000.0, p99: float = 5.0, count: int = COUNT
) -> dict[str, Any]:
    """Intervals of a second, each figure with 5 % of noise."""
    rng = np.random.default_rng(seed)

    def latency() -> dict[str, float]:
        return {"p50": 1.0 * rng.normal(1, 0.05), "p99": p99 * rng.normal(1, 0.05)}

    intervals = []
    for number in range(count):
        ops = int(rate * rng.normal(1, 0.05))
        intervals.append(
            {"begin_s": number, "end_s": number + 1, "ops": ops, "latency_us": latency(),
             "operations": {"fault": {"count": ops, "latency_us": latency()}}}
        )  # fmt: skip
    short = {"begin_s": count, "end_s": count + 0.01, "ops": 0, "latency_us": {}, "operations": {}}
    return {
        "schema": SCHEMA, "schema_version": SCHEMA_VERSION, "interval_s": 1.0, "mode": "attach",
        "operations": {"fault": {}}, "intervals": [*intervals, short],
    }  # fmt: skip


def found(before: dict[str, Any], after: dict[str, Any]) -> dict[tuple[str, str], compare.Change]:
    return {(one.operation, one.figure): one for one in compare.compare(before, after)}


def test_a_change_is_found() -> None:
    changes = found(report(1), report(2, rate=1200.0, p99=4.0))
    rate, p99 = changes["all", "rate"], changes["fault", "p99"]
    assert rate.significant
    assert rate.low < 1.2 < rate.high
    assert rate.ratio == pytest.approx(1.2, rel=0.05)
    assert p99.significant
    assert p99.low < 0.8 < p99.high
    assert not changes["fault", "p50"].significant
    assert len(changes) == 6


def test_noise_is_not_called_a_change() -> None:
    """Of 95 % intervals one in twenty is wrong."""
    wrong = sum(
        found(report(seed), report(seed + 1000))["all", "rate"].significant for seed in range(20)
    )
    assert wrong <= 5


def test_few_intervals() -> None:
    change = found(report(1, count=4), report(2, rate=3000.0))["all", "rate"]
    assert change.samples == 4
    assert not change.significant


def test_what_is_not_the_same() -> None:
    assert compare.differences(report(1), report(2)) == []
    assert compare.differences(report(1), report(2) | {"mode": "unary"}) == [
        "mode: attach and unary"
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "No such file"),
        ("{", "not JSON"),
        ("[]", "no report of a load"),
        ('{"seed": 1}', "no report of a load"),
        (json.dumps({"schema": SCHEMA, "schema_version": 99}), "version 99"),
        (json.dumps(report(1) | {"intervals": []}), "no interval"),
    ],
)
def test_what_is_no_report(text: str | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=says):
        compare.read(path)


def test_the_page_shows_each_change(tmp_path: Path) -> None:
    """A better rate is green, a worse latency red, noise neither; a page needs nothing else."""
    before, after = report(1), report(2, rate=1200.0, p99=8.0)
    changes = compare.compare(before, after)
    moods = {(one.operation, one.figure): compare_page.mood_of(one) for one in changes}
    assert moods["all", "rate"] == moods["fault", "rate"] == "good"
    assert moods["all", "p99"] == "bad"
    assert moods["all", "p50"] == "soft"
    names = [tmp_path / "before.json", tmp_path / "after.json"]
    for path, data in zip(names, (before, after), strict=True):
        full = {"started": "2026-01-01T00:00:00", "workload": "", "mix": "fault=100"}
        path.write_text(json.dumps(data | full | {"mode": path.stem}))
    page = tmp_path / "changes.html"
    done = CliRunner().invoke(app.app, ["load", "compare", *map(str, names), "--html", str(page)])
    assert done.exit_code == 0, done.output
    text = page.read_text()
    rate = next(one for one in changes if (one.operation, one.figure) == ("all", "rate"))
    assert f"{rate.ratio - 1:+.1%}" in text
    assert text.count('<circle class="spot') == len(changes) == 6
    assert text.count('class="spot good"') == text.count('class="spot bad"') == 2
    assert "mode: before and after" in text
    assert "http" not in text


def job(seed: int, **sections: float) -> dict[str, Any]:
    """A report of a job: a rate of each section."""
    found = {name: report(seed, rate=rate) for name, rate in sections.items()}
    for one in found.values():
        del one["schema"], one["schema_version"]
    return {
        "schema": SCHEMA_OF_JOBS, "schema_version": 1, "machine": {"cpus": 2}, "interval_s": 1.0,
        "started": "2026-01-01T00:00:00", "job": "job.toml",
        "intervals": report(seed)["intervals"], "sections": found,
    }  # fmt: skip


def test_sections_of_jobs(tmp_path: Path) -> None:
    """Each with that of its name; one of the other alone is left out."""
    names = [tmp_path / "before.json", tmp_path / "after.json"]
    names[0].write_text(json.dumps(job(1, readers=1000.0, writers=1000.0, old=5.0)))
    names[1].write_text(json.dumps(job(2, readers=1200.0, writers=1000.0, new=5.0)))
    page = tmp_path / "changes.html"
    words = ["load", "compare", *map(str, names), "--json", "--html", str(page)]
    done = CliRunner().invoke(app.app, words)
    assert done.exit_code == 0, done.output
    rows = json.loads(done.output)["comparisons"]
    assert [one["section"] for one in rows] == ["readers", "writers"]
    rates = [one["changes"][0] for one in rows]
    assert [one["significant"] for one in rates] == [True, False]
    assert rates[0]["low"] < 0.2 < rates[0]["high"]
    assert f"<h2>[readers] of {names[0]} and {names[1]}</h2>" in page.read_text()
    assert "3 sections of <code>job.toml</code>" in page.read_text()


def test_what_has_nothing_in_common() -> None:
    with pytest.raises(UsageError, match="two of a kind"):
        compare.both(report(1), job(1, a=5.0))
    with pytest.raises(UsageError, match="no section in common"):
        compare.both(job(1, b=5.0), job(1, a=5.0))
