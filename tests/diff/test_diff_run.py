# SPDX-License-Identifier: Apache-2.0
"""Goal: `vmalab diff` finds what is wrong, makes it short, and repeats it; it needs no luck.

Method: programs are generated twice and compared; the text of a program is read back; a wrong
answer is planted on the emulated side and must come out as a program of three operations or fewer.
A failure of the planted ones means that a real disagreement could pass or would stay long.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from patience import HANG_S
from vmalab_diff import compare as comparing
from vmalab_diff.chooser import PROFILES, STYLES, Chooser
from vmalab_diff.emulated import Emulator
from vmalab_diff.encoding import Operation
from vmalab_diff.generate import FIRST, WEIGHTS, alive, generate
from vmalab_diff.operations import BY_NAME, LEFT_OUT, PARAMS, TABLE, undrawn
from vmalab_diff.printing import c_source, repeat_line
from vmalab_diff.program import Op, Place, ProgramError, parse, render
from vmalab_diff.real import DiffError, Executor, Outcome
from vmalab_diff.run import DiffConfig, run
from vmalab_diff.shrink import Shrinker

PLANTED = "mmap a0 9p PROT_READ|PROT_WRITE MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED -1 0"

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("profile", [*PROFILES, "all"])
def test_a_seed_gives_the_same_programs(profile: str) -> None:
    for number in range(3):
        assert generate(7, profile, number) == generate(7, profile, number)
    assert generate(7, profile, 0) != generate(8, profile, 0)
    assert generate(7, profile, 0) != generate(7, profile, 1)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_text_of_a_program_is_read_back(profile: str) -> None:
    for number in range(20):
        program = generate(3, profile, number)
        again = parse(render(program, PARAMS), PARAMS)
        assert again == program


def test_every_operation_is_drawn_by_some_profile() -> None:
    drawn = {name for rows in WEIGHTS.values() for name, _ in rows}
    assert drawn | set(FIRST) == set(BY_NAME)


def test_what_is_left_out_has_a_reason_and_what_is_drawn_has_none() -> None:
    """A file that a reason names has to be there."""
    assert undrawn() == []
    assert set(LEFT_OUT).isdisjoint(row.packs for row in TABLE)
    for reason in LEFT_OUT.values():
        _, there, path = reason.partition("; tests/")
        assert not there or (ROOT / "tests" / path).is_file(), reason


def test_only_a_line_feed_ends_a_line_of_maps() -> None:
    """A name may have what str.splitlines takes for the end of a line."""
    line = "20000000-20001000 r--p 00000000 08:01 5 /tmp/a\x0b30000000-\x1c\x85\u2028z"
    assert comparing.only_maps(f"{line}\nSize: 4 kB\n") == f"{line}\n"
    other = line.replace("\u2028z", "\u2028y")
    assert comparing.MapsMatcher().difference(f"{line}\n", f"{other}\n") == (line, other)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_strategies_give_what_the_row_says(row: Operation) -> None:
    for seed in range(200):
        chooser = Chooser(Random(seed), STYLES["limits"])
        args = row.make(chooser)
        for param, arg in zip(row.params, args, strict=True):
            assert isinstance(arg, Place) == (param.kind == "place"), (param, arg)


def test_no_huge_page_is_put_over_the_executor() -> None:
    """One of 1 GiB at address 0 would: such a program ended in SIGSEGV of the executor."""
    style = replace(STYLES["limits"], low=1.0, fixed=1.0)
    chooser = Chooser(Random(1), style)
    at_zero = []
    for _ in range(50_000):
        at, _, _, how, *_ = BY_NAME["mmap"].make(chooser)
        assert isinstance(how, int)
        if at == Place("", 0, 0) and how >> 26 == 30:
            at_zero.append(how)
    assert at_zero
    assert [how for how in at_zero if how & 0x10] == []


def test_no_move_puts_more_than_memory_over_the_executor() -> None:
    """The kernel unmaps the target of MREMAP_FIXED before it finds the length too long."""
    chooser = Chooser(Random(1), replace(STYLES["limits"], low=1.0, odd=0.5))
    chooser.lockall = False
    long = 0
    for _ in range(20_000):
        _, _, new, how, to = BY_NAME["mremap"].make(chooser)
        assert isinstance(new, int)
        assert isinstance(how, int)
        assert isinstance(to, Place)
        if how & 2 and new > 1 << 32:
            long += 1
            assert to.kind == "a"
    assert long > 100


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("mmmap a0", "is not an operation; there are"),
        ("munmap a0", "munmap takes 2 arguments: addr length"),
        ("munmap a9 1p", "there are arenas a0 to a2"),
        ("munmap @0 1p", "@0 is not an earlier operation"),
        ("mprotect a0 1p PROT_REED", "unknown flag 'PROT_REED'"),
        ("munmap a0 1q", "1q"),
    ],
)
def test_a_wrong_text_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ProgramError, match=reason):
        parse(text, PARAMS)


def test_operations_of_processes_that_are_gone_are_left_out() -> None:
    program = parse("fork 1; 1:read a0; 1:exit; 1:read a0; 2:read a0; fork 1; exit", PARAMS)
    assert render(alive(program), PARAMS) == "fork 1; 1:read a0; 1:exit; fork 1"


class Liar(Emulator):
    """Answers munmap with EINVAL when it removes more than one page."""

    def run(self, program, steps, real, check):  # type: ignore[no-untyped-def]
        def lie(at: int, outcome: Outcome) -> bool:
            step = steps[at]
            if step.op >= 0:
                op = program[step.op]
                if op.name == "munmap" and op.args[1] > 4096 and outcome.value == 0:
                    outcome = replace(outcome, value=-22)
            return bool(check(at, outcome))

        super().run(program, steps, real, lie)


def test_a_planted_wrong_answer_is_found_and_made_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vmalab_diff.run.Emulator", Liar)
    result = run(DiffConfig(ops=400, seed=2, profile="anon"))
    assert result.disagree > 0
    texts = [render(finding.program, PARAMS) for finding in result.findings]
    liars = [text for text in texts if "munmap" in text.rpartition(";")[2]]
    assert liars, texts
    assert len(parse(liars[0], PARAMS)) <= 3, liars


def test_wrong_maps_are_found_and_made_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the comparison takes an area without access for one that can be read."""
    whole = comparing.MapsMatcher.difference

    def blind(self: comparing.MapsMatcher, real: str, emulated: str) -> tuple[str, str] | None:
        return whole(self, real, emulated.replace(" ---p ", " r--p "))

    monkeypatch.setattr(comparing.MapsMatcher, "difference", blind)
    mapped = f"{PLANTED}; mprotect a0+2p 2p PROT_NONE"
    program = parse(f"mmap a1 2p PROT_READ MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED -1 0; write a1 0xc3;"
                    f"{mapped}; munmap a1 3p; read a0; read a0+1p", PARAMS)  # fmt: skip
    with Executor() as executor, Emulator() as emulator:

        def both(program: Sequence[Op]) -> comparing.Comparison:
            return comparing.compare(program, executor, emulator, every=1)

        short, comparison = Shrinker(both).shrink(program)
    assert len(short) <= 3, render(short, PARAMS)
    assert comparison.difference is not None
    assert comparison.difference.what == "maps"


