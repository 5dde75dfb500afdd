# SPDX-License-Identifier: Apache-2.0
"""Goal: each named workload gets the answers that it expects, in each mode, and leaves nothing.

Method: short loads of each on a segment of its own; --check walks the segment and looks for leaks.
An answer that is changed on the way must be found out.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from servers import vmalab
from vmalab_drive import drivers, instances, spawning
from vmalab_drive.drivers import Target
from vmalab_drive.packed import RESULT
from vmalab_loadgen import load
from vmalab_loadgen.config import LoadConfig
from vmalab_loadgen.script import ScriptMaker
from vmalab_loadgen.workloads import WORKLOADS
from vmalab_server.embedded import EmbeddedServer

spawning.context()  # its tracker is there before the first test, and stays

CONFIG = LoadConfig(processes=1, seconds=float("inf"), ops=4000, seed=2, check=True)


def config_of(name: str, **how: object) -> LoadConfig:
    shared = WORKLOADS[name].spaces == "shared"
    found = dataclasses.replace(CONFIG, workload=name, shared_mms=int(shared))
    return dataclasses.replace(found, **how)  # type: ignore[arg-type]


def looked_at(result: load.LoadResult) -> None:
    assert result.wrong == 0, result.wrong_first
    assert (result.problems, result.leaks, result.lost) == ([], {}, [])
    assert result.good


@pytest.mark.parametrize("name", WORKLOADS)
def test_one_process(name: str) -> None:
    """Through the core in this process: the answers are those of the script, twice over."""
    with instances.instance_for(mode="attach") as target, drivers.connect(target, "attach") as one:
        mm = one.create(start_brk=0x5555_0000_0000, brk=0x5555_0000_0000)
        workload = WORKLOADS[name]
        maker = ScriptMaker(
            workload.program, mm=mm, me=0, pages=workload.pages, driver=one,
            rng=np.random.default_rng(1),
        )  # fmt: skip
        done = 0
        while done < 3000:
            block = maker.make(700)
            done += maker.check(block, one.run(block.data))
        assert maker.tally.wrong == 0, maker.tally.wrong_first
        assert maker.tally.ops.total() == done
        one.run(maker.farewell() + maker.last())
        for file in maker.files:
            one.close_file(file)
        assert one.fsck() == []


@pytest.mark.long
@pytest.mark.parametrize("mode", ["attach", "batch", "unary"])
@pytest.mark.parametrize("name", WORKLOADS)
def test_each_mode(name: str, mode: str) -> None:
    """Several processes, also in one address space where the workload allows it."""
    spaces = {"own": (0,), "shared": (1,), "any": (0, 1)}[WORKLOADS[name].spaces]
    with EmbeddedServer(workers=2) as server:
        target = Target(address=server.target, instance=server.instance)
        for shared in spaces:
            config = config_of(name, mode=mode, processes=2, shared_mms=shared)
            looked_at(load.run(config, target))


def test_processes_in_one_address_space() -> None:
    with instances.instance_for(mode="attach") as target:
        looked_at(load.run(config_of("guard-pages", mode="attach", processes=2), target))


def test_a_changed_answer_is_found() -> None:
    with instances.instance_for(mode="attach") as target, drivers.connect(target, "attach") as one:
        maker = ScriptMaker(
            WORKLOADS["guard-pages"].program, mm=one.create(), me=0, pages=64, driver=one,
            rng=np.random.default_rng(1),
        )  # fmt: skip
        for field, row in (("value", 0), ("status", 1), ("info", 6), ("status", 6)):
            block = maker.make(64)
            answers = np.frombuffer(one.run(block.data), RESULT).copy()
            before = maker.tally.wrong
            answers[field][row] += 1
            maker.check(block, answers.tobytes())
            assert maker.tally.wrong == before + 1, (field, row)


def test_what_was_judged_once_is_judged_as_then() -> None:
    """The same bytes to the same records: they count again, and what is wrong stays wrong."""
    with instances.instance_for(mode="attach") as target, drivers.connect(target, "attach") as one:
        maker = ScriptMaker(
            WORKLOADS["page_fault1"].program, mm=one.create(), me=0, pages=30, driver=one,
            rng=np.random.default_rng(1),
        )  # fmt: skip
        right = one.run(maker.make(32).data)
        answers = np.frombuffer(right, RESULT).copy()
        answers["value"][1] += 1
        wrong = answers.tobytes()
        for answer, count in ((right, 0), (right, 0), (wrong, 1), (wrong, 2), (right, 2)):
            maker.check(maker.make(32), answer)
            assert maker.tally.wrong == count
        assert maker.tally.ops == {"mmap": 5, "fault": 150, "munmap": 5}


def test_the_list() -> None:
    done = vmalab("load", "--workloads")
    assert done.returncode == 0
    for one in WORKLOADS.values():
        assert one.name in done.stdout
        assert one.source in done.stdout
