# SPDX-License-Identifier: Apache-2.0
"""Goal: a served instance whose segment breaks ends by itself, and says why everywhere.

Method: the file of a running instance is cut, its header is overwritten, or its trees are damaged
and used. Watched are the exit code, the log, the health, `vmalab ps`, and the server that is
started after that. A failure prints what the server logged.
"""

import contextlib
import os
import signal
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from patience import HANG_S
from servers import Serve, new_instance, vmalab, wait_for
from spoil import path_of
from vmalab_client import Client, ServiceError
from vmalab_client.client import AddressSpace
from vmalab_native.core import layout
from vmalab_native.segment_file import SegmentFile
from vmalab_server import roster

EXIT_BROKEN = 3
SMALL = ("--workers", "1", "--size", "64M", "--frames-max", "65536", "--participants-max", "128")


@pytest.fixture
def server() -> Iterator[Serve]:
    with Serve(*SMALL) as running:
        try:
            yield running
        finally:
            path_of(running.instance).unlink(missing_ok=True)


def offset_of(name: str, field: str) -> int:
    (found,) = [info for info in layout() if info.name == name]
    return next(entry.offset for entry in found.fields if entry.name == field)


def cut(path: Path) -> None:
    os.truncate(path, 4096)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(offset_of("seg_header", "regions") + 16)
        file.write(struct.pack("<Q", 1 << 40))


@pytest.mark.parametrize(
    ("harm", "words"),
    [(cut, "its file was cut"), (overwrite, "regions of its header was overwritten")],
)
def test_a_harmed_segment_ends_its_instance(
    server: Serve, harm: Callable[[Path], None], words: str
) -> None:
    harm(path_of(server.instance))
    assert server.process.wait(HANG_S) == EXIT_BROKEN, server.errors
    assert words in server.errors
    assert f"vmalab serve --instance {server.instance} --replace-stale" in server.errors
    assert "Traceback" not in server.errors
    assert not roster.path_of(server.instance).exists()
    shown = vmalab("ps", "-i", server.instance)
    assert shown.returncode in (0, 1, 2)
    assert "Traceback" not in shown.stderr
    with Serve(*SMALL, "--replace-stale", instance=server.instance) as second:
        assert second.end() == 0


def test_a_broken_invariant_is_told_to_all(server: Serve) -> None:
    """A tree node without its magic: the worker that meets it ends, and so does the instance."""
    with Client(server.target) as client, grpc.insecure_channel(server.target) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        seen: list[int] = []
        # Read at once: what waits in a connection is lost with it.
        listener = threading.Thread(target=lambda: seen.extend(_statuses(watch)))
        listener.start()
        mm = client.address_space(hold=False)
        mm.write(mm.mmap(4096), 1)
        _spoil_nodes(server.instance)
        with pytest.raises(ServiceError):
            _use(mm)
        listener.join(HANG_S)
        assert seen == [health_pb2.HealthCheckResponse.NOT_SERVING]
    assert server.process.wait(HANG_S) == EXIT_BROKEN, server.errors
    assert "tree_store.c" in server.errors
    shown = vmalab("ps", "-i", server.instance)
    assert f"{server.instance}: broken: tree" in shown.stdout, shown
    checked = vmalab("fsck", "-i", server.instance)
    assert checked.returncode == 1
    assert "the segment is broken: tree" in checked.stdout


def _spoil_nodes(instance: str) -> None:
    """No node of a tree has its magic any more."""
    with SegmentFile.open(instance) as file, path_of(instance).open("r+b") as raw:
        for page, desc in enumerate(file.descs()):
            if (desc.kind, desc.cache) != (3, 1):
                continue
            for at in range(0, 4096 << desc.order, 256):
                raw.seek(file.regions["pages"][0] + page * 4096 + at)
                raw.write(bytes(4))


def _use(mm: AddressSpace) -> None:
    while True:
        mm.mmap(4096 * 2)


def _statuses(watch: Iterable[health_pb2.HealthCheckResponse]) -> Iterator[int]:
    """Until the connection is lost."""
    with contextlib.suppress(grpc.RpcError):
        for answer in watch:
            yield answer.status


def _gone(pids: list[int]) -> bool:
    return not any(os.path.exists(f"/proc/{pid}") for pid in pids)


def test_rosters_of_killed_servers_are_cleaned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the next ps, and by the next server; that of a server that lives stays."""
    # A folder of its own: in the user's the next ps of anybody cleans.
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with Serve(*SMALL) as live, Serve(*SMALL) as killed:
        pids = killed.worker_pids
        killed.end(signal.SIGKILL)
        wait_for("the workers are gone", lambda: _gone(pids))
        left = roster.path_of(killed.instance)
        left.with_suffix(".1.new").write_text("half")
        assert left.exists()
        path_of(killed.instance).unlink(missing_ok=True)
        vmalab("ps", "-i", live.instance)
        assert not left.exists()
        assert not left.with_suffix(".1.new").exists()
        assert roster.path_of(live.instance).exists()


def test_what_a_killed_server_left_is_replaced_by_the_command_that_is_named() -> None:
    name = new_instance()
    with Serve(*SMALL, instance=name) as first:
        pids = first.worker_pids
        first.end(signal.SIGKILL)
        wait_for("the workers are gone", lambda: _gone(pids))
    refused = vmalab("serve", "--listen", "127.0.0.1:0", "--instance", name)
    if "--replace-stale" not in refused.stderr:
        path_of(name).unlink()
    assert refused.returncode == 1
    command = f"vmalab serve --instance {name} --replace-stale"
    assert command in refused.stderr
    with Serve(*SMALL, *command.split()[4:], instance=name) as second:
        assert second.end() == 0
