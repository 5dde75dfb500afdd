# SPDX-License-Identifier: Apache-2.0
"""Goal: a tree of forked address spaces has its shape, each of its nodes answers as a copy of its
parent at the fork, and callers that come and go do so at their rate and leave nothing.

Method: a caller's blocks are done by a real core, where each answer is checked, and the core's list
of address spaces is read; whole loads are counted.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest

from servers import vmalab
from vmalab.ops import Op
from vmalab_client.block import parse_block
from vmalab_drive import drivers, instances
from vmalab_loadgen.blocks import BRK_BASE, Maker
from vmalab_loadgen.churn import Churn
from vmalab_loadgen.family import FamilyError, Shape
from vmalab_loadgen.mix import Mix
from vmalab_loadgen.pacing import NEVER


def grown(maker: Maker, driver: drivers.Driver) -> None:
    for block in maker.first():
        driver.run(block)
    while (forks := maker.grow()) is not None:
        maker.check(forks, driver.run(forks.data))


def levels(maker: Maker) -> list[int]:
    counts = Counter(node.level for node in maker.family.nodes)
    return [counts[level + 1] for level in range(maker.shape.depth)]


@pytest.mark.parametrize(
    ("text", "wanted"), [("3x2", [2, 4, 8]), ("1x5", [5]), ("8x1", [1] * 8), ("2x7", [7, 49])]
)
def test_a_full_tree(text: str, wanted: list[int]) -> None:
    """It is there before the load; while nodes come and go it has at most its shape, and its
    nodes go to the core in faults of their own."""
    with instances.instance_for(mode="attach") as target, drivers.connect(target, "attach") as one:
        maker = Maker(
            mm=one.create(start_brk=BRK_BASE, brk=BRK_BASE), me=0, others=(), vmas=12,
            mix=Mix.parse("fault=85,mmap=4,munmap=4,mprotect=2,fork=3,exit=2"),
            rng=np.random.default_rng(3), shape=Shape.parse(text),
        )  # fmt: skip
        grown(maker, one)
        assert levels(maker) == wanted
        assert sum(wanted) == maker.shape.nodes
        asked: Counter[int] = Counter()
        parents = set()
        for _ in range(60):
            block = maker.make(100)
            maker.check(block, one.run(block.data))
            for record in parse_block(block.data):
                asked[record.mm] += record.op == Op.FAULT
                parents |= {record.mm} if record.op == Op.FORK else set()
            assert all(now <= most for now, most in zip(levels(maker), wanted, strict=True))
            for node in (maker.family.root, *maker.family.nodes):
                children = [each for each in maker.family.nodes if each.parent is node]
                assert node.kids == len(children) <= maker.shape.width
        assert maker.tally.wrong == 0, maker.tally.wrong_first
        assert 0.4 < asked[maker.mm] / asked.total() < 0.6
        assert len(asked) > sum(wanted) / 2
        assert parents - {maker.mm} or maker.shape.depth == 1
        one.run(maker.farewell() + maker.last())
        assert one.fsck() == []


def test_what_a_node_holds() -> None:
    """A word of the parent that is stored after the fork is not seen in the child: an answer that
    is the parent's is wrong."""
    with instances.instance_for(mode="attach") as target, drivers.connect(target, "attach") as one:
        maker = Maker(
            mm=one.create(), me=0, others=(), vmas=4, mix=Mix.parse("fault=100"),
            rng=np.random.default_rng(3), shape=Shape.parse("2x1"),
        )  # fmt: skip
        grown(maker, one)
        for _ in range(30):
            block = maker.make(200)
            maker.check(block, one.run(block.data))
        root, child, grandchild = (maker.family.root, *maker.family.nodes)
        assert (root.arena.word != child.arena.word).any()
        assert (child.arena.word != grandchild.arena.word).any()
        child.arena.word[:] = root.arena.word
        before = maker.tally.wrong
        assert before == 0
        for _ in range(5):
            block = maker.make(200)
            maker.check(block, one.run(block.data))
        assert maker.tally.wrong > before


@pytest.mark.parametrize("text", ["", "3", "x", "3x", "0x2", "2x0", "9x1", "3x4", "1x65", "-1x2"])
def test_no_shape(text: str) -> None:
    with pytest.raises(FamilyError, match="give"):
        Shape.parse(text)


def test_when_callers_come_and_go() -> None:
    """The callers take turns, and none is due after the end."""

    def never() -> tuple[drivers.Driver, Maker]:
        raise AssertionError

    begin, end = 1_000, 1_000 + 2_000_000_000
    three = [Churn(10.0, 3, me, begin, end, never) for me in range(3)]
    times: list[int] = []
    for one in three:
        while (due := one.due_ns) != NEVER:
            times.append(due)
            one.done += 1
    gaps = np.diff(sorted(times))
    assert len(times) == 19
    assert gaps == pytest.approx(np.full(18, 1e8))
    late = Churn(10.0, 3, 1, begin, end, never, done=2)
    assert late.not_begun(begin + 1_000_000_000) == 1
    assert late.not_begun(begin) == 0


def load(*options: str) -> dict[str, Any]:
    done = vmalab("load", "--json", "--check", "--seed", "7", "--vmas", "50", *options)
    assert done.returncode == 0, f"{done.stderr}\n{done.stdout[:3000]}"
    data: dict[str, Any] = json.loads(done.stdout)
    return data


@pytest.mark.parametrize(
    "options",
    [
        ("--mode", "attach", "--processes", "2", "--own-mm"),
        ("--mode", "batch", "--processes", "2", "--own-mm"),
        ("--mode", "unary", "--processes", "1", "--concurrency", "2"),
        ("--mode", "attach", "--processes", "2", "--rate", "500", "--fork-tree", "2x2"),
    ],
)
def test_callers_come_and_go(options: tuple[str, ...]) -> None:
    """As often as was asked for; nothing is left of those that went."""
    data = load("--duration", "2s", "--churn", "4/s", "--rate-may-miss", *options)
    assert (data["wrong"], data["leaks"], data["problems"]) == (0, {}, [])
    assert data["renewals"] == data["operations"]["renewal"]["count"] > 2
    assert data["renewals_due"] in (6, 7, 8)
    assert data["operations"]["renewal"]["latency_us"]["max"] > 0


def test_a_workload_whose_callers_come_and_go() -> None:
    done = vmalab(
        "load", "--mode", "attach", "--processes", "1", "--workload", "fork-server", "--duration",
        "1s", "--churn", "5", "--check", "--rate-may-miss",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "callers renewed" in done.stdout
    assert "5/s asked for" in done.stdout


def test_a_rate_of_renewals_that_is_not_reached() -> None:
    done = vmalab(
        "load", "--mode", "attach", "--processes", "1", "--duration", "500ms", "--churn", "50k",
    )  # fmt: skip
    assert done.returncode == 1
    assert "came and went less often than asked for" in done.stderr
