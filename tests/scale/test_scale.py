# SPDX-License-Identifier: Apache-2.0
"""Goal: the virtual multicore shows what the caches of a real one would, and the same each time.

Method: the command itself, in a process of its own, on small runs; figures are compared with each
other, never with a time. How to read a failure: the cells that are named came out the wrong way
round.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from operations import ARENA, Space
from servers import vmalab
from vmalab_cli import app
from vmalab_native import cores
from vmalab_native.core import Segment, SegmentConfig
from vmalab_native.segment_file import SLAB, SegmentFile
from vmalab_scale import c2c, instructions, jobs, machine
from vmalab_scale.places import Place, Places
from vmalab_scale.run import cell
from vmalab_scale.workloads import WORKLOADS

Row = dict[str, Any]
ROOT = Path(__file__).parents[2]
FOLDERS = ("native", "lab", "cli", "server", "loadgen", "clients/python", "protos/python")


def of_tree(tree: Path, *options: str) -> str:
    """What `vmalab scale` of a tree prints."""
    environment = {**os.environ, "PYTHONPATH": ":".join(str(tree / name) for name in FOLDERS)}
    run = "import sys; sys.argv[0] = 'vmalab'; from vmalab_cli.app import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", run, "scale", *options],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def scale(*options: str) -> str:
    done = vmalab("scale", "--json", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def cells(*options: str) -> dict[tuple[str, str, int], Row]:
    """By lock model, workload and CPUs."""
    rows = json.loads(scale("--operations", "1000", *options))["cells"]
    return {(row["model"], row["workload"], row["vcpus"]): row for row in rows}


def misses(row: Row) -> float:
    return float(row["misses"] / row["operations"])


def test_the_same_bytes_each_time() -> None:
    options = ("--workload", "munmap", "--model", "typesafe-rwsem", "--vcpus", "3")
    first = scale("--operations", "300", *options)
    assert scale("--operations", "300", *options) == first
    assert json.loads(first)["cells"][0]["operations"] >= 900


def test_threads_of_this_process_cost_virtual_cpus_nothing() -> None:
    """In a process with threads real readers run fences of their own. Virtual CPUs stand for
    processes, so a figure does not depend on who imports what."""
    here = threading.Event()
    beside = threading.Thread(target=here.wait)
    beside.start()
    try:
        on, workload = machine.read("two-sockets"), WORKLOADS["own-vma"]
        found = cell("typesafe-rwsem", "aligned", workload, machine=on, vcpus=1, least=300)
    finally:
        here.set()
        beside.join()
    assert found.run.cpus[0].operations >= 300
    assert found.run.cpus[0].fences == 0


def test_faults_on_own_areas_do_not_meet() -> None:
    found = cells("--workload", "own-vma", "--model", "typesafe-rwsem", "--vcpus", "1,8")
    one, eight = (found["typesafe-rwsem", "own-vma", n] for n in (1, 8))
    assert eight["per_s"] > 7 * one["per_s"]
    assert misses(eight) < 0.1
    assert one["failed"] == eight["failed"] == 0
    assert one["locked"] / one["operations"] == pytest.approx(2, abs=0.1), "lock and unlock"


def test_one_area_for_all_is_fought_for() -> None:
    found = cells("--workload", "shared-vma", "--model", "typesafe-rwsem", "--vcpus", "1,8")
    one, eight = (found["typesafe-rwsem", "shared-vma", n] for n in (1, 8))
    assert eight["per_s"] < one["per_s"]
    assert misses(eight) > 1
    assert eight["queued"] > eight["work"], "a line serves one after the other"
    assert all(hot["real"] for hot in eight["hot"][:1]), "they want the same word"


def test_readers_come_back_for_what_a_writer_has_written() -> None:
    """mprotect moves the sequence of the address space, which each fault reads: a miss for each."""
    found = cells("--workload", "area-writer", "--model", "typesafe-rwsem", "--vcpus", "4")
    hot = found["typesafe-rwsem", "area-writer", 4]["hot"]
    read = [one for one in hot if one["real"] and not one["writes"]]
    assert sum(one["count"] for one in read) > 1000


@pytest.mark.long
def test_locks_of_neighbours_share_lines_when_they_are_apart() -> None:
    models = ("--model", "split-rwsem", "--model", "typesafe-rwsem")
    found = cells("--workload", "neighbours", "--vcpus", "8", *models)
    split, typesafe = (found[model, "neighbours", 8] for model in models[1::2])
    assert misses(split) > 0.5
    assert misses(typesafe) < 0.1
    assert split["per_s"] < 0.8 * typesafe["per_s"]
    assert not any(hot["real"] for hot in split["hot"][:1]), "false sharing"


def test_who_waits_for_a_lock_waits_in_virtual_time() -> None:
    found = cells("--workload", "munmap", "--model", "typesafe-rwsem", "--vcpus", "1,4")
    one, four = (found["typesafe-rwsem", "munmap", n] for n in (1, 4))
    assert one["waiting"] < four["waiting"]
    assert four["per_s"] < 2 * one["per_s"], "mmap_lock is taken by one at a time"
    assert four["failed"] == 0


TEXT = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()
SHOWN = re.findall(r"^```sh\n(vmalab scale [^\n]*)\n```\n\n```text\n(.*?)\n```$", TEXT, re.M | re.S)


@pytest.mark.long
@pytest.mark.parametrize(("command", "shown"), SHOWN)
def test_a_command_of_the_document(command: str, shown: str) -> None:
    """It prints what is shown there, but for the figures, which change with the core."""
    done = vmalab(*command.split()[1:], hang_s=36_000)
    assert done.returncode == 0, done.stderr

    def shape(text: str) -> list[list[str]]:
        return [re.sub(r"0x[0-9a-f]+|[\d.]+", "N", line).split() for line in text.splitlines()]

    assert shape(done.stdout.rstrip()) == shape(shown)


def test_the_document_has_commands() -> None:
    assert len(SHOWN) == 6


LISTING = """
0000000000001000 <one>:
    1000:	push   %rbx
    1001:	call   2000 <__sanitizer_cov_trace_pc>
    1006:	mov    (%rbx),%eax
    1008:	lea    0x8(%rbx),%rdi
    100c:	call   2010 <__tsan_read4>
    1011:	add    $0x1,%eax
    1014:	jne    1020 <one+0x20>
    1016:	call   2000 <__sanitizer_cov_trace_pc>
    101b:	ret
