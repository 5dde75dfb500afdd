# SPDX-License-Identifier: Apache-2.0
"""Machines: files that say how many cores there are, what they share, and what an access costs.

A machine is a TOML file. Those of the folder `machines` have the names of their files::

    text = "two sockets of 22 cores"
    protocol = {is = "mesif", from = "..."}     # mesi, mesif, moesi
    adjacent = {is = true, from = "..."}        # a miss brings the other line of the aligned pair
    changed = ["2026-11-30: made"]

    [sources]                     # if there are any: who has published what
    c2c = "nviennot, core-to-core-latency"

    [cores]                       # per_cluster: that share a last cache
    per_cluster = {is = 22, from = "..."}
    clusters_per_socket = {is = 1, from = "..."}

    [caches]                      # KiB and ways, of lines of 64 bytes
    first = {kib = 32, ways = 8, from = "..."}

    [ns]                          # what each thing takes; virtual_api.h says what is meant
    instruction = {ns = 0.1, from = "..."}

    [counts]
    store_buffer = {is = 42, from = "c2c: ..."}

Every value says where it is from. In a file with sources it begins with the name of one and a
colon, or with "no source found: " and what was taken instead, or with "not used: " and why not.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent / "machines"
LINE: Final = 64
THIS: Final = "this-machine"
"""The name of the machine that it runs on."""
CACHES: Final = ("first", "second", "shared")
TIMES: Final = (
    *("instruction", "first", "second", "shared", "cluster", "socket", "remote", "memory"),
    *("locked", "fence", "occupied", "pause", "call", "wake", "barrier", "clock"),
)
MOST_NS: Final = 1_000_000
"""The longest of them that a file may say."""
COUNTS: Final = {"store_buffer": 128, "loads_out": 16, "window": 4096, "ahead": 4096, "request": 49}
"""Each with the most that is modelled."""
CORES: Final = {"per_cluster": 255, "clusters_per_socket": 32}
"""Each with the most that there can be."""
NO_SOURCE: Final = "no source found"
NOT_USED: Final = "not used"
_TOP: Final = {
    *("text", "protocol", "adjacent", "changed", "sources", "cores", "caches", "ns", "counts"),
}


class MachineError(ValueError):
    """A machine's file does not say what it has to; names the file and the key."""


@dataclass(frozen=True)
class Machine:
    """A machine that virtual CPUs run on.

    Attributes:
        name: its name, or the file's.
        text: what it is, for people.
        values: what the core takes (`vmalab_native.virtual.MACHINE_FIELDS`, and "protocol").
        sources: of each value of the file where it is from.
        changed: when values were set, and why.
        books: the sources that `sources` names, by their short names.
    """

    name: str
    text: str
    values: dict[str, int | str]
    sources: dict[str, str]
    changed: list[str]
    books: dict[str, str]

    def with_adjacent(self, on: bool) -> Machine:
        """The same with the adjacent-line prefetcher on or off."""
        values = self.values | {"adjacent": int(on)}
        return replace(self, values=values)

    @property
    def cores(self) -> int:
        """Of a cluster times clusters of a socket: the cores of one socket."""
        return int(self.values["cores_per_cluster"]) * int(self.values["clusters_per_socket"])


def own_file() -> Path:
    """Where `vmalab scale calibrate` writes: THIS in the user's folder for data."""
    named = Path(os.environ.get("XDG_DATA_HOME", ""))
    base = named if named.is_absolute() else Path.home() / ".local" / "share"
    return base / "vmalab" / f"{THIS}.toml"


