# SPDX-License-Identifier: Apache-2.0
"""Goal: what `vmalab top` shows is what the segment has: who, how much, how fast, since when, and
who holds up whom; and no instance keeps it from showing the others.

Method: segments with known contents and one planted slow holder are looked at twice, without a
terminal. The rows of each view are compared with what was done. A failure shows the row.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from patience import HANG_S
from servers import vmalab, wait_for
from slow_holder import AREA, PAGE, planted, stuck_in_mutex, stuck_reader
from spoil import SMALL, fill
from vmalab import pack
from vmalab_cli import app
from vmalab_cli.live import facts, figures, views, zoom
from vmalab_cli.live.page import COLUMNS_MAX, Column, Page, Row, Zoom, arranged
from vmalab_cli.live.watch import Watch
from vmalab_cli.live.world import LOCK_COUNTERS, Look, World
from vmalab_native.checks import SHM_DIRECTORY
from vmalab_native.core import Participant, Segment, SegmentConfig
from vmalab_native.errors import SegmentMissing
from vmalab_native.sample import CALLS, WAITS, Sample, take
from vmalab_native.view import SegmentView

WAITERS = 10
CONFIG = SegmentConfig(
    size_bytes=1 << 27,
    participants_max=32,
    mms_max=64,
    model="typesafe-rwsem",
    layout="aligned",
)
"""With a lock in each VMA, whatever lock model the run is of."""


@pytest.fixture
def segment() -> Iterator[Segment]:
    with Segment.create(f"top-{os.getpid()}-{os.urandom(3).hex()}", CONFIG) as made:
        yield made
        made.unlink()


@pytest.fixture
def me(segment: Segment) -> Iterator[Participant]:
    with segment.participant("client", comm="tester") as one:
        yield one


@pytest.fixture
def watch(segment: Segment) -> Iterator[Watch]:
    one = Watch([segment.instance])
    yield one
    one.close()


def seen(world: World, name: str) -> Look:
    look = world.look(name)
    assert look is not None
    assert look.error == ""
    return look


def cells(page: Page, key: object) -> dict[str, str]:
    """The row with that key, by the names of the columns."""
    (row,) = [row for row in page.rows if row.key == key]
    return dict(zip((column.name for column in page.columns), row.cells, strict=True))


def mapped(me: Participant, pages: int) -> int:
    mm = me.mm_create()
    me.run(pack.mmap(mm, AREA, pages * PAGE, 3, 0x22 | 0x10, 0, 0, 0))
    return mm


def test_figures() -> None:
    assert [figures.count(n) for n in (0, 9999, 12345, 999600, 1234567, 5e9)] == [
        *("0", "9999", "12.3k", "1.00M", "1.23M", "5.00G")
    ]
    assert [figures.per_second(n) for n in (None, 0, 0.25, 12.3)] == ["-", "0", "0.2", "12"]
    sizes = [figures.pages(n) for n in (0, 3, 256, 384, 1 << 28)]
    assert sizes == ["0K", "12K", "1M", "1.5M", "1T"]
    times = (0, 12_300, 4_200_000, 42_000_000, 1_500_000_000, 120 * 10**9, 7200 * 10**9)
    assert [figures.seconds(ns) for ns in times] == [
        *("0 µs", "12 µs", "4.2 ms", "42 ms", "1.5 s", "120 s", "2.0 h")
    ]
    assert figures.seconds(10**9, at_least=True) == "≥1.0 s"
    assert (figures.share(1, 3), figures.share(0, 0)) == ("33.3", "-")


def test_every_counter_is_counted_once(segment: Segment) -> None:
    """The calls and waits that are added up are counters; each counter stands in one group."""
    names = {*segment.vmstat()}
    assert {*CALLS, *WAITS, *LOCK_COUNTERS} <= names
    grouped = [name for group in views.groups(names).values() for name in group]
    assert sorted(grouped) == sorted(names)


def test_every_table_fits() -> None:
    """Into 80 columns, with the scroll bar."""
    pages = [views.view(World(0, "", ()), None, name) for name in views.VIEWS]
    zooms = (Zoom("a", "space", (1,)), Zoom("a", "vma", (1, 2)), Zoom("a", "thread", (0, 1)))
    pages += [zoom.page(Look("a"), one) for one in zooms]
    assert {page.title: page.width for page in pages if page.width > COLUMNS_MAX} == {}


def test_rows_are_sorted_and_filtered() -> None:
    columns = (Column("name", 6, left=True), Column("n", 3))
    rows = [Row(i, (name, str(n)), (name, n)) for i, (name, n) in enumerate([("b", 2), ("a", 10)])]
    page = Page("p", columns, (*rows, Row(2, ("abcdefgh", "2"), ("abcdefgh", 2))), "none")

    def names(sort: int | None, *, reverse: bool = False, wanted: str = "") -> list[str]:
        found = arranged(page, sort=sort, reverse=reverse, wanted=wanted)
        return [row.cells[0] for row in found.rows]

    assert names(None) == ["b", "a", "abcdefgh"]
    assert names(0) == ["a", "abcdefgh", "b"]
    assert names(1) == ["a", "b", "abcdefgh"], "numbers: the largest first, in their order"
    assert names(1, reverse=True) == ["b", "abcdefgh", "a"]
    assert names(0, wanted="BC") == ["abcdefgh"]
    assert page.line(page.rows[2].cells) == "abcde…   2"
    assert (page.column("N"), page.column("x"), page.column("")) == (0, None, None)


def test_rates_are_differences(segment: Segment, me: Participant, watch: Watch) -> None:
    """The first look knows no rate. Faults and calls between two looks are theirs, by the second,
    of the instance and of the thread."""
    mm = mapped(me, 8)
    first = seen(watch.look(), segment.instance)
    assert (first.faults, first.calls, first.seconds) == (None, None, 0.0)
    me.run(pack.fault(mm, AREA, None, 1) * 1000 + pack.mincore(mm, AREA, PAGE) * 10)
    look = seen(watch.look(), segment.instance)
    assert look.faults is not None
    assert look.calls is not None
    assert round(look.faults * look.seconds) == 1000
    assert round(look.calls * look.seconds) == 10
    (one,) = look.sample.attached if look.sample else ()
    assert [round((rate or 0) * look.seconds) for rate in look.rates(one)] == [1000, 10]
    again = seen(watch.look(), segment.instance)
    assert (again.faults, again.calls) == (0.0, 0.0)


def test_views_have_what_is_there(segment: Segment, me: Participant, watch: Watch) -> None:
    mm = mapped(me, 8)
    me.run(pack.fault(mm, AREA, None, 1) * 3 + pack.munmap(mm, AREA + PAGE, PAGE))
    watch.look()
    world = watch.look(Zoom(segment.instance, "space", (mm,)))
    look = seen(world, segment.instance)
    row = cells(views.instances(world), segment.instance)
    assert (row["state"], row["threads"], row["spaces"]) == ("no server", "1", "1")
    row = cells(views.clients(look), (me.index, 1))
    assert (row["who"], row["pid"], row["state"]) == ("client tester", str(os.getpid()), "outside")
    assert views.workers(look).rows == ()
    row = cells(views.spaces(look), mm)
    assert (row["VMAs"], row["size"], row["resident"], row["holder"]) == ("2", "28K", "4K", "")
    page = zoom.page(look, Zoom(segment.instance, "space", (mm,)))
    assert [row.cells[:3] for row in page.rows] == [
        (f"{AREA:x}-{AREA + PAGE:x}", "rw-p", "4K"),
        (f"{AREA + 2 * PAGE:x}-{AREA + 8 * PAGE:x}", "rw-p", "24K"),
    ]
    known = segment.vmstat()
    for name in ("pgfault", "munmap", "vma_lock_success"):
        assert cells(views.counters(look), name)["total"] == f"{known[name]:,}"
    info = {one.name: one for one in segment.slabinfo()}["vm_area_struct"]
    row = cells(views.slab(look), "vm_area_struct")
    assert (row["used"], row["objects"]) == (str(info.active_objs), str(info.num_objs))
    vma = zoom.page(
        seen(watch.look(Zoom(segment.instance, "vma", (mm, AREA))), segment.instance),
        Zoom(segment.instance, "vma", (mm, AREA)),
    )
    assert vma.facts[0].startswith(f"{AREA:x}-{AREA + PAGE:x} rw-p 4K")


def test_a_thread_and_its_last_events(segment: Segment, me: Participant, watch: Watch) -> None:
    """The newest first, with what their values mean."""
    mm = mapped(me, 8)
    me.run(pack.munmap(mm, AREA + PAGE, PAGE) + pack.munmap(mm, AREA + 1, PAGE))
    close = Zoom(segment.instance, "thread", (me.index, 1))
    page = zoom.page(seen(watch.look(close), segment.instance), close)
    assert "holds no lock" in page.facts
    assert "no wait is over yet" in page.facts
    assert "faults 0 (-/s)" in page.facts[0]
    ends = [row.cells for row in page.rows if row.cells[1] == "end"]
    assert [cells[-1] for cells in ends[:2]] == ["EINVAL", "0"]
    begins = [row.cells[1:] for row in page.rows if row.cells[1] == "begin"]
    assert begins[:2] == [
        ("begin", "munmap", "", str(mm), f"{AREA + 1:x}"),
        ("begin", "munmap", "", str(mm), f"{AREA + PAGE:x}"),
    ]
    assert page.rows[-1].cells[1] == "join"


def test_why_faults_of_a_vma_took_mmap_lock(
    segment: Segment, me: Participant, watch: Watch
) -> None:
    """The reasons are those that the rings have, from the first look on, by the VMA that is there
    at the next look; where nothing is mapped they are of no VMA. A fault that is served with the
    lock of its VMA gives no reason."""
    mm, at, nowhere = mapped(me, 8), AREA + 9 * PAGE, AREA + 20 * PAGE
    missed = pack.fault(mm, at, None, 1)
    early = AREA + 40 * PAGE

    def mapping(addr: int) -> bytes:
        return pack.mmap(mm, addr, PAGE, 3, 0x22 | 0x10, 0, 0, 0)

    me.run(missed + pack.fault(mm, early, None, 1) + mapping(early))
    watch.look()
    there = mapping(at)
    me.run(missed * 2 + pack.fault(mm, nowhere, None, 1) + there + pack.fault(mm, AREA, None, 1))
    closer = Zoom(segment.instance, "vma", (mm, at))
    look = seen(watch.look(closer), segment.instance)
    key = ("vm_lock", mm, at, at + PAGE)
    assert look.gave_up == {key: {"abort_no_vma": 2}}
    assert cells(views.vmas(look), key)["gave up"] == "2"
    assert zoom.page(look, closer).facts[-1] == "faults that took mmap_lock: abort_no_vma 2"
    (row,) = facts.of(World(0, "", (look,)))["instances"][0]["gave_up"]
    assert row == {
        "name": "vm_lock", "mm": mm, "start": at, "end": at + PAGE,
        "reasons": {"abort_no_vma": 2},
    }  # fmt: skip


def test_what_has_ended_says_so(segment: Segment, me: Participant, watch: Watch) -> None:
    look = seen(watch.look(), segment.instance)
    name = segment.instance
    for one, said in (
        (Zoom(name, "space", (65536 * 7,)), "it has ended"),
        (Zoom(name, "vma", (65536 * 7, AREA)), "it has been unmapped"),
        (Zoom(name, "thread", (9, 9)), "it has left"),
    ):
        page = zoom.page(look, one)
        assert page.rows == ()
        assert page.empty.startswith(said)


def test_the_oldest_reader(segment: Segment, me: Participant, watch: Watch) -> None:
    """A reader that stays in its section is there with its age; one that reads again and again is
    never old."""
    assert "no RCU reader" in views.about(seen(watch.look(), segment.instance))
    me.rcu_read_lock()
    try:
        watch.look()
        time.sleep(0.2)
        look = seen(watch.look(), segment.instance)
        found = look.oldest_reader()
        assert found is not None
        assert look.sample is not None
        assert found[0].info.index == me.index
        assert found[1].at_least
        assert look.sample.at_ns - found[1].ns >= 200_000_000
        assert views.about(look)[-1].startswith("oldest RCU reader: client tester")
    finally:
        me.rcu_read_unlock()
    assert seen(watch.look(), segment.instance).oldest_reader() is None


def test_a_slow_holder_is_named(segment: Segment, me: Participant, watch: Watch) -> None:
    """It is named with its operation and since when; ten wait, under it; their wait is counted."""
    with planted(segment, me, waiters=WAITERS) as held:
        watch.look()
        time.sleep(views.LONG_WAIT_S)
        world = watch.look()
        look = seen(world, segment.instance)
        lines = views.wrong(look)
        assert f"pid {held.pid} (client slow), stopped, in munmap for " in lines[0]
        assert f"of mm {held.mm}: 10 wait" in lines[1]
        locks = views.locks(look)
        assert (locks.rows[0].cells[0], locks.rows[0].bad) == (f"{held.pid} client slow", True)
        assert locks.rows[0].cells[1:3] == ("stopped", "munmap")
        below = [row.cells[0] for row in locks.rows[1:]]
        assert len(below) == WAITERS
        assert all(who.startswith(("├ ", "└ ")) for who in below)
        row = cells(views.spaces(look), held.mm)
        assert row["waiting"] == "10"
        assert row["holder"].split()[1] == str(held.pid)
        (space,) = [row for row in views.spaces(look).rows if row.key == held.mm]
        assert float(space.order[-1]) == pytest.approx(10_000, rel=0.01), "ten wait all the time"
        (instance,) = views.instances(world).rows
        assert instance.bad
        (row_of_json,) = facts.of(world)["instances"][0]["held_up"]
        assert (row_of_json["pid"], row_of_json["operation"]) == (held.pid, "munmap")
        assert len(row_of_json["waiting"]) == WAITERS
        assert row_of_json["operation_s"] >= views.LONG_WAIT_S
        done = vmalab("top", "--once", "--view", "locks", "-i", segment.instance)
        assert done.returncode == 0, done.stderr
        assert f"pid {held.pid} (client slow), stopped, in munmap for " in done.stdout
    watch.look()
    assert views.wrong(seen(watch.look(), segment.instance)) == []


def test_a_chain(segment: Segment, me: Participant, watch: Watch) -> None:
    """A fault is stopped with the lock of its VMA, a munmap waits for that, mmaps wait for the
    munmap. The one who is stopped is at the root, and the VMA is the hottest."""
    with stuck_reader(segment, me, waiters=3) as held:
        watch.look()
        time.sleep(0.2)
        look = seen(watch.look(), segment.instance)
        who = [row.cells[0] for row in views.locks(look).rows]
        assert who[0] == f"{held.pid} client slow"
        assert who[1].startswith("└ ")
        assert [name[:4] for name in who[2:]] == ["  ├ ", "  ├ ", "  └ "]
        assert "4 wait" in views.held_up(look.trees[0])
        (row,) = views.vmas(look).rows
        assert row.zoom == Zoom(segment.instance, "vma", (held.mm, AREA))
        assert row.cells[2:4] == ("1", "1")
        assert row.cells[-1] == str(held.pid)
        assert row.cells[-2] == "0", "no fault gave up"
        assert row.order[5] == pytest.approx(look.seconds * 1e9), "one waits all the time"
        watch_vma = Zoom(segment.instance, "vma", (held.mm, AREA))
        page = zoom.page(seen(watch.look(watch_vma), segment.instance), watch_vma)
        assert sorted(row.cells[4] for row in page.rows) == ["held R", "waiting W"]


def test_a_thread_that_is_stopped_with_a_short_mutex(
    segment: Segment, me: Participant, watch: Watch
) -> None:
    """Nobody announces a short mutex. Who has it is at the root all the same: in `vmalab top`,
    `vmalab locks` and `vmalab trace`, with its operation; and in nothing when it has gone on."""
    with stuck_in_mutex(segment, me, waiters=3) as held:
        look = seen(watch.look(), segment.instance)
        (tree,) = [tree for tree in look.trees if tree.waiters]
        assert (tree.task.pid, tree.task.state, tree.task.operation) == (
            *(held.pid, "stopped", "mm_create"),
        )
        assert [lock.name for lock in tree.task.holds] == ["slots lock"]
        assert len(tree.waiters) == 3
        assert "holds slots lock: 3 wait" in views.held_up(tree)
        where = ("-i", segment.instance)
        for command in ("locks", "trace"):
            said = vmalab(command, *where).stdout
            root = f"pid {held.pid} (client slow, participant {held.slot}): stopped, in mm_create"
            assert re.search(rf"^{re.escape(root)} for [0-9.]+ s, holds slots lock$", said, re.M)
            assert len(re.findall("waits for slots lock for", said)) == 3
        listed = vmalab("locks", *where).stdout
        assert re.search(rf"^slots lock +W +held +{held.pid} ", listed, re.MULTILINE)
        assert vmalab("locks", "--hung", "0", *where).returncode == 1
        held.end()
        assert vmalab("locks", *where).stdout == "no lock is held or waited for\n"


@pytest.fixture
def small() -> Iterator[Segment]:
    """One that is quick to copy."""
    config = replace(SMALL, model=CONFIG.model, layout=CONFIG.layout)
    with Segment.create(f"top-{os.getpid()}-{os.urandom(3).hex()}", config) as made:
        fill(made)
        yield made
        made.unlink()


def test_a_broken_instance_does_not_end_it(small: Segment) -> None:
    """One that is no segment, one that is cut short, one that is damaged: each is a row with an
    error, the others are shown; and one that comes right is shown again."""
    segment = small
    names = [f"{segment.instance}-{kind}" for kind in ("not", "cut", "bad")]
    paths = [SHM_DIRECTORY / f"vmalab.{name}" for name in names]
    whole = (SHM_DIRECTORY / f"vmalab.{segment.instance}").read_bytes()
    watch = Watch([segment.instance, *names, "top-nobody"])
    try:
        paths[0].write_bytes(b"this is no segment" * 1000)
        paths[1].write_bytes(whole[:10_000])
        paths[2].write_bytes(whole)
        watch.look()
        with paths[2].open("r+b") as file:  # while it is watched
            file.seek(4096)
            file.write(b"\xff" * (1 << 20))
        world = watch.look()
        errors = {look.name: look.error for look in world.looks}
        assert errors.pop(segment.instance) == ""
        assert all(errors.values()), errors
        states = {row.key: row.cells[1] for row in views.instances(world).rows}
        assert [states[name] for name in (*names, "top-nobody")] == ["error"] * 4
        assert len(views.all_wrong(world)) == 4
        paths[0].unlink()
        paths[0].write_bytes(whole)
        assert seen(watch.look(), names[0]).sample is not None
    finally:
        watch.close()
        for path in paths:
            path.unlink(missing_ok=True)


def test_one_that_does_not_answer(
    segment: Segment, me: Participant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that does not come back is an error after the patience, and is not begun again."""
    from vmalab_cli.live import watch as module

    goes_on, begun = threading.Event(), []

    def slow(view: SegmentView) -> Sample:
        begun.append(view)
        goes_on.wait(HANG_S)
        return take(view)

    monkeypatch.setattr(module, "take", slow)
    watch = Watch([segment.instance], patience_s=0.05)
    try:
        for _ in range(2):
            (look,) = watch.look().looks
            assert look.error == "it does not answer within 0.05 s"
        assert len(begun) == 1
    finally:
        goes_on.set()

    def answers() -> bool:
        (look,) = watch.look().looks
        return look.error == "" and look.sample is not None

    wait_for("it answers", answers)
    watch.close()


