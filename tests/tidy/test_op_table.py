# SPDX-License-Identifier: Apache-2.0
"""Goal: a mistake in the table of operations is refused where it stands, before anything is made
from it; what is made has the form of the house.

Method: the table with one thing changed is read; the message has to name the entry. The parts that
are made for people are read as text.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROTOS = ROOT / "protos"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(PROTOS))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "op_table"]:
        del sys.modules[name]


MISTAKES = {
    "two operations with a number": ("number = 4\n", "number = 3\n", "MUNMAP has number 3"),
    "a number of the lab": ("number = 42\n", "number = 200\n", "op.PKEY_FREE: number 200"),
    "a key that is not known": ('counter = "brk"', 'count = "brk"', "op.BRK: unknown count"),
    "no value": (
        'value = { kind = "mm", text = "the child',
        'worth = { kind = "mm", text = "the child',
        "op.FORK: value",
    ),
    "a kind of value": ('kind = "mask"', 'kind = "bits"', "op.MINCORE: value 'bits'"),
    "a set that is not there": ('set = "madv"', 'set = "advice"', "no set 'advice'"),
    "a default that is not there": ('"MREMAP_MAYMOVE"', '"MREMAP_MOVE"', "MREMAP_MOVE"),
    "a limit beyond the record": ("value = 253", "value = 254", "FAULTS_MAX is more"),
    "a limit that is not there": ('max = "RANGES_MAX"', 'max = "MOST"', "no limit MOST"),
    "makes without value": ('makes = "mm"\ncounter = "fork"', 'counter = "fork"', "op.FORK: makes"),
    "an order without an operand": ('["ranges", "advice", "remote"]', '["ranges"]', "order has"),
    "two operands with a name": ('name = "new_length"', 'name = "old_length"', "one name"),
    "a status of an errno": ("number = -1001", "number = -101", "below -1000"),
}


@pytest.mark.parametrize(("old", "new", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    from op_table import model

    text = (PROTOS / "ops.toml").read_text()
    assert old in text
    (tmp_path / "ops.toml").write_text(text.replace(old, new, 1))
    (tmp_path / "uapi.toml").write_text((PROTOS / "uapi.toml").read_text())
    with pytest.raises(model.TableError, match=said):
        model.load(tmp_path)


def test_a_constant_in_two_sets_is_named(tmp_path: Path) -> None:
    from op_table import model

    (tmp_path / "ops.toml").write_text((PROTOS / "ops.toml").read_text())
    text = (PROTOS / "uapi.toml").read_text()
    (tmp_path / "uapi.toml").write_text(text.replace("PAGE_BYTES = 4096", "PROT_READ = 4096"))
    with pytest.raises(model.TableError, match="machine: PROT_READ is in prot too"):
        model.load(tmp_path)


def test_lost_marks_are_named() -> None:
    from op_table import writing

    with pytest.raises(writing.MarkerError, match=r"a\.md: the lines"):
        writing.between("begin\ntext", "begin", "end", "part", "a.md")
    assert writing.between("begin\nold\nend", "begin", "end", "new", "a.md") == "begin\nnew\nend"


def test_a_length_is_what_the_operands_need() -> None:
    from op_table import model

    table = model.load(PROTOS)
    lengths = {one.name: (one.words_least, one.words) for one in table.operations}
    assert lengths["NOP"] == (2, 2)
    assert lengths["FAULT"] == (3, 4), "the word to store may be left out"
    assert lengths["MMAP"] == (7, 7), "prot and flags share a word"
    assert lengths["UFFD_MOVE"] == (6, 7), "the userfaultfd may be left out"
    assert lengths["FAULTS"] == (3, 3), "at least one address"
