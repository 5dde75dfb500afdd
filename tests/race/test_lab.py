# SPDX-License-Identifier: Apache-2.0
"""Goal: every mutant is caught on every lock model that it applies to, the intact core never.

Method: what `vmalab race all` does, one lock model at a time: real processes on the lab core, every
schedule within each scenario's bound of preemptions. A mutant that is missed is an oracle that does
not look, or a scenario that no longer comes to the place; a false alarm names scenario, model and
invariant, and `vmalab race run SCENARIO --model MODEL` shows the schedule.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from vmalab_native import lab
from vmalab_native.core import Segment, SegmentConfig, lock_models
from vmalab_native.errors import CoreMissing
from vmalab_native.race import explore, scenario, schedule, session
from vmalab_native.race.explore import Plan
from vmalab_race import catalogue, survey

DEATHS = 8
LONG = ("split-rwsem", "embedded-rwsem", "mmap-lock")
ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "native"


# The long run has all models, with all schedules of the scenarios in which somebody dies.
# split-rwsem and embedded-rwsem reuse nothing under a reader, and what else they do typesafe-rwsem
# does too; mmap-lock has no lock of a VMA that could be wrong.
@pytest.mark.parametrize(
    ("model", "deaths"),
    [(model, DEATHS) for model in lock_models() if model not in LONG]
    + [pytest.param(model, None, marks=pytest.mark.long) for model in lock_models()],
)
def test_every_mutant_is_caught_and_nothing_else(
    model: str, deaths: int | None, tmp_path: Path
) -> None:
    done = survey.survey(models=[model], folder=tmp_path, deaths=deaths)
    alarms = [
        f"{one.scenario.name}: {found.violation.invariant}: {found.violation.text}"
        for one, found in done.false_alarms
    ]
    assert alarms == []
    assert [row.mutant for row in done.rows if not row.caught] == []
    assert len(done.intact) >= 25
    assert len(done.rows) == sum(scenario.applies(mutant.name, model) for mutant in lab.MUTANTS)
    assert len(list(tmp_path.glob("*.sched"))) == len(done.rows)
    passed: Counter[str] = Counter()
    for one in done.intact:
        passed += one.coverage
    assert len(passed) >= (45 if model == "mmap-lock" else 70)


@pytest.mark.parametrize(
    ("mutant", "model", "invariant"),
    [
        ("foreign_wake_unpinned", "refcount", "lifetime"),
        ("mm_not_compared", "typesafe-rwsem", "grant-identity"),
        ("lock_initialised_again", "typesafe-rwsem", "lock-word"),
        ("exit_frees_attached", "refcount", "grant-identity"),
        ("readers_unlimited", "refcount", "deadlock"),
        ("fork_parent_unlocked", "embedded-rwsem", "outcome"),
        ("stack_grows_unlocked", "split-rwsem", "reader-writer-overlap"),
        ("stack_grows_read_locked", "split-rwsem", "rcu"),
        ("published_incomplete", "refcount", "publish-complete"),
        ("merge_anon_unlocked", "typesafe-rwsem", "anon-vma"),
        ("failed_fork_keeps_vmas", "embedded-rwsem", "grant-identity"),
        ("move_blocks_holding_vma", "typesafe-rwsem", "deadlock"),
        ("early_stamp_ignored", "refcount", "livelock"),
        ("split_loses_guard", "embedded-rwsem", "outcome"),
        ("merge_loses_guard", "refcount", "outcome"),
        ("move_copies_unlocked", "refcount", "write-lock-first"),
        ("first_stamp_odd", "typesafe-rwsem", "reader-writer-overlap"),
        ("wrap_death_keeps_stamps", "refcount", "fsck"),
        ("seal_misses_fork", "mmap-lock", "outcome"),
        ("typesafe_merged", "typesafe-rwsem", "lock-word"),
        ("stack_vma_unconstructed", "refcount", "lock-word"),
        ("impostor_taken", "refcount", "grant-identity"),
    ],
)
def test_the_invariant_is_the_right_one(mutant: str, model: str, invariant: str) -> None:
    one = scenario.load(survey.shown_by(mutant, model)[0])
    result = explore.explore(one, model, Plan(mutants=(mutant,)))
    assert result.finding is not None
    assert result.finding.violation.invariant == invariant


@pytest.mark.parametrize("model", ["split-rwsem", "refcount"])
def test_each_kind_of_change_can_lose_a_guard(model: str) -> None:
    """One scenario is enough for a mutant to be caught; here each that names one has to show it."""
    kinds = [one for one in map(scenario.load, scenario.names()) if one.name.startswith("guard-")]
    assert len([one for one in kinds if "change_loses_guard" in one.finds]) >= 6
    for one in kinds:
        for mutant in one.finds:
            result = explore.explore(one, model, Plan(mutants=(mutant,)))
            assert result.finding is not None, f"{one.name} does not show {mutant}"


@pytest.mark.parametrize("model", ["split-rwsem", "typesafe-rwsem", "refcount"])
def test_no_variant_breaks_what_it_is_named_in(model: str) -> None:
    """Flags that are merged late are right wherever flags that are computed early lose a guard."""
    found = [
        other
        for one in map(scenario.load, scenario.names())
        for other in scenario.variants_of(one, model)
    ]
    letter = scenario.letter_of(model)
    assert {one.variant for one in found} == {
        one.name for one in lab.VARIANTS if letter in one.kind
    }
    for one in found:
        result = explore.explore(one, model, Plan())
        assert result.complete, one.name
        assert result.finding is None, f"{one.variant} in {one.name}: {result.finding}"


def test_a_variant_is_switched_on_and_stands_in_the_schedule() -> None:
    """With it and a mutant the schedule that is found is one that needs both lines."""
    variant = "sticky_flags_merged_late"
    one = scenario.with_variant(scenario.load("reuse-before-lock"), "refcount", variant)
    result = explore.explore(one, "refcount", Plan(mutants=("mm_not_compared",)))
    assert result.finding is not None
    text = result.finding.schedule.text()
    assert f"\nvariant {variant}\n" in text
    again = schedule.parse(text)
    assert again.variant == variant
    assert schedule.load_scenario(again).active == (variant,)
    assert explore.replay(again).violation is not None
    with pytest.raises(scenario.ScenarioError, match="there is no variant 'merged'; there are"):
        scenario.with_variant(one, "refcount", "merged")
    with pytest.raises(scenario.ScenarioError, match="does not apply to mmap-lock"):
        scenario.with_variant(one, "mmap-lock", variant)


LOST = """
bound = 1
points = ["op_*", "advise_locked", "write_*", "wait"]
setup = ["m0 = new", "m0: mmap 0x10000 2 rw shared"]
[actors]
guarder = ["m0: madvise 0x10000 1 guard_install"]
changer = ["m0: mprotect 0x10000 2 r"]
"""


def test_the_walker_misses_the_flag_of_a_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a program could see has gone wrong yet."""
    monkeypatch.setattr(explore, "FSCK_EVERY", 1)
    one = scenario.parse("lost", LOST)
    result = explore.explore(one, "refcount", Plan(mutants=("change_loses_guard",)))
    assert result.finding is not None
    assert result.finding.violation.invariant == "fsck"
    assert "is a guard, and its VMA does not have the flag" in result.finding.violation.text
    assert explore.explore(one, "refcount", Plan()).finding is None


