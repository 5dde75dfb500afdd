# SPDX-License-Identifier: Apache-2.0
"""An instance from start to end, as `vmalab serve` and as an embedded server.

Goal: it comes up or says in one line why not; it goes away without a trace, whoever asks or dies.
The guard of conftest.py looks for processes and segments after each test.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from servers import VMALAB, Serve, kill_worker, new_instance, vmalab, wait_for
from vmalab_client import Client, ServiceError, ServiceUnavailable
from vmalab_native.core import Segment
from vmalab_server import roster
from vmalab_server.embedded import EmbeddedServer, EmbeddedServerError
from vmalab_server.workers import KEEP_MEMORY


def gone(pids: list[int]) -> bool:
    return not any(os.path.exists(f"/proc/{pid}") for pid in pids)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_it_without_a_trace(number: int) -> None:
    with Serve() as server:
        with Client(server.target) as client:
            assert client.inspect.server_info().instance == server.instance
        assert server.instance in Segment.list_instances()
        assert roster.find(server.instance) is not None
        assert server.end(number) == 0
        assert server.instance not in Segment.list_instances()
        assert roster.find(server.instance) is None
        assert not roster.path_of(server.instance).exists()


def test_ctrl_c_reaches_the_whole_group_and_stops_it_once() -> None:
    """A terminal sends SIGINT to supervisor and workers alike."""
    process = subprocess.Popen(
        [*VMALAB, "serve", "--json", "--listen", "127.0.0.1:0", "--instance", new_instance()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert b"Traceback" not in errors
    assert b"died" not in errors


def test_a_second_server_of_the_same_instance_is_refused() -> None:
    with Serve() as server:
        second = vmalab("serve", "--listen", "127.0.0.1:0", "--instance", server.instance)
        assert second.returncode == 1
        assert "is already being served" in second.stderr
        assert len(second.stderr.splitlines()) == 1
        third = vmalab(
            *("serve", "--listen", "127.0.0.1:0", "--instance", server.instance),
            "--replace-stale",
        )
        assert third.returncode == 1
        with Client(server.target) as client:
            assert client.inspect.fsck() == []


def test_a_port_in_use_is_refused() -> None:
    with Serve() as server, socket.create_server(("127.0.0.1", 0)) as other:
        foreign = f"127.0.0.1:{other.getsockname()[1]}"
        for address in (server.target, foreign, server.ready["workers"][0]["address"]):
            second = vmalab("serve", "--listen", address, "--instance", new_instance())
            assert second.returncode == 1
            assert f"{address} is in use" in second.stderr
            assert len(second.stderr.splitlines()) == 1


def test_wrong_options_are_bad_usage() -> None:
    for options in (["--workers", "0"], ["--listen", "0.0.0.0:1"], ["--size", "big"], ["--nope"]):
        done = vmalab("serve", *options)
        assert done.returncode == 2, options
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small /dev/shm")
@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is needed")
def test_a_small_dev_shm_is_explained() -> None:
    command = "mount -t tmpfs -o size=4m none /dev/shm && exec " + " ".join(
        f"'{part}'" for part in (*VMALAB, "serve", "--instance", new_instance())
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", command],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("this container may not mount")
    assert done.returncode == 1
    assert "/dev/shm has 4 MiB free" in done.stderr
    assert "mount it larger" in done.stderr


def test_a_supervisor_imports_no_grpc_and_workers_are_pinned() -> None:
    with EmbeddedServer(workers=2) as server:
        assert "cygrpc" not in Path(f"/proc/{server.pid}/maps").read_text()
        cores = sorted(os.sched_getaffinity(0))
        for index, pid in enumerate(server.worker_pids):
            assert "cygrpc" in Path(f"/proc/{pid}/maps").read_text()
            pinned = {cores[index]} if len(cores) >= 2 else set(cores)
            assert os.sched_getaffinity(pid) == pinned


def _environment(pid: int) -> dict[str, str]:
    parts = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(part.split("=", 1) for part in parts if "=" in part)


def test_workers_keep_memory_as_long_as_the_user_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in KEEP_MEMORY:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "4096")
    with EmbeddedServer(workers=1) as server:
        found = _environment(server.worker_pids[0])
    assert found["MALLOC_MMAP_THRESHOLD_"] == KEEP_MEMORY["MALLOC_MMAP_THRESHOLD_"]
    assert found["MALLOC_TRIM_THRESHOLD_"] == "4096"


def test_a_killed_worker_comes_back_at_its_address() -> None:
    with (
        EmbeddedServer(workers=2, log_level="error") as server,
        Client(server.worker_targets[0], discover=False) as client,
    ):
        before = client.inspect.workers()[0]
        os.kill(before.pid, signal.SIGKILL)

        def back() -> bool:
            try:
                now = client.inspect.workers()[0]
            except ServiceUnavailable:
                return False
            return now.restarts == 1 and now.state == "ready" and now.pid != before.pid

        wait_for("the worker serves again", back)
        assert client.inspect.workers()[0].address == before.address
        assert client.inspect.fsck() == []


def test_workers_killed_again_and_again_are_started_with_a_pause() -> None:
    with EmbeddedServer(workers=2, log_level="error") as server:
        for _ in range(4):
            kill_worker(server.instance, 0)
            kill_worker(server.instance, 1)
        with Client(server.target) as client:
            assert all(worker.restarts >= 4 for worker in client.inspect.workers())
            with client.address_space() as mm:
                mm.write(mm.mmap(4096), 1)
            assert client.inspect.fsck() == []


def test_workers_end_when_the_supervisor_is_killed_and_the_rest_can_be_replaced() -> None:
    with Serve() as server:
        pids = server.worker_pids
        server.end(signal.SIGKILL)
        wait_for("the workers are gone", lambda: gone(pids))
        refused = vmalab("serve", "--listen", "127.0.0.1:0", "--instance", server.instance)
        assert refused.returncode == 1
        assert "--replace-stale" in refused.stderr
        checked = vmalab("fsck", "--instance", server.instance)
        assert checked.returncode == 1
        assert "is dead and was not recovered" in checked.stdout
        repaired = vmalab("fsck", "--repair", "--instance", server.instance)
        assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    with Serve("--replace-stale", instance=server.instance) as second:
        assert second.end() == 0


def test_a_call_under_way_finishes_when_the_server_stops() -> None:
    """Batch is fed until the server stops: every block that was sent is answered or refused."""
    from vmalab_client import BlockBuilder

    answered = 0
    with (
        EmbeddedServer(workers=1, stop_grace_s=1.0) as server,
        Client(server.target) as client,
    ):
        block = BlockBuilder()
        for _ in range(1000):
            block.nop()
        stopper = threading.Timer(0.3, server.stop)
        stopper.start()
        with client.batch(window=1) as batch:
            try:
                while True:
                    batch.send(block)
                    assert len(batch.receive()) == 16 * 1000
                    answered += 1
            except ServiceError as refusal:
                ending = refusal.code
        stopper.join()
    assert answered > 10
    assert ending in ("CANCELLED", "UNAVAILABLE")


def test_stopping_is_quick_while_streams_are_open() -> None:
    with EmbeddedServer(workers=2, stop_grace_s=20.0) as server, Client(server.target) as client:
        mm = client.address_space()
        assert client.wait_held(mm.mm)
        with client.batch() as batch:
            batch.send(bytes([0, 2, *bytes(14)]))
            batch.receive()
            began = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - began < 5.0


def test_an_embedded_server_ends_with_its_parent() -> None:
    code = (
        "import sys, time\n"
        "from vmalab_server.embedded import EmbeddedServer\n"
        f"server = EmbeddedServer(instance={new_instance()!r}).start()\n"
        "print(server.pid, *server.worker_pids, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 3
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for("the server is gone", lambda: gone(pids))


def test_an_embedded_server_whose_supervisor_is_killed_leaves_nothing() -> None:
    server = EmbeddedServer(workers=2).start()
    os.kill(server.pid, signal.SIGKILL)
    assert server.stop() == -signal.SIGKILL


def test_an_embedded_server_says_why_it_does_not_start() -> None:
    with EmbeddedServer(workers=1) as first:
        with pytest.raises(EmbeddedServerError, match="already being served"):
            EmbeddedServer(instance=first.instance).start()
        with pytest.raises(EmbeddedServerError, match="is in use"):
            EmbeddedServer(listen=first.target).start()
    with pytest.raises(EmbeddedServerError, match="workers"):
        EmbeddedServer(workers=0).start()


def test_a_killed_client_process_is_noticed_and_its_address_space_reaped() -> None:
    """A process that attached the segment itself dies with a lease: the lease goes with it."""
    code = (
        "import sys, time\n"
        "from vmalab_native.core import Segment\n"
        "me = Segment.attach(sys.argv[1]).participant('client')\n"
        "print(me.mm_create(), flush=True)\n"
        "time.sleep(60)\n"
    )
    with EmbeddedServer(workers=1) as server, Client(server.target) as client:
        child = subprocess.Popen(
            [sys.executable, "-c", code, server.instance], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        mm = int(child.stdout.readline())
        assert [entry.mm for entry in client.inspect.address_spaces()] == [mm]
        time.sleep(0.5)
        assert len(client.inspect.address_spaces()) == 1
        child.kill()
        child.wait()
        child.stdout.close()
        wait_for("the mm is gone", lambda: not client.inspect.address_spaces(), timeout_s=3.0)
        assert all(info.pid != child.pid for info in client.inspect.participants())
        assert client.inspect.fsck() == []
