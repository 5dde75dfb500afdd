# SPDX-License-Identifier: Apache-2.0
"""Goal: protection keys are an instance's property, a process's state, and reach every client.

Method: address spaces of each lock model with keys and without; the calls of the Python client on a
real server. What each call answers is recorded from a kernel with keys (tests/vectors/pkeys.vec);
here it is about what fork, exec and options make of it.
"""

from __future__ import annotations

import asyncio

import pytest

from operations import EXEC, RW, Space, space
from servers import vmalab
from vmalab.ops import Op
from vmalab_client import AsyncClient, Client, FaultSignal, Map, MemoryCallError, ProcessSetup, Prot
from vmalab_native import machine
from vmalab_native.core import MmSetup
from vmalab_server.config import ConfigError, load
from vmalab_server.embedded import EmbeddedServer

A = 0x2000_0000_0000
PAGE = 4096
PKUERR = (11, 4)
ALLOC, FREE, MPROTECT = 41, 42, 22


def touched(s: Space, addr: int = A) -> tuple[int, int]:
    got = s.call(Op.FAULT, addr)
    return got.status, got.info & 0xFF if got.status else 0


@pytest.mark.usefixtures("each_model")
def test_fork_inherits_and_exec_begins_anew() -> None:
    with space(pkeys=True) as s:
        me = s.participant
        assert s.mmap(A, 1, EXEC).status == 0
        assert s.call(ALLOC, 0, 0).value == 2
        child = Space(me, s.call(Op.FORK).value)
        assert touched(child) == touched(s) == PKUERR
        assert child.call(ALLOC, 0, 0).value == 3
        assert s.call(ALLOC, 0, 0).value == 3, "each has keys of its own since"
        maps = f"{A:x}-{A + PAGE:x} --xp 00000000 00:00 0 \n"
        new = Space(me, me.mm_exec(child.mm, maps=maps))
        assert new.call(ALLOC, 0, 0).value == 2, "the program has an area that is executed alone"
        assert touched(new) == PKUERR
        new.exit()


@pytest.mark.usefixtures("each_model")
def test_without_keys_nothing_shows() -> None:
    """As on this machine, if it has none: the first pkey_alloc says EINVAL, all others ENOSPC."""
    with space(pkeys=False) as s:
        assert s.mmap(A, 2, EXEC).status == 0
        assert touched(s) == (0, 0)
        assert [s.call(ALLOC, 0, 0).status for _ in range(3)] == [-22, -28, -28]
        assert s.call(FREE, 0).status == s.call(FREE, 1).status == -22
        assert s.call(MPROTECT, A, PAGE, RW, 0).status == -22
        assert s.call(MPROTECT, A, PAGE, RW, -1).status == 0
        assert "ProtectionKey" not in s.participant.smaps(s.mm)
        child = Space(s.participant, s.call(Op.FORK).value)
        assert child.call(ALLOC, 0, 0).status == -28, "a child has what its maker asked for"
        new = Space(s.participant, s.participant.mm_exec(child.mm))
        assert [new.call(ALLOC, 0, 0).status for _ in range(2)] == [-22, -28]
        new.exit()


@pytest.mark.parametrize("instance", [True, False])
def test_one_address_space_may_be_of_another_machine(instance: bool) -> None:
    with space(pkeys=instance) as s:
        assert s.participant.segment.config.pkeys is instance
        setup = MmSetup(protection_keys=not instance)
        other = Space(s.participant, s.participant.mm_create(setup=setup))
        for one, keys in ((s, instance), (other, not instance)):
            assert one.mmap(A, 1, EXEC).status == 0
            assert (touched(one) == PKUERR) is keys
            assert ("ProtectionKey:         1" in one.participant.smaps(one.mm)) is keys
        other.exit()


def test_move_between_areas_with_different_keys_is_refused() -> None:
    with space(pkeys=True) as s:
        assert s.mmap(A, 4).status == 0
        assert s.call(Op.FAULT, A, 7, flags=5).status == 0
        assert s.call(Op.FAULT, A + 2 * PAGE, 7, flags=5).status == 0
        key = s.call(ALLOC, 0, 0).value
        assert s.call(MPROTECT, A + 2 * PAGE, PAGE, RW, key).status == 0
        assert s.call(Op.UFFD_MOVE, A + 3 * PAGE, A + 2 * PAGE, PAGE, 0).status == -22
        assert s.call(Op.UFFD_MOVE, A + 3 * PAGE, A, PAGE, 0).value == PAGE


def test_a_client_asks_for_keys() -> None:
    with (
        EmbeddedServer(workers=1, pkeys="on", log_level="error") as server,
        Client(server.target) as client,
        client.address_space() as mm,
        client.address_space(setup=ProcessSetup(protection_keys=False)) as old,
    ):
        mm.mmap(PAGE, addr=A, prot=Prot.EXEC, flags=Map.PRIVATE | Map.ANONYMOUS | Map.FIXED)
        with pytest.raises(FaultSignal, match="SEGV_PKUERR") as caught:
            mm.read(A)
        assert (caught.value.signal, caught.value.si_code) == PKUERR
        key = mm.pkey_alloc(rights=2)
        assert key == 2
        mm.pkey_mprotect(A, PAGE, Prot.READ | Prot.WRITE, key)
        mm.read(A)
        with pytest.raises(FaultSignal, match="SEGV_PKUERR"):
            mm.write(A, 5)
        mm.pkey_free(key)
        with pytest.raises(MemoryCallError, match="Invalid argument"):
            mm.pkey_free(key)
        with pytest.raises(MemoryCallError, match="Invalid argument"):
            old.pkey_alloc()


async def _with_keys(target: str) -> None:
    async with AsyncClient(target) as client, await client.address_space() as mm:
        assert await mm.pkey_alloc() == 1
        await mm.pkey_free(1)
        with pytest.raises(MemoryCallError, match="Invalid argument"):
            await mm.pkey_free(1)


def test_an_asynchronous_client_asks_for_keys() -> None:
    with EmbeddedServer(workers=1, pkeys="on", log_level="error") as server:
        asyncio.run(_with_keys(server.target))


def test_a_server_without_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The option in the environment, as every other; and a word that is none is refused."""
    monkeypatch.setenv("VMALAB_PKEYS", "off")
    assert load().segment().pkeys is False
    assert load(pkeys="on").segment().pkeys is True
    assert load(pkeys="machine").segment().pkeys is machine.has_pkeys()
    with pytest.raises(ConfigError, match="pkeys"):
        load(pkeys="some")
    assert load(overcommit="2").segment().overcommit == 2
    with pytest.raises(ConfigError, match="overcommit"):
        load(overcommit="3")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("load", "--pkeys", "some"), "--pkeys some: give machine, on or off"),
        (
            ("load", "--pkeys", "on", "--target", "127.0.0.1:1"),
            "--pkeys is for an instance started here, not for 127.0.0.1:1",
        ),
        (("replay", "/nowhere", "--pkeys", "some"), "give trace, machine, on or off"),
    ],
)
def test_bad_usage_is_refused(words: tuple[str, ...], reason: str) -> None:
    done = vmalab(*words)
    assert done.returncode == 2
    assert reason in " ".join(done.stderr.split())


def test_load_on_an_instance_with_keys() -> None:
    options = ("--duration", "0.2", "--processes", "1", "--mode", "attach", "--check", "--json")
    done = vmalab("load", "--pkeys", "on", *options)
    assert done.returncode == 0, done.stderr
