# SPDX-License-Identifier: Apache-2.0
"""The Python modules at the bottom, which need nothing but Python.

vmalab/uapi.py   constants: an enum of each set that has one, and each as a mapping of full names
vmalab/ops.py    numbers of operations and statuses, what their records are, limits
vmalab/pack.py   a function for each operation that packs its record
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from op_table.model import WORDS_MAX, HeaderField, Operand, Operation, Set, Table
from op_table.writing import python_formatted, python_header

FOLDER: Final = Path("protos/python/vmalab")
_BOTH: Final = "protos/ops.toml and protos/uapi.toml"


def files(table: Table, root: Path) -> dict[Path, str]:
    made = {"uapi.py": _uapi(table), "ops.py": _ops(table), "pack.py": _pack(table)}
    return {FOLDER / name: python_formatted(text) for name, text in made.items()}


# --- constants ---


def _value(number: int) -> str:
    if number > 0xFFFF:
        return f"0x{number:_X}"
    return f"0x{number:X}" if number > 9 else str(number)


def sentence(text: str) -> str:
    """With a capital, unless it is a name, and a full stop."""
    first = text[0].upper() + text[1:] if text[1:2].islower() else text
    return first if first.endswith(".") else f"{first}."


def described(one: Operation, text: str = "") -> str:
    """What an operation is and does, in a line; text: something else that it does."""
    does = text or one.text
    return f"{one.call}: {does[0].lower()}{does[1:]}" if one.call else does


def _enum(one: Set) -> str:
    base = "IntFlag" if one.kind == "flags" else "IntEnum"
    lines = [f"class {one.enum}({base}):", f'    """{sentence(one.text)}"""', ""]
    lines += [f"    {member} = {_value(number)}" for member, number in one.enum_members()]
    return "\n".join(lines)


def _mapping(one: Set) -> str:
    lines = [f"{one.name.upper()}: Final[Mapping[str, int]] = {{"]
    lines += [f'    "{name}": {_value(number)},' for name, number in one.numbers()]
    return "\n".join([*lines, "}", f'"""{sentence(one.text)}"""'])


def _uapi(table: Table) -> str:
    head = python_header(
        "Constants that operands and answers are made of: numbers of Linux on x86-64, and a few of"
        " vmalab's\nown.\n",
        source="protos/uapi.toml",
    )
    sets = list(table.sets.values())
    parts = [
        head,
        "from __future__ import annotations\n",
        "from collections.abc import Mapping",
        "from enum import IntEnum, IntFlag",
        "from typing import Final\n",
        "\n\n".join(_enum(one) for one in sets if one.enum),
        "\n\n# --- by the names that C and strace have ---\n",
        "\n".join(_mapping(one) for one in sets if one.prefix or one.c_prefix),
        "",
    ]
    for one in sets:
        if not one.prefix:
            parts += [f"{name}: Final = {_value(number)}" for name, number in one.values.items()]
    return "\n".join(parts) + "\n"


# --- operations ---

_FORMAT: Final = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "s32": "i"}


def _format(fields: tuple[str, ...]) -> str:
    return "<" + "".join(_FORMAT[one] for one in fields)


_OPERATION: Final = '''
class Operation(NamedTuple):
    """What is known of an operation.

    Attributes:
        op: its number.
        call: what it is in the kernel; "" if it is nothing there.
        operands: names of what follows the header; those that share a word as "a | b << 32".
        words: length of its record in full, without a tail; of addresses one is counted.
        words_least: the same without the word that may be left out.
        tail: what follows the operands: "", "bytes", "ranges" or "addresses".
        uses_mm: it names an address space.
        makes_mm: its value is a new address space.
        each: it has a result for each word of its tail.
        pkru: its record can have the caller's PKRU.
    """

    op: Op
    call: str
    operands: tuple[str, ...]
    words: int
    words_least: int
    tail: str
    uses_mm: bool
    makes_mm: bool
    each: bool
    pkru: bool
'''

_FUNCTIONS: Final = '''
def header(op: int, words: int = 0, flags: int = 0) -> int:
    """The first word of a record; words: its length, 0: as it is in full."""
    return op | (words or WORDS[Op(op)]) << 8 | flags << 16


def record(op: int, mm: int, *operands: int, flags: int = 0, how: int = 0) -> bytes:
    """A record of these words, whatever they are; each is taken modulo 2**64."""
    count = len(operands)
    words = [operand & U64_MASK for operand in operands]
    return pack(f"<BBHIQ{count}Q", op, HEADER_WORDS + count, flags, how, mm, *words)
'''


def operand_words(one: Operation) -> list[str]:
    """Each word as text: its operand, or those that share it."""
    return [
        " | ".join(part.name + (f" << {part.shift}" if part.shift else "") for part in word)
        for word in one.words_of_operands
    ]


def _row(one: Operation) -> str:
    operands = ", ".join(f'"{word}"' for word in operand_words(one))
    comma = "," if len(one.words_of_operands) == 1 else ""
    tail = one.tail.kind if one.tail else ""
    facts = f"{one.uses_mm}, {one.makes == 'mm'}, {one.results == 'each'}, {one.pkru}"
    return (
        f"    Op.{one.name}: Operation(Op.{one.name}, {one.call!r}, ({operands}{comma}), "
        f'{one.words}, {one.words_least}, "{tail}", {facts}),'
    )


def _ops(table: Table) -> str:
    head = python_header(
        "The operations of a block: their numbers, what their records are, and what answers say.\n",
        source=_BOTH,
    )
    parts = [
        head,
        "from __future__ import annotations\n",
        "from collections.abc import Mapping",
        "from enum import IntEnum, StrEnum",
        "from struct import Struct, pack",
        "from typing import Final, NamedTuple\n\n",
        'class Op(IntEnum):\n    """What a record does."""\n',
        *[f"    {one.name} = {one.number}" for one in table.operations],
        '\n\nclass Status(IntEnum):\n    """What the service says about a record that it could'
        ' not serve."""\n',
        *[f"    {one.name} = {one.number}" for one in table.statuses],
        '\n\nclass Limit(IntEnum):\n    """Which limit Status.LIMIT means: the info of its result.'
        ' The lower case is its setting."""\n',
        *[f"    {one.name} = {one.number}" for one in table.segment_limits],
        '\n\nclass Reason(StrEnum):\n    """Reasons of google.rpc.ErrorInfo, domain "vmalab"."""\n',
        *[f'    {one.name} = "{one.name}"' for one in table.reasons],
        "\n",
        "REASONS: Final[Mapping[Reason, tuple[str, tuple[str, ...]]]] = {",
        *[f'    Reason.{o.name}: ("{o.code}", {o.metadata!r}),' for o in table.reasons],
        '}\n"""The gRPC status of each, and what its metadata has."""',
    ]
    for limit in table.limits.values():
        parts += [f"{limit.name}: Final = {limit.value}", f'"""{sentence(limit.text)}"""']
    parts += [
        "U64_MASK: Final = (1 << 64) - 1",
        "WORD_BYTES: Final = 8",
        f'HEADER: Final = Struct("{_format(tuple(one.type for one in table.header))}")',
        f'RESULT: Final = Struct("{_format(tuple(one.type for one in table.result))}")',
        "HEADER_WORDS: Final = HEADER.size // WORD_BYTES",
        "RESULT_BYTES: Final = RESULT.size",
        _OPERATION,
        "\nOPERATIONS: Final[Mapping[Op, Operation]] = {",
        *map(_row, table.operations),
        "}",
        "WORDS: Final[Mapping[Op, int]] = {op: one.words for op, one in OPERATIONS.items()}",
        '"""Length of each record in full; a tail comes on top, of addresses but one."""',
        _FUNCTIONS,
    ]
    return "\n".join(parts) + "\n"


