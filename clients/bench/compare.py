#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure what each client costs beside the bare echo of its gRPC library.

usage: compare.py [--rounds N] [--json] [--program LANGUAGE=COMMAND] [LANGUAGE ...]

README.md, beside this file, has what is measured and what a program does. The exit code is 0 when
every language with a target keeps it, 1 when one does not, or its program fails.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vmalab_bench.machine import facts, one_line
from vmalab_server.embedded import EmbeddedServer

ROOT: Final = Path(__file__).resolve().parents[2]
BUILD: Final = ROOT / "build" / "clients"
PROGRAM_S: Final = 3600.0
"""A program that takes so long hangs."""
CPU_RATIO_MAX: Final[Mapping[str, float]] = {
    "go": 2.0, "rust": 2.0, "cpp": 2.0, "java": 2.0, "node": 4.0,
}  # fmt: skip
"""The targets: CPU of a block of 10,000 faults beside an echo of as many bytes."""
FAULTS: Final = 10_000
MEASURES: Final = (("unary", "wall_ns"), ("block", "wall_ns"), ("block", "cpu_ns"))


class BenchError(Exception):
    """A program is not there, fails, or prints something else than it should."""


def _python() -> list[str]:
    return [sys.executable, str(ROOT / "clients" / "python" / "bench.py")]


