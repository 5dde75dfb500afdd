# SPDX-License-Identifier: Apache-2.0
"""C programs of native/bench: compiled when needed, kept for the next time."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from vmalab_bench.base import BenchError
from vmalab_native import cores, places
from vmalab_native.errors import CoreMissing

SOURCES: Final = places.SOURCES / "bench"
BUILD: Final = places.build_folder() / "bench"
WAIT_S: Final = 5


class Dialog:
    """A program that answers each line with a number; use it in a with block, which kills it.

    Args:
        name: what messages call it.
        command: it inherits the CPUs of the calling thread.
    """

    def __init__(self, name: str, command: Sequence[str | Path]) -> None:
        self._name = name
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, line: str) -> float:
        """Raises BenchError when it ends instead of answering."""
        said, heard = self._process.stdin, self._process.stdout
        assert said is not None
        assert heard is not None
        try:
            said.write(line + "\n")
            said.flush()
            answer = heard.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            code = self._process.wait(WAIT_S)
            raise BenchError(f"{self._name} ended with code {code} at {line!r}")
        return float(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.communicate()


class NoProgram(BenchError):
    """The program could not be made here; the message says what is missing."""


def compiled(name: str, *, flags: Sequence[str] = (), libraries: Sequence[str] = ()) -> Path:
    """A stand-alone program native/bench/NAME.c, compiled unless that was done already.

    Raises:
        NoProgram: no sources, no compiler, or it did not compile.
    """
    source, variant = SOURCES / f"{name}.c", "".join(flags).replace("-", "_").replace("=", "_")
    program = BUILD / f"{name}{variant}"
    _must_be_there(source)
    if _fresh(program, source):
        return program
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("cc")
    if not compiler:
        raise NoProgram(
            f"{source.name} must be compiled, and there is no C compiler: install gcc "
            "(Debian: apt-get install gcc libc6-dev) or name one in CC"
        )
    BUILD.mkdir(parents=True, exist_ok=True)
    # Under another name first: a run beside this one must not start half a program.
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        made = Path(scratch) / name
        command = [compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", *flags, str(source)]
        _run([*command, "-o", str(made), *libraries, "-lpthread"])
        made.replace(program)
    return program


def linked(name: str) -> Path:
    """A program of native/bench that is linked with the lower layers of the core.

    Raises:
        NoProgram: no sources, no make or compiler, or it did not compile.
    """
    _must_be_there(SOURCES / f"{name}.c")
    program = cores.objects_in() / f"bench_{name}"
    try:
        with cores.building(f"{name}.c"):
            cores.make("--silent", str(program), what=f"{name}.c")
    except CoreMissing as error:
        raise NoProgram(error.detail) from None
    return program


def _must_be_there(source: Path) -> None:
    if not source.exists():
        raise NoProgram(f"{source} is not there: this bench needs vmalab's sources")


def _fresh(program: Path, source: Path) -> bool:
    """Newer than its source and than every header that stands beside that."""
    newest = max(path.stat().st_mtime_ns for path in (source, *SOURCES.glob("*.h")))
    return program.exists() and program.stat().st_mtime_ns > newest


def _run(command: list[str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as build:
        try:
            _, said = build.communicate()
        except BaseException:
            os.killpg(build.pid, signal.SIGTERM)
            raise
    if build.returncode:
        raise NoProgram(f"{' '.join(command)}:\n{said.strip()[-2000:]}")