# --- packers ---

_PACK_HEAD: Final = '''
_M = (1 << 64) - 1
_WORD = 8


class PackError(ValueError):
    """A number or a text that the record has no room for; says which."""


def with_pkru(record: bytes, pkru: int) -> bytes:
    """The record of a caller that has this in the register PKRU.

    Raises:
        PackError: the operation takes none, the record has no room, or it is more than 32 bits.
    """
    op, words, flags, how, mm = HEADER.unpack_from(record)
    name = Op(op).name
    if not OPERATIONS[Op(op)].pkru:
        raise PackError(f"{name}: takes no PKRU")
    if not 0 <= pkru < 1 << 32:
        raise PackError(f"{name}: pkru {pkru}: 32 bits")
    if words == WORDS_MAX:
        raise PackError(f"{name}: {words} words, and no room for PKRU")
    head = HEADER.pack(op, words + 1, flags | RECORD_PKRU, how, mm)
    return head + record[HEADER.size :] + pack("<Q", pkru)

'''


def _masked(operand: Operand) -> str:
    return operand.name if operand.unit == "file" else f"{operand.name} & _M"


def _word(word: tuple[Operand, ...]) -> str:
    if word[0].fixed is not None:
        return _constant(word[0].fixed)
    if len(word) == 1:
        return _masked(word[0])
    return " | ".join(part.name + (f" << {part.shift}" if part.shift else "") for part in word)


