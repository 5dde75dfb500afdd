# SPDX-License-Identifier: Apache-2.0
"""Headers of the C core, and the part of the cdef that cffi reads.

vmalab/uapi.h          constants of the platform
vmalab/block_ops.h     numbers of operations, statuses, constants of the block format
vmalab/block_shapes.h  how long each record is
vmalab/block_calls.h   the prototypes of what the dispatch calls
block_dispatch.h       from a record to its function
ops.cdef               what Python sees of them
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from op_table.model import Operand, Operation, Set, Table
from op_table.writing import c_formatted, c_header

HEADERS: Final = Path("native/include/vmalab")
DISPATCH: Final = "block_dispatch.h"


def dispatch_folder(root: Path) -> Path:
    """Where block.c is: its private header lies beside it."""
    found = sorted((root / "native" / "src").rglob("block.c"))
    return found[0].parent.relative_to(root)


def files(table: Table, root: Path) -> dict[Path, str]:
    made = {
        HEADERS / "uapi.h": _uapi(table),
        HEADERS / "block_ops.h": _ops(table),
        HEADERS / "block_shapes.h": _shapes(table),
        HEADERS / "block_calls.h": _calls(table),
        dispatch_folder(root) / DISPATCH: _dispatch(table),
    }
    texts = {path: c_formatted(text, path.name) for path, text in made.items()}
    texts[Path("native/ops.cdef")] = _cdef(table)
    return texts


def _guarded(name: str, body: str) -> str:
    guard = f"VMALAB_{name.upper().replace('.', '_')}"
    return f"#ifndef {guard}\n#define {guard}\n\n{body}\n#endif\n"


def _number(value: int, suffix: str) -> str:
    """As people write it: flags in hexadecimal."""
    return f"{value:#x}{suffix}" if value > 9 and suffix else f"{value}{suffix}"


def _defines(one: Set) -> str:
    lines = [f"/* {one.text} */"]
    for key, value in one.values.items():
        text = f" /* {one.texts[key]} */" if key in one.texts else ""
        prefix = one.c_prefix or one.prefix
        lines.append(f"#define {prefix}{key} {_number(value, one.suffix)}{text}")
    return "\n".join(lines) + "\n"


def _sets(table: Table, where: str) -> list[Set]:
    return [one for one in table.sets.values() if one.c == where]


def _uapi(table: Table) -> str:
    head = c_header(
        "uapi.h (base): constants of Linux on x86-64 that operands of calls are made of.",
        source="protos/uapi.toml",
    )
    return head + _guarded("uapi.h", "\n".join(map(_defines, _sets(table, "uapi"))))


def _enum(table: Table) -> str:
    lines = ["enum vl_op {"]
    lines += [f"\tOP_{operation.name} = {operation.number}," for operation in table.operations]
    return "\n".join([*lines, "\tOPS_COUNT", "};", ""])


def _ops(table: Table) -> str:
    head = c_header(
        "block_ops.h (base): numbers of operations and statuses, constants of the block format.",
        source="protos/ops.toml and protos/uapi.toml",
    )
    parts = [_enum(table), "/* status beyond errno: the service could not serve */"]
    parts += [f"#define {one.c_name} ({one.number})" for one in table.statuses]
    parts.append("\n/* which limit VL_S_LIMIT means */\nenum vl_limit {\n\tVL_LIMIT_NONE = 0,")
    parts += [f"\tVL_LIMIT_{o.name} = {o.number}, /* {o.text} */" for o in table.segment_limits]
    parts.append("};\n\n/* limits of a record */")
    for limit in table.limits.values():
        parts.append(f"#define {limit.name} {limit.value}u /* {limit.text} */")
    parts += ["", *map(_defines, _sets(table, "block"))]
    return head + _guarded("block_ops.h", "\n".join(parts))


def _shapes(table: Table) -> str:
    head = c_header(
        "block_shapes.h (base): how long the record of each operation is.", source="protos/ops.toml"
    )
    rows = []
    for one in table.operations:
        parts = [f".words = {one.words}", f".words_least = {one.words_least}"]
        if one.tail:
            parts.append(f".tail = TAIL_{one.tail.kind.upper()}")
        if one.how:
            parts.append(".how = true")
        if one.pkru:
            parts.append(".pkru = true")
        if one.makes:
            parts.append(".makes_mm = true")
        rows.append(f"\t[OP_{one.name}] = {{{', '.join(parts)}}},")
    body = """#include "vmalab/block.h"

/* What follows the operands, and what says how much. */
enum op_tail {
	TAIL_NONE,
	TAIL_BYTES,    /* padded to words; the header's flags are their number */
	TAIL_RANGES,   /* address and length each; the header's flags are their number */
	TAIL_ADDRESSES /* as many as the record has words */
};

struct op_shape {
	u8 words;       /* length in full without a tail, of addresses with one; 0: no such operation */
	u8 words_least; /* the last word may be left out if this is less */
	u8 tail;        /* enum op_tail */
	bool how;       /* the header's how means something */
	bool pkru;      /* with RECORD_PKRU the last word is the caller's PKRU */
	bool makes_mm;  /* the value is a new address space */
};

