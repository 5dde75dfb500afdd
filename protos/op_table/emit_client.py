# SPDX-License-Identifier: Apache-2.0
"""The methods of the Python client's BlockBuilder, one for each operation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from op_table.emit_python import described, parameter_type
from op_table.model import HeaderField, Method, Operand, Operation, Table, Tail
from op_table.writing import python_formatted, python_header

PATH: Final = Path("clients/python/vmalab_client/methods.py")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a method."""

    name: str
    type: str
    default: str | None = None
    keyword: bool = False


_HEAD: Final = '''
class RecordMethods:
    """A method for each operation, which adds its record to a block.

    Addresses, lengths, offsets and words are taken modulo 2**64, as registers are.

    Attributes:
        pkru: what the caller has in its register PKRU: the records that are added from then on go
            with it, as far as they take one. None: as the address space has it.
    """

    __slots__ = ("pkru",)
    pkru: int | None

    def _put(self, results: int, packer: Callable[..., bytes], *arguments: object) -> None:
        """Add what the packer makes: a record with so many results."""
        raise NotImplementedError
'''


def files(table: Table, root: Path) -> dict[Path, str]:
    head = python_header(
        "The methods of BlockBuilder: one for each operation.\n",
        source="protos/ops.toml and protos/uapi.toml",
    )
    bodies = [
        line
        for one in table.operations
        for method in one.methods or (Method(one.name.lower()),)
        for line in _method(table, one, method)
    ]
    text = "\n".join(bodies)
    enums = sorted({s.enum for s in table.sets.values() if s.enum and f"{s.enum}." in text})
    limits = [name for name in table.limits if name in text]
    operations = ", ".join(sorted([*limits, *(["U64_MASK"] if "U64_MASK" in text else [])]))
    parts = [
        head,
        "from __future__ import annotations\n",
        "from collections.abc import Callable, Sequence\n",
        "from vmalab import pack",
        f"from vmalab.ops import {operations}",
        f"from vmalab.uapi import {', '.join(enums)}\n",
        "Name = str | bytes",
        _HEAD,
        text,
    ]
    return {PATH: python_formatted("\n".join(parts) + "\n")}


def _default(table: Table, part: Operand | HeaderField) -> str | None:
    """As Python: enum members where the set has an enum."""
    if part.default is None:
        optional = isinstance(part, Operand) and part.optional
        return "None" if optional else None
    if isinstance(part.default, int):
        if isinstance(part, Operand) and part.unit == "bool":
            return str(bool(part.default))
        return "U64_MASK" if part.default == (1 << 64) - 1 else str(part.default)
    one = table.sets[part.set]
    words = []
    for word in part.default.split("|"):
        key = word.strip().removeprefix(one.prefix)
        words.append(f"{one.enum}.{one.members.get(key, key)}")
    return " | ".join(words)


_TAIL_TYPES: Final = {"ranges": "Sequence[tuple[int, int]]", "addresses": "Sequence[int]"}


def _tail_parameter(tail: Tail) -> Parameter:
    if tail.kind != "bytes":
        return Parameter(tail.name, _TAIL_TYPES[tail.kind])
    if tail.default is None:
        return Parameter(tail.name, "Name")
    return Parameter(tail.name, "str", repr(tail.default), keyword=True)


def _part_parameter(table: Table, part: Operand | HeaderField, method: Method) -> Parameter:
    operand = part if isinstance(part, Operand) else None
    default = _default(table, part)
    named = default is not None and not (operand and operand.positional)
    return Parameter(
        method.renamed.get(part.name, part.name),
        parameter_type(operand) if operand else "int",
        default,
        keyword=named or bool(operand and operand.keyword),
    )


