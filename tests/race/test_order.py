# SPDX-License-Identifier: Apache-2.0
"""Goal: the lab core learns in which order locks are waited for, and names a deadlock before it is.

Method: searches on the lab core, whose edges are compared with the lock order of native/DESIGN.md;
one process that takes two locks in two orders, one after the other; a served instance that is asked
with `vmalab locks --order`. A failure names the edge: who waited for which lock with which in hand.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from patience import HANG_S
from vmalab_client import Client
from vmalab_native import lab
from vmalab_native.race import explore, scenario, schedule, session
from vmalab_native.race.explore import Plan
from vmalab_race import order
from vmalab_race.order import Graph, Learnt
from vmalab_server.embedded import EmbeddedServer

PAGE = 4096
SHORT = lab.LOCKS[lab.LOCKS.index("page_table_lock") :]
"""Short mutexes, and locks of a library user."""


def seen(name: str, model: str, *mutants: str) -> Graph:
    one = scenario.load(name)
    result = explore.explore(one, model, Plan(mutants=mutants))
    return order.graph(result.order, one.actors)


def pairs(graph: Graph) -> set[tuple[str, str]]:
    return {(edge.held, edge.wanted) for edge in graph.edges}


@pytest.mark.parametrize("model", ["typesafe-rwsem", "refcount"])
def test_one_process_alone_shows_the_inversion(model: str) -> None:
    """Nobody waits for anybody, and the text has both sides with their steps."""
    one = scenario.load("order-of-locks")
    result = explore.explore(one, model, Plan(mutants=("fault_blocks_holding_vma",)))
    assert result.finding is not None
    violation = result.finding.violation
    assert violation.invariant == "lock-order"
    now, before = violation.text.split("; ")
    assert now == (
        "alone (operation 1) has mmap_lock and waits for vm_lock, after op_begin, mmap_write,"
        " write_begin"
    )
    assert before.startswith("alone (operation 0) has vm_lock and waits for mmap_lock, after ")
    assert before.endswith("fault_locked, pte_seen, anon_checked")
    again = explore.replay(schedule.parse(result.finding.schedule.text()))
    assert again.violation is not None
    assert again.violation.text == violation.text
    assert explore.explore(one, model, Plan()).finding is None


def test_a_mutant_that_deadlocks_is_still_seen_to_deadlock() -> None:
    """The order is a finding of its own only where the scenario says so."""
    one = scenario.load("fault-lock-order")
    result = explore.explore(one, "refcount", Plan(mutants=("fault_blocks_holding_vma",)))
    assert result.finding is not None
    assert result.finding.violation.invariant == "deadlock"
    graph = order.graph(result.order, one.actors)
    assert ("vm_lock", "mmap_lock") in graph.inverted()


def test_the_order_is_that_of_the_design() -> None:
    """Of the rwsems exactly these, and no circle with the short mutexes below them."""
    names = ("fork-under-faults", "exec-under-faults", "truncate-under-faults", "sequence-wrap")
    edges = [edge for name in names for edge in seen(name, "typesafe-rwsem").edges]
    graph = Graph(tuple(edges))
    assert graph.inversions() == []
    assert {pair for pair in pairs(graph) if not {*pair} & {*SHORT}} == {
        ("file_lock", "mmap_lock"),
        ("mmap_lock/new", "mmap_lock"),
        ("mmap_lock", "mmap_lock/1"),
        ("mmap_lock", "vm_lock"),
        ("mmap_lock/1", "vm_lock"),
        ("mmap_lock", "vm_lock/1"),
        ("vm_lock", "vm_lock/1"),
    }
    assert not [pair for pair in pairs(graph) if pair[0] in SHORT and pair[1] not in SHORT]


def test_a_trylock_is_no_edge_and_counts_as_held() -> None:
    """The first write of a mapping tries mmap_lock with its VMA locked, and takes mutexes under
    it."""
    found = pairs(seen("fault-lock-order", "typesafe-rwsem"))
    assert ("vm_lock", "mmap_lock") not in found
    assert ("mmap_lock", "page_table_lock") in found


def edge(held: str, wanted: str) -> Learnt:
    return Learnt(held, wanted, "a", "op", ("op_begin",))


def test_a_circle_of_three_is_found_and_drawn() -> None:
    straight = (edge("file_lock", "mmap_lock"), edge("mmap_lock", "vm_lock"))
    assert Graph(straight).inversions() == []
    assert Graph(straight).levels() == [["file_lock"], ["mmap_lock"], ["vm_lock"]]
    graph = Graph((*straight, edge("vm_lock", "file_lock"), edge("vm_lock", "anon_lock")))
    (circle,) = graph.inversions()
    assert {one.held for one in circle} == {"file_lock", "mmap_lock", "vm_lock"}
    assert len(graph.inverted()) == 3
    assert graph.dot().count("color=red") == 3
    assert graph.dot().count("->") == 4
    root = ElementTree.fromstring(graph.svg())
    paths = [one for one in root.iter("{http://www.w3.org/2000/svg}path") if "stroke" in one.attrib]
    assert [one.attrib["stroke"] for one in paths].count(order.INVERTED) == 3
    assert len(paths) == 4
    assert "INVERSION" in graph.text()
    assert Graph((edge("vm_lock", "vm_lock"),)).inversions() != []


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(workers=1, lab=True) as one:
        yield one


def locks(*arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("vmalab")), "locks", *arguments],
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code != 2 else done.stderr


def test_a_running_instance_is_asked(server: EmbeddedServer, tmp_path: Path) -> None:
    """First the intact core, then one that waits for mmap_lock with a VMA in hand."""
    asked = ("--order", "--instance", server.instance)
    with Client(server.target) as client, client.address_space() as mm:
        addr = mm.mmap(PAGE)
        mm.write(addr, 7)
        mm.munmap(addr, PAGE)
        drawing = tmp_path / "order.svg"
        rows = json.loads(locks(*asked, "--json", "-o", str(drawing)))
        (found,) = [
            row for row in rows["edges"] if (row["held"], row["wanted"]) == ("mmap_lock", "vm_lock")
        ]
        assert (found["operation"], found["steps"][-1]) == ("MMAP", "write_begin")
        assert rows["inversions"] == []
        assert ElementTree.fromstring(drawing.read_text()).tag.endswith("svg")
        assert '"mmap_lock" -> "vm_lock";' in locks(*asked, "--dot")
        client.lab.set_mutants(["fault_blocks_holding_vma"])
        addr = mm.mmap(PAGE)
        mm.write(addr, 7)
        mm.munmap(addr, PAGE)
        client.lab.set_mutants([])
    text = locks(*asked, code=1)
    assert "INVERSION" in text
    assert "vm_lock -> mmap_lock: pid " in text
    assert ", FAULT: " in text


def test_what_is_refused() -> None:
    assert "--order" in locks("--dot", code=2)
    assert "--scenario" in locks("--order", "--model", "refcount", code=2)
    assert "--instance" in locks("--order", "--target", "127.0.0.1:1", code=2)
    assert ".svg or .dot" in locks("--order", "-o", "order.png", code=2)
    with EmbeddedServer(workers=1) as release:
        text = locks("--order", "--instance", release.instance, code=2)
    assert "start the server with --lab" in text


def test_a_lock_without_memory_fails_the_call_and_nothing_else() -> None:
    """split-rwsem: a mapping, a split and a fork, each without memory for the lock of a VMA."""
    with session.opened(scenario.load("lock-without-memory"), "split-rwsem") as one:
        outcome = one.learn().outcome
    lines = dict(line.split(": ") for line in outcome.splitlines() if line.startswith("A0."))
    assert [lines[f"A0.{number}"] for number in (1, 3, 5)] == ["-12/0"] * 3
    assert "m0: 10000-13000:rw-p" in outcome
    assert "m1" not in outcome


@pytest.mark.parametrize("model", ["split-rwsem", "refcount"])
def test_a_lookup_that_waits_for_a_writer_who_is_not_there_never_ends(model: str) -> None:
    one = scenario.load("falsely-locked")
    assert explore.explore(one, model, Plan()).finding is None
    waits = scenario.with_variant(one, model, "lookup_waits_for_writer")
    found = explore.explore(waits, model, Plan()).finding
    assert found is not None
    assert found.violation.invariant == "livelock"
