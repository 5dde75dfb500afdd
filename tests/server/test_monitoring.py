# SPDX-License-Identifier: Apache-2.0
"""What monitoring gets of an instance: metrics, alert rules, a dashboard.

Goal: promtool finds nothing wrong with the metrics and the rules; every expression of the dashboard
has an answer, and every metric that a rule names is there, in what a Prometheus has scraped from an
instance under load; an alert fires when it should.
Method: Debian's Prometheus scrapes a real instance, through an incident and after it. Its own query
interface evaluates the expressions.
Failure: what promtool says, or the expressions without an answer.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from patience import HANG_S
from servers import wait_for
from slow_holder import TEN, planted_in
from vmalab_client import Client
from vmalab_client.errors import ServiceError
from vmalab_server.embedded import EmbeddedServer

FOLDER = Path(__file__).parents[2] / "docs" / "monitoring"
RULES = FOLDER / "alerts.yaml"
DASHBOARD = FOLDER / "dashboard.json"
RANGE = "1m"
CONFIG = """
global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
scrape_configs:
  - job_name: vmalab
    static_configs: [{{targets: ["{address}"]}}]
"""
FIRES = """
rule_files: [{rules}]
evaluation_interval: 15s
tests:
  - interval: 15s
    input_series:
      - series: 'vmalab_hung_waiting{{pid="7", comm="c", state="stopped", operation="munmap"}}'
        values: '_ _ 10 10'
      - series: 'vmalab_worker_up{{worker="0"}}'
        values: '1 0 0 0 0 0 0 0'
      - series: 'vmalab_worker_up{{worker="1"}}'
        values: '1x8'
      - series: 'vmalab_account_refusals_total{{account="born-refused"}}'
        values: '_ _ 4 4 4 4'
      - series: 'vmalab_account_refusals_total{{account="good"}}'
        values: '_ 0 0 0 0 0'
      - series: 'vmalab_rpc_duration_seconds_count{{method="Mmap", code="INTERNAL"}}'
        values: '_ _ 1 1 1 1'
      - series: 'vmalab_rpc_duration_seconds_count{{method="Mmap", code="OK"}}'
        values: '1 2 3 4 5 6'
    alert_rule_test:
      - {{eval_time: 15s, alertname: VmalabThreadsHang}}
      - eval_time: 30s
        alertname: VmalabThreadsHang
        exp_alerts:
          - exp_labels: {{severity: critical, pid: "7", comm: c, state: stopped, operation: munmap}}
            exp_annotations:
              summary: pid 7 (c) holds 10 threads up in munmap
              description: "Its state: stopped. It holds . The chain: ."
      - {{eval_time: 15s, alertname: VmalabQuotaRefuses}}
      - eval_time: 60s
        alertname: VmalabQuotaRefuses
        exp_alerts:
          - exp_labels: {{severity: info, account: born-refused}}
            exp_annotations:
              summary: "a quota of client born-refused has refused 4 requests in 10 min"
      - {{eval_time: 15s, alertname: VmalabFaultsOfTheService}}
      - eval_time: 60s
        alertname: VmalabFaultsOfTheService
        exp_alerts:
          - exp_labels: {{severity: critical, method: Mmap}}
            exp_annotations:
              summary: "calls of Mmap fail by a fault of the service; its log names the requests"
      - {{eval_time: 60s, alertname: VmalabWorkerDown}}
      - eval_time: 90s
        alertname: VmalabWorkerDown
        exp_alerts:
          - exp_labels: {{severity: critical, worker: "0"}}
            exp_annotations: {{summary: "worker 0 of  does not serve"}}
"""


def promtool(*arguments: str, given: str = "") -> str:
    """What it says; it must be content."""
    assert shutil.which("promtool"), "promtool is missing: make setup installs it"
    done = subprocess.run(
        ["promtool", *arguments], input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def fetched(url: str) -> str:
    with urllib.request.urlopen(url) as answer:
        text: str = answer.read().decode()
    return text


def expressions() -> list[str]:
    """Of all panels, as Grafana sends them."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    found = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    return [one.replace("$__rate_interval", RANGE).replace("$instance", ".*") for one in found]


