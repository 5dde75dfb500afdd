# SPDX-License-Identifier: Apache-2.0
"""Goal: who adds an operation writes one entry of the table and one C function, and nothing else.

Method: both are put into a copy of the tree, everything is generated there, and one core is built.
Then the client builds a record of it, the core carries it out in a block, the lab carries it out in
a run, `lin` and `diff` name it as one that they have no specification of, and the comment of
memory.proto and the document have it. A failure says who does not know the new operation.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from patience import HANG_S
from vmalab.ops import Op

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("cli", "clients/python", "docs", "lab", "loadgen", "native", "protos", "server")
FILES = ("pyproject.toml", ".clang-format")
PACKAGES = ("protos/python", "clients/python", "native", "server", "lab", "loadgen", "cli")
MODEL = "typesafe-rwsem"
CORE = f"{MODEL}.aligned-lab"
NUMBER = 150

ENTRY = f"""
[op.ADD_THREE]
number = {NUMBER}
text = "Adds three numbers."
operands = [
  {{ name = "addr", unit = "address" }},
  {{ name = "length", unit = "bytes" }},
  {{ name = "more", unit = "number", type = "u32", default = 2, note = "2 unless you say" }},
]
value = {{ kind = "number", text = "their sum" }}

# --- limits of a record ---
"""
FUNCTION = """/* SPDX-License-Identifier: Apache-2.0 */
#include "vmalab/ops.h"

s64 op_add_three(struct participant *self, u64 id, u64 addr, u64 length, u32 more)
{
	(void)self;
	return id ? (s64)(addr + length + more) : -EINVAL;
}
"""
RECORD = "".join(word.to_bytes(8, "little").hex() for word in (NUMBER | 5 << 8, 0x10001, 30, 10, 2))
SCRIPT = """
import json
from types import SimpleNamespace

from vmalab_client.block import BlockBuilder, Op, parse_results
from vmalab_diff.operations import undrawn
from vmalab_lin.plan import unjudged
from vmalab_native import lab
from vmalab_native.core import Segment, SegmentConfig
from vmalab_native.race import session

block = BlockBuilder()
block.add_three(0x10001, 30, 10)
block.add_three(0x10001, 30, 10, more=3)
block.add_three(0, 30, 10)

config = SegmentConfig(model="typesafe-rwsem", layout=session.LAYOUT, size_bytes=48 << 20,
                       participants_max=4, mms_max=8, frames_max=1024, files_max=4)
segment = Segment.create("add-an-operation", config, private=True)
with segment.participant("client") as me:
    answers = [(one.status, one.value) for one in parse_results(me.run(block.bytes()))]

actor = (lab.Op(Op.ADD_THREE, args=(30, 10, 4)),)
scenario = SimpleNamespace(
    actor_names=["one"], fsck=False, lookup="walk", active=(),
    program=lambda: lab.Program(actors=(actor,), setup=(lab.Op(Op.MM_CREATE, result=0),)),
)
with session.opened(scenario, "typesafe-rwsem") as one:
    outcome = one.learn().outcome

print(json.dumps({
    "number": int(Op.ADD_THREE),
    "record": block.bytes()[:40].hex(),
    "doc": BlockBuilder.add_three.__doc__,
    "answers": answers,
    "outcome": outcome,
    "unjudged": [op.name for op in unjudged()],
    "undrawn": [op.name for op in undrawn()],
}))
"""


def _run(command: list[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=HANG_S, cwd=cwd, env=env
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def _copy(tree: Path) -> None:
    left_out = shutil.ignore_patterns(
        "__pycache__", "cores", "node_modules", "measurements", "races"
    )
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tree / folder, ignore=left_out)
    for name in FILES:
        shutil.copy(ROOT / name, tree / name)


@cache
def _facts(folder: Path) -> Mapping[str, Any]:
    """What everybody knows of the new operation, in a copy of the tree in `folder`."""
    tree = folder / "tree"
    _copy(tree)
    table = tree / "protos" / "ops.toml"
    text = table.read_text()
    assert text.count("\n# --- limits of a record ---\n") == 1
    table.write_text(text.replace("\n# --- limits of a record ---\n", ENTRY))
    beside = next((tree / "native" / "src").rglob("op_munmap.c"))
    beside.with_name("op_add_three.c").write_text(FUNCTION)
    _run([sys.executable, "protos/generate.py"], cwd=tree)
    _run([sys.executable, "protos/generate.py", "--check"], cwd=tree)
    cores = folder / "cores"
    make = ["make", "-C", "native", f"-j{os.cpu_count()}", "--silent", f"CORES={CORE}"]
    make += [f"OUT={cores}", f"O={folder / 'objects'}", f"PYTHON={sys.executable}"]
    _run(make, cwd=tree)
    path = os.pathsep.join(str(tree / package) for package in PACKAGES)
    environment = {**os.environ, "PYTHONPATH": path, "VMALAB_CORES": str(cores)}
    facts: dict[str, Any] = json.loads(
        _run([sys.executable, "-P", "-c", SCRIPT], cwd=folder, env=environment)
    )
    facts["proto"] = (tree / "protos" / "vmalab" / "v1" / "memory.proto").read_text()
    facts["document"] = (tree / "docs" / "block-format.md").read_text()
    return facts


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    assert NUMBER not in {*Op}, "choose another number"
    return _facts(tmp_path_factory.mktemp("operation"))


def test_everybody_knows_it(facts: Mapping[str, Any]) -> None:
    assert facts["number"] == NUMBER
    assert facts["record"] == RECORD, "the client builds another record"
    assert facts["answers"] == [[0, 42], [0, 43], [-22, 0]], "the core does not carry it out"
    assert "A0.0: 0x2c" in facts["outcome"], "the lab does not carry it out"
    assert "Adds three numbers." in facts["doc"]
    assert "ADD_THREE" in facts["unjudged"], "lin has no specification and does not say so"
    assert "ADD_THREE" in facts["undrawn"], "diff has no specification and does not say so"
    assert re.search(rf"^// +{NUMBER} ADD_THREE +5 ", facts["proto"], flags=re.M)
    assert f"| {NUMBER} | `ADD_THREE` |" in facts["document"]
