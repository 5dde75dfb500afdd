# SPDX-License-Identifier: Apache-2.0
"""Goal: a load on several machines is one load: what the agents did is summed exactly, and what
goes wrong on one of them is named and costs nothing else.

Method: real agents, each in a network namespace of its own where these can be made, and a real
server. Agents and controllers are killed and stopped in the middle.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hdrh.log import HistogramLogReader

from agents import AgentProcess, Machines, certificate
from patience import HANG_S
from servers import VMALAB, Serve, vmalab, wait_for
from vmalab_loadgen.histogram import DIGITS, HIGHEST_NS, LOWEST_NS, Latency

pytestmark = pytest.mark.long
PAGE = Path(__file__).resolve().parents[2] / "docs" / "load.md"
AGENTS = 3


def sum_of(data: dict[str, Any], which: str) -> dict[str, Latency]:
    """The histograms that the agents counted themselves, added by kind."""
    found: dict[str, Latency] = {}
    for agent in data["agents"]:
        for kind, text in agent["histograms"][which].items():
            found.setdefault(kind, Latency()).add(Latency.decode(text.encode()))
    return found


def check_sums(data: dict[str, Any]) -> None:
    """The whole is the sum of its parts: operations, errors, histograms bucket by bucket."""
    for key, whole in (("ops_by_kind", "ops_by_kind"), ("errnos", "errnos")):
        sums: Counter[str] = Counter()
        for agent in data["agents"]:
            sums.update(agent[key])
        assert dict(sums) == data[whole]
    for key in ("ops", "wrong", "dropped"):
        assert sum(agent[key] for agent in data["agents"]) == data[key]
    for which in ("corrected", "raw"):
        parts, merged = sum_of(data, which), data["histograms"][which]
        assert parts.keys() == merged.keys()
        for kind, text in merged.items():
            whole_counts = Latency.decode(text.encode()).counts
            assert np.array_equal(whole_counts, parts[kind].counts), kind
            assert int(whole_counts.sum()) == data["ops_by_kind"][kind]


# --- three machines ---


def test_three_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """TLS and tokens to server and agents; each agent does its third of the rate."""
    with ExitStack() as stack:
        machines = stack.enter_context(Machines(AGENTS))
        if machines.why:
            with capsys.disabled():
                print(f"\nno network namespaces ({machines.why}): it runs as processes only")
        keys = certificate(tmp_path, [machines.host(number) for number in range(AGENTS + 1)])
        cert, token = str(keys / "cert.pem"), str(keys / "token")
        secure = ("--tls-cert", cert, "--tls-key", str(keys / "key.pem"), "--token-file", token)
        host = machines.host(0)
        server = stack.enter_context(
            Serve("--listen", f"{host}:0", "--advertise-host", host, "--share", "all", *secure,
                  before=machines.inside(0))
        )  # fmt: skip
        agents = [
            stack.enter_context(
                AgentProcess(*secure, listen=f"{machines.host(number)}:0",
                             before=machines.inside(number))
            )
            for number in range(1, AGENTS + 1)
        ]  # fmt: skip
        names = {kind: str(tmp_path / f"report.{kind}") for kind in ("json", "csv", "hdr", "html")}
        done = subprocess.run(
            [*machines.inside(0), *VMALAB, "load", "--target", server.target,
             "--target-ca", cert, "--target-token-file", token,
             *(word for one in agents for word in ("--agent", one.address)),
             "--agent-ca", cert, "--agent-token-file", token, "--seed", "7", "--check",
             "--rate", "300/s", "--rate-may-miss", "--duration", "3s", "--processes", "2",
             "--mix", "fault=70,mmap=10,munmap=10,mprotect=10", "--vmas", "50", "--own-mm",
             *(word for kind, name in names.items() for word in (f"--{kind}", name))],
            capture_output=True, text=True, timeout=HANG_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + "".join(one.said for one in agents)
        alone = subprocess.run(
            [*machines.inside(0), *VMALAB, "load", "--target", server.target, "--target-ca", cert,
             "--target-token-file", token, "--mode", "batch", "--ops", "2000", "--processes", "1"],
            capture_output=True, text=True, timeout=HANG_S, check=False,
        )  # fmt: skip
        assert alone.returncode == 0, alone.stderr
    data = json.loads((tmp_path / "report.json").read_text())
    check_sums(data)
    assert data["lost"] == []
    assert data["asked"] == 900
    assert data["ops"] + data["dropped"] == pytest.approx(900, abs=9)
    assert data["callers"] == 2 * AGENTS
    assert [one["address"] for one in data["agents"]] == [one.address for one in agents]
    for one in data["agents"]:
        assert one["asked"] == 300
        assert 0 < one["ops"] <= 303
    assert data["checked"]
    assert data["problems"] == []
    assert data["leaks"] == {}
    assert data["locks"]["vma_lock_success"] > 0
    check_files(tmp_path, data, done.stdout)


def check_files(folder: Path, data: dict[str, Any], text: str) -> None:
    """Each names each agent with its own part."""
    counts = {one["address"]: one["ops"] for one in data["agents"]}
    with (folder / "report.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["operation"] == "all"]
    for address, count in {**counts, "": data["ops"]}.items():
        assert sum(int(row["count"]) for row in rows if row["agent"] == address) == count
    reader = HistogramLogReader(str(folder / "report.hdr"), _whole())
    tags: Counter[str] = Counter()
    while (interval := reader.get_next_interval_histogram()) is not None:
        tags[interval.get_tag() or ""] += interval.get_total_count()
    reader.close()
    assert {name: tags[name] for name in counts} == counts
    assert tags[""] == data["ops"]
    page = (folder / "report.html").read_text()
    for address, count in counts.items():
        assert f"<td>{address}</td><td>{count:,}</td>" in page
        assert re.search(rf"{re.escape(address)} +.*\b{count}\b", text)


def _whole() -> object:
    from hdrh.histogram import HdrHistogram

    return HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS)


# --- what goes wrong ---


@pytest.fixture(scope="module")
def server() -> Iterator[Serve]:
    with Serve() as one:
        yield one


@pytest.fixture
def agents() -> Iterator[list[AgentProcess]]:
    with ExitStack() as stack:
        yield [stack.enter_context(AgentProcess("--idle", "1h")) for _ in range(2)]
    for process in Load.begun:  # those that a failed test has left
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=HANG_S)
    Load.begun.clear()


class Load:
    """`vmalab load --agent` under way, with a line an interval; `agents` ends what is left."""

    def __init__(
        self, server: Serve, agents: list[AgentProcess], folder: Path, *options: str
    ) -> None:
        self._report = folder / "report.json"
        self.lines: list[str] = []
        words = [word for one in agents for word in ("--agent", one.address)]
        self.process = subprocess.Popen(
            [*VMALAB, "load", "--target", server.target, *words, "--mode", "batch",
             "--block-ops", "10", "--processes", "1", "--rate", "200/s", "--rate-may-miss",
             "--interval", "500ms", "--vmas", "50", "--json", str(self._report), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        self.begun.append(self.process)

    begun: ClassVar[list[subprocess.Popen[str]]] = []

    def read_until(self, pattern: str, times: int = 1) -> None:
        """What it says, until that has come so often."""
        assert self.process.stderr is not None
        while times:
            line = self.process.stderr.readline()
            assert line, "it ended by itself: " + "".join(self.lines)
            self.lines.append(line)
            times -= bool(re.search(pattern, line))

    def under_way(self) -> None:
        self.read_until(r"[1-9]\d* operations/s  p50", 2)

    def end(self) -> dict[str, Any]:
        """Its report, after its end."""
        self.text, err = self.process.communicate(timeout=HANG_S)
        self.err = "".join(self.lines) + err
        assert "Traceback" not in self.err, self.err
        data: dict[str, Any] = json.loads(self._report.read_text())
        return data


def test_a_killed_agent(server: Serve, agents: list[AgentProcess], tmp_path: Path) -> None:
    load = Load(server, agents, tmp_path, "--duration", "8s")
    load.under_way()
    os.kill(agents[1].pid, signal.SIGKILL)
    agents[1].process.wait(HANG_S)
    data = load.end()
    assert load.process.returncode == 1, load.err
    (lost,) = [one for one in data["lost"] if "counters" not in one]
    assert re.fullmatch(
        rf"agent {agents[1].address} died: the connection broke, after [\d.]+ s: [1-9]\d* "
        "operations until then count, the rest of its part, 1 of 2, was not done",
        lost,
    )
    assert f"Lost: {lost}" in load.err
    check_sums(data)
    good, dead = data["agents"]
    assert (good["lost"], dead["lost"]) == ("", lost)
    assert good["asked"] == 800
    assert good["ops"] + good["dropped"] == pytest.approx(800, abs=10)
    assert 0 < dead["ops"] < 800
    assert data["locks"]["vma_lock_success"] > 0, "the first agent has read the counters"


def test_a_stopped_agent(server: Serve, agents: list[AgentProcess], tmp_path: Path) -> None:
    """It is given up while the load goes on; Ctrl-C then ends the load with a full report."""
    load = Load(server, agents, tmp_path, "--duration", "1h", "--agent-silence", "10s")
    load.under_way()
    os.kill(agents[0].pid, signal.SIGSTOP)
    load.read_until("said nothing for 10 s")
    load.under_way()
    load.process.send_signal(signal.SIGINT)
    data = load.end()
    assert load.process.returncode == 128 + signal.SIGINT, load.err
    assert data["ended_by"] == "SIGINT"
    check_sums(data)
    stopped, good = data["agents"]
    assert "said nothing for 10 s" in stopped["lost"]
    assert good["lost"] == ""
    assert good["ops"] > stopped["ops"] > 0
    assert any(one.startswith(f"the counters of {server.target}") for one in data["lost"])


def test_a_killed_controller(server: Serve, agents: list[AgentProcess], tmp_path: Path) -> None:
    """Its agents end their run, and do the next one."""
    load = Load(server, agents, tmp_path, "--duration", "1h")
    load.under_way()
    load.process.kill()
    load.process.communicate(timeout=HANG_S)
    wait_for(
        "both have ended their run",
        lambda: all("ended, its controller is gone" in one.said for one in agents),
    )
    after = Load(server, agents, tmp_path, "--duration", "1s")
    data = after.end()
    assert after.process.returncode == 0, after.err
    check_sums(data)
    assert all(one["ops"] for one in data["agents"])


def test_a_stopped_controller(server: Serve, tmp_path: Path, agents: list[AgentProcess]) -> None:
    """An agent gives it up after --idle, and does the next run; the other one waits for it."""
    with AgentProcess("--idle", "5s") as hasty:
        load = Load(server, [hasty, agents[0]], tmp_path, "--duration", "1h")
        load.under_way()
        load.process.send_signal(signal.SIGSTOP)
        said = "the controller said nothing for 5 s"
        wait_for("it gives the controller up", lambda: said in hasty.said)
        wait_for("that run is over", lambda: hasty.said.count("run of ") == 3)
        (tmp_path / "after").mkdir()
        after = Load(server, [hasty], tmp_path / "after", "--duration", "1s")
        assert after.end()["ops"] > 0
        assert after.process.returncode == 0, after.err
        load.process.send_signal(signal.SIGCONT)
        load.read_until(f"agent {hasty.address} ")
        load.process.send_signal(signal.SIGINT)
        first, second = load.end()["agents"]
    assert first["lost"]
    assert second["lost"] == ""
    assert second["ops"] > first["ops"] > 0


def test_two_controllers(server: Serve, agents: list[AgentProcess], tmp_path: Path) -> None:
    """The second one is refused; the first one does not mind, and ends by a signal."""
    first = Load(server, agents, tmp_path, "--duration", "1h", "--check")
    first.under_way()
    words = [word for one in agents for word in ("--agent", one.address)]
    second = vmalab("load", "--target", server.target, *words, "--duration", "1s")
    assert second.returncode == 1
    assert second.stderr.count("refused: it does a run of ipv4:127.0.0.1:") == 2 * 2, second.stderr
    first.under_way()
    first.process.send_signal(signal.SIGTERM)
    data = first.end()
    assert first.process.returncode == 128 + signal.SIGTERM, first.err
    check_sums(data)
    assert data["lost"] == []
    assert data["leaks"] == {}
    assert data["good"]
    for word in ("agents, corrected latency", "wrong answers", agents[0].address):
        assert word in first.text


def test_one_of_two_refuses(server: Serve, agents: list[AgentProcess], tmp_path: Path) -> None:
    """The other one does its own part, no more."""
    only = Load(server, agents[:1], tmp_path, "--duration", "1h")
    only.under_way()
    (tmp_path / "other").mkdir()
    both = Load(server, agents, tmp_path / "other", "--duration", "2s")
    data = both.end()
    assert both.process.returncode == 1, both.err
    refused, done = data["agents"]
    assert "its part, 1 of 2, was not done" in refused["lost"]
    assert refused["ops"] == 0
    assert done["ops"] + done["dropped"] == pytest.approx(200, abs=10)
    check_sums(data)
    only.process.send_signal(signal.SIGINT)
    only.end()


def test_a_server_that_is_not_there(agents: list[AgentProcess], tmp_path: Path) -> None:
    """The agents say so, and are ready for the next load."""
    done = vmalab("load", "--agent", agents[0].address, "--target", "127.0.0.1:1", "--ops", "10")
    assert done.returncode == 1
    assert "could not do its part: no server answers at 127.0.0.1:1" in done.stderr
    assert agents[0].end(signal.SIGINT) == 0


def test_an_agent_that_is_told_to_end(
    server: Serve, agents: list[AgentProcess], tmp_path: Path
) -> None:
    """Its part ends in order, with a report; the other one goes on."""
    load = Load(server, agents, tmp_path, "--duration", "8s")
    load.under_way()
    assert agents[1].end(signal.SIGTERM) == 0
    data = load.end()
    assert load.process.returncode == 1, load.err
    check_sums(data)
    assert data["lost"] == [f"agent {agents[1].address} was ended by SIGTERM"]
    assert data["agents"][1]["seconds"] < data["agents"][0]["seconds"]


# --- the page ---


def test_the_run_of_the_page(tmp_path: Path) -> None:
    """The commands of docs/load.md, as they stand there; the figures are those of a machine."""
    (block,) = re.findall(r"^```console\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    commands = [line.removeprefix("$ ") for line in block.split("\n") if line.startswith("$ ")]
    *background, last = commands
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with ExitStack() as stack:
        changed = {}
        for line in background:
            words = shlex.split(line.removesuffix("&").strip())
            assert words[0] == "vmalab"
            if words[1] == "serve":
                changed[words[words.index("--listen") + 1]] = stack.enter_context(Serve()).target
            else:
                assert words[1:3] == ["load", "agent"]
                one = stack.enter_context(AgentProcess())
                changed[words[words.index("--listen") + 1]] = one.address
        for old, new in changed.items():
            assert old in last
            last = last.replace(old, new)
        done = subprocess.run(
            [*shlex.split(last), "--rate-may-miss"], cwd=tmp_path,
            env=os.environ | {"PATH": path, "COLUMNS": "80"}, capture_output=True, text=True,
            timeout=HANG_S, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shown = [line for line in block.split("\n") if line and not line.startswith(("$ ", "..."))]
    form = [re.sub(r"[\d.,]+", "#", line).split() for line in shown]
    printed = [re.sub(r"[\d.,]+", "#", line).split() for line in done.stdout.split("\n")]
    names = {row[0] for row in printed if row}
    assert {row[0] for row in form if row} <= names
    assert [row[0] for row in form].count("#:#") == [row[0] for row in printed if row].count("#:#")
