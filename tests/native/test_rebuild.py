# SPDX-License-Identifier: Apache-2.0
"""Goal: native/Makefile makes again what a change touches, all of that and nothing else.

Method: one core is built in a copy of the sources; after each change `make -n` says what it would
do. A failure names the files that would be compiled, or would not.

Seen to fail: without the note of the flags (objects of other flags stayed), without the note of the
files (a core kept the code of a file that was gone), without -MMD (a header changed nothing).
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

NATIVE = Path(__file__).resolve().parents[2] / "native"
CORE = "mmap-lock.aligned"
FAST = "-O0 -g0"


def make(native: Path, *arguments: str, flags: str = FAST) -> str:
    done = subprocess.run(
        ["make", "-C", str(native), f"CORES={CORE}", f"O={native}/o", f"OUT={native}/out",
         f"EXTRA_FLAGS={flags}", *arguments],
        env={name: value for name, value in os.environ.items() if "MAKE" not in name},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def wanted(native: Path, *, flags: str = FAST) -> tuple[set[str], bool]:
    """What make would compile, and whether it would link."""
    text = make(native, "-n", flags=flags)
    return set(re.findall(r" -c \S*/src/(\S+)", text)), " -shared " in text


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    native = tmp_path_factory.mktemp("rebuild") / "native"
    for folder in ("src", "include"):
        shutil.copytree(NATIVE / folder, native / folder)
    for file in ("Makefile", "random_layout.py"):
        shutil.copy2(NATIVE / file, native / file)
    make(native)
    return native


@pytest.fixture
def native(built: Path) -> Path:
    """The built copy, with nothing to do."""
    make(built)
    assert wanted(built) == (set(), False)
    return built


def test_a_source(native: Path) -> None:
    (native / "src" / "tree" / "tree_store.c").touch()
    assert wanted(native) == ({"tree/tree_store.c"}, True)


def test_a_header_of_one_folder(native: Path) -> None:
    header = native / "src" / "tree" / "tree_internal.h"
    header.touch()
    users = {
        f"tree/{path.name}"
        for path in header.parent.glob("*.c")
        if f'"{header.name}"' in path.read_text()
    }
    assert wanted(native) == (users, True)
    assert len(users) >= 3


def test_other_flags(native: Path) -> None:
    everything = {path.relative_to(native / "src").as_posix() for path in native.glob("src/*/*.c")}
    assert wanted(native, flags=f"{FAST} -DOTHER") == (everything, True)
    assert len(everything) > 60


def test_a_file_that_comes_and_goes(native: Path) -> None:
    extra = native / "src" / "mm" / "extra.c"
    extra.write_text(
        "int extra_of_the_test(void);\nint extra_of_the_test(void)\n{\n\treturn 1;\n}\n"
    )
    assert wanted(native) == ({"mm/extra.c"}, True)
    make(native)
    core = native / "out" / f"{CORE}.so"
    assert b"extra_of_the_test" in core.read_bytes()
    extra.unlink()
    assert wanted(native) == (set(), True)
    make(native)
    assert b"extra_of_the_test" not in core.read_bytes()
