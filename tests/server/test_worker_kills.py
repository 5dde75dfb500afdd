# SPDX-License-Identifier: Apache-2.0
"""SIGKILL of the server's workers at random instants under load.

Goal: a worker's death costs the calls it was serving and nothing else. Method: client threads send
blocks of random operations to two shared address spaces through both workers; one worker is killed
after a random time, again and again; a call that meets a dying worker is tried again. After each
kill the supervisor has recovered and every invariant is walked. Failure: the walker's lines, the
seed and the round. `VMALAB_SEED=N` repeats the choices, VMALAB_KILLS=N sets how many.
"""

import os
import random
import threading
import time

import pytest

from busy_records import random_block
from servers import kill_worker, wait_for
from vmalab_client import Client, ServiceError
from vmalab_native.core import lock_models
from vmalab_server.embedded import EmbeddedServer

SEED = int(os.environ.get("VMALAB_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)


class Load(threading.Thread):
    """Sends blocks until told to stop; counts what was answered."""

    def __init__(self, target: str, mms: list[int], seed: int) -> None:
        super().__init__(name=f"load-{seed}")
        self._target, self._mms, self._rng = target, mms, random.Random(seed)
        self.stopping = threading.Event()
        self.blocks = 0

    def run(self) -> None:
        with Client(self._target) as client:
            while not self.stopping.is_set():
                try:
                    client.apply(random_block(self._rng, self._mms, 64))
                    self.blocks += 1
                except ServiceError:
                    time.sleep(0.01)


def complaints(client: Client) -> list[str]:
    """fsck, tried again while it meets the dying worker, or a death that is not recovered yet."""
    lines = ["not asked"]

    def clean() -> bool:
        nonlocal lines
        try:
            lines = client.inspect.fsck(stop=True)
        except ServiceError:
            return False
        return not any("is dead" in line or "is gone" in line for line in lines)

    wait_for("the death is recovered", clean)
    return lines


def kill_under_load(kills: int) -> None:
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    with (
        EmbeddedServer(workers=2, log_level="error") as server,
        Client(server.target) as client,
    ):
        mms = [client.address_space(ttl_s=600).mm for _ in range(2)]
        loads = [Load(server.target, mms, SEED + i) for i in range(3)]
        for load in loads:
            load.start()
        try:
            for turn in range(kills):
                time.sleep(rng.random() * 0.2)
                kill_worker(server.instance, rng.randrange(2))
                found = complaints(client)
                assert found == [], f"seed {SEED} round {turn}: {found[:10]}"
            before = sum(load.blocks for load in loads)
            wait_for(
                "blocks are answered", lambda: sum(load.blocks for load in loads) > before + 10
            )
        finally:
            for load in loads:
                load.stopping.set()
            for load in loads:
                load.join()
        assert complaints(client) == []


SHORT = [("split-rwsem", 2), ("typesafe-rwsem", 2)]
"""One that frees after a grace period and one that does not: tests/crash kills in the others."""


@pytest.mark.parametrize(
    ("model", "kills"),
    [*SHORT, *(pytest.param(model, 4, marks=pytest.mark.long) for model in lock_models())],
)
def test_a_few_kills_under_load(model: str, kills: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMALAB_MODEL", model)
    kill_under_load(kills)


@pytest.mark.long
def test_many_kills_under_load() -> None:
    kill_under_load(int(os.environ.get("VMALAB_KILLS", "50")))
