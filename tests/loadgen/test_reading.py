# SPDX-License-Identifier: Apache-2.0
"""Goal: a reader of maps beside writers finds each text that cannot have been, and no other.

Method: texts of a quiet address space, changed by hand; then a load of writers and readers, whose
readings are all judged, on a segment of its own.
"""

from __future__ import annotations

import dataclasses

import pytest

from vmalab_drive import drivers, instances, spawning
from vmalab_drive.drivers import Target
from vmalab_drive.errors import UsageError
from vmalab_loadgen import load
from vmalab_loadgen.arena import arena_base
from vmalab_loadgen.config import LoadConfig
from vmalab_loadgen.reading import GROUP, Judge, ReadingMaker
from vmalab_server.embedded import EmbeddedServer

spawning.context()  # its tracker is there before the first test, and stays

CONFIG = LoadConfig(
    workload="smaps-reader", mode="attach", processes=2, shared_mms=1, seconds=float("inf"),
    ops=4000, seed=3, check=True,
)  # fmt: skip
BASE = arena_base(0)
PAGES = len(GROUP)


def line(first: int, last: int, rights: str = "rw-p") -> str:
    return f"{BASE + first * 4096:08x}-{BASE + last * 4096:08x} {rights} 00000000 00:00 0 \n"


QUIET = line(0, 4)
SPLIT = line(0, 1) + line(1, 4, "r--p") + line(4, 7)


@pytest.mark.parametrize(
    "text",
    [
        QUIET,
        SPLIT,
        line(0, 1) + line(0, 4),  # the VMA was joined with its neighbour meanwhile
        line(0, 1) + "VmFlags: rd wr mr mw me ac\n" + line(1, 4, "r--p") + "VmFlags: rd mr mw\n",
    ],
)
def test_what_may_be(text: str) -> None:
    assert Judge((0,), PAGES).faults(text) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "always mapped"),
        (line(0, 3), f"{BASE + 3 * 4096:#x}, which is always mapped"),
        (line(0, 4, "r--p"), "rights"),
        (line(0, 4, "rwxp"), "rights"),
        (line(0, 8), "never mapped"),
        (line(0, 4) + line(4, 7, "r--p"), "rights"),
        (line(1, 4) + line(0, 1), "ends above"),
        (QUIET + "VmFlags: rd mr mw\n", "the flags of rw-p"),
        (QUIET + line(1 << 30, (1 << 30) + 1), "an area of a writer"),
        (QUIET + "soon\n", "a line of maps"),
    ],
)
def test_what_may_not_be(text: str, says: str) -> None:
    found = Judge((0,), PAGES).faults(text)
    assert any(says in expected for expected, _ in found), found


def test_a_wrong_text_is_counted_in_its_kind() -> None:
    with instances.instance_for(mode="attach") as target, drivers.connect(target, "attach") as one:
        maker = ReadingMaker(mm=one.create(), me=1, writers=(0,), pages=PAGES, driver=one)
        block = maker.make(2)
        maker.check(block, b"\0".join([QUIET.encode(), b""]))
    assert (maker.tally.ops["maps"], maker.tally.ops["smaps"], maker.tally.wrong) == (1, 1, 1)
    assert maker.tally.wrong_first[0].op == "smaps"


def test_readers_beside_writers() -> None:
    """Both texts are read, the writer writes, and the reader sees what they do."""
    with instances.instance_for(mode="attach") as target:
        result = load.run(dataclasses.replace(CONFIG, ops=2000), target)
    assert result.good, (result.wrong_first, result.lost, result.problems, result.leaks)
    ops = result.series.ops
    assert ops["maps"] == ops["smaps"] == 500
    assert ops["mprotect"] > 100, "how many depends on what was mapped at its turn"
    assert result.series.raw["smaps"].count == 500


@pytest.mark.long
@pytest.mark.parametrize("mode", ["unary", "batch"])
def test_over_a_server(mode: str) -> None:
    """smaps is not there over gRPC: a reader reads maps alone."""
    with EmbeddedServer(workers=2) as server:
        target = Target(address=server.target, instance=server.instance)
        result = load.run(dataclasses.replace(CONFIG, mode=mode, ops=1000), target)
    assert result.good, (result.wrong_first, result.lost)
    assert result.series.ops["maps"] == 500
    assert "smaps" not in result.series.ops


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"processes": 1}, "a writer and a reader"),
        ({"processes": 3, "shared_mms": 2}, "4 or more"),
        ({"shared_mms": 0}, "--shared-mm"),
        ({"processes": 4, "ops": 3}, "4 callers"),
    ],
)
def test_who_is_too_few(how: dict[str, int], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        dataclasses.replace(CONFIG, **how).filled()  # type: ignore[arg-type]
