# SPDX-License-Identifier: Apache-2.0
"""Builds the packages of all languages, all of the version that pyproject.toml has: `make release`.

They are built from a copy of the files that git knows, so that nothing of an earlier build gets
into them. A language that is published has a function in BUILDERS.

usage: packages.py FOLDER
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
BIN: Final = Path(sys.executable).parent


class ReleaseError(Exception):
    """A package could not be built, or is not as it must be."""


def version_of(tree: Path) -> str:
    pyproject = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))
    return str(pyproject["project"]["version"])


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints. Raises ReleaseError with all of it when it fails."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    environment = {name: value for name, value in environment.items() if "MAKE" not in name}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ReleaseError(f"{' '.join(map(str, command))}:\n{done.stdout[-6000:]}")
    return done.stdout


def python(tree: Path, out: Path) -> None:
    """vmalab-client and vmalab: source distributions, and wheels that are made from those."""
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        for project in (tree / "clients" / "python", tree):
            run(sys.executable, "-m", "build", "--no-isolation", "--outdir", made, cwd=project)
        packages = sorted(made.iterdir())
        version = version_of(tree)
        if wrong := [path.name for path in packages if f"-{version}" not in path.name]:
            raise ReleaseError(f"{wrong}: not of version {version}")
        run(sys.executable, "-m", "twine", "check", "--strict", *packages, cwd=tree)
        for path in packages:
            if path.name.endswith("-linux_x86_64.whl"):
                # The tag says which C libraries it runs with; an index refuses any other.
                run(sys.executable, "-m", "auditwheel", "repair", "-w", out, path, cwd=tree)
            else:
                shutil.copy2(path, out / path.name)


BUILDERS: Final[Mapping[str, Callable[[Path, Path], None]]] = {
    "Python": python,
}
"""Of each language: what puts its packages into a folder, from a copy of the tree."""


def copy_of_the_tree(target: Path) -> None:
    """The files that git knows or would add.

    Raises:
        ReleaseError: this is no repository.
    """
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def build(out: Path) -> list[Path]:
    """All packages, in `out`, which is made empty.

    Raises:
        ReleaseError: with what a tool said.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    # Times in archives are those of the commit, so that two builds of it are the same.
    os.environ.setdefault(
        "SOURCE_DATE_EPOCH", run("git", "log", "-1", "--format=%ct", cwd=ROOT).strip()
    )
    with tempfile.TemporaryDirectory() as name:
        copy_of_the_tree(Path(name))
        for language, builder in BUILDERS.items():
            print(f"building the packages of {language} {version_of(ROOT)}", flush=True)
            builder(Path(name), out)
    return sorted(out.iterdir())


def main() -> int:
    """Build, and list what is there."""
    if len(sys.argv) != 2:
        print((__doc__ or "").strip().split("\n")[-1], file=sys.stderr)
        return 2
    try:
        packages = build(Path(sys.argv[1]).absolute())
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    for path in packages:
        print(f"  {path.stat().st_size / 1e6:6.1f} MB  {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