def parameters(table: Table, one: Operation, method: Method) -> list[Parameter]:
    """The arguments of a method: those with a place first, then those with a name."""
    parts: list[tuple[str, Parameter]] = []
    for operand in one.operands:
        if operand.fixed is None and operand.name not in method.fixed:
            parts.append((operand.name, _part_parameter(table, operand, method)))
    if one.tail:
        parts.append((one.tail.name, _tail_parameter(one.tail)))
    for part in (one.flags, one.how):
        if part and part.name not in method.fixed:
            parts.append((part.name, _part_parameter(table, part, method)))
    if one.order:
        parts.sort(key=lambda pair: one.order.index(pair[0]))
    found = [Parameter("mm", "int")] if one.uses_mm else []
    found += [parameter for _, parameter in parts if not parameter.keyword]
    return found + [parameter for _, parameter in parts if parameter.keyword]


def _signature(found: list[Parameter]) -> str:
    texts = ["self"]
    star = False
    for parameter in found:
        if parameter.keyword and not star:
            texts.append("*")
            star = True
        default = "" if parameter.default is None else f" = {parameter.default}"
        texts.append(f"{parameter.name}: {parameter.type}{default}")
    return ", ".join(texts)


def _argument(table: Table, part: Operand | HeaderField, method: Method) -> str:
    if part.name not in method.fixed:
        return method.renamed.get(part.name, part.name)
    fixed = method.fixed[part.name]
    if isinstance(fixed, int):
        return str(fixed)
    one = table.sets[part.set]
    key = fixed.removeprefix(one.prefix)
    return f"{one.enum}.{one.members.get(key, key)}"


def _tail_argument(tail: Tail) -> str:
    if tail.kind != "bytes":
        return tail.name
    if tail.default is not None:
        return f"{tail.name}.encode()"
    return f"{tail.name}.encode() if isinstance({tail.name}, str) else bytes({tail.name})"


def _doc(table: Table, one: Operation, method: Method) -> list[str]:
    """The first line, then what an argument's name does not say."""
    notes = []
    for part in (*one.operands, one.flags, one.how):
        if part and part.text and part.name not in method.fixed:
            fixed = isinstance(part, Operand) and part.fixed is not None
            name = method.renamed.get(part.name, part.name)
            notes += [] if fixed else [f"            {name}: {part.text}."]
    if one.tail:
        most = f"at most {table.limits[one.tail.max].value}"
        unit = " bytes" if one.tail.kind == "bytes" else ""
        if one.results == "each":
            most = "as many as you like, in as many records as they need"
            unit = ""
        more = f"; {one.tail.text}" if one.tail.text and one.results != "each" else ""
        notes.append(f"            {one.tail.name}: {most}{unit}{more}.")
    head = f'        """{method.text or described(one)}'
    if one.value.kind != "zero" and not method.text:
        notes.append("\n        The value: " + one.value.text + ".")
    if not notes:
        return [head + '"""']
    said = [note for note in notes if not note.startswith("\n")]
    return [
        head,
        *(["", "        Args:", *said] if said else []),
        *[note for note in notes if note.startswith("\n")],
        '        """',
    ]


def _method(table: Table, one: Operation, method: Method) -> list[str]:
    found = parameters(table, one, method)
    packer = f"pack.{one.name.lower()}"
    arguments = ["mm"] if one.uses_mm else []
    arguments += [_argument(table, part, method) for part in one.operands if part.fixed is None]
    if one.tail:
        arguments.append(_tail_argument(one.tail))
    arguments += [_argument(table, part, method) for part in (one.flags, one.how) if part]
    lines = [f"    def {method.name}({_signature(found)}) -> None:", *_doc(table, one, method)]
    if one.results == "each" and one.tail:
        name, limit = one.tail.name, one.tail.max
        arguments[arguments.index(name)] = "some"
        lines += [
            f"        most = {limit} - (self.pkru is not None)",
            f"        for begin in range(0, len({name}), most):",
            f"            some = {name}[begin : begin + most]",
            f"            self._put(len(some), {packer}, {', '.join(arguments)})",
        ]
    else:
        lines.append(f"        self._put(1, {', '.join([packer, *arguments])})")
    return [*lines, ""]
