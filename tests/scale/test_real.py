# SPDX-License-Identifier: Apache-2.0
"""Goal: what is measured of the real CPUs becomes a machine's file, and both sides of a comparison
do the same.

Method: the C program is asked for everything once, with small counts; files and verdicts are made
of figures that are given. No test compares a time with a time of its own choice, but for a load
from the first cache, which is shorter than one from memory on every machine. How to read a failure:
the kind, or the cell, that is named.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from servers import vmalab
from vmalab_bench import compiled, stats
from vmalab_bench import machine as real_machine
from vmalab_bench.base import BenchError
from vmalab_client.block import BlockBuilder
from vmalab_native import cores
from vmalab_native.core import Participant
from vmalab_native.virtual import RECORDS_MAX, Step, records_in
from vmalab_scale import against, calibrate, machine
from vmalab_scale.against import FITTED, Key, Row, Situation
from vmalab_scale.calibrate import Found, Measured
from vmalab_scale.run import cell
from vmalab_scale.work import Place, Work, Workload
from vmalab_scale.workloads import WORKLOADS

LIKE = machine.read("zen4")


def exactly(ns: float) -> Measured:
    return Measured(ns, ns, ns)


def curve(*ends: tuple[int, float]) -> dict[int, Measured]:
    """Up to each size in KiB a load takes so long; just behind, half of the way to the next."""
    found, before = {}, 0.0
    for kib in calibrate.SIZES_KIB:
        ns = next(ns for end, ns in ends if kib <= end)
        found[kib] = exactly(ns if ns == before or not before else (ns + before) / 2)
        before = ns
    return found


def test_caches_end_at_their_knees() -> None:
    found = calibrate.levels(curve((32, 1.0), (1024, 4.0), (32768, 15.0), (1 << 30, 110.0)))
    assert [level.kib for level in found] == [32, 1024, 32768]
    assert [level.ns.value for level in found] == [1.0, 4.0, 15.0]


def test_a_curve_without_a_knee_has_one_cache() -> None:
    assert len(calibrate.levels(curve((1 << 30, 2.0)))) == 1


def measured(pair: float = 100.0) -> Found:
    times = dict.fromkeys((*calibrate.ALONE, *calibrate.BETWEEN), exactly(20.0))
    steps = curve((32, 1.2), (1024, 4.0), (32768, 15.0), (1 << 30, 110.0))
    return Found(
        calibrate.levels(steps), exactly(110.0), times, exactly(pair), exactly(200.0), exactly(25.0)
    )


def test_the_file_says_what_was_measured_and_what_was_not(tmp_path: Path) -> None:
    path = tmp_path / "this-machine.toml"
    path.write_text(calibrate.file_text(measured(), LIKE, 0.07))
    made = machine.read(str(path))
    assert made.values["instruction"] == 70
    assert made.values["first"] == 150, "an eighth of 1.2 ns"
    assert made.values["cluster"] == 20_000
    assert made.values["locked"] == 20_000, "amid other work, not one after the other"
    assert made.values["shared"] == 15_000
    assert made.values["memory"] == 110_000
    sets, ways = (int(made.values[f"first_{key}"]) for key in ("sets", "ways"))
    assert sets * ways == 32 * 1024 // 64
    assert made.values["store_buffer"] == LIKE.values["store_buffer"]
    assert made.sources["counts.store_buffer"].endswith("as store_buffer of zen4")
    assert not made.sources["ns.cluster"].startswith("not measured")
    assert made.values["adjacent"] == 1


def written(tmp_path: Path, **times: float) -> machine.Machine:
    """The file where these took so long, and everything else 20 ns."""
    found = measured()
    found.times.update({kind: exactly(ns) for kind, ns in times.items()})
    path = tmp_path / "this-machine.toml"
    path.write_text(calibrate.file_text(found, LIKE, 0.07))
    return machine.read(str(path))


@pytest.mark.parametrize(("each", "ahead"), [(14, LIKE.values["window"]), (80, 0)])
def test_lines_are_asked_for_ahead_where_locked_adds_overlap(
    each: float, ahead: int, tmp_path: Path
) -> None:
    made = written(tmp_path, transfer=100, taken=each)
    assert made.values["ahead"] == ahead
    assert f"{each} ns" in made.sources["counts.ahead"]


@pytest.mark.parametrize(("handover", "part"), [(80, 26), (104, 5), (10, 40)])
def test_a_request_takes_what_a_line_that_is_handed_over_takes_less(
    handover: float, part: int, tmp_path: Path
) -> None:
    made = written(tmp_path, transfer=100, locked=6, handover=handover)
    assert made.values["request"] == part
    assert ("is possible" in made.sources["counts.request"]) == (handover != 80)


@pytest.mark.parametrize("kernels", [None, 8, 12, 16, 20])
def test_every_size_that_is_measured_has_ways_that_fit(
    kernels: int | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A cache of the file is as large as its knee, whatever the kernel says of its ways."""
    monkeypatch.setattr(calibrate, "ways", lambda level: kernels)
    path = tmp_path / "this-machine.toml"
    found = measured()
    for kib in calibrate.SIZES_KIB:
        found.levels[1] = replace(found.levels[1], kib=kib)
        path.write_text(calibrate.file_text(found, LIKE, 0.07))
        made = machine.read(str(path)).values
        assert int(made["second_sets"]) * int(made["second_ways"]) == kib * 1024 // 64


def test_the_other_line_of_a_pair_that_takes_as_long_was_not_there(tmp_path: Path) -> None:
    path = tmp_path / "this-machine.toml"
    path.write_text(calibrate.file_text(measured(pair=190.0), LIKE, 0.07))
    assert machine.read(str(path)).values["adjacent"] == 0


