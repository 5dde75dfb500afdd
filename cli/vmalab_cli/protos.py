# SPDX-License-Identifier: Apache-2.0
"""`vmalab protos`: the protos of the service, for clients in languages that have none yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from vmalab_cli.common import USAGE, WORK, Json, fail

GOOGLE: Final = ("status", "error_details", "code")
"""What the details of an error are made of; none of them imports another file of google.rpc."""


def folder() -> Path:
    """Where the protos are: in a folder beside this module (setup.py), or in the source tree."""
    here = Path(__file__).resolve().parent
    packed = here / "proto_files"
    return packed if packed.is_dir() else here.parents[1] / "protos"


def files() -> Mapping[Path, Path]:
    """What is written, by its path in the folder: from where it comes."""
    import google.rpc

    root = folder()
    names = ("vmalab/v1/*.proto", "buf.yaml", "README.md", "first.mjs", "first/*")
    found = {
        path.relative_to(root): path
        for name in names
        for path in sorted(root.glob(name))
        if path.is_file()
    }
    others = Path(next(iter(google.rpc.__path__)))
    for name in GOOGLE:
        found[Path("google") / "rpc" / f"{name}.proto"] = others / f"{name}.proto"
    return found


def differing(out: Path, found: Mapping[Path, Path]) -> list[Path]:
    """Files in `out` that are there already, with something else in them."""
    return [
        name
        for name, source in found.items()
        if (out / name).is_file() and (out / name).read_bytes() != source.read_bytes()
    ]


def check(out: Path, found: Mapping[Path, Path], force: bool) -> None:
    """End the command if what is in `out` would be lost, or if it is where the protos come from."""
    if out.resolve() == folder().resolve():
        fail(f"--out {out} is where the protos come from: give another folder", USAGE)
    others = [] if force else differing(out, found)
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        fail(
            f"--out {out}: {others[0]}{more} would be overwritten with something else: give"
            " another folder, or --force",
            USAGE,
        )


def protos(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder to write to; it is made if it is missing.")
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite files that are there and differ.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the protos of the service, with google.rpc's, and a README with a first call."""
    found = files()
    try:
        check(out, found, force)
        for name, source in found.items():
            target = out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    except OSError as error:
        fail(f"--out {out}: {error.strerror}", USAGE)
    if as_json:
        typer.echo(json.dumps({"folder": str(out), "files": [str(name) for name in found]}))
    else:
        typer.echo(f"{len(found)} files in {out}; {out / 'README.md'} begins with a first call")


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=WORK)(protos)
