# SPDX-License-Identifier: Apache-2.0
"""Whose an address space or a file is, with tokens that have names; leases of files.

Goal: nobody touches what is another client's and not shared, whichever call or record names it.
Method: two clients with tokens on a server that shares nothing; each kind of access is denied,
then shared, then works. A failure names the access that was let through.
"""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from patience import HANG_S
from servers import wait_for
from vmalab.v1 import inspect_pb2
from vmalab.v1 import memory_pb2 as pb
from vmalab_client import (
    AsyncClient,
    BlockBuilder,
    Client,
    MemoryCallError,
    NotOwner,
    Unauthenticated,
    transport,
)
from vmalab_server.config import load
from vmalab_server.embedded import EmbeddedServer

PAGE = 4096
TTL_S = 0.4


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    tokens = tmp_path_factory.mktemp("tokens") / "tokens"
    tokens.touch(mode=0o600)
    tokens.write_text("alice:a secret\nbob:another\n")
    with EmbeddedServer(
        workers=2, token_file=str(tokens), share="own", ttl_default_s=TTL_S, hold_grace_s=TTL_S
    ) as running:
        yield running


@pytest.fixture
def alice(server: EmbeddedServer) -> Iterator[Client]:
    with Client(server.target, token="a secret") as client:
        yield client


@pytest.fixture
def bob(server: EmbeddedServer) -> Iterator[Client]:
    with Client(server.target, token="another") as client:
        yield client


def block_on(mm: int) -> bytes:
    block = BlockBuilder()
    block.nop()
    block.munmap(mm, 0, PAGE)
    return block.bytes()


def batch_of(client: Client, block: bytes) -> bytes:
    with client.batch() as batch:
        batch.send(block)
        return batch.receive()


def held(client: Client, mm: int) -> pb.HoldResponse:
    """The answer of a Hold stream of its own."""
    try:
        return next(client.memory.Hold(iter([pb.HoldRequest(add=[mm])])))
    except grpc.RpcError as error:
        raise transport.error_of(error) from None


def accesses(client: Client, mm: int) -> dict[str, Callable[[], object]]:
    """Every way to an address space that another one has."""
    space = client.use(mm, hold=False)
    return {
        "Mmap": lambda: space.mmap(PAGE),
        "Mincore": lambda: space.mincore(0, PAGE),
        "Fork": lambda: space.fork(),
        "KeepAlive": lambda: client.keep_alive([mm]),
        "Apply": lambda: client.apply(block_on(mm)),
        "Batch": lambda: batch_of(client, block_on(mm)),
        "GetMaps": lambda: client.inspect.maps(mm),
        "Hold": lambda: held(client, mm),
        "ShareAddressSpace": lambda: client.share(mm),
        "Exit": lambda: space.exit(),
    }


def test_what_is_anothers_is_denied_until_it_is_shared(alice: Client, bob: Client) -> None:
    mm = alice.address_space()
    for name, access in accesses(bob, mm.mm).items():
        with pytest.raises(NotOwner) as denied:
            access()
        assert denied.value.reason == "NOT_OWNER", name
        assert denied.value.metadata == {"mm": str(mm.mm), "client": "bob"}, name
    alice.share(mm.mm)
    for name, access in accesses(bob, mm.mm).items():
        try:
            access()
        except MemoryCallError:
            assert name == "Mincore", "nothing is mapped there"


def test_the_list_has_owner_and_shared(alice: Client, bob: Client) -> None:
    mine, others = alice.address_space(), bob.address_space()
    child = mine.fork()
    bob.share(others.mm)
    request = inspect_pb2.ListAddressSpacesRequest()
    listed = alice.call(alice._inspect_stub.ListAddressSpaces, request).address_spaces
    seen = {one.mm: (one.owner, one.shared) for one in listed}
    assert seen[mine.mm] == seen[child.mm] == ("alice", False)
    assert seen[others.mm] == ("bob", True)
    assert others.fork().mm, "a child shares as its parent does"


def test_files_are_owned_too(alice: Client, bob: Client) -> None:
    where = {"ino": 1 << 30, "size_bytes": PAGE, "name": "/data"}
    file, mm = alice.open_file(**where), bob.address_space()  # type: ignore[arg-type]
    for access in (
        lambda: mm.mmap(PAGE, file=file),
        lambda: bob.truncate_file(file, 0),
        lambda: bob.close_file(file),
        lambda: bob.share_file(file),
    ):
        with pytest.raises(NotOwner, match="ShareFile"):
            access()
    assert bob.open_file(**where) != file  # type: ignore[arg-type]
    alice.share_file(file)
    assert mm.mmap(PAGE, file=file)


def test_a_file_lives_as_an_address_space_does(alice: Client) -> None:
    def missing(*files: int) -> list[int]:
        request = pb.KeepAliveRequest(files=files, ttl_ms=1)
        return list(alice.call(alice.memory.KeepAlive, request).missing_files)

    held = alice.open_file(ino=1 << 31, size_bytes=PAGE, name="/held", ttl_s=600)
    left = alice.open_file(ino=1 << 32, size_bytes=PAGE, name="/left", hold=False)
    long = alice.open_file(ino=1 << 33, size_bytes=PAGE, name="/long", hold=False, ttl_s=600)
    shut = alice.open_file(ino=1 << 34, size_bytes=PAGE, name="/shut")
    alice.close_file(shut)
    assert missing(shut) == [shut]
    mm = alice.address_space(ttl_s=600)
    assert alice.wait_held(mm.mm, timeout_s=HANG_S), "what was asked for before is held too"
    assert missing(held) == [], "and has 1 ms more by itself"
    wait_for("what nobody holds is closed", lambda: missing(left) == [left])
    time.sleep(3 * TTL_S)
    assert missing(held, long) == []


def test_tokens(server: EmbeddedServer) -> None:
    with pytest.raises(Unauthenticated):
        Client(server.target, token="a guess")
    with pytest.raises(ValueError, match="TLS"):
        Client("192.0.2.1:1", token="a secret")

    async def use() -> int:
        async with AsyncClient(server.target, token="another") as client:
            mm = await client.address_space()
            return await mm.mmap(PAGE)

    assert asyncio.run(use()) > 0


def test_the_example_of_the_page(server: EmbeddedServer) -> None:
    """docs/service.md, as it is written there."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "service.md").read_text()
    texts = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (text,) = [one for one in texts if "token" in one]
    text = re.sub(r"127\.0\.0\.1:\d+", server.target, text)
    text = text.replace("the token of alice", "a secret")
    assert "a secret" in text
    subprocess.run([sys.executable, "-c", text], check=True, timeout=HANG_S)


def test_who_shares_by_default() -> None:
    tls = {"tls_cert": Path("c"), "tls_key": Path("k"), "token_file": Path("t")}
    assert load(listen="127.0.0.1:0").share_all
    assert not load(listen="127.0.0.1:0", share="own").share_all
    assert not load(listen="0.0.0.0:0", **tls).share_all
    assert load(listen="0.0.0.0:0", share="all", **tls).share_all