def test_who_is_woken_on_a_busy_machine_waits_for_longer_than_a_file_may_say(
    tmp_path: Path,
) -> None:
    found = measured()
    late = replace(found, times={**found.times, "wake": exactly(1_265_000.0)})
    path = tmp_path / "this-machine.toml"
    path.write_text(calibrate.file_text(late, LIKE, 0.07))
    made = machine.read(str(path))
    assert made.values["wake"] == machine.MOST_NS * 1000
    assert made.sources["ns.wake"].endswith(f"the most that a file may say is {machine.MOST_NS}")


def test_the_program_answers_every_kind() -> None:
    """On one CPU too, where the two are given it in turn."""
    cpus = real_machine.cpus()
    program: list[str | Path] = [compiled.compiled("calibrate"), str(cpus[0]), str(cpus[-1])]
    asked = {"chase": 16 << 10, "pair": 1 << 20, "apart": 1 << 20}
    asked |= dict.fromkeys((*calibrate.ALONE, *calibrate.BETWEEN), 50)
    with compiled.Dialog("calibrate", program) as dialog:
        found = {kind: dialog.ask(f"{kind} {count}") for kind, count in asked.items()}
        assert dialog.ask(f"chase {64 << 20}") > 2 * found["chase"]
    assert all(ns > 0 for kind, ns in found.items() if kind not in ("wake", "amid")), found
    assert found["wake"] >= 0
    assert found["amid"] >= 0


@pytest.mark.parametrize("line", ["chase 64", "transfer 1000000", "no 5"])
def test_the_program_refuses_what_it_has_no_room_for(line: str) -> None:
    with (
        compiled.Dialog("calibrate", [compiled.compiled("calibrate"), "0", "0"]) as dialog,
        pytest.raises(BenchError, match="ended with code 2"),
    ):
        dialog.ask(line)


def test_both_sides_run_the_same_records() -> None:
    for name in against.WORKLOADS_SHOWN:
        work = WORKLOADS[name].make(Place(cast("list[Participant]", [None, None]), 7, seed=1))
        real, virtual = (against.merged(work, n) for n in (against.REAL_RECORDS, RECORDS_MAX))
        for long, short in zip(real, virtual, strict=True):
            assert records_in(short) == RECORDS_MAX
            assert records_in(long) == against.REAL_RECORDS
            assert long == short * (against.REAL_RECORDS // RECORDS_MAX)


@pytest.mark.long
def test_a_call_of_many_records_counts_each() -> None:
    """And one that fails is seen."""

    def make(place: Place) -> Work:
        work = WORKLOADS["own-vma"].make(place)
        (program,) = against.merged(work, 16)
        wrong = BlockBuilder()
        wrong.munmap(place.mm, 1, 4096)
        return Work(work.prepare, [[Step(program + bytes(wrong), "all")]])

    work = Workload("own", "", make)
    found = cell(
        FITTED.model, cores.DEFAULT_LAYOUT, work, machine=LIKE, vcpus=1, least=170, warm=17
    )
    (kind,) = [one for one in found.run.kinds if one.operations]
    assert kind.operations % 17 == 0
    assert kind.locked / kind.operations == pytest.approx(32 / 17, abs=0.3), "two for each fault"
    assert found.run.cpus[0].failed == kind.operations / 17
    assert found.run.status


def rows(*figures: tuple[str, float, float]) -> list[Row]:
    """Of one situation: model, predicted, measured."""
    at = Situation("own-vma", 2)
    return [
        Row(Key(model, at), guess, stats.Estimate(real, real - 0.01, real + 0.01), False, 1, 1)
        for model, guess, real in figures
    ]


def test_the_verdict_counts_cells_and_pairs() -> None:
    fitted = Row(FITTED, 1, stats.exact(1), True, 1, 1)
    found = against.judged([fitted, *rows(("a", 1.15, 1.0), ("b", 1.0, 1.3), ("c", 2.6, 2.6))])
    assert (found.cells, found.right) == (3, 2), "b is 23 % off"
    assert found.decided == 3
    assert found.wrong == [(Situation("own-vma", 2), "b", "a")]
    near = against.judged(rows(("a", 1.0, 1.0), ("b", 2.0, 1.01)))
    assert near.decided == 0, "what was measured does not tell them apart"


def test_beside_a_writer_the_others_count() -> None:
    assert Situation("area-writer", 2).counted == (1,)
    assert Situation("area-writer", 1).counted == (0,)
    assert Situation("neighbours", 2).counted == (0, 1)


def test_a_machine_that_was_not_calibrated_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    done = vmalab("scale", "against")
    assert done.returncode == 2
    assert "vmalab scale calibrate measures this machine" in done.stderr


@pytest.mark.long
@pytest.mark.serial
def test_calibrate_and_compare(tmp_path: Path) -> None:
    """The file that comes out is one, and the fitted cell is what was measured."""
    path = tmp_path / "mine.toml"
    done = vmalab("scale", "calibrate", "--rounds", "1", "--out", str(path), "--json")
    assert done.returncode == 0, done.stderr
    assert machine.read(str(path)).values == json.loads(done.stdout)["machine"]
    options = ("--rounds", "1", "--operations", "500", "--model", "split-rwsem", "--json")
    done = vmalab("scale", "against", "--machine", str(path), *options)
    found = json.loads(done.stdout)
    (fitted,) = [one for one in found["cells"] if one["fitted"]]
    assert fitted["predicted"] == fitted["measured"] == 1
    assert found["of"] == len(found["cells"]) - 1 == 8
    close = found["right"] >= 0.8 * found["of"] and found["ordered"] == found["pairs"]
    assert done.returncode == (0 if close else 1)