PASSED = """
setup = ["m0 = new", "m0: mmap 0x10000 1 rw", "m0: preset 0x10 0x10000 STAMP"]
[actors]
reader = ["m0: read 0x10000"]
"""


@pytest.mark.parametrize("stamp", ["0x11", "0xffffffff", "0x10", "0"])
def test_the_walker_wants_stamps_that_have_passed(stamp: str) -> None:
    """A stamp ahead of the sequence, or one that no writer can have given."""
    one = scenario.parse("passed", PASSED.replace("STAMP", stamp))
    result = explore.explore(one, "typesafe-rwsem", Plan())
    assert result.finding is not None
    assert result.finding.violation.invariant == "fsck"
    assert "has a stamp that mm_lock_seq has not passed" in result.finding.violation.text
    good = scenario.parse("passed", PASSED.replace("STAMP", "0xf"))
    assert explore.explore(good, "typesafe-rwsem", Plan()).finding is None


def test_a_schedule_gives_the_same_trace_each_time() -> None:
    one = scenario.load("cve-2025-38554")
    result = explore.explore(one, "refcount", Plan(mutants=("foreign_wake_unpinned",)))
    assert result.finding is not None
    text = result.finding.schedule.text()
    assert schedule.parse(text) == result.finding.schedule
    done = explore.replay(schedule.parse(text), times=20)
    assert done.traces == 1
    assert done.violation is not None
    assert done.violation.invariant == "lifetime"
    assert explore.trace_text(one, done.trace) == explore.trace_text(one, result.finding.trace)


