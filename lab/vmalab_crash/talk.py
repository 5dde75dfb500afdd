# SPDX-License-Identifier: Apache-2.0
"""What the harness says to the processes of a run, and what they answer: a JSON object a message,
with the fields of one of these classes."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Message = TypeVar("_Message", bound="DataclassInstance")


def packed(message: DataclassInstance) -> bytes:
    return json.dumps(dataclasses.asdict(message)).encode()


def unpacked(kind: type[_Message], raw: bytes) -> _Message:
    """The message of that kind which packed() made these bytes of."""
    return kind(**json.loads(raw))


@dataclass(frozen=True, slots=True)
class Birth:
    """What a process that is forked shall be: a participant for each row."""

    instance: str
    kind: str
    rows: list[int]
    seed: str


@dataclass(frozen=True, slots=True)
class Order:
    """To a recoverer.

    Attributes:
        pages: of the ballast.
        rows: of those who filled a table, for "unfill".
    """

    do: Literal["recover", "fsck", "begin", "ballast", "unfill", "end", "leave"]
    pages: int = 0
    rows: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Done:
    """The answer of an order that only has to be carried out."""


@dataclass(frozen=True, slots=True)
class Complaints:
    """What fsck says."""

    lines: list[str]


@dataclass(slots=True)
class Recovery:
    """What "recover" did until nobody was dead.

    Attributes:
        dead: how many were.
        spent_ns: how long each call took that found some.
        stuck: the pid of a living process that does not leave the core.
        left: somebody is dead still after all the calls that are allowed.
        repaired: what was repaired, all kinds together.
    """

    dead: int = 0
    spent_ns: list[int] = field(default_factory=list)
    stuck: int = 0
    left: bool = False
    repaired: int = 0


@dataclass(frozen=True, slots=True)
class Left:
    """What is left at the end: address spaces, room for so many files, and what fsck says."""

    mms: int
    files_free: int
    fsck: list[str]
