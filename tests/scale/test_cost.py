# SPDX-License-Identifier: Apache-2.0
"""Goal: no change makes an operation of the core dearer without saying so.

Method: `vmalab scale cost` on the core of the commit before, and on this one, both compiled here;
what grew by more than 2 % has a line in costs_that_may_grow.txt. What is counted is the same each
time, so no other work of the machine can fail it. It is seen to fail here: with a load planted in
the fast path. How to read a failure: the core, the operation and the cost, before and now.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from servers import vmalab
from vmalab_scale import cost

ROOT = Path(__file__).parents[2]
ALLOWED = Path(__file__).with_name("costs_that_may_grow.txt")
MODELS = ("--model", "typesafe-rwsem", "--model", "refcount")
COMPARED = cost.COUNTS[:5]
FOLDERS = ("native", "lab", "cli", "server", "loadgen", "clients/python", "protos/python")


def costs(tree: Path, *options: str) -> cost.Costs:
    """What `vmalab scale cost` of a tree says."""
    environment = {**os.environ, "PYTHONPATH": ":".join(str(tree / name) for name in FOLDERS)}
    run = "import sys; sys.argv[0] = 'vmalab'; from vmalab_cli.app import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", run, "scale", "cost", "--json", *options],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: cost.Costs = json.loads(done.stdout)["costs"]
    return found


def git(*arguments: str) -> bytes:
    return subprocess.run(
        ["git", "-C", str(ROOT), *arguments], capture_output=True, check=True
    ).stdout


def copy_of(commit: str, tree: Path) -> Path:
    """A commit, with its native part built."""
    tree.mkdir()
    subprocess.run(["tar", "-x", "-C", str(tree)], input=git("archive", commit), check=True)
    subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"],
        cwd=tree,
        env={**os.environ, "VMALAB_BUILD_NATIVE": "default"},
        check=True,
    )
    return tree


def allowed() -> set[str]:
    lines = [line.partition("#")[0].strip() for line in ALLOWED.read_text().split("\n")]
    return {line for line in lines if line}


@pytest.mark.long
def test_no_operation_is_dearer_than_in_the_commit_before(tmp_path: Path) -> None:
    before = "HEAD" if git("status", "--porcelain", "--", "native").strip() else "HEAD~1"
    old = costs(copy_of(before, tmp_path / "before"), *MODELS)
    new = costs(ROOT, *MODELS)
    assert {core: [*told] for core, told in old.items()} == {
        core: [*told] for core, told in new.items()
    }
    grew = cost.grown(old, new, 2.0, COMPARED)
    told = [one for one in grew if re.sub(r" [\d.]+ -> [\d.]+$", "", one) not in allowed()]
    assert not told, f"tests/scale/{ALLOWED.name} has no line for: " + "; ".join(told)


@pytest.mark.long
def test_a_load_planted_in_the_fast_path_is_seen(tmp_path: Path) -> None:
    tree = tmp_path / "planted"
    shutil.copytree(ROOT / "native", tree / "native", ignore=shutil.ignore_patterns("*virtual.so"))
    block = tree / "native" / "src" / "surface" / "block.c"
    text, anchor = block.read_text(), "\top_fault(self, rec->mm, rec->arg[0], flags,"
    assert text.count(anchor) == 1
    block.write_text(
        text.replace(anchor, f"\t(void)load_relaxed_u32(&self->slot->role);\n{anchor}")
    )
    for name in FOLDERS[1:]:
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).symlink_to(ROOT / name)
    options = ("--model", "typesafe-rwsem", "--operations", "500")
    grew = cost.grown(costs(ROOT, *options), costs(tree, *options), 2.0, COMPARED)
    assert any(f"{cost.FAST}: accesses" in one for one in grew), grew
    assert not any("munmap" in one for one in grew), "and nothing else is dearer"


def told(**changed: float) -> cost.Costs:
    one = dict.fromkeys(cost.COUNTS, 100.0) | changed
    return {"refcount aligned": {cost.FAST: one, "munmap": one}}


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({}, set()),
        ({"accesses": 101.0}, {cost.FAST}),
        ({"accesses": 103.0}, {cost.FAST, "munmap"}),
        ({"instructions": 101.9}, set()),
        ({"instructions": 102.1}, {cost.FAST, "munmap"}),
        ({"locked": 99.0}, set()),
        ({"ns": 900.0}, set()),
    ],
)
def test_what_counts_as_grown(changed: dict[str, float], names: set[str]) -> None:
    grew = cost.grown(told(), told(**changed), 2.0, COMPARED)
    assert {one.partition(", ")[2].rpartition(":")[0] for one in grew} == names


@pytest.mark.long
def test_the_command_compares_with_a_file(tmp_path: Path) -> None:
    options = ("scale", "cost", "--model", "typesafe-rwsem", "--operations", "300")
    printed = vmalab(*options, "--json")
    assert printed.returncode == 0, printed.stderr
    assert vmalab(*options, "--json").stdout == printed.stdout, "the same each time"
    file = tmp_path / "before.json"
    file.write_text(printed.stdout)
    assert vmalab(*options, "--against", str(file)).returncode == 0
    facts: dict[str, Any] = json.loads(printed.stdout)
    facts["costs"]["typesafe-rwsem aligned"]["munmap"]["lines"] -= 5
    file.write_text(json.dumps(facts))
    done = vmalab(*options, "--against", str(file))
    assert done.returncode == 1
    assert "typesafe-rwsem aligned, munmap: lines" in done.stderr


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"costs": 3}', '{"costs": {"a": {"b": {"c": []}}}}']
)
def test_a_file_that_is_something_else(tmp_path: Path, text: str) -> None:
    file = tmp_path / "before.json"
    file.write_text(text)
    done = vmalab("scale", "cost", "--against", str(file))
    assert done.returncode == 2
    assert "it is no output of `vmalab scale cost --json`" in " ".join(done.stderr.split())
