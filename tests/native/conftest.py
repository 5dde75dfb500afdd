# SPDX-License-Identifier: Apache-2.0
"""Fixtures for the tests of the native core as Python sees it.

Every segment that a test gets from here is small, has a name that no other test has, and is walked
at the end: a test that leaves a broken invariant fails even when its own checks passed.
"""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from children import Child
from vmalab_native.core import Participant, Segment, SegmentConfig

ROOT = Path(__file__).resolve().parents[2]
SMALL = SegmentConfig(
    size_bytes=64 << 20,
    mms_max=32,
    participants_max=16,
    frames_max=1 << 15,
    files_max=16,
    vmas_per_mm_max=4096,
)
_numbers = itertools.count()


@pytest.fixture
def instance() -> Iterator[str]:
    """A free instance name; what is left under it is removed."""
    name = f"t-{os.getpid()}-{next(_numbers)}"
    yield name
    Path(f"/dev/shm/vmalab.{name}").unlink(missing_ok=True)


@pytest.fixture(params=["auto", "fenced"])
def segment(instance: str, request: pytest.FixtureRequest) -> Iterator[Segment]:
    """A fresh small segment, in both flavours of RCU."""
    config = SegmentConfig(
        size_bytes=SMALL.size_bytes,
        mms_max=SMALL.mms_max,
        participants_max=SMALL.participants_max,
        frames_max=SMALL.frames_max,
        files_max=SMALL.files_max,
        vmas_per_mm_max=SMALL.vmas_per_mm_max,
        rcu=request.param,
    )
    with Segment.create(instance, config) as made:
        yield made
        if not made.closed:
            walk(made)
        made.unlink()


@pytest.fixture
def me(segment: Segment) -> Iterator[Participant]:
    """A participant for the thread of the test."""
    with segment.participant("client") as participant:
        yield participant


def walk(segment: Segment) -> None:
    """Every invariant holds, when what killed children left has been repaired."""
    with segment.participant("inspector") as inspector:
        inspector.recover()
        assert inspector.fsck() == []


@pytest.fixture
def spawn() -> Iterator[Callable[..., Child]]:
    """Starts children: spawn(code, argument...)."""
    children: list[Child] = []

    def start(code: str, *arguments: str, prefix: Sequence[str] = ()) -> Child:
        children.append(Child(code, *arguments, prefix=prefix))
        return children[-1]

    yield start
    for child in children:
        child.end()
