# SPDX-License-Identifier: Apache-2.0
"""Goal: a load at several servers is one load: its parts add up to it, each server has its own
figures, and one that dies costs its own part alone. And: a load reaches a server that wants to see
a certificate.

Method: real servers, one of which is killed in the middle. The operations of each part are known.
"""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from agents import AgentProcess, certificate
from patience import HANG_S
from servers import VMALAB, Serve, vmalab

pytestmark = pytest.mark.long


@pytest.fixture
def servers() -> Iterator[list[Serve]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Serve("--workers", "1")) for _ in range(2)]


def check_sums(data: dict[str, Any]) -> None:
    """The whole is the sum of its parts."""
    for key in ("ops_by_kind", "errnos", "locks"):
        sums: Counter[str] = Counter()
        for one in data["targets"]:
            sums.update(one[key])
        assert dict(sums) == {**dict.fromkeys(sums, 0), **data[key]}
    for key in ("ops", "wrong", "dropped", "vma_objects_allocated"):
        assert sum(one[key] for one in data["targets"]) == data[key]


def test_two_servers(servers: list[Serve], tmp_path: Path) -> None:
    names = {kind: str(tmp_path / f"a.{kind}") for kind in ("json", "csv", "html")}
    done = vmalab(
        *("load", "--target", ",".join(one.target for one in servers), "--processes", "1"),
        *("--ops", "701", "--vmas", "50", "--check", "--sample", "2"),
        *(word for kind, name in names.items() for word in (f"--{kind}", name)),
    )
    assert done.returncode == 0, done.stderr
    data = json.loads((tmp_path / "a.json").read_text())
    check_sums(data)
    assert [one["target"] for one in data["targets"]] == [one.target for one in servers]
    assert [one["ops"] for one in data["targets"]] == [351, 350]
    assert data["agents"] == []
    assert data["callers"] == 2
    for one in data["targets"]:
        assert one["checked"]
        assert (one["problems"], one["leaks"], one["lost"]) == ([], {}, [])
        assert one["locks"]["vma_lock_success"] > 0
    timed = sum(one["call_parts"]["all"]["timed"] for one in data["targets"])
    assert timed == data["call_parts"]["all"]["timed"] > 0
    page = (tmp_path / "a.html").read_text()
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["operation"] == "all"]
    for one in data["targets"]:
        counted = sum(int(row["count"]) for row in rows if row["agent"] == one["target"])
        assert counted == one["ops"]
        assert f"<td>{one['target']}</td><td>{one['ops']}</td>" in page
        assert re.search(rf"{one['target']} +{one['ops']} ", done.stdout)


