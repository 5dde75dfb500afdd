# SPDX-License-Identifier: Apache-2.0
"""What the Rust client's conformance program needs to know by name, because Rust looks up no names.

names_gen.rs    a call of AddressSpace, a record of BlockBuilder
fields_gen.rs   the fields of an answer of InspectService or LabService
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from op_table.model import Table
from op_table.proto_text import Call, ProtoField
from op_table.rust_text import arguments_of, builder_methods, head, snake

_NUMBERS: Final = {"u32", "i32"}
_READ: Final = {
    "u64": 'given.number("{}")',
    "bool": 'given.number("{}") != 0',
    "impl AsRef<[u8]>": 'given.text("{}")',
    "&[Range]": '&given.ranges("{}")',
    "&[u64]": '&given.addresses("{}")',
}
_FIELD: Final = re.compile(r"^  (optional |repeated )?(\w+|map<string, \w+>) (\w+) = \d+;$")
_FIELD_KINDS: Final = {
    "uint32": "Field::Number({}.into())",
    "uint64": "Field::Number({})",
    "int32": "Field::Number(i64::from({}) as u64)",
    "bool": "Field::Number({}.into())",
    "string": "Field::Text({}.clone())",
}


def _read(name: str, kind: str) -> str:
    """The expression that reads an argument out of a step."""
    if kind in _READ:
        return _READ[kind].format(name)
    if kind in _NUMBERS:
        return f'given.number("{name}") as {kind}'
    return f'{kind}(given.number("{name}") as u32)'


def names_text(table: Table, typed: list[tuple[Call, list[tuple[ProtoField, str]]]]) -> str:
    lines = [
        head("the protos and protos/ops.toml"),
        "use vmalab_client::{AddressSpace, BlockBuilder, Error};",
        "use vmalab_client::constants::*;",
        "",
        "use crate::reading::{Given, Value};",
        "",
        "/// A call of an address space by its name; `None`: there is none.",
        "pub async fn call(",
        "    space: &AddressSpace, name: &str, given: &Given<'_>,",
        ") -> Option<Result<Value, Error>> {",
        "    Some(match name {",
    ]
    for call, arguments in typed:
        name = snake(call.name)
        listed = ", ".join(_read(field.name, kind) for field, kind in arguments)
        lines.append(f'        "{name}" => space.{name}({listed}).await.map(Value::from),')
    lines += ["        _ => return None,", "    })", "}", ""]
    lines += ["/// Adds a record by its name; false: there is none."]
    lines += ["pub fn record(builder: &mut BlockBuilder, name: &str, given: &Given<'_>) -> bool {"]
    lines += ["    match name {"]
    for one, method, store in builder_methods(table):
        found = arguments_of(table, one, method, store=store)
        listed = ", ".join(_read(name, kind) for name, kind in found)
        key, ending = method.name.upper(), "_store" if store else ""
        text = f"builder.{method.name}{ending}({listed})"
        lines.append(f'        "{key}{ending.upper()}" => {text},')
    lines += ["        _ => return false,", "    };", "    true", "}"]
    return "\n".join(lines) + "\n"


def _messages(text: str) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Each message: its name, and (label, type, name) of its fields."""
    for name, body in re.findall(r"^message (\w+) \{\n(.*?)^\}$", text, re.M | re.S):
        found = [_FIELD.match(line) for line in body.split("\n")]
        yield name, [((one[1] or "").strip(), one[2], one[3]) for one in found if one]


def _field(label: str, kind: str, key: str) -> str:
    """The expression of a field, or nothing: what consists of messages is read otherwise."""
    name = "r#type" if key == "type" else key
    mapped = re.fullmatch(r"map<string, (\w+)>", kind)
    if mapped:
        inner = _FIELD_KINDS[mapped[1]].format("*value")
        pairs = f"self.{name}.iter().map(|(key, value)| (key.clone(), {inner}))"
        return f"Field::Table({pairs}.collect())"
    if kind not in _FIELD_KINDS:
        return ""
    if label == "repeated":
        one = _FIELD_KINDS[kind].format("one" if kind == "string" else "*one")
        return f"Field::List(self.{name}.iter().map(|one| {one}).collect())"
    value = f"self.{name}.unwrap_or_default()" if label == "optional" else f"self.{name}"
    return _FIELD_KINDS[kind].format(value)


def fields_text(protos: Path) -> str:
    lines = [
        head("the protos"),
        "use vmalab_client::proto;",
        "",
        "use crate::reading::{Field, Fields, Table};",
        "",
    ]
    for path in ("inspect.proto", "lab.proto"):
        for name, found in _messages((protos / path).read_text(encoding="utf-8")):
            shown = [(field[2], _field(*field)) for field in found]
            if name.endswith("Request") or not any(text for _, text in shown):
                continue
            lines += [f"impl Fields for proto::{name} {{", "    fn fields(&self) -> Table {"]
            lines.append("        Table::from([")
            for field, text in shown:
                if text:
                    lines.append(f'            ("{field}".to_owned(), {text}),')
            lines += ["        ])", "    }", "}", ""]
    return "\n".join(lines)
