# SPDX-License-Identifier: Apache-2.0
"""How an instance makes and frees its VMAs: docs/slab.md says what each setting is. No ffi here."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import Final, Literal, get_args

from vmalab_native.errors import InvalidArgument

Ctor = Literal["model", "page", "alloc"]
Reset = Literal["alloc", "free"]
FreePointer = Literal["none", "outside", "overlaid"]

MAGAZINE: Final = 52
MAGAZINE_MIN: Final = 2
MAGAZINE_MAX: Final = 64
SHEAF: Final = "sheaf"
"""`magazine=sheaf`: two sheaves of 32 and a barn, as Linux 6.18 has them."""
_STALE: Final = "a stale reader may hold the lock of an object that is allocated again"
_NO_LOCK: Final = "its VMA has no lock in it"
NO_CTOR: Final = {
    ("typesafe-rwsem", "alloc"): _STALE,
    ("split-rwsem", "page"): _NO_LOCK,
    ("mmap-lock", "page"): _NO_LOCK,
}


@dataclass(frozen=True, slots=True)
class Slab:
    """The settings, each with what is so by default first.

    Attributes:
        ctor: when the lock of a VMA is initialised: "model" (as the lock model has it), "page"
            (once, by the constructor, when its slab page is made) or "alloc" (at each allocation).
        reset: when the other fields are cleared: at "alloc" or at "free".
        freeptr: the free pointer of a free VMA: "none", "outside" (behind it) or "overlaid" (over
            vm_start).
        magazine: objects of a cache that a participant keeps, an even number from 2 to 64.
        barn: each cache keeps up to ten full halves of magazines.
        merge: caches that are alike share slabs.
    """

    ctor: Ctor = "model"
    reset: Reset = "alloc"
    freeptr: FreePointer = "none"
    magazine: int = MAGAZINE
    barn: bool = False
    merge: bool = False

    def check(self, model: str) -> None:
        """Raises InvalidArgument: a value that cannot be, or not with this lock model."""
        for name, given, allowed in (
            ("ctor", self.ctor, get_args(Ctor)),
            ("reset", self.reset, get_args(Reset)),
            ("freeptr", self.freeptr, get_args(FreePointer)),
        ):
            if given not in allowed:
                raise _refused(name, given, ", ".join(allowed))
        if self.magazine % 2 or not MAGAZINE_MIN <= self.magazine <= MAGAZINE_MAX:
            even = f"even numbers from {MAGAZINE_MIN} to {MAGAZINE_MAX}, and {SHEAF}"
            raise _refused("magazine", self.magazine, even)
        why = NO_CTOR.get((model, self.ctor))
        if why:
            raise InvalidArgument(f"slab ctor={self.ctor} is not for {model}: {why}")

    def __str__(self) -> str:
        """As `parse` takes it."""
        flags = {name: "yes" if getattr(self, name) else "no" for name in ("barn", "merge")}
        values = dataclasses.asdict(self) | flags
        return ",".join(f"{name}={value}" for name, value in values.items())

    @property
    def changed(self) -> str:
        """Only what is not as by default; "": everything is."""
        usual = str(Slab()).split(",")
        return ",".join(part for part in str(self).split(",") if part not in usual)


def _refused(name: str, given: object, allowed: str) -> InvalidArgument:
    return InvalidArgument(f"slab {name}={given}: allowed are {allowed}")


def parse(text: str) -> Slab:
    """Settings from `name=value,...`; what is not named is as by default.

    Raises:
        InvalidArgument: no such setting, no value of it, or one that is given twice.
    """
    given: dict[str, object] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if name in given or ("barn" in given and value == SHEAF):
            both = f" ({SHEAF} is {MAGAZINE_MAX} with a barn)" if SHEAF in text else ""
            raise InvalidArgument(f"slab {part}: a setting is given once{both}")
        if name == "magazine" and value == SHEAF:
            given |= {"magazine": MAGAZINE_MAX, "barn": True}
        elif name == "magazine":
            if not value.isdecimal():
                raise _refused(name, value, f"numbers, and {SHEAF}")
            given[name] = int(value)
        elif name in ("barn", "merge"):
            if value not in ("yes", "no"):
                raise _refused(name, value, "yes, no")
            given[name] = value == "yes"
        elif name in ("ctor", "reset", "freeptr"):
            given[name] = value
        else:
            names = ", ".join(field.name for field in dataclasses.fields(Slab))
            raise InvalidArgument(f"slab {part}: settings are {names}, each as NAME=VALUE")
    return dataclasses.replace(Slab(), **given)  # type: ignore[arg-type]


def default() -> Slab:
    """VMALAB_SLAB of the environment, else the usual one. Raises InvalidArgument."""
    return parse(os.environ.get("VMALAB_SLAB", ""))
