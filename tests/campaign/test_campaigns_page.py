# SPDX-License-Identifier: Apache-2.0
"""Goal: docs/campaigns.md shows what works: its commands run, its tables list what there is.

Method: the example is written into an empty folder, and the fenced commands are run there, in
order; tables are compared with code.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from patience import HANG_S
from vmalab_campaign import plan_file, store
from vmalab_campaign.kinds import COMMON, KINDS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "campaigns.md").read_text()
(EXAMPLE,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.M | re.S)


def rows(count: int) -> list[list[str]]:
    """The rows of tables with so many columns, without backquotes."""
    found = [line.strip("|").split("|") for line in PAGE.split("\n") if line.startswith("| `")]
    return [[cell.strip().replace("`", "") for cell in row] for row in found if len(row) == count]


def test_the_tables() -> None:
    assert [row[0] for row in rows(3)] == [*COMMON]
    assert [row[1] == "global" for row in rows(3)] == [one.whole_job for one in COMMON.values()]
    figures = {kind.name: "; ".join(one.name for one in kind.figures) for kind in KINDS.values()}
    two = dict(rows(2))
    assert {name: two.pop(name) for name in figures} == figures
    assert tuple(two) == store.COLUMNS
    assert f"is {store.VERSION}. `PRAGMA application_id` is {store.APPLICATION:#x}" in PAGE


def test_the_example() -> None:
    plan = plan_file.parse(EXAMPLE, where="models.toml", folder=Path("/nowhere"))
    assert [run.kind for run in plan.runs].count("load") == 12
    assert [run.kind for run in plan.runs].count("lin") == 6


@pytest.mark.long
def test_the_commands_run(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(EXAMPLE)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    lines = [
        line
        for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
        for line in block.split("\n")
        if line
    ]
    assert len(lines) >= 7
    for line in lines:
        done = subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, env=os.environ | {"PATH": path},
            capture_output=True, text=True, timeout=HANG_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}:\n{done.stderr}\n{done.stdout[-2000:]}"
        if line.endswith("--schema"):
            assert json.loads(done.stdout)["title"] == "a campaign of vmalab"
    assert (tmp_path / "report.html").read_text().endswith("</html>\n")