def test_a_program_that_unmaps_the_executor_is_told_so() -> None:
    program = parse("munmap 0x10000000 16p", PARAMS)
    with Executor() as executor, Emulator() as emulator:
        with pytest.raises(DiffError, match=r"step 0: .*signal 11; .*at 0x10000000: the executor"):
            comparing.compare(program, executor, emulator, every=1)
        good = parse(PLANTED, PARAMS)
        assert comparing.compare(good, executor, emulator, every=1).difference is None


def test_the_c_of_a_program_compiles_and_gives_the_kernels_answers(tmp_path: Path) -> None:
    text = (
        f"{PLANTED}; write a0 0x5c3; fork 1; 1:write a0 0x7c3; 1:read a0; read a0; "
        "mmap 0x0 3p PROT_READ MAP_PRIVATE|MAP_ANONYMOUS -1 0; write @6+1p 0xc3; "
        "mincore a0 9p; 1:exit; munmap a0+1 1p; brk brk+3p"
    )
    program = parse(text, PARAMS)
    with Executor() as executor, Emulator() as emulator:
        comparison = comparing.compare(program, executor, emulator, every=1)
    assert comparison.difference is None
    source = tmp_path / "program.c"
    source.write_text(c_source(program, comparison))
    subprocess.run(["gcc", "-w", "-o", tmp_path / "program", source], check=True, timeout=HANG_S)
    done = subprocess.run([tmp_path / "program"], capture_output=True, text=True, timeout=HANG_S)
    lines = done.stdout.splitlines()
    assert "  0 mmap = 0x200000000000" in lines
    assert "  4 read = 0x7c3" in lines
    assert "  5 read = 0x5c3" in lines
    assert "  7 write: signal 11 code 2" in lines
    assert " 10 munmap = -1 EINVAL" in lines
    assert any(line.startswith("200000000000-200000009000 rw-p") for line in lines)
    assert repeat_line(program).startswith("vmalab diff --program 'mmap a0 9p")
