# SPDX-License-Identifier: Apache-2.0
"""Goal: every workload does on virtual CPUs what it says, with answers that are checked, and the
same each time.

Method: small runs in this process; those of all workloads, and those that need a core of another
lock model, are long. How to read a failure: the workload, and what it counted.

Seen to fail: the value of a step compared with the word of the page before; a fork whose exit names
cell 0 on each CPU; a step that begins without waiting for its turn; a process of --jobs that draws
a seed of its own.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from servers import vmalab
from vmalab import pack
from vmalab_bench import space
from vmalab_cli import app, scale_loads
from vmalab_native import cores, virtual
from vmalab_native.core import Participant
from vmalab_native.virtual import Order, Step, Turn
from vmalab_scale import machine, report, run, work
from vmalab_scale.work import BASE, PAGE, Place, ScaleError, Work, Workload
from vmalab_scale.workloads import WORKLOADS

ROOT = Path(__file__).parents[2]
TWO = machine.read("two-sockets")
MODEL = "typesafe-rwsem"
SMALL_TRACE = ROOT / "lab" / "vmalab_trace" / "traces" / "python-threads"


def one(workload: Workload, vcpus: int, least: int = 40) -> run.Cell:
    found = run.cell(MODEL, "aligned", workload, machine=TWO, vcpus=vcpus, warm=8, least=least)
    assert found.good, found.failure
    return found


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("fork", {"fork", "exit", "fault"}),
        ("uffd-move", {"uffd_move", "fault"}),
        ("maps-reader", {"maps", "mmap", "fault", "munmap"}),
    ],
)
def test_what_a_workload_does(name: str, kinds: set[str]) -> None:
    cell = one(WORKLOADS[name], 3)
    assert {*cell.kinds} == kinds
    assert report.least(cell) >= 40
    assert cell.run.end == "done"


def test_stores_beside_a_fork_copy_what_the_child_shares() -> None:
    """The same stores, with and without a CPU that forks beside them: copies take accesses."""

    def no_fork(place: Place) -> Work:
        made = WORKLOADS["fork"].make(place)
        return Work(made.prepare, [[work.reading(place.mm)], *made.programs[1:]])

    def accesses(cell: run.Cell) -> float:
        stores = cell.run.kinds[cell.kinds.index("fault")]
        return stores.accesses / stores.operations

    quiet = one(Workload("quiet", "", no_fork), 3)
    assert accesses(one(WORKLOADS["fork"], 3)) > accesses(quiet) + 1


@pytest.mark.parametrize("name", ["brk1", "fork-server", "smaps-reader"])
def test_a_workload_of_the_load_generator(name: str) -> None:
    cell = one(scale_loads.find(name), 2)
    assert not sum(cpu.failed for cpu in cell.run.cpus)


def test_an_answer_that_is_another_one_is_named() -> None:
    def wrong(place: Place) -> Work:
        made = WORKLOADS["own-vma"].make(place)
        second = [*made.programs[1]]
        second[3] = replace(second[3], value=99)
        return Work(made.prepare, [made.programs[0], second])

    found = run.cell(
        MODEL, "aligned", Workload("mine", "", wrong), machine=TWO, vcpus=2, warm=8, least=16
    )
    assert not found.good
    assert found.failure.endswith("operation 3 of CPU 1 has another value than it must have")
    assert found.run.cpus[0].failed == 0
    assert found.run.cpus[1].failed >= 1


@contextmanager
def people(count: int) -> Iterator[list[Participant]]:
    made = cores.virtual_layout("aligned")
    cores.ensure(MODEL, made)
    with ExitStack() as stack:
        segment = stack.enter_context(
            space.segment(model=MODEL, layout=made, size_bytes=128 << 20, frames_max=1 << 12)
        )
        yield [stack.enter_context(segment.participant("client")) for _ in range(count)]


@pytest.mark.parametrize("first", [0, 1])
def test_steps_begin_when_it_is_their_turn(first: int) -> None:
    """Two CPUs map where the core places it. Who is first in the order gets the upper place, and
    who is second waits for it."""
    with people(2) as cpus:
        mm = cpus[0].mm_create()
        block = pack.mmap(mm, 0, PAGE, work.READ_WRITE, work.FIXED & ~0x10, 0, 0, 0)
        turns = [Turn(((1, 0 if cpu == first else 1),), (1,)) for cpu in range(2)]
        found = virtual.run(
            cpus,
            TWO.values,
            [[Step(block, "mmap", turn=cpu)] for cpu in range(2)],
            warm=0,
            least=1,
            order=Order(turns, lambda turn, cells: None),
        )
    assert found.end == "done"
    assert found.answers[first][2] == found.answers[1 - first][2] + PAGE
    assert found.cpus[1 - first].ordered > 0
    assert found.cpus[first].ordered == 0


def test_a_step_that_asks_is_done_by_the_caller() -> None:
    """It makes an address space, whose number later steps of another CPU take from a cell."""
    asked: list[int] = []
    with people(2) as cpus:

        def ask(turn: int, cells: virtual.Cells) -> None:
            asked.append(turn)
            cells[0] = cpus[0].mm_create()

        mapping = pack.mmap(0, BASE, PAGE, work.READ_WRITE, work.FIXED, 0, 0, 0)
        of_cell = ((work.MM_WORD, 0),)
        found = virtual.run(
            cpus,
            TWO.values,
            [
                [Step(b"", "begin", call="ask", turn=0)],
                [Step(mapping, "mmap", patches=of_cell, value=BASE, turn=1)],
            ],
            warm=0,
            least=1,
            cells=[0],
            order=Order([Turn((), (1,)), Turn(((1, 1),), (1,))], ask),
        )
    assert asked == [0]
    assert (found.end, found.status) == ("done", 0)
    assert found.answers[1] == (0, 0, BASE)


def test_an_order_that_nobody_can_begin_ends_stuck() -> None:
    with people(1) as cpus:
        block = pack.munmap(cpus[0].mm_create(), BASE, PAGE)
        found = virtual.run(
            cpus,
            TWO.values,
            [[Step(block, "munmap", turn=0)]],
            warm=0,
            least=1,
            order=Order([Turn(((1, 1),), ())], lambda turn, cells: None),
        )
    assert found.end == "stuck"


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (Step(b"\0" * 16, "x", turn=1), "invalid"),
        (Step(b"\0" * 16, "x", keep=1), "invalid"),
        (Step(b"\0" * 16, "x", patches=((2, 0),)), "invalid"),
        (Step(b"", "x", call="ask"), "invalid"),
    ],
)
def test_a_step_that_is_out_of_bounds_is_refused(step: Step, says: str) -> None:
    with people(1) as cpus, pytest.raises(Exception, match="(?i)" + says):
        virtual.run(
            cpus,
            TWO.values,
            [[step]],
            warm=0,
            least=1,
            cells=[0],
            order=Order([Turn()], lambda turn, cells: None),
        )


def test_percentiles_are_upper_ends_of_buckets() -> None:
    latency = [(5, 50), (16, 40), (960, 9), (4096, 1)]
    found = report.percentiles(latency)
    assert found == {"p50": 5, "p90": 16, "p99": 991, "p99.9": 4351, "max": 4351}
    assert report.percentiles([]) == {}
    for bucket in range(200):
        assert report.upper(virtual.bucket_ns(bucket)) == virtual.bucket_ns(bucket + 1) - 1


def test_the_list_says_who_maps_what() -> None:
    done = vmalab("scale", "--list")
    assert done.returncode == 0, done.stderr
    listed = {line.split()[0]: line for line in done.stdout.split("\n") if line.startswith("  ")}
    for name, text in scale_loads.listed():
        assert text in listed[name]
        assert "map" in text or text.startswith("As ")
    assert {"own-vma", "pft", "page_fault1", "FILE.toml", "trace:FOLDER"} <= listed.keys()


def test_a_name_that_is_none_says_which_there_are() -> None:
    with pytest.raises(ScaleError, match=r"there are own-vma, .* page_fault1.*trace:FOLDER"):
        scale_loads.find("mmap7")
    with pytest.raises(ScaleError, match="no-such"):
        scale_loads.find("trace:/no-such")
    with pytest.raises(ScaleError, match=r"no\.toml: No such file or directory"):
        scale_loads.find("no.toml")


def test_a_picture_that_cannot_be_drawn_is_refused_before_the_run() -> None:
    done = CliRunner().invoke(app.app, ["scale", "--picture", "a.gif"])
    assert done.exit_code == 2
    assert "--picture a.gif: give a file that ends in .png or .svg" in done.output


# --- long: all of them ---


def scale(*options: str) -> str:
    done = vmalab("scale", "--json", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_all_workloads_give_the_same_bytes_each_time_and_in_any_number_of_processes() -> None:
    names = [name for name, _ in scale_loads.listed()]
    options = [word for name in names for word in ("--workload", name)]
    options += ["--workload", f"trace:{SMALL_TRACE}"]
    options += ["--model", MODEL, "--vcpus", "2,3", "--operations", "50"]
    first = scale(*options)
    assert scale(*options, "--jobs", "2") == first
    facts = json.loads(first)
    assert facts["version"] == report.VERSION
    seen = {row["workload"] for row in facts["cells"]}
    assert {*names} < seen
    assert all(row["failed"] == 0 and row["end"] == "done" for row in facts["cells"])


@pytest.mark.long
@pytest.mark.parametrize("name", [*WORKLOADS])
def test_a_workload_on_every_lock_model(name: str) -> None:
    rows = json.loads(scale("--workload", name, "--vcpus", "2", "--operations", "200"))["cells"]
    assert [row["model"] for row in rows] == cores.lock_models()
    assert all(row["failed"] == 0 for row in rows)


@pytest.mark.long
def test_a_trace_is_judged_as_a_replay_judges_it() -> None:
    rows = json.loads(scale("--workload", f"trace:{SMALL_TRACE}", "--model", MODEL))["cells"]
    replayed = vmalab("replay", str(SMALL_TRACE), "--mode", "attach", "--json")
    wanted: dict[str, Any] = json.loads(replayed.stdout)
    found = rows[0]["verdict"]
    for key in ("ops", "agree", "disagree", "maps_checked", "maps_equal", "faults_checked"):
        assert found[key] == wanted[key], key
    assert rows[0]["vcpus"] == wanted["threads"] > 1
    assert rows[0]["ordered"] > 0


TRACES = sorted(path.parent.name for path in (ROOT / "tests" / "traces").glob("*/trace*"))


@pytest.mark.long
@pytest.mark.parametrize("name", TRACES)
def test_a_recorded_program_on_virtual_cpus(name: str) -> None:
    """All answers agree, and each step is done: in no time only what no record can say."""
    folder = ROOT / "tests" / "traces" / name
    row = json.loads(scale("--workload", f"trace:{folder}", "--model", MODEL))["cells"][0]
    assert row["end"] == "done"
    found = row["verdict"]
    assert not found["disagree"] + found["faults_disagree"]
    assert found["maps_equal"] == found["maps_checked"] > 0
    assert not found["in_order"], "faults between two calls go on side by side"
    assert {"import", "check"} <= found["aside"].keys()


@pytest.mark.long
def test_when_a_signal_ends_it_it_prints_what_is_done() -> None:
    """Ctrl-C comes when the second run is under way."""
    import os
    import signal
    import subprocess

    from servers import VMALAB

    process = subprocess.Popen(
        [*VMALAB, "scale", "--json", "--model", MODEL, "--workload", "own-vma", "--workload",
         "munmap", "--vcpus", "2", "--operations", "3000000"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:  # a line every ten seconds
        if "1 of 2 runs done" in line:
            break
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate()
    assert process.returncode == 130
    assert [row["workload"] for row in json.loads(out)["cells"]] == ["own-vma"]
