# SPDX-License-Identifier: Apache-2.0
"""Goal: the checker of histories says "no order" exactly when there is none.

Method: histories made by hand, each with the answer that is right; and random short ones whose
verdict is compared with that of a second checker, here, which tries every order on an address space
of its own, written in Python. A failure of the random ones prints the history.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from vmalab_lin import explain
from vmalab_lin.ops import OP, History, HistoryError, load, save
from vmalab_native import history
from vmalab_native.errors import InvalidArgument
from vmalab_native.history import Answer, Kind, Shape

PAIR = Shape(mms=3, pages=2, cell_pages=2)
R, RW, RX, RWX = 1, 3, 5, 7


@dataclass(frozen=True)
class Did:
    """An operation: who began and ended it when."""

    begin: int
    end: int
    kind: Kind
    answer: Answer = Answer.OK
    word: int = 0
    mm: int = 0
    other: int = 0
    first: int = 0
    last: int = 0
    to: int = 0
    prot: int = RW
    shared: int = 0
    key: int = 0
    pkru: int = 0


def ops_of(done: list[Did]) -> np.ndarray:
    ops = np.zeros(len(done), OP)
    for index, did in enumerate(done):
        for name in did.__dataclass_fields__:
            ops[name][index] = getattr(did, name)
    return ops


def in_turn(*done: Did) -> list[Did]:
    """One after the other, each 10 long."""
    return [replace(did, begin=20 * at, end=20 * at + 10) for at, did in enumerate(done)]


def failing(done: list[Did], shape: Shape = PAIR) -> int | None:
    """Index of the operation that no order explains."""
    found = history.check(ops_of(done).tobytes(), shape).failure
    return None if found is None else found.op


def mapped(first: int = 0, last: int = 1, prot: int = RW, shared: int = 0) -> Did:
    return Did(0, 0, Kind.MAP, first=first, last=last, prot=prot, shared=shared)


def wrote(page: int, word: int, begin: int = 0, end: int = 0, mm: int = 0) -> Did:
    return Did(begin, end, Kind.WRITE, word=word, first=page, last=page, mm=mm)


def read(page: int, word: int, begin: int = 0, end: int = 0, mm: int = 0) -> Did:
    return Did(begin, end, Kind.READ, word=word, first=page, last=page, mm=mm)


def refused(page: int, answer: Answer, begin: int = 0, end: int = 0) -> Did:
    return Did(begin, end, Kind.READ, answer, first=page, last=page)


def keyed(key: int, answer: Answer = Answer.OK, last: int = 1) -> Did:
    return Did(0, 0, Kind.PKEY_PROTECT, answer, last=last, key=key)


def denied(key: int, pkru: int = 0, kind: Kind = Kind.READ) -> Did:
    return Did(0, 0, kind, Answer.PKERR, key=key, pkru=pkru)


def rights(key: int, bits: int) -> int:
    """PKRU of a touch: all is allowed, but for these rights of a key."""
    return 1 + (key << 2 | bits)


GIVEN = Did(0, 0, Kind.PKEY_ALLOC, key=1)
FREED = Did(0, 0, Kind.PKEY_FREE, key=1)
BASE = in_turn(mapped(), wrote(0, 7), wrote(1, 8))  # ends at 50
GOOD = {
    "one after the other": in_turn(mapped(), wrote(0, 7), read(0, 7), read(1, 0)),
    "a read beside a write sees either": [
        *BASE,
        wrote(0, 9, 100, 200),
        read(0, 7, 110, 120),
        read(0, 9, 130, 140),
    ],
    "an unmapping beside reads": [
        *BASE,
        Did(100, 200, Kind.UNMAP, last=1),
        read(0, 7, 110, 120),
        refused(0, Answer.MAPERR, 130, 140),
    ],
    "dontneed takes each page at an instant of its own": [
        *BASE,
        Did(100, 200, Kind.DONTNEED, last=1),
        read(1, 0, 110, 120),
        read(0, 7, 130, 140),
        read(0, 0, 210, 220),
    ],
    "mprotect stops at a hole": in_turn(
        mapped(0, 0),
        Did(0, 0, Kind.PROTECT, Answer.HOLE, first=0, last=1, prot=0),
        refused(0, Answer.ACCERR),
    ),
    "a child keeps what it had": [
        *BASE,
        Did(100, 110, Kind.FORK, other=1),
        wrote(0, 9, 120, 130),
        read(0, 7, 140, 150, mm=1),
        read(0, 9, 160, 170),
    ],
    "shared pages are one": in_turn(
        mapped(shared=1),
        wrote(0, 7),
        Did(0, 0, Kind.FORK, other=1),
        wrote(0, 9, mm=1),
        read(0, 9),
    ),
    "a moved page": in_turn(
        mapped(0, 0), wrote(0, 7), Did(0, 0, Kind.MOVE, to=1), read(1, 7),
        refused(0, Answer.MAPERR),
    ),
    "an mm that has ended": in_turn(
        mapped(),
        Did(0, 0, Kind.FORK, other=1),
        Did(0, 0, Kind.EXIT, mm=1),
        Did(0, 0, Kind.READ, Answer.NO_MM, mm=1),
    ),
    "a page with a key": in_turn(
        mapped(), wrote(0, 7), GIVEN, keyed(1), denied(1), replace(read(0, 7), pkru=rights(1, 0)),
        replace(read(0, 7), pkru=rights(1, 2)), denied(1, rights(1, 2), Kind.WRITE),
        denied(1, rights(1, 1)), keyed(0), read(0, 7), denied(0, rights(0, 1)),
    ),
    "a key that is freed stays in its pages": in_turn(
        mapped(), GIVEN, keyed(1), FREED, denied(1), keyed(1, Answer.BAD_KEY), GIVEN,
    ),
    "a child has keys of its own": in_turn(
        mapped(), GIVEN, Did(0, 0, Kind.FORK, other=1), FREED, replace(keyed(1), mm=1),
        keyed(1, Answer.BAD_KEY), replace(denied(1), mm=1), read(0, 0),
    ),
    "all keys are taken": in_turn(
        *(replace(GIVEN, key=key) for key in range(1, 16)),
        Did(0, 0, Kind.PKEY_ALLOC, Answer.NO_KEY), replace(FREED, key=7), replace(GIVEN, key=7),
    ),
    "a key given to two at once": [
        Did(100, 200, Kind.PKEY_ALLOC, key=2), Did(100, 200, Kind.PKEY_ALLOC, key=1),
    ],
    "what an mm refuses becomes executable nowhere": in_turn(
        mapped(prot=RX), Did(0, 0, Kind.MDWE), Did(0, 0, Kind.PROTECT, prot=R, first=1, last=1),
        Did(0, 0, Kind.PROTECT, Answer.ACCERR, prot=RX, last=1),
        Did(0, 0, Kind.MAP, Answer.ACCERR, prot=RWX),
        Did(0, 0, Kind.UNMAP, last=1), mapped(prot=RX),
    ),
    "an mprotect stops where it would refuse": in_turn(
        mapped(0, 0, RX), mapped(1, 1, 0), Did(0, 0, Kind.MDWE),
        Did(0, 0, Kind.PROTECT, Answer.ACCERR, prot=RX, last=1), read(0, 0),
        refused(1, Answer.ACCERR),
    ),
    "a child refuses what its parent refuses": in_turn(
        mapped(), Did(0, 0, Kind.MDWE), Did(0, 0, Kind.FORK, other=1),
        Did(0, 0, Kind.MAP, Answer.ACCERR, prot=RWX, mm=1),
    ),
    "a moved page leaves the refusal behind": in_turn(
        mapped(0, 0, RX), Did(0, 0, Kind.MDWE), Did(0, 0, Kind.MOVE, to=1),
        Did(0, 0, Kind.MAP, Answer.ACCERR, prot=RWX),
        Did(0, 0, Kind.PROTECT, prot=RX, first=1, last=1),
    ),
    "the same ns counts as at the same time": [*BASE, wrote(0, 9, 100, 110), read(0, 7, 110, 120)],
}  # fmt: skip
BAD: dict[str, tuple[list[Did], int]] = {
    "a stale read": (in_turn(mapped(), wrote(0, 7), wrote(0, 8), read(0, 7)), 3),
    "a word of nobody": (in_turn(mapped(), read(0, 5)), 1),
    "back to the old word": (
        [*BASE, wrote(0, 9, 100, 200), read(0, 9, 110, 120), read(0, 7, 130, 140)],
        5,
    ),
    "read after the unmapping": (
        [*BASE, Did(100, 110, Kind.UNMAP, last=1), read(0, 7, 120, 130)],
        4,
    ),
    "an unmapping in two steps": (
        [*BASE, Did(100, 200, Kind.UNMAP, last=1), refused(0, Answer.MAPERR, 110, 120),
         read(1, 8, 130, 140)],
        5,
    ),
    "dontneed that did nothing": (
        [*BASE, Did(100, 110, Kind.DONTNEED, last=1), read(0, 7, 120, 130)],
        4,
    ),
    "the child changes": (
        [*BASE, Did(100, 110, Kind.FORK, other=1), wrote(0, 9, 120, 130),
         read(0, 9, 140, 150, mm=1)],
        5,
    ),
    "a fork in two steps": (
        [*BASE, Did(100, 200, Kind.FORK, other=1), wrote(0, 17, 110, 120), wrote(1, 18, 130, 140),
         read(1, 18, 210, 220, mm=1), read(0, 7, 230, 240, mm=1)],
        7,
    ),
    "shared, not seen": (
        in_turn(mapped(shared=1), Did(0, 0, Kind.FORK, other=1), wrote(0, 9, mm=1), read(0, 0)),
        3,
    ),
    "a right that was not given": (in_turn(mapped(prot=R), wrote(0, 7)), 1),
    "a refusal without a reason": (in_turn(mapped(), refused(0, Answer.MAPERR)), 1),
    "an answer that no state allows": (in_turn(mapped(), Did(0, 0, Kind.UNMAP, Answer.STRANGE)), 1),
    "a key that denies nothing": (in_turn(mapped(), denied(0)), 1),
    "a key that does not deny": (in_turn(mapped(), GIVEN, keyed(1), read(0, 0)), 3),
    "the key of another page": (
        in_turn(mapped(), GIVEN, replace(GIVEN, key=2), keyed(1, last=0), denied(2)), 4),
    "a write that its key denies": (
        in_turn(mapped(), GIVEN, keyed(1), replace(wrote(0, 5), pkru=rights(1, 2))), 3),
    "a key that nobody has": (in_turn(mapped(), keyed(1)), 1),
    "a key given twice": (in_turn(GIVEN, GIVEN), 1),
    "a key freed twice": (in_turn(GIVEN, FREED, FREED), 2),
    "mprotect that takes the key away": (
        in_turn(mapped(), GIVEN, keyed(1), Did(0, 0, Kind.PROTECT, last=1), read(0, 0)), 4),
    "executable after a refusal": (
        in_turn(mapped(), Did(0, 0, Kind.MDWE), Did(0, 0, Kind.MAP, prot=RWX)), 2,
    ),
    "a refusal that nobody asked for": (
        in_turn(mapped(), Did(0, 0, Kind.MAP, Answer.ACCERR, prot=RWX)), 1,
    ),
    "a refusal that ends": (
        in_turn(mapped(prot=RX), Did(0, 0, Kind.MDWE), Did(0, 0, Kind.UNMAP, last=1), mapped(),
                Did(0, 0, Kind.PROTECT, prot=RX)),
        4,
    ),
    "a refused mprotect that changed nothing": (
        in_turn(mapped(0, 0, RWX), mapped(1, 1), Did(0, 0, Kind.MDWE),
                Did(0, 0, Kind.PROTECT, Answer.ACCERR, prot=RX, last=1), wrote(0, 7)),
        4,
    ),
    "noreplace over something": (in_turn(mapped(), Did(0, 0, Kind.MAP_NEW)), 1),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_history_with_an_order(name: str) -> None:
    assert failing(GOOD[name]) is None


@pytest.mark.parametrize("name", BAD)
def test_a_history_without_an_order(name: str) -> None:
    done, wrong = BAD[name]
    assert failing(done) == wrong
    assert failing(done[:wrong]) is None, "without its last operation it has one"
    found = explain.find(History(PAIR, ops_of(done)))
    assert found is not None
    assert any(line.startswith("=>") for line in explain.tell(found, ops_of(done)))


def test_pages_of_different_cells_are_not_compared() -> None:
    """What checking cell by cell does not see: a fork that took two cells at different times."""
    done, _ = BAD["a fork in two steps"]
    assert failing(done, Shape(mms=3, pages=2, cell_pages=1)) is None


def test_one_cell_alone() -> None:
    done, _ = BAD["a stale read"]
    one = Shape(mms=3, pages=2, cell_pages=1)
    assert failing(done, replace(one, only=0)) == 3
    assert failing(done, replace(one, only=1)) is None


def test_too_many_orders_are_said() -> None:
    done = [mapped(), *(wrote(0, n, 100, 200) for n in range(1, 9)), read(0, 8, 210, 220)]
    few = history.check(ops_of(done).tobytes(), replace(PAIR, configs_max=8))
    assert (few.undecided, few.failure) == (1, None)
    enough = history.check(ops_of(done).tobytes(), PAIR)
    assert (enough.undecided, enough.failure) == (0, None)
    assert enough.configs_max > 8


def test_a_long_quiet_history() -> None:
    """The checker takes as many steps as there are operations where nothing overlaps."""
    words = range(1, 20_001)
    done = in_turn(mapped(), *(act(0, word) for word in words for act in (wrote, read)))
    verdict = history.check(ops_of(done).tobytes(), PAIR)
    assert verdict.failure is None
    assert (verdict.steps, verdict.configs_max) == (len(done), 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mm": 3}, {"last": 2}, {"first": 1}, {"kind": 17}, {"answer": 11}, {"end": -1},
        {"kind": Kind.FORK, "other": 0}, {"kind": Kind.FORK, "other": 3},
        {"kind": Kind.WRITE, "word": 1 << 48}, {"kind": Kind.MOVE, "to": 0},
        {"kind": Kind.MOVE, "to": 2},
    ],
)  # fmt: skip
def test_operations_out_of_bounds_are_refused(wrong: dict[str, int]) -> None:
    good = Did(5, 6, Kind.READ)
    if "end" in wrong:
        wrong = {"begin": 7}
    with pytest.raises(InvalidArgument, match="operation 1 of a history"):
        failing([good, replace(good, **wrong)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "shape",
    [{"mms": 33}, {"mms": 0}, {"cell_pages": 3}, {"pages": 256}, {"cell_pages": 256}, {"only": 1}],
)
def test_shapes_out_of_bounds_are_refused(shape: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument):
        replace(PAIR, **shape)


def test_a_file_is_what_was_saved(tmp_path: Path) -> None:
    done, wrong = BAD["a fork in two steps"]
    path = tmp_path / "h.json"
    save(path, History(PAIR, ops_of(done), {"seed": 4}))
    again = load(path)
    assert (again.ops == ops_of(done)).all()
    assert (again.shape, again.about) == (PAIR, {"seed": 4})
    failure = again.check().failure
    assert failure is not None
    assert failure.op == wrong


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"vmalab_history": 1', '"vmalab_history": 2', "vmalab_history is not 1"),
        ('"kind": "fork"', '"kind": "forq"', "FORQ"),
        ('"begin": 100', '"begin": -1', "operation 3"),
        ('"mms": 3', '"mms": 99', "mms = 99"),
        ('"word": 17, ', "", "operation 4.*word"),
        ("]}", "", "no JSON"),
        ('"ops": [', '"opps": [', "the operations.*ops"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "h.json"
    save(path, History(PAIR, ops_of(BAD["a fork in two steps"][0])))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(HistoryError, match=says):
        load(path)


# --- random histories against all orders ---

SMALL = Shape(mms=3, pages=2, cell_pages=2)


@dataclass
class Space:
    """An address space and its children, as simple as can be: a page is [word] with its rights,
    whether it is shared, and its key; who shares it holds the same list."""

    mms: dict[int, dict[int, tuple[list[int], int, bool, int]]] = field(
        default_factory=lambda: {0: {}}
    )
    keys: dict[int, set[int]] = field(default_factory=lambda: {0: {0}})
    refusing: set[int] = field(default_factory=set)

    def copy(self) -> Space:
        lists = {id(p[0]): list(p[0]) for mm in self.mms.values() for p in mm.values()}
        return Space(
            {
                mm: {n: (lists[id(p[0])], *p[1:]) for n, p in pages.items()}
                for mm, pages in self.mms.items()
            },
            {mm: set(keys) for mm, keys in self.keys.items()},
            set(self.refusing),
        )

    @staticmethod
    def gains(old: int, new: int) -> bool:
        return new == RWX or (new == RX and not old & 4)

    def do(self, did: Did) -> tuple[Answer, int]:
        """(answer, word read, or the key)"""
        if did.mm not in self.mms:
            return Answer.NO_MM, 0
        mm, page = self.mms[did.mm], did.first
        match did.kind:
            case Kind.READ | Kind.WRITE:
                if page not in mm:
                    return Answer.MAPERR, 0
                at, prot, _, key = mm[page]
                if self.denies(did, key):
                    return Answer.PKERR, key
                if not prot & (2 if did.kind is Kind.WRITE else 3):
                    return Answer.ACCERR, 0
                if did.kind is Kind.WRITE:
                    at[0] = did.word
                return Answer.OK, at[0]
            case Kind.MDWE:
                self.refusing.add(did.mm)
            case Kind.MAP:
                if did.mm in self.refusing and did.prot == RWX:
                    return Answer.ACCERR, 0
                for n in range(did.first, did.last + 1):
                    mm[n] = ([0], did.prot, bool(did.shared), 0)
            case Kind.UNMAP:
                for n in range(did.first, did.last + 1):
                    mm.pop(n, None)
            case Kind.PROTECT | Kind.PKEY_PROTECT:
                keyed = did.kind is Kind.PKEY_PROTECT
                if keyed and did.key not in self.keys[did.mm]:
                    return Answer.BAD_KEY, did.key
                for n in range(did.first, did.last + 1):
                    if n not in mm:
                        return Answer.HOLE, did.key
                    if did.mm in self.refusing and self.gains(mm[n][1], did.prot):
                        return Answer.ACCERR, did.key
                    mm[n] = (mm[n][0], did.prot, mm[n][2], did.key if keyed else mm[n][3])
                return Answer.OK, did.key
            case Kind.PKEY_ALLOC:
                key = min(set(range(16)) - self.keys[did.mm])
                self.keys[did.mm].add(key)
                return Answer.OK, key
            case Kind.PKEY_FREE:
                if did.key not in self.keys[did.mm]:
                    return Answer.BAD_KEY, did.key
                self.keys[did.mm].remove(did.key)
                return Answer.OK, did.key
            case Kind.DONTNEED:
                if page not in mm:
                    return Answer.HOLE, 0
                if not mm[page][2]:
                    mm[page][0][0] = 0
            case Kind.FORK:
                self.refusing |= {did.other} if did.mm in self.refusing else set()
                self.mms[did.other] = {
                    n: (p[0] if p[2] else [*p[0]], *p[1:]) for n, p in mm.items()
                }
                self.keys[did.other] = set(self.keys[did.mm])
            case Kind.EXIT:
                del self.mms[did.mm]
            case Kind.MOVE:
                if page not in mm:
                    return Answer.MAPERR, 0
                mm[did.to] = mm.pop(page)
        return Answer.OK, 0

    @staticmethod
    def denies(did: Did, key: int) -> bool:
        """Whether what the touch has in PKRU forbids a page with that key."""
        if not did.pkru:
            return key != 0
        named, bits = divmod(did.pkru - 1, 4)
        return named == key and bool(bits & (3 if did.kind is Kind.WRITE else 1))


_KEYED = (Kind.PKEY_PROTECT, Kind.PKEY_ALLOC, Kind.PKEY_FREE)


def told(did: Did, answer: Answer, number: int) -> Did:
    """The operation with what came back."""
    if answer is Answer.PKERR or did.kind in _KEYED:
        return replace(did, answer=answer, key=number if answer is not Answer.NO_MM else did.key)
    return replace(did, answer=answer, word=number if did.kind is Kind.READ else did.word)


def has_order(done: list[Did], space: Space) -> bool:
    """Tries every order that the times allow."""
    if not done:
        return True
    first_end = min(did.end for did in done)
    for index, did in enumerate(done):
        if did.begin > first_end:
            continue
        after = space.copy()
        answer, number = after.do(did)
        right = answer is did.answer
        if answer is Answer.PKERR or (did.kind is Kind.PKEY_ALLOC and answer is Answer.OK):
            right = right and number == did.key
        elif did.kind is Kind.READ and answer is Answer.OK:
            right = right and number == did.word
        if right and has_order(done[:index] + done[index + 1 :], after):
            return True
    return False


def made_at_random(rng: random.Random) -> Iterator[Did]:
    """A history with an order: what was done in a moment between begin and end."""
    space, children = Space(), iter((1, 2))
    for at in range(rng.randint(4, 8)):
        kind = rng.choice(
            [Kind.READ] * 4 + [Kind.WRITE] * 4 + [Kind.MAP] * 2
            + [Kind.UNMAP, Kind.PROTECT, Kind.DONTNEED, Kind.FORK, Kind.EXIT, Kind.MOVE]
            + [Kind.PKEY_PROTECT, Kind.PKEY_PROTECT, Kind.PKEY_ALLOC, Kind.PKEY_FREE]
            + [Kind.PROTECT, Kind.MDWE]
        )  # fmt: skip
        first = rng.randint(0, 1)
        many = (Kind.MAP, Kind.UNMAP, Kind.PROTECT, Kind.PKEY_PROTECT)
        last = rng.randint(first, 1) if kind in many else first
        mm = rng.randint(0, 2 if at > 3 else 0)
        other = next(children, 0) if kind is Kind.FORK else 0
        if kind is Kind.FORK and (not other or other == mm):
            kind = Kind.READ
        if at == 0:
            kind, first, last = Kind.MAP, 0, 1
        moment = 100 * at
        did = Did(
            begin=moment - rng.randint(0, 250), end=moment + rng.randint(0, 250), kind=kind,
            word=at + 1 if kind is Kind.WRITE else 0, mm=mm, other=other, first=first, last=last,
            to=1 - first, prot=rng.choice([0, R, RX, RWX, RW, RW]), shared=rng.randint(0, 1),
            key=rng.randint(0, 2) if kind in _KEYED else 0,
            pkru=rng.choice([0, rights(0, 0), rights(1, 2), rights(1, 1), rights(0, 1)])
            if kind in (Kind.READ, Kind.WRITE) else 0,
        )  # fmt: skip
        did = replace(did, begin=did.begin + 1000, end=did.end + 1000)
        yield told(did, *space.do(did))


def spoilt(rng: random.Random, done: list[Did]) -> list[Did]:
    """One answer or time is changed."""
    index = rng.randrange(len(done))
    did = done[index]
    if rng.random() < 0.3:
        did = replace(did, begin=did.begin + 150, end=max(did.end, did.begin + 150))
    elif did.kind is Kind.READ and rng.random() < 0.7:
        did = replace(did, answer=Answer.OK, word=rng.randint(0, 8))
    else:
        other = [Answer.OK, Answer.NO_MM, Answer.MAPERR, Answer.PKERR, Answer.BAD_KEY]
        did = replace(did, answer=rng.choice([*other, Answer.ACCERR]))
    return [*done[:index], did, *done[index + 1 :]]


def test_random_histories_against_all_orders() -> None:
    good = bad = 0
    for seed in range(1500):
        rng = random.Random(seed)
        done = list(made_at_random(rng))
        assert failing(done, SMALL) is None, (seed, done)
        done = spoilt(rng, done)
        expected = has_order(done, Space())
        assert (failing(done, SMALL) is None) == expected, (seed, done)
        good, bad = good + expected, bad + (not expected)
    assert min(good, bad) > 200, (good, bad)
