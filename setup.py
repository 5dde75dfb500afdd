# SPDX-License-Identifier: Apache-2.0
"""Builds the cores (native/Makefile) and vmalab_native._core; all else is in pyproject.toml.

VMALAB_BUILD_NATIVE: all (the default), default (only the core that is taken where none is named;
others are built when they are asked for), or no.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

WANTED = os.environ.get("VMALAB_BUILD_NATIVE", "all")
if WANTED not in ("all", "default", "no"):
    sys.exit(f"VMALAB_BUILD_NATIVE={WANTED}: give all, default or no")


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


class BuildProtos(build_py):
    """Puts the protos beside what is generated from them: `vmalab protos` writes them out."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # they lie in the tree
            return
        target = Path(self.build_lib) / "vmalab" / "v1" / "protos"
        for name in PROTO_FILES:
            for path in sorted(Path("protos").glob(name)):
                copy = target / path.relative_to("protos")
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)


PROTO_FILES = ("vmalab/v1/*.proto", "buf.yaml", "README.md", "first.mjs", "first/*")
if WANTED == "no":
    setup(cmdclass={"build_py": BuildProtos})
else:
    setup(
        cffi_modules=["native/build_ffi.py:ffibuilder"],
        cmdclass={"build_ext": BuildCores, "build_py": BuildProtos},
    )
