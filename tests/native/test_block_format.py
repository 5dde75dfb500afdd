# SPDX-License-Identifier: Apache-2.0
"""Goal: whoever follows docs/block-format.md writes blocks that the core takes, and reads its
answers.

Method: the example is read from the document: its words in hexadecimal are compared with what the
document's Python lines build, and given to the core; the answers are compared with those of the
document. A failure shows the word that differs.
"""

import re
from pathlib import Path

import pytest

from vmalab import pack
from vmalab.ops import HEADER, HEADER_WORDS, OPERATIONS, WORD_BYTES, Op
from vmalab_client.block import parse_block
from vmalab_native.core import Participant

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "block-format.md").read_text()
MM = 0x10001
"""The address space of the example."""


def fenced(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", DOCUMENT, flags=re.DOTALL)


def words(text: str) -> bytes:
    """The bytes at the begin of each line, eight of them."""
    rows = [re.match(r"((?:[0-9a-f]{2} ){8})", line) for line in text.splitlines()]
    assert all(rows), text
    return b"".join(bytes.fromhex(row[1]) for row in rows if row)


BLOCK, ANSWER = map(words, fenced("text"))


def test_the_example_is_what_the_client_builds() -> None:
    (program,) = fenced("python")
    names: dict[str, object] = {"mm": MM}
    exec(program, names)
    assert bytes(names["block"]).hex(" ", 8) == BLOCK.hex(" ", 8)  # type: ignore[call-overload]


def test_the_core_answers_as_the_example_says(me: Participant) -> None:
    if me.segment.config.model == "mmap-lock":
        pytest.skip("the example's faults are done under the VMA lock")
    mm = me.mm_create()
    block = b"".join(
        HEADER.pack(one.op, HEADER_WORDS + len(one.operands), one.flags, one.how, mm) + one.payload
        for one in parse_block(BLOCK)
    )
    assert me.run(block).hex(" ", WORD_BYTES) == ANSWER.hex(" ", WORD_BYTES)


def test_each_operation_stands_in_the_document() -> None:
    for op, one in OPERATIONS.items():
        assert re.search(rf"^\| {int(op)} \| `{op.name}` \|", DOCUMENT, flags=re.M), op.name
        assert f"**{op.name}** ({int(op)})." in DOCUMENT
        for operand in one.operands:
            assert f"`{operand.split()[0]}`" in DOCUMENT


def test_packers_make_records_of_the_length_that_the_table_says() -> None:
    """Of the operations without a tail and without a word that may be left out."""
    for op, one in OPERATIONS.items():
        if one.tail or one.words != one.words_least:
            continue
        packer = getattr(pack, op.name.lower())
        arguments = [1] * (packer.__code__.co_argcount)
        record = packer(*arguments)
        assert len(record) == one.words * WORD_BYTES, op.name
        assert record[:2] == bytes([op, one.words]), op.name
    assert Op.FORK in OPERATIONS