def test_a_schedule_that_does_not_fit_says_where() -> None:
    """On the intact core the exiter waits for the reader, so the schedule cannot be followed."""
    one = scenario.load("cve-2025-38554")
    result = explore.explore(one, "refcount", Plan(mutants=("foreign_wake_unpinned",)))
    assert result.finding is not None
    lines = (*result.finding.schedule.lines, ("reader", "walked"))
    broken = schedule.Schedule(one.name, "refcount", (), lines)
    done = explore.replay(broken)
    assert done.violation is None or done.violation.invariant == "diverged"
    wrong = schedule.Schedule(
        one.name, "refcount", (), (("reader", "done"), ("reader", "walked")), ""
    )
    diverged = explore.replay(wrong).violation
    assert diverged is not None
    assert diverged.invariant == "diverged"
    assert "step 2" in diverged.text
    assert diverged.text.endswith("reader does not come there: it has no operations left")


@pytest.mark.parametrize(
    ("strategy", "name", "mutant", "invariant", "preemptions"),
    [
        ("pct", "reuse-before-lock", "mm_not_compared", "grant-identity", 1),
        ("random", "lost-wake-up", "readers_unlimited", "deadlock", 5),
    ],
)
def test_what_is_found_at_random_is_made_short(
    strategy: str, name: str, mutant: str, invariant: str, preemptions: int
) -> None:
    one = scenario.load(name)
    plan = Plan(strategy=strategy, schedules=4000, mutants=(mutant,), seed=11)
    result = explore.explore(one, "refcount", plan)
    assert result.finding is not None
    assert result.finding.violation.invariant == invariant
    assert result.finding.preemptions <= preemptions
    again = explore.explore(one, "refcount", plan)
    assert again.finding is not None
    assert again.finding.schedule == result.finding.schedule


@pytest.mark.parametrize("model", ["typesafe-rwsem", "refcount"])
def test_a_fault_does_not_wait_for_an_exit(model: str) -> None:
    """A fault may find the VMA of an mm that exits, freed and used by another mm already. It looks
    again, and again for as long as the tree names that object: a livelock, if the one that exits
    is not let on. Seed 1 found it within 270 schedules while the VMAs were freed before the root
    of the tree was taken away."""
    one = scenario.load("exit-under-faults")
    plan = Plan(strategy="pct", schedules=600, seed=1)
    assert explore.explore(one, model, plan).finding is None


def test_every_point_and_every_mutant_has_its_place() -> None:
    """A point that no source passes, a mutant that nothing asks for: names without a thing."""
    text = "\n".join(
        path.read_text()
        for folder in ("src", "include/vmalab")
        for path in (NATIVE / folder).rglob("*.[ch]")
    )
    used = set(re.findall(r"\bSTEP\((\w+)", text)) | set(re.findall(r"\bSP_(\w+)", text))
    assert [point.name for point in lab.POINTS if point.name not in used] == []
    assert len(lab.POINTS) >= 60
    asked = set(re.findall(r"\b(?:MUTANT|MUTATE|INTACT)\((\w+)", text))
    assert [mutant.name for mutant in lab.MUTANTS if mutant.name not in asked] == []
    shown = {name for one in map(scenario.load, scenario.names()) for name in one.finds}
    assert shown == {mutant.name for mutant in lab.MUTANTS}
    mandatory = (1, 2, 4, 5, 7, 9, 10, 12, 13, 14, 15, 16, *range(18, 24), 30, 33, 37, 41, 44, 45)
    assert {f"B{number}" for number in mandatory} <= {lab.mutant(name).alias for name in shown}


def test_a_mutant_has_a_name_that_says_what_breaks_and_perhaps_a_number() -> None:
    """Each is found by both; no name is a number, no number another one's."""
    given = [one for mutant in lab.MUTANTS for one in (mutant.name, mutant.alias) if one]
    assert len(given) == len({one.lower() for one in given})
    for mutant in lab.MUTANTS:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", mutant.name), mutant.name
        assert lab.mutant(mutant.name) is mutant
        if mutant.alias:
            assert re.fullmatch(r"[A-Z]\d+[A-Z]?", mutant.alias), mutant.alias
            assert lab.mutant(mutant.alias) is mutant
    assert scenario.mutant_names(["B44", "stale_leaf"]) == ("leaf_changed_in_place", "stale_leaf")


