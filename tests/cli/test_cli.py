# SPDX-License-Identifier: Apache-2.0
"""The commands that look inside, at the memory itself and through a server.

Goal: both ways give the same facts, errors are one line, exit codes are 0, 1 and 2 as promised.
"""

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from models import LAYOUT, MODEL, VMA_BYTES
from patience import HANG_S
from servers import VMALAB, vmalab
from vmalab_cli.inspect import _open
from vmalab_client import Client
from vmalab_client.client import AddressSpace
from vmalab_drive.errors import UsageError
from vmalab_native import checks
from vmalab_native.core import Segment, SegmentConfig
from vmalab_native.primitives import RwSem
from vmalab_native.records import QUOTAS
from vmalab_server.embedded import EmbeddedServer
from vmalab_server.limits import Limits

PAGE = 4096


@pytest.fixture
def mm(vmalab_client: Client) -> Iterator[AddressSpace]:
    with vmalab_client.address_space() as space:
        space.write(space.mmap(4 * PAGE), 1)
        yield space


def facts(*arguments: str) -> dict[str, Any]:
    done = vmalab(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def both(server: EmbeddedServer, *command: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A command's facts from the memory and from the server."""
    return (
        facts(*command, "--instance", server.instance),
        facts(*command, "--target", server.target),
    )


def test_ps(vmalab_server: EmbeddedServer, mm: AddressSpace) -> None:
    for found in both(vmalab_server, "ps"):
        (row,) = found["instances"]
        assert row["instance"] == vmalab_server.instance
        assert row["supervisor_pid"] == vmalab_server.pid
        assert [worker["pid"] for worker in row["workers"]] == vmalab_server.worker_pids
        (space,) = [entry for entry in row["address_spaces"] if entry["mm"] == mm.mm]
        assert (space["total_pages"], space["resident_pages"]) == (4, 1)
    text = vmalab("ps", "-i", vmalab_server.instance).stdout
    assert str(mm.mm) in text
    assert str(vmalab_server.pid) in text
    everything = facts("ps")["instances"]
    assert vmalab_server.instance in {row["instance"] for row in everything}


def test_maps(vmalab_server: EmbeddedServer, mm: AddressSpace) -> None:
    for found in both(vmalab_server, "maps", str(mm.mm)):
        assert found["address_spaces"] == [{"mm": mm.mm, "maps": mm.maps().splitlines()}]
    text = vmalab("maps", str(mm.mm), "-i", vmalab_server.instance).stdout
    assert text == mm.maps()
    assert f"# mm {mm.mm}\n" in vmalab("maps", "--all", "-t", vmalab_server.target).stdout


def test_maps_query(vmalab_server: EmbeddedServer, mm: AddressSpace) -> None:
    """One line of maps; exit code 1 with a sentence when there is none, 2 for no address."""
    line = mm.maps().splitlines()[0]
    start = int(line.partition("-")[0], 16)
    command = ("maps", str(mm.mm), "--query")
    for found in both(vmalab_server, *command, hex(start - 1)):
        assert (found["vma"]["start"], found["vma"]["flags"]) == (start, 3)
    where = ("-i", vmalab_server.instance)
    assert vmalab(*command, str(start), *where).stdout == f"{line}\n"
    none = vmalab(*command, hex(1 << 47), *where)
    assert (none.returncode, "nothing is mapped" in none.stderr) == (1, True)
    bad = vmalab(*command, "here", *where)
    assert (bad.returncode, "an address is wanted" in bad.stderr) == (2, True)
    assert vmalab("maps", "--all", "--query", "0", *where).returncode == 2


@pytest.mark.parametrize("command", ["slabinfo", "vmstat", "locks", "layout", "fsck"])
def test_memory_and_server_agree(
    vmalab_server: EmbeddedServer, mm: AddressSpace, command: str
) -> None:
    memory, server = both(vmalab_server, command)
    assert memory.keys() == server.keys()
    if command in ("locks", "fsck", "layout"):
        assert memory == server
    else:
        assert len(str(memory)) > 100
    done = vmalab(command, "--instance", vmalab_server.instance)
    assert (done.returncode, bool(done.stdout)) == (0, True)


def test_the_kernels_formats(vmalab_server: EmbeddedServer, mm: AddressSpace) -> None:
    slabs = vmalab("slabinfo", "-i", vmalab_server.instance).stdout.splitlines()
    assert slabs[0] == "slabinfo - version: 2.1"
    (row,) = [line.split() for line in slabs if line.startswith("vm_area_struct")]
    assert row[3] == str(VMA_BYTES)
    assert row[6:8] == [":", "tunables"]
    stat = vmalab("vmstat", "-i", vmalab_server.instance).stdout
    counters = dict(line.split() for line in stat.splitlines())
    assert int(counters["vma_lock_success"]) >= 0


@pytest.mark.skipif((MODEL, LAYOUT) != ("typesafe-rwsem", "aligned"), reason="a picture of it")
def test_layout_as_pahole_draws_it() -> None:
    """The lock is on the last line, and shares it with nothing."""
    done = vmalab("layout", "vm_area_struct")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "/* typesafe-rwsem, aligned */"
    assert lines[1].split() == [
        "struct",
        "vm_area_struct",
        "{",
        "/*",
        "offset",
        "size",
        "written",
        "under",
        "*/",
    ]
    first = "u64 vm_start; /* 0 8 mmap_lock W + vm_lock W; derived from the tree */"
    assert lines[2].split() == first.split()
    end = lines.index("\t/* --- cacheline 3 boundary (192 bytes) --- */")
    lock = "struct rw_semaphore vm_lock; /* 192 40 constructor; then atomics */"
    assert lines[end + 1].split() == lock.split()
    assert lines[end - 2 : end] == ["\t/* XXX 8 bytes hole, try to pack */", ""]
    assert lines[end + 2 :] == [
        "",
        "\t/* size: 256, cachelines: 4, members: 26 */",
        "\t/* sum members: 192, holes: 2, sum holes: 40 */",
        "\t/* padding: 24 */",
        "};",
    ]


def test_layout_of_a_model_and_all_of_them() -> None:
    found = facts("layout", "--model", "refcount", "vm_area_struct", "frame")
    assert (found["model"], found["layout"]) == ("refcount", "aligned")
    vma, frame = found["structs"]
    assert (vma["name"], vma["size"], vma["cachelines"]) == ("vm_area_struct", 192, 3)
    assert vma["holes"] == [{"offset": 132, "bytes": 4}]
    assert (vma["sum_members"], vma["sum_holes"], vma["padding"]) == (156, 4, 32)
    (lock,) = [field for field in vma["fields"] if field["name"] == "vm_refcnt"]
    assert (lock["offset"], lock["size"], lock["cacheline"]) == (128, 4, 2)
    assert all(field["guard"] and field["type"] for field in vma["fields"])
    assert (frame["size"], frame["holes"], frame["padding"]) == (16, [], 0)
    rows = facts("layout", "--list")["cores"]
    sizes = {row["model"]: row["vma_bytes"] for row in rows if row["layout"] == "aligned"}
    assert sizes == {
        "mmap-lock": 144,
        "split-rwsem": 160,
        "embedded-rwsem": 256,
        "typesafe-rwsem": 256,
        "refcount": 192,
    }
    assert facts("layout", "--list")["steps"]["v4-4"] == "typesafe-rwsem"
    listed = vmalab("layout", "--list").stdout
    assert "random:SEED" in listed
    assert re.search(r"^refcount-7.0 +refcount$", listed, re.MULTILINE)


def test_the_only_instance_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who gives no --instance reads on standard error which one was taken."""
    instance = f"only-{os.getpid()}"
    with Segment.create(instance) as segment:
        try:
            monkeypatch.setattr(checks, "instances", lambda: [instance])
            with _open("", "", as_json=False) as source:
                assert source.summary()["instance"] == instance
            assert capsys.readouterr() == ("", f"vmalab: instance {instance!r}\n")
            for named, as_json in ((instance, False), ("", True)):
                with _open(named, "", as_json=as_json):
                    pass
                assert capsys.readouterr() == ("", "")
            monkeypatch.setattr(checks, "instances", lambda: [instance, "other"])
            with pytest.raises(UsageError, match=f"choose one with --instance: {instance}, other"):
                _open("", "", as_json=False).__enter__()
        finally:
            segment.unlink()


KILLED = """
import os, signal, sys
from vmalab_native.core import Segment
from vmalab_native.primitives import RwSem
segment = Segment.attach(sys.argv[1])
RwSem(segment.participant("client"), 0).write().__enter__()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_fsck_says_how_to_recover() -> None:
    instance = f"killed-{os.getpid()}"
    with Segment.create(instance) as segment:
        try:
            done = subprocess.run([sys.executable, "-c", KILLED, instance], check=False)
            assert done.returncode == -signal.SIGKILL
            found = vmalab("fsck", "--instance", instance)
            assert found.returncode == 1
            command = re.search(r"`vmalab (fsck --repair --instance \S+)` does", found.stderr)
            assert command is not None
            assert vmalab("fsck", "-i", instance, "--json").stderr == ""
            repaired = vmalab(*command[1].split())
            assert repaired.returncode == 0
            assert repaired.stderr == ""
            assert "dead participants recovered first: 1" in repaired.stdout
        finally:
            segment.unlink()


def test_serve_lists_limits_and_quotas() -> None:
    """Each by its name, and the defaults are those that an instance has."""
    done = vmalab("serve", "--limit", "help", "--quota", "help")
    assert done.returncode == 0
    rows = [line.split() for line in done.stdout.splitlines()]
    found = {row[0]: row[1] for row in rows if row[0].endswith("_max")}
    assert found.keys() == {*Limits().as_dict(), *QUOTAS}
    for name, value in Limits().as_dict().items():
        assert found[name] == str(value)
    words = re.findall(r"[\w-]+", vmalab("serve", "--help").stdout)
    assert " ".join(words).count("help lists them") == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ps", "--instance", "not-there"], "no such segment"),
        (["serve", "--workers", "0"], "--workers = 0: allowed are 1 .. 64"),
        (["serve", "--ttl", "0"], "--ttl = 0.0: allowed are 0.05 .. 3600"),
        (["serve", "--pin", "maybe"], "--pin = maybe: give auto, on or off"),
        (["ps", "--instance", "a", "--target", "b:1"], "exclude each other"),
        (["maps", "--instance", "not-there"], "--all"),
        (["vmstat", "--target", "127.0.0.1:1"], "no server answers at 127.0.0.1:1 (Connection"),
        (["vmstat", "--target", "nowhere"], "target 'nowhere' is not host:port"),
        (["layout", "no_struct"], "there are"),
        (["layout", "--model", "futex"], "there are mmap-lock, split-rwsem"),
        (["layout", "--layout", "wide"], "of typesafe-rwsem; there are aligned"),
        (["layout", "--model", "refcount", "--target", "b:1"], "an instance has its own"),
        (["layout", "--list", "frame"], "goes alone"),
        (["fsck", "--repair", "--target", "127.0.0.1:1"], "repairs by itself"),
        (["top", "--target", "b:1"], "reads the memory of instances on this machine"),
        (["trace", "-t", "b:1"], "no server answers the events of a thread: run it where"),
        (["diff", "--program", ""], "--program has no operation"),
        (["diff", "--out", "/dev/null"], "--out /dev/null: a folder is wanted"),
        (
            ["replay", "python-threads", "--instance", "not-there", "--mode", "attach"],
            "no such segment",
        ),
    ],
)
def test_errors_are_one_line_and_bad_usage(arguments: list[str], words: str) -> None:
    done = vmalab(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "command",
    [
        "race run late-unlock --seconds",
        "lin --duration",
        "crash --patience",
        "scale cost --percent",
    ],
)
@pytest.mark.parametrize("number", ["nan", "inf"])
def test_numbers_are_numbers(command: str, number: str) -> None:
    """nan passes each bound, and inf most: a command would never end, or a check never fail."""
    done = vmalab(*command.split(), number)
    assert done.returncode == 2
    words = " ".join(done.stderr.split())
    assert "give a finite number" in words or "is not in the range" in words