"""


def test_instructions_of_a_block_without_those_of_the_instrumentation() -> None:
    table = instructions.counted(LISTING)
    assert table[0x1006] == 3, "mov, add, jne; not what sets up the call"
    assert table[0x101B] == 1
    assert sum(table) == 4


ROUND = "two-sockets"
VALUES = len(machine.CORES) + len(machine.CACHES) + len(machine.TIMES) + len(machine.COUNTS) + 2
BOUGHT = [name for name in machine.shipped() if name != ROUND]


@pytest.mark.parametrize("name", machine.shipped())
def test_machines_say_where_values_are_from(name: str) -> None:
    found = machine.read(name)
    assert found.text
    assert found.changed
    assert len(found.sources) == VALUES
    assert bool(found.books) == (name in BOUGHT)


@pytest.mark.parametrize("name", BOUGHT)
def test_a_machine_that_can_be_bought_has_no_guess_without_a_reason(name: str) -> None:
    """What has no source names what was taken instead; the document lists these values."""
    found = machine.read(name)
    for where, origin in found.sources.items():
        assert not re.search("guess|usual|round fig", origin), where
        book, _, rest = origin.partition(": ")
        assert rest, where
        assert book in (*found.books, machine.NO_SOURCE, machine.NOT_USED), where
    without = [key for key, origin in found.sources.items() if machine.NO_SOURCE in origin]
    assert f"| `{name}` | {', '.join(f'`{key}`' for key in without)} |" in TEXT
    published = [one for one in found.sources.values() if one.partition(":")[0] in found.books]
    assert len(published) >= VALUES / 2


def test_the_machines_differ_in_what_they_are_there_for() -> None:
    found = {name: machine.read(name).values for name in BOUGHT}
    assert found["broadwell-2s"]["adjacent"] == 1
    assert found["zen4"]["protocol"] == "moesi"
    near, far, remote = (int(found["zen4"][reach]) for reach in ("cluster", "socket", "remote"))
    assert near < far < remote
    assert found["neoverse-n1"]["first_sets"] == 4 * int(found["broadwell-2s"]["first_sets"])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('is = "mesif"', 'is = "mosi"', "mesi, mesif or moesi"),
        ("is = false", "is = 0", "true or false"),
        ("per_cluster = { is = 64", "per_cluster = { is = 0", "cores.per_cluster.is = 0"),
        ("is = 56", "is = 1000", "counts.store_buffer.is"),
        ("ns = 22,", "ns = -1,", "ns.shared.ns"),
        ('from = "18 cycles"', 'from = ""', "ns.locked"),
        ("[cores]", "[core]", "unknown keys: core"),
        ('text = "', "text = ", "line 2"),
        ("protocol =", "#", "protocol is missing: a table with a value"),
        ('is = "mesif", ', "", "protocol.is is missing: mesi, mesif or moesi"),
        ("per_cluster = {", "# {", "cores.per_cluster is missing: a table"),
        ("[cores]", '[sources]\nx = "a book"\n\n[cores]', "'round' is none of x, nor"),
        ("[cores]", "[sources]\nx = 1\n\n[cores]", "a table of texts is wanted"),
    ],
)
def test_a_machine_that_is_wrong_says_where(old: str, new: str, says: str, tmp_path: Path) -> None:
    text = (machine.FOLDER / "two-sockets.toml").read_text()
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(machine.MachineError, match=r"mine\.toml") as error:
        machine.read(str(path))
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--vcpus", "0"), "--vcpus 0: give numbers of 1 to 255"),
        (("--vcpus", "two"), "--vcpus two"),
        (("--workload", "no"), "--workload no: there are own-vma"),
        (("--machine", "pdp11"), "there is no machine 'pdp11'; there are broadwell-2s"),
        (("--model", "no"), "there is no lock model 'no'"),
        (("--adjacent", "maybe"), "give machine, on or off"),
    ],
)
def test_what_cannot_be_run_says_why(options: tuple[str, str], says: str) -> None:
    done = vmalab("scale", *options)
    assert done.returncode == 2
    assert says in done.stderr


def test_what_is_named_twice_is_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number, a model, a layout, a workload; and `all` is every lock model."""
    ran: list[tuple[str, str, str, int]] = []

    def note(self: jobs.Cells, count: int) -> None:
        ran[:] = [(one.workload, one.model, one.layout, one.vcpus) for one in self._tasks]

    monkeypatch.setattr(jobs.Cells, "run", note)
    one = ["--workload", "own-vma", "--model", "refcount", "--layout", "aligned"]
    done = CliRunner().invoke(app.app, ["scale", "--vcpus", "2,1,2", *one, *one])
    assert done.exit_code == 0, done.output
    assert ran == [("own-vma", "refcount", "aligned", n) for n in (2, 1)]
    done = CliRunner().invoke(app.app, ["scale", "--vcpus", "1", "--model", "all", "--model", "v3"])
    assert done.exit_code == 0, done.output
    assert [*dict.fromkeys(model for _, model, _, _ in ran)] == [*cores.lock_models(), "v3"]