def _constant(expression: str | int) -> str:
    return expression if isinstance(expression, str) else hex(expression)


def parameter_type(operand: Operand) -> str:
    """The type of a packer's argument."""
    if operand.optional and operand.default is None:
        return "int | None"
    return "bool" if operand.type == "bool" or operand.unit == "bool" else "int"


_TAIL_TYPES: Final = {
    "bytes": "bytes",
    "ranges": "Sequence[tuple[int, int]]",
    "addresses": "Sequence[int]",
}


def _parameters(one: Operation) -> list[tuple[str, str]]:
    """(name, type) of each argument of a packer: in the order of the record."""
    found = [("mm", "int")] if one.uses_mm else []
    found += [(part.name, parameter_type(part)) for part in one.operands if part.fixed is None]
    if one.tail:
        found.append((one.tail.name, _TAIL_TYPES[one.tail.kind]))
    found += [(part.name, "int") for part in (one.flags, one.how) if part]
    return found


def _checks(table: Table, one: Operation) -> list[str]:
    lines = []
    for operand in one.operands:
        if operand.bits > 1:
            text = f"{one.name}: {operand.name} {{{operand.name}}}: {operand.bits} bits"
            lines += [
                f"    if not 0 <= {operand.name} < 1 << {operand.bits}:",
                f'        raise PackError(f"{text}")',
            ]
        if operand.only_with and one.flags:
            wanted, other = table.number_of(operand.only_with), one.flags.name
            text = f"{one.name}: {operand.name} goes with {other} {operand.only_with} alone"
            lines += [
                f"    if {operand.name} is not None and {other} != {wanted}:",
                f'        raise PackError("{text}")',
            ]
    if one.flags and one.flags.checked:
        lines += _choice_check(table, one, one.flags)
    if one.tail:
        limit = one.tail.max
        text = f"{one.name}: {{len({one.tail.name})}} {one.tail.kind} of {one.tail.name}"
        if one.tail.kind != "bytes":
            text = f"{one.name}: {{len({one.tail.name})}} {one.tail.name}"
        if one.tail.kind == "bytes":
            text = f"{one.name}: {{len({one.tail.name})}} bytes of {one.tail.name}"
        lines += [
            f"    if len({one.tail.name}) > {limit}:",
            f'        raise PackError(f"{text}, at most {{{limit}}}")',
        ]
    return lines


def _choice_check(table: Table, one: Operation, part: HeaderField) -> list[str]:
    values = table.sets[part.set].values
    known = ", ".join(f"{number} {name.lower()}" for name, number in values.items())
    least, most = min(values.values()), max(values.values())
    return [
        f"    if not {least} <= {part.name} <= {most}:",
        f'        raise PackError(f"{one.name}: {part.name} {{{part.name}}}: {known}")',
    ]


