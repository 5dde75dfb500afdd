# SPDX-License-Identifier: Apache-2.0
"""`vmalab crash`: bursts of kills under load, and that its oracles can fail.

Goal: whoever is killed, at any instant and however many at once, the others go on, and nothing is
lost, left or mixed up. Method: the command itself, on all lock models. Failure: what it says of the
burst, and the command that gives the same bursts again; VMALAB_SEED=N sets the seed, VMALAB_KILLS=N
the number of kills of the long run.

Each oracle is then given something to find: words of another, a call that is refused, a process
that ends by itself, one that stands still, an address space that stays.
"""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from patience import HANG_S
from servers import VMALAB, vmalab, wait_for
from vmalab_client.block import Op
from vmalab_crash import mix, proof, table
from vmalab_crash.board import Board
from vmalab_crash.company import UNKNOWN, Company, Failure, Victim
from vmalab_crash.plan import Kind, bursts
from vmalab_crash.run import CrashConfig, Session
from vmalab_crash.tally import Tally
from vmalab_crash.watch import BLOCKED, IN, OUT, Slot, Watch
from vmalab_native.core import Segment, lock_models
from vmalab_native.cores import default_model

SEED = int(os.environ.get("VMALAB_SEED", "0")) or 20261130
DOCUMENT = Path(__file__).parents[2] / "docs" / "crash.md"
README = Path(__file__).parents[2] / "README.md"
RUN_ELSEWHERE = {
    "vmalab crash --model all --kills 10000 --bursts 2-20 --json": "test_many_kills",
    "vmalab crash --grpc --kills 10 --bursts 2-6": "test_kills_of_workers_and_clients",
}
IN_SHORT = {
    "vmalab crash --kills 100": "vmalab crash --kills 50",
    "vmalab crash --kills 40 --sizes 0,64": "nothing: test_sizes is long too",
    "vmalab crash --model refcount --kills 60 --bursts 10-20 --seed 7": "test_kills_in_bursts",
}
"""What the long run has as it is written, and what is like it in every run."""


# Where few are killed, chance decides how many of them were in a recovery: that is no failure.
BY_CHANCE = {"good": 0, "undecided": 1}


def crash(
    *options: str, good: dict[str, int] = BY_CHANCE, hang_s: float = HANG_S
) -> dict[str, object]:
    """The command's JSON, when its verdict is one of those."""
    done = vmalab("crash", "--json", *options, hang_s=hang_s)
    said = f"exit {done.returncode}: {done.stderr}\n{done.stdout[-6000:]}"
    assert done.returncode in good.values(), said
    data: dict[str, object] = json.loads(done.stdout)
    assert good.get(str(data["verdict"])) == done.returncode, said
    return data


def test_kills_in_bursts() -> None:
    """The short form: some bursts on each lock model."""
    data = crash("--model", "all", "--kills", "100", "--seed", str(SEED))
    models = data["models"]
    assert isinstance(models, list)
    assert [one["model"] for one in models] == list(lock_models())
    assert all(one["kills"] >= 20 and one["recovered"] == one["bursts"] for one in models)


@pytest.mark.long
def test_many_kills() -> None:
    kills = int(os.environ.get("VMALAB_KILLS", "10000"))
    data = crash(
        *("--model", "all", "--kills", str(kills), "--bursts", "2-20", "--seed", str(SEED)),
        *("--sizes", "0,64,256"),
        good={"good": 0},
        hang_s=20 * HANG_S,
    )
    assert int(str(data["kills"])) >= kills


# A burst has at least two: the short run has two bursts or so, the long run the document's command.
@pytest.mark.parametrize("kills", [4, pytest.param(10, marks=pytest.mark.long)])
def test_kills_of_workers_and_clients(kills: int) -> None:
    """Over gRPC: the server's supervisor sees the deaths, and recovers."""
    bursts = f"2-{max(3, kills - 4)}"
    data = crash("--grpc", "--kills", str(kills), "--bursts", bursts, "--seed", str(SEED))
    models = data["models"]
    assert isinstance(models, list)
    assert models[0]["transport"] == "grpc"
    assert models[0]["recovered"] >= 1


@pytest.mark.long
def test_sizes() -> None:
    """Bursts of few, with memory that is in use: the size has its line."""
    data = crash(*("--kills", "10", "--bursts", "1-2", "--sizes", "8", "--seed", str(SEED)))
    models = data["models"]
    assert isinstance(models, list)
    sizes = models[0]["sizes"]
    assert [(one["mib"], one["bursts"]) for one in sizes] == [(8, 12)]
    assert all(one["recovery_ms_median"] > 0 for one in sizes)


# --- the document ---