static const struct op_shape op_shapes[OPS_COUNT] = {
"""
    return head + _guarded("block_shapes.h", body + "\n".join(rows) + "\n};\n")


# --- what the dispatch calls ---

_TAIL_PARAMETERS: Final = {
    "bytes": "const char *{name}, u32 bytes",
    "ranges": "const u64 *{name}, u32 count",
    "addresses": "const u64 *{name}, u32 count",
}


def _parameters(one: Operation) -> str:
    parts = ["struct participant *self"]
    if one.uses_mm:
        parts.append("u64 id")
    parts += [f"{operand.type} {operand.name}" for operand in one.operands]
    parts += [f"u32 {part.name}" for part in (one.flags, one.how) if part]
    if one.tail:
        parts.append(_TAIL_PARAMETERS[one.tail.kind].format(name=one.tail.name))
    if one.partial:
        parts.append("u64 *value")
    return ", ".join(parts)


def _calls(table: Table) -> str:
    head = c_header(
        "block_calls.h (calls): the functions behind the records. Each takes the caller's"
        " participant (inside core_enter), the id of an mm if the operation names one, and the"
        " operands in the order of the record; it returns a value >= 0, -errno, or VL_S_*. What an"
        " operation is, its entry in the table says; the head of its file has its sequence.",
        source="protos/ops.toml",
    )
    lines = ['#include "vmalab/block.h"', "", "struct participant;", ""]
    for one in table.operations:
        if one.function == "op":
            lines.append(f"/* {one.call or one.text} */")
            lines.append(f"s64 op_{one.name.lower()}({_parameters(one)});")
    return head + _guarded("block_calls.h", "\n".join(lines) + "\n")


def _argument(operand: Operand, index: int, words: int) -> str:
    text = f"rec->arg[{index}]"
    if operand.shift:
        text = f"{text} >> {operand.shift}"
    if operand.type == "bool":
        return f"{text} & 1"
    if operand.type != "u64":
        text = f"({operand.type})({text})" if operand.shift else f"({operand.type}){text}"
    return f"rec->words == {words} ? {text} : 0" if operand.optional else text


def _call(one: Operation) -> str:
    if one.function == "record":
        return f"run_{one.name.lower()}(self, rec, value)"
    parts = ["self"]
    if one.uses_mm:
        parts.append("rec->mm")
    for index, word in enumerate(one.words_of_operands):
        parts += [_argument(operand, index, one.words) for operand in word]
    parts += [f"rec->{what}" for what in ("flags", "how") if getattr(one, what)]
    if one.tail:
        at = len(one.words_of_operands)
        text = one.tail.kind == "bytes"
        parts.append(f"(const char *)&rec->arg[{at}]" if text else f"rec->arg + {at}")
        counted = one.tail.kind == "addresses"
        parts.append(f"rec->words - (RECORD_WORDS + {at}u)" if counted else "rec->flags")
    if one.partial:
        parts.append("value")
    return f"op_{one.name.lower()}({', '.join(parts)})"


def _dispatch(table: Table) -> str:
    head = c_header(
        "block_dispatch.h (surface): from a record to its function; block.c includes it, behind its"
        " run_* functions. Each returns what the function does.",
        source="protos/ops.toml",
    )
    parts = []
    for one in table.operations:
        if one.function == "loop":
            continue
        call = _call(one)
        lines = [
            f"static s64 call_{one.name.lower()}(struct participant *self, "
            "const struct vl_record *rec, u64 *value)",
            "{",
        ]
        if one.function == "op" and not one.partial:
            lines.append("\t(void)value;")
        if one.counter:
            lines.append(f"\tstat_inc(self, {one.counter});")
        lines.append(f"\treturn mm_made(self, {call});" if one.makes else f"\treturn {call};")
        parts.append("\n".join([*lines, "}", ""]))
    rows = [
        f"\t[OP_{one.name}] = call_{one.name.lower()},"
        for one in table.operations
        if one.function != "loop"
    ]
    parts.append(
        "/* Without those that the block's loop does itself. */\n"
        "static s64 (*const call_of[OPS_COUNT])(struct participant *self, "
        "const struct vl_record *rec, u64 *value) = {\n" + "\n".join(rows) + "\n};\n"
    )
    return head + _guarded("block_dispatch.h", "\n".join(parts))


# --- cffi ---


def _cdef(table: Table) -> str:
    head = c_header(
        "ops.cdef: what Python sees of block_ops.h; the rules of core.cdef hold here too.",
        source="protos/ops.toml and protos/uapi.toml",
    )
    lines = [f"#define {one.c_name} {one.number}" for one in table.statuses]
    for one in _sets(table, "block"):
        lines += [f"#define {name} {number}" for name, number in one.numbers()]
    return head + _enum(table).replace("\tOPS_COUNT\n", "\tOPS_COUNT,\n") + "\n".join(lines) + "\n"
