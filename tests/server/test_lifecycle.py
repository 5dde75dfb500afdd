# SPDX-License-Identifier: Apache-2.0
"""An instance from start to end, as `vmalab serve` and as an embedded server.

Goal: it comes up or says in one line why not; it goes away without a trace, whoever asks or dies.
The guard of conftest.py looks for processes and segments after each test.
"""

import contextlib
import faulthandler
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from patience import HANG_S
from servers import VMALAB, Serve, kill_worker, new_instance, vmalab, wait_for
from vmalab_cli import apart
from vmalab_client import Client, ServiceError, ServiceUnavailable
from vmalab_client.client import AddressSpace
from vmalab_native import cores
from vmalab_native.core import SHM_DIRECTORY, Segment, SegmentConfig
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
    _, errors = process.communicate(timeout=HANG_S)
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
            assert client.inspect.fsck(stop=True) == []


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
        timeout=HANG_S,
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
        assert client.inspect.fsck(stop=True) == []


def test_workers_killed_again_and_again_are_started_with_a_pause() -> None:
    with EmbeddedServer(workers=2, log_level="error") as server:
        for _ in range(4):
            kill_worker(server.instance, 0)
            kill_worker(server.instance, 1)
        with Client(server.target) as client:
            assert all(worker.restarts >= 4 for worker in client.inspect.workers())
            with client.address_space() as mm:
                mm.write(mm.mmap(4096), 1)
            assert client.inspect.fsck(stop=True) == []


def test_workers_end_when_the_supervisor_is_killed_and_the_rest_can_be_replaced() -> None:
    with Serve() as server:
        pids = server.worker_pids
        server.end(signal.SIGKILL)
        wait_for("the workers are gone", lambda: gone(pids))
        refused = vmalab("serve", "--listen", "127.0.0.1:0", "--instance", server.instance)
        assert refused.returncode == 1
        assert "--replace-stale" in refused.stderr
        looked_at_after_a_kill(server.instance)
    with Serve("--replace-stale", instance=server.instance) as second:
        assert second.end() == 0


def looked_at_after_a_kill(instance: str) -> None:
    """What a killed server left can be looked at; fsck recovers it first, and says so."""
    for command in ("locks", "slabinfo", "vmstat", "maps"):
        seen = vmalab(command, *(["--all"] if command == "maps" else []), "-i", instance)
        assert seen.returncode == 0, command
        assert "was killed" in seen.stderr
        assert f"fsck --instance {instance}" in seen.stderr
    assert "its server was killed" in vmalab("ps", "-i", instance).stdout
    checked = vmalab("fsck", "-i", instance)
    assert checked.returncode == 0, checked.stdout
    first, *rest = checked.stdout.splitlines()
    assert re.fullmatch(r"dead participants recovered first: [1-9]\d*", first)
    assert rest == ["every invariant holds"]
    assert vmalab("fsck", "--stop", "-i", instance).stdout == "every invariant holds\n"


def test_fsck_recovers_what_was_killed_in_the_middle_of_work() -> None:
    with Serve("--workers", "2") as server, Client(server.target) as client:
        mms = [client.address_space(hold=False) for _ in range(20)]
        stop = threading.Event()
        threads = [threading.Thread(target=work, args=(mm, stop)) for mm in mms[:6]]
        for thread in threads:
            thread.start()
        for mm in mms:
            mm.write(mm.mmap(4096 * 8), 1)
        for pid in (server.process.pid, *server.worker_pids):
            os.kill(pid, signal.SIGKILL)
        stop.set()
        for thread in threads:
            thread.join()
        server.process.wait()
        wait_for("the workers are gone", lambda: gone(server.worker_pids))
        looked_at_after_a_kill(server.instance)
        Segment.remove(server.instance)
        assert not roster.path_of(server.instance).exists()  # ps has cleaned up


