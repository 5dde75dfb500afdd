# SPDX-License-Identifier: Apache-2.0
"""What every test of the project shares, wherever it lies.

Tests run several at a time (pytest -n). One that measures time, or needs the machine to itself, is
marked `serial`: it waits until the others are done and they wait for it. That is a reader-writer
lock on a file, so it holds between the processes of pytest-xdist.
"""

import fcntl
import os
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

LOCK_VARIABLE = "VMALAB_TEST_LOCK"
pytest_plugins = ("comparing",)


def pytest_configure(config: pytest.Config) -> None:
    """The process that the user started makes the lock; the workers inherit its name."""
    if not hasattr(config, "workerinput"):
        handle, path = tempfile.mkstemp(prefix="vmalab-tests-", suffix=".lock")
        os.close(handle)
        os.environ[LOCK_VARIABLE] = path


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        Path(os.environ.pop(LOCK_VARIABLE)).unlink(missing_ok=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Serial tests come last: nobody waits for them while there is other work."""
    items.sort(key=lambda item: item.get_closest_marker("serial") is not None)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """First of all wrappers, so that waiting for the lock does not count against the timeout."""
    alone = item.get_closest_marker("serial") is not None
    with Path(os.environ[LOCK_VARIABLE]).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        return (yield)
