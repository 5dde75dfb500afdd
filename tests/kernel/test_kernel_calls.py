# SPDX-License-Identifier: Apache-2.0
"""Goal: each memory call answers as the running kernel's, in result, errno, areas and their flags.

Method: programs of calls (calls/*.calls, one for each topic) are run for real in a child process
and on an instance that begins with the child's areas; every answer is compared, and all areas
after each call that could change them. A failure shows the first calls whose answers differ, with
both; `tests/support/kernel_calls.py` has the names that the programs use. A kernel that differs
from 6.18 may rightly answer otherwise.
"""

from pathlib import Path

import pytest

import kernel_calls
from comparing import KERNEL, NotCompared, needs_of
from vmalab_native import machine

CALLS = Path(__file__).parent / "calls"


@pytest.mark.parametrize("topic", sorted(path.stem for path in CALLS.glob("*.calls")))
def test_answers_of_the_kernel(
    topic: str, each_model: str, tmp_path: Path, not_compared: NotCompared
) -> None:
    text = (CALLS / f"{topic}.calls").read_text()
    program = kernel_calls.read_calls(text)
    lacking = machine.lacks([*KERNEL, *needs_of(text)])
    if lacking:
        not_compared(lacking[0], len(program))
        pytest.skip(f"not compared: {lacking[0]}")
    differ = kernel_calls.compare(program, tmp_path / "file")
    assert differ == [], "\n".join(differ[:5])


def test_a_difference_is_seen(tmp_path: Path) -> None:
    """The same program on an instance whose process may lock less than the kernel's."""
    program = kernel_calls.read_calls("mmap A 4*P 3 PRIV|AN|FX\nmlock A 2*P 0\nread A\n")
    assert kernel_calls.compare(program, tmp_path / "file") == []
    less = kernel_calls.MmSetup(cap_ipc_lock=False, memlock_limit_bytes=4096)
    differ = kernel_calls.compare(program, tmp_path / "file", setup=less)
    assert len(differ) == 2
    assert "mlock" in differ[0]
