# SPDX-License-Identifier: Apache-2.0
"""Builds the package vmalab: the cores (native/Makefile), vmalab_native._core, and what goes into a
wheel besides Python. The client is a package of its own (clients/python/setup.py).

VMALAB_BUILD_NATIVE: all (the default), default (only the core that is taken where none is named;
others are built when they are asked for), or no.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

WANTED = os.environ.get("VMALAB_BUILD_NATIVE", "all")
if WANTED not in ("all", "default", "no"):
    sys.exit(f"VMALAB_BUILD_NATIVE={WANTED}: give all, default or no")

PYPROJECT = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
VERSION = PYPROJECT["project"]["version"]
COPIED = {
    # `vmalab protos` writes these out.
    ("protos", "vmalab_cli/proto_files"): (
        "vmalab/v1/*.proto",
        "buf.yaml",
        "README.md",
        "first.mjs",
        "first/*",
    ),
    # What cores and the programs of benches are built from on demand (places.py).
    ("native", "vmalab_native/sources"): (
        "Makefile",
        "random_layout.py",
        "include/vmalab/*.h",
        "src/*/*.[ch]",
        "bench/*.[ch]",
        "tests/*.h",
    ),
}
"""What a wheel has from outside of the Python packages: (from, to) and which files."""


class BuildCores(build_ext):
    """Puts the cores beside the extension module that loads them."""

    def run(self) -> None:
        folder = Path("native" if self.inplace else self.build_lib) / "vmalab_native" / "cores"
        jobs = len(os.sched_getaffinity(0))
        where = [f"OUT={folder.absolute()}", f"O={Path('build/cores').absolute()}"]
        quiet = ["--silent"] if self.verbose < 1 else []
        cores = ["CORES=typesafe-rwsem.aligned"] if WANTED == "default" else []
        command = ["make", "-C", "native", f"-j{jobs}", f"PYTHON={sys.executable}"]
        environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
        subprocess.run([*command, *where, *cores, *quiet], check=True, env=environment)
        super().run()


class BuildFiles(build_py):
    """Puts the files of COPIED where the code looks for them. An editable install has the tree."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for (source, target), patterns in COPIED.items():
            for path in sorted({path for one in patterns for path in Path(source).glob(one)}):
                copy = Path(self.build_lib, target, path.relative_to(source))
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
        version = Path(self.build_lib, "vmalab_native", "sources", "VERSION")
        version.write_text(f"{VERSION}\n", encoding="ascii")


def page() -> str:
    """README.md with links that lead somewhere on the page of an index too."""
    text = Path("README.md").read_text(encoding="utf-8")
    source = PYPROJECT["project"]["urls"]["Source"]
    return re.sub(r"\]\((?![a-z]+:|#)", f"]({source}/", text)


EXTENSION = {
    "cffi_modules": ["native/build_ffi.py:ffibuilder"],
    # One wheel for this Python and all later ones: cffi keeps to the stable part of its API.
    "options": {"bdist_wheel": {"py_limited_api": "cp311"}},
}
setup(
    install_requires=[f"vmalab-client=={VERSION}", *PYPROJECT["tool"]["vmalab"]["dependencies"]],
    long_description=page(),
    long_description_content_type="text/markdown",
    cmdclass={"build_ext": BuildCores, "build_py": BuildFiles},
    **({} if WANTED == "no" else EXTENSION),
)
