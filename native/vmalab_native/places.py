# SPDX-License-Identifier: Apache-2.0
"""Where the sources of the core are, and where what is built from them on demand goes.

In the source tree both are in the tree. An installed package has the sources in a folder of its own
(setup.py puts them there), and perhaps cannot be written to: what it builds goes into the user's
cache folder, below a name with the version and a hash of the sources. So two versions, or two
builds of one, never load what the other has built. The folder may be removed at any time.
"""

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Final

from vmalab_native.errors import CoreMissing

PACKAGE: Final = Path(__file__).resolve().parent
_PACKED: Final = PACKAGE / "sources"
INSTALLED: Final = _PACKED.is_dir()
"""This is no source tree: the sources are beside this file."""
SOURCES: Final = _PACKED if INSTALLED else PACKAGE.parent
"""The folder with the Makefile of the cores."""
_READ: Final = {".c", ".h", ".py", ".toml"}


def cache_folder() -> Path:
    """The user's folder for what can be made again: $XDG_CACHE_HOME/vmalab. It may be missing.

    Raises:
        CoreMissing: the user has none.
    """
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        base = named if named.is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        raise CoreMissing("this user has no home folder: name a folder in XDG_CACHE_HOME") from None
    return base / "vmalab"


@cache
def build_folder() -> Path:
    """Where everything goes that is built on demand. It may be missing.

    Raises:
        CoreMissing: as cache_folder().
    """
    if not INSTALLED:
        return SOURCES.parent / "build"
    version = (SOURCES / "VERSION").read_text().strip()
    return cache_folder() / f"{version}-{_digest()}"


def _digest() -> str:
    """Of everything that goes into a build but the compiler."""
    read = [path for path in SOURCES.rglob("*") if path.suffix in _READ or path.name == "Makefile"]
    read += [PACKAGE / "layout_file.py", *(PACKAGE / "layouts").iterdir()]
    sums = hashlib.sha256()
    for path in sorted(read):
        sums.update(f"{path.relative_to(PACKAGE)} {path.stat().st_size}\n".encode())
        sums.update(path.read_bytes())
    return sums.hexdigest()[:12]
