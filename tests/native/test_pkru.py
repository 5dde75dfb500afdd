# SPDX-License-Identifier: Apache-2.0
"""Goal: PKRU is the caller's. A record that has it is judged by it and changes it alone. One
without is judged by what the address space has.

Method: each key and each pair of its bits against a rule of three lines that is written here from
the processor's manual; two callers of one address space with records in turn; every operation that
touches memory for its caller. No test needs a processor with protection keys. A failure shows the
call and what it answered.
"""

from collections.abc import Iterator

import pytest

from operations import ANON, ARENA, EXEC, FIXED, POPULATE, READ, RW, Answer, Space, space
from vmalab import pack
from vmalab.ops import OPERATIONS, RESULT, Op, Status
from vmalab_client.block import BlockBuilder, Result, parse_results
from vmalab_native import history
from vmalab_native.convert import made_mms

PAGE = 4096
START = 0x5555_5554
"""What a program begins with: key 0 alone."""
SEGV, ACCERR, PKUERR = 11, 2, 4
EFAULT, EINVAL, ENOMEM = 14, 22, 12
FETCH = 2
POPULATE_READ, POPULATE_WRITE = 22, 23


@pytest.fixture
def s() -> Iterator[Space]:
    with space(pkeys=True) as one:
        yield one


def run(s: Space, record: bytes, pkru: int | None = None) -> Result:
    """One record, of a caller with that PKRU."""
    record = record if pkru is None else pack.with_pkru(record, pkru)
    (result,) = parse_results(s.participant.run(record))
    return result


def keyed(s: Space, addr: int, *, pages: int = 1, rights: int = 0) -> int:
    """Memory with a key of its own, which is there."""
    assert s.mmap(addr, pages).status == 0
    for page in range(pages):
        assert s.write(addr + page * PAGE, 7).status == 0
    key = run(s, pack.pkey_alloc(s.mm, 0, rights), START).value
    assert run(s, pack.pkey_mprotect(s.mm, addr, pages * PAGE, RW, key)).ok
    return key


def touch(s: Space, addr: int, pkru: int | None = None, *, write: bool = False) -> Result:
    return run(s, pack.fault(s.mm, addr, 9 if write else None, int(write)), pkru)


def refused(result: Result) -> int | None:
    """The key that forbade it."""
    assert (result.status, result.si_code) in ((0, 0), (SEGV, PKUERR)), result
    return result.pkey


def rule(pkru: int, key: int, *, write: bool) -> bool:
    """The manual of the processor: bit 2k no access, bit 2k + 1 no writes."""
    no_access, no_writes = pkru >> 2 * key & 1, pkru >> 2 * key + 1 & 1
    return not no_access and not (write and no_writes)


@pytest.mark.usefixtures("each_model")
def test_each_key_and_each_pair_of_bits() -> None:
    """Key 0 too, which the fast path of a fault takes for allowed."""
    with space(pkeys=True) as s:
        assert s.mmap(ARENA, 16).status == 0
        for key in range(1, 16):
            assert run(s, pack.pkey_alloc(s.mm, 0, 0)).value == key
            at = ARENA + key * PAGE
            assert run(s, pack.pkey_mprotect(s.mm, at, PAGE, RW, key)).ok
        for key in range(16):
            at = ARENA + key * PAGE
            assert touch(s, at, 0, write=True).ok
            for bits in range(4):
                for pkru in (bits << 2 * key, bits << 2 * key | 0xFFFF_FFFF & ~(3 << 2 * key)):
                    for write in (False, True):
                        got = touch(s, at, pkru, write=write)
                        allowed = rule(pkru, key, write=write)
                        assert refused(got) == (None if allowed else key), (key, hex(pkru), got)
            fetched = run(s, pack.fault(s.mm, at, None, FETCH), 0xFFFF_FFFF)
            assert (fetched.status, fetched.si_code) == (SEGV, ACCERR), "no key says of a fetch"


@pytest.mark.usefixtures("each_model")
def test_two_callers_of_one_address_space() -> None:
    with space(pkeys=True) as s:
        mine = run(s, pack.pkey_alloc(s.mm, 0, 2), START)
        key = mine.value
        assert (key, mine.info) == (1, 0x5555_5558), "the caller's PKRU, with no writes by key 1"
        assert s.mmap(ARENA, 1).status == 0
        assert run(s, pack.pkey_mprotect(s.mm, ARENA, PAGE, RW, key)).ok
        assert touch(s, ARENA, mine.info).ok
        assert refused(touch(s, ARENA, mine.info, write=True)) == key
        assert refused(touch(s, ARENA, START)) == key, "the other has it as before"
        assert refused(touch(s, ARENA)) == key, "and so has who says nothing"
        said = run(s, pack.pkey_alloc(s.mm, 0, 0))
        assert (said.value, said.info) == (2, 0), "a record without PKRU is answered without"
        assert run(s, pack.pkey_mprotect(s.mm, ARENA, PAGE, RW, said.value)).ok
        assert touch(s, ARENA, write=True).ok
        assert refused(touch(s, ARENA, mine.info)) == said.value, "what the others got is theirs"


