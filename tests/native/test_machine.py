# SPDX-License-Identifier: Apache-2.0
"""Goal: what the machine is like is asked in one place, and what it lacks is said in words.

Method: the facts of this machine against what /proc says by other words; needs against facts that
are made up; what operations of `vmalab diff` need; what a run of tests counts.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from comparing import KEY, counted, needs_of
from vmalab_diff import needs
from vmalab_diff.operations import PARAMS
from vmalab_diff.program import parse
from vmalab_native import machine
from vmalab_trace.folder import Meta

ROOT = Path(__file__).resolve().parents[2]
WHOLE: dict[str, machine.Fact] = {
    "kernel": "6.18.3-x",
    "arch": "x86_64",
    "cpu.pkeys": True,
    "call.guards": True,
    "call.guard_flag": True,
    "call.mseal": True,
    "call.droppable_unlocked": True,
    "call.userfaultfd": 0x1FFFF,
    "thp.enabled": "madvise",
    "user.cap_ipc_lock": True,
    "user.cap_sys_rawio": True,
    "user.cap_sys_admin": True,
    "user.rlimit_memlock": 8 << 20,
}
"""A machine that lacks nothing."""


def test_facts_of_this_machine() -> None:
    known = machine.facts()
    flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    assert flags is not None
    assert known["cpu.pkeys"] == ("ospke" in flags[1].split())
    assert known["sysctl.vm.max_map_count"] == machine.max_map_count()
    assert known["kernel"] == Path("/proc/sys/kernel/osrelease").read_text().strip()
    assert machine.one_line(known).startswith("Linux ")
    assert machine.one_line({}) == ""
    assert machine.differences(known) == {}
    assert machine.differences({"arch": "m68k"}) == {"arch": ("m68k", known["arch"])}


def test_asking_changes_nothing() -> None:
    """Without keys the first pkey_alloc of a process is answered otherwise than the second, and
    with them each gives another key: in a fresh process none of the probes was one."""
    ask = (
        "from vmalab_native import machine; machine.facts(); call = machine.Libc();"
        "print(call(330, 0, 0), call(330, 0, 0))"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.split() == (["1", "2"] if machine.has_pkeys() else ["-22", "-28"])


@pytest.mark.parametrize(
    ("lost", "need"),
    [
        ({"kernel": "6.12.9"}, "kernel"),
        ({"kernel": "what"}, "kernel"),
        ({"arch": "aarch64"}, "x86-64"),
        ({"cpu.pkeys": False}, "pkeys"),
        ({"cpu.la57": True}, "no-la57"),
        ({"call.memory_failure": True}, "no-memory-failure"),
        ({"call.guards": False}, "guards"),
        ({"call.guard_flag": False}, "guard-flag"),
        ({"call.mseal": False}, "mseal"),
        ({"call.droppable_unlocked": False}, "droppable"),
        ({"call.userfaultfd": None}, "userfaultfd"),
        ({"call.userfaultfd": 0}, "uffd-move"),
        ({"call.uffd_low_source": False}, "uffd-low-source"),
        ({"thp.enabled": None}, "thp"),
        ({"thp.enabled": "always"}, "thp-not-always"),
        ({"sysctl.vm.nr_hugepages": 4}, "no-hugetlb"),
        ({"sysctl.vm.legacy_va_layout": 1}, "top-down"),
        ({"sysctl.vm.overcommit_memory": 2}, "overcommit-heuristic"),
        ({"user.cap_sys_rawio": False}, "capabilities"),
        ({"user.rlimit_memlock": 65536}, "memlock"),
    ],
)
def test_what_is_lacking_is_said(lost: dict[str, machine.Fact], need: str) -> None:
    assert machine.lacks(machine.NEEDS, WHOLE) == []
    assert machine.NEEDS[need][0] in machine.lacks(machine.NEEDS, WHOLE | lost)
    assert machine.lacks([need], WHOLE | lost) == [machine.NEEDS[need][0]]


def test_every_need_has_a_case() -> None:
    """Above; and a name that is none is refused."""
    cases = next(mark for mark in test_what_is_lacking_is_said.pytestmark)  # type: ignore[attr-defined]
    assert {need for _, need in cases.args[1]} == set(machine.NEEDS)
    with pytest.raises(KeyError):
        machine.lacks(["nothing"])


def test_an_operation_that_this_machine_cannot_answer_is_taken_out_and_counted() -> None:
    """MADV_HWPOISON would take real memory out of use."""
    program = parse(
        "mmap a0 2p PROT_READ MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED -1 0;"
        " madvise a0 1p MADV_HWPOISON; mseal a0 1p 0; madvise a0 1p MADV_GUARD_INSTALL; read a0;"
        " mmap a1 1p PROT_READ MAP_DROPPABLE|MAP_ANONYMOUS -1 0; uffd_move 0 a0 a1 1p 0",
        PARAMS,
    )
    kept, left_out = needs.possible(program, WHOLE)
    assert (kept, left_out) == (program, Counter())
    poor: machine.Facts = {"kernel": "6.18", "arch": "x86_64", "call.memory_failure": True}
    kept, left_out = needs.possible(program, poor)
    assert [op.name for op in kept] == ["mmap", "read"]
    assert left_out == Counter(
        machine.NEEDS[name][0]
        for name in ("no-memory-failure", "mseal", "guard-flag", "droppable", "uffd-move")
    )


def test_what_a_run_could_not_compare_is_counted_once_for_each_test() -> None:
    """A test has a report for each of its phases, which say the same again."""
    said: list[tuple[str, object]] = [(KEY, ("no keys", 3)), ("other", 1), (KEY, ("no keys", 2))]

    def report(node: str, properties: list[tuple[str, object]]) -> pytest.TestReport:
        return pytest.TestReport(
            node, ("", 0, ""), {}, "passed", None, "call", user_properties=properties
        )

    reports = [report("a", said[:1]), report("a", said), report("a", said), report("b", said)]
    assert counted(reports) == Counter({"no keys": 10})
    assert needs_of("# x\n# needs: pkeys mseal\nmmap") == ["pkeys", "mseal"]
    assert needs_of("mmap A") == []


def test_the_machine_is_in_the_trace_and_a_trace_without_it_reads() -> None:
    meta = Meta(machine=dict(machine.facts()))
    assert Meta.from_json(meta.to_json()).machine == machine.facts()
    assert Meta(machine={"cpu.pkeys": True}).pkeys
    assert not Meta.from_json('{"kernel": "6.18"}').pkeys


def test_files_of_calls_need_what_there_is() -> None:
    """A name that is misspelt would leave a file out for ever."""
    for path in (*ROOT.glob("tests/**/*.vec"), *ROOT.glob("tests/**/*.calls")):
        assert set(needs_of(path.read_text())) <= set(machine.NEEDS), path


def test_nobody_else_asks() -> None:
    """What the kernel's answers depend on is read in machine.py alone."""
    asks = re.compile(r"/proc/sys/vm/|/proc/config|transparent_hugepage/|/proc/cpuinfo|MMAP_MIN_AD")
    places = [
        *ROOT.glob("native/src/**/*.c"),
        *(
            path
            for top in ("cli", "lab", "loadgen", "server")
            for path in ROOT.glob(f"{top}/**/*.py")
        ),
    ]
    found = {str(path.relative_to(ROOT)) for path in places if asks.search(path.read_text())}
    of_measurements = {"lab/vmalab_bench/machine.py", "loadgen/vmalab_campaign/work.py"}
    assert found == of_measurements
