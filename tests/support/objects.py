# SPDX-License-Identifier: Apache-2.0
"""The object files of all ten cores (five lock models, release and lab), as they ship.

They are those that `make native` and the race lab compile anyway; what the compiler said of an
object is beside it, in a file that ends with `.said` (native/Makefile).
"""

import fcntl
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from vmalab_native import cores

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "native" / "src"
BUILD = ROOT / "build" / "cores"
BELOW_MODELS = ("base", "segment", "sync", "memory", "tree")
"""The layers that are compiled once for all lock models."""
CORES = tuple(f"{model}.aligned{lab}" for model in cores.lock_models() for lab in ("", cores.LAB))


@cache
def compiled() -> subprocess.CompletedProcess[str]:
    """All of them, none older than its sources: what is up to date is not compiled again.

    Cores are linked only where they go with the package, by those who use them.
    """
    folder = SRC.parent / "vmalab_native" / "cores"
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as lock:  # cores.ensure() has the same one
        fcntl.flock(lock, fcntl.LOCK_EX)
        return subprocess.run(
            ["make", "-C", str(SRC.parent), "--silent", "objects", f"O={BUILD}",
             f"PYTHON={sys.executable}", f"CORES={' '.join(CORES)}"],
            env={name: value for name, value in os.environ.items() if "MAKE" not in name},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )  # fmt: skip


def of_core(core: str) -> list[Path]:
    """The objects of a core, after compiled()."""
    below = BUILD / ("base-lab" if core.endswith(cores.LAB) else "base")
    found = []
    for source in sorted(SRC.rglob("*.c")):
        layer = source.parent.name
        top = below if layer in BELOW_MODELS else BUILD / core
        found.append(top / layer / f"{source.stem}.o")
    return found
