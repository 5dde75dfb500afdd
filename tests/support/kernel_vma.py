# SPDX-License-Identifier: Apache-2.0
"""Builds and runs the kernel's own tests of VMAs in user space, and says what came out:
tests/external/vma.

They are in tools/testing/vma of a kernel tree since 6.11, and compile the tree's mm/vma.c against
stubs. A patch to mm/vma.c has to leave them compiling and passing. Their sources are the kernel's
(GPL-2.0), so none of them is here: the tree is given, and what is built is built in a copy.

What they cannot see is why this project exists: vma_start_write() is a counter in their stubs, and
nothing of a lock, of reuse or of a reader is tested.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

NEEDED: Final = (
    *("tools/testing/vma", "tools/testing/shared", "tools/testing/radix-tree"),
    *("tools/include", "tools/arch", "tools/lib", "mm", "lib", "include"),
)
"""What the tests include, below the top of a tree; of include/ they take linux/ alone."""
ONLY: Final = {"include": "include/linux"}
_WRONG: Final = re.compile(r"error: |undefined reference")
_COUNTED: Final = re.compile(r"(\d+) tests run, (\d+) passed, (\d+) failed")


@dataclass(slots=True)
class Outcome:
    """What became of the tests of one tree.

    Attributes:
        version: as the tree's Makefile says; "": it has none.
        compiles: whether they could be built.
        run, passed, failed: tests; 0 where they could not be run.
        said: what the compiler or the tests said of the failure.
    """

    version: str = ""
    compiles: bool = False
    run: int = 0
    passed: int = 0
    failed: int = 0
    said: str = ""

    @property
    def good(self) -> bool:
        return self.compiles and self.run > 0 and self.run == self.passed


def version_of(tree: Path) -> str:
    makefile = tree / "Makefile"
    text = makefile.read_text(errors="replace") if makefile.is_file() else ""
    found = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL) = (\d+)$", text, re.M))
    return ".".join(found[key] for key in ("VERSION", "PATCHLEVEL", "SUBLEVEL") if key in found)


def copied(tree: Path, into: Path) -> Path:
    """What the tests need of the tree; their folder there."""
    for name in NEEDED:
        source = tree / ONLY.get(name, name)
        if source.is_dir():
            shutil.copytree(source, into / ONLY.get(name, name), symlinks=True)
    return into / NEEDED[0]


def _ended(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def tried(folder: Path) -> Outcome:
    """Build and run the tests of the folder tools/testing/vma of a tree."""
    tree = folder.resolve().parents[2]
    outcome = Outcome(version=version_of(tree))
    with tempfile.TemporaryDirectory() as temporary:
        here = copied(tree, Path(temporary))
        built = _ended(["make"], here)
        if built.returncode:
            wrong = [line for line in built.stdout.splitlines() if _WRONG.search(line)]
            outcome.said = "\n".join(wrong[:5]).replace(f"{here}/", "").replace(temporary, "")
            return outcome
        outcome.compiles = True
        ran = _ended(["./vma"], here)
    counted = _COUNTED.search(ran.stdout)
    if counted:
        outcome.run, outcome.passed, outcome.failed = (int(part) for part in counted.groups())
    if not outcome.good or ran.returncode:
        outcome.said = ran.stdout[-2000:]
        outcome.failed = outcome.failed or 1
    return outcome


def folder_of(text: str) -> Path:
    folder = Path(text)
    if folder.resolve().parts[-3:] != ("tools", "testing", "vma"):
        raise argparse.ArgumentTypeError(f"{text} is not the folder tools/testing/vma of a tree")
    if not (folder / "Makefile").is_file():
        raise argparse.ArgumentTypeError(f"{text} has no Makefile: is it of Linux 6.11 or later?")
    return folder


def main() -> int:
    parser = argparse.ArgumentParser(prog="vma", description="The kernel's tests of VMAs.")
    parser.add_argument("folder", type=folder_of, help="tools/testing/vma of a kernel tree")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what came out")
    options = parser.parse_args()
    outcome = tried(options.folder)
    if options.json:
        options.json.write_text(json.dumps(asdict(outcome), indent=1) + "\n")
    name = f"Linux {outcome.version}" if outcome.version else "this tree"
    if not outcome.compiles:
        print(f"{name}: its VMA tests do not compile", outcome.said, sep="\n")
        return 1
    print(f"{name}: {outcome.run} VMA tests run, {outcome.passed} passed, {outcome.failed} failed")
    if not outcome.good:
        print(outcome.said)
    return 0 if outcome.good else 1


if __name__ == "__main__":
    sys.exit(main())
