# SPDX-License-Identifier: Apache-2.0
"""Goal: who has the number of an address space that is over never reaches a later one, from Python
too, and through the leases and the cached lookups of a process of his own.

Method: cores are built with -DVL_NARROW_LIVES=3 (native/include/vmalab/lives.h): the lower 32 bits
of each number that names a life come round after eight, the upper ones are not 0. In an instance of
three address spaces one process makes and drops them until one has, in its lower half, the number
of the first; another process still has that number, a lease, and a cached lookup. Processes are
killed under load with these cores, as tests/crash does with the others, and a server and its
clients run with them.
Failure: an answer other than NO_SUCH_MM means that the old number reached the new address space. In
the others the output of the tests that they run says what is wrong.
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from children import Child
from vmalab_native import errors
from vmalab_native.core import Segment, lock_models

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "native-tests" / "narrow"
"""native/tests/Makefile links its narrow tests with the objects of these cores."""
FLAGS = "-DVL_NARROW_LIVES=3 -O1 -g1"
"""As there: objects of other flags are made again."""
DEFAULT = "typesafe-rwsem"
MODELS = [
    pytest.param(model, marks=() if model == DEFAULT else pytest.mark.long)
    for model in lock_models()
]

PRELUDE = """
import sys
from vmalab.ops import RESULT, Op, Status, record
from vmalab_native import errors
from vmalab_native.core import Segment, SegmentConfig

ADDR, PAGE, NO_SUCH_MM = 0x200000000000, 4096, Status.NO_SUCH_MM
FAULT, MMAP, EXIT, FAULTS = Op.FAULT, Op.MMAP, Op.EXIT, Op.FAULTS

def call(me, op, mm, *args, flags=0):
    block = record(op, mm, *args, flags=flags)
    return [(status, value) for status, _, value in RESULT.iter_unpack(me.run(block))]

def tell(text):
    print(text, flush=True)
    sys.stdin.readline()
"""

OWNER = (
    PRELUDE
    + """
config = SegmentConfig(
    size_bytes=32 << 20, mms_max=3, participants_max=4, frames_max=1 << 12, files_max=4,
    model=sys.argv[2],
)

def space(word):
    mm = me.mm_create()
    assert call(me, MMAP, mm, ADDR, PAGE, 3 | 0x32 << 32, 0, 0) == [(0, ADDR)]
    assert call(me, FAULT, mm, ADDR, word, flags=5) == [(0, word)]
    return mm

with Segment.create(sys.argv[1], config) as segment, segment.participant("client") as me:
    first = space(0xAAAA)
    tell(first)
    call(me, EXIT, first)
    for lives in range(1, 100):
        now = me.mm_create()
        assert now != first
        if now % 2**32 == first % 2**32:
            break
        call(me, EXIT, now)
    assert now % 2**32 == first % 2**32 and lives <= 24, (hex(first), hex(now), lives)
    call(me, EXIT, now)
    for _ in range(24):  # and once more round, with pages
        now = space(0xBBBB)
        if now % 2**32 == first % 2**32:
            break
        call(me, EXIT, now)
    tell(now)
    assert call(me, FAULT, now, ADDR) == [(0, 0xBBBB)]
    assert [info.leases for info in me.mm_list() if info.id == now] == [1]
    assert me.fsck() == []
    tell("good")
"""
)

HOLDER = (
    PRELUDE
    + """
first = int(sys.argv[2])
with Segment.attach(sys.argv[1]) as segment, segment.participant("client") as me:
    me.mm_get(first)
    assert call(me, FAULT, first, ADDR) == [(0, 0xAAAA)]
    assert call(me, FAULT, first, ADDR) == [(0, 0xAAAA)]
    tell("holds")
    answers = call(me, FAULT, first, ADDR) + call(me, FAULTS, first, ADDR, ADDR)
    answers += call(me, FAULT, first, ADDR, 0xCCCC, flags=5) + call(me, EXIT, first)
    leases = []
    for ask in (me.mm_put, me.mm_get, me.maps):
        try:
            ask(first)
        except errors.NoSuchMm:
            leases.append("NoSuchMm")
    assert answers == [(NO_SUCH_MM, 0)] * 5, answers
    assert leases == ["NoSuchMm"] * 3, leases
    tell("good")
"""
)


def build(*models: str) -> Path:
    """Narrow cores; what is up to date is not built again."""
    BUILD.mkdir(parents=True, exist_ok=True)
    command = ["make", "-C", str(ROOT / "native"), "--silent", "-j2"]
    command += [f"OUT={BUILD}/cores", f"O={BUILD}/objects", f"EXTRA_FLAGS={FLAGS}"]
    command += ["CORES=" + " ".join(f"{model}.aligned" for model in models)]
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return BUILD / "cores"


@pytest.fixture
def narrow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Children of this test use the narrow core of that model."""
    model: str = request.param
    monkeypatch.setenv("VMALAB_CORES", str(build(model)))
    return model


@pytest.mark.parametrize("narrow", MODELS, indirect=True)
def test_the_number_of_before_reaches_nobody(instance: str, narrow: str) -> None:
    owner = Child(OWNER, instance, narrow)
    try:
        first = owner.line()
        with pytest.raises(errors.FingerprintMismatch):
            Segment.attach(instance)  # a core that is not narrow
        holder = Child(HOLDER, instance, first)
        try:
            assert holder.line() == "holds"
            owner.tell("")
            assert int(owner.line()) > 2**32
            holder.tell("")
            assert holder.line() == "good"
            holder.tell("")
            assert holder.process.wait() == 0
        finally:
            holder.end()
        owner.tell("")
        assert owner.line() == "good"
        owner.tell("")
        assert owner.process.wait() == 0
    finally:
        owner.end()


@pytest.mark.parametrize("narrow", MODELS, indirect=True)
def test_kills_with_narrow_lives(narrow: str) -> None:
    run_narrow("native/test_kills.py", f"under_load and {narrow}", narrow)


@pytest.mark.parametrize("narrow", [DEFAULT], indirect=True)
def test_the_wire_carries_whole_numbers(narrow: str) -> None:
    """The ids of these cores are above 2**32: services, client and Hold streams keep all of it."""
    run_narrow("server/test_leases.py", "not killed", narrow)


def run_narrow(file: str, selected: str, model: str) -> None:
    """Tests in a pytest of their own, because cores are loaded only once."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"]
    environment = {"VMALAB_KILLS": "10", **os.environ, "VMALAB_MODEL": model}
    done = subprocess.run(
        [*command, str(ROOT / "tests" / file), "-k", selected],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "passed" in done.stdout