def _packer(table: Table, one: Operation) -> list[str]:
    """The body of a packer."""
    words = [_word(word) for word in one.words_of_operands]
    flags = one.flags.name if one.flags else "0"
    how = one.how.name if one.how else "0"
    mm = "mm" if one.uses_mm else "0"
    lines = _checks(table, one)
    number, count = one.number, len(words)
    if one.tail is None:
        last = one.operands[-1] if one.operands else None
        if last is not None and last.optional:
            there = f"{last.name} is not None" if last.default is None else last.name
            full = flags if not last.flag else f"{flags} | {last.flag}"
            long = ", ".join(map(str, (number, one.words, full, how, mm, *words)))
            least = (number, one.words_least, flags, how, mm, *words[:-1])
            return [
                *lines,
                f"    if {there}:",
                f"        return _{count}({long})",
                f"    return _{count - 1}({', '.join(map(str, least))})",
            ]
        parts = ", ".join(map(str, (number, one.words, flags, how, mm, *words)))
        return [*lines, f"    return _{count}({parts})"]
    name = one.tail.name
    if one.tail.kind == "bytes":
        parts = ", ".join([f"len({name})", how, mm, *words])
        return [
            *lines,
            f"    padded = {name} + bytes(-len({name}) % _WORD)",
            f"    words = {one.words} + len(padded) // _WORD",
            f"    return _{count}({number}, words, {parts}) + padded",
        ]
    if one.tail.kind == "ranges":
        parts = ", ".join([f"len({name})", how, mm, *words])
        return [
            *lines,
            f"    numbers = [number & _M for pair in {name} for number in pair]",
            f"    head = _{count}({number}, {one.words} + len(numbers), {parts})",
            '    return head + pack(f"<{len(numbers)}Q", *numbers)',
        ]
    parts = ", ".join([flags, how, mm, *words])
    return [
        *lines,
        f"    numbers = [number & _M for number in {name}]",
        f"    head = _{count}({number}, {one.words - 1} + len(numbers), {parts})",
        '    return head + pack(f"<{len(numbers)}Q", *numbers)',
    ]


def _pack(table: Table) -> str:
    head = python_header(
        "Packs records: a function for each operation, its arguments in the order of the record:"
        " mm,\noperands, tail, flags, how.\n\n"
        "Operands are taken modulo 2**64, as registers are. Raises PackError for what has no room,"
        " and\nstruct.error for a mm or a file that does not fit in 64 bits, or flags in 16.\n",
        source=_BOTH,
    )
    sizes = sorted({len(one.words_of_operands) for one in table.operations})
    sizes = list(range(max(sizes) + 1))
    limits = sorted({one.tail.max for one in table.operations if one.tail})
    constants = {operand.flag for one in table.operations for operand in one.operands}
    fixed = {operand.fixed for one in table.operations for operand in one.operands}
    names = sorted(name for name in constants | fixed if name and isinstance(name, str))
    parts = [
        head,
        "from __future__ import annotations\n",
        "from collections.abc import Sequence",
        "from struct import Struct, pack\n",
        f"from vmalab.ops import HEADER, OPERATIONS, {', '.join(limits)}, Op",
        "",
        f"RECORD_PKRU = {table.number_of('RECORD_PKRU')}",
        f"WORDS_MAX = {WORDS_MAX}",
        *[f"{name} = {table.number_of(name)}" for name in names],
        *[f'_{size} = Struct("<BBHIQ{"Q" * size}").pack' for size in sizes],
        _PACK_HEAD,
    ]
    for one in table.operations:
        arguments = ", ".join(f"{name}: {kind}" for name, kind in _parameters(one))
        doc = f'    """{described(one)}"""'
        parts += [f"def {one.name.lower()}({arguments}) -> bytes:", doc, *_packer(table, one), ""]
    return "\n".join(parts) + "\n"
