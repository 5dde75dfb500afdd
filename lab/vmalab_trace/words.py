# SPDX-License-Identifier: Apache-2.0
"""The words of strace's arguments: numbers, strings, descriptors with their paths."""

from __future__ import annotations

import re
from typing import Final

from vmalab_trace.strace import Call


class DecodeError(ValueError):
    """The arguments of a known call could not be understood."""


DELETED: Final = " (deleted)"
_FD = re.compile(r"^(-?\d+|0x[0-9a-f]+|AT_FDCWD)(?:<(.*)>(\(deleted\))?)?$", re.DOTALL)
_OCTAL: Final = re.compile(r'\\([0-7]{1,3}|x[0-9a-fA-F]{2}|[nrtvf\\"])')
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "v": "\v", "f": "\f", "\\": "\\", '"': '"'}
AT_FDCWD: Final = -100


def number(text: str) -> int:
    word = re.sub(r"/\*.*?\*/", "", text).strip()
    if word == "NULL":
        return 0
    try:
        return int(word, 0)
    except ValueError:
        raise DecodeError(f"not a number: {text!r}") from None


def unescape(text: str) -> str:
    """Each byte of a C string as one character."""

    def one(match: re.Match[str]) -> str:
        word = match.group(1)
        if word in _ESCAPES:
            return _ESCAPES[word]
        return chr(int(word[1:], 16) if word[0] == "x" else int(word, 8))

    return _OCTAL.sub(one, text)


def path_of(text: str) -> str:
    """A path as maps shows it: bytes as they are, but for the newline."""
    plain = unescape(text).replace("\n", "\\012")
    try:
        return plain.encode("latin-1").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return plain  # it was not escaped: a trace that no strace wrote


def descriptor(text: str) -> tuple[int, str]:
    """The number of a descriptor, and the path that strace -y shows behind it, as maps has it."""
    match = _FD.match(text.strip())
    if not match:
        raise DecodeError(f"not a file descriptor: {text!r}")
    path = path_of(match.group(2) or "")
    if match.group(3):
        path += DELETED
    fd = AT_FDCWD if match.group(1) == "AT_FDCWD" else int(match.group(1), 0)
    return fd, path


def quoted(text: str) -> str | None:
    """The content of a C string; None for NULL or a bare pointer."""
    if not text.startswith('"'):
        return None
    return unescape(text[1 : text.rindex('"')])


def need(call: Call, least: int) -> tuple[str, ...]:
    if len(call.args) < least:
        raise DecodeError(f"{call.name} with {len(call.args)} arguments")
    return call.args
