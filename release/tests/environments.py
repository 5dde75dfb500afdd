# SPDX-License-Identifier: Apache-2.0
"""A stranger's machine in small: a virtual environment, a home folder and a work folder, all empty,
with nothing of the tree in reach. Packages come from the registry as pip is set up here.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
HANG_S: Final = 1800.0
"""What takes so long hangs."""


def run(
    *command: str | Path, cwd: Path, environment: Mapping[str, str] | None = None, code: int = 0
) -> subprocess.CompletedProcess[str]:
    """A command to its end; fails with what it said when its exit code is another one."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    said = f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    assert done.returncode == code, f"{command} exits {done.returncode}:\n{said}"
    return done


class Environment:
    """One of them.

    Attributes:
        site: its site-packages.
        cache: $XDG_CACHE_HOME/vmalab, where what is built on demand must go.
    """

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "env" / "bin"
        self.work = folder / "work"
        self.cache = folder / "home" / "cache" / "vmalab"
        for made in (self.work, self.cache.parent):
            made.mkdir(parents=True)
        run(sys.executable, "-m", "venv", folder / "env", cwd=self.work)
        (self.site,) = (folder / "env" / "lib").glob("python*/site-packages")
        left_out = re.compile("VMALAB_|PYTHON|VIRTUAL_ENV|XDG_|MAKE|PYTEST")
        self._outside = {name: one for name, one in os.environ.items() if not left_out.match(name)}
        self.variables = {
            **self._outside,
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "XDG_CACHE_HOME": str(self.cache.parent),
        }

    def install(self, *what: str, native: str = "all") -> None:
        """With pip: as it is set up outside, or it would not find its registry."""
        variables = {**self._outside, "VMALAB_BUILD_NATIVE": native}
        pip = (self.bin / "python", "-m", "pip", "--disable-pip-version-check", "--quiet")
        run(*pip, "install", *what, cwd=self.work, environment=variables)

    def installed(self) -> set[str]:
        """The names of the packages in it."""
        listed = run(self.bin / "python", "-m", "pip", "list", "--format=json", cwd=self.work)
        return {one["name"] for one in json.loads(listed.stdout)} - {"pip", "setuptools"}

    def run(
        self, *command: str, code: int = 0, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A command of the environment, in its work folder, with its home."""
        environment = {**self.variables, **(variables or {})}
        program = self.bin / command[0]
        return run(program, *command[1:], cwd=self.work, environment=environment, code=code)

    def facts(self, *command: str, code: int = 0) -> dict[str, Any]:
        """What `vmalab COMMAND --json` prints."""
        found: dict[str, Any] = json.loads(self.run("vmalab", *command, "--json", code=code).stdout)
        return found

    @contextmanager
    def serving(self, *options: str) -> Iterator[str]:
        """A server of the environment: its address."""
        name = f"packages-{os.getpid()}"
        words = ("serve", "--listen", "127.0.0.1:0", "--instance", name, *options)
        with subprocess.Popen(
            [self.bin / "vmalab", *words],
            cwd=self.work,
            env=self.variables,
            stderr=subprocess.PIPE,
            text=True,
        ) as server:
            assert server.stderr is not None
            said = []
            address = ""
            try:
                for line in server.stderr:
                    said.append(line)
                    if found := re.search(r"serves at (127\.0\.0\.1:\d+)", line):
                        address = found[1]
                    if "Ctrl-C" in line:
                        break
                assert address, f"the server did not come up: {''.join(said)}"
                yield address
            finally:
                server.send_signal(signal.SIGINT)
                server.stderr.read()
                code = server.wait(HANG_S)
        assert code == 0, "Ctrl-C is a good end"


def files_of(folder: Path) -> set[Path]:
    """All files below a folder but what Python compiles."""
    return {path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}
