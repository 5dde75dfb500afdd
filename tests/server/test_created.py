# SPDX-License-Identifier: Apache-2.0
"""Finding the blocks that make address spaces without walking them.

Goal: no FORK, MM_CREATE or EXEC goes unseen, whose lease would stay with the worker for ever.
Method: random blocks; the oracle walks every record.
"""

from hypothesis import given
from hypothesis import strategies as st

from vmalab_client.block import BlockBuilder, Op, parse_block
from vmalab_server.created import creating_records

WORDS = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([9, 13, 40, 0x0209, 0x030D, 0x0728]))


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
            case "brk":
                block.brk(1, word)
            case _:
                block.fault(1, word, access=1, word=word)
    return block.bytes()


@given(
    st.lists(
        st.tuples(st.sampled_from(["fault", "faults", "brk", "fork", "create", "exec"]), WORDS),
        min_size=1,
    )
)
def test_exactly_the_creating_records_are_found(plan: list[tuple[str, int]]) -> None:
    block = build(plan)
    expected = []
    result = 0
    for record in parse_block(block):
        if record.op in (Op.MM_CREATE, Op.EXEC) or (record.op == Op.FORK and record.mm):
            expected.append(result)
        result += len(record.operands) if record.op == Op.FAULTS else 1
    assert creating_records(block) == expected


def test_a_malformed_block_ends_the_search() -> None:
    good = build([("fork", 7)])
    nothing = bytes(16)
    assert creating_records(good + nothing + good) == [0]
    assert creating_records(good + good[:4] + bytes(4)) == [0]


@given(st.binary(min_size=8, max_size=400))
def test_any_bytes_are_searched_without_harm(noise: bytes) -> None:
    creating_records(noise[: len(noise) // 8 * 8])