def test_a_schedule_and_a_scenario_may_name_a_mutant_by_its_number() -> None:
    head = "# vmalab-sched 1\nscenario leaf-in-place\nmodel refcount\n"
    for line in ("mutant B44\n", "mutant leaf_changed_in_place\n"):
        assert schedule.parse(head + line).text() == head + "mutant leaf_changed_in_place  # B44\n"
    text = "setup = ['m0 = new']\n[actors]\na = ['m0: exit']\n[finds]\nB9 = 'x'\n[fix]\nB9 = 'y'"
    one = scenario.parse("mine", text)
    assert (one.finds, one.fix) == ({"exit_frees_attached": "x"}, {"exit_frees_attached": "y"})


def test_the_page_is_current() -> None:
    """docs/races.md is what `make races` would write now; each picture it names is there."""
    page = (ROOT / "docs" / "races.md").read_text()
    # dead_writer_excludes is found at random and named by fsck: nothing in it may be of this run
    # alone. One by its number.
    names = ("B2", "dead_writer_excludes", "fork_parent_unlocked", "stack_grows_read_locked")
    for name in (*names, "store_takes_wrong_node"):
        one = catalogue.chapter(name)
        assert one.text() in page
        assert (ROOT / "docs" / "races" / one.file).read_text() == one.picture()
    pictures = re.findall(r"\(races/(\w+\.svg)\)", page)
    assert sorted(pictures) == sorted(f"{mutant.name}.svg" for mutant in lab.MUTANTS)
    assert [name for name in pictures if not (ROOT / "docs" / "races" / name).is_file()] == []


def test_what_fsck_says_is_the_same_each_time() -> None:
    """Objects and address spaces have the names of the run, not numbers that the session gave."""
    one = scenario.load("spanning-store-everywhere")
    texts = set()
    for bound in (0, 1):  # the second search makes other mms before it comes to the same run
        for model in ("typesafe-rwsem", "refcount"):
            result = explore.explore(
                one, model, Plan(mutants=("store_takes_wrong_node",), bound=bound)
            )
            assert result.finding is not None
            texts.add(result.finding.violation.text)
    (text,) = texts
    assert re.search(r"^m1: map_count \d+, but \d+ VMAs\n", text)
    assert re.search(r"^v\d+ is allocated and not reachable$", text, re.MULTILINE)


def test_a_picture_keeps_to_its_lanes() -> None:
    """Every text ends before the next lane begins, and below the one above it.

    A letter is reckoned as 0.605 of its size, as in DejaVu Sans Mono.
    """
    pictures = sorted((ROOT / "docs" / "races").glob("*.svg"))
    assert len(pictures) == len(lab.MUTANTS)
    for path in pictures:
        name, root = path.stem, ElementTree.fromstring(path.read_text())
        width = float(root.attrib["width"])
        sizes = {"n": 10.0, "w": 11.0, "o": 11.0, "t": 11.0}
        ends: dict[tuple[float, float], float] = {}
        for text in root.iter("{http://www.w3.org/2000/svg}text"):
            if "transform" in text.attrib or text.text is None:
                continue
            size = float(text.attrib.get("font-size", sizes.get(text.attrib.get("class", ""), 12)))
            x, y = float(text.attrib["x"]), float(text.attrib["y"])
            assert (x, y) not in ends, f"{name}: two texts at {x}, {y}"
            ends[x, y] = x + 0.605 * size * len(text.text)
            assert ends[x, y] < width + 1, f"{name}: {text.text!r} is cut off"
        for (x, y), end in ends.items():
            right = [other for other, same in ends if same == y and other > x]
            assert not right or end <= min(right) + 1, f"{name}: texts at {y} overlap"


def test_a_release_core_has_no_lab(tmp_path: Path) -> None:
    name = f"nolab-{tmp_path.name[-6:]}".lower().replace("_", "-")
    with Segment.create(
        name, SegmentConfig(size_bytes=48 << 20, participants_max=16, mms_max=16, frames_max=1024)
    ) as segment:
        try:
            with segment.participant("client") as me, pytest.raises(CoreMissing):
                lab.set_mutants(me, ["mm_not_compared"])
        finally:
            segment.unlink()


def test_a_session_leaves_no_memory() -> None:
    """Also one whose actors were ended in the middle: a segment without a name lives as long as
    anything of it is mapped."""
    with session.opened(scenario.load("writer-dies"), "refcount") as one:
        one.learn()
    assert "vmalab.race-" not in Path("/proc/self/maps").read_text()
