# SPDX-License-Identifier: Apache-2.0
"""Finding the address spaces that a block has made.

Goal: no FORK, MM_CREATE or EXEC goes unseen, whose lease would stay with the worker for ever, and
nothing else is taken for one. Method: random blocks with random results; the oracle walks every
record in Python.
"""

from hypothesis import given
from hypothesis import strategies as st

from vmalab.ops import RESULT
from vmalab_client.block import BlockBuilder, Op, parse_block
from vmalab_native.convert import made_mms

WORDS = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([9, 13, 40, 0x0209, 0x030D, 0x0728]))
KINDS = st.sampled_from(["fault", "faults", "brk", "name", "fork", "create", "exec"])


def build(plan: list[tuple[str, int]]) -> bytes:
    block = BlockBuilder()
    for kind, word in plan:
        match kind:
            case "fork":
                block.fork(word & 0xFFFF)
            case "create":
                block.mm_create(mmap_base=word)
            case "exec":
                block.exec(word & 0xFFFF, mmap_base=word, maps="x" * (word % 40))
            case "faults":
                block.faults(1, [word] * (1 + word % 5))
            case "name":
                block.set_vma_name(1, word, word, "x" * (word % 80))
            case "brk":
                block.brk(1, word)
            case _:
                block.fault(1, word, access=1, word=word)
    return block.bytes()


def answers(statuses: list[int]) -> bytes:
    """A result for each status; values are numbers of their places."""
    return b"".join(RESULT.pack(status, 0, 1000 + at) for at, status in enumerate(statuses))


def expected(block: bytes, results: bytes) -> list[int]:
    found, at = [], 0
    rows = list(RESULT.iter_unpack(results))
    for record in parse_block(block):
        makes = record.op in (Op.MM_CREATE, Op.EXEC, Op.FORK)
        if makes and at < len(rows) and rows[at][0] == 0:
            found.append(rows[at][2])
        at += len(record.operands) if record.op == Op.FAULTS else 1
    return found


@given(
    st.lists(st.tuples(KINDS, WORDS), min_size=1),
    st.lists(st.sampled_from([0, 0, 0, -12, -1001, 11]), min_size=1, max_size=120),
)
def test_exactly_what_was_made_is_found(plan: list[tuple[str, int]], statuses: list[int]) -> None:
    """Also where the results end early, as after a record that stopped the block."""
    block, results = build(plan), answers(statuses)
    assert made_mms(block, memoryview(results)) == expected(block, results)


def test_a_malformed_block_ends_the_search() -> None:
    good = build([("fork", 7)])
    results = memoryview(answers([0, 0, 0]))
    assert made_mms(good + bytes(16) + good, results) == [1000]
    assert made_mms(good + good[:4] + bytes(4), results) == [1000]


@given(st.binary(min_size=8, max_size=400), st.integers(0, 60))
def test_any_bytes_are_searched_without_harm(noise: bytes, count: int) -> None:
    made_mms(noise[: len(noise) // 8 * 8], memoryview(answers([0] * count)))
