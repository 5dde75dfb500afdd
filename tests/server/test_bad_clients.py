# SPDX-License-Identifier: Apache-2.0
"""A bad client beside a good one: the good one is served as if it were alone.

Goal: no client can take what the others need: slots, threads, streams, memory, files, names.
Method: a server with one worker, so that both are in it; the bad client is a process
(tests/support/bad_client.py); the good one calls in rounds, with the bad one at work and without,
in turn. Nothing may be refused to the good one, and its calls take at most 3 times as long beside
the bad one: the p99, by the medians of rounds, in the long form; the p50, by the best round, in the
short one, which other work of the machine must not make fail (tests/support/beside.py). How to read
a failure: the message has both times.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

import full_machine
from beside import LONG, RATIO_MAX, SHORT, BadClient, Beside, Length, compare
from patience import HANG_S
from servers import wait_for
from vmalab.v1 import memory_pb2 as pb
from vmalab.v1.memory_pb2_grpc import MemoryServiceStub
from vmalab_client import Client, InvalidRequest, LimitReached, transport
from vmalab_server.embedded import EmbeddedServer
from vmalab_server.limits import Limits

PAGE = 4096
GOOD, BAD = "token of the good", "token of the bad"
NOP = bytes([0, 2, *bytes(14)])
long = pytest.param(LONG, id="long", marks=pytest.mark.long)
lengths = pytest.mark.parametrize("length", [pytest.param(SHORT, id="short"), long])


def resident_mib(pid: int) -> int:
    """Memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE >> 20


@contextmanager
def good_and_bad(
    kind: str,
    tokens: Path | None = None,
    settings: dict[str, Any] | None = None,
    bad_token: str = BAD,
) -> Iterator[tuple[EmbeddedServer, Client, BadClient]]:
    """A server, a good client with an address space, and a bad client."""
    chosen: dict[str, Any] = settings or {}
    if tokens is not None:
        tokens.touch(mode=0o600)
        tokens.write_text(f"# name:token\ngood:{GOOD}\nbad:{BAD}\n")
        chosen = {**chosen, "token_file": str(tokens)}
    good, bad = (GOOD, bad_token) if tokens else ("", "")
    with (
        EmbeddedServer(workers=1, **chosen) as server,
        Client(server.target, discover=False, token=good) as client,
        BadClient(server.target, kind, bad) as other,
    ):
        yield server, client, other
        assert client.inspect.fsck(stop=True) == []


def faults(client: Client) -> Callable[[], object]:
    """What the good client does: a fault of a page of its own."""
    mm = client.address_space()
    addr = mm.mmap(PAGE)
    mm.write(addr, 7)

    def fault() -> None:
        assert mm.read(addr) == 7

    return fault


def fresh_pages(client: Client) -> Callable[[], object]:
    """The same with a fresh page each time."""
    mm = client.address_space()
    addr = mm.mmap(PAGE)

    def fault() -> None:
        mm.write(addr, 7)
        mm.madvise(addr, PAGE, 4)

    return fault


def held_until(ended: threading.Event) -> Iterator[pb.HoldRequest]:
    """The requests of a stream that stays open."""
    yield pb.HoldRequest()
    ended.wait()


def first_of(call: Iterator[pb.HoldResponse]) -> dict[str, str]:
    """What a refusal says; {}: the stream is served."""
    try:
        next(call)
    except grpc.RpcError as error:
        return transport.error_of(error).metadata
    return {}


def check(seen: Beside, kind: str) -> None:
    print(f"{kind}: {seen}")
    assert seen.ratio <= RATIO_MAX, f"{kind}: {seen}"


@lengths
def test_streams(length: Length) -> None:
    """It opens more Batch streams than there are slots, and idle ones of every other kind."""
    with good_and_bad("streams") as (server, client, bad):
        check(compare(faults(client), bad, length), "streams")
        bad.go()
        wait_for("a stream is refused", lambda: bad.heard().get("RESOURCE_EXHAUSTED"))
        mm = client.address_space()
        assert client.wait_held(mm.mm), "the good one holds"
        with client.batch() as batch:
            batch.send(NOP)
            assert batch.receive() == bytes(16)
        assert len(client.inspect.participants()) < 40, "slots do not depend on streams"
        bad.rest()
        with grpc.insecure_channel(server.target) as channel:
            stub, ended = MemoryServiceStub(channel), threading.Event()
            calls = [stub.Hold(held_until(ended)) for _ in range(140)]
            answers = [first_of(call) for call in calls]
            ended.set()
        most = {"limit": "streams_per_client_max", "max": "128", "client": "ipv4:127.0.0.1"}
        assert answers.count({}) == 128, "places are given back"
        assert answers.count(most) == 12


@lengths
def test_a_flood_of_calls(length: Length) -> None:
    """It sends large unary calls without waiting for answers."""
    limits = Limits(calls_per_client_max=64)
    with good_and_bad("flood", settings={"limits": limits}) as (server, client, bad):
        before = resident_mib(server.worker_pids[0])
        check(compare(faults(client), bad, length), "flood")
        bad.go()
        wait_for("a call is refused", lambda: bad.heard().get("RESOURCE_EXHAUSTED"))
        assert resident_mib(server.worker_pids[0]) < before + 192
        bad.rest()
        wait_for("memory is back", lambda: resident_mib(server.worker_pids[0]) < before + 64)


