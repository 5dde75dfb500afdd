# SPDX-License-Identifier: Apache-2.0
"""Builds vmalab_native._core: the cffi glue and front.c, which loads the cores (native/Makefile).

setup.py names `ffibuilder`; `make native` runs it. The declarations that Python sees are in
core.cdef, ops.cdef (made from protos/ops.toml), lab.cdef and virtual.cdef. cffi's API mode compiles
them against the headers, so that a struct or an enum that differs is refused and never misread.

Two rules that are easy to lose:
- Python's own CFLAGS carry -DNDEBUG, which would take the assertions out: -UNDEBUG puts them back.
- setuptools wants paths relative to setup.py, while this file may be run from anywhere: paths are
  found from this file and made relative to the current directory only if they lie below it.
"""

import os
from pathlib import Path

from cffi import FFI

NATIVE = Path(__file__).resolve().parent
CDEFS = tuple(NATIVE / f"{name}.cdef" for name in ("core", "ops", "lab", "virtual"))

PREAMBLE = """
#include "vmalab/api.h"
#include "vmalab/block.h"
#include "vmalab/lin.h"
#include "vmalab/load.h"
#include "vmalab/lab_api.h"
#include "vmalab/virtual_api.h"
#include "vmalab/participant.h"
/* cffi defines it without one, which -Wmissing-prototypes would say. */
PyMODINIT_FUNC PyInit__core(void);
"""

COMPILE_ARGS = [
    "-std=gnu11",
    "-O2",
    "-g",
    "-fvisibility=hidden",
    "-UNDEBUG",
    "-Werror=implicit-function-declaration",
    "-Werror=incompatible-pointer-types",
    "-Werror=int-conversion",
    "-Wall",
    "-Wextra",
    "-Wshadow",
    "-Wstrict-prototypes",
    "-Wmissing-prototypes",
    "-Wundef",
]


def relative(path: Path) -> str:
    """The path as setuptools wants it: relative, with slashes, when it lies below the current
    directory.
    """
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return os.fspath(path)


def sources() -> list[str]:
    return [relative(path) for path in sorted((NATIVE / "front").glob("*.c"))]


def headers() -> list[str]:
    """What the extension must be rebuilt for when it changes, besides the sources."""
    found = sorted((NATIVE / "include").rglob("*.h"))
    return [relative(path) for path in [*found, *CDEFS]]


ffibuilder = FFI()
for cdef in CDEFS:
    ffibuilder.cdef(cdef.read_text(encoding="ascii"))
ffibuilder.set_source(
    "vmalab_native._core",
    PREAMBLE,
    sources=sources(),
    depends=headers(),
    include_dirs=[relative(NATIVE / "include")],
    extra_compile_args=COMPILE_ARGS,
    libraries=["dl", "pthread"],
)

if __name__ == "__main__":
    ffibuilder.compile(tmpdir=os.fspath(NATIVE), verbose=True)
