# SPDX-License-Identifier: Apache-2.0
"""The table of operations as typed objects: read from ops.toml and uapi.toml, and checked.

The head of each of the two files says what its keys mean.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

WORD_BYTES: Final = 8
HEADER_WORDS: Final = 2
WORDS_MAX: Final = 255
"""What the header's byte can say."""
NUMBER_END: Final = 200
"""From here on numbers belong to the lab's own operations (lab_api.h)."""

_UNITS: Final = (
    *("address", "bytes", "pages", "flags", "number", "word", "file", "uffd", "key", "bool"),
)
_TYPES: Final = ("u64", "u32", "s32", "bool")
_VALUES: Final = (
    *("zero", "address", "word", "bytes", "number", "mask", "mm", "uffd", "features", "key"),
)
_TAILS: Final = ("bytes", "ranges", "addresses")
_FUNCTIONS: Final = ("op", "record", "loop")
_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]*")
T = TypeVar("T", bound="DataclassInstance")


class TableError(ValueError):
    """The table says something that cannot be; names the entry."""


@dataclass(frozen=True, slots=True)
class Set:
    """Constants that belong together."""

    name: str
    text: str
    prefix: str
    kind: str
    values: Mapping[str, int]
    enum: str = ""
    c: str = ""
    c_prefix: str = ""
    suffix: str = ""
    members: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    none: bool = False

    def numbers(self) -> Iterator[tuple[str, int]]:
        """(full name, number) of each."""
        for name, number in self.values.items():
            yield self.prefix + name, number

    def enum_members(self) -> Iterator[tuple[str, int]]:
        """What a client's enum has."""
        if self.none:
            yield "NONE", 0
        for name, number in self.values.items():
            if name not in self.without:
                yield self.members.get(name, name), number


@dataclass(frozen=True, slots=True)
class Operand:
    """One operand, or a part of its word."""

    name: str
    unit: str
    type: str = "u64"
    set: str = ""
    text: str = ""
    note: str = ""
    shift: int = 0
    bits: int = 0
    optional: bool = False
    flag: str = ""
    only_with: str = ""
    fixed: str | int | None = None
    default: str | int | None = None
    keyword: bool = False
    positional: bool = False


@dataclass(frozen=True, slots=True)
class HeaderField:
    """What flags or how of an operation's header mean."""

    name: str
    set: str
    text: str = ""
    default: str | int | None = None
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Tail:
    """What follows the operands."""

    kind: str
    name: str
    max: str
    text: str = ""
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """What the value of a result says."""

    kind: str
    text: str = "0"


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a client."""

    name: str
    fixed: Mapping[str, str | int] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One entry of the table."""

    name: str
    number: int
    text: str
    value: Value
    call: str = ""
    mm: str = "named"
    operands: tuple[Operand, ...] = ()
    flags: HeaderField | None = None
    how: HeaderField | None = None
    tail: Tail | None = None
    partial: bool = False
    pkru: bool = False
    makes: str = ""
    results: str = "one"
    counter: str = ""
    function: str = "op"
    methods: tuple[Method, ...] = ()
    order: tuple[str, ...] = ()

    @property
    def words_of_operands(self) -> tuple[tuple[Operand, ...], ...]:
        """The operands that share each word."""
        words: list[tuple[Operand, ...]] = []
        for operand in self.operands:
            if operand.shift:
                words[-1] = (*words[-1], operand)
            else:
                words.append((operand,))
        return tuple(words)

    @property
    def words(self) -> int:
        """Length of its record in full, without a tail; of addresses one is counted."""
        one = self.tail is not None and self.tail.kind == "addresses"
        return HEADER_WORDS + len(self.words_of_operands) + one

    @property
    def words_least(self) -> int:
        """The same without the word that may be left out."""
        return self.words - sum(operand.optional for operand in self.operands)

    @property
    def uses_mm(self) -> bool:
        return self.mm == "named"