def test_a_server_that_dies(servers: list[Serve], tmp_path: Path) -> None:
    """It is named, with what was lost; the other part is done to its end."""
    report = tmp_path / "a.json"
    words = [word for one in servers for word in ("--target", one.target)]
    with subprocess.Popen(
        [*VMALAB, "load", *words, "--processes", "1", "--mode", "batch", "--block-ops", "10",
         "--rate", "200/s", "--duration", "6s", "--interval", "500ms", "--vmas", "50",
         "--json", str(report)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as load:  # fmt: skip
        try:
            assert load.stderr is not None
            while not re.search(r"[1-9]\d* operations/s  p50", load.stderr.readline()):
                assert load.poll() is None
            for pid in (servers[1].process.pid, *servers[1].worker_pids):
                os.kill(pid, signal.SIGKILL)
            said = load.communicate(timeout=HANG_S)[1]
        finally:
            load.kill()
    assert load.returncode == 1, said
    subprocess.run([*VMALAB, "fsck", "--instance", servers[1].instance], capture_output=True,
                   timeout=HANG_S, check=False)  # fmt: skip
    data = json.loads(report.read_text())
    check_sums(data)
    good, dead = data["targets"]
    assert good["lost"] == []
    assert good["ops"] + good["dropped"] == pytest.approx(600, abs=10)
    assert 0 < dead["ops"] < 600
    assert any(re.search(r"caller 1 ended after [\d.]+ s: .*have no answer", one)
               for one in dead["lost"])  # fmt: skip
    assert any(one.startswith(f"target {dead['target']}: ") for one in data["lost"])
    assert f"Lost: target {dead['target']}: " in said
    with Serve("--replace-stale", instance=servers[1].instance):  # it takes away what was left
        pass


def test_a_server_that_is_not_there(servers: list[Serve]) -> None:
    done = vmalab("load", "--target", f"{servers[0].target},127.0.0.1:1", "--processes", "1",
                  "--ops", "100", "--vmas", "50", "--json")  # fmt: skip
    assert done.returncode == 1
    assert "no server answers at 127.0.0.1:1" in done.stderr
    data = json.loads(done.stdout)
    good, none = data["targets"]
    assert (good["ops"], none["ops"], data["ops"]) == (50, 0, 50)
    assert any("its part, 1 of 2, was not done" in one for one in none["lost"])


def test_a_signal(servers: list[Serve], tmp_path: Path) -> None:
    """All end, with a full report."""
    report = tmp_path / "a.json"
    with subprocess.Popen(
        [*VMALAB, "load", "--target", ",".join(one.target for one in servers), "--processes", "1",
         "--duration", "1h", "--interval", "500ms", "--vmas", "50", "--json", str(report)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as load:  # fmt: skip
        try:
            assert load.stderr is not None
            while not re.search(r"[1-9]\d* operations/s  p50", load.stderr.readline()):
                assert load.poll() is None
            load.send_signal(signal.SIGINT)
            said = load.communicate(timeout=HANG_S)[1]
        finally:
            load.kill()
    assert load.returncode == 128 + signal.SIGINT, said
    data = json.loads(report.read_text())
    check_sums(data)
    assert data["lost"] == []
    assert all(one["ops"] for one in data["targets"])


def test_a_server_that_wants_a_certificate(tmp_path: Path) -> None:
    """Of a load, and of an agent that has one of its own; without it there is a reason."""
    folders = [tmp_path / name for name in ("server", "client")]
    for folder in folders:
        folder.mkdir()
        certificate(folder, [])
    ours, theirs = folders
    keys = ("--tls-cert", str(ours / "cert.pem"), "--tls-key", str(ours / "key.pem"))
    own = ("--target-cert", str(theirs / "cert.pem"), "--target-key", str(theirs / "key.pem"))
    load = ("--target-ca", str(ours / "cert.pem"), "--ops", "50", "--processes", "1", "--vmas",
            "50", "--json")  # fmt: skip
    with Serve("--workers", "1", *keys, "--tls-client-ca", str(theirs / "cert.pem")) as server:
        target = ("load", "--target", server.target, *load)
        done = vmalab(*target, *own)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["ops"] == 50
        refused = vmalab(*target)
        assert refused.returncode == 1
        assert "it wants to see a certificate" in refused.stderr
        with AgentProcess(*own) as agent:
            done = vmalab(*target, "--agent", agent.address)
            assert done.returncode == 0, done.stderr + agent.said
            assert json.loads(done.stdout)["ops"] == 50


def test_a_server_that_wants_a_token(tmp_path: Path) -> None:
    """The command ends with a line, and not with the error of gRPC, after which it did not end."""
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    for file in (right, wrong):
        file.touch(mode=0o600)
        file.write_text(f"tester:{file.name}\n")
    with Serve("--workers", "1", "--token-file", str(right)) as server:
        load = ("load", "--target", server.target, "--ops", "9")
        done = vmalab(*load)
        assert (done.returncode, "wants a token" in done.stderr) == (1, True), done.stderr
        done = vmalab(*load, "--target-token-file", str(wrong))
        assert done.returncode == 1, done.stderr
        assert "does not know the token that was given" in done.stderr
        assert "Traceback" not in done.stderr
