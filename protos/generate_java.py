#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Generate the Java client's messages and stubs, dev.vmalab.v1, from the protos.

Run `make proto-java` after a change of a proto, and commit what it wrote. It needs Maven, which
brings protoc and the plugin for the stubs, and `make test` does not: so this is no part of
generate.py. ``--check`` writes nothing and exits 1 when a committed file is stale. The programs
come into build/clients/bin, in the versions below; clients/java/pom.xml asks for the same.
"""

from __future__ import annotations

import argparse
import filecmp
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Final

PROTOS: Final = Path(__file__).resolve().parent
ROOT: Final = PROTOS.parent
PACKAGE: Final = Path("dev/vmalab/v1")
TARGET: Final = ROOT / "clients" / "java" / "src" / "generated" / "java" / PACKAGE
TOOLS: Final = ROOT / "build" / "clients" / "bin"
PROTOC: Final = ("com.google.protobuf", "protoc", "4.35.1")
PLUGIN: Final = ("io.grpc", "protoc-gen-grpc-java", "1.83.1")
COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy"
MACHINES: Final = {"x86_64": "linux-x86_64", "aarch64": "linux-aarch_64"}
HEAD: Final = "// SPDX-License-Identifier: Apache-2.0\n"


def program(group: str, name: str, version: str) -> Path:
    """A program of Maven Central; installed if it is missing."""
    kind = MACHINES.get(platform.machine())
    if sys.platform != "linux" or kind is None:
        sys.exit(f"Maven Central has no {name} for this machine here: {platform.machine()}")
    found = TOOLS / f"{name}-{version}-{kind}.exe"
    if not found.exists():
        if shutil.which("mvn") is None:
            sys.exit("mvn is missing: Maven 3.8 or newer is needed")
        TOOLS.mkdir(parents=True, exist_ok=True)
        artifact = f"{group}:{name}:{version}:exe:{kind}"
        command = ["mvn", "-q", COPY, f"-Dartifact={artifact}", f"-DoutputDirectory={TOOLS}"]
        subprocess.run(command, check=True, cwd=TOOLS)
        found.chmod(0o755)
    return found


def generate(out: Path) -> Path:
    """Write the package below the folder `out`; where it is."""
    sources = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("vmalab/v1/*.proto"))
    google = files("grpc_tools") / "_proto"  # the messages of google.protobuf
    command = [
        *(str(program(*PROTOC)), f"-I{PROTOS}", f"-I{google}"),
        f"--plugin=protoc-gen-grpc-java={program(*PLUGIN)}",
        *(f"--java_out={out}", f"--grpc-java_out=@generated=omit:{out}"),
        *sources,
    ]
    subprocess.run(command, check=True, cwd=PROTOS)
    for path in (out / PACKAGE).glob("*.java"):
        lines = (line.rstrip() for line in path.read_text(encoding="utf-8").split("\n"))
        path.write_text(HEAD + "\n".join(lines), encoding="utf-8")
    return out / PACKAGE


def stale(fresh: Path) -> list[str]:
    """The names that differ, or stand on one side only."""
    names = {path.name for folder in (fresh, TARGET) for path in folder.glob("*.java")}
    return sorted(
        name
        for name in names
        if not (fresh / name).exists()
        or not (TARGET / name).exists()
        or not filecmp.cmp(fresh / name, TARGET / name, shallow=False)
    )


def main() -> int:
    """Generate, or check."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when stale")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fresh = generate(Path(folder))
        if arguments.check:
            names = stale(fresh)
            for name in names:
                print(f"stale: {TARGET.relative_to(ROOT)}/{name} (run: make proto-java)")
            return 1 if names else 0
        shutil.rmtree(TARGET, ignore_errors=True)
        shutil.copytree(fresh, TARGET)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
