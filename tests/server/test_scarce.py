# SPDX-License-Identifier: Apache-2.0
"""A machine that has no descriptors, processes or memory left for the supervisor, for a while.

Goal: the supervisor outlives it, says so once, goes on serving, and makes up for it afterwards.
Method: prlimit on the supervisor alone, while workers and attached processes die. The limits of the
kernel are real; what no test may bring about (ENFILE, ENOMEM) comes from functions in place of the
system's.
"""

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from servers import VMALAB, Serve, kill_worker, new_instance, vmalab, wait_for, workers
from vmalab_client import Client
from vmalab_native.core import Segment
from vmalab_server import roster

UNUSED_UID = 61_234
ATTACHED = """
import os, signal, sys
from vmalab_native.core import Segment
for number in range(int(sys.argv[2]) - 1):
    if os.fork() == 0:
        break
me = Segment.attach(sys.argv[1]).participant("client")
me.mm_create()
signal.pause()
"""


@contextmanager
def limited(pid: int, what: int, value: int) -> Iterator[None]:
    soft, hard = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (value, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, what, (soft, hard))


@contextmanager
def attached(server: Serve, client: Client, count: int) -> Iterator[None]:
    """So many processes have attached the segment; all are killed at the end of the block."""
    before = len(client.inspect.address_spaces())
    process = subprocess.Popen(
        [sys.executable, "-c", ATTACHED, server.instance, str(count)], start_new_session=True
    )
    try:
        there = before + count
        wait_for("they are in", lambda: len(client.inspect.address_spaces()) == there)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def lines(server: Serve) -> list[str]:
    """The events that it logged."""
    return [json.loads(line)["event"] for line in server.errors.splitlines() if line[:1] == "{"]


def worker_back(server: Serve, index: int) -> None:
    def back() -> bool:
        now = workers(server.instance)[index]
        return now.restarts >= 1 and now.state == "ready"

    wait_for(f"worker {index} is back", back)


def serves(address: str) -> None:
    with Client(address, discover=False) as client, client.address_space() as mm:
        addr = mm.mmap(4096)
        mm.write(addr, 7)
        assert mm.read(addr) == 7


def good_end(server: Serve) -> None:
    assert vmalab("fsck", "--instance", server.instance).returncode == 0
    assert server.end() == 0
    assert "Traceback" not in server.errors
    assert server.instance not in Segment.list_instances()


def test_no_descriptors_while_a_worker_dies() -> None:
    with Serve() as server:
        refusal = "worker 0 cannot be started"
        with limited(server.process.pid, resource.RLIMIT_NOFILE, 3):
            os.kill(server.worker_pids[0], signal.SIGKILL)
            wait_for("it says so", lambda: refusal in lines(server))
            for _ in range(3):
                serves(server.ready["workers"][1]["address"])
            assert server.process.poll() is None
        worker_back(server, 0)
        serves(server.ready["workers"][0]["address"])
        assert lines(server).count(refusal) == 1
        assert lines(server).count(f"over: {refusal}") == 1
        wait_for("the roster is whole", lambda: workers(server.instance)[0].pid != 0)
        good_end(server)
    assert "open files" in server.errors, "what would help"


def test_no_descriptors_while_an_attached_process_dies() -> None:
    """It cannot be watched by a descriptor: its death is looked for, and found."""
    with Serve() as server, Client(server.target) as client:
        with limited(server.process.pid, resource.RLIMIT_NOFILE, 3):
            with attached(server, client, 1):
                wait_for("it says so", lambda: any("watched" in line for line in lines(server)))
                assert len(client.inspect.address_spaces()) == 1
            wait_for("the mm is gone", lambda: not client.inspect.address_spaces())
        good_end(server)


@pytest.mark.parametrize("more", range(0, 14, 2))
def test_a_few_descriptors_are_enough_or_it_waits(more: int) -> None:
    """The limit stops it at each of the calls of a start in turn, after whatever came before."""
    with Serve("--workers", "1") as server:
        folder = Path(f"/proc/{server.process.pid}/fd")
        used = max(int(path.name) for path in folder.iterdir()) + 1
        before = len(list(folder.iterdir()))
        with limited(server.process.pid, resource.RLIMIT_NOFILE, used - 10 + more):
            os.kill(server.worker_pids[0], signal.SIGKILL)
            wait_for(
                "it is back, or cannot be",
                lambda: (
                    any("cannot be started" in line for line in lines(server))
                    or workers(server.instance)[0].restarts >= 1
                ),
            )
        worker_back(server, 0)
        wait_for("nothing has leaked", lambda: len(list(folder.iterdir())) <= before)
        serves(server.target)
        good_end(server)


