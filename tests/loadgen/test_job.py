# SPDX-License-Identifier: Apache-2.0
"""Goal: a job file says what each group of callers does; what it says wrong is named with its line
and key; its sections run side by side, and the report has each and all.

Method: texts, each wrong in one way; the schema against the same texts; a job of three sections.
"""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas import fits
from servers import vmalab
from vmalab_cli import app
from vmalab_drive.errors import UsageError
from vmalab_loadgen import job_file
from vmalab_loadgen.histogram import Latency

GOOD = """\
# a comment
[global]
mode = "attach"
ops = 3000
processes = 1
seed = 5

[writers]
workload = "mmap1"
own_mm = true

[reader]
mix = "fault=100"
ops = 200
rate = "1k"
start_after = "300ms"
threshold = ["fault.count==200"]

["trace"]
workload = "trace:sqlite-pipeline"
seed = 90
"""


def test_what_a_file_says() -> None:
    job = job_file.parse(GOOD, where="job.toml")
    writers, reader, trace = job.sections
    assert (job.seed, writers.config.seed, reader.config.seed, trace.config.seed) == (5, 5, 6, 90)
    assert (writers.config.workload, writers.config.shared_mms) == ("mmap1", 0)
    assert (writers.config.ops, reader.config.ops) == (3000, 200)
    assert reader.config.start_after_s == pytest.approx(0.3)
    assert reader.config.open_loop
    assert not writers.config.open_loop
    assert [one.text for one in reader.thresholds] == ["fault.count==200"]
    assert {one.config.mode for one in job.sections} == {"attach"}
    assert job_file.parse(GOOD, where="", seed=70).sections[1].config.seed == 71


def test_a_section_takes_the_place_of_a_global_key() -> None:
    """What says the same thing in another way goes too."""
    text = (
        '[global]\nrate = 100\nduration = 5\nmix = "fault"\nown_mm = true\n'
        '[a]\nstages = "2s:50"\n[b]\nworkload = "pft"\nshared_mm = 1\nconcurrency = 2\n'
    )
    first, second = (one.config for one in job_file.parse(text, where="").sections)
    assert (first.seconds, first.stages[0].begin) == (2, 50)
    assert (second.open_loop, second.workload, second.shared_mms) == (False, "pft", 1)


def test_a_global_key_that_says_nothing_of_a_section_is_not_of_it() -> None:
    """The section's own key of that kind is wrong, and is named."""
    text = '[global]\nvmas = 50\nburst = 9\nsample = 5\n[a]\nworkload = "pft"\n[b]\nrate = 5\n'
    first, second = (one.config for one in job_file.parse(text, where="").sections)
    assert (first.vmas, second.vmas) == (1000, 50)
    assert (second.burst, second.sample) == (100, 5)


WRONG = [
    ('[a]\nmode = "attached"\n', 2, "[a], mode", "give unary, batch, attach"),
    ("[a]\n\nprocesses = 0\n", 3, "[a], processes", "from 1 to 128"),
    ("[a]\nprocesses = true\n", 2, "[a], processes", "a whole number"),
    ("[a]\nown_mm = 1\n", 2, "[a], own_mm", "true or false"),
    ("[a]\nspeed = 1\n", 2, "[a], speed", "there is no such key"),
    ("[global]\n[a]\ninterval = 1\n", 3, "[a], interval", "under [global]"),
    ("speed = 1\n[a]\n", 1, "speed", "under [global]"),
    ("[a b]\n", 0, "", "no TOML"),
    ('["a b"]\n', 1, "", "no name of a section"),
    ("[a]\nthreshold = [5]\n", 2, "[a], threshold", "a list of texts"),
]
LATER = [
    ('[global]\nrate = "fast"\n[a]\n', 2, "[global], rate", "'fast' is no rate"),
    ('[global]\nrate = 5\n[a]\nrate = "fast"\n', 4, "[a], rate", "'fast' is no rate"),
    ('[a]\nmix = "jump=1"\n', 2, "[a], mix", "unknown operation 'jump'"),
    ('[a]\nworkload = "sleep"\n', 2, "[a], workload", "give one of"),
    ('[a]\nworkload = "brk1"\nshared_mm = 1\n', 2, "[a], workload", "needs own_mm"),
    ('[a]\nstages = "1s"\n', 2, "[a], stages", "1s"),
    ('[a]\nthreshold = ["p99"]\n', 2, "[a], threshold", "no comparison"),
    ('[b]\n[a]\nstart_after = "soon"\n', 3, "[a], start_after", "is no time"),
    ("[a]\nrate = 5\nconcurrency = 9\n", 3, "[a], concurrency", "give one"),
    ("[a]\nrate = 5\nburst = 9\n", 3, "[a], burst", "for arrival burst"),
    ('[a]\nworkload = "pft"\nvmas = 9\n', 3, "[a], vmas", "of a mix"),
    ('[a]\npattern = "zipf:x"\n', 2, "[a], pattern", "a theta"),
    ("[a]\nmap_pages = 5000\n", 2, "[a], map_pages", "1 to 4096"),
    ("", 0, "", "no section"),
]