def test_a_refused_call_says_which_limit(tmp_path: Path) -> None:
    """The bound of a client is below the worker's, and the answer names both it and the client."""
    limits = Limits(calls_per_client_max=4)
    with good_and_bad("flood", tmp_path / "tokens", {"limits": limits}) as (server, _, _):
        token = (("authorization", "Bearer token of the bad"),)
        with grpc.insecure_channel(server.target) as channel:
            stub = MemoryServiceStub(channel)
            block = pb.ApplyRequest(block=NOP * 100_000)
            calls = [stub.Apply.future(block, metadata=token) for _ in range(64)]
            ends = [call.exception() for call in calls]
            errors = [error for error in ends if isinstance(error, grpc.RpcError)]
        assert errors, "64 calls at a time are more than 4"
        assert len(errors) < 64, "and 4 of them are served"
        for error in map(transport.error_of, errors):
            assert (error.code, error.reason) == ("RESOURCE_EXHAUSTED", "CALLS_LIMIT")
            assert error.metadata == {"limit": "calls_per_client_max", "max": "4", "client": "bad"}


@lengths
def test_what_cannot_be_decoded(length: Length) -> None:
    """It sends bytes that are no message, in unary calls and in streams."""
    with good_and_bad("garbage") as (server, client, bad):
        check(compare(faults(client), bad, length), "garbage")
        assert set(bad.met) == {"INVALID_ARGUMENT"}, bad.met
        with grpc.insecure_channel(server.target) as channel:
            for make in (channel.unary_unary, channel.stream_stream):
                method = "Batch" if make == channel.stream_stream else "Fault"
                call: Any = make(f"/vmalab.v1.MemoryService/{method}")
                with pytest.raises(grpc.RpcError) as caught:
                    call(b"\xff\xff") if method == "Fault" else list(call(iter([b"\xff\xff"])))
                error = transport.error_of(caught.value)
                assert isinstance(error, InvalidRequest)
                assert (error.reason, method in str(error)) == ("BAD_REQUEST", True)


@lengths
def test_calls_that_send_nothing(length: Length) -> None:
    """It opens unary calls and keeps their messages to itself."""
    limits = Limits(receive_ms_max=300)
    with good_and_bad("silent", settings={"limits": limits}) as (_, client, bad):
        check(compare(faults(client), bad, length), "silent")
        bad.go()
        wait_for("a thread is given back", lambda: bad.heard().get("CANCELLED"))
        bad.rest()


@lengths
def test_files_that_are_left(length: Length, tmp_path: Path) -> None:
    """It opens files, closes none, and goes."""
    sizes = {"files_max": 64, "ttl_default_s": 0.5}
    with good_and_bad("files", tmp_path / "tokens", sizes) as (server, client, bad):
        check(compare(faults(client), bad, length), "files")
        bad.go()
        wait_for("its quota is full", lambda: bad.heard().get("RESOURCE_EXHAUSTED"))
        kept = [client.open_file(ino=ino, size_bytes=PAGE, name="/good") for ino in range(1, 30)]
        bad.rest()

        with Client(server.target, discover=False, token="token of the bad") as again:

            def room() -> bool:
                try:
                    again.open_file(ino=1 << 50, size_bytes=PAGE, name="/more", hold=False)
                except LimitReached:
                    return False
                return True

            wait_for("what was left is closed", room)
        time.sleep(1.0)  # twice the time that a file has which nobody holds
        mm = client.address_space()
        for file in kept:
            mm.mmap(PAGE, file=file)


@lengths
def test_an_address_space_that_fills_its_quota(length: Length, tmp_path: Path) -> None:
    """Both have one token: the bad one's address space has its own, and no more."""
    mms, each = 4, 256
    sizes = {"frames_max": 1 << 14, "account_frames_max": mms * each, "frames_per_mm_max": each}
    with good_and_bad("frames", tmp_path / "tokens", sizes, bad_token=GOOD) as (_, client, bad):
        check(compare(fresh_pages(client), bad, length), "frames")
        assert set(bad.met) == {"RESOURCE_EXHAUSTED"}, bad.met
        bad.go()
        wait_for("its quota is full", lambda: bad.heard()["RESOURCE_EXHAUSTED"])
        spaces = [client.address_space() for _ in range(mms - 1)]
        for mm in spaces:
            at = mm.mmap(each * PAGE)
            for page in range(each):
                mm.write(at + page * PAGE, page)
        bad.rest()


@lengths
def test_address_spaces_of_others(length: Length, tmp_path: Path) -> None:
    """It tries to unmap what others have, by all numbers."""
    with good_and_bad("foreign", tmp_path / "tokens", {"share": "own"}) as (_, client, bad):
        check(compare(faults(client), bad, length), "foreign")
        assert bad.met.get("PERMISSION_DENIED"), bad.met
        assert set(bad.met) <= {"PERMISSION_DENIED", "NOT_FOUND"}, bad.met


@lengths
def test_a_full_machine(length: Length) -> None:
    """Something else fills /dev/shm: what needs memory is refused, all else goes on.

    Method: tests/support/full_machine.py in a user and mount namespace with a small tmpfs there.
    """
    program = Path(full_machine.__file__)
    word = "long" if length is LONG else ""
    inside = (
        f"mount -t tmpfs -o size={full_machine.ROOM} tmpfs /dev/shm"
        f" && exec {sys.executable} {program} {word}"
    )
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", inside],
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_S,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print(f"full: {found['seen']}")
    assert found["ratio"] <= RATIO_MAX, found["seen"]
    assert found["refused"] == dict.fromkeys(("fault", "mmap", "fork"), "NO_MEMORY")
    assert set(found["commands"].values()) == {0}, found["commands"]
    assert found["problems"] == []
