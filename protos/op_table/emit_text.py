# SPDX-License-Identifier: Apache-2.0
"""Parts of texts for people: the comment at the head of memory.proto, and the tables of
docs/block-format.md. Each part stands between two lines that say so."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from op_table.emit_python import operand_words
from op_table.model import Field, Operation, Set, Table
from op_table.writing import between

PROTO: Final = Path("protos/vmalab/v1/memory.proto")
DOCUMENT: Final = Path("docs/block-format.md")
COLUMNS: Final = 117
_BYTES: Final = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "s32": 4}


def parts(table: Table, root: Path) -> dict[Path, str]:
    """The whole files, with their parts made again."""
    proto = (root / PROTO).read_text(encoding="utf-8")
    for name, lines in (("reasons", _proto_reasons(table)), ("records", _proto_records(table))):
        marks = (f"// [{name}: made from protos/ops.toml]", f"// [end of {name}]")
        text = "\n".join(f"// {line}".rstrip() for line in lines)
        proto = between(proto, *marks, text, PROTO.name)
    document = (root / DOCUMENT).read_text(encoding="utf-8")
    for name, lines in _document_parts(table).items():
        marks = (f"<!-- {name}: made from protos/ops.toml -->", f"<!-- end of {name} -->")
        document = between(document, *marks, "\n".join(["", *lines, ""]), DOCUMENT.name)
    return {PROTO: proto, DOCUMENT: document}


# --- the comment of memory.proto ---


def length_of(one: Operation) -> str:
    """How many words, in the words of the comment."""
    if one.tail is None:
        several = one.words_least != one.words
        return f"{one.words_least} or {one.words}" if several else str(one.words)
    if one.tail.kind == "bytes":
        return f"{one.words} + ceil(flags / 8)"
    if one.tail.kind == "ranges":
        return f"{one.words} + 2 * flags"
    return f"{one.words} to 255"


def operands_text(one: Operation) -> str:
    """The operands in order, with their notes."""
    notes = {operand.name: operand.note for operand in one.operands}
    found = []
    for words, text in zip(one.words_of_operands, operand_words(one), strict=True):
        said = "; ".join(notes[part.name] for part in words if notes[part.name])
        found.append(f"{text} ({said})" if said else text)
    if one.tail and one.tail.kind == "bytes":
        found.append(f"{one.tail.name} padded with zero")
    if one.tail and one.tail.kind == "ranges":
        found.append("then addr, length of each range")
    if one.tail and one.tail.kind == "addresses":
        found.append(f"addr, addr, ...: {one.tail.text}")
    text = ", ".join(found)
    return f"{text}. mm is ignored" if text and not one.uses_mm else text


def flags_text(table: Table, one: Operation) -> str:
    """What the header's flags are."""
    if one.tail and one.tail.kind != "addresses":
        what = "length of" if one.tail.kind == "bytes" else "number of"
        text = f"{what} {one.tail.name}, 0-{table.limits[one.tail.max].value}"
        return f"{text}; {one.tail.text}" if one.tail.text else text
    if one.flags is None:
        return ""
    found = [f"{number} {name}" for name, number in table.sets[one.flags.set].values.items()]
    found += [
        f"with {table.number_of(operand.flag)} {operand.flag} added: {operand.name} is there"
        for operand in one.operands
        if operand.flag
    ]
    return ", ".join(found)


_WIDTHS: Final = (20, 13, 36, 20)
"""Of name, words and so on; what is left is for the value."""


def _proto_row(table: Table, one: Operation) -> Iterator[str]:
    first = (f"{one.number:2} {one.name}", length_of(one), operands_text(one))
    cells = (*first, flags_text(table, one), one.value.text)
    widths = (*_WIDTHS[1:], COLUMNS - 1 - sum(_WIDTHS))
    columns = [
        textwrap.wrap(cell, width - 2) for cell, width in zip(cells[1:], widths, strict=True)
    ]
    for number in range(max(1, *map(len, columns))):
        row = f"{cells[0] if number == 0 else '':{_WIDTHS[0]}}"
        for column, width in zip(columns, widths, strict=True):
            row += f"{column[number] if number < len(column) else '':{width}}"
        yield f"  {row}".rstrip()


