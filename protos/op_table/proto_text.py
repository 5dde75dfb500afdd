# SPDX-License-Identifier: Apache-2.0
"""The protos as typed objects, as far as clients are made from them: calls and their messages.

The protos of this project are regular: a field or an rpc is a line, and its comment stands above.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FIELD: Final = re.compile(r"^  (optional |repeated )?([\w.]+) (\w+) = \d+;$")
_RPC: Final = re.compile(r"^  rpc (\w+)\((stream )?\w+\) returns \((stream )?\w+\);$")


@dataclass(frozen=True, slots=True)
class ProtoField:
    """A field of a message."""

    name: str
    type: str
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A unary call of a service."""

    service: str
    name: str
    text: str
    request: tuple[ProtoField, ...]
    response: tuple[ProtoField, ...]

    def field(self, name: str) -> ProtoField | None:
        """A field of the response."""
        return next((one for one in self.response if one.name == name), None)


def _comment(lines: list[str], at: int) -> str:
    """What stands above a line."""
    begin = at
    while begin > 0 and lines[begin - 1].strip().startswith("//"):
        begin -= 1
    return " ".join(line.strip().removeprefix("//").strip() for line in lines[begin:at])


def _messages(lines: list[str]) -> dict[str, tuple[ProtoField, ...]]:
    found: dict[str, tuple[ProtoField, ...]] = {}
    name = ""
    for at, line in enumerate(lines):
        if begin := re.match(r"^message (\w+) \{(\})?$", line):
            found[begin[1]] = ()
            name = "" if begin[2] else begin[1]
        elif line == "}":
            name = ""
        elif name and (part := _FIELD.match(line)):
            label = (part[1] or "").strip()
            one = ProtoField(part[3], part[2], label, _comment(lines, at))
            found[name] = (*found[name], one)
    return found


def calls(folder: Path, *services: str) -> list[Call]:
    """The unary calls of these services, in the order of the protos."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.proto"))}
    messages = {n: m for text in texts.values() for n, m in _messages(text.split("\n")).items()}
    found = []
    for text in texts.values():
        service = ""
        lines = text.split("\n")
        for at, line in enumerate(lines):
            if begin := re.match(r"^service (\w+) \{$", line):
                service = begin[1]
            rpc = _RPC.match(line)
            if rpc and service in services and not rpc[2] and not rpc[3]:
                request, response = messages[f"{rpc[1]}Request"], messages[f"{rpc[1]}Response"]
                found.append(Call(service, rpc[1], _comment(lines, at), request, response))
    return sorted(found, key=lambda call: services.index(call.service))
