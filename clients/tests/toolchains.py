# SPDX-License-Identifier: Apache-2.0
"""The toolchains of the clients: what is there, and what a failure says when it is not."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
HANG_S = 1800.0
"""What takes so long hangs."""


def run(*command: str, cwd: Path = ROOT, environment: Mapping[str, str] | None = None) -> str:
    """What a command prints; fails with all of it when its exit code is not 0."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}"
    return done.stdout


def need(program: str, version: str) -> str:
    """The path of a program. A missing one is a failure that says which is needed."""
    found = shutil.which(program)
    assert found is not None, f"{program} is missing: {version} or newer is needed"
    return found


@cache
def cpp() -> Path:
    """The folder where the C++ client is built, with its tests."""
    for program, version in (("cmake", "CMake 3.25"), ("ninja", "Ninja 1.11"), ("c++", "g++ 12")):
        need(program, version)
    folder = ROOT / "build" / "clients" / "cpp"
    # Little optimization: what is built is tested, and not measured.
    flags = ("-DVMALAB_TESTS=ON", "-DCMAKE_BUILD_TYPE=Tested", "-DCMAKE_CXX_FLAGS_TESTED=-O1")
    run("cmake", "-S", "clients/cpp", "-B", str(folder), "-G", "Ninja", *flags)
    run("cmake", "--build", str(folder), "-j2")
    return folder


@cache
def buf() -> str:
    """The program buf, as package-lock.json has it, installed once."""
    need("npm", "npm of Node 18")
    program = FOLDER / "node_modules" / ".bin" / "buf"
    lock = (FOLDER / "package-lock.json").read_text()
    stamp = FOLDER / "node_modules" / ".installed"
    if not stamp.exists() or stamp.read_text() != lock:
        run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=FOLDER)
        stamp.write_text(lock)
    return str(program)
