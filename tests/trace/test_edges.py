# SPDX-License-Identifier: Apache-2.0
"""Goal: what a program's memory depends on, beside its memory calls, is recorded: which file each
mapping is of, how it was opened and sealed, how long it was, what the process may do, where a
process was killed or continued by others. What is not recorded is named, and counted.

Method: the programs edge-*.c of tests/traces/programs are recorded here and replayed; the running
kernel's answers are right. What was not compared must be what the committed recording of the same
program did not compare: counts are equal but for those that depend on when a process was killed. A
failure shows line, call, expected and got, or the count that differs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import programs
from servers import vmalab
from vmalab_trace import plan, verdict
from vmalab_trace.folder import Folder, Meta
from vmalab_trace.record import RecordConfig, RecordError, record

TIMED = {"edge-processes"}
"""Programs that kill children in the middle of their calls."""


def recorded(name: str, folder: Path) -> tuple[Meta, plan.Plan, verdict.Verdict]:
    config = RecordConfig(hold_ms=400)  # so that a busy machine reads the maps in time
    meta = record(programs.prepare(name, folder / "program"), folder / "trace", config)
    assert meta.exit_status == 0
    read, result = programs.play(folder / "trace")
    return meta, read, result


@pytest.mark.parametrize("name", programs.EDGES)
def test_recorded_here(name: str, tmp_path: Path) -> None:
    meta, read, result = recorded(name, tmp_path)
    assert result.good, result.first_disagreements
    if not meta.faults_source:
        return  # without perf a trace cannot tell as much
    promised = Folder(programs.TRACES / name).meta().expect
    assert result.not_compared.keys() <= promised.get("not_compared", {}).keys()
    assert dict(result.unsupported) == promised.get("unsupported", {})
    if name not in TIMED and not meta.missed:
        assert result.ops == promised["ops"]
        assert dict(result.not_compared) == promised.get("not_compared", {})
    if name == "edge-files":
        lives = {(one.inode, life) for one, life in zip(meta.files, meta.lives, strict=True)}
        assert len(lives) > len({one.inode for one in meta.files}), "no inode was used again"
    if name == "edge-processes":
        assert read.program.late or "exec" not in str(meta.missed), meta.missed
        assert any(bits != 7 for bits in meta.capabilities.values())
        assert any(step.text().startswith("mlock") and step.errno for step in read.steps)


SET_ID = r"""
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
	char *at = mmap((void *)0x10000000000, 20 * 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(at + 2 * 4096, 2 * 4096, PROT_READ);
	at[0] = 1;
	at[5 * 4096] = 1;
	mprotect(at + 2 * 4096, 2 * 4096, PROT_READ | PROT_WRITE);
	return geteuid() == getuid();
}
"""


def test_a_set_user_id_program_is_not_seen_by_perf(tmp_path: Path) -> None:
    """perf leaves a process at such an exec: its maps are compared without the borders that page
    faults decide, and that is counted."""
    if os.geteuid() or shutil.which("setpriv") is None:
        return
    (tmp_path / "setid.c").write_text(SET_ID)
    target = tmp_path / "setid"
    subprocess.run(["gcc", "-O1", "-o", target, tmp_path / "setid.c"], check=True)
    target.chmod(0o4755)
    for above in (tmp_path, *tmp_path.parents):
        if above.owner() == "root" and above.name.startswith("pytest-"):
            above.chmod(0o755)
    command = ["setpriv", "--reuid=65534", "--clear-groups", str(target)]
    meta = record(command, tmp_path / "trace", RecordConfig())
    assert meta.exit_status == 0, "it did not get another user's rights"
    _, result = programs.play(tmp_path / "trace")
    assert result.good, result.first_disagreements
    if meta.faults_source:
        assert meta.faults_unseen == 1
        assert result.not_compared[plan.BLIND] == 1


THIRTY_TWO = r"""
.globl _start
_start:
	mov $1, %eax
	xor %ebx, %ebx
	int $0x80
"""


def test_a_32_bit_program_is_refused(tmp_path: Path) -> None:
    """By the recorder, and by the replay of a trace in which strace says so."""
    (tmp_path / "low.s").write_text(THIRTY_TWO)
    low = tmp_path / "low"
    subprocess.run(["as", "--32", "-o", f"{low}.o", f"{low}.s"], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-o", str(low), f"{low}.o"], check=True)
    with pytest.raises(RecordError, match="32-bit program"):
        record([str(low)], tmp_path / "trace", RecordConfig(faults=False))
    root = tmp_path / "pasted"
    root.mkdir()
    (root / "trace").write_text("[ Process PID=7 runs in 32 bit mode. ]\n7 exit(0) = ?\n")
    done = vmalab("replay", str(root))
    assert done.returncode == 2
    assert "line 1: process 7 runs in 32 bit mode" in done.stderr


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    done = vmalab("record", "-o", "/proc/trace", "--", "true")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_count_that_is_not_the_promised_one_fails(tmp_path: Path) -> None:
    """So that nothing goes quiet: what was compared is part of the trace."""
    root = tmp_path / "trace"
    shutil.copytree(programs.TRACES / "edge-opened", root)
    text = (root / "meta.json").read_text()
    assert '"ops": 86' in text
    (root / "meta.json").write_text(text.replace('"ops": 86', '"ops": 87'))
    _, result = programs.play(root)
    assert not result.good
    assert result.counts_differ == {"ops": [87, 86]}
    again = ("replay", str(root), "--mode", "attach", "--processes", "1", "--keep-counts")
    assert vmalab(*again).returncode == 0
    assert programs.play(root)[1].good
