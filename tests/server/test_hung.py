# SPDX-License-Identifier: Apache-2.0
"""A process that is stopped in the middle of a munmap, and ten others that wait for it.

Goal: `vmalab locks`, `vmalab locks --hung`, a metric and a line of the log each name the process
that holds the others up, its operation, since when, and the chain of waits; nothing is reported
before, and the end is.
Method: a process of its own maps and unmaps until SIGSTOP finds it in a munmap with mmap_lock. Nine
threads and one call of a client of the server then map in the same address space, and wait.
Failure: what was printed, scraped or logged instead.
"""

from __future__ import annotations

import json
import re
import shlex
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from servers import Serve, vmalab, wait_for
from slow_holder import TEN, planted_in
from vmalab_native.records import LockInfo
from vmalab_native.waiting import Ages, Task
from vmalab_server.hung import HungTasks

AFTER_S = 0.5
DOCUMENT = Path(__file__).parents[2] / "docs" / "looking-inside.md"


def commands() -> list[str]:
    """Those that the document shows."""
    (shown,) = re.findall(r"^```sh\n(vmalab locks\n.*?)^```$", DOCUMENT.read_text(), re.M | re.S)
    return [line.replace("--hung 10", f"--hung {AFTER_S}") for line in shown.splitlines()]


def run(command: str, server: Serve) -> str:
    """What a command of the document prints; the exit code is 1 if it looks for what hangs."""
    done = vmalab(*shlex.split(command)[1:], "-i", server.instance)
    assert done.returncode == int("--hung" in command), command
    return done.stdout


def said(server: Serve, event: str) -> list[dict[str, Any]]:
    """The lines of the log that begin so."""
    lines = [json.loads(line) for line in server.errors.splitlines() if line.startswith("{")]
    return [line for line in lines if str(line["event"]).startswith(event)]


def trees(*arguments: str, code: int = 0) -> list[dict[str, Any]]:
    done = vmalab("locks", "--json", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    facts = json.loads(done.stdout)
    found: list[dict[str, Any]] = facts["hung" if "--hung" in arguments else "trees"]
    return found


def check_tree(found: list[dict[str, Any]], pid: int) -> None:
    (tree,) = found
    assert (tree["pid"], tree["state"], tree["operation"]) == (pid, "stopped", "munmap")
    assert [lock["name"] for lock in tree["holds"]] == ["mmap_lock"]
    assert len(tree["waiters"]) == TEN
    assert all(under["wants"]["name"] == "mmap_lock" for under in tree["waiters"])
    assert {under["role"] for under in tree["waiters"]} == {"client", "worker"}
    assert tree["operation_ns"] > AFTER_S * 1e9
    assert min(under["wait_ns"] for under in tree["waiters"]) > 0


def metrics(server: Serve) -> dict[tuple[str, str], float]:
    """Samples by name and, of those of an incident, pid."""
    address = server.ready["metrics_address"]
    with urllib.request.urlopen(f"http://{address}/metrics") as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {
        (one.name, "|".join(one.labels.get(name, "") for name in ("pid", "state", "operation"))
         if "hung" in one.name else ""): one.value
        for family in families for one in family.samples
    }  # fmt: skip


def test_a_stopped_holder_is_named() -> None:
    options = ("--workers", "1", "--hung-after", str(AFTER_S), "--metrics-listen", "127.0.0.1:0")
    with Serve(*options) as server:
        where = ("-i", server.instance)
        assert trees("--hung", "0", *where) == []
        assert not any(name == "vmalab_hung_waiting" for name, _ in metrics(server))
        with planted_in(server.instance, server.target) as held:
            pid = held.pid
            wait_for("a line of the log", lambda: said(server, "threads have waited"))
            (line,) = said(server, "threads have waited")
            assert (line["pid"], line["state"], line["operation"]) == (pid, "stopped", "munmap")
            assert line["operation_s"] >= AFTER_S
            assert line["longest_wait_s"] >= AFTER_S
            assert line["chain"][-1].startswith(f"pid {pid} ")
            assert "waits for mmap_lock W of mm" in line["chain"][0]
            assert "munmap begins: mm" in " ".join(line["events"][-3:])

            def all_seen() -> bool:
                return metrics(server).get((metric, label)) == TEN

            metric, label = "vmalab_hung_waiting", f"{pid}|stopped|munmap"
            wait_for("a metric of ten waiters", all_seen)
            samples = metrics(server)
            assert samples["vmalab_hung_operation_seconds", f"{pid}||munmap"] > AFTER_S
            assert samples["vmalab_hung_incidents_total", "||"] == 1
            assert samples["vmalab_lock_wait_current_longest_seconds", ""] > AFTER_S
            check_tree(trees("-t", server.target), pid)
            check_tree(trees("--hung", str(AFTER_S), *where, code=1), pid)
            said_by = {command: run(command, server) for command in commands()}
            assert f"pid {pid} (client slow, participant " in said_by["vmalab locks"]
            assert "stopped, in munmap for " in said_by["vmalab locks"]
            hung = said_by[f"vmalab locks --hung {AFTER_S}"]
            assert f"last events of pid {pid}:" in hung
            held.end()
        wait_for("it is over", lambda: said(server, "threads no longer wait"))
        assert said(server, "threads no longer wait")[0]["pid"] == pid
        assert len(said(server, "threads have waited")) == 1, "an incident is said once"


LOCK = LockInfo(1, 101, "mmap_lock", "W", "held", 65537, 0, 0)
HOLDER = Task(
    participant=1, pid=101, tid=101, role="client", comm="c1", alive=True, state="running",
    operation="munmap", ages=Ages(50_000_000_000), reads_rcu=False, holds=(LOCK,), wants=None,
)  # fmt: skip
WAITER = replace(
    HOLDER, participant=2, pid=102, operation="mmap", holds=(), wants=LOCK,
    ages=Ages(9_000_000_000, 9_000_000_000),
)  # fmt: skip


def detector(seen: list[Task], *, after_s: float, measures: bool = False) -> HungTasks:
    return HungTasks(
        structlog.get_logger(),
        after_s=after_s,
        measures=measures,
        tasks=lambda: seen,
        events=lambda participant: [],
    )


def test_an_incident_is_one_series_whatever_becomes_of_it() -> None:
    """It is stopped later, holds more, and another waits for longest: the labels stay, the number
    of those that wait does not."""
    seen = [HOLDER, WAITER]
    hung = detector(seen, after_s=5.0)
    hung.look(100.0)
    (first,) = hung.now
    assert (first.labels["state"], first.labels["chain"]) == ("running", "102 mmap > 101 munmap")
    seen[0] = replace(HOLDER, state="stopped", holds=(LOCK, replace(LOCK, mm=65538)))
    seen.append(replace(WAITER, participant=3, pid=103, ages=Ages(None, 10_000_000_000)))
    hung.look(102.0)
    (second,) = hung.now
    assert (second.labels, second.begun_s, second.waiters) == (first.labels, 100.0, 2)
    assert second.tree.task.state == "stopped"
    assert hung.begun == 1


@pytest.mark.parametrize(("measures", "longest_s"), [(True, 9.0), (False, 0.0)])
def test_without_a_limit_there_is_no_incident(measures: bool, longest_s: float) -> None:
    """--hung-after 0: the longest wait is measured all the same where somebody reads it."""
    hung = detector([HOLDER, WAITER], after_s=0.0, measures=measures)
    hung.look(100.0)
    assert (hung.now, hung.begun, hung.longest_wait_s) == ((), 0, longest_s)
