# SPDX-License-Identifier: Apache-2.0
"""Who lives, seen from another namespace.

A participant's pid means something in its own pid namespace alone, and a deadline in the segment is
a time of one clock. Goal: processes of different pid, user and mount namespaces agree on who is
dead, and one of another time namespace is refused with its reason. Method: the other side is a
child of `unshare`; a lock that a living process holds is what a wrong answer would give away.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from children import Child
from vmalab_native.core import Participant, Segment
from vmalab_native.errors import LockTimeout
from vmalab_native.primitives import RwSem

JOIN = """
import sys
import time
from vmalab_native.core import Segment
segment = Segment.attach(sys.argv[1])
me = segment.participant("client", comm="other side")
"""
HOLD = (
    JOIN
    + """
from vmalab_native.primitives import RwSem
import os
held = RwSem(me, 0).write(timeout_ns=None)
held.__enter__()
print(me.index, os.getpid(), flush=True)
sys.stdin.readline()
"""
)
TRY = (
    JOIN
    + """
from vmalab_native.errors import LockTimeout
from vmalab_native.primitives import RwSem
print("dead", me.recover().dead)
try:
    with RwSem(me, 0).write(timeout_ns=300_000_000):
        print("taken")
except LockTimeout:
    print("refused")
print("alive", [row.alive for row in segment.participants()])
me.release()
"""
)

NAMESPACES = {
    "pid": ["--pid", "--kill-child"],
    "pid, its own /proc": ["--pid", "--kill-child", "--mount-proc"],
    "user": ["--user"],
    "user, as root": ["--user", "--map-root-user"],
    "user and pid": ["--user", "--map-root-user", "--pid", "--kill-child", "--mount-proc"],
}
NO_PROC = ["--mount", "sh", "-c", 'umount -l /proc && exec "$@"', "sh"]


def made_by(flags: list[str]) -> list[str]:
    """The words before a command that run it in other namespaces."""
    words = ["unshare", *flags]
    probe = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        # Some containers forbid namespaces; elsewhere this runs.
        pytest.skip(f"{' '.join(words)}: {probe.stderr.strip()}")
    return words


@pytest.fixture(params=list(NAMESPACES), ids=lambda name: name.replace(" ", "-"))
def inside(request: pytest.FixtureRequest) -> list[str]:
    return made_by(NAMESPACES[request.param])


def run(words: list[str], code: str, *arguments: str) -> list[str]:
    done = subprocess.run(
        [*words, sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_living_are_not_buried(segment: Segment, me: Participant, inside: list[str]) -> None:
    """From there, a process here lives, and keeps its lock; here, that one lived too."""
    with RwSem(me, 0).write():
        assert run(inside, TRY, segment.instance) == ["dead []", "refused", "alive [True, True]"]
    assert me.recover().dead == []
    assert run(inside, TRY, segment.instance)[1] == "taken"


def test_the_dead_are_found(
    segment: Segment, me: Participant, inside: list[str], spawn: Callable[..., Child]
) -> None:
    """One from there is alive here as long as it lives, and dead at once when it is killed."""
    child = spawn(HOLD, segment.instance, prefix=inside)
    index = int(child.line().split()[0])
    assert me.recover().dead == []
    with pytest.raises(LockTimeout), RwSem(me, 0).write(timeout_ns=200_000_000):
        pass
    child.kill()  # and with it, a moment later, what it has started
    while any(row.alive for row in segment.participants() if row.index == index):
        time.sleep(0.01)
    assert [dead for dead, _ in me.recover().dead] == [index]
    with RwSem(me, 0).write(timeout_ns=200_000_000):
        pass


@pytest.mark.parametrize("flags", [["--time", "--fork", "--monotonic", "100000"], NO_PROC])
def test_another_clock_is_refused(segment: Segment, me: Participant, flags: list[str]) -> None:
    """So is a process that cannot tell, for want of /proc."""
    words = made_by(flags)
    code = "import sys; from vmalab_native.core import Segment; Segment.attach(sys.argv[1])"
    done = subprocess.run(
        [*words, sys.executable, "-c", code, segment.instance],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "VL_E_CLOCK" in done.stderr
    assert "nsenter --time" in done.stderr
    assert [row.index for row in segment.participants()] == [me.index]
