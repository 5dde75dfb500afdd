# SPDX-License-Identifier: Apache-2.0
"""The Java client beside its conformance cases: its form, its unit tests, its sample.

Goal: generated code is fresh, everything public is documented, a JDK that is too old is refused,
the unit tests pass, and the sample prints what the README shows. Method: Maven and javac, as a user
runs them; javac warns of what has no comment, and a warning ends the build. A failure shows what
they printed.
"""

from __future__ import annotations

import re
import shutil
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolchains import ROOT, need, run
from vmalab_server.embedded import EmbeddedServer

JAVA = ROOT / "clients" / "java"
BUILD = ROOT / "build" / "clients" / "java"
RESET = "\x1b[0m"
"""Maven of Debian resets the colours of its output at the end, also where it has none."""


@pytest.fixture(autouse=True)
def java() -> None:
    need("javac", "JDK 17")
    need("mvn", "Maven 3.8")


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(workers=2) as one:
        yield one


def maven(*arguments: str) -> str:
    return run("mvn", "-q", "-f", str(JAVA), *arguments)


def test_messages_are_fresh() -> None:
    run(sys.executable, str(ROOT / "protos" / "generate_java.py"), "--check")


def test_unit_tests() -> None:
    """Surefire ran all classes of tests, and each of their tests passed."""
    shutil.rmtree(BUILD / "surefire-reports", ignore_errors=True)
    maven("test")
    reports = {
        path.stem.split(".")[-1]: ET.parse(path).getroot()
        for path in (BUILD / "surefire-reports").glob("TEST-*.xml")
    }
    written = {path.stem for path in JAVA.glob("src/test/java/**/*Test.java")}
    assert set(reports) == written
    for report in reports.values():
        assert int(report.get("tests", "0")) > 0
        assert {report.get(key) for key in ("failures", "errors", "skipped")} == {"0"}


def test_an_old_jdk_is_refused() -> None:
    with pytest.raises(AssertionError, match="a JDK 99 or newer is needed"):
        maven("validate", "-Dleast.jdk=99")


def test_what_has_no_comment_is_found(tmp_path: Path) -> None:
    """The options of the build make javac refuse it."""
    source = tmp_path / "Bare.java"
    source.write_text("public class Bare {}\n")
    options = re.findall(r"<arg>(-X[^<]*)</arg>", (JAVA / "pom.xml").read_text())
    assert "-Xdoclint:all/protected" in options
    with pytest.raises(AssertionError, match="no comment"):
        run("javac", *options, "-Werror", "-d", str(tmp_path), str(source))


def test_the_sample_prints_what_the_page_shows(server: EmbeddedServer) -> None:
    page = (JAVA / "README.md").read_text()
    command, shown = re.findall(
        r"^```sh\n(mvn -q -f clients/java .*?)\n```\n\n```text\n(.*?)^```$", page, re.M | re.S
    )[0]
    said = run("sh", "-c", command.replace("127.0.0.1:7420", server.target))
    assert said.replace(RESET, "") == shown
