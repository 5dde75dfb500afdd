# SPDX-License-Identifier: Apache-2.0
"""Goal: the files of a load say what the load did, in the formats that they claim.

Method: one short load whose files are read back: JSON against docs/load.md and against itself, CSV
and the log of histograms against JSON, the log with the reader of another project.
"""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from servers import vmalab
from vmalab_cli.load import with_json_file
from vmalab_loadgen import call_parts
from vmalab_loadgen.histogram import DIGITS, HIGHEST_NS, LOWEST_NS, Latency
from vmalab_loadgen.parts import SUMS
from vmalab_loadgen.result import parts_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "load.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a load in the open loop."""
    made = tmp_path_factory.mktemp("load")
    names = {kind: str(made / f"report.{kind}") for kind in ("json", "csv", "hdr", "html")}
    files = [word for kind, name in names.items() for word in (f"--{kind}", name)]
    done = vmalab(
        *("load", "--mode", "attach", "--processes", "1", "--seed", "3", "--vmas", "50"),
        *("--stages", "400ms:500,800ms:500-1500", "--interval", "400ms", "--warmup", "200ms"),
        *("--threshold", "fault.count>1", "--threshold", "p50<1ns", "--rate-may-miss"),
        *("--mix", "fault=80,mmap=10,munmap=10", *files),
    )
    assert done.returncode == 1, done.stderr
    assert "vmalab: threshold p50<1ns was not kept" in done.stderr
    assert "fault.count>1 was" not in done.stderr
    assert re.search(r"^ +0\.4 s  .*operations/s  p50 .*of .*/s  0 wrong$", done.stderr, re.M)
    return made


@pytest.fixture(scope="module")
def data(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def _named(text: str) -> list[str]:
    """What stands in the first column of tables."""
    rows = re.findall(r"^\| (`[^|]*) \|", text, re.M)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def test_each_key_is_documented(data: dict[str, Any]) -> None:
    text = PAGE.read_text().partition("### JSON")[2].partition("## One load at several")[0]
    table, _, rest = text.partition("`parts` of a kind")
    parts, _, calls = rest.partition("`call_parts` says")
    assert sorted(_named(table)) == sorted(data)
    assert sorted(_named(parts)) == sorted(parts_of(dict.fromkeys(SUMS, 1)))
    found = call_parts.as_dict({}, mode="unary", open_loop=True, sample=1, cost_ns=0)
    assert found is not None
    assert sorted(_named(calls)) == sorted(found["all"])
    assert {f"`{name}`" for name in found} <= {*re.findall("`[a-z_]+`", calls)}
    head = "### Where the time of a call or a block goes"
    shown = _named(PAGE.read_text().partition(head)[2].partition("###")[0])
    assert sorted(shown) == sorted(found["all"]["parts_ns"])
    assert data["schema"] == "vmalab-load"
    assert f"`vmalab-load`, {data['schema_version']} |" in table


def test_the_figures_agree(data: dict[str, Any]) -> None:
    assert data["wrong"] == 0
    assert data["loop"] == "open"
    assert data["stages"] == ["0.4s:500", "0.8s:500-1500"]
    assert data["asked"] == 1000
    assert data["ops"] == sum(one["ops"] for one in data["intervals"])
    assert data["ops"] == sum(data["ops_by_kind"].values())
    assert data["dropped"] + data["ops"] >= 0.9 * data["asked"]
    for name, one in data["operations"].items():
        for which in ("corrected", "raw"):
            latency = Latency.decode(data["histograms"][which][name].encode())
            assert latency.count == one["count"] == data["ops_by_kind"][name]
    assert data["latency_us"]["p99"] >= data["latency_raw_us"]["p99"] * 0.9
    verdicts = {one["threshold"]: one["passed"] for one in data["thresholds"]}
    assert verdicts == {"fault.count>1": True, "p50<1ns": False}
    assert not data["good"]


def test_csv(folder: Path, data: dict[str, Any]) -> None:
    with (folder / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for kind, count in [("all", data["ops"]), *data["ops_by_kind"].items()]:
        assert sum(int(row["count"]) for row in rows if row["operation"] == kind) == count
    first = next(row for row in rows if row["operation"] == "all")
    assert float(first["corrected_p50_us"]) == data["intervals"][0]["latency_us"]["p50"]
    assert float(first["asked_per_s"]) == 500.0


def test_hdr_log(folder: Path, data: dict[str, Any]) -> None:
    """hdrhistogram reads it; what it finds in the lines of all kinds is what JSON says."""
    whole = HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS)
    reader = HistogramLogReader(str(folder / "report.hdr"), whole)
    tags: dict[str | None, int] = {}
    while (interval := reader.get_next_interval_histogram()) is not None:
        tags[interval.get_tag()] = tags.get(interval.get_tag(), 0) + interval.get_total_count()
        if interval.get_tag() is None:
            whole.add(interval)
    reader.close()
    assert tags.pop(None) == data["ops"]
    assert tags == data["ops_by_kind"]
    assert whole.get_value_at_percentile(99) / 1000 == data["latency_us"]["p99"]


class Tags(HTMLParser):
    """The tags of a page, and what it would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.fetched += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html(folder: Path, data: dict[str, Any]) -> None:
    """One file that fetches nothing, whose tags are closed, with three pictures and both themes."""
    text = (folder / "report.html").read_text()
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert tags.fetched == []
    assert "script" not in tags.names
    assert "url(" not in text
    assert tags.names.count("svg") == 3
    assert "prefers-color-scheme:dark" in text
    assert "nan" not in re.findall(r'(?:points|d|x|y)="([^"]*)"', text)
    for word in ("wrong answers", "vma_lock_success", "p50&lt;1ns", f"seed {data['seed']}"):
        assert word in text


def test_compared_with_itself(folder: Path) -> None:
    name = str(folder / "report.json")
    done = vmalab("load", "compare", name, name, "--json")
    assert done.returncode == 0, done.stderr
    (one,) = json.loads(done.stdout)["comparisons"]
    assert one["differences"] == []
    assert {change["change"] for change in one["changes"]} == {0.0}
    assert {change["operation"] for change in one["changes"]} == {"all", "fault", "mmap", "munmap"}
    text = vmalab("load", "compare", name, name).stdout
    assert "+0.0%" in text
    assert max(len(line) for line in text.split("\n")[1:]) <= 80


def test_json_with_a_file() -> None:
    assert with_json_file(["--json", "--seed", "1"]) == ["--json", "--seed", "1"]
    assert with_json_file(["--json", "a.json", "--ops", "1"]) == ["--json-file", "a.json",
                                                                   "--ops", "1"]  # fmt: skip
    assert with_json_file(["--check", "--json"]) == ["--check", "--json"]
    assert with_json_file(["compare", "--json", "a", "b"]) == ["compare", "--json", "a", "b"]
    assert with_json_file(["--json=a.json"]) == ["--json-file=a.json"]
    assert with_json_file(["--json", "--json", "b"]) == ["--json", "--json-file", "b"]
