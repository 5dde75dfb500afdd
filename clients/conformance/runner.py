#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run the conformance cases with each client, against the servers of the profiles.

usage: runner.py [--only PATTERN] [--list] [--verbose] [LANGUAGE ...]

Prints `LANGUAGE: N passed, N failed` for each, and what failed. The exit code is 0 when every
client passed every case. README.md, beside this file, has the format of the cases, and what a
client's program does.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from profiles import Servers
from reading import Case, CaseError, cases

ROOT: Final = Path(__file__).resolve().parents[2]
BUILD: Final = ROOT / "build" / "clients"
PROGRAM_S: Final = 3600.0
"""A program that takes so long hangs."""
_RESULT: Final = re.compile(r"(ok|not ok) (\d+) - (\S+)")
_ORDER: Final = re.compile(r"# runner: kill (\w+) (\d+)")


class ToolMissing(Exception):
    """A toolchain is not there, or too old; says which version is needed."""


def _python() -> list[str]:
    return [sys.executable, str(ROOT / "clients" / "python" / "conformance.py")]


def _go() -> list[str]:
    if shutil.which("go") is None:
        raise ToolMissing("go: Go 1.24 or newer is needed, and there is none")
    BUILD.mkdir(parents=True, exist_ok=True)
    program = BUILD / "conformance-go"
    done = subprocess.run(
        ["go", "build", "-o", str(program), "./internal/conformance"],
        cwd=ROOT / "clients" / "go",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ToolMissing(f"go: it does not build (Go 1.24 or newer is needed):\n{done.stderr}")
    return [str(program)]


def _java() -> list[str]:
    for tool in ("javac", "mvn"):
        if shutil.which(tool) is None:
            needed = "a JDK 17 or newer and Maven 3.8 or newer are needed"
            raise ToolMissing(f"java: {needed}, and there is no {tool}")
    source, made = ROOT / "clients" / "java", BUILD / "java"
    done = subprocess.run(
        ["mvn", "-q", "-f", str(source), "process-test-classes"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ToolMissing(f"java: it does not build:\n{done.stdout}{done.stderr}")
    path = [str(made / "classes"), str(made / "test-classes"), (made / "classpath").read_text()]
    return ["java", "-cp", ":".join(path), "dev.vmalab.client.conformance.Main"]


def _node() -> list[str]:
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise ToolMissing("node: Node 20.11 or newer with npm is needed, and there is none")
    client = ROOT / "clients" / "node"
    ready = ["node", str(client / "ready.mjs"), "--which"]
    done = subprocess.run(ready, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolMissing(done.stderr.strip())
    program = done.stdout.strip()
    return [program, str(client / "build" / "conformance" / "main.js")]


def _cpp() -> list[str]:
    folder = BUILD / "cpp"
    needed = "CMake 3.25, C++17, grpc++ 1.51, protobuf 3.21, GoogleTest and nlohmann-json 3.11"
    # Little optimization: what is built is tested, and not measured.
    flags = ("-DVMALAB_TESTS=ON", "-DCMAKE_BUILD_TYPE=Tested", "-DCMAKE_CXX_FLAGS_TESTED=-O1")
    configure = ["cmake", "-S", "clients/cpp", "-B", str(folder), "-G", "Ninja", *flags]
    for command in (configure, ["cmake", "--build", str(folder), "-j2"]):
        if shutil.which("cmake") is None or shutil.which("ninja") is None:
            raise ToolMissing(f"cpp: {needed} or newer are needed, and there is no cmake or ninja")
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            said = done.stdout + done.stderr
            raise ToolMissing(f"cpp: it does not build ({needed} or newer are needed):\n{said}")
    return [str(folder / "conformance")]


def _rust() -> list[str]:
    if shutil.which("cargo") is None:
        raise ToolMissing("rust: Rust 1.88 or newer is needed, and there is none")
    build = BUILD / "rust"
    done = subprocess.run(
        ["cargo", "build", "--quiet", "--locked", "--package", "conformance"],
        cwd=ROOT / "clients" / "rust",
        env={**os.environ, "CARGO_TARGET_DIR": str(build)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ToolMissing(f"rust: it does not build (Rust 1.88 or newer):\n{done.stderr}")
    return [str(build / "debug" / "conformance")]


LANGUAGES: Final[Mapping[str, Callable[[], list[str]]]] = {
    "python": _python,
    "go": _go,
    "java": _java,
    "node": _node,
    "cpp": _cpp,
    "rust": _rust,
}
"""Each: what makes its program, and the command that runs it."""


@dataclass
class Tally:
    """What a program has said."""

    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    planned: int = -1
    said: list[str] = field(default_factory=list)

    def hear(self, line: str) -> None:
        """One line of TAP."""
        if found := re.fullmatch(r"1\.\.(\d+)", line):
            self.planned = int(found[1])
        elif found := _RESULT.match(line):
            (self.passed if found[1] == "ok" else self.failed).append(found[3])
        if not line.startswith(("ok ", "1..", "# runner:")):
            self.said.append(line)


def run(
    command: Sequence[str], orders: Path, servers: Servers, *, verbose: bool
) -> tuple[Tally, int]:
    """Run a client's program; what it said, and its exit code."""
    tally = Tally()
    with subprocess.Popen(
        [*command, str(orders)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        watchdog = threading.Timer(PROGRAM_S, process.kill)
        watchdog.start()
        try:
            for line in process.stdout:
                tally.hear(line.rstrip("\n"))
                if verbose:
                    print(line, end="", flush=True)
                if found := _ORDER.match(line):
                    servers.kill_worker(found[1], int(found[2]))
                    process.stdin.write("done\n")
                    process.stdin.flush()
        except BaseException:
            process.kill()
            raise
        finally:
            watchdog.cancel()
        return tally, process.wait()


def judged(language: str, chosen: Sequence[Case], tally: Tally, code: int) -> bool:
    """Print what came out; whether it is good."""
    wanted = [str(case["name"]) for case in chosen]
    missing = [name for name in wanted if name not in {*tally.passed, *tally.failed}]
    for line in tally.said:
        print(f"  {line}")
    for name in missing:
        print(f"  no result of {name}")
    print(f"{language}: {len(tally.passed)} passed, {len(tally.failed) + len(missing)} failed")
    good = not tally.failed and not missing and tally.planned == len(wanted)
    if good and code:
        print(f"  its exit code is {code}")
    return good and code == 0


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="*", help="cases whose names have this form")
    parser.add_argument("--list", action="store_true", help="list the cases, and end")
    parser.add_argument("--verbose", action="store_true", help="print each result as it comes")
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE", help="default: all")
    arguments = parser.parse_args()
    try:
        chosen = [case for case in cases() if fnmatch.fnmatch(case["name"], arguments.only)]
        languages = arguments.languages or list(LANGUAGES)
        unknown = [name for name in languages if name not in LANGUAGES]
        if unknown:
            parser.error(f"no client in {', '.join(unknown)}; there are {', '.join(LANGUAGES)}")
        if arguments.list:
            print("\n".join(case["name"] for case in chosen))
            return 0
        commands = {name: LANGUAGES[name]() for name in languages}
    except (CaseError, ToolMissing) as error:
        print(error, file=sys.stderr)
        return 1
    good = True
    with tempfile.TemporaryDirectory(prefix="vmalab-conformance-") as name:
        folder = Path(name)
        with Servers(folder, (case["profile"] for case in chosen)) as servers:
            orders = folder / "orders.json"
            orders.write_text(json.dumps({"profiles": servers.described(), "cases": chosen}))
            for language, command in commands.items():
                tally, code = run(command, orders, servers, verbose=arguments.verbose)
                good = judged(language, chosen, tally, code) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