def alert_expressions() -> list[str]:
    rules = re.findall(
        r"^\s+expr: (?:>-\n)?(.*?)\n\s+(?:for|labels):", RULES.read_text(), re.M | re.S
    )
    assert len(rules) == RULES.read_text().count("- alert:")
    return rules


def load(target: str) -> None:
    """Calls of each kind, one that fails among them."""
    with Client(target) as client, client.address_space() as mm:
        for _ in range(20):
            addr = mm.mmap(4 * 4096)
            mm.write(addr, 1)
            mm.munmap(addr, 4 * 4096)
        with contextlib.suppress(ServiceError):
            client.use(1 << 40, hold=False).mmap(4096)


class Prometheus:
    """Debian's, as a process of this test."""

    def __init__(self, folder: Path, address: str) -> None:
        assert shutil.which("prometheus"), "prometheus is missing: make setup installs it"
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        (folder / "prometheus.yaml").write_text(CONFIG.format(address=address))
        self.url = f"http://127.0.0.1:{port}"
        self._log = (folder / "log").open("w")
        self.process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder}/prometheus.yaml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=self._log,
            stderr=self._log,
        )

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples that it gives now."""
        text = fetched(f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        found: list[dict[str, Any]] = json.loads(text)["data"]["result"]
        return found

    def scrapes(self) -> int:
        assert self.process.poll() is None, "Prometheus has ended"
        try:
            found = self.query(f'sum_over_time(up{{job="vmalab"}}[{RANGE}])')
        except OSError:  # it does not listen yet
            return 0
        return int(found[0]["value"][1]) if found else 0

    def scrape_again(self) -> None:
        """Until three more scrapes are in."""
        before = self.scrapes()
        wait_for("three scrapes", lambda: self.scrapes() >= before + 3)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(HANG_S)
        self._log.close()


@contextmanager
def scraped(folder: Path, address: str) -> Iterator[Prometheus]:
    prometheus = Prometheus(folder, address)
    try:
        yield prometheus
    finally:
        prometheus.close()


def test_every_expression_has_an_answer(tmp_path: Path) -> None:
    with (
        EmbeddedServer(workers=1, metrics_listen="127.0.0.1:0", hung_after_s=0.2) as server,
        scraped(tmp_path, server.metrics_address) as prometheus,
    ):
        unanswered = set(expressions())
        assert len(unanswered) > 30
        prometheus.scrape_again()
        with planted_in(server.instance, server.target):
            of_ten = f'vmalab_hung_waiting{{operation="munmap", state="stopped"}} == {TEN}'
            wait_for("the incident is scraped", lambda: prometheus.query(of_ten))
            unanswered -= {one for one in unanswered if prometheus.query(one)}
        load(server.target)
        promtool("check", "metrics", given=fetched(f"http://{server.metrics_address}/metrics"))
        prometheus.scrape_again()
        assert [one for one in unanswered if not prometheus.query(one)] == []
        names = {row["metric"]["__name__"] for row in prometheus.query('{__name__=~".+"}')}
        named = set(re.findall(r"\b(?:vmalab_\w+|up)\b", " ".join(alert_expressions())))
        known = names | {"vmalab_hung_waiting"}  # its incident is over
        assert named - known == set()


@pytest.mark.parametrize("name", ["alerts.yaml", "prometheus.yaml"])
def test_promtool_likes(name: str) -> None:
    what = "rules" if name == "alerts.yaml" else "config"
    said = promtool("check", what, str(FOLDER / name))
    assert "SUCCESS" in said


def test_alerts_fire(tmp_path: Path) -> None:
    """Ten tasks that hang, at once; a worker that is down, after a minute."""
    test = tmp_path / "test.yaml"
    test.write_text(FIRES.format(rules=RULES))
    assert "SUCCESS" in promtool("test", "rules", str(test))


def test_a_broken_expression_is_found(tmp_path: Path) -> None:
    """promtool and this file see what is wrong."""
    bad = tmp_path / "bad.yaml"
    bad.write_text(RULES.read_text().replace("> 0\n", "> > 0\n", 1))
    with pytest.raises(AssertionError, match="unexpected"):
        promtool("check", "rules", str(bad))
    with pytest.raises(AssertionError, match=r"base units|no help|_total"):
        promtool("check", "metrics", given="# TYPE a_ms counter\na_ms 1\n")
