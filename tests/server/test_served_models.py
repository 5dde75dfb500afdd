# SPDX-License-Identifier: Apache-2.0
"""Serving each lock model, and a layout that has to be built.

Goal: what the options say is what the segment is made with, what workers attach to, what faults
run on, and what every command shows.
"""

import json

import pytest

from servers import Serve, vmalab
from vmalab_client import Client
from vmalab_native import cores
from vmalab_server.embedded import EmbeddedServer, EmbeddedServerError

pytestmark = pytest.mark.usefixtures("default_model")
PAGE = 4096


def works(client: Client) -> None:
    with client.address_space() as mm:
        addr = mm.mmap(4 * PAGE)
        mm.write(addr, 7)
        mm.munmap(addr + PAGE, PAGE)
        assert mm.read(addr) == 7
    assert client.inspect.fsck(stop=True) == []


@pytest.mark.parametrize("model", cores.lock_models())
def test_every_model_is_served_and_shown(model: str) -> None:
    with Serve("--model", model, "--workers", "1") as server:
        assert (server.ready["model"], server.ready["layout"]) == (model, "aligned")
        with Client(server.target) as client:
            works(client)
            info = client.inspect.server_info()
            assert (info.lock_model, info.layout) == (model, "aligned")
            counters = client.inspect.vmstat()
            assert (counters["vma_lock_success"] > 0) == (model != "mmap-lock")
        (row,) = json.loads(vmalab("ps", "-i", server.instance, "--json").stdout)["instances"]
        assert (row["lock_model"], row["layout"]) == (model, "aligned")
        assert f"{model} aligned" in vmalab("ps", "-t", server.target).stdout


def test_a_layout_that_was_never_built_is_built_before_the_workers_start() -> None:
    core = cores.file_of("refcount", "random:4711")
    core.unlink(missing_ok=True)
    try:
        with (
            EmbeddedServer(workers=2, model="refcount", layout="random:4711") as server,
            Client(server.target) as client,
        ):
            assert (server.model, server.layout) == ("refcount", "random:4711")
            assert core.exists()
            works(client)
            here = client.inspect.layout()
            names = [entry.name for entry in here[0].fields]
            assert here[0].name == "vm_area_struct"
            assert sorted(names) == sorted(dict.fromkeys(names))
            assert names[:4] != ["vm_start", "vm_end", "vm_flags", "vm_pgbase"]
    finally:
        core.unlink(missing_ok=True)


def test_an_embedded_server_refuses_in_one_line() -> None:
    for options, words in (
        ({"model": "futex"}, "there are mmap-lock"),
        ({"layout": "wide"}, "of typesafe-rwsem"),
    ):
        with pytest.raises(EmbeddedServerError, match=words):
            EmbeddedServer(**options).start()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["serve", "--model", "futex"], "there are mmap-lock, split-rwsem"),
        (["serve", "--layout", "wide"], "of typesafe-rwsem; there are aligned"),
        (["load", "--model", "futex"], "there are mmap-lock, split-rwsem"),
        (["load", "--model", "refcount", "--target", "a:1"], "started here, not for a:1"),
        (["replay", "nowhere", "--layout", "loose"], "of typesafe-rwsem; there are aligned"),
    ],
)
def test_wrong_names_are_bad_usage(arguments: list[str], words: str) -> None:
    done = vmalab(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
