# SPDX-License-Identifier: Apache-2.0
"""Goal: medians, spreads and ratios are those of the runs, and a difference that is not larger than
the spread over seeds is not called one.

Method: results with known figures are put into a file; the page is read as text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vmalab_campaign import page, plan_file, store, summary
from vmalab_campaign.kinds import Value
from vmalab_campaign.work import Outcome
from vmalab_cli import app

TEXT = """\
[faults]
kind = "load"
model = ["typesafe-rwsem", "refcount"]
vmas = [100, 1000]
seeds = 3
[order]
kind = "lin"
"""
MACHINE = {"host": "<here>", "cpu": "a CPU", "cpus": 2, "kernel": "6", "python": "3"}
Rate = Callable[[Mapping[str, Value], int], float]


def filled(path: Path, rate: Rate, *, count: int = 99, failed: int = 0) -> Path:
    """A campaign with results: operations per second as `rate` says, latency 1e6 over it."""
    plan = plan_file.parse(TEXT, where="c.toml", folder=path.parent)
    with store.open_for(plan, path) as results:
        for run in plan.runs[:count]:
            value = rate(run.axes, run.seed)
            found = {"ops_per_s": value, "latency_us": {"p50": 1e6 / value}, "checked": 9}
            reason = "exit code 1: <b>" if run.number <= failed else ""
            outcome = Outcome("", "", 1.0, 1 if reason else 0, reason, json.dumps(found), "",
                              "0.1.0", machine=MACHINE)  # fmt: skip
            results.add(run, outcome)
    return path


def clear(axes: Mapping[str, Value], seed: int) -> float:
    """Refcount is 1.5 times as fast with 100 VMAs, 1.2 times with 1000; seeds give 1 %."""
    factor = 1.0 if axes.get("model") == "typesafe-rwsem" else {100: 1.5, 1000: 1.2}.get(
        int(axes.get("vmas", 0)), 1.0
    )  # fmt: skip
    return 100_000 * factor * (1 + seed / 100)


def noise(axes: Mapping[str, Value], seed: int) -> float:
    """The seeds differ by more than the models."""
    return 100_000 * (1.01 if axes.get("model") == "refcount" else 1) * (1 + seed / 10)


def of(path: Path) -> summary.Summary:
    with store.open_to_read(path) as results:
        return summary.of(results)


def test_a_clear_difference(tmp_path: Path) -> None:
    told = of(filled(tmp_path / "c.db", clear))
    work = told.works[0]
    assert [len(one.settings) for one in told.works] == [4, 1]
    first = work.settings[0].figures["operations per second"]
    assert (first.median, first.low, first.high) == pytest.approx((102_000, 101_000, 103_000))
    (effect,) = work.of_axis("model", work.figures[0])
    assert effect.ratio == pytest.approx(math.sqrt(1.5 * 1.2))
    assert (effect.low, effect.high) == pytest.approx((1.2, 1.5))
    assert (effect.settings, effect.apart, effect.clear) == (2, 2, True)
    (slower,) = work.of_axis("model", work.figures[1])
    assert slower.ratio == pytest.approx(1 / math.sqrt(1.5 * 1.2))
    assert summary.findings(work) == [
        "operations per second: 153 k/s with refcount, 100, the most, 102 k/s with "
        "typesafe-rwsem, 100, the least",
        "model: refcount has 1.34 times the operations per second of typesafe-rwsem (1.20 to 1.50 "
        "in 2 settings), spreads apart in 2 of 2",
        "vmas: no difference in operations per second that is larger than the spread over seeds",
    ]
    assert (told.planned, told.good, told.missing, told.notes) == (15 - 2, 13, 0, [])


def test_noise_is_not_called_a_difference(tmp_path: Path) -> None:
    work = of(filled(tmp_path / "c.db", noise)).works[0]
    (effect,) = work.of_axis("model", work.figures[0])
    assert effect.ratio == pytest.approx(1.01)
    assert (effect.apart, effect.clear) == (0, False)
    assert summary.findings(work)[1].startswith("model: no difference in operations per second")


def test_one_seed_says_so(tmp_path: Path) -> None:
    told = of(filled(tmp_path / "c.db", clear, count=4))
    assert summary.findings(told.works[0])[1] == (
        "model: refcount has 1.34 times the operations per second of typesafe-rwsem (1.20 to 1.50 "
        "in 2 settings); one seed, so no spread is known"
    )
    assert told.notes == ["9 of 13 runs are not done yet."]


def test_failed_runs_are_left_out(tmp_path: Path) -> None:
    told = of(filled(tmp_path / "c.db", clear, failed=1))
    first = told.works[0].settings[0]
    assert (first.good, first.failed) == (2, 1)
    assert first.figures["operations per second"].median == pytest.approx(102_500)
    assert [row.key for row in told.failed] == ["faults model=typesafe-rwsem vmas=100 seed=1"]
    assert "1 run has failed; the figures are of the others." in told.notes


def test_the_page(tmp_path: Path) -> None:
    """A finding is the title of each picture; texts of others cannot break out of it."""
    told = of(filled(tmp_path / "c.db", clear, failed=1))
    text = page.page_of(told)
    titles = re.findall(r"<h2>([^<]*)</h2><svg", text)
    assert titles == [
        one.replace("<", "&lt;")
        for work in told.works
        for one in (summary.findings(work) or [work.figures[0].name])
    ]
    assert "exit code 1: &lt;b&gt;" in text
    assert "&lt;here&gt;" in text
    assert "<b>" not in text.replace('<b class=""', "")
    assert "<script" not in text
    assert "http" not in text
    assert text.count("<circle") > 4 * (3 + 1) - 2
    places = [float(one) for one in re.findall(r'cx="([\d.]+)"', text)]
    assert all(0 < one < 860 for one in places)


def test_report(tmp_path: Path) -> None:
    path = filled(tmp_path / "c.db", clear)
    html = tmp_path / "c.html"
    done = CliRunner().invoke(
        app.app, ["campaign", "report", str(path), "--json", "--html", str(html)]
    )
    data = json.loads(done.output)
    assert (data["schema"], data["schema_version"]) == ("vmalab-campaign-report", 1)
    assert (data["good"], data["missing"], data["failed"]) == (13, 0, [])
    assert data["works"][0]["effects"][0]["ratio"] == pytest.approx(1.3416, abs=1e-3)
    assert html.read_text().startswith("<!doctype html>")
    text = CliRunner().invoke(app.app, ["campaign", "report", str(path)]).output
    assert "c.toml: 13 runs, 13 good, 0 failed, 0 not done" in text
    assert "model: refcount has 1.34 times" in text


def test_list_and_show(tmp_path: Path) -> None:
    path = filled(tmp_path / "c.db", clear, count=3, failed=1)

    def asked(*words: str) -> str:
        done = CliRunner().invoke(app.app, ["campaign", *words])
        assert done.exit_code == 0, done.output
        return done.output

    runs = json.loads(asked("list", str(path), "--json"))["runs"]
    assert [one["state"] for one in runs] == ["failed", "good", "good", *["missing"] * 10]
    (failed,) = json.loads(asked("list", str(path), "--failed", "--json"))["runs"]
    assert (failed["number"], failed["reason"]) == (1, "exit code 1: <b>")
    assert len(json.loads(asked("list", str(path), "--missing", "--json"))["runs"]) == 10
    (campaign,) = json.loads(asked("list", str(tmp_path), "--json"))["campaigns"]
    assert (campaign["planned"], campaign["done"], campaign["failed"]) == (13, 3, 1)
    one = json.loads(asked("show", str(path), "2", "--json"))
    assert one["key"] == "faults model=typesafe-rwsem vmas=1000 seed=1"
    assert one["result"]["checked"] == 9
    text = asked("show", str(path), one["key"], "--files", str(tmp_path / "out"))
    said = " ".join(text.split())
    assert "vmalab load --model typesafe-rwsem --vmas 1000 --seed 1 --json" in said
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == one["result"]
    for words, says in (
        (("show", str(path), "99"), "there is no run '99'"),
        (("show", str(path), "9"), "not done yet"),
        (("report", str(tmp_path / "none.db")), "there is no such file"),
    ):
        done = CliRunner().invoke(app.app, ["campaign", *words])
        assert done.exit_code in (1, 2)
        assert says in done.output
