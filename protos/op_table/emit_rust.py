# SPDX-License-Identifier: Apache-2.0
"""The Rust client's parts that are one for each constant, operation and call.

constants_gen.rs   constants, a type for each set; numbers of operations, statuses, limits, reasons
block_gen.rs       a method of BlockBuilder for each operation
calls_gen.rs       a method of AddressSpace for each unary call on an address space
services_gen.rs    a method of Inspect and of Lab for each of their calls
names_gen.rs       calls and records by name, for the conformance program
fields_gen.rs      the fields of answers by name, for the conformance program

Modules that are generated are left out of rustfmt, so that this needs no Rust.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from op_table.emit_python import described, sentence
from op_table.emit_rust_names import fields_text, names_text
from op_table.model import HeaderField, Method, Operand, Operation, Set, Table
from op_table.proto_text import Call, ProtoField, calls
from op_table.rust_text import argument, arguments_of, builder_methods, head, notes, snake

FOLDER: Final = Path("clients/rust")
_BY_HAND: Final = {
    *("CreateAddressSpace", "KeepAlive", "ForkAddressSpace", "Exec", "Exit", "Fault", "Apply"),
    *("ProcessMadvise", "ShareAddressSpace", "ShareFile", "OpenFile", "CloseFile"),
    *("TruncateFile", "AllocateFile"),
}
"""Calls that need more than a request and an answer: space.rs and files.rs have them."""
_OPERATIONS: Final = {
    "SetThpDisable": "THP_DISABLE",
    "OpenUserfaultfd": "UFFD_OPEN",
    "UffdWriteprotect": "UFFD_PROTECT",
    "UffdCopy": "UFFD_FILL",
    "UffdZeropage": "UFFD_FILL",
    "UffdContinue": "UFFD_FILL",
}
"""Calls whose operation in the table has another name."""
_MORE: Final = {
    "WaitPoint": "Duration::from_millis(request.timeout_ms.into())",
    "RunScenario": "Duration::from_millis(request.time_ms.into()) + Duration::from_secs(70)",
}
"""How much longer than others a call may take by itself."""
_SIGNED: Final = ("signal", "si_code", "errno")
"""Sets without an enum whose numbers are compared with those of answers, which are i32."""
_NARROW: Final = ("PKRU_START",)
"""Numbers of 32 bits."""
_BOTH: Final = "protos/ops.toml and protos/uapi.toml"


def files(table: Table, root: Path) -> dict[Path, str]:
    protos = root / "protos" / "vmalab" / "v1"
    found = calls(protos, "MemoryService", "UserfaultfdService")
    of_spaces = [call for call in found if call.name not in _BY_HAND]
    typed = [(call, _call_arguments(table, call)) for call in of_spaces]
    made = {
        "src/constants_gen.rs": _constants(table),
        "src/block_gen.rs": _block(table),
        "src/calls_gen.rs": _calls(typed),
        "src/services_gen.rs": _services(calls(protos, "InspectService", "LabService")),
        "conformance/src/names_gen.rs": names_text(table, typed),
        "conformance/src/fields_gen.rs": fields_text(protos),
    }
    return {FOLDER / name: text for name, text in made.items()}


# --- constants ---


def _shown(number: int) -> str:
    return hex(number) if number > 9 else str(number)


def _plain_type(one: Set, name: str) -> str:
    if one.name in _SIGNED:
        return "i32"
    return "u32" if name in _NARROW else "u64"


def _set(one: Set) -> Iterator[str]:
    kind = one.enum
    if kind:
        macro = "flags" if one.kind == "flags" else "choice"
        yield f"{macro}! {{"
        yield from notes(sentence(one.text), "    ")
        yield f"    {kind}"
        yield "}"
        yield ""
    for key, number in one.values.items():
        name = one.prefix + key
        text = one.texts.get(key, "") or one.text
        yield from notes(f"`{name}`: {sentence(text)}")
        if kind:
            yield f"pub const {name}: {kind} = {kind}({_shown(number)});"
        else:
            yield f"pub const {name}: {_plain_type(one, name)} = {_shown(number)};"
    yield ""


def _associated(
    kind: str, number_type: str, text: str, rows: Iterable[tuple[str, int, str]]
) -> Iterator[str]:
    """A type whose values are its associated constants."""
    yield from notes(text)
    yield "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]"
    yield f"pub struct {kind}(pub {number_type});"
    yield ""
    yield f"impl {kind} {{"
    for name, number, words in rows:
        yield from notes(words, "    ")
        yield f"    pub const {name}: {kind} = {kind}({number});"
    yield "}"
    yield ""


def _constants(table: Table) -> str:
    lines = [head(_BOTH), "use crate::numbers::{choice, flags};", ""]
    for one in table.sets.values():
        lines += _set(one)
    operations = [
        (one.name, one.number, f"{one.name}: {described(one)}") for one in table.operations
    ]
    lines += _associated("Op", "u8", "An operation of a block.", operations)
    statuses = [(one.name, one.number, sentence(one.text)) for one in table.statuses]
    text = "What a result says beside an errno or a signal."
    lines += _associated("Status", "i32", text, statuses)
    limits = [(one.name, one.number, sentence(one.text)) for one in table.segment_limits]
    text = "The limit that [`Status::LIMIT`] means: the info of its result."
    lines += _associated("Limit", "u32", text, limits)
    lines += ["/// Reasons of `google.rpc.ErrorInfo`.", "pub mod reason {"]
    for reason in table.reasons:
        lines += notes(f"{reason.code}: {sentence(reason.text)}", "    ")
        lines.append(f'    pub const {reason.name}: &str = "{reason.name}";')
    lines += ["}", ""]
    for bound in table.limits.values():
        lines += notes(sentence(bound.text))
        lines.append(f"pub const {bound.name}: usize = {bound.value};")
    return "\n".join([*lines, "", *_by_name(table)]) + "\n"


def _by_name(table: Table) -> Iterator[str]:
    """Constants by the names that C has."""
    yield from notes('A constant by its name in C, `"PROT_READ"`; `None`: there is none.')
    yield "pub fn constant(name: &str) -> Option<u64> {"
    yield "    Some(match name {"
    for one in table.sets.values():
        for name, number in one.numbers():
            yield f'        "{name}" => {_shown(number)},'
    for status in table.statuses:
        yield f'        "STATUS_{status.name}" => {status.number}_i64 as u64,'
    for limit in table.segment_limits:
        yield f'        "LIMIT_{limit.name}" => {limit.number},'
    yield "        _ => return None,"
    yield "    })"
    yield "}"


# --- blocks ---


def _word(operand: Operand, name: str, fixed: str | int | None) -> str:
    """One operand as a part of a word."""
    if fixed is not None:
        text = str(fixed) if str(fixed).isdigit() else f"u64::from({fixed})"
    elif operand.type == "s32" and not operand.set:
        text = f"i64::from({name}) as u64"
    else:
        text = f"u64::from({name})" if operand.set or operand.unit == "bool" else name
    return f"{text} << {operand.shift}" if operand.shift else text


def _words(one: Operation, method: Method, *, store: bool) -> list[str]:
    words = []
    for word in one.words_of_operands:
        parts = []
        for operand in word:
            if operand.optional and operand.flag and not store:
                continue
            name = argument(method.renamed.get(operand.name, operand.name))
            fixed = operand.fixed if operand.fixed is not None else method.fixed.get(operand.name)
            parts.append(_word(operand, name, fixed))
        if parts:
            words.append(" | ".join(parts))
    return words


def _header_part(part: HeaderField | None, method: Method, kind: str) -> str:
    if part is None:
        return "0"
    what = method.fixed.get(part.name, argument(part.name))
    return f"u64::from({what}) as {kind}"


_PUTS: Final = {"bytes": "put_text", "ranges": "put_ranges", "addresses": "put_each"}


def _builder_method(
    table: Table, one: Operation, method: Method, *, store: bool = False
) -> Iterator[str]:
    found = arguments_of(table, one, method, store=store)
    flags = _header_part(one.flags, method, "u16")
    text = method.text or described(one)
    if store:
        operand = next(operand for operand in one.operands if operand.optional)
        flags = f"(u64::from({operand.only_with}) | u64::from({operand.flag})) as u16"
        text = f"{one.call}: stores a word in a page."
    yield from notes(f"Adds {one.name}: {text}", "    ")
    signature = "".join(f", {argument(name)}: {kind}" for name, kind in found)
    name = method.name + ("_store" if store else "")
    yield f"    pub fn {name}(&mut self{signature}) -> &mut Self {{"
    how = _header_part(one.how, method, "u32")
    mm = "mm" if one.uses_mm else "mm: 0"
    yield (
        f"        let record = Head {{ op: Op::{one.name}, takes_pkru: {str(one.pkru).lower()}, "
        f"flags: {flags}, how: {how}, {mm} }};"
    )
    words = f"&[{', '.join(_words(one, method, store=store))}]"
    if one.tail is None:
        yield f"        self.put(record, {words})"
    elif one.tail.kind == "addresses":
        yield f"        self.put_each(record, {one.tail.max}, {argument(one.tail.name)})"
    else:
        tail = argument(one.tail.name) + (".as_ref()" if one.tail.kind == "bytes" else "")
        yield f"        self.{_PUTS[one.tail.kind]}(record, {words}, {one.tail.max}, {tail})"
    yield "    }"
    yield ""


def _block(table: Table) -> str:
    lines = [head(_BOTH), "use crate::block::{BlockBuilder, Head};", "use crate::constants::*;"]
    lines += ["use crate::space::Range;", "", "impl BlockBuilder {"]
    for one, method, store in builder_methods(table):
        lines += _builder_method(table, one, method, store=store)
    return "\n".join([*lines[:-1], "}"]) + "\n"


# --- calls ---


def _operation_of(table: Table, call: Call) -> Operation | None:
    name = _OPERATIONS.get(call.name, "")
    for one in table.operations:
        if one.name == name or one.name.replace("_", "") == call.name.upper():
            return one
    return None


_SCALARS: Final = {
    "uint64": "u64",
    "uint32": "u32",
    "int32": "i32",
    "bytes": "impl AsRef<[u8]>",
}


def _call_type(table: Table, call: Call, field: ProtoField) -> str:
    """The type of an argument: that of the operand in the table, if it has a type of its own."""
    operation = _operation_of(table, call)
    parts = (*operation.operands, operation.how) if operation else ()
    for part in parts:
        if part and part.name == field.name and part.set and table.sets[part.set].enum:
            return table.sets[part.set].enum
    return _SCALARS[field.type]


def _call_arguments(table: Table, call: Call) -> list[tuple[ProtoField, str]]:
    fields = [one for one in call.request if one.name not in ("mm", "pkru")]
    return [(field, _call_type(table, call, field)) for field in fields]


def _given(field: ProtoField, kind: str) -> str:
    """The initializer of a field of the request."""
    name = argument(field.name)
    if field.type == "bytes":
        return f"{field.name}: {name}.as_ref().to_vec()"
    if kind != _SCALARS[field.type]:
        return f"{field.name}: {name}.into()"
    return field.name if name == field.name else f"{field.name}: {name}"


def _call(call: Call, arguments: list[tuple[ProtoField, str]]) -> Iterator[str]:
    values = [one for one in call.response if one.name not in ("errno_code", "errno_name", "pkru")]
    value = values[0] if values else None
    yield from notes(call.text, "    ")
    told = [(argument(field.name), field.text) for field, _ in arguments if field.text]
    if told:
        yield "    ///"
        for name, text in told:
            yield from notes(f"* `{name}`: {text}", "    ", "  ")
    signature = "".join(f", {argument(field.name)}: {kind}" for field, kind in arguments)
    kind = "()"
    if value:
        kind = "Vec<u8>" if value.type == "bytes" else _SCALARS[value.type]
    yield f"    pub async fn {snake(call.name)}(&self{signature}) -> Result<{kind}, Error> {{"
    given = ["mm: self.number()", *[_given(field, kind) for field, kind in arguments]]
    if any(one.name == "pkru" for one in call.request):
        given.append("pkru: self.pkru()")
    stub = "memory" if call.service == "MemoryService" else "userfaultfd"
    name = snake(call.name)
    yield f"        let request = proto::{call.name}Request {{ {', '.join(given)} }};"
    closure = f"|c, r| async move {{ stubs::{stub}(c).{name}(r).await }}"
    yield f"        let answer = self.client().unary(request, {closure}).await?;"
    if call.field("pkru"):
        yield "        self.keep_pkru(answer.pkru);"
    yield f'        failed("{name}", answer.errno_code)?;'
    yield f"        Ok({f'answer.{value.name}' if value else '()'})"
    yield "    }"
    yield ""


def _calls(typed: list[tuple[Call, list[tuple[ProtoField, str]]]]) -> str:
    lines = [
        head("the protos, protos/ops.toml and protos/uapi.toml"),
        "use crate::constants::*;",
        "use crate::errors::{failed, Error};",
        "use crate::{proto, stubs, AddressSpace};",
        "",
        "impl AddressSpace {",
    ]
    for call, arguments in typed:
        lines += _call(call, arguments)
    return "\n".join([*lines[:-1], "}"]) + "\n"


# --- inspection, lab ---


def _service_call(call: Call) -> Iterator[str]:
    looks = call.service == "InspectService"
    name = snake(call.name)
    given = f", request: proto::{call.name}Request" if call.request else ""
    yield from notes(call.text, "    ")
    returns = f"Result<proto::{call.name}Response, Error>"
    yield f"    pub async fn {name}(&self{given}) -> {returns} {{"
    if not call.request:
        yield f"        let request = proto::{call.name}Request {{}};"
    stub = "inspect" if looks else "lab"
    closure = f"|c, r| async move {{ stubs::{stub}(c).{name}(r).await }}"
    if looks:
        yield f"        self.client().looking(request, {closure}).await"
    elif call.name in _MORE:
        yield f"        let more = {_MORE[call.name]};"
        yield f"        self.client().unary_with(request, more, {closure}).await"
    else:
        yield f"        self.client().unary(request, {closure}).await"
    yield "    }"
    yield ""


def _services(found: list[Call]) -> str:
    lines = [
        head("the protos"),
        "use std::time::Duration;",
        "",
        "use crate::errors::Error;",
        "use crate::services::{Inspect, Lab};",
        "use crate::{proto, stubs};",
        "",
    ]
    for service, kind in (("InspectService", "Inspect"), ("LabService", "Lab")):
        lines.append(f"impl {kind}<'_> {{")
        for call in found:
            if call.service == service:
                lines += _service_call(call)
        lines[-1:] = ["}", ""]
    return "\n".join(lines)
