# SPDX-License-Identifier: Apache-2.0
"""Goal: the parts of calls and blocks add up to their time exactly, on each way, and what cannot be
is not counted as if it were.

Method: sums of parts that hypothesis chooses; loads of each mode, whose JSON is added up again and
whose pages are looked into. tests/server/test_call_parts.py judges what a worker says.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import AgentProcess
from servers import Serve, vmalab
from vmalab_client.call_parts import CallParts
from vmalab_drive.sampling import Answered, Sampler
from vmalab_loadgen import call_parts
from vmalab_loadgen.call_parts import SUMS, sums_of

NS = st.integers(0, 10**12)


@given(NS, NS, NS, NS, NS, NS, st.one_of(st.none(), NS), st.tuples(NS, NS, NS))
def test_the_parts_add_up(
    late: int, before: int, way: int, after: int, start: int, more: int, queue: int | None,
    rest: tuple[int, int, int],
) -> None:  # fmt: skip
    """Also where the worker says more than there was: then nothing is believed."""
    parts = CallParts(queue, *rest)
    inside = way + parts.known_ns
    begin = start + late
    handed = begin + before
    one = Answered(0, handed, handed + inside, parts)
    sums = dict(zip(SUMS, sums_of(one, start, begin, one.back_ns + after), strict=True))
    assert (sums["timed"], sums["silent"], sums["joined"]) == (1, 0, queue is None)
    assert sums["whole_ns"] == late + before + inside + after
    assert sum(sums[f"{name}_ns"] for name in call_parts.PARTS) == sums["whole_ns"]
    assert (sums["late_ns"], sums["client_ns"], sums["transport_ns"]) == (late, before + after, way)
    for lie in (parts._replace(core_ns=inside + 1 + more), None):
        lied = sums_of(Answered(0, handed, one.back_ns, lie), start, begin, one.back_ns)
        assert lied == (0, 1, *[0] * (len(SUMS) - 2))


def test_one_in_so_many() -> None:
    """On the average, and in no step of a program that repeats itself more than in others."""
    sampler = Sampler(8, seed=1)
    chosen = [number for number in range(80_000) if sampler.chooses()]
    assert 9_000 < len(chosen) < 11_000
    steps = Counter(number % 8 for number in chosen)
    assert min(steps.values()) > 0.8 * len(chosen) / 8
    assert all(Sampler(1, seed=2).chooses() for _ in range(9))


def added_up(found: dict[str, Any], *, known: set[str]) -> None:
    """All parts that are known make the whole, in each kind and in all."""
    for one in (found["all"], *found["kinds"].values()):
        parts = {name: ns for name, ns in one["parts_ns"].items() if ns is not None}
        assert parts.keys() == known
        assert sum(parts.values()) == one["whole_ns"]
    for key in ("timed", "unanswered", "whole_ns"):
        assert sum(one[key] for one in found["kinds"].values()) == found["all"][key]
    assert found["all"]["unanswered"] == 0


OF_A_CALL = {"client", "transport", "queue", "handler", "core"}
OF_A_BLOCK = {"client", "transport_queue", "turn", "handler", "core"}


@pytest.mark.long
def test_loads_of_each_mode(tmp_path: Path) -> None:
    """The number that is timed is that of those that were asked; without --sample there is none."""
    common = ("--processes", "1", "--vmas", "50", "--json")
    with Serve("--workers", "1") as server:
        target = ("load", "--target", server.target, *common)
        page = tmp_path / "page.html"
        done = vmalab(*target, str(tmp_path / "a.json"), "--ops", "600", "--sample", "3",
                      "--html", str(page))  # fmt: skip
        assert done.returncode == 0, done.stderr
        data = json.loads((tmp_path / "a.json").read_text())
        added_up(data["call_parts"], known=OF_A_CALL)
        assert 100 < data["call_parts"]["all"]["timed"] < 300
        assert set(data["call_parts"]["kinds"]) <= set(data["ops_by_kind"])
        assert (data["latency_sample"], data["call_parts"]["sample"]) == (1, 3)
        assert "Where the time of a call went" in page.read_text()
        assert re.search(r"^ share ", done.stdout, re.M)
        every = vmalab(*target, "--mode", "batch", "--block-ops", "10", "--ops", "600",
                       "--sample", "1", "--rate", "1k/s", "--rate-may-miss")  # fmt: skip
        assert every.returncode == 0, every.stderr
        data = json.loads(every.stdout)
        added_up(data["call_parts"], known={"late", *OF_A_BLOCK})
        assert list(data["call_parts"]["kinds"]) == ["block"]
        histogram_mean = data["latency_us"]["mean"]
        assert data["call_parts"]["all"]["mean_us"] == pytest.approx(histogram_mean, rel=0.01)
        churned = vmalab(*target, "--ops", "400", "--sample", "2", "--churn", "9",
                         "--rate-may-miss")  # fmt: skip
        added_up(json.loads(churned.stdout)["call_parts"], known=OF_A_CALL)
        none = vmalab(*target, "--ops", "50")
        assert json.loads(none.stdout)["call_parts"] is None


@pytest.mark.long
def test_agents_carry_them() -> None:
    with Serve() as server, AgentProcess() as first, AgentProcess() as second:
        done = vmalab(
            *("load", "--agent", first.address, "--agent", second.address, "--target"),
            *(server.target, "--ops", "600", "--sample", "2", "--processes", "1", "--vmas", "50"),
            "--json",
        )
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    added_up(data["call_parts"], known=OF_A_CALL)
    assert 200 < data["call_parts"]["all"]["timed"] < 400
    (one,) = data["targets"]
    assert one["call_parts"] == data["call_parts"]
    assert one["agents"] == [first.address, second.address]