def test_a_limit_of_64_from_the_start() -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    with Serve(how={"preexec_fn": limit}) as server, Client(server.target) as client:
        with attached(server, client, 60):
            for _ in range(2):
                kill_worker(server.instance, 0)
                kill_worker(server.instance, 1)
        wait_for("their mms are gone", lambda: not client.inspect.address_spaces())
        serves(server.target)
        good_end(server)


def test_too_few_descriptors_to_start_are_refused_in_a_line() -> None:
    """Whatever the limit is: it serves, or says in one line why not, and leaves nothing."""
    for limit in range(6, 40, 3):
        instance = new_instance()
        code = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({limit}, {limit}))\n"
        code += (
            "import sys\nfrom vmalab_server.config import load\n"
            "from vmalab_server.supervisor import StartError, Supervisor\n"
            f"config = load(instance={instance!r}, listen='127.0.0.1:0', log_level='error')\n"
            "run = Supervisor(config, on_ready=lambda ready: sys.exit('up')).run\n"
            "try:\n    run()\nexcept StartError as error:\n    sys.exit(str(error))\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert instance not in Segment.list_instances()
        last = done.stderr.splitlines()[-1]
        if last == "up":
            break
        if "import" not in done.stderr:  # Python itself needs some
            assert "Traceback" not in done.stderr
    else:
        pytest.fail("no limit was enough")


@pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("setpriv") or not shutil.which("prlimit"),
    reason="must become another user",
)
def test_no_processes_left_for_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit holds for others than root. DAC_OVERRIDE: it has to read what root installed."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    other_user = ("setpriv", f"--reuid={UNUSED_UID}", f"--regid={UNUSED_UID}", "--clear-groups")
    powers = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    monkeypatch.setattr("servers.VMALAB", (*other_user, *powers, *VMALAB))
    with Serve() as server:
        monkeypatch.undo()
        limit = (*other_user, "prlimit", f"--pid={server.process.pid}")  # by who has the same uid
        subprocess.run([*limit, "--nproc=1:"], check=True)
        os.kill(server.worker_pids[0], signal.SIGKILL)
        wait_for("it says so", lambda: "worker 0 cannot be started" in lines(server))
        serves(server.ready["workers"][1]["address"])
        soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
        subprocess.run([*limit, f"--nproc={soft}:"], check=True)
        wait_for("it is over", lambda: "worker is back" in lines(server))
        serves(server.ready["workers"][0]["address"])
        assert "limit of processes" in server.errors
        good_end(server)
    shutil.rmtree(Path(tempfile.gettempdir()) / f"vmalab-{UNUSED_UID}")


FAULTS = """
import errno, os, subprocess, sys
from vmalab_server import ports, roster, watch, workers

number = int(os.environ["FAULT_ERRNO"])
def faulty(function, *, of):
    left = [0]
    def call(*args, **more):
        if os.path.exists(os.environ["FAULT_FILE"]):
            raise OSError(number, os.strerror(number))
        return function(*args, **more)
    setattr(of, function.__name__, call)
for name in os.environ["FAULT_NAMES"].split():
    module = {"Popen": subprocess, "write": roster}.get(name, os)
    faulty(getattr(module, name), of=module)
from vmalab_cli import main
main()
"""


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.ENFILE, errno.ENOSPC])
@pytest.mark.parametrize("names", ["Popen", "pipe", "pidfd_open", "write"])
def test_each_refusal_at_each_place(
    number: int, names: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "now"
    monkeypatch.setenv("FAULT_ERRNO", str(number))
    monkeypatch.setenv("FAULT_FILE", str(marker))
    monkeypatch.setenv("FAULT_NAMES", names)
    monkeypatch.setattr("servers.VMALAB", (sys.executable, "-c", FAULTS))
    with Serve() as server:
        marker.touch()
        os.kill(server.worker_pids[0], signal.SIGKILL)
        wait_for("it says so", lambda: any("cannot be" in line for line in lines(server)))
        serves(server.ready["workers"][1]["address"])
        marker.unlink()
        worker_back(server, 0)
        serves(server.ready["workers"][0]["address"])
        monkeypatch.undo()
        good_end(server)


def test_nobody_reads_what_it_logs() -> None:
    """`vmalab serve 2>&1 | head -1`: the pipe is closed, the server serves on."""
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [
            *(*VMALAB, "serve"),
            *("--listen", "127.0.0.1:0", "--instance", (name := new_instance())),
        ],
        stderr=writer,
    )
    os.close(writer)
    os.read(reader, 10)
    os.close(reader)
    wait_for("it is up", lambda: roster.find(name) and workers(name)[0].state == "ready")
    kill_worker(name, 0)
    process.terminate()
    assert process.wait() == 0
    assert name not in Segment.list_instances()
