# SPDX-License-Identifier: Apache-2.0
"""Goal: on this machine's kernel and an instance, random programs give the same; the command shows
what does not.

Method: some thousand operations of each profile with a fixed seed; the long ones have fresh seeds,
take more, and run on every lock model. A failure prints the shortest program that shows the
difference and the command that repeats it; make it a file of tests/diff/programs once it is
fixed.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from random import SystemRandom

import pytest

from comparing import KERNEL, NotCompared
from patience import HANG_S
from vmalab_diff.chooser import PROFILES
from vmalab_diff.run import DiffConfig, DiffResult, run
from vmalab_native import machine
from vmalab_native.core import lock_models

VMALAB = str(Path(sys.executable).with_name("vmalab"))
MEMORY = "mmap a0 2p PROT_READ|PROT_WRITE MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED -1 0"

SHORT_SEED = 3


def diff(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [VMALAB, "diff", *words],
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )


def judge(result: DiffResult, not_compared: NotCompared) -> None:
    assert result.good, json.dumps(result.as_dict(), indent=1)
    assert result.maps_equal == result.maps_checked > 0
    lacking = {reason for reason, _ in machine.NEEDS.values()}
    uncertain = 0
    for reason, times in (result.not_compared + result.beside).items():
        not_compared(reason, times)
        uncertain += times if reason not in lacking and reason not in result.beside else 0
    assert uncertain <= result.ops // 50, result.not_compared


@pytest.mark.needs(*KERNEL)
@pytest.mark.parametrize("profile", [*PROFILES, "all"])
def test_a_few_thousand_operations(profile: str, not_compared: NotCompared) -> None:
    judge(run(DiffConfig(ops=12_000, seed=SHORT_SEED, profile=profile)), not_compared)


@pytest.mark.needs(*KERNEL)
@pytest.mark.long
@pytest.mark.parametrize("model", lock_models())
@pytest.mark.parametrize("profile", [*PROFILES, "all"])
def test_many_operations_on_each_model(profile: str, model: str, not_compared: NotCompared) -> None:
    seed = SystemRandom().randrange(1 << 31)
    result = run(DiffConfig(ops=200_000, seed=seed, profile=profile, model=model))
    judge(result, not_compared)


@pytest.mark.needs(*KERNEL)
def test_the_command_says_what_it_did() -> None:
    done = diff("--ops", "2000", "--seed", "9", "--profile", "anon", "--json")
    data = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (data["ops"], data["agree"], data["disagree"]) == (2000, 2000, 0)
    assert (data["seed"], data["profile"], data["shrunk"]) == (9, "anon", [])
    assert data["maps_checked"] == data["maps_equal"] > 0
    again = json.loads(diff("--ops", "2000", "--seed", "9", "--profile", "anon", "--json").stdout)
    assert again == data


@pytest.mark.needs(*KERNEL)
def test_a_program_given_is_written_down_and_its_trace_replays(tmp_path: Path) -> None:
    """As C, as text that the command takes again, and as a trace for vmalab replay."""
    program = (
        f"{MEMORY}; write a0 0xfc3; fork 1; 1:write a0 0x9c3; mincore a0 2p; 1:exit; "
        "mmap 0x0 3p PROT_READ MAP_SHARED 0 1p; read @6; mremap a0 2p 4p MREMAP_MAYMOVE 0x0; "
        "munmap a0+1 1p; brk brk+2p; mprotect a0 1p PROT_READ; madvise a0 2p MADV_DONTNEED; "
        "mmap 0x0 1p PROT_READ MAP_SHARED 6 0; mprotect @13 1p PROT_READ|PROT_WRITE; "
        "setrlimit RLIMIT_STACK 64p; process_madvise a0 1p a0+1p 1p MADV_DONTNEED 2"
    )
    done = diff("--program", program, "--out", str(tmp_path), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["agree"] == 17
    again = diff("--program", f"@{tmp_path / 'program.txt'}", "--json")
    assert json.loads(again.stdout)["agree"] == 17
    trace = tmp_path / "program.trace"
    command = [VMALAB, "replay", str(trace), "--mode", "attach"]
    replay = subprocess.run(
        [*command, "--json"], capture_output=True, text=True, timeout=HANG_S, check=False
    )
    data = json.loads(replay.stdout)
    assert replay.returncode == 0, replay.stdout + replay.stderr
    assert data["ops"] == data["agree"] == 14
    assert data["maps_equal"] == data["maps_checked"] > 10


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in listed.split()]


def runs(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_is_killed_leaves_nothing() -> None:
    """Goal: neither an instance in /dev/shm nor a process stays of a run that is killed. Method: a
    long run, killed when it has an executor under way; the instance has no name by then."""
    with subprocess.Popen([VMALAB, "diff", "--ops", "100000000", "--seed", "1"]) as process:
        deadline = time.monotonic() + HANG_S
        while not (under_way := children(process.pid)):
            assert process.poll() is None
            assert time.monotonic() < deadline, "no program was begun"
        process.kill()
    for pid in under_way:
        while runs(pid):
            assert time.monotonic() < deadline, f"process {pid} stayed"
            time.sleep(0.01)
    assert list(Path("/dev/shm").glob(f"vmalab.diff-{process.pid}-*")) == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            ("--profile", "swap"),
            "--profile swap: give anon, file, fork, mremap, limits, uffd, keys or all",
        ),
        (("--model", "spin"), "spin"),
        (("--pkeys", "maybe"), "--pkeys maybe: give machine, on or off"),
        (("--program", "munmap a0"), "munmap takes 2 arguments: addr length"),
        (("--program", "@/nowhere"), "--program @/nowhere: No such file or directory"),
        (("--ops", "0"), "Invalid value for '--ops'"),
    ],
)
def test_bad_usage_is_refused(words: tuple[str, ...], reason: str) -> None:
    done = diff(*words)
    assert done.returncode == 2
    assert reason in " ".join(done.stderr.split()), done.stderr
