# SPDX-License-Identifier: Apache-2.0
"""Settings that cannot work together are refused by name; the least that is allowed works.

Goal: each bound is where it should be. Method: the value below the bound is refused in words that
name the option and the bound; at the bound, with everything else as small as it may be, every
thread that may take part does all kinds of work, several times, and fsck finds nothing.
"""

import dataclasses
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from operations import ANON, RW, Space
from servers import Serve, new_instance, vmalab
from vmalab.ops import Op
from vmalab_client import BlockBuilder, Client, parse_results
from vmalab_native.core import Segment, SegmentConfig, check_config
from vmalab_native.errors import InvalidArgument
from vmalab_server.config import ConfigError, load

PAGE = 4096
SIZES = ("size_bytes", "mms_max", "participants_max", "frames_max", "files_max", "vmas_per_mm_max")


def refusal(**sizes: int) -> str:
    with pytest.raises(InvalidArgument) as refused:
        check_config(SegmentConfig(**sizes))  # type: ignore[arg-type]
    return refused.value.detail


def least_size(**sizes: int) -> int:
    """What the refusal of a size that is too small says."""
    found = re.search(
        r"size_bytes = 4096, allowed are (\d+) \.\.", refusal(**sizes, size_bytes=4096)
    )
    assert found is not None
    return -(-int(found[1]) // PAGE) * PAGE


def tight(participants: int, **sizes: int) -> SegmentConfig:
    """As small as it may be for so many participants."""
    chosen = {"mms_max": 1, "files_max": 1, "vmas_per_mm_max": 1} | sizes
    chosen |= {"participants_max": participants, "frames_max": 8 * participants}
    return SegmentConfig(size_bytes=least_size(**chosen), **chosen)  # type: ignore[arg-type]


def small_load(segment: Segment, threads: int, turns: int) -> None:
    """Every thread faults pages in one address space and unmaps them again."""
    together = threading.Barrier(threads)
    with segment.participant("supervisor") as first:
        mm = first.mm_create(start_brk=PAGE << 20, brk=PAGE << 20)
        lock = threading.Lock()

        def work(number: int) -> None:
            with segment.participant("client") as me:
                mine = Space(me, mm)
                together.wait()
                for turn in range(turns):
                    with lock:  # one area is all that there may be
                        addr = mine.mmap(0, 1, RW, ANON).value
                        assert mine.write(addr, turn + 1).status == 0
                        assert mine.read(addr).value == turn + 1
                        assert mine.munmap(addr, 1).status == 0

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads)))
        assert first.fsck() == []
        first.mm_put(mm)
        assert first.mm_create() > 0, "the only place is free again"


@pytest.mark.parametrize("participants", [2, 3, 16, 200])
def test_a_segment_at_its_least(participants: int, each_model: str) -> None:
    config = tight(participants)
    with Segment.create(new_instance(), config, private=True) as segment:
        small_load(segment, participants - 1, 1500 // participants)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        (
            {"frames_max": 2},
            r"frames_max = 2, allowed are 2048 \.\. 2147483648 with participants_max",
        ),
        ({"frames_max": 2047}, "frames_max = 2047, allowed are 2048"),
        ({"participants_max": 3, "frames_max": 23}, "frames_max = 23, allowed are 24"),
        (
            {"size_bytes": 1 << 20},
            r"size_bytes = 1048576, allowed are \d+ .* participants_max = 256",
        ),
        ({"size_bytes": (1 << 30) + 1}, "a multiple of 4096"),
        ({"files_max": 65535, "size_bytes": 1 << 24}, "size_bytes .* files_max = 65535"),
    ],
)
def test_what_does_not_go_together_is_named(sizes: dict[str, int], words: str) -> None:
    assert re.search(words, refusal(**sizes)), refusal(**sizes)


def test_one_byte_less_is_refused_and_nothing_is_left() -> None:
    config = tight(4)
    for name in ("size_bytes", "frames_max", "participants_max", "mms_max", "files_max"):
        step = PAGE if name == "size_bytes" else 1
        less = getattr(config, name) - step
        instance = new_instance()
        if name == "participants_max":
            continue  # fewer need less
        with pytest.raises(InvalidArgument, match=name):
            Segment.create(instance, dataclasses.replace(config, **{name: less}))
        assert instance not in Segment.list_instances()