@pytest.mark.parametrize("command", ["ps", "ps --json", "race list"])
def test_closed_output_is_no_error(command: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {command} >&-', "sh", *VMALAB],
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_silent_target_is_named_before_it_is_given_up() -> None:
    """A server that is stopped: the kernel accepts connections for it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"127.0.0.1:{silent.getsockname()[1]}"
        with subprocess.Popen(
            [*VMALAB, "ps", "--target", target], stderr=subprocess.PIPE, text=True
        ) as command:
            assert command.stderr is not None
            line = command.stderr.readline()
            assert command.poll() is None, "it waits on"
            silent.close()
            rest = command.stderr.read()
    assert line.startswith(f"vmalab: {target} takes connections and has said nothing for 2.5 s")
    assert command.returncode == 2
    assert f"no server answers at {target}" in rest


def test_hung_wants_an_instance_that_knows_since_when() -> None:
    instance = f"t-{os.getpid()}-no-events"
    config = SegmentConfig(
        size_bytes=64 << 20, frames_max=1 << 14, participants_max=16, events=False
    )
    with Segment.create(instance, config) as segment:
        try:
            done = vmalab("locks", "--hung", "2", "-i", instance)
            assert (done.returncode, "keeps no events" in done.stderr) == (2, True)
            assert vmalab("locks", "-i", instance).returncode == 0
        finally:
            segment.unlink()


def test_a_size_that_is_too_small_names_the_least() -> None:
    done = vmalab("serve", "--size", "1")
    assert done.returncode == 2
    assert re.search(r"--size = 1, allowed are \d{6,} \.\. ", done.stderr), done.stderr


@pytest.mark.parametrize("command", ["crash", "crash --model all", "lin", "bench fault --quick"])
def test_a_wrong_environment_is_bad_usage(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMALAB_SLAB", "nonsense")
    done = vmalab(*command.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("vmalab: VMALAB_SLAB: slab nonsense: settings")


def test_the_lock_of_a_library_user_has_its_number() -> None:
    """And no address space, which it is not of."""
    instance = f"t-{os.getpid()}-user"
    with Segment.create(instance) as segment:
        try:
            with segment.participant("client") as me, RwSem(me, 3).write():
                done = vmalab("locks", "--instance", instance)
                index = me.index
        finally:
            segment.unlink()
        assert done.returncode == 0
        head, line = done.stdout.splitlines()
        assert head.split()[-4:] == ["mm", "range", "or", "number"]
        assert line.split() == ["user", "W", "held", str(os.getpid()), str(index), "3"]


def test_unknown_commands_and_options_are_bad_usage() -> None:
    for arguments in (["nonsense"], ["ps", "--nonsense"]):
        assert vmalab(*arguments).returncode == 2


def test_help_teaches_and_is_quick() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = vmalab("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    for word in ("serve", "record", "replay", "load", "bench", "fsck", "First steps", "Exit code"):
        assert word in done.stdout
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert cpu_s < 3.0  # half a second on an idle machine; a busy one has other clocks, not work
    assert vmalab("--version").stdout.startswith("vmalab ")


def test_help_imports_neither_grpc_nor_the_core() -> None:
    import subprocess
    import sys

    code = (
        "import sys\n"
        "from vmalab_cli import main\n"
        "sys.argv = ['vmalab', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "print([m for m in ('grpc', 'vmalab_native._core', 'matplotlib')"
        " if m in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_how_faults_find_vmas_is_shown_and_is_for_an_instance_of_ones_own() -> None:
    """ps says it of an instance, with a server and without; --lookup for somebody else's, which has
    its own, is refused."""
    with EmbeddedServer(workers=1, lookup="cache", slab="magazine=8,reset=free") as server:
        line = vmalab("ps", "--instance", server.instance).stdout.splitlines()[0]
        assert line.endswith(", cached lookups, slab reset=free,magazine=8")
        told = json.loads(vmalab("ps", "--target", server.target, "--json").stdout)
        assert [row["lookup"] for row in told["instances"]] == ["cache"]
        settings = "ctor=model,reset=free,freeptr=none,magazine=8,barn=no,merge=no"
        assert [row["slab"] for row in told["instances"]] == [settings]
        refused = vmalab("load", "--lookup", "walk", "--target", server.target)
    assert refused.returncode == 2
    assert "--lookup is for an instance started here" in refused.stderr
    unknown = vmalab("lin", "--lookup", "guess")
    assert unknown.returncode == 2
    assert "lookup = 'guess', allowed are walk, cache" in unknown.stderr
    slab = vmalab("serve", "--slab", "freeptr=inside")
    assert slab.returncode == 2
    assert "--slab freeptr=inside: allowed are none, outside, overlaid" in slab.stderr
