# SPDX-License-Identifier: Apache-2.0
"""The Node client beside its conformance cases: its form, its unit tests, its sample, its package.

Goal: generated code is fresh, all code compiles strictly, the unit tests pass, the sample prints
what the README shows, and the package has what a program imports. Method: the tools of Node, as a
user runs them. A failure shows what they printed.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolchains import ROOT, need, run
from vmalab_server.embedded import EmbeddedServer

NODE = ROOT / "clients" / "node"
PACK = ("--json", "--silent", "--ignore-scripts")


@pytest.fixture(autouse=True, scope="module")
def built() -> Iterator[None]:
    """Installed and compiled; the Node that it was made ready for is the first of the PATH."""
    need("node", "Node 20.11")
    need("npm", "npm of Node 20.11")
    program = Path(run("node", str(NODE / "ready.mjs"), "--which").strip().split("\n")[-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        yield


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(workers=2) as one:
        yield one


def test_messages_are_fresh() -> None:
    run(sys.executable, str(ROOT / "protos" / "generate_node.py"), "--check")


def test_unit_tests() -> None:
    said = run("npm", "test", "--silent", cwd=NODE)
    assert re.search(r"^# pass [1-9]\d*$", said, re.MULTILINE)
    assert "# skipped 0" in said


def test_a_node_that_is_too_old_is_refused(tmp_path: Path) -> None:
    """The version that is needed stands in package.json alone."""
    package = json.loads((NODE / "package.json").read_text())
    assert package["engines"]["node"] == f">={'.'.join(wanted_by_the_page())}.0"
    package["engines"]["node"] = ">=999.1.0"
    (tmp_path / "package.json").write_text(json.dumps(package))
    (tmp_path / "ready.mjs").write_text((NODE / "ready.mjs").read_text())
    with pytest.raises(AssertionError, match=r"Node 999\.1\.0 or newer is needed, and this is \d"):
        run("node", str(tmp_path / "ready.mjs"))


def wanted_by_the_page() -> tuple[str, ...]:
    found = re.search(r"Node (\d+)\.(\d+) or newer", (NODE / "README.md").read_text())
    assert found
    return found.groups()


def test_everything_public_is_documented() -> None:
    """What is exported, and each public member of a class, has a comment above it."""
    exported = re.compile(r"export (?:async )?(?:class|function|interface|type|const) (\w+)")
    member = re.compile(r"  (?:async |\*|get |static |readonly )*(\[?[a-z][\w.]*\]?)(?:\(|: |<| =)")
    bare = []
    for path in sorted((NODE / "src").glob("*.ts")):
        if path.name == "constants_gen.ts":
            continue  # a line each: the comment of a set stands above its first one
        in_class = False
        lines = path.read_text().split("\n")
        for number, line in enumerate(lines):
            in_class = line.startswith("export class") or (in_class and line != "}")
            found = exported.match(line) or (member.match(line) if in_class else None)
            above = lines[number - 1].strip()
            if found and not above.endswith("*/") and found[1] not in ("constructor", "super"):
                bare.append(f"{path.name}:{number + 1} {found[1]}")
    assert bare == []


def test_the_sample_prints_what_the_page_shows(server: EmbeddedServer) -> None:
    page = (NODE / "README.md").read_text()
    commands, shown = re.findall(
        r"^```sh\n(node .*?)^```\n\n```text\n(.*?)^```$", page, re.M | re.S
    )[0]
    said = run("sh", "-ec", commands.replace("127.0.0.1:7420", server.target))
    assert said == shown


def test_what_measures_the_client_gets_right_answers() -> None:
    """It ends with 1 when an answer is wrong; what it costs here says nothing."""
    with EmbeddedServer(workers=1, bench=True) as one:
        said = run("node", str(NODE / "build" / "bench" / "main.js"), one.target, "1")
    measured = json.loads(said)
    assert measured["faults"] == 10_000
    (rounds,) = measured["rounds"]
    costs = [rounds[what][side] for what in ("unary", "block") for side in ("echo", "call")]
    assert [cost["calls"] for cost in costs] == [200, 200, 20, 20]
    assert all(cost["wall_ns"] > 0 and cost["cpu_ns"] > 0 for cost in costs)


def test_a_program_that_has_the_package_alone(server: EmbeddedServer, tmp_path: Path) -> None:
    """What npm packs is installed elsewhere, and a program in plain JavaScript imports it."""
    packed = json.loads(run("npm", "pack", *PACK, "--pack-destination", str(tmp_path), cwd=NODE))
    names = {one["path"] for one in packed[0]["files"]}
    assert {"build/src/index.js", "build/src/index.d.ts", "README.md", "package.json"} <= names
    assert [one for one in names if "conformance" in one or "test" in one] == []
    (tmp_path / "package.json").write_text("{}")
    install = ("--no-audit", "--no-fund", "--prefer-offline", f"./{packed[0]['filename']}")
    run("npm", "install", *install, cwd=tmp_path)
    (tmp_path / "program.mjs").write_text(
        'import { connect, FAULT_WRITE } from "@vmalab/client";\n'
        f'const client = await connect("{server.target}");\n'
        "const space = await client.createAddressSpace();\n"
        "const addr = await space.map(4096n);\n"
        "console.log((await space.fault(addr, FAULT_WRITE, 2n ** 64n - 1n)).word);\n"
        "await space.close();\n"
        "await client.close();\n"
    )
    assert run("node", "program.mjs", cwd=tmp_path) == "18446744073709551615n\n"
