# SPDX-License-Identifier: Apache-2.0
"""Goal: scenarios and schedules are read as they say; nonsense is refused with what is right.

Method: lines and texts, no core. A failure shows the message that a user would see.
"""

from __future__ import annotations

import pytest

from vmalab_loadgen.race import scenario, schedule
from vmalab_loadgen.race.language import LanguageError, compile_line
from vmalab_native.lab import NO_SLOT


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
    assert compile_line("m0: mremap 0x10000 2 2 to 0x50000 dontunmap").args[3:] == (7, 0x50000)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "wanted"),
        ("m0: fly 0x1000", "verb 'fly', there are"),
        ("m0: mmap 0x10000", "operands do not fit mmap"),
        ("m0: mmap 0x10000 1 q", "letters of r, w, x"),
        ("m0: mmap 0x10000 1 r sideways", "does not know sideways"),
        ("m0: munmap here 1", "is no number"),
        ("m0: madvise 0x10000 1 nothing", "does not know 'nothing'"),
        ("m0: fork", "make an address space"),
        ("m1 = m0: exit", "make an address space"),
        ("m9: exit", "m0 to m7"),
        ("m0: fail toast 1", "cache 'toast', there are"),
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
        ("colour = 'red'\n[actors]\na = ['m0: exit']", "colour: there is no such key"),
        ("models = ['abacus']\n[actors]\na = ['m0: exit']", "lock model 'abacus', there are"),
        ("points = ['nowhere*']\n[actors]\na = ['m0: exit']", "no sync point is 'nowhere"),
        ("[actors]\na = ['m0: fly']", "verb 'fly'"),
        ("[actors]\na = ['m0: exit']\n[finds]\nB99 = 'x'", "mutant 'B99', there are"),
    ],
)
def test_nonsense_in_a_scenario(text: str, message: str) -> None:
    with pytest.raises(scenario.ScenarioError, match=message):
        scenario.parse("x", text)


def test_points_are_patterns() -> None:
    one = scenario.parse("x", "points = ['read_*', '!read_miss']\n[actors]\na = ['m0: exit']")
    assert "read_taken" in one.points
    assert "read_miss" not in one.points
    every = scenario.parse("x", "[actors]\na = ['m0: exit']")
    assert "walking" not in every.points


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "first line"),
        ("# vmalab-sched 1\nmodel refcount\n", "scenario NAME"),
        ("# vmalab-sched 1\nscenario x\nmodel refcount\none two three\n", "line 4"),
    ],
)
def test_nonsense_in_a_schedule(text: str, message: str) -> None:
    with pytest.raises(schedule.ScheduleError, match=message):
        schedule.parse(text)


def test_a_schedule_names_actors_and_points_that_there_are() -> None:
    head = "# vmalab-sched 1\nscenario reuse-before-lock\nmodel refcount\n"
    one = schedule.parse(head + "reader walked # a remark\n\nmapper done\n")
    assert one.lines == (("reader", "walked"), ("mapper", "done"))
    known = schedule.load_scenario(one)
    assert one.script(known) == [(0, "walked"), (2, "done")]
    with pytest.raises(schedule.ScheduleError, match="actor 'nobody', reuse-before-lock has"):
        schedule.parse(head + "nobody walked\n").script(known)
    with pytest.raises(schedule.ScheduleError, match="sync point 'nowhere'"):
        schedule.parse(head + "reader nowhere\n").script(known)
