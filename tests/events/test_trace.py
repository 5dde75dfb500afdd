# SPDX-License-Identifier: Apache-2.0
"""Goal: `vmalab trace` names who holds others up, what it does and since when; its Perfetto file
and its folded stacks say the same as the counters; a killed instance shows what each did last.

Method: a process is stopped (SIGSTOP) in the middle of a munmap, ten participants wait for it. The
trace is read while it stands, and again when all are done. The Perfetto file is read back through
Perfetto's own protobufs. A failure names the slice, the arrow or the sum that is wrong.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import slow_holder
from children import Child
from patience import HANG_S
from servers import VMALAB, vmalab, wait_for
from slow_holder import Held, since_begin
from vmalab_events.recording import Track
from vmalab_native.core import Participant, Segment, SegmentConfig
from vmalab_native.primitives import RwSem
from vmalab_native.segment_file import SegmentFile
from vmalab_native.view import SegmentView
from vmalab_native.waiting import duration
from vmalab_server.embedded import EmbeddedServer

SUPPORT = str(Path(__file__).parents[1] / "support")
WAITERS = 10
LOCK = "mmap_lock W"


@dataclass
class Planted:
    """A holder that was stopped in a munmap, and what was seen of it."""

    holder: int
    mm: int
    text: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    folded: list[str] = field(default_factory=list)
    perfetto: bytes = b""
    while_it_stands: bytes = b""
    waits: dict[int, tuple[int, int]] = field(default_factory=dict)
    stood_ns: int = 0


def traced(instance: str, *options: str) -> str:
    done = vmalab("trace", "--instance", instance, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    file = tmp_path_factory.mktemp("trace") / "t.pftrace"
    instance = f"t-{uuid4().hex[:10]}"
    config = SegmentConfig(size_bytes=128 << 20, frames_max=1 << 16, participants_max=32)
    with Segment.create(instance, config) as segment:
        try:
            with segment.participant("client") as me:
                yield plant(segment, me, file)
                assert me.fsck() == []
        finally:
            segment.unlink()


def plant(segment: Segment, me: Participant, file: Path) -> Planted:
    began = time.monotonic_ns()
    with (
        slow_holder.planted(segment, me, waiters=WAITERS) as held,
        SegmentFile.open(segment.instance) as opened,
    ):
        return watch(SegmentView(opened), held, file, began)


def watch(view: SegmentView, held: Held, file: Path, began: int) -> Planted:
    instance = view.file.instance
    seen = Planted(held.pid, held.mm)
    seen.text = traced(instance)
    seen.facts = json.loads(traced(instance, "--json", "--last", "100"))
    traced(instance, "--perfetto", str(file), "--seconds", "0")
    seen.while_it_stands = file.read_bytes()
    seen.stood_ns = time.monotonic_ns() - began
    held.end()
    traced(instance, "--perfetto", str(file), "--seconds", "0")
    seen.perfetto = file.read_bytes()
    seen.folded = traced(instance, "--folded", "--seconds", "0").splitlines()
    for row in view.participants():
        if row.comm.startswith("waiter"):
            waits = view.waits(row.index)[LOCK]
            seen.waits[row.index] = (waits.waits, waits.ns)
    return seen


def test_the_holder_is_named_with_its_call_and_since_when(planted: Planted) -> None:
    """As `vmalab locks` does: the tree, that it is stopped, what it holds."""
    (tree,) = planted.facts["trees"]
    assert (tree["pid"], tree["operation"], tree["state"]) == (planted.holder, "munmap", "stopped")
    assert [lock["name"] for lock in tree["holds"]] == ["mmap_lock"]
    assert tree["alive"]
    assert len(tree["waiters"]) == WAITERS
    for under in tree["waiters"]:
        wants = under["wants"]
        assert (under["operation"], wants["mm"]) == ("mmap", planted.mm)
        assert f"{wants['name']} {wants['mode']}" == LOCK
        assert 0 < under["wait_ns"] <= under["operation_ns"] < tree["operation_ns"]
    assert tree["operation_ns"] <= planted.stood_ns
    root, *below = planted.text[planted.text.index("who waits for whom:") :].splitlines()[2:]
    assert root.startswith(f"pid {planted.holder} (client slow, participant ")
    assert ": stopped, in munmap for " in root
    assert [line[:3] for line in below] == ["├─ "] * (WAITERS - 1) + ["└─ "]
    assert all(f"waits for {LOCK} of mm {planted.mm} for " in line for line in below)


def test_the_events_of_the_holder_end_in_its_munmap(planted: Planted) -> None:
    (holder,) = (row for row in planted.facts["participants"] if row["comm"] == "slow")
    assert holder["op"] == "munmap"
    under_way = since_begin([event["kind"] for event in holder["events"]])
    assert "end" not in under_way
    assert "taken" in under_way
    assert holder["pid"] == planted.holder


# --- the Perfetto file, read back ---


class Readback:
    """Slices, flows and counters of a file."""

    def __init__(self, data: bytes) -> None:
        from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace

        trace = Trace()
        trace.ParseFromString(data)
        pids: set[int] = set()
        self.names: dict[int, str] = {}
        self.parents: dict[int, int] = {}
        self.slices: dict[int, list[tuple[str, int, int]]] = defaultdict(list)
        self.starts: dict[int, tuple[int, int]] = {}
        self.ends: dict[int, tuple[int, int]] = {}
        self.counters: dict[int, int] = {}
        self.open: dict[int, list[tuple[str, int]]] = defaultdict(list)
        self.notes: list[tuple[str, str]] = []
        for packet in trace.packet:
            # Without a snapshot of clocks there is no other clock than the trace's own.
            assert not packet.trace_packet_defaults.timestamp_clock_id
            if packet.HasField("track_descriptor"):
                pid = packet.track_descriptor.process.pid
                assert pid not in pids, "a viewer makes one of them"
                pids |= {pid} - {0}
                self._describe(packet.track_descriptor)
            elif packet.HasField("track_event"):
                self._event(packet.timestamp, packet.track_event)

    def _describe(self, track: Any) -> None:
        assert track.uuid not in self.names, "two tracks of one number"
        self.names[track.uuid] = track.name
        if track.parent_uuid:
            self.parents[track.uuid] = track.parent_uuid

    def _event(self, time_ns: int, event: Any) -> None:
        track = event.track_uuid
        assert track in self.names, "an event of no track"
        for flow in event.flow_ids:
            assert flow not in self.starts
            self.starts[flow] = (track, time_ns)
        for flow in event.terminating_flow_ids:
            assert flow not in self.ends
            self.ends[flow] = (track, time_ns)
        if event.type == event.TYPE_SLICE_BEGIN:
            assert not self.open[track] or time_ns >= self.open[track][-1][1]
            self.open[track].append((event.name, time_ns))
            self.notes += [
                (event.name, note.string_value) for note in event.debug_annotations
                if note.name == "end"
            ]  # fmt: skip
        elif event.type == event.TYPE_SLICE_END:
            name, begin = self.open[track].pop()
            assert time_ns >= begin
            self.slices[track].append((name, begin, time_ns))
        elif event.type == event.TYPE_COUNTER:
            self.counters[track] = event.counter_value

    def of(self, who: str, what: str) -> int:
        """The track of that name below the one whose name begins so."""
        (found,) = (
            uuid for uuid, name in self.names.items()
            if name == what and self.names[self.parents.get(uuid, uuid)].startswith(who)
        )  # fmt: skip
        return found


def test_slices_nest_and_all_of_them_end(planted: Planted) -> None:
    for data in (planted.perfetto, planted.while_it_stands):
        read = Readback(data)
        assert not any(read.open.values())
        for rows in read.slices.values():
            ends: list[int] = []
            for _, begin, end in sorted(rows, key=lambda row: (row[1], -row[2])):
                while ends and ends[-1] <= begin:
                    ends.pop()
                assert not ends or end <= ends[-1], "a slice ends after the one it is in"
                ends.append(end)


def test_waits_are_inside_their_calls_and_sum_up_to_the_counters(planted: Planted) -> None:
    read = Readback(planted.perfetto)
    sums = []
    for number in range(WAITERS):
        rows = read.slices[read.of(f"waiter-{number} ", "calls and waits")]
        (call,) = (row for row in rows if row[0] == "mmap")
        waits = [row for row in rows if row[0] == f"waits for {LOCK}"]
        assert all(call[1] <= row[1] <= row[2] <= call[2] for row in waits)
        counter = read.of(f"waiter-{number} ", f"waited for {LOCK}")
        sums.append((len(waits), sum(end - begin for _, begin, end in waits)))
        assert read.counters[counter] == sums[-1][1]
    assert sorted(sums) == sorted(planted.waits.values())


def test_arrows_go_from_who_waited_to_who_released_the_lock(planted: Planted) -> None:
    read = Readback(planted.perfetto)
    assert read.starts.keys() == read.ends.keys()
    mine = {read.of(f"waiter-{n} ", "calls and waits"): n for n in range(WAITERS)}
    landed: Counter[str] = Counter()
    for flow, (track, begin) in read.starts.items():
        to, end = read.ends[flow]
        assert end >= begin
        assert read.names[to] == "events"
        assert read.parents[to] != read.parents[track], "nobody waits for itself"
        if track in mine:
            landed[read.names[read.parents[to]].split()[0]] += 1
    assert landed.total() == sum(count for count, _ in planted.waits.values())
    assert landed["slow"] >= 1


def test_an_open_call_and_its_lock_are_shown_to_the_end(planted: Planted) -> None:
    read = Readback(planted.while_it_stands)
    open_ = Counter(name for name, _ in read.notes)
    assert open_["munmap"] == 1
    assert open_["mmap"] == open_[f"waits for {LOCK}"] == WAITERS
    assert open_["mmap_lock W"] + open_["mmap_lock R"] == 1


def test_an_address_space_shows_who_held_its_lock(planted: Planted) -> None:
    read = Readback(planted.perfetto)
    rows = read.slices[read.of("address spaces", f"mm {planted.mm}")]
    for number in range(WAITERS):
        name = f"mmap_lock W, waiter-{number} {os.getpid()}: mmap"
        assert [row[0] for row in rows].count(name) == 1
    assert any(name.startswith("mmap_lock W, slow") for name, _, _ in rows)


def test_folded_stacks_sum_up_to_the_counters(planted: Planted) -> None:
    for number in range(WAITERS):
        lines = [line for line in planted.folded if line.startswith(f"waiter-{number} ")]
        assert lines
        assert all(f";mmap;{LOCK};released by " in line for line in lines)
    mine = [line for line in planted.folded if line.startswith("waiter-")]
    total = sum(int(line.rpartition(" ")[2]) for line in mine)
    counted = sum(ns for _, ns in planted.waits.values()) / 1000
    assert abs(total - counted) <= len(planted.folded)


# --- what a killed instance leaves ---

BUSY = """
import sys
sys.path.insert(0, sys.argv[2])
from operations import ARENA, Space
from vmalab_native.core import Segment
with Segment.attach(sys.argv[1]) as segment, segment.participant("worker", comm="busy") as me:
    space = Space(me, me.mm_create())
    print("ready", flush=True)
    while True:
        space.mmap(ARENA, 8)
        space.munmap(ARENA, 8)
