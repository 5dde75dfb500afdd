# SPDX-License-Identifier: Apache-2.0
"""Goal: `vmalab diff` says what it did, writes down what it found, and refuses what is wrong.

Method: the command itself, with a program whose answers are the same on both sides.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

VMALAB = str(Path(sys.executable).with_name("vmalab"))
MEMORY = "mmap a0 2p PROT_READ|PROT_WRITE MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED -1 0"


def diff(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [VMALAB, "diff", *words],
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def test_a_program_given_is_written_down_and_its_trace_replays(tmp_path: Path) -> None:
    """As C, as text that the command takes again, and as a trace for vmalab replay."""
    program = (
        f"{MEMORY}; write a0 0xfc3; fork 1; 1:write a0 0x9c3; mincore a0 2p; 1:exit; "
        "mmap 0x0 3p PROT_READ MAP_SHARED 0 1p; read @6; mremap a0 2p 4p MREMAP_MAYMOVE 0x0; "
        "munmap a0+1 1p; brk brk+2p; mprotect a0 1p PROT_READ; madvise a0 2p MADV_DONTNEED"
    )
    done = diff("--program", program, "--out", str(tmp_path), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["agree"] == 13
    again = diff("--program", f"@{tmp_path / 'program.txt'}", "--json")
    assert json.loads(again.stdout)["agree"] == 13
    trace = tmp_path / "program.trace"
    command = [VMALAB, "replay", str(trace), "--mode", "attach"]
    replay = subprocess.run(
        [*command, "--json"], capture_output=True, text=True, timeout=100, check=False
    )
    data = json.loads(replay.stdout)
    assert replay.returncode == 0, replay.stdout + replay.stderr
    assert data["ops"] == data["agree"] == 10
    assert data["maps_equal"] == data["maps_checked"] > 10


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--profile", "swap"), "--profile swap: give anon, file, fork, mremap, limits or all"),
        (("--model", "spin"), "spin"),
        (("--program", "munmap a0"), "munmap takes 2 arguments: addr length"),
        (("--program", "@/nowhere"), "--program @/nowhere: No such file or directory"),
        (("--ops", "0"), "greater than or equal to 1"),
    ],
)
def test_bad_usage_is_refused(words: tuple[str, ...], reason: str) -> None:
    done = diff(*words)
    assert done.returncode == 2
    assert reason in " ".join(done.stderr.split()), done.stderr