def test_a_machine_that_is_too_small_is_named(tmp_path: Path) -> None:
    text = (machine.FOLDER / "two-sockets.toml").read_text()
    small = tmp_path / "small.toml"
    small.write_text(text.replace("per_cluster = { is = 64", "per_cluster = { is = 1"))
    done = vmalab("scale", "--machine", str(small), "--vcpus", "1,33", "--operations", "1")
    assert done.returncode == 2
    assert done.stderr == (
        "vmalab: --vcpus 1,33: the machine small has at most 32 clusters, with per_cluster = 1\n"
    )


def test_time_must_go_on(tmp_path: Path) -> None:
    text = (machine.FOLDER / "two-sockets.toml").read_text()
    still = tmp_path / "still.toml"
    still.write_text(re.sub(r"\bns = [0-9.]+", "ns = 0", text))
    with pytest.raises(machine.MachineError, match=r"instruction\.ns = 0: 0\.001 to 1000000"):
        machine.read(str(still))


# --- what lies on a line ---


@pytest.fixture
def mapped() -> Iterator[Segment]:
    """A segment with a mapping."""
    config = SegmentConfig(size_bytes=16 << 20, frames_max=1 << 12, participants_max=8)
    with Segment.create(f"s-{uuid4().hex[:10]}", config) as segment:
        with segment.participant("client") as me:
            assert Space(me, me.mm_create()).mmap(ARENA, 1).status == 0
            yield segment
        segment.unlink()


