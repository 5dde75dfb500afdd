# SPDX-License-Identifier: Apache-2.0
"""Goal: whatever a segment's file holds, who looks at it ends with an answer or with one message.

Method: a segment with something in every table is copied and damaged, from a seed (`spoil.py`). A
forked child reads the copy with all readers, and where the validator finds nothing it enters the
segment, recovers and walks it. It must end by itself, within a bound of CPU time. Then whole
commands look at damaged copies. VMALAB_SEED repeats; a failure prints the seed and the damage.

The short form has some hundreds of copies of the default lock model's segment and some of each
other's; `make test-long` has ten thousand, as many of each.
"""

import os
import random
import resource
import subprocess
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import chain

import pytest

from patience import HANG_S
from servers import VMALAB, vmalab
from spoil import SMALL, Image, fill, path_of, spoil
from vmalab_native import cores
from vmalab_native.core import Segment
from vmalab_native.damage import damages
from vmalab_native.errors import NativeError, SegmentDamaged
from vmalab_native.segment_file import CACHE_VMA, SegmentFile
from vmalab_native.view import SegmentView

SHORT, FEW, LONG = 200, 24, 10_000
COMMANDS_LONG = 100
CPU_S = 60
"""A look takes hundredths of a second; what takes so much has no end."""
MMS = (65536, 65537, 65538)
SEED = int(os.environ.get("VMALAB_SEED", "1"))


@cache
def image_of(model: str) -> Image:
    """A segment of a lock model that a killed process left, undamaged."""
    name = f"d-{os.getpid()}-image"
    with Segment.create(name, replace(SMALL, model=model)) as segment:
        fill(segment)
        made = Image.of(name)
        segment.unlink()
    return made


@pytest.fixture
def image() -> Image:
    return image_of(cores.default_model())


@pytest.fixture
def instance() -> Iterator[str]:
    name = f"d-{os.getpid()}-copy"
    yield name
    path_of(name).unlink(missing_ok=True)


def _look(instance: str) -> str:
    """What a reader says of the copy: "whole", "damaged" or the name of the refusal."""
    try:
        with SegmentFile.open(instance) as file:
            view, found = SegmentView(file), damages(file)
            for number in (None, *MMS):
                _all_rows(view, number)
        if found:
            assert all(found), found
            return "damaged"
        with Segment.attach(instance) as segment, segment.participant("inspector") as me:
            me.recover()
            me.fsck()
            for info in me.mm_list():
                me.maps(info.id)
    except NativeError as error:
        return type(error).__name__ if str(error) else "failed: no message"
    return "whole"


def _all_rows(view: SegmentView, mm: int | None) -> None:
    rows: tuple[Callable[[], object], ...] = (
        *(view.info, view.slabinfo, view.vmstat, view.locks, view.participants, view.mm_list),
    )
    for row in rows if mm is None else (lambda: view.maps(mm),):
        with suppress(NativeError):
            row()


def _in_a_child(instance: str) -> str:
    """_look() in a forked child: what it says, or how it ended."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            said = _look(instance)
        except BaseException:
            said = "failed: " + traceback.format_exc()
        os.write(writer, said.encode()[:4096])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(pid, 0)
    return said if status == 0 else f"signal {os.WTERMSIG(status)}"


def _copies(image: Image, instance: str, count: int) -> Counter[str]:
    answers: Counter[str] = Counter()
    for number in range(count):
        seed = SEED * 1_000_000 + number
        what = spoil(image, instance, random.Random(seed))
        answer = _in_a_child(instance)
        assert not answer.startswith(("signal", "failed")), f"seed {seed}: {what}: {answer}"
        answers[answer] += 1
    print(f"seed {SEED}, {count} copies: {dict(answers)}")
    return answers


@pytest.mark.parametrize("model", cores.lock_models())
def test_an_undamaged_copy_is_whole(model: str, instance: str) -> None:
    image_of(model).write(instance)
    assert _in_a_child(instance) == "whole"


@pytest.mark.parametrize("model", cores.lock_models())
def test_damaged_copies_end_nobody(model: str, instance: str) -> None:
    count = SHORT if model == cores.default_model() else FEW
    answers = _copies(image_of(model), instance, count)
    assert answers["damaged"] > count // 10
    assert answers["SegmentDamaged"] > 0


@pytest.mark.long
@pytest.mark.parametrize("model", cores.lock_models())
def test_ten_thousand_damaged_copies_end_nobody(model: str, instance: str) -> None:
    count = LONG // len(cores.lock_models())
    answers = _copies(image_of(model), instance, count)
    assert answers["damaged"] > count // 10


# --- commands ---

COMMANDS = (
    ("ps",), ("maps", "--all"), ("slabinfo",), ("vmstat",), ("locks",), ("layout",), ("fsck",),
    ("fsck", "--repair"), ("ps", "--json"),
)  # fmt: skip
ATTACH = """
import sys
from vmalab_native.core import Segment
from vmalab_native.errors import NativeError
try:
    with Segment.attach(sys.argv[1]) as segment, segment.participant("client"):
        pass