def _wrapped(head: str, text: str, indent: int) -> list[str]:
    return textwrap.wrap(text, COLUMNS, initial_indent=head, subsequent_indent=" " * indent)


def _proto_reasons(table: Table) -> list[str]:
    lines = ["Reasons, with what their metadata has:"]
    by_code: dict[str, list[str]] = {}
    for one in table.reasons:
        metadata = f" {{{', '.join(one.metadata)}}}" if one.metadata else ""
        by_code.setdefault(one.code, []).append(f"{one.name}{metadata}")
    for code, names in by_code.items():
        lines += _wrapped(f"  {code:20} ", ", ".join(names), 23)
    return lines


def _proto_records(table: Table) -> list[str]:
    lines = [
        "  status   0          success",
        "           -1..-999   the emulated call failed with this errno, negated",
    ]
    codes = table.sets["si_code"].values
    said = ", ".join(f"{name} {number}" for name, number in codes.items())
    text = "FAULT and FAULTS only: the signal (11 SIGSEGV, 7 SIGBUS); the low 8 bits of info are"
    text += " si_code"
    lines += _wrapped("           positive   ", f"{text} ({said})", 22)
    for status in table.statuses:
        lines += _wrapped(f"           {status.number:<10} ", f"{status.name}: {status.text}", 22)
    head = f"  {'op':{_WIDTHS[0]}}{'words':{_WIDTHS[1]}}{'operands':{_WIDTHS[2]}}"
    lines += ["", f"{head}{'flags':{_WIDTHS[3]}}value on success"]
    for one in table.operations:
        lines += _proto_row(table, one)
    access = ", ".join(f"{n} {name.lower()}" for name, n in table.sets["access"].values.items())
    store = "bit 2 STORE: store `word` in the page (write only)"
    lines += ["", f"  FAULT flags   bits 0-1 access: {access}; {store}"]
    pkru = f"bit 15 PKRU: the record has one word more, the caller's PKRU. Of {_names(table)}"
    lines += _wrapped("  other flags   ", pkru, 16)
    info = "; ".join(f"bit {bit} {text}" for bit, text in info_bits(table.sets["fault_info"]))
    lines += _wrapped("  FAULT info    ", f"bits 0-7 si_code; {info}", 16)
    return lines


def info_bits(one: Set) -> Iterator[tuple[str, str]]:
    """(bit, or the first and the last one, meaning) of the bits of a FAULT's info."""
    for name, number in one.values.items():
        first, last = (number & -number).bit_length() - 1, number.bit_length() - 1
        yield str(first) if first == last else f"{first}-{last}", one.texts[name]


# --- the tables of docs/block-format.md ---


def _document_parts(table: Table) -> dict[str, list[str]]:
    return {
        "header": _fields(table.header),
        "result": _fields(table.result),
        "statuses": _statuses(table),
        "operations": _operations(table),
        "operands": _operands(table),
        "pkru": textwrap.wrap(f"The operations that take it are {_names(table)}.", 140),
        "info": _info(table),
        "limits": _limits(table),
        "segment_limits": _segment_limits(table),
        "constants": _constants(table),
        "reasons": _reasons(table),
    }