def shipped() -> list[str]:
    """The machines that the package has."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read(name: str) -> Machine:
    """A shipped machine by its name, this one (THIS), or one by the path of its file.

    Raises:
        MachineError: there is none, or its file is wrong; says where.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if name == THIS:
        path = own_file()
        if not path.exists():
            raise MachineError(f"{path} is not there: vmalab scale calibrate measures this machine")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MachineError(
            f"there is no machine {name!r}; there are {', '.join(shipped())}, {THIS} once it is "
            "calibrated, and the path of a .toml file is one"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MachineError(f"{path}: {error}") from None
    return _checked(path, data)


def _given(value: object) -> str:
    return "is missing" if value is None else f"= {value!r}"


def _checked(path: Path, data: dict[str, object]) -> Machine:
    if unknown := data.keys() - _TOP:
        raise MachineError(f"{path}: unknown keys: {', '.join(sorted(unknown))}")
    file = _File(path, data)
    values: dict[str, int | str] = {
        f"cores_{name}" if name == "per_cluster" else name: file.whole("cores", name, most=most)
        for name, most in CORES.items()
    }
    for section, known in (("cores", CORES), ("caches", CACHES), ("ns", TIMES), ("counts", COUNTS)):
        if more := file.table(section).keys() - set(known):
            raise file.wrong(f"[{section}] has unknown keys: {', '.join(sorted(more))}")
    for name in CACHES:
        ways = file.whole("caches", name, "ways", most=64)
        kib = file.whole("caches", name, "kib", most=1 << 20)
        sets = kib * 1024 // LINE // ways
        if sets < 1:
            raise file.wrong(f"caches.{name}: {kib} KiB in {ways} ways is less than one set")
        # A cache whose number of sets is no power of two (slices) gets the next lower one.
        values[f"{name}_sets"] = 1 << (sets.bit_length() - 1)
        values[f"{name}_ways"] = ways
    values |= {name: file.ps(name) for name in TIMES}
    values |= {
        name: file.whole("counts", name, most=most, least=0 if name == "ahead" else 1)
        for name, most in COUNTS.items()
    }
    protocol = file.sourced("protocol").get("is")
    if protocol not in ("mesi", "mesif", "moesi"):
        raise file.wrong(f"protocol.is {_given(protocol)}: mesi, mesif or moesi is wanted")
    adjacent = file.sourced("adjacent").get("is")
    if not isinstance(adjacent, bool):
        raise file.wrong(f"adjacent.is {_given(adjacent)}: true or false is wanted")
    values |= {"protocol": str(protocol), "adjacent": int(adjacent)}
    changed = data.get("changed")
    if not isinstance(changed, list) or not changed:
        raise file.wrong("changed: a list that says when values were set, and why, is wanted")
    file.each_source_is_named()
    text = str(data.get("text", ""))
    return Machine(path.stem, text, values, file.sources, [str(one) for one in changed], file.books)


class _File:
    """The file of a machine, and where its values are from."""

    def __init__(self, path: Path, data: dict[str, object]) -> None:
        self._path, self._data = path, data
        self.sources: dict[str, str] = {}
        books = data.get("sources", {})
        if not isinstance(books, dict) or not all(isinstance(one, str) for one in books.values()):
            raise self.wrong("[sources]: a table of texts is wanted")
        self.books = {str(name): str(text) for name, text in books.items()}

    def wrong(self, what: str) -> MachineError:
        return MachineError(f"{self._path}: {what}")

    def table(self, name: str) -> dict[str, object]:
        found = self._data.get(name)
        if not isinstance(found, dict):
            raise self.wrong(f"[{name}] is missing")
        return found

    def sourced(self, *names: str) -> dict[str, object]:
        """The table of a value, which says where that is from."""
        where = ".".join(names)
        one = (self.table(names[0]) if len(names) > 1 else self._data).get(names[-1])
        if not isinstance(one, dict):
            raise self.wrong(f"{where} {_given(one)}: a table with a value and `from` is wanted")
        origin = one.get("from")
        if not isinstance(origin, str) or not origin:
            raise self.wrong(f"{where}.from {_given(origin)}: where the value is from is wanted")
        book = origin.partition(":")[0]
        if self.books and book not in (*self.books, NO_SOURCE, NOT_USED):
            known = ", ".join(self.books)
            raise self.wrong(f'{where}.from: {book!r} is none of {known}, nor "{NO_SOURCE}"')
        self.sources[where] = origin
        return one

    def whole(self, section: str, name: str, key: str = "is", *, most: int, least: int = 1) -> int:
        """A whole number from the least to the most."""
        value = self.sourced(section, name).get(key)
        if type(value) is not int or not least <= value <= most:
            where = f"{section}.{name}.{key}"
            raise self.wrong(
                f"{where} {_given(value)}: a whole number from {least} to {most} is wanted"
            )
        return value

    def ps(self, name: str) -> int:
        """Picoseconds, of a value in ns."""
        ns = self.sourced("ns", name).get("ns")
        # Who spins goes on by the time of instructions, so they must take some.
        least = 0.001 if name == "instruction" else 0
        if not isinstance(ns, int | float) or isinstance(ns, bool) or not least <= ns <= MOST_NS:
            raise self.wrong(f"ns.{name}.ns {_given(ns)}: {least} to {MOST_NS} is wanted")
        return round(ns * 1000)

    def each_source_is_named(self) -> None:
        said = {origin.partition(":")[0] for origin in self.sources.values()}
        if unused := self.books.keys() - said:
            raise self.wrong(f"[sources]: nothing is from {', '.join(sorted(unused))}")
