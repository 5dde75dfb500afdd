# SPDX-License-Identifier: Apache-2.0
"""Goal: scenarios and schedules are read as they say; nonsense is refused with what is right.

Method: lines and texts, no core. A failure shows the message that a user would see.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from vmalab_native.lab import NO_SLOT
from vmalab_native.race import scenario, schedule
from vmalab_native.race.language import LanguageError, compile_line


def test_operations() -> None:
    op = compile_line("m1: mmap 0x10000 2 rw")
    assert (op.op, op.slot, op.args[:2]) == (2, 1, (0x10000, 8192))
    assert op.args[2] == 3 | (0x32 << 32)
    assert compile_line("m0: mmap any 1 r").args[2] >> 32 == 0x22
    assert compile_line("m0: mmap 0x10000 1 r shared").args[2] >> 32 == 0x31
    assert compile_line("m0: write 0x10000 7").flags == 5
    assert compile_line("m0: write 0x10000").flags == 1
    fork = compile_line("m2 = m1: fork")
    assert (fork.slot, fork.result) == (1, 2)
    assert compile_line("m0: exit").result == NO_SLOT
    assert compile_line("m0: truncate 0x10000 1").args == (0x10000, 4096)
    assert compile_line("m0: map 0x20000 2 rw like 0x10000").args == (0x20000, 8192, 3, 0x10000)
    assert compile_line("m0: low").args == ()
    assert compile_line("m0: mlock 0x10000 2").args == (0x10000, 8192, 0)
    assert compile_line("m0: mlock 0x10000 2 onfault").args == (0x10000, 8192, 1)
    assert compile_line("m0: munlock 0x10000 2").args == (0x10000, 8192)
    assert compile_line("m0: mlockall").args == (1,)
    assert compile_line("m0: mseal 0x10000 1").args == (0x10000, 4096, 0)
    assert compile_line("m0: remap 0x10000 2 1").args == (0x10000, 8192, 0, 1, 0)
    assert compile_line("m1 = m0: execve shared").args == (0, 0, 0, 1)
    assert compile_line("m0: mremap 0x10000 2 2 to 0x50000 dontunmap").args[3:] == (7, 0x50000)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "wanted"),
        ("m0: fly 0x1000", "verb 'fly'; there are"),
        ("m0: mmap 0x10000", "operands do not fit mmap"),
        ("m0: mmap 0x10000 1 q", "letters of r, w, x"),
        ("m0: mmap 0x10000 1 r sideways", "does not know sideways"),
        ("m0: munmap here 1", "is no number"),
        ("m0: madvise 0x10000 1 nothing", "does not know 'nothing'"),
        ("m0: map 0x10000 1 rw of 0x20000", "wanted 'like'"),
        ("m0: low 1", "too many"),
        ("m0: mlock 0x10000 1 now", "mlock does not know now"),
        ("m0: mlockall 1", "too many"),
        ("m0: execve", "make an address space"),
        ("m1 = m0: execve now", "does not know now"),
        ("m0: fork", "make an address space"),
        ("m1 = m0: exit", "make an address space"),
        ("m9: exit", "m0 to m7"),
        ("m0: fail toast 1", "cache 'toast'; there are"),
        ("m0: die nowhere", "sync point 'nowhere'"),
    ],
)
def test_nonsense_in_a_line(line: str, message: str) -> None:
    with pytest.raises(LanguageError, match=message):
        compile_line(line)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = ", "x: "),
        ("title = 'x'", "no actors"),
        ("colour = 'red'\n[actors]\na = ['m0: exit']", "key 'colour'; there are"),
        ("titel = 'x'\n[actors]\na = ['m0: exit']", "did you mean title"),
        ("bound = 'x'\n[actors]\na = ['m0: exit']", "bound = 'x': a number that is not neg"),
        ("slab = -1\n[actors]\na = ['m0: exit']", "slab = -1: a number that is not negative"),
        ("slab = 17\n[actors]\na = ['m0: exit']\n", "no line makes m0"),
        ("setup = ['m0 = new']\nslab = 17\n[actors]\na = ['m0: exit']", "at most 16 objects"),
        ("actors = 3", "actors = 3: a table of lists of texts"),
        ("[actors]\na = 'm0: exit'", "a table of lists of texts is wanted"),
        ("setup = ['m0 = new']\n[actors]\n'a b' = ['m0: exit']", "a name is one word"),
        ("setup = ['m0 = new']\n[actors]\na = ['m3: exit']", "no line makes m3: 'm3 = new'"),
        ("models = ['abacus']\n[actors]\na = ['m0: exit']", "lock model 'abacus'; there are"),
        ("points = ['nowhere*']\n[actors]\na = ['m0: exit']", "there is no sync point 'nowhere"),
        ("[actors]\na = ['m0: fly']", "verb 'fly'"),
        ("setup = ['m0 = new']\n[actors]\na = ['m0: exit']\n[finds]\nB99 = 'x'", "mutant 'B99'"),
        ("[actors]\na = ['m0: exit']\n[finds]\nB5 = 3", "a table of texts is wanted"),
    ],
)
def test_nonsense_in_a_scenario(text: str, message: str) -> None:
    with pytest.raises(scenario.ScenarioError, match=message):
        scenario.parse("x", text)


ALONE = "setup = ['m0 = new']\n[actors]\na = ['m0: exit']"


def test_points_are_patterns() -> None:
    one = scenario.parse("x", f"points = ['read_*', '!read_miss']\n{ALONE}")
    assert "read_taken" in one.points
    assert "read_miss" not in one.points
    every = scenario.parse("x", ALONE)
    assert "walking" not in every.points


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "first line is not"),
        ("# vmalab-sched 1\nmodel refcount\n", "scenario NAME"),
        ("# vmalab-sched 1\nscenario x\nmodel refcount\none two three\n", "line 4"),
    ],
)
def test_nonsense_in_a_schedule(text: str, message: str) -> None:
    with pytest.raises(schedule.ScheduleError, match=message):
        schedule.parse(text)


HEAD = "# vmalab-sched 1\nscenario reuse-before-lock\nmodel refcount\n"


def test_a_schedule_names_actors_and_points_that_there_are() -> None:
    one = schedule.parse(HEAD + "reader walked # a remark\n\nmapper done\n")
    assert one.lines == (("reader", "walked"), ("mapper", "done"))
    known = schedule.load_scenario(one)
    assert one.script(known) == [(0, "walked"), (2, "done")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "nobody walked\n", "step 1: actor 'nobody', reuse-before-lock has"),
        (
            HEAD + "reader walked\nreader wlaked\n",
            r"step 2: there is no sync point .* mean walked",
        ),
        (HEAD.replace("refcount", "abacus"), "lock model 'abacus'; there are"),
        (HEAD.replace("refcount", "mmap-lock") + "mutant B5\n", "B5 does not apply to mmap-lock"),
        (HEAD + "mutant b5\n", "did you mean B5"),
        (HEAD + "expect nonsense\n", "invariant 'nonsense'; there are reader-writer-overlap"),
        (HEAD + "reader walked\n" * 3000, "3000 steps, at most"),
        ("root:x:0:0\n", "this is no schedule"),
    ],
)
def test_a_schedule_that_means_nothing(text: str, message: str, tmp_path: Path) -> None:
    """The file is named, and nothing is run."""
    path = tmp_path / "x.sched"
    path.write_text(text)
    with pytest.raises(schedule.ScheduleError, match=message) as refusal:
        schedule.read(path)
    assert str(refusal.value).startswith(f"{path}: ")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    for name in ("x.sched", "x.toml"):
        (tmp_path / name).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(schedule.ScheduleError, match="it is no text"):
        schedule.read(tmp_path / "x.sched")
    with pytest.raises(scenario.ScenarioError, match="no text"):
        scenario.load(str(tmp_path / "x.toml"))


def test_a_scenario_beside_its_schedule(tmp_path: Path) -> None:
    (tmp_path / "my own.toml").write_text(ALONE)
    head = "# vmalab-sched 1\nscenario elsewhere/my own.toml\nmodel refcount\n"
    (tmp_path / "x.sched").write_text(head + "a done\n")
    one = schedule.read(tmp_path / "x.sched")
    assert schedule.load_scenario(one).actor_names == ["a"]
