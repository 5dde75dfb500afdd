#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Generate the Go client's messages and stubs, clients/go/vmalabpb, from the protos.

Run `make proto-go` after a change of a proto, and commit what it wrote. It needs Go, which
`make test` does not: so this is no part of generate.py. ``--check`` writes nothing and exits 1
when a committed file is stale. The plugins are installed into build/clients/bin, in the versions
below.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

PROTOS: Final = Path(__file__).resolve().parent
ROOT: Final = PROTOS.parent
TARGET: Final = ROOT / "clients" / "go" / "vmalabpb"
TOOLS: Final = ROOT / "build" / "clients" / "bin"
PLUGINS: Final = {
    "protoc-gen-go": "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12",
    "protoc-gen-go-grpc": "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2",
}
MODULE: Final = "vmalab.dev/go"


def plugins() -> None:
    """Install what is missing; the name of the file says the version."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    for name, source in PLUGINS.items():
        stamp = TOOLS / f".{name}"
        if not stamp.exists() or stamp.read_text() != source:
            environment = {**os.environ, "GOBIN": str(TOOLS)}
            subprocess.run(["go", "install", source], check=True, env=environment)
            stamp.write_text(source)


def generate(out: Path) -> None:
    """Write the package into the folder `out`."""
    sources = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("vmalab/v1/*.proto"))
    made = out / "made"
    made.mkdir()
    command = [
        *(sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}"),
        *(f"--plugin={name}={TOOLS / name}" for name in PLUGINS),
        *(f"--go_out={made}", f"--go_opt=module={MODULE}"),
        *(f"--go-grpc_out={made}", f"--go-grpc_opt=module={MODULE}"),
        *sources,
    ]
    subprocess.run(command, check=True, cwd=PROTOS)


def stale(fresh: Path) -> list[str]:
    """The names that differ, or stand on one side only."""
    names = {path.name for folder in (fresh, TARGET) for path in folder.glob("*.go")}
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
    plugins()
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = Path(folder) / "made" / TARGET.name
        if arguments.check:
            names = stale(fresh)
            for name in names:
                print(f"stale: {TARGET.relative_to(ROOT)}/{name} (run: make proto-go)")
            return 1 if names else 0
        shutil.rmtree(TARGET, ignore_errors=True)
        shutil.copytree(fresh, TARGET)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