"""


def test_a_killed_instance_shows_the_last_100_events_of_each(tmp_path: Path) -> None:
    instance = f"t-{uuid4().hex[:10]}"
    config = SegmentConfig(size_bytes=64 << 20, frames_max=1 << 14, participants_max=16)
    with Segment.create(instance, config) as segment:
        children = [Child(BUSY, instance, SUPPORT) for _ in range(2)]
        try:
            for child in children:
                assert child.line() == "ready"
            alive = vmalab("trace", "--from-dead", "--instance", instance)
            assert alive.returncode == 2
            assert "is alive: leave --from-dead out" in alive.stderr
            with SegmentFile.open(instance) as file:
                view = SegmentView(file)
                rings = [row.index for row in view.participants()]
                wait_for("they are busy", lambda: all(len(view.events(i)) >= 200 for i in rings))
            for child in children:
                child.kill()
            facts = json.loads(traced(instance, "--from-dead", "--json", "--last", "100"))
            assert {row["pid"] for row in facts["participants"]} == {c.pid for c in children}
            for row in facts["participants"]:
                assert not row["alive"]
                assert len(row["events"]) == 100
                numbers = [event["number"] for event in row["events"]]
                assert numbers == list(range(numbers[0], numbers[0] + 100))
                assert {event["op"] for event in row["events"]} == {"mmap", "munmap"}
            out = tmp_path / "dead.pftrace"
            traced(instance, "--from-dead", "--perfetto", str(out))
            assert not any(Readback(out.read_bytes()).open.values())
        finally:
            for child in children:
                child.end()
            segment.unlink()


def test_a_live_trace_reads_on(tmp_path: Path) -> None:
    """More events than a ring has come into the file, and what was lost is counted."""
    instance = f"t-{uuid4().hex[:10]}"
    config = SegmentConfig(size_bytes=64 << 20, frames_max=1 << 14, participants_max=16)
    slow = BUSY.replace("while True:", "import time\n    while True:\n        time.sleep(0.0002)")
    out = tmp_path / "live.pftrace"
    with Segment.create(instance, config) as segment:
        child = Child(slow, instance, SUPPORT)
        try:
            assert child.line() == "ready"
            options = ("--perfetto", str(out), "--seconds", "1", "--json")
            facts = json.loads(traced(instance, *options))
            read = Readback(out.read_bytes())
            calls = read.slices[read.of("busy ", "calls and waits")]
            assert facts["lost"] > 0 or len(calls) > 150
            assert {name for name, _, _ in calls} == {"mmap", "munmap"}
        finally:
            child.end()
            segment.unlink()


def test_an_instance_without_events_says_so() -> None:
    instance = f"t-{uuid4().hex[:10]}"
    config = SegmentConfig(
        size_bytes=64 << 20, frames_max=1 << 14, participants_max=16, events=False
    )
    with Segment.create(instance, config) as segment:
        try:
            done = vmalab("trace", "--instance", instance)
            assert (done.returncode, "--events off" in done.stderr) == (2, True)
        finally:
            segment.unlink()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--perfetto", "a", "--folded"], "exclude each other"),
        (["--from-dead", "--seconds", "3"], "leave --seconds out"),
        (["--seconds", "-1"], "allowed are 0 .. 3600"),
        (["--perfetto", "/nowhere/at/all", "--seconds", "0"], "/nowhere/at/all: No such file"),
    ],
)
def test_bad_usage(options: list[str], says: str, vmalab_server: EmbeddedServer) -> None:
    done = vmalab("trace", "--instance", vmalab_server.instance, *options)
    assert done.returncode == 2
    assert says in done.stderr


def test_a_trace_is_of_the_seconds_that_were_asked_for(tmp_path: Path) -> None:
    """What was over before is left out, what was under way is shown from then on; SIGINT ends the
    reading, and what was read is written."""
    file, instance = tmp_path / "t", f"t-{uuid4().hex[:10]}"
    config = SegmentConfig(size_bytes=64 << 20, frames_max=1 << 14, participants_max=16)
    with Segment.create(instance, config) as segment:
        try:
            segment.participant("client", comm="gone").release()
            me, other = (segment.participant("client", comm=name) for name in ("holder", "waiter"))
            with RwSem(me, 1).write():
                waits = threading.Thread(target=RwSem(other, 1).read().take)
                waits.start()
                time.sleep(0.6)  # it has waited in some slices that are over
                begun = time.monotonic_ns()
                command = [*VMALAB, "trace", "-i", instance, "--perfetto", str(file)]
                process = subprocess.Popen([*command, "--seconds", "3600"])
                while not list(tmp_path.glob(".t.*.new")):
                    time.sleep(0.01)
                time.sleep(0.3)
                process.send_signal(signal.SIGINT)
                assert process.wait(HANG_S) == 0
                assert [path.name for path in tmp_path.iterdir()] == ["t"]
                read = Readback(file.read_bytes())
            waits.join()
        finally:
            segment.unlink()
    lives = [name for name in read.names.values() if ", participant " in name]
    assert sorted(name.split()[0] for name in lives) == ["holder", "waiter"]
    rows = read.slices[read.of("waiter", "calls and waits")]
    assert {row[0] for row in rows} == {"waits for user R"}
    assert min(row[1] for row in rows) >= begun


def test_a_trace_that_cannot_be_written_is_refused_before_it_is_read(
    vmalab_server: EmbeddedServer, tmp_path: Path
) -> None:
    where = ("--instance", vmalab_server.instance, "--seconds", "3600")
    done = vmalab("trace", *where, "--perfetto", str(tmp_path / "none" / "t"))
    assert done.returncode == 2, "not after an hour"
    kept = tmp_path / "kept"
    kept.write_bytes(b"before")
    done = vmalab("trace", "--instance", "not-there", "--perfetto", str(kept))
    assert done.returncode == 2
    assert kept.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


SHOWN = ["350 ns", "12.3 us", "1000 us", "4.56 ms", "7.89 s", "3600 s"]


def test_durations() -> None:
    given = (350, 12_300, 999_999, 4_560_000, 7_890_000_000, 3_600_000_000_000)
    assert [duration(ns) for ns in given] == SHOWN


def test_the_commands_of_the_page(vmalab_server: EmbeddedServer, tmp_path: Path) -> None:
    """docs/looking-inside.md: each line of vmalab trace, on an instance."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "looking-inside.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    mine = [line.split() for line in lines if line.startswith("vmalab trace")]
    assert len(mine) == 4
    for _, *words in mine:
        words = [word.replace("run.pftrace", str(tmp_path / "run.pftrace")) for word in words]
        done = vmalab(*words, "--instance", vmalab_server.instance)
        assert done.returncode == 0, done.stderr
        if "--json" in words:
            assert {row["role"] for row in json.loads(done.stdout)["participants"]} >= {"worker"}
    assert (tmp_path / "run.pftrace").read_bytes()


def test_a_name_says_nothing_to_the_terminal() -> None:
    assert Track(3, pid=7, comm="\x1b[31m\nx").name == "?[31m?x 7"


@pytest.mark.parametrize(
    "words", ["locks --hung nan", "locks --hung inf", "top --once --interval nan"]
)
def test_seconds_are_a_number(words: str) -> None:
    assert vmalab(*words.split()).returncode == 2