def test_all_instances(segment: Segment, me: Participant) -> None:
    """Without a name: those that there are, as they come and go."""
    watch = Watch()
    other = f"{segment.instance}-b"
    try:
        assert watch.look().look(segment.instance) is not None
        with Segment.create(other, CONFIG) as second:
            assert watch.look().look(other) is not None
            second.unlink()
        assert watch.look().look(other) is None
    finally:
        watch.close()


def test_once(segment: Segment, me: Participant) -> None:
    """Each view as text, at most 80 columns wide; and as JSON."""
    mapped(me, 4)
    where = ("--once", "--interval", "0.1", "-i", segment.instance)
    for name in ("instances", "slab"):
        done = vmalab("top", *where, "--view", name)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        assert [line for line in lines if len(line) > 80] == []
        assert f"{views.TITLES[views.VIEWS.index(name)]}:" in lines
    assert any(line.startswith("vm_area_struct") for line in lines)
    done = vmalab("top", *where, "--json")
    (row,) = json.loads(done.stdout)["instances"]
    assert row["instance"] == segment.instance
    assert row["threads"][0]["name"] == "client tester"
    assert row["interval_s"] >= 0.1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--view", "nothing", "--once"], "--view nothing: give one of instances, workers"),
        (["--sort", "nothing", "--once"], "the view instances has the columns instance, state"),
        (["--json"], "--json goes with --once"),
        ([], "standard output is not a terminal: --once prints one frame as text"),
    ],
)
def test_wrong_usage(options: list[str], said: str) -> None:
    done = CliRunner().invoke(app.app, ["top", *options])
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())


def test_a_name_that_is_not_there() -> None:
    done = CliRunner().invoke(app.app, ["top", "--once", "-i", "top-nobody"])
    assert isinstance(done.exception, SegmentMissing)