def test_the_key_comes_before_the_protection(s: Space) -> None:
    key = keyed(s, ARENA)
    assert run(s, pack.pkey_mprotect(s.mm, ARENA, PAGE, READ, key)).ok
    assert refused(touch(s, ARENA, START, write=True)) == key
    got = touch(s, ARENA, 0, write=True)
    assert (got.status, got.si_code, got.pkey) == (SEGV, ACCERR, None)


@pytest.mark.usefixtures("each_model")
def test_memory_that_is_executed_alone() -> None:
    """Who makes it can no longer read it; another thread that may read its key still can."""
    with space(pkeys=True) as s:
        mapped = run(s, pack.mmap(s.mm, ARENA, PAGE, EXEC, ANON | FIXED, 0, 0, 0), 0)
        assert mapped.info == 1 << 2, "the key was taken, and the caller lost the access"
        assert refused(touch(s, ARENA, mapped.info)) == 1
        assert touch(s, ARENA, 0).ok
        assert run(s, pack.fault(s.mm, ARENA, None, FETCH), mapped.info).ok
        assert refused(touch(s, ARENA)) == 1
        again = run(s, pack.mprotect(s.mm, ARENA, PAGE, EXEC), 0)
        assert again.info == 1 << 2, "also when it has been taken before"
        back = run(s, pack.mprotect(s.mm, ARENA, PAGE, READ), 0)
        assert (back.status, back.info) == (0, 0)
        assert touch(s, ARENA, 1 << 2).ok, "key 0 again"
        assert run(s, pack.pkey_mprotect(s.mm, ARENA, PAGE, RW, 1)).errno == EINVAL
        assert run(s, pack.pkey_free(s.mm, 1)).errno == EINVAL


def test_fork_takes_the_rights_of_its_maker(s: Space) -> None:
    key = keyed(s, ARENA)
    pkru = START & ~(3 << 2 * key)
    allowed = Space(s.participant, run(s, pack.fork(s.mm), pkru).value)
    default = Space(s.participant, run(s, pack.fork(s.mm)).value)
    assert touch(allowed, ARENA, write=True).ok
    assert refused(touch(default, ARENA)) == key
    assert touch(default, ARENA, pkru).ok, "the map of keys and the keys of areas are copied"
    assert run(allowed, pack.pkey_alloc(allowed.mm, 0, 0)).value == key + 1
    assert run(s, pack.pkey_free(s.mm, key)).ok
    assert touch(s, ARENA, pkru).ok, "a key that is freed stays in its areas"
    assert run(allowed, pack.pkey_free(allowed.mm, key)).ok
    new = Space(s.participant, s.participant.mm_exec(allowed.mm))
    assert new.mmap(ARENA, 1, EXEC).status == 0
    assert refused(touch(new, ARENA)) == 1, "a new program has all keys free, and key 0 alone"


def _calls(s: Space, addr: int) -> dict[str, tuple[bytes, int]]:
    """Operations that touch memory with a key for their caller, and what each answers if its key
    forbids that."""
    mm = s.mm
    return {
        "mlock": (pack.mlock(mm, addr, PAGE, 0), ENOMEM),
        "populate_read": (pack.madvise(mm, addr, PAGE, POPULATE_READ), EINVAL),
        "populate_write": (pack.madvise(mm, addr, PAGE, POPULATE_WRITE), EINVAL),
        "process_madvise": (pack.process_madvise(mm, POPULATE_READ, False, [(addr, PAGE)]), EINVAL),
    }


@pytest.mark.parametrize("call", ["mlock", "populate_read", "populate_write", "process_madvise"])
def test_calls_that_touch_memory_are_judged_as_their_caller(s: Space, call: str) -> None:
    key = keyed(s, ARENA)
    record, code = _calls(s, ARENA)[call]
    assert run(s, record, START).errno == code
    assert run(s, record).errno == code
    allowed = run(s, record, START & ~(3 << 2 * key))
    assert allowed.ok
    assert allowed.info == START & ~(3 << 2 * key), "none of them changes PKRU"


def test_a_userfaultfd_copies_what_its_caller_may_read(s: Space) -> None:
    """Also of key 0, by the fast path's own look."""
    key = keyed(s, ARENA)
    assert s.mmap(ARENA + 16 * PAGE, 4).status == 0
    assert s.mmap(ARENA + 32 * PAGE, 1).status == 0
    assert s.write(ARENA + 32 * PAGE, 3).status == 0
    uffd = s.call(Op.UFFD_OPEN, 1).value
    assert s.call(Op.UFFD_API, uffd, 0xAA, 0).status == 0
    registered = s.call(Op.UFFD_REGISTER, uffd, ARENA + 16 * PAGE, 4 * PAGE, 1)
    assert registered.status == 0

    def copy(at: int, src: int, pkru: int) -> Result:
        return run(s, pack.uffd_fill(s.mm, uffd, ARENA + at * PAGE, src, PAGE, 0, 0), pkru)

    assert copy(16, ARENA, START).errno == EFAULT
    assert copy(16, ARENA, START & ~(3 << 2 * key)).value == PAGE
    assert copy(17, ARENA + 32 * PAGE, 1).errno == EFAULT
    assert copy(17, ARENA + 32 * PAGE, START).value == PAGE
    assert s.read(ARENA + 17 * PAGE).value == 3


