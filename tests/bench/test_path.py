# SPDX-License-Identifier: Apache-2.0
"""Goal: `bench path` counts what a fault executed, and nothing else.

Method: instructions are given by their bytes with the registers that they found, and the counts are
those of a reader who knows them. Then real faults of every lock model are stepped; what is known of
them beforehand must be in the counts. A failure names the count.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest

from servers import vmalab
from vmalab_bench import steps
from vmalab_bench.base import BenchError

SEGMENT = range(0x10000, 0x20000)
STACK = 0x7FFF_0000_0000

LOAD_RAX = "488b07"  # mov rax, [rdi]
FOLLOW = "488b00"  # mov rax, [rax]
FOLLOW_8 = "488b4008"  # mov rax, [rax + 8]
LOAD_RBX = "488b1e"  # mov rbx, [rsi]
LOCKED = "f048830701"  # lock add qword [rdi], 1
SPILL = "48894424f8"  # mov [rsp - 8], rax
FILL = "488b4c24f8"  # mov rcx, [rsp - 8]
LOAD_RCX = "488b11"  # mov rdx, [rcx]
COMPARE = "483b06"  # cmp rax, [rsi]
BRANCH = "7200"  # jb +0
CHOOSE = "480f42ca"  # cmovb rcx, rdx
CLEAR = "31c0"  # xor eax, eax
ADDRESS = "488d4708"  # lea rax, [rdi + 8]
FETCH = "0f1807"  # prefetchnta [rdi]


def counted(*code: str, **registers: int) -> steps.Counts:
    """All registers are the given ones in each step; others point into the segment."""
    found: dict[str, int] = defaultdict(lambda: SEGMENT.start)
    found |= {"rsp": STACK, "fs": 0, "gs": 0, **registers}
    return steps.counted([steps.Step(found, bytes.fromhex(text)) for text in code], SEGMENT)


def test_loads_that_wait_for_each_other() -> None:
    assert counted(LOAD_RAX, FOLLOW, FOLLOW_8).dependent == 3
    assert counted(LOAD_RAX, LOAD_RBX).dependent == 1
    assert counted(LOAD_RAX, CLEAR, FOLLOW).dependent == 1
    assert counted(ADDRESS, FOLLOW).dependent == 1
    assert counted(FETCH).loads == 0


def test_a_value_that_was_put_on_the_stack_is_as_deep_as_before() -> None:
    got = counted(LOAD_RAX, SPILL, FILL, LOAD_RCX)
    assert (got.dependent, got.loads, got.stores) == (2, 2, 0)
    assert len(got.private_lines) == 1


def test_a_branch_is_guessed_and_a_choice_is_not() -> None:
    assert counted(LOAD_RAX, COMPARE, BRANCH, LOAD_RCX).dependent == 1
    assert counted(LOAD_RAX, FOLLOW, COMPARE, CHOOSE, LOAD_RCX).dependent == 3


def test_a_locked_instruction_holds_up_what_is_behind_it() -> None:
    got = counted(LOCKED, LOAD_RBX, rsi=SEGMENT.start + 64)
    assert (got.locked, got.loads, got.stores) == (1, 2, 1)
    assert (got.dependent, got.in_order) == (1, 2)
    assert counted(LOAD_RBX, LOCKED).in_order == 1


def test_lines() -> None:
    apart = counted(LOAD_RAX, LOAD_RBX, rdi=SEGMENT.start + 63, rsi=SEGMENT.start + 128)
    assert apart.lines == {line + SEGMENT.start // 64 for line in (0, 1, 2)}
    outside = counted(LOAD_RAX, rdi=SEGMENT.stop)
    assert (outside.loads, outside.lines, len(outside.private_lines)) == (0, set(), 1)


def test_what_is_no_record_of_steps_is_refused() -> None:
    with pytest.raises(BenchError, match="not what step"):
        list(steps.calls(bytes(16)))


def test_faults_of_every_model() -> None:
    done = vmalab("bench", "path", "--smoke", "--json")
    assert done.returncode == 0, done.stderr
    data: dict[str, Any] = json.loads(done.stdout)
    rows = {(row["model"], row["lookup"], row["vmas"], row["kind"]): row for row in data["rows"]}
    models = {model for model, *_ in rows}
    assert models >= {"mmap-lock", "refcount", "typesafe-rwsem"}
    for model in models:
        walk, cache = (rows[model, lookup, 1000, "hit"] for lookup in ("walk", "cache"))
        assert 100 < cache["instructions"] < walk["instructions"] < 1000
        assert cache["lines"] < walk["lines"]
        assert 4 <= walk["dependent"] <= walk["in_order"]
        for kind in ("fresh", "cow"):
            taken = rows[model, "walk", 1000, kind]
            assert taken["instructions"] > walk["instructions"]
            assert taken["locked"] > walk["locked"]
    # The lock is taken and given back. No read section has a fence, unless it needs one.
    for (model, _, _, kind), row in rows.items():
        if kind == "hit" and row["rcu_flavour"] == "membarrier":
            assert row["locked"] == 2, model
    small, large = (rows["typesafe-rwsem", "walk", vmas, "hit"] for vmas in (10, 1000))
    assert small["instructions"] < large["instructions"]
    assert all(aim["met"] is not None for aim in data["aims"])
