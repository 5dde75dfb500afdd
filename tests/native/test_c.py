# SPDX-License-Identifier: Apache-2.0
"""Goal: the C tests of the core hold: plain, with narrow lives, under the thread sanitizer, under
the address sanitizer.

Method: native/tests/Makefile builds and runs them; each C file says at its head what it shows and
how its failure is to be read. `make check-native` runs the same by hand; VMALAB_TORTURE_SECONDS
makes the torture longer.
"""

import os
import subprocess
from pathlib import Path

import pytest

from patience import HANG_S

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "native-tests"


def run(target: str, *variables: str, torture_seconds: int) -> None:
    """make TARGET; the end of its output is the failure's message."""
    command = ["make", "-C", "native/tests", "--silent", "-j2", f"BUILD={BUILD}", target]
    command += variables
    environment = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
    environment["VMALAB_TORTURE_SECONDS"] = str(torture_seconds)
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=HANG_S,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)}\n...\n{done.stdout[-6000:]}", pytrace=False)


TARGETS = ["check", "check-narrow", "check-broken", "check-tsan", "check-asan"]


# Compiled anew for each lock model: the long run has all of them. What threads race for in the
# other models they race for in these two, which take locks in each way that there is; private
# memory is the same in all, and split-rwsem has the cache of locks beside it; with narrow lives a
# slot is reused as soon as it is free. Primitives that threads race for make no memory: they are
# for the thread sanitizer.
FEWER = {
    "check-asan": ("MODELS=split-rwsem", "ASAN_LATER=test_rcu test_rwsem test_world test_life"),
    "check-tsan": ("MODELS=typesafe-rwsem refcount",),
    "check-narrow": ("MODELS=typesafe-rwsem",),
}


@pytest.mark.parametrize("target", TARGETS)
def test_c(target: str) -> None:
    run(target, *FEWER.get(target, ()), torture_seconds=1)


@pytest.mark.long
@pytest.mark.parametrize("target", TARGETS)
def test_c_for_long(target: str) -> None:
    run(target, torture_seconds=30)