def test_a_place_has_the_name_that_the_struct_gives_it(mapped: Segment) -> None:
    with SegmentFile.open(mapped.instance) as file:
        places = Places(file)
        assert places.at(0).text == "seg_header.magic"
        first, _ = file.regions["mms"]
        assert places.at(first).text == "mm_struct.id"
        area, _ = file.regions["areas"]
        assert places.at(area).text.startswith("participant_area.stats.")
        pages, _ = file.regions["pages"]
        of_vmas = next(
            n for n, desc in enumerate(file.descs()) if desc.kind == SLAB and desc.cache == 0
        )
        vma = file.structs["vm_area_struct"]
        begin = pages + of_vmas * 4096
        found = {place.field: place for at in reversed(range(vma.size // 4))
                 if (place := places.at(begin + 4 * at)).field}  # fmt: skip
        assert {place.struct for place in found.values()} == {"vm_area_struct"}
        assert {"vm_start", "vm_end", "vm_mm", "vm_lock.count", "vm_lock.owner"} <= found.keys()
        for name, (first, _) in vma.at.items():
            if name in found:
                assert found[name].at == first, name
        assert found["vm_lock.count"].at == vma.at["vm_lock"][0]


def side(byte: int, field: str, begin: int = 0, *cpus: int) -> c2c.Side:
    at = Place("vm_area_struct", begin // 192, begin, field, byte)
    return c2c.Side(at, byte, "op_fault", cpus)


def test_a_line_is_drawn_with_its_fields() -> None:
    places = [Place("vm_area_struct", 0, 0, "vm_start" if n < 2 else "vm_lock.count", 4 * n)
              for n in range(16)]  # fmt: skip
    pair = c2c.Pair(
        side(0, "vm_start", 0, 1), side(8, "vm_lock.count", 0, 0, 2), False, False, 1, 9
    )
    line = c2c.Line(0x40, [pair], places)
    scale_row, row, arrow = c2c.drawn(line)
    assert row.strip() == "|vm_star|count" + " " * 50 + "|"
    assert scale_row.split() == ["0", "8"]
    assert arrow.strip() == "r<------W" + " " * 57 + "false, 1.000 misses/op"
    assert c2c.told(pair) == (
        "CPU 1 reads vm_area_struct.vm_start (#0) in op_fault; "
        "CPUs 0,2 wrote vm_area_struct.vm_lock.count (#0) in op_fault"
    )


def test_what_would_part_two_fields() -> None:
    pair = c2c.Pair(side(0, "vm_start"), side(8, "vm_lock.count"), False, False, 1, 9)
    true = c2c.Pair(side(8, "vm_lock.count"), side(8, "vm_lock.count"), True, True, 2, 99)
    [about, text] = c2c.explanations(c2c.Line(0x40, [true, pair], []), "typesafe-rwsem")
    assert about.endswith("is written by all of them: no layout parts that.")
    assert "vm_start and vm_lock.count of one vm_area_struct" in text
    assert "lock-isolated-aligned" in text
    assert "lock-among-hot-aligned" not in text


@pytest.mark.long
def test_lines_are_found_without_help() -> None:
    """The neighbours of split-rwsem; a sequence that one writes and all read; a lock for all."""

    def lines(*options: str) -> list[dict[str, Any]]:
        done = vmalab("scale", "c2c", "--json", "--operations", "1000", "--vcpus", "4", *options)
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)[0]["lines"]
        return found

    pair = lines("--workload", "neighbours", "--model", "split-rwsem")[0]["pairs"][0]
    two = (pair["taker"], pair["writer"])
    assert not pair["real"]
    assert [one["place"]["struct"] for one in two] == ["vma_lock"] * 2
    assert abs(two[0]["place"]["begin"] - two[1]["place"]["begin"]) == 40
    assert {*two[0]["cpus"]}.isdisjoint(two[1]["cpus"])
    pair = lines("--workload", "area-writer")[0]["pairs"][0]
    assert pair["real"]
    assert pair["taker"]["place"]["field"] == "mm_lock_seq.sequence"
    assert (pair["taker"]["cpus"], pair["writer"]["cpus"]) == ([1, 2, 3], [0])
    pair = lines("--workload", "shared-vma")[0]["pairs"][0]
    assert pair["real"]
    assert pair["taker"]["place"]["field"] == "vm_lock.count"


@pytest.mark.long
def test_a_shared_counter_that_is_planted_is_found(tmp_path: Path) -> None:
    """A counter that each fault moves, of all CPUs, in a copy of the core. c2c names it first:
    its field, the function, true sharing. Without it faults on own areas share no line."""
    tree = tmp_path / "planted"
    shutil.copytree(
        ROOT / "native", tree / "native", ignore=shutil.ignore_patterns("*virtual.so", "*.blocks")
    )
    block = tree / "native" / "src" / "surface" / "block.c"
    text, anchor = block.read_text(), "\top_fault(self, rec->mm, rec->arg[0], flags,"
    assert text.count(anchor) == 1
    planted = "\t__atomic_fetch_add(&self->seg->hdr->stats_gone[5], 1, __ATOMIC_RELAXED);\n"
    block.write_text(text.replace(anchor, planted + anchor))
    for name in FOLDERS[1:]:
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).symlink_to(ROOT / name)
    options = ("c2c", "--workload", "own-vma", "--vcpus", "4", "--operations", "500")
    assert not json.loads(of_tree(ROOT, *options, "--json"))[0]["lines"]
    line = json.loads(of_tree(tree, *options, "--json"))[0]["lines"][0]
    assert all(pair["real"] and pair["writes"] for pair in line["pairs"])
    taker = line["pairs"][0]["taker"]
    assert (taker["place"]["struct"], taker["place"]["field"]) == ("seg_header", "stats_gone[5]")
    assert len(taker["cpus"]) == 4


FOUR_AREAS = """
[areas.a]
pages = 1
filled = true
[areas.b]
pages = 1
filled = true
[areas.c]
pages = 1
filled = true
[areas.d]
pages = 1
filled = true
[[cpus]]
which = "all"
do = ["read a 0", "read b 0", "read c 0", "read d 0"]
"""


@pytest.mark.long
def test_the_false_sharing_of_a_layout_is_found(tmp_path: Path) -> None:
    """All CPUs fault on four areas in turn. With `unaligned` the line of a VMA's lock has fields
    that a fault reads before it takes the lock; with `aligned` it has none."""
    file = tmp_path / "four.toml"
    file.write_text(FOUR_AREAS)
    options = ("--workload", str(file), "--vcpus", "4", "--operations", "1000", "--explain")

    def lines(layout: str) -> list[dict[str, Any]]:
        done = vmalab("scale", "c2c", "--json", "--layout", layout, *options)
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)[0]["lines"]
        return found

    seen = {
        (pair["taker"]["place"]["field"], pair["writer"]["place"]["field"])
        for line in lines("unaligned")
        for pair in line["pairs"]
        if not pair["real"] and pair["taker"]["place"]["begin"] == pair["writer"]["place"]["begin"]
    }
    assert ("vm_lock_seq", "vm_lock.count") in seen
    assert ("vm_flags", "vm_lock.count") in seen
    assert not [pair for line in lines("aligned") for pair in line["pairs"] if not pair["real"]]
    shown = vmalab("scale", "c2c", "--layout", "unaligned", *options).stdout
    assert "vm_lock_seq and vm_lock.count of one vm_area_struct share a line: apart in" in shown


