# SPDX-License-Identifier: Apache-2.0
"""One process with nearly all participants of a segment, killed at once.

Goal: a recovery deals with as many deaths as there can be, and the others go on. Method: 70, 200
or 255 participants of one process, each in a thread of its own, work in shared address spaces;
SIGKILL takes all of them at the same instant. Failure: the walker's lines, or who hangs; run again
with VMALAB_SEED=N.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from vmalab_crash.board import Board, Command
from vmalab_crash.company import Company, Member
from vmalab_crash.run import CrashConfig, Session
from vmalab_crash.talk import Complaints, Order, Recovery
from vmalab_crash.tally import Tally
from vmalab_native.records import SegmentConfig

SEED = int(os.environ.get("VMALAB_SEED", "0")) or 20261130
PATIENCE_S = 100.0
PARTICIPANTS_MAX = SegmentConfig().participants_max
SOME = [
    ("typesafe-rwsem", 70),
]
"""More than a word has bits. The long run has all participants that there can be, on each model."""


@pytest.fixture
def company() -> Iterator[Company]:
    board = Board.make()
    with Company(board) as made:
        yield made
    board.close()


class Crowd(Session):
    """A segment for as many participants as there are by default."""

    def segment_config(self) -> SegmentConfig:
        config = super().segment_config()
        return SegmentConfig(
            # What the dead kept for themselves is free again only some grace periods later.
            size_bytes=config.size_bytes * 4,
            mms_max=1024,
            participants_max=PARTICIPANTS_MAX,
            frames_max=config.frames_max * 4,
            files_max=4096,
            vmas_per_mm_max=config.vmas_per_mm_max,
            model=config.model,
        )

    def recovered(self) -> None:
        recoverer = self.company.of("recoverer")[0]
        said = self.company.ask(recoverer, Order("recover"), PATIENCE_S, Recovery)
        assert not said.left, said
        fsck = self.company.ask(recoverer, Order("fsck"), PATIENCE_S, Complaints)
        assert fsck.lines == []


@pytest.mark.parametrize(("model", "participants"), SOME)
def test_all_participants_of_a_process_die_at_once(
    company: Company, model: str, participants: int
) -> None:
    die_at_once(company, model, participants)


@pytest.mark.long
@pytest.mark.parametrize("participants", [70, 200, 255])
def test_the_same_on_each_model(company: Company, each_model: str, participants: int) -> None:
    die_at_once(company, each_model, participants)


def die_at_once(company: Company, model: str, participants: int) -> None:
    others = min(2, PARTICIPANTS_MAX - 1 - participants)
    config = CrashConfig(actors=others, recoverers=1, patience_s=PATIENCE_S, seed=SEED)
    with ExitStack() as stack:
        session = Crowd(config, Tally(model), company, 0)
        session.open(stack)
        session.start()
        crowd: Member | None = None
        for turn in range(2):
            crowd = company.fork("plain", f"{SEED}/{turn}", participants)
            session.prove(PATIENCE_S)
            time.sleep(0.05)
            victims = company.kill([crowd])
            assert len(victims) == participants
            session.recovered()
            session.prove(PATIENCE_S)  # the others can do everything
        for one in company.of("plain"):
            company.command(one, Command.LEAVE)
        session.finish()
