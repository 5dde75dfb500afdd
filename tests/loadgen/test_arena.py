# SPDX-License-Identifier: Apache-2.0
"""Goal: what a load process expects of its pages is right, and it notices what is not.

Method: the vectorised prediction of a run of faults against a loop that does them one by one; a
block's answers changed in one place must be found out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from vmalab.ops import Op
from vmalab_client.block import parse_block
from vmalab_drive.packed import RESULT
from vmalab_loadgen.arena import SLOT_PAGES, Arena
from vmalab_loadgen.blocks import Block, Maker
from vmalab_loadgen.mix import Mix

ALL = (
    "fault=60,mmap=6,munmap=6,mprotect=6,madvise=6,mremap=6,mincore=6,brk=2,fork=1,exit=1,"
    "uffd_move=4"
)


@pytest.mark.parametrize("seed", range(20))
def test_faults_one_by_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arena = Arena(3, 4)
    pages_count = arena.slots * SLOT_PAGES
    arena.mapped[:] = rng.random(pages_count) < 0.8
    arena.writable[:] = rng.random(pages_count) < 0.7
    arena.word[:] = np.where(arena.mapped, rng.integers(0, 99, pages_count), 0).astype(np.uint64)
    plain, resident = arena.word.copy(), arena.resident.copy()
    pages = rng.integers(0, pages_count, 200)
    write = rng.random(200) < 0.5
    words = rng.integers(100, 1 << 40, 200).astype(np.uint64)
    expected: list[tuple[int, int]] = []
    for page, store, word in zip(pages, write, words, strict=True):
        if not arena.mapped[page]:
            expected.append((11, 1))
        elif store and not arena.writable[page]:
            expected.append((11, 2))
        else:
            plain[page] = word if store else plain[page]
            resident[page] = True
            expected.append((0, int(plain[page])))
    got = arena.faults(pages, write, words)
    answers = [
        (int(status), int(value) if status == 0 else int(code))
        for status, value, code in zip(got.status, got.value, got.code, strict=True)
    ]
    assert answers == expected
    assert (arena.word == plain).all()
    assert (arena.resident == resident).all()


def maker(mix: str, seed: int = 1) -> Maker:
    made = Maker(
        mm=1, me=0, others=(), mix=Mix.parse(mix), vmas=400, rng=np.random.default_rng(seed)
    )
    made.first()
    return made


def expected(block: Block) -> npt.NDArray[np.void]:
    """The answers a block must get; deferred ones get one that is possible."""
    results = np.zeros(block.count, RESULT)
    results["status"][block.fault_at] = block.faults.status
    results["info"][block.fault_at] = block.faults.code
    results["value"][block.fault_at] = block.faults.value
    for place, one in zip(block.other_at, block.others, strict=True):
        results[place] = (one.status, 0, one.value) if one.judge is None else (-16, 0, 0)
        if one.op == Op.FORK:
            results[place] = (0, 0, 77)
    return results


@pytest.mark.parametrize("seed", range(5))
def test_blocks_are_well_formed_and_keep_to_the_mix(seed: int) -> None:
    made = maker(ALL, seed)
    for _ in range(20):
        block = made.make(200)
        records = list(parse_block(block.data))
        assert len(records) == block.count
        assert [records[place].op for place in block.fault_at] == [1] * len(block.fault_at)
        made.check(block, expected(block).tobytes())
    assert made.tally.wrong == 0, made.tally.wrong_first
    done = made.tally.ops
    assert set(done) >= {"fault", "mmap", "munmap", "mremap", "fork", "exit", "uffd_move"}
    assert 0.4 < done["fault"] / sum(done.values()) < 0.75


def test_the_same_seed_gives_the_same_blocks() -> None:
    one, two = maker(ALL, 9), maker(ALL, 9)
    for _ in range(5):
        first, second = one.make(100), two.make(100)
        assert first.data == second.data
        one.check(first, expected(first).tobytes())
        two.check(second, expected(second).tobytes())


def test_any_change_is_noticed() -> None:
    """Each answer in turn is falsified."""
    made = maker("fault=80,mmap=7,munmap=7,mincore=6")
    block = made.make(60)
    right = expected(block)
    for place in range(block.count):
        for name in ("status", "value"):
            if name == "value" and right["status"][place] != 0:
                continue
            wrong = right.copy()
            wrong[name][place] += 1
            before = made.tally.wrong
            made.check(block, wrong.tobytes())
            assert made.tally.wrong == before + 1, (place, name)
    assert made.check(block, right.tobytes()[:-16]) == block.count - 1
    assert made.tally.wrong_first
