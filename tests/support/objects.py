# SPDX-License-Identifier: Apache-2.0
"""The object files of all ten cores (five lock models, release and lab), warnings being errors.

They have a folder of their own, where they stay: what did not change is not compiled again.
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
BUILD = ROOT / "build" / "tidy"
BELOW_MODELS = ("base", "segment", "sync", "memory", "tree")
"""The layers that are compiled once for all lock models."""
CORES = tuple(f"{model}.aligned{lab}" for model in cores.lock_models() for lab in ("", cores.LAB))


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """make -C native, alone in BUILD."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return subprocess.run(
            ["make", "-C", str(SRC.parent), "--silent", f"O={BUILD}", f"OUT={BUILD}/cores",
             f"PYTHON={sys.executable}", *arguments],
            env={name: value for name, value in os.environ.items() if "MAKE" not in name},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )  # fmt: skip


@cache
def compiled() -> subprocess.CompletedProcess[str]:
    """All of them; -g0 saves half of the time and changes no warning."""
    return make(f"CORES={' '.join(CORES)}", "EXTRA_FLAGS=-Werror -g0 -O1")


def of_core(core: str) -> list[Path]:
    """The objects of a core, after compiled()."""
    below = BUILD / ("base-lab" if core.endswith(cores.LAB) else "base")
    found = []
    for source in sorted(SRC.rglob("*.c")):
        layer = source.parent.name
        top = below if layer in BELOW_MODELS else BUILD / core
        found.append(top / layer / f"{source.stem}.o")
    return found