@pytest.mark.parametrize(("text", "line", "place", "says"), [*WRONG, *LATER])
def test_what_is_wrong(text: str, line: int, place: str, says: str) -> None:
    with pytest.raises(UsageError) as found:
        job_file.parse(text, where="job.toml")
    message = str(found.value)
    assert says in message
    assert f"job.toml, line {line}, {place}" in message if line else message.startswith("job.toml")


def test_the_schema() -> None:
    """It takes what the reader takes; of the rest, what a schema can say."""
    schema = json.loads(CliRunner().invoke(app.app, ["load", "--schema"]).output)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert fits(tomllib.loads(GOOD), schema)
    for text, _, _, says in WRONG:
        if says != "no TOML":
            assert not fits(tomllib.loads(text), schema), text


def test_a_job(tmp_path: Path) -> None:
    """Three sections at once: what they did adds up, and each was held to its own."""
    path, page = tmp_path / "job.toml", tmp_path / "job.html"
    table, log = tmp_path / "job.csv", tmp_path / "job.hdr"
    path.write_text(GOOD)
    done = vmalab(
        "load", "--job", str(path), "--check", "--json", "--html", str(page), "--csv", str(table),
        "--hdr", str(log),
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stderr}\n{done.stdout[:2000]}"
    data = json.loads(done.stdout)
    sections = data["sections"]
    assert list(sections) == ["writers", "reader", "trace"]
    assert [one["ops"] for one in sections.values()] == [3000, 200, 3000]
    assert data["ops"] == sum(one["ops"] for one in data["intervals"]) == 6200
    assert data["ops_by_kind"]["mmap"] == sum(
        one["ops_by_kind"].get("mmap", 0) for one in sections.values()
    )
    assert sections["reader"]["thresholds"] == [
        {"threshold": "fault.count==200", "value": 200.0, "passed": True}
    ]
    assert sections["reader"]["loop"] == "open"
    assert sections["trace"]["trace"]["turns"] > 0
    began = {name: one["started"] for name, one in sections.items()}
    assert began["reader"] > max(began["writers"], began["trace"])
    assert (data["good"], data["problems"], data["leaks"], data["lost"]) == (True, [], {}, [])
    assert data["locks"]["vma_lock_success"] + data["vmstat"].get("vma_lock_abort", 0) > 0
    text = page.read_text()
    for name in sections:
        assert f"<h1>[{name}]</h1>" in text
    assert "http" not in text
    looked_at(sections, table.read_text(), log.read_text())


def looked_at(sections: dict[str, Any], table: str, log: str) -> None:
    """The series and the log have what the report has, section by section."""
    rows = list(csv.DictReader(io.StringIO(table)))
    for name, one in sections.items():
        counts: Counter[str] = Counter()
        for row in rows:
            if row["section"] == name:
                counts[row["operation"]] += int(row["count"])
        assert counts.pop("all") == one["ops"]
        assert counts == one["ops_by_kind"]
    times: Counter[str] = Counter()
    begins = []
    for line in log.split("\n"):
        if line.startswith("Tag="):
            tag, begin, _, _, text = line.removeprefix("Tag=").split(",")
            times[tag] += Latency.decode(text.encode()).count
            begins.append(float(begin))
    assert begins == sorted(begins)
    assert min(begins) >= 0
    assert times["reader"] == times["reader/fault"] == 200
    assert times["writers"] == times["writers/mmap"] + times["writers/munmap"]
    assert times["writers/mmap"] == sections["writers"]["ops_by_kind"]["mmap"]


@pytest.mark.long
def test_a_section_that_fails(tmp_path: Path) -> None:
    """Its threshold ends the command with 1, and is said with its name."""
    path = tmp_path / "job.toml"
    path.write_text(
        '[global]\nmode = "attach"\nops = 500\nprocesses = 1\n'
        '[good]\n[bad]\nthreshold = ["ops>501"]\n'
    )
    done = vmalab("load", "--job", str(path))
    assert done.returncode == 1, done.stderr
    assert "[bad] threshold ops>501 was not kept: 500" in done.stderr
    assert "good" in done.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--rate", "5"), "--rate with --job: leave it out"),
        (("--own-mm",), "--own-mm with --job"),
        (("--html", "/no/such/folder/a.html"), "there is no folder"),
        (("--target", "127.0.0.1:1"), "--target without --instance"),
    ],
)
def test_usage(tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    path = tmp_path / "job.toml"
    path.write_text('[a]\nmode = "attach"\n')
    done = CliRunner().invoke(app.app, ["load", "--job", str(path), *options])
    assert done.exit_code == 2, done.output
    assert says in done.output