def _markdown(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    lines = [head, tuple("---" for _ in head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines]


def _fields(fields: tuple[Field, ...]) -> list[str]:
    rows, at = [], 0
    for one in fields:
        size = _BYTES[one.type]
        place = f"{at}" if size == 1 else f"{at}-{at + size - 1}"
        rows.append((place, f"`{one.name}`", one.type.replace("s32", "i32"), one.text))
        at += size
    return _markdown(("bytes", "field", "type", "meaning"), rows)


def _statuses(table: Table) -> list[str]:
    rows = [
        ("0", "", "success"),
        ("-1 to -999", "", "the emulated call failed with this errno, negated"),
        ("above 0", "", "FAULT, FAULTS: the signal; the low 8 bits of `info` are its si_code"),
    ]
    rows += [(str(one.number), one.name, one.text) for one in table.statuses]
    return _markdown(("status", "name", "meaning"), rows)


def _segment_limits(table: Table) -> list[str]:
    rows = [(str(o.number), f"`{o.name.lower()}`", o.text) for o in table.segment_limits]
    return _markdown(("info", "limit", "meaning"), rows)


def _names(table: Table) -> str:
    """Of the operations whose record can have the caller's PKRU."""
    return ", ".join(one.name for one in table.operations if one.pkru)


def _operations(table: Table) -> list[str]:
    rows = [
        (
            *(str(one.number), f"`{one.name}`", one.call, length_of(one)),
            *(flags_text(table, one), one.value.text),
        )
        for one in table.operations
    ]
    return _markdown(("op", "name", "call", "words", "flags", "value on success"), rows)


_UNITS: Final = {"uffd": "userfaultfd", "bool": "0 or 1"}


def _bits(first: int, count: int) -> str:
    return f"bit {first}" if count == 1 else f"bits {first}-{first + count - 1}"


def _operands(table: Table) -> list[str]:
    lines = []
    for one in table.operations:
        lines += [f"**{one.name}** ({one.number}). {one.text}", ""]
        if not one.uses_mm:
            lines += ["`mm` is ignored: 0.", ""]
        rows = []
        for index, word in enumerate(one.words_of_operands):
            for part in word:
                bits = f", {_bits(part.shift, part.bits)}" if part.bits else ""
                prefix = table.sets[part.set].prefix if part.set else ""
                notes = [f"`{prefix}*`"] if prefix else []
                notes += [part.text] if part.text else []
                notes += [f"always {part.fixed}"] if part.fixed is not None else []
                notes += ["may be left out"] if part.optional else []
                unit = _UNITS.get(part.unit, part.unit)
                rows.append((f"{index + 2}{bits}", f"`{part.name}`", unit, "; ".join(notes)))
        if one.how:
            prefix = table.sets[one.how.set].prefix
            rows.append(
                ("header `how`", f"`{one.how.name}`", "flags", f"`{prefix}*`; {one.how.text}")
            )
        if one.tail:
            most = f"at most {table.limits[one.tail.max].value}"
            rows.append(
                (
                    f"{one.words - (one.results == 'each')} on",
                    f"`{one.tail.name}`",
                    one.tail.kind,
                    most,
                )
            )
        if rows:
            lines += [*_markdown(("word", "operand", "unit", "meaning"), rows), ""]
    return lines[:-1]


def _info(table: Table) -> list[str]:
    rows = [("0-7", "si_code of the signal")]
    rows += info_bits(table.sets["fault_info"])
    return _markdown(("bit", "meaning"), rows)


def _limits(table: Table) -> list[str]:
    rows = [(f"`{one.name}`", str(one.value), one.text) for one in table.limits.values()]
    return _markdown(("limit", "at most", "of what"), rows)


def _constants(table: Table) -> list[str]:
    rows = []
    for one in table.sets.values():
        if not one.prefix and one.name != "si_code":
            continue
        hexadecimal = one.kind == "flags"
        numbers = ", ".join(
            f"{name} {number:#x}" if hexadecimal else f"{name} {number}"
            for name, number in one.values.items()
        )
        rows.append((f"`{one.prefix}*`" if one.prefix else "`si_code`", one.text, numbers))
    return _markdown(("names", "what", "numbers"), rows)


def _reasons(table: Table) -> list[str]:
    rows = [
        (f"`{one.name}`", one.code, ", ".join(f"`{key}`" for key in one.metadata), one.text)
        for one in table.reasons
    ]
    return _markdown(("reason", "gRPC status", "metadata", "meaning"), rows)