def _made(
    language: str,
    needed: str,
    *commands: Sequence[str],
    cwd: Path = ROOT,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Build a program. needed: what that takes, in words."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for command in commands:
        if shutil.which(command[0]) is None:
            raise BenchError(f"{language}: {needed} is needed, and there is no {command[0]}")
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = done.stdout + done.stderr
            raise BenchError(f"{language}: it does not build ({needed} is needed):\n{said}")


def _go() -> list[str]:
    program = BUILD / "bench-go"
    build = ["go", "build", "-o", str(program), "./internal/bench"]
    _made("go", "Go 1.24 or newer", build, cwd=ROOT / "clients" / "go")
    return [str(program)]


def _rust() -> list[str]:
    build = ["cargo", "build", "--quiet", "--locked", "--release", "--package", "bench"]
    folder = BUILD / "rust"
    environment = {**os.environ, "CARGO_TARGET_DIR": str(folder)}
    where = ROOT / "clients" / "rust"
    _made("rust", "Rust 1.88 or newer", build, cwd=where, environment=environment)
    return [str(folder / "release" / "bench")]


def _cpp() -> list[str]:
    # A folder of its own: what is tested is built with less optimization.
    folder = BUILD / "cpp-bench"
    kind = ("-DCMAKE_BUILD_TYPE=Measured", "-DCMAKE_CXX_FLAGS_MEASURED=-O2 -DNDEBUG")
    flags = ("-DVMALAB_BENCH=ON", *kind)
    configure = ["cmake", "-S", "clients/cpp", "-B", str(folder), "-G", "Ninja", *flags]
    build = ["cmake", "--build", str(folder), "-j2", "--target", "bench"]
    needed = "what clients/cpp/README.md lists, or newer,"
    _made("cpp", needed, configure, build)
    return [str(folder / "bench")]


def _java() -> list[str]:
    where, made = ROOT / "clients" / "java", BUILD / "java"
    build = ["mvn", "-q", "-f", str(where), "process-test-classes"]
    _made("java", "a JDK 17 or newer with Maven 3.8 or newer", build)
    path = [str(made / "classes"), str(made / "test-classes"), (made / "classpath").read_text()]
    return ["java", "-cp", ":".join(path), "dev.vmalab.client.bench.Main"]


def _node() -> list[str]:
    if shutil.which("node") is None:
        raise BenchError("node: Node 20.11 or newer with npm is needed, and there is none")
    client = ROOT / "clients" / "node"
    ready = ["node", str(client / "ready.mjs"), "--which"]
    done = subprocess.run(ready, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"node: {done.stderr.strip()}")
    return [done.stdout.strip(), str(client / "build" / "bench" / "main.js")]


LANGUAGES: Final[Mapping[str, Callable[[], list[str]]]] = {
    "python": _python,
    "go": _go,
    "rust": _rust,
    "cpp": _cpp,
    "java": _java,
    "node": _node,
}
"""Each: what makes its program, and the command that runs it."""


@dataclass(frozen=True)
class Ratio:
    """Of a measure: the client beside the echo, of each round."""

    rounds: tuple[float, ...]
    echo_ns: float
    call_ns: float

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    def __str__(self) -> str:
        return f"{self.median:.2f} ({min(self.rounds):.2f}-{max(self.rounds):.2f})"

    def as_dict(self) -> dict[str, Any]:
        return {
            "ratio": self.median,
            "ratio_min": min(self.rounds),
            "ratio_max": max(self.rounds),
            "echo_ns": self.echo_ns,
            "call_ns": self.call_ns,
        }


def ratio(rounds: Sequence[Mapping[str, Any]], what: str, unit: str) -> Ratio:
    """Raises KeyError, TypeError, ZeroDivisionError: the program has not printed it."""
    each = [
        {side: one[what][side][unit] / one[what][side]["calls"] for side in ("echo", "call")}
        for one in rounds
    ]
    return Ratio(
        rounds=tuple(one["call"] / one["echo"] for one in each),
        echo_ns=statistics.median(one["echo"] for one in each),
        call_ns=statistics.median(one["call"] for one in each),
    )


@dataclass(frozen=True)
class Measured:
    """What came out for one language."""

    language: str
    runtime: str
    ratios: Mapping[tuple[str, str], Ratio]

    @property
    def limit(self) -> float | None:
        return CPU_RATIO_MAX.get(self.language)

    @property
    def good(self) -> bool:
        return self.limit is None or self.ratios["block", "cpu_ns"].median <= self.limit

    def as_dict(self) -> dict[str, Any]:
        named = {f"{what}_{unit}": one.as_dict() for (what, unit), one in self.ratios.items()}
        return {
            "language": self.language,
            "runtime": self.runtime,
            "cpu_ratio_max": self.limit,
            "good": self.good,
            **named,
        }


def measure(language: str, command: Sequence[str], target: str, rounds: int) -> Measured:
    """Run a program. Raises BenchError."""
    try:
        done = subprocess.run(
            [*command, target, str(rounds)],
            capture_output=True,
            text=True,
            timeout=PROGRAM_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError(f"{language}: {error}") from None
    if done.returncode:
        raise BenchError(f"{language}: exit code {done.returncode}:\n{done.stderr}")
    try:
        said = json.loads(done.stdout)
        if (said["faults"], len(said["rounds"])) != (FAULTS, rounds):
            raise BenchError(
                f"{language}: {len(said['rounds'])} rounds with {said['faults']} faults:"
                f" {rounds} with {FAULTS} are wanted"
            )
        ratios = {(what, unit): ratio(said["rounds"], what, unit) for what, unit in MEASURES}
        return Measured(language, said["runtime"], ratios)
    except (ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise BenchError(f"{language}: README.md has what to print: {error!r}") from None


def table(found: Sequence[Measured]) -> str:
    """As Markdown: medians, and the least and the largest of all rounds."""
    head = (
        "| language | unary, time | block, time | block, CPU | target of CPU | runtime |\n"
        "|---|---|---|---|---|---|\n"
    )
    rows = [
        f"| {one.language} | "
        + " | ".join(str(one.ratios[key]) for key in MEASURES)
        + f" | {'none' if one.limit is None else f'at most {one.limit:g}'} | `{one.runtime}` |\n"
        for one in found
    ]
    return head + "".join(rows)


def absolute(one: Measured) -> str:
    unary, block, cpu = (one.ratios[key] for key in MEASURES)
    return (
        f"{one.language}: echo {unary.echo_ns / 1e3:.0f} us, call {unary.call_ns / 1e3:.0f} us;"
        f" block: echo {block.echo_ns / 1e6:.2f} ms, call {block.call_ns / 1e6:.2f} ms;"
        f" CPU: echo {cpu.echo_ns / 1e6:.2f} ms, call {cpu.call_ns / 1e6:.2f} ms"
    )


def main() -> int:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="counted rounds of each program")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--program",
        action="append",
        default=[],
        metavar="LANGUAGE=COMMAND",
        help="measure this program too; it gets the address and the number of rounds",
    )
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE", help="default: all")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error(f"--rounds {arguments.rounds}: at least 1")
    unknown = [name for name in arguments.languages if name not in LANGUAGES]
    if unknown:
        parser.error(f"no client in {', '.join(unknown)}; there are {', '.join(LANGUAGES)}")
    given = [one.partition("=") for one in arguments.program]
    if not all(name and command for name, _, command in given):
        parser.error("--program is LANGUAGE=COMMAND")
    languages = arguments.languages or ([] if given else list(LANGUAGES))
    try:
        commands = [(name, LANGUAGES[name]()) for name in languages]
        commands += [(name, shlex.split(command)) for name, _, command in given]
        with EmbeddedServer(workers=1, bench=True, lab=False) as server:
            found = [
                measure(name, command, server.target, arguments.rounds)
                for name, command in commands
            ]
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    if arguments.json:
        said = {"machine": facts(), "languages": [one.as_dict() for one in found]}
        print(json.dumps(said, indent=2))
    else:
        print(f"Machine: {one_line(facts())}\n\n{table(found)}")
        print("\n".join(absolute(one) for one in found))
    for one in found:
        if not one.good:
            print(
                f"{one.language}: the CPU of a block is {one.ratios['block', 'cpu_ns'].median:.2f}"
                f" times that of the echo, at most {one.limit:g} is the target",
                file=sys.stderr,
            )
    return 0 if all(one.good for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