def commands() -> list[str]:
    """Of the document, and those of README that are this command."""
    text = DOCUMENT.read_text() + README.read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("vmalab crash ")]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(command, marks=pytest.mark.long if command in IN_SHORT else ())
        for command in commands()
        if command not in RUN_ELSEWHERE
    ],
)
def test_command_of_the_document(command: str, tmp_path: Path) -> None:
    done = vmalab(*command.split()[1:])
    said = f"{command}: {done.returncode}: {done.stderr}\n{done.stdout}"
    assert done.returncode == 0 or (done.returncode == 1 and "\nundecided: " in done.stdout), said


# --- the plan ---


def test_a_seed_gives_the_same_bursts() -> None:
    one, other = (bursts(7, "refcount", 2, 20) for _ in range(2))
    first = [next(one) for _ in range(200)]
    assert first == [next(other) for _ in range(200)]
    assert {burst.kind for burst in first} == set(Kind)
    assert sum(burst.second > 0 for burst in first) == 100, "every other one goes on in a recovery"
    assert all(2 <= burst.size <= 20 for burst in first)
    assert len({burst.fill for burst in first}) == 6, "all rooms are exhausted, and none"
    assert first != [next(bursts(8, "refcount", 2, 20)) for _ in range(200)]


# --- the verdict ---


def victim(in_core: int, *, in_recovery: bool = False) -> Victim:
    return Victim(1, "plain", in_core, 1, in_recovery, False)


@pytest.mark.parametrize(
    ("inside", "in_recovery", "verdict"),
    [(5, 1, "good"), (4, 1, "undecided"), (5, 0, "undecided")],
)
def test_the_verdict_needs_both_shares(inside: int, in_recovery: int, verdict: str) -> None:
    tally = Tally("refcount")
    victims = [victim(IN if n % 2 else BLOCKED) for n in range(inside)]
    victims += [victim(OUT if n % 2 else UNKNOWN) for n in range(10 - inside - in_recovery)]
    victims += [victim(OUT, in_recovery=True) for _ in range(in_recovery)]
    tally.died(10, victims)
    assert table.verdict([tally]) == verdict
    tally.failed(Failure("hung", "somebody"), {"session": 0})
    assert table.verdict([tally]) == "failed"


def test_too_few_kills_are_undecided() -> None:
    """One, and not in a recovery."""
    model = default_model()
    plain = (s for s in count() if (b := next(bursts(s, model, 1, 1))) and b.kind == Kind.PLAIN)
    seed = next(s for s in plain if not next(bursts(s, model, 1, 1)).second)
    done = vmalab("crash", "--json", "--kills", "1", "--bursts", "1", "--seed", str(seed))
    assert done.returncode == 1
    assert json.loads(done.stdout)["verdict"] == "undecided"


# --- what a process proves ---


def answers(status: int, value: int) -> proof.Run:
    def run(block: bytes) -> np.ndarray:
        results = np.zeros(1, mix.TIMED)
        results["status"], results["value"] = status, value
        return results

    return run


@pytest.mark.parametrize(
    ("status", "value", "corrupt", "refused"),
    [(0, 7, 0, 0), (0, 8, 1, 0), (0, 0, 1, 0), (11, 7, 0, 1), (-12, 0, 0, 1)],
)
def test_a_wrong_word_and_a_refusal_are_seen(
    status: int, value: int, corrupt: int, refused: int
) -> None:
    script = proof.Script(proof.Wrong(), 7, frozenset())
    script.read(1, proof.OWN, 7)
    script.run(answers(status, value))
    assert (script.wrong.corrupt, script.wrong.refused) == (corrupt, refused)
    assert bool(script.wrong.note) == bool(corrupt or refused)


def test_a_word_of_another_family_is_seen() -> None:
    draft = mix.Draft()
    draft.store(0, mix.ARENA, 5)
    draft.read(0, mix.ARENA)
    draft.read(1, mix.ARENA)
    block = draft.done()
    words = block.of([17, 18], [2, 3])
    assert [int(word) for word in words[block.heads]] == [17, 17, 18]
    (stored,) = map(int, words[block.stores])
    assert stored >> mix.FAMILY_SHIFT == mix.TAG << 8 | 2
    timed = np.zeros(3, mix.TIMED)
    timed["value"] = [0, stored, 0]
    assert len(block.strangers(timed, [2, 3])) == 0
    timed["value"] = [0, stored, stored]
    assert list(block.strangers(timed, [2, 3])) == [2]


def ops_of(block: mix.Block) -> set[int]:
    """What the records do: the lowest byte of each, which is before the address space."""
    return {int(word) & 0xFF for word in block.words[block.heads - 1]}


def test_what_is_left_out_is_not_in_the_blocks() -> None:
    names = ["set_vma_name", "mremap", "file_truncate"]
    without = mix.left_out(names)
    stock = mix.Stock.make(1, without)
    used = set()
    for block in (*stock.churns, *stock.ends):
        used |= ops_of(block)
    assert not used & without
    whole = mix.Stock.make(1, frozenset())
    for block in (*whole.churns, *whole.ends):
        used |= ops_of(block)
    assert used >= without
    with pytest.raises(ValueError, match="fault: what can be left out is"):
        mix.left_out(["fault"])


