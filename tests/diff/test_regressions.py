# SPDX-License-Identifier: Apache-2.0
"""Goal: where vmalab once differed from the kernel, it does not any more, on any lock model.

Method: each file of programs/ is a program that `vmalab diff` found and made short: its name says
what was wrong, its comment why. It runs for real and on an instance of each model; every answer,
the maps and the flags of each area after every operation must be equal. A failure shows what each
side said; `vmalab diff --program @FILE` shows it again.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from comparing import KERNEL, NotCompared
from vmalab_diff.compare import compare
from vmalab_diff.emulated import Emulator
from vmalab_diff.needs import needs_of
from vmalab_diff.operations import PARAMS
from vmalab_diff.program import parse
from vmalab_diff.real import Executor
from vmalab_native import machine
from vmalab_native.core import lock_models

PROGRAMS = sorted(Path(__file__).with_name("programs").glob("*.txt"))


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor() as made:
        yield made


@pytest.fixture(scope="module", params=lock_models())
def emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    with Emulator(model=request.param) as made:
        yield made
        assert made.fsck() == []


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_that_once_differed(
    path: Path, executor: Executor, emulator: Emulator, not_compared: NotCompared
) -> None:
    text = path.read_text()
    assert text.startswith("# "), "say first what was wrong"
    program = parse(text, PARAMS)
    lacking = machine.lacks([*KERNEL, *sorted(set().union(*map(needs_of, program)))])
    if lacking:
        not_compared(lacking[0], len(program))
        pytest.skip(f"not compared: {lacking[0]}")
    comparison = compare(program, executor, emulator, every=1)
    found = comparison.difference
    assert found is None, f"operation {found.op}:\nkernel {found.kernel}\nvmalab {found.vmalab}"
    assert comparison.agree + sum(comparison.not_compared.values()) == len(program)