def work(mm: AddressSpace, stop: threading.Event) -> None:
    with contextlib.suppress(ServiceError):
        while not stop.is_set():
            addr = mm.mmap(4096 * 4)
            mm.write(addr, 7)
            mm.munmap(addr, 4096 * 4)


def test_ps_builds_no_core_and_shows_the_others(tmp_path: Path) -> None:
    """An instance of a core that is not built here is a line, neither a build nor a failure."""
    config = SegmentConfig(size_bytes=32 << 20, participants_max=4, frames_max=1024)
    name = new_instance()
    with (
        Segment.create(name, config) as segment,
        (SHM_DIRECTORY / f"vmalab.{name}").open("r+b") as file,
    ):
        raw = file.read(1 << 12)
        file.seek(raw.index(segment.config.layout.encode() + b"\0", raw.index(b"rwsem")))
        file.write(b"random:987654321\0")
        file.flush()
        for arguments in ([], ["--instance", name]):
            done = vmalab("ps", *arguments)
            assert "not built here" in done.stdout + done.stderr
            assert "building" not in done.stderr
            assert (done.returncode == 0) is (arguments == [])
        assert not cores.file_of(segment.config.model, "random:987654321").exists()
        segment.unlink()


def test_ps_outlives_a_look_that_aborts(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that does not come back. Other instances are shown all the same."""

    def look(name: str) -> dict[str, object]:
        if name == "aborts":
            faulthandler.disable()  # nobody is to read about it
            os.abort()
        while name == "hangs":
            time.sleep(1)
        return {"instance": name}

    monkeypatch.setattr(apart, "PATIENCE_S", 3.0)
    rows = apart.each(["aborts", "good", "hangs", "another"], look)
    assert [row["instance"] for row in rows] == ["aborts", "good", "hangs", "another"]
    assert ["error" in row for row in rows] == [True, False, True, False]
    assert "aborted" in rows[0]["error"]
    assert "does not answer within 3 s" in rows[2]["error"]


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
        stopper = threading.Thread(target=server.stop)
        with client.batch(window=1) as batch:
            try:
                while True:
                    batch.send(block)
                    assert len(batch.receive()) == 16 * 1000
                    answered += 1
                    if answered == 20:
                        stopper.start()
            except ServiceError as refusal:
                ending = refusal.code
        stopper.join()
    assert answered >= 20
    assert ending in ("CANCELLED", "UNAVAILABLE")


def test_stopping_does_not_wait_out_the_grace_of_open_streams() -> None:
    with EmbeddedServer(workers=2, stop_grace_s=HANG_S) as server, Client(server.target) as client:
        mm = client.address_space()
        assert client.wait_held(mm.mm)
        with client.batch() as batch:
            batch.send(bytes([0, 2, *bytes(14)]))
            batch.receive()
            assert server.stop() == 0


def test_an_embedded_server_ends_with_its_parent() -> None:
    code = (
        "import signal\n"
        "from vmalab_server.embedded import EmbeddedServer\n"
        f"server = EmbeddedServer(instance={new_instance()!r}).start()\n"
        "print(server.pid, *server.worker_pids, flush=True)\n"
        "signal.pause()\n"
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
        "import signal, sys\n"
        "from vmalab_native.core import Segment\n"
        "me = Segment.attach(sys.argv[1]).participant('client')\n"
        "print(me.mm_create(), flush=True)\n"
        "signal.pause()\n"
    )
    with EmbeddedServer(workers=1) as server, Client(server.target) as client:
        child = subprocess.Popen(
            [sys.executable, "-c", code, server.instance], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        mm = int(child.stdout.readline())
        assert [entry.mm for entry in client.inspect.address_spaces()] == [mm]
        child.kill()
        child.wait()
        child.stdout.close()
        wait_for("the mm is gone", lambda: not client.inspect.address_spaces())
        assert all(info.pid != child.pid for info in client.inspect.participants())
        assert client.inspect.fsck(stop=True) == []