except NativeError as error:
    sys.exit(f"vmalab: {error}")
"""


def _ended(command: tuple[str, ...], instance: str) -> subprocess.CompletedProcess[str]:
    if command == ("attach",):
        words = [VMALAB[0], "-c", ATTACH, instance]
    else:
        words = [*VMALAB, *command, "--instance", instance]
    return subprocess.run(
        words, capture_output=True, text=True, timeout=HANG_S, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S)),
    )  # fmt: skip


def _check_end(done: subprocess.CompletedProcess[str], what: str) -> None:
    assert done.returncode in (0, 1, 2), f"{what}: {done.returncode} {done.stderr}"
    assert "Traceback" not in done.stderr, f"{what}: {done.stderr}"
    if done.returncode:
        assert done.stdout.strip() or done.stderr.strip(), what


@pytest.mark.long
@pytest.mark.parametrize("command", [*COMMANDS, ("attach",)], ids=" ".join)
def test_commands_outlive_a_hundred_damaged_copies(
    image: Image, instance: str, command: tuple[str, ...]
) -> None:
    for number in range(COMMANDS_LONG):
        seed = SEED * 1_000_000 + number
        what = f"seed {seed}: {spoil(image, instance, random.Random(seed))}"
        _check_end(_ended(command, instance), what)


@pytest.mark.long
def test_a_hundred_damaged_copies_are_replaced(image: Image, instance: str) -> None:
    for number in range(COMMANDS_LONG):
        seed = SEED * 1_000_000 + number
        what = f"seed {seed}: {spoil(image, instance, random.Random(seed))}"
        with subprocess.Popen(
            [*VMALAB, "serve", "--replace-stale", "--json", "--instance", instance, "--workers",
             "1", "--listen", "127.0.0.1:0", "--size", "64M", "--frames-max", "65536",
             "--participants-max", "128"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as server:  # fmt: skip
            assert server.stdout is not None
            assert server.stdout.readline().startswith("{"), what
            server.terminate()
            assert server.wait(HANG_S) == 0, what


def _poke(image: Image, instance: str, region: str, field: str, value: int) -> None:
    """Another number in a field of the first slot of a table."""
    image.write(instance)
    with SegmentFile.open(instance) as file:
        kind = {"mms": "mm_struct", "header": "seg_header", "areas": "participant_area"}[region]
        offset, size = file.structs[kind].at[field]
        at = file.regions[region][0] + offset
    with path_of(instance).open("r+b") as raw:
        raw.seek(at)
        raw.write(value.to_bytes(size, "little"))


def test_fsck_names_the_damage_and_others_are_shown(image: Image, instance: str) -> None:
    """A list without an end, a tree that names nothing: one line each, exit code 1, no signal."""
    _poke(image, instance, "mms", "mm_mt", 1 << 56 | 0x12345)
    for command in (("fsck",), ("fsck", "--repair"), ("maps", "--all")):
        done = _ended(command, instance)
        assert done.returncode == 1
        assert "0x12345" in done.stdout + done.stderr, done
    _poke(image, instance, "areas", "frame_count", 1 << 30)
    done = _ended(("fsck",), instance)
    assert done.returncode == 1
    assert f"frames counts {1 << 30}" in done.stdout


def test_ps_shows_a_broken_instance_beside_others(image: Image, instance: str) -> None:
    """One whose header cannot be is a line of its own; the other is shown."""
    other = f"d-{os.getpid()}-other"
    image.write(other)
    try:
        _poke(image, instance, "header", "slots_high", 1 << 20)
        done = vmalab("ps")
        assert done.returncode == 0
        assert f"{instance}: broken: the number of slots is {1 << 20}" in done.stdout
        assert f"{other}: ready" in done.stdout
    finally:
        path_of(other).unlink()


@pytest.mark.parametrize(
    ("region", "field", "value"),
    [
        ("header", "slots_high", 9),
        ("header", "file_hint", 9),
        ("header", "size", 4096),
        ("header", "config", 0),
        ("header", "regions", 4096),
        ("header", "pages", 0),
        ("header", "caches", 0),
    ],
)
def test_attaching_refuses_what_the_header_cannot_say(
    image: Image, instance: str, region: str, field: str, value: int
) -> None:
    """The core plans the regions anew; what does not fit the plan is SegmentDamaged."""
    image.write(instance)
    with SegmentFile.open(instance) as file:
        offset, size = file.structs["seg_header"].at[field]
        raw = file.header[offset : offset + size]
    fresh = value.to_bytes(8, "little") + raw[8:] if size > 8 else value.to_bytes(size, "little")
    if field == "caches":
        fresh = raw[:36] + b"\xff\xff" + raw[38:]  # slot_bytes of the first cache
    if field == "pages":
        fresh = raw[:4] + b"\1\0\0\0" + raw[8:]  # pages_total
    with path_of(instance).open("r+b") as out:
        out.seek(offset)
        out.write(fresh)
    with pytest.raises(SegmentDamaged):
        Segment.attach(instance)
    with pytest.raises(NativeError):
        SegmentFile.open(instance)


@pytest.mark.parametrize("owner", [8, 9, 1 << 20])
@pytest.mark.parametrize("word", ["stop", "slots_lock", "anon_locks"])
def test_attaching_refuses_an_owner_that_is_nobody(
    image: Image, instance: str, word: str, owner: int
) -> None:
    """A mutex, or the stopped world, of a slot that is free or is none: who enters would wait for
    ever. The validator names it."""
    image.write(instance)
    with SegmentFile.open(instance) as file:
        offset, _ = file.structs["seg_header"].at[word]
        assert not any(file.row("participant_slot", "slots", 7)[4:8])
    with path_of(instance).open("r+b") as raw:
        raw.seek(offset)
        raw.write(owner.to_bytes(4, "little"))
    with pytest.raises(SegmentDamaged):
        Segment.attach(instance)
    with SegmentFile.open(instance) as file:
        (found,) = damages(file)
    assert f"belongs to participant {owner - 1}, which is nobody" in found


@pytest.mark.parametrize(
    "field", ["retire_tail", "account", "cancel", "name_made", "inflight", "file_pins", "stocks"]
)
def test_a_free_slot_that_is_not_clean_is_refused(image: Image, instance: str, field: str) -> None:
    """The first free slot of a damaged copy: SegmentDamaged where an assertion would end us."""
    image.write(instance)
    with SegmentFile.open(instance) as file:
        free = next(i for i in range(8) if not any(file.row("participant_slot", "slots", i)[4:8]))
        offset, _ = file.structs["participant_area"].at[field]
        at = file.regions["areas"][0] + free * file.area_bytes + offset
    with path_of(instance).open("r+b") as raw:
        raw.seek(at)
        raw.write(b"\7")
    with Segment.attach(instance) as segment, pytest.raises(SegmentDamaged):
        segment.participant("client")


@pytest.mark.parametrize("model", cores.lock_models())
def test_a_vma_that_ends_before_the_tree_says_is_shown_once(model: str, instance: str) -> None:
    """The next one after it would be itself, for ever."""
    image_of(model).write(instance)
    with SegmentFile.open(instance) as file:
        vma, view = file.structs["vm_area_struct"], SegmentView(file)
        root = file.structs["range_tree"].get(
            file.structs["mm_struct"].part(next(iter(file.mm_table())), "mm_mt"), "root"
        )
        leaf = view.leaf(root, 0)
        assert leaf is not None
        offset = file.object_of(CACHE_VMA, next(filter(None, leaf.refs)), "")
        at, size = vma.at["vm_end"]
        end = vma.get(file.read(offset, vma.size, ""), "vm_end")
    with path_of(instance).open("r+b") as raw:
        raw.seek(offset + at)
        raw.write((end - 1).to_bytes(size, "little"))
    assert _in_a_child(instance) == "SegmentDamaged"


@pytest.mark.parametrize("field", ["anon_name", "numab_state"])
@pytest.mark.parametrize("model", ["split-rwsem", "embedded-rwsem"])
def test_a_vma_that_waits_for_its_grace_period_is_looked_at(
    model: str, field: str, instance: str
) -> None:
    """What it names goes with it when it is freed, which any participant that leaves may do."""
    image_of(model).write(instance)
    with SegmentFile.open(instance) as file:
        area, retired = file.structs["participant_area"], file.structs["retired"]
        offset, _ = file.structs["vm_area_struct"].at[field]
        first = area.at["retired"][0]
        waiting = [
            retired.get(raw, "ref", first + place % 4096 * retired.size)
            for raw in map(file.area, range(file.slots_high))
            for place in range(area.get(raw, "retire_head"), area.get(raw, "retire_tail"))
            if retired.get(raw, "kind", first + place % 4096 * retired.size) == 16 + CACHE_VMA
        ]
        assert damages(file) == []
    with path_of(instance).open("r+b") as raw_file:
        raw_file.seek((waiting[0] << 4) + offset)
        raw_file.write(b"\x55\x55\x55\x55")
    with SegmentFile.open(instance) as file:
        (found,) = damages(file)
    assert found.endswith(f"the retire ring has kind 16, {waiting[0]:#x}")


def test_every_kind_of_damage_is_made(image: Image, instance: str) -> None:
    """The seeds of the short form reach every kind and every region."""
    done = " ".join(
        chain.from_iterable(
            (spoil(image, instance, random.Random(SEED * 1_000_000 + n)),) for n in range(SHORT)
        )
    )
    for word in ("bit", "byte", "word32", "word64", "copied", "zeroed", "swapped", "cut", "noise"):
        assert f"{word} in" in done
    for word in ("header", "slots", "areas", "mms", "files", "page descriptors", "frames", "pages"):
        assert f"in {word} " in done