@pytest.mark.long
def test_the_table_of_the_document_is_the_same_each_time(tmp_path: Path) -> None:
    """Three workloads, five lock models, 1 to 128 virtual CPUs, two times: the same bytes. Faults
    on own areas grow with the CPUs; on one area they do not, but with `mmap-lock` nowhere; the
    locks of neighbours share lines with `split-rwsem` alone."""
    options = ("scale", "--json", "--jobs", "0")
    first = vmalab(*options, "--picture", str(tmp_path / "scale.svg"), hang_s=36_000)
    assert first.returncode == 0, first.stderr
    assert vmalab(*options, hang_s=36_000).stdout == first.stdout
    rows = json.loads(first.stdout)["cells"]
    assert len(rows) == 3 * len(cores.lock_models()) * 8
    assert all(row["end"] == "done" and row["least_operations"] >= 10_000 for row in rows)
    found = {(row["model"], row["workload"], row["vcpus"]): row["per_s"] for row in rows}
    for model in cores.lock_models():
        grew = found[model, "own-vma", 128] / found[model, "own-vma", 1]
        assert grew < 2 if model == "mmap-lock" else grew > 64, model
        assert found[model, "shared-vma", 128] < found[model, "shared-vma", 1], model
        if model not in ("mmap-lock", "split-rwsem"):
            assert found[model, "neighbours", 128] > 1.3 * found["split-rwsem", "neighbours", 128]
    title = re.search(r"<dc:title>(.*?)</dc:title>", (tmp_path / "scale.svg").read_text(), re.S)
    assert title, "a picture says what it shows"
    assert "128 virtual CPUs" in title[1]
    assert "mmap-lock" in title[1]
