# SPDX-License-Identifier: Apache-2.0
"""Goal: programs with protection keys of their own, and a PKRU that they write, are judged: by the
kernel where the processor has keys, else by a model that shares nothing with the core.

Method: the parts of generated programs that the model knows, on an instance with keys; the same on
the running kernel, if it has keys (tests/support/keys_guest.sh makes one that has); wrong answers
that are planted. A failure prints the shortest program that shows the difference.
"""

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from comparing import KERNEL
from vmalab_diff import run as runs
from vmalab_diff.compare import compare_with_model, same
from vmalab_diff.emulated import Emulator
from vmalab_diff.generate import generate
from vmalab_diff.keys import Keys, part
from vmalab_diff.operations import PARAMS
from vmalab_diff.program import Op, parse
from vmalab_diff.real import Executor, Outcome, Step
from vmalab_diff.run import DiffConfig
from vmalab_native import machine

SEED = 5
PROGRAM = """
mmap a0 4p PROT_READ|PROT_WRITE MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED -1 0
write a0 0x1c3
pkey_alloc 0 PKEY_DISABLE_WRITE
rdpkru
pkey_mprotect a0 2p PROT_READ|PROT_WRITE 1
read a0
write a0 0x2c3
mprotect a0+2p 1p PROT_EXEC
rdpkru
read a0+2p
exec a0+2p
wrpkru 0x55555551
read a0
write a0 0x3c3
fork 1
1:read a0
1:wrpkru 0x55555554
1:read a0
1:pkey_free 2
1:exit
pkey_free 1
pkey_mprotect a0+3p 1p PROT_READ 1
read a0
wrpkru 1
read a0+3p
rdpkru
"""
MAPERR, ACCERR, PKUERR = 1, 2, 4


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(pkeys="on") as one:
        yield one


def steps(program: list[Op]) -> list[Step]:
    return [Step(op.process, index) for index, op in enumerate(program)]


def answers(outcomes: list[Outcome]) -> list[int | tuple[int, ...]]:
    return [(one.code, one.extra) if one.signal else one.value for one in outcomes]


def test_the_model_answers_as_the_manual_says() -> None:
    program = parse(PROGRAM, PARAMS)
    assert part(program) == program
    assert answers(Keys().run(program, steps(program)).outcomes) == [
        *(0x2000_0000_0000, 0, 1, 0x5555_5558, 0, 0x1C3, (PKUERR, 1)),
        *(0, 0x5555_5558, (PKUERR, 2), 0),
        *(0, 0x1C3, 0, 0, 0x3C3, 0, (PKUERR, 1), -22, 0),
        *(0, -22, 0x3C3, 0, (PKUERR, 0), 1),
    ]


def test_an_instance_answers_so_too(emulator: Emulator) -> None:
    program = parse(PROGRAM, PARAMS)
    done = compare_with_model(program, emulator)
    assert done.difference is None, done.difference
    assert done.agree == len(program)


def test_generated_programs_by_the_model(emulator: Emulator) -> None:
    """Each kind of answer must come up: what the programs do not reach is not judged."""
    seen: Counter[str] = Counter()
    for number in range(40):
        program = part(generate(SEED, "keys", number))
        done = compare_with_model(program, emulator)
        assert done.difference is None, (number, done.difference)
        for op, real in zip(program, done.real.outcomes, strict=True):
            by = f"key {'0' if not real.extra else 'n'}" if real.code == PKUERR else ""
            seen[f"{op.name} {real.signal} {real.code} {by}".strip()] += 1
            seen[f"{op.name} {real.value}"] += op.name.startswith("pkey")
    assert emulator.fsck() == []
    for what in ("read 11 4 key n", "write 11 4 key n", "read 11 4 key 0", "exec 11 2",
                 "write 11 2", "read 11 1", "pkey_alloc -22", "pkey_alloc -28", "pkey_free -22",
                 "pkey_free 0", "pkey_mprotect -22", "pkey_mprotect -12"):  # fmt: skip
        assert seen[what] > 3, (what, seen)


@pytest.mark.needs("pkeys", *KERNEL)
def test_the_kernel_answers_as_the_model() -> None:
    with Executor() as executor:
        for number in range(10):
            program = part(generate(SEED, "keys", number))
            order = steps(program)
            real, model = executor.run(program, order), Keys().run(program, order)
            for op, one, two in zip(program, real.outcomes, model.outcomes, strict=True):
                if op.name != "exec":
                    assert same(op, one, two), (number, op, one, two)


def test_a_machine_without_keys_is_not_silent() -> None:
    """What it cannot compare is counted with the reason, and the model has judged it."""
    result = runs.run(DiffConfig(ops=3_000, seed=SEED, profile="keys"))
    assert result.good, json.dumps(result.as_dict(), indent=1)
    reason = machine.NEEDS["pkeys"][0]
    if machine.has_pkeys():
        assert (result.not_compared[reason], result.by_model) == (0, 0)
    else:
        assert result.not_compared[reason] > 100
        assert result.by_model > 500


def test_a_wrong_answer_about_keys_is_found_and_made_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the model is wrong: writes are judged as reads."""
    monkeypatch.setattr("vmalab_diff.keys.NO_WRITES", 0)
    monkeypatch.setattr(machine, "lacks", lambda names, *known: list(names))
    result = runs.run(DiffConfig(ops=5_000, seed=SEED, profile="keys", shrink_max=1))
    assert result.disagree
    (finding,) = result.findings
    assert len(finding.program) <= 6, finding.as_dict()
    assert finding.as_dict()["vmalab"].startswith("SIGSEGV code 4 by key")
