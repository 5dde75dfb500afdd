# SPDX-License-Identifier: Apache-2.0
"""Goal: the cases of the kernel's own tests of mappings, written anew, hold here and on the running
kernel.

Method: tests/vectors/*.vec, one file for each of those tests; `vectors.py` says how they are read.
Each vector says what every call answers and which areas are left. A file runs for real in a child
process, once, and on an instance of each lock model. A failure names vector and call, what the
vector wanted and what each side said: if the kernel says otherwise the vector is wrong, or this
kernel is another than 6.18.
"""

from pathlib import Path

import pytest

import vectors
from comparing import KERNEL, NotCompared, needs_of
from vmalab_native import machine

FILES = sorted((Path(__file__).parents[1] / "vectors").glob("*.vec"))


@pytest.fixture(scope="session")
def mapped_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vectors") / "file"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_vectors(path: Path, each_model: str, mapped_file: Path, not_compared: NotCompared) -> None:
    text = path.read_text()
    lacking = machine.lacks([*KERNEL, *needs_of(text)])
    kernel = None if lacking else vectors.really(path, mapped_file)
    here = vectors.emulated(path, mapped_file, vectors.began(mapped_file))
    wanted = vectors.read(text)
    found = vectors.failures(wanted, kernel, here)
    if lacking:
        not_compared(lacking[0], sum(len(one.lines) for one in wanted))
    assert found == [], "\n".join(found[:10])


def test_what_is_wrong_is_seen(tmp_path: Path) -> None:
    """A wrong answer, wrong areas and a success that was none are each reported."""
    path = tmp_path / "wrong.vec"
    path.write_text(
        "[one]\nmmap A P 3 PRIV|AN|FX = EINVAL\nmunmap 1 P\nareas 0-2 rw-p\nareas 0-1 rw-p\n"
    )
    kernel = vectors.really(path, tmp_path / "file")
    here = vectors.emulated(path, tmp_path / "file", kernel.start)
    found = vectors.failures(vectors.read(path.read_text()), kernel, here)
    assert [line.partition(":")[0] for line in found] == [
        "[one] mmap A P 3 PRIV|AN|FX",
        "[one] munmap 1 P",
        "[one] areas",
    ]
    with pytest.raises(ValueError, match="line 2: nap A"):
        vectors.read("[one]\nnap A\n")