@dataclass(frozen=True, slots=True)
class Status:
    """A status beyond 0, an errno and a signal."""

    name: str
    number: int
    c_name: str
    text: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of a record."""

    name: str
    value: int
    text: str


@dataclass(frozen=True, slots=True)
class SegmentLimit:
    """A limit that the status LIMIT can mean."""

    name: str
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason of google.rpc.ErrorInfo."""

    name: str
    code: str
    metadata: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a header or a result."""

    name: str
    type: str
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """The whole of it."""

    operations: tuple[Operation, ...]
    statuses: tuple[Status, ...]
    limits: Mapping[str, Limit]
    segment_limits: tuple[SegmentLimit, ...]
    reasons: tuple[Reason, ...]
    sets: Mapping[str, Set]
    header: tuple[Field, ...]
    result: tuple[Field, ...]

    def number_of(self, expression: str | int) -> int:
        """A number, a constant's name, or several with |."""
        if isinstance(expression, int):
            return expression
        value = 0
        for word in expression.split("|"):
            value |= self._constants()[word.strip()]
        return value

    def _constants(self) -> dict[str, int]:
        return {name: number for one in self.sets.values() for name, number in one.numbers()}


# --- reading ---


def _made(kind: type[T], row: Mapping[str, Any], where: str) -> T:
    known = {one.name for one in fields(kind)}
    unknown = set(row) - known
    if unknown:
        raise TableError(f"{where}: unknown {', '.join(sorted(unknown))}")
    try:
        return kind(**row)
    except TypeError as error:
        raise TableError(f"{where}: {error}") from None


def _operation(name: str, row: dict[str, Any]) -> Operation:
    where = f"op.{name}"
    row["operands"] = tuple(_made(Operand, one, where) for one in row.get("operands", ()))
    row["methods"] = tuple(_made(Method, one, where) for one in row.get("methods", ()))
    row["order"] = tuple(row.get("order", ()))
    for key, kind in (("flags", HeaderField), ("how", HeaderField), ("tail", Tail)):
        if key in row:
            row[key] = _made(kind, row[key], f"{where}: {key}")
    if "value" not in row:
        raise TableError(f"{where}: value is missing")
    row["value"] = _made(Value, row["value"], f"{where}: value")
    return _made(Operation, {"name": name, **row}, where)


def load(folder: Path) -> Table:
    """Read both files of a folder.

    Raises:
        TableError: an entry says something that cannot be.
    """
    rows = tomllib.loads((folder / "ops.toml").read_text(encoding="utf-8"))
    constants = tomllib.loads((folder / "uapi.toml").read_text(encoding="utf-8"))
    sets = {}
    for name, row in constants.items():
        row["without"] = tuple(row.get("without", ()))
        sets[name] = _made(Set, {"name": name, **row}, f"uapi.toml: {name}")
    table = Table(
        operations=tuple(_operation(name, row) for name, row in rows["op"].items()),
        statuses=tuple(_made(Status, {"name": n, **r}, n) for n, r in rows["status"].items()),
        limits={n: _made(Limit, {"name": n, **r}, n) for n, r in rows["limit"].items()},
        segment_limits=tuple(
            _made(SegmentLimit, {"name": n, **r}, n) for n, r in rows["segment_limit"].items()
        ),
        reasons=tuple(
            _made(Reason, {"name": n, **r, "metadata": tuple(r["metadata"])}, n)
            for n, r in rows["reason"].items()
        ),
        sets=sets,
        header=tuple(_made(Field, one, "header") for one in rows["header"]["fields"]),
        result=tuple(_made(Field, one, "result") for one in rows["result"]["fields"]),
    )
    check(table)
    return table


# --- checking ---


def check(table: Table) -> None:
    """Raises TableError."""
    _check_sets(table)
    numbers: dict[int, str] = {}
    for operation in table.operations:
        where = f"op.{operation.name}"
        if not _NAME.fullmatch(operation.name):
            raise TableError(f"{where}: a name is upper case")
        if not 0 <= operation.number < NUMBER_END:
            raise TableError(f"{where}: number {operation.number}, at most {NUMBER_END - 1}")
        if operation.number in numbers:
            raise TableError(f"{where}: {numbers[operation.number]} has number {operation.number}")
        numbers[operation.number] = operation.name
        _one_of(where, "value", operation.value.kind, _VALUES)
        _one_of(where, "mm", operation.mm, ("named", "ignored"))
        _one_of(where, "makes", operation.makes, ("", "mm"))
        _one_of(where, "results", operation.results, ("one", "each"))
        _one_of(where, "function", operation.function, _FUNCTIONS)
        if (operation.makes == "mm") != (operation.value.kind == "mm"):
            raise TableError(f"{where}: makes and value do not agree")
        _check_operands(table, operation, where)
        _check_tail(table, operation, where)
        _check_order(operation, where)
    limits = [one.number for one in table.segment_limits]
    if limits != list(range(1, len(limits) + 1)):
        raise TableError("segment_limit: numbers count from 1")
    statuses = [status.number for status in table.statuses]
    if len(set(statuses)) != len(statuses) or max(statuses) > -1000:
        raise TableError("status: numbers are each its own, below -1000")