# --- what is read from outside ---


def test_the_words_are_where_the_core_has_them() -> None:
    """Where a participant is, and who has stopped the world, as the core itself says it."""
    with Segment.create(f"watch-{os.getpid()}-0") as segment:
        try:
            watch = Watch(segment.instance, segment.config.model, segment.config.layout)
            with segment.participant("client") as one, segment.participant("client") as other:
                assert watch.slot(one.index) == Slot(os.getpid(), OUT, 0)
                assert watch.slots_of(os.getpid()) == [watch.slot(i) for i in (0, 1)]
                before = watch.stops()
                assert other.fsck() == []
                assert watch.stops() == before + 1 == segment.info().world_stops
                assert watch.stop() == 0
            watch.close()
        finally:
            segment.unlink()


# --- with processes ---


class Stage:
    """A segment with a few processes, as a run has it."""

    def __init__(self, company: Company, stack: ExitStack, kind: type[Session] = Session) -> None:
        config = CrashConfig(actors=4, recoverers=1, patience_s=HANG_S, seed=SEED)
        self.company = company
        self.session = kind(config, Tally("typesafe-rwsem"), company, 0)
        self.session.open(stack)
        self.session.start()


@pytest.fixture
def company() -> Iterator[Company]:
    board = Board.make()
    with Company(board) as made:
        yield made
    board.close()


def test_one_that_ends_by_itself_is_a_failure(company: Company) -> None:
    with ExitStack() as stack:
        stage = Stage(company, stack)
        os.kill(company.of("plain")[0].pid, signal.SIGKILL)  # not by the harness
        with pytest.raises(Failure, match="ended by itself, by signal 9") as raised:
            wait_for("it is seen", lambda: company.look())
        assert raised.value.kind == "died"
        company.end_all()
        del stage


def test_one_that_stands_still_is_a_hang(company: Company) -> None:
    with ExitStack() as stack:
        stage = Stage(company, stack)
        still = company.of("plain")[0]
        os.kill(still.pid, signal.SIGSTOP)
        with pytest.raises(Failure) as raised:
            stage.session.prove(patience_s=2.0)
        assert raised.value.kind == "hung"
        assert any(str(still.pid) in line for line in raised.value.lines)
        company.end_all()


class Keeps(Session):
    """Somebody keeps an address space, and does not die."""

    def finish(self) -> None:
        with Segment.attach(self.instance) as segment, segment.participant("client") as me:
            me.mm_create()
            super().finish()


def test_what_stays_has_leaked(company: Company) -> None:
    with ExitStack() as stack:
        stage = Stage(company, stack, Keeps)
        with pytest.raises(Failure, match="mms: 1") as raised:
            stage.session.finish()
        assert raised.value.kind == "leaked"


def test_nothing_stays_when_nobody_was_killed(company: Company) -> None:
    with ExitStack() as stack:
        Stage(company, stack).session.finish()


# --- the command line ---


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--bursts", "many"), "give a number, or two as in 2-20"),
        (("--bursts", "5-2"), "the second no less"),
        (("--bursts", "2-20", "--actors", "10"), "at most 9 with --actors 10"),
        (("--sizes", "1,x"), "numbers of MiB"),
        (("--model", "none"), "none"),
        (("--without", "fault"), "what can be left out is"),
        (("--kills", "0"), "--kills"),
    ],
)
def test_bad_usage(options: tuple[str, ...], said: str) -> None:
    done = vmalab("crash", *options)
    assert done.returncode == 2
    assert said in done.stderr


def segments_of(pid: int) -> list[Path]:
    return list(Path("/dev/shm").glob(f"vmalab.crash-{pid}-*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing(number: int) -> None:
    """The fixture of all tests sees processes that stay."""
    process = subprocess.Popen(
        [*VMALAB, "crash", "--kills", "100000"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for("there is a segment", lambda: segments_of(process.pid))
        time.sleep(1)
        process.send_signal(number)
        assert process.wait(HANG_S) == 128 + number
        assert segments_of(process.pid) == []
    finally:
        process.kill()
        process.wait()
        for path in segments_of(process.pid):
            path.unlink()


def test_every_operation_is_used() -> None:
    """Of those that blocks can have: by the blocks, by forks, or by proofs."""
    stock = mix.Stock.make(SEED, frozenset())
    used = {Op.FORK, Op.MM_CREATE, Op.EXEC, Op.UFFD_OPEN, Op.UFFD_API, Op.UFFD_CLOSE, Op.NOP}
    for block in (*stock.churns, *stock.ends):
        used |= {Op(op) for op in ops_of(block)}
    for records in stock.userfaults:
        used |= {Op(op) for op, _, _ in records}
    assert used == set(Op)
