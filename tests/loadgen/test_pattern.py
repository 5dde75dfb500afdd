# SPDX-License-Identifier: Apache-2.0
"""Goal: operations go where the pattern says, and maps have the sizes that were asked for.

Method: a caller's blocks are done by a real core, and each record of them is read back: the
addresses of faults, the addresses and lengths of calls. What was drawn is compared with the
distribution by Pearson's chi-square, or with the exact order. The core's own count of resident
pages says the same once more. A failure names the pattern and both figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from servers import vmalab
from vmalab.ops import Op
from vmalab_client.block import Record, parse_block
from vmalab_drive import drivers, instances
from vmalab_drive.drivers import AttachDriver
from vmalab_loadgen.arena import PAGE, arena_base
from vmalab_loadgen.blocks import BRK_BASE, Maker
from vmalab_loadgen.mix import Mix
from vmalab_loadgen.pattern import Chooser, Pattern, PatternError, Sizes

VMAS = 40
PAGES = 8
MAPPED = VMAS * 3 // 4 * PAGES
SEED = 4


@pytest.fixture(scope="module")
def core() -> Iterator[AttachDriver]:
    with instances.instance_for(mode="attach") as target:
        driver = drivers.connect(target, "attach")
        assert isinstance(driver, AttachDriver)
        with driver:
            yield driver


def made(core: AttachDriver, mix: str, **how: object) -> Maker:
    """A caller whose VMAs are there."""
    maker = Maker(
        mm=core.create(start_brk=BRK_BASE, brk=BRK_BASE), me=0, others=(), mix=Mix.parse(mix),
        vmas=VMAS, rng=np.random.default_rng(SEED), **how,  # type: ignore[arg-type]
    )  # fmt: skip
    for block in maker.first():
        core.run(block)
    return maker


def records(core: AttachDriver, maker: Maker, count: int, size: int = 500) -> list[Record]:
    """What the core was given, in order; each answer was checked."""
    found: list[Record] = []
    while len(found) < count:
        block = maker.make(size)
        maker.check(block, core.run(block.data))
        found += parse_block(block.data)
    assert maker.tally.wrong == 0, maker.tally.wrong_first
    core.run(maker.farewell() + maker.last())
    return found


def pages_of(found: list[Record], pages: int = PAGES) -> npt.NDArray[np.int64]:
    """The page of the arena of each fault."""
    at = np.array([one.operands[0] - arena_base(0) for one in found if one.op == Op.FAULT])
    slot, inner = np.divmod(at // PAGE, 2 * pages)
    assert (inner < pages).all()
    return slot * pages + inner


def chi_square(counts: npt.NDArray[np.int64], weights: npt.NDArray[np.float64]) -> float:
    """In standard deviations from what is expected; places that are rare are taken together."""
    expected = weights / weights.sum() * counts.sum()
    rare = expected < 10
    seen = np.append(counts[~rare], counts[rare].sum())
    wanted = np.append(expected[~rare], expected[rare].sum())
    seen, wanted = seen[wanted > 0], wanted[wanted > 0]
    free = len(seen) - 1
    return float((((seen - wanted) ** 2 / wanted).sum() - free) / np.sqrt(2 * free))


@pytest.mark.parametrize("text", ["zipf:0.99", "zipf:0.5", "zipf:2", "working-set:90/10",
                                  "working-set:50/25"])  # fmt: skip
def test_faults_have_the_distribution(core: AttachDriver, text: str) -> None:
    pattern = Pattern.parse(text)
    found = records(core, made(core, "fault=100", pattern=pattern), 20_000)
    counts = np.bincount(pages_of(found), minlength=VMAS * PAGES)
    assert counts[MAPPED:].sum() == 0, "pages that are not mapped"
    weights = pattern.weights(VMAS * PAGES)
    weights[MAPPED:] = 0
    assert chi_square(counts, weights) < 5
    for other in ("zipf:0.9", "zipf:1.5", "working-set:80/10"):
        strange = Pattern.parse(other).weights(VMAS * PAGES)
        strange[MAPPED:] = 0
        assert chi_square(counts, np.maximum(strange, 1e-9)) > 10, f"as well as {other}"


def test_the_weights_of_zipf() -> None:
    """The k-th largest is k**-theta of the largest."""
    weights = np.sort(Pattern.parse("zipf:0.8").weights(1000))[::-1]
    assert weights[0] / weights[9] == pytest.approx(10**0.8)
    assert weights[0] / weights[999] == pytest.approx(1000**0.8)
    assert weights.sum() == pytest.approx(1)


def test_a_sequence(core: AttachDriver) -> None:
    """Each page of those that are mapped, one after the other, over and over."""
    found = records(core, made(core, "fault=100", pattern=Pattern.parse("sequential")), 2000, 130)
    pages = pages_of(found)
    assert (pages == np.arange(len(pages)) % MAPPED).all()


def test_a_sequence_beside_calls(core: AttachDriver) -> None:
    """VMAs that a call of the block uses are left out; the order stays."""
    mix = "fault=90,mmap=5,munmap=5"
    found = records(core, made(core, mix, pattern=Pattern.parse("sequential")), 4000, 200)
    steps = np.diff(pages_of(found))
    assert (steps >= 1).mean() > 0.95
    assert np.median(steps) == 1


def test_the_core_says_the_same(core: AttachDriver) -> None:
    """All faults go to a tenth of the pages: no other is resident."""
    maker = made(core, "fault=100", pattern=Pattern.parse("working-set:100/10"))
    block = maker.make(2000)
    assert maker.check(block, core.run(block.data)) == 2000
    hot = VMAS * PAGES // 10
    assert len(set(pages_of(list(parse_block(block.data))))) == hot
    _, resident = core.mincore(maker.mm, arena_base(0), PAGES * PAGE)
    _, nothing = core.mincore(maker.mm, arena_base(0) + 2 * PAGES * PAGE * (VMAS // 2),
                              PAGES * PAGE)  # fmt: skip
    assert (sum(resident), sum(nothing)) == (PAGES, 0)
    core.run(maker.farewell() + maker.last())


def test_calls_take_vmas_in_turn(core: AttachDriver) -> None:
    """Drops of pages, which change no VMA: a slot after the other."""
    maker = made(core, "madvise=100", vma_pattern=Pattern.parse("sequential"))
    found = records(core, maker, 200, 15)
    slots = [(one.operands[0] - arena_base(0)) // (2 * PAGES * PAGE) for one in found]
    mapped = VMAS * 3 // 4
    assert slots == [number % mapped for number in range(len(slots))]


def test_calls_take_some_vmas_more_often(core: AttachDriver) -> None:
    """Within a block each VMA is used once, so blocks are of one call."""
    pattern = Pattern.parse("zipf:1")
    found = records(core, made(core, "madvise=100", vma_pattern=pattern), 3000, 1)
    slots = [(one.operands[0] - arena_base(0)) // (2 * PAGES * PAGE) for one in found]
    weights = pattern.weights(VMAS)
    weights[VMAS * 3 // 4 :] = 0
    assert chi_square(np.bincount(slots, minlength=VMAS), weights) < 5


@pytest.mark.parametrize("text", ["1", "5", "2-6", "1:50,16:25,4-7:25"])
def test_sizes_of_maps(core: AttachDriver, text: str) -> None:
    """All operations, so that maps of each size are cut, moved, protected; every answer is right,
    and the lengths of the maps have the distribution."""
    sizes = Sizes.parse(text)
    mix = "fault=40,mmap=20,munmap=10,mprotect=8,madvise=6,mremap=6,mincore=6,uffd_move=4"
    found = records(core, made(core, mix, sizes=sizes), 12_000, 60)
    maps = Counter(one.operands[1] // PAGE for one in found if one.op == Op.MMAP)
    counts = np.array([maps[size] for size in range(sizes.most + 1)])
    weights = np.zeros(sizes.most + 1)
    for low, high, share in sizes.parts:
        weights[low : high + 1] += share / (high - low + 1)
    assert counts.sum() > 1000
    assert counts[weights == 0].sum() == 0
    if (weights > 0).sum() > 1:
        assert chi_square(counts, weights) < 5
    assert pages_of(found, sizes.most).size > 2000


@pytest.mark.parametrize(
    "text", ["", "zipf", "zipf:0", "zipf:nan", "zipf:11", "zipf:1:2", "random:1", "working-set:90",
             "working-set:0/5", "working-set:90/101", "hot"]
)  # fmt: skip
def test_no_pattern(text: str) -> None:
    with pytest.raises(PatternError, match="give"):
        Pattern.parse(text)


@pytest.mark.parametrize(
    "text", ["", "0", "8-4", "5000", "4:", "4:0", "4:-1", "4:nan", "a", "1,,2"]
)
def test_no_sizes(text: str) -> None:
    with pytest.raises(PatternError):
        Sizes.parse(text)


@pytest.mark.parametrize("text", ["random", "sequential", "zipf:0.99", "working-set:90/12.5"])
def test_text_and_back(text: str) -> None:
    assert Pattern.parse(text).text() == text
    assert Sizes.parse("3").text() == "3"
    assert Sizes.parse("1:1,4-7:3").text() == "1:25,4-7:75"


def test_nothing_can_be_used() -> None:
    for text in ("random", "sequential", "zipf:1", "working-set:90/10"):
        chooser = Chooser(Pattern.parse(text), 10, np.random.default_rng(1))
        assert len(chooser.draw(5, np.zeros(10, bool))) == 0
        cold = np.arange(10) > 5
        assert (chooser.draw(5, cold) > 5).all()


@pytest.mark.parametrize("mode", ["batch", "attach"])
def test_a_load(mode: str) -> None:
    """Callers in one address space, which also read each other's pages; the report has it."""
    done = vmalab(
        "load", "--mode", mode, "--ops", "20000", "--vmas", "60", "--pattern", "zipf:0.9",
        "--vma-pattern", "sequential", "--map-pages", "1:50,4-12:50", "--check", "--seed", "3",
        "--mix", "fault=80,mmap=8,munmap=8,fork=2,exit=2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for word in ("zipf:0.9", "sequential", "1:50,4-12:50", "every invariant holds"):
        assert word in done.stdout