def _one_of(where: str, what: str, word: str, words: Sequence[str]) -> None:
    if word not in words:
        raise TableError(f"{where}: {what} {word!r}: one of {', '.join(map(repr, words))}")


def _check_sets(table: Table) -> None:
    seen: dict[str, str] = {}
    for one in table.sets.values():
        _one_of(one.name, "kind", one.kind, ("flags", "choice"))
        _one_of(one.name, "c", one.c, ("", "uapi", "block"))
        for name, _ in one.numbers():
            if name in seen:
                raise TableError(f"{one.name}: {name} is in {seen[name]} too")
            seen[name] = one.name
        for key in (*one.members, *one.without, *one.texts):
            if key not in one.values:
                raise TableError(f"{one.name}: there is no {key}")


def _check_operands(table: Table, operation: Operation, where: str) -> None:
    names = [operand.name for operand in operation.operands]
    names += [part.name for part in (operation.flags, operation.how) if part is not None]
    if len(set(names)) != len(names):
        raise TableError(f"{where}: two operands have one name")
    for index, operand in enumerate(operation.operands):
        at = f"{where}: {operand.name}"
        _one_of(at, "unit", operand.unit, _UNITS)
        _one_of(at, "type", operand.type, _TYPES)
        if operand.set and operand.set not in table.sets:
            raise TableError(f"{at}: uapi.toml has no set {operand.set!r}")
        if operand.optional and (index + 1 < len(operation.operands) or operation.tail):
            raise TableError(f"{at}: the last word alone may be left out")
        if operand.shift and (index == 0 or not operand.bits):
            raise TableError(f"{at}: a shift needs an operand before it, and bits")
        for expression in (operand.default, operand.fixed, operand.flag, operand.only_with):
            _check_number(table, expression, at)
    for part in (operation.flags, operation.how):
        if part is not None and part.set not in table.sets:
            raise TableError(f"{where}: uapi.toml has no set {part.set!r}")
        if part is not None:
            _check_number(table, part.default, f"{where}: {part.name}")
    if operation.words > WORDS_MAX:
        raise TableError(f"{where}: {operation.words} words, at most {WORDS_MAX}")


def _check_number(table: Table, expression: str | int | None, where: str) -> None:
    try:
        table.number_of(expression or 0)
    except KeyError as error:
        raise TableError(f"{where}: uapi.toml has no {error}") from None


def _check_tail(table: Table, operation: Operation, where: str) -> None:
    tail = operation.tail
    if (operation.results == "each") != (tail is not None and tail.kind == "addresses"):
        raise TableError(f"{where}: a result each is for addresses, and they have it")
    if tail is None:
        return
    _one_of(where, "tail", tail.kind, _TAILS)
    if tail.max not in table.limits:
        raise TableError(f"{where}: there is no limit {tail.max}")
    if tail.kind != "addresses" and operation.flags is not None:
        raise TableError(f"{where}: the flags of its header count the tail")
    room = WORDS_MAX - operation.words
    most = {"bytes": room * WORD_BYTES, "ranges": room // 2, "addresses": room + 1}[tail.kind]
    if table.limits[tail.max].value > most:
        raise TableError(f"{where}: {tail.max} is more than a record has room for: {most}")


def _check_order(operation: Operation, where: str) -> None:
    names = {operand.name for operand in operation.operands if operand.fixed is None}
    names |= {part.name for part in (operation.flags, operation.how, operation.tail) if part}
    if operation.order and set(operation.order) != names:
        raise TableError(f"{where}: order has not just {', '.join(sorted(names))}")
    for method in operation.methods:
        for name in (*method.fixed, *method.renamed):
            if name not in names:
                raise TableError(f"{where}: {method.name}: there is no {name}")
