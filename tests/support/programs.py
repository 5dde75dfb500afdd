# SPDX-License-Identifier: Apache-2.0
"""The real programs of tests/traces: how they are built and run, and how a trace is replayed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from vmalab_drive import drivers, instances
from vmalab_trace import plan, player, reorder, replay, verdict
from vmalab_trace.folder import Folder
from vmalab_trace.steps import Step

TRACES = Path(__file__).resolve().parents[1] / "traces"
EDGES = ("edge-answers", "edge-files", "edge-opened", "edge-processes")
"""Small programs of what few programs do; they are recorded anew in each run of the tests."""
TOOLS = {
    "python": ["/usr/bin/python3"],
    "python-processes": ["/usr/bin/python3"],
    "node": ["node"],
    "java": ["java", "javac"],
    "go": ["go"],
    "go-build": ["go"],
    "gcc": ["gcc"],
    "make": ["make", "gcc"],
    "git": ["git"],
    "sqlite": ["sqlite3"],
    "perl": ["perl"],
    "pipeline": ["sort", "awk"],
    "corners": ["gcc"],
    "keys": ["gcc"],
    "rights": ["gcc"],
    "sysv": ["gcc"],
    **{name: ["gcc"] for name in EDGES},
}
"""What each program needs on this machine."""
BUILDS = {
    "java": ["javac", "Hello.java"],
    "go": ["go", "build", "-o", "gc", "gc.go"],
    "go-build": ["go", "build", "-o", "gc", "gc.go"],
    "sysv": ["gcc", "-O1", "-o", "sysv", "sysv.c"],
    "keys": ["gcc", "-O1", "-o", "keys", "keys.c"],
    "rights": ["gcc", "-O1", "-pthread", "-o", "rights", "rights.c"],
    "corners": ["gcc", "-O1", "-pthread", "-o", "corners", "corners.c"],
    **{name: ["gcc", "-O1", "-w", "-o", name, f"{name}.c"] for name in EDGES},
}


def prepare(name: str, folder: Path) -> list[str]:
    """Build a program in a new folder and give the command that runs it."""
    missing = [tool for tool in TOOLS[name] if shutil.which(tool) is None]
    assert not missing, f"{name} needs {', '.join(missing)}, which is not installed here"
    shutil.copytree(TRACES / "programs", folder)
    if name in BUILDS:
        subprocess.run(BUILDS[name], cwd=folder, check=True)
    return ["/bin/sh", "-c", 'cd "$0" && exec sh all.sh "$1"', str(folder), name]


def play(root: Path, *, orders: int = 0) -> tuple[plan.Plan, verdict.Verdict]:
    """Replay a folder in this process, with no other order than the trace's, or some others."""
    read = plan.load(Folder(root))
    with (
        instances.instance_for(mode="attach") as target,
        drivers.connect(target, "attach") as driver,
    ):

        def once(steps: list[Step]) -> verdict.Verdict:
            names = replay.identities(read, 0)
            score = replay.score_of(read, steps, [0] * len(steps), names, target, "attach")
            one = player.Player(score, driver, [0] * max(read.slots, 1))
            one.play(0, len(steps))
            player.end_all(driver, one.mms, one.files, score)
            assert driver.fsck() == []
            result = verdict.judge(read, steps, one.outcomes, names)
            result.hold_to(read.expect)
            return result

        return read, reorder.improve(read.steps, once(read.steps), once, tries_max=orders).verdict