@pytest.mark.parametrize("name", SIZES)
def test_values_that_never_work(name: str) -> None:
    for value in (0, -1, 1 << 64, 1 << 31 | 1):
        if (name, value) == ("size_bytes", 1 << 31 | 1):
            continue
        with pytest.raises(InvalidArgument, match=name):
            check_config(SegmentConfig(**{name: value}))  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match=name):
            load(**{name: value})


def test_a_few_areas() -> None:
    """With as few as the limit allows, what needs more is ENOMEM, and moves are no exception."""
    for most in range(1, 9):
        config = dataclasses.replace(tight(1), vmas_per_mm_max=most)
        with (
            Segment.create(new_instance(), config, private=True) as segment,
            segment.participant("client") as me,
        ):
            space = Space(me, me.mm_create())
            addr = space.mmap(0, 4, RW, ANON).value
            statuses = {space.mremap(addr, 4, 4, 3, PAGE << 20).status}
            if most <= 4:
                assert statuses == {-12}, "a move may need four areas more"
            statuses |= {
                space.call(Op.MPROTECT, addr + n * PAGE, PAGE, n % 2).status for n in range(4)
            }
            assert statuses <= {0, -12}, most
            assert me.fsck() == []


@pytest.mark.parametrize(("workers", "threads"), [(1, 1), (2, 6), (3, 2)])
def test_a_server_at_its_least(workers: int, threads: int) -> None:
    options = {"workers": workers, "threads": threads}
    least = load(**options).participants_least
    with pytest.raises(ConfigError) as refused:
        load(**options, participants_max=least - 1)
    for word in (f"participants_max = {least - 1}", f"at least {least}", "workers", "threads"):
        assert word in str(refused.value)
    sizes = {"mms_max": 2, "files_max": 1, "participants_max": least, "frames_max": 8 * least}
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in (options | sizes).items()]
    size = least_size(**sizes)
    with Serve(*arguments, f"--size={size}") as server:
        # Every thread of every worker is at work at the same time, and each has a stream too.
        with ThreadPoolExecutor(workers * threads * 2) as pool:
            list(pool.map(lambda _: calls(server), range(workers * threads * 2)))
        with (
            Segment.attach(server.instance) as segment,
            segment.participant("client", comm="attached") as me,
        ):
            assert me.mm_list() is not None
            assert vmalab("ps", "-i", server.instance).returncode == 0
        done = vmalab("fsck", "-i", server.instance)
        assert (done.returncode, done.stderr) == (0, "")
        assert server.end() == 0
        assert "Traceback" not in server.errors


def calls(server: Serve) -> None:
    for worker in server.ready["workers"]:
        with Client(worker["address"], discover=False) as client:
            client.inspect.participants()


def test_a_batch_at_the_least() -> None:
    least = load(workers=1, threads=1).participants_least
    arguments = ("--workers=1", "--threads=1", f"--participants-max={least}", "--mms-max=1")
    with (
        Serve(*arguments, f"--frames-max={8 * least}") as server,
        Client(server.target) as client,
        client.address_space() as mm,
        client.batch() as batch,
    ):
        addr = mm.mmap(PAGE)
        for word in range(300):
            block = BlockBuilder()
            block.fault(mm.mm, addr, access=1, word=word)
            block.madvise(mm.mm, addr, PAGE, 4)
            batch.send(block)
            assert [one.status for one in parse_results(batch.receive())] == [0, 0]
        assert client.inspect.fsck(stop=True) == []


def test_the_command_names_its_own_options() -> None:
    for option, value, words in (
        ("--frames-max", "2", ("--frames-max = 2", "--participants-max = 256")),
        ("--participants-max", "2", ("--participants-max = 2", "--workers", "at least")),
        ("--size", "1M", ("--size = 1048576", "allowed are")),
        ("--mms-max", "0", ("--mms-max = 0", "1 .. 4096")),
        ("--workers", "65", ("--workers",)),
        ("--stop-grace", "-1", ("--stop-grace",)),
    ):
        done = vmalab("serve", "--listen", "127.0.0.1:0", "-i", new_instance(), option, value)
        assert done.returncode == 2, done.stderr
        assert len(done.stderr.splitlines()) == 1
        for word in words:
            assert word in done.stderr, done.stderr
        for word in ("docstring", "VL_E", "_max", "_bytes"):
            assert word not in done.stderr