def test_a_mapping_that_is_populated(s: Space) -> None:
    """MAP_POPULATE says nothing of what it could not touch: the pages are not there."""
    record = pack.mmap(s.mm, ARENA, 4 * PAGE, RW, ANON | FIXED | POPULATE, 0, 0, 0)
    assert run(s, record, 3).ok
    assert s.mincore(ARENA, 4).value == 0
    assert run(s, record, 0).ok
    assert s.mincore(ARENA, 4).value == 0xF


def test_merging_needs_one_key(s: Space) -> None:
    assert s.mmap(ARENA, 4).status == 0
    one, two = (run(s, pack.pkey_alloc(s.mm, 0, 0)).value for _ in range(2))
    for page, key in enumerate((one, one, two, 0)):
        assert run(s, pack.pkey_mprotect(s.mm, ARENA + page * PAGE, PAGE, RW, key)).ok
    assert s.areas() == ["0-2 rw-p", "2-3 rw-p", "3-4 rw-p"]
    text = s.participant.smaps(s.mm)
    keys = [int(line.split()[1]) for line in text.splitlines() if line.startswith("ProtectionKey:")]
    assert keys == [one, two, 0]
    assert run(s, pack.pkey_mprotect(s.mm, ARENA, 4 * PAGE, RW, two)).ok
    assert s.areas() == ["0-4 rw-p"]


def _block(s: Space, pkru: int | None) -> BlockBuilder:
    block = BlockBuilder()
    block.pkru = pkru
    block.faults(s.mm, [ARENA + page * PAGE for page in range(300)])
    block.nop()
    block.fault(s.mm, ARENA, word=8, access=1)
    return block


@pytest.mark.parametrize("timed", [False, True])
def test_many_faults_in_one_record(s: Space, timed: bool) -> None:
    """FAULTS has a word less for addresses; what counts results knows of it; NOP takes no PKRU."""
    key = keyed(s, ARENA, pages=300)
    for pkru, found in ((START, key), (START & ~(1 << 2 * key), None), (None, key)):
        block = _block(s, pkru)
        raw = bytes(block)
        done = history.run_timed(s.participant, raw) if timed else s.participant.run(raw)
        step = 32 if timed else RESULT.size
        results = [Result(*RESULT.unpack_from(done, at)) for at in range(0, len(done), step)]
        assert len(results) == len(block) == 302
        assert {one.pkey for one in results[:300]} == {found}
        assert results[300].ok


def test_what_a_block_made_is_found_behind_faults_with_pkru(s: Space) -> None:
    """Who serves a client counts results to find new address spaces, and their leases."""
    block = BlockBuilder()
    block.pkru = 0
    block.faults(s.mm, [ARENA, ARENA + PAGE])
    block.fork(s.mm)
    results = s.participant.run(bytes(block))
    child = parse_results(results)[2].value
    assert child
    assert made_mms(bytes(block), memoryview(results)) == [child]


def test_without_keys_pkru_says_nothing() -> None:
    with space(pkeys=False) as s:
        assert s.mmap(ARENA, 1).status == 0
        assert touch(s, ARENA, 0xFFFF_FFFF, write=True).ok


def test_malformed_records(s: Space) -> None:
    """A record that says it has PKRU and has no word for it; an operation that takes none."""

    def status(record: bytes) -> int:
        return Answer(*RESULT.unpack_from(s.participant.run(record))).status

    for op, one in OPERATIONS.items():
        words = one.words
        short = bytes([op, words, 0, 0x80, 0, 0, 0, 0]) + s.mm.to_bytes(8, "little")
        short += bytes(8 * (words - 2))
        if one.pkru and op not in (Op.FAULT, Op.FORK):
            assert status(short) == Status.BAD_RECORD, op.name
    fork = bytes([Op.FORK, 2, 0, 0x80, 0, 0, 0, 0]) + s.mm.to_bytes(8, "little")
    assert status(fork) == Status.BAD_RECORD
    fault = bytes([Op.FAULT, 3, 0, 0x80, 0, 0, 0, 0]) + s.mm.to_bytes(8, "little") + bytes(8)
    assert status(fault) == Status.BAD_RECORD
    with pytest.raises(pack.PackError, match="MUNMAP: takes no PKRU"):
        pack.with_pkru(pack.munmap(s.mm, 0, PAGE), 0)
    with pytest.raises(pack.PackError, match="32 bits"):
        pack.with_pkru(pack.fork(s.mm), 1 << 32)
    with pytest.raises(pack.PackError, match="no room"):
        pack.with_pkru(pack.process_madvise(s.mm, 4, False, [(0, 0)] * 126), 0)
