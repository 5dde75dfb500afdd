# SPDX-License-Identifier: Apache-2.0
"""Goal: HdrHistogram's own tools read the logs of a load, and find the percentiles of its report.

Method: its Java program HistogramLogProcessor, from Debian's package libhdrhistogram-java, on the
log of a short load: the lines of all operations, and those of one kind.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from patience import HANG_S
from servers import vmalab

JAR = Path("/usr/share/java/hdrhistogram.jar")


def processed(log: Path, *options: str) -> str:
    command = ["java", "-cp", str(JAR), "org.HdrHistogram.HistogramLogProcessor", "-i", str(log)]
    done = subprocess.run(
        [*command, "-outputValueUnitRatio", "1000", *options],
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_the_tools_of_hdrhistogram(tmp_path: Path) -> None:
    assert JAR.exists(), "install default-jre-headless and libhdrhistogram-java"
    log, report = tmp_path / "a.hdr", tmp_path / "a.json"
    done = vmalab(
        *("load", "--mode", "attach", "--processes", "2", "--rate", "2k", "--duration", "2s"),
        *("--interval", "500ms", "--hdr", str(log), "--json", str(report), "--rate-may-miss"),
    )
    assert done.returncode == 0, done.stderr
    data = json.loads(report.read_text())
    for options, count, latency in (
        ((), data["ops"], data["latency_us"]),
        (
            ("-tag", "fault"),
            data["ops_by_kind"]["fault"],
            data["operations"]["fault"]["latency_us"],
        ),
        (("-tag", "mmap"), data["ops_by_kind"]["mmap"], data["operations"]["mmap"]["latency_us"]),
    ):
        text = processed(log, *options)
        most = re.search(r"#\[Max +=\s+([\d.]+), Total count +=\s+(\d+)\]", text)
        assert most, text
        assert int(most[2]) == count
        assert float(most[1]) == pytest.approx(latency["max"], rel=2e-3)
        median = re.search(r"^\s+([\d.]+) 0\.500000000000", text, re.M)
        assert median, text
        assert float(median[1]) == pytest.approx(latency["p50"], rel=2e-3)
