# SPDX-License-Identifier: Apache-2.0
"""Machines: files that say how many cores there are, what they share, and what an access costs.

A machine is a TOML file. Those of the folder `machines` have the names of their files::

    text = "two sockets of 22 cores"
    protocol = "mesif"            # mesi, mesif, moesi
    adjacent = true               # a miss brings the other line of the aligned pair as well
    changed = ["2026-11-30: made"]

    [cores]
    per_cluster = 22              # that share a last cache
    clusters_per_socket = 1

    [caches]                      # KiB and ways, of lines of 64 bytes
    first = {kib = 32, ways = 8, from = "..."}

    [ns]                          # what each thing takes; virtual_api.h says what is meant
    instruction = {ns = 0.1, from = "..."}

    [counts]
    store_buffer = {is = 42, from = "..."}

Every value says where it is from.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).resolve().parent / "machines"
LINE: Final = 64
CACHES: Final = ("first", "second", "shared")
TIMES: Final = (
    *("instruction", "first", "second", "shared", "cluster", "socket", "remote", "memory"),
    *("locked", "fence", "occupied", "pause", "call", "wake", "barrier"),
)
COUNTS: Final = ("store_buffer", "loads_out", "window")
_TOP: Final = {"text", "protocol", "adjacent", "changed", "cores", "caches", "ns", "counts"}


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
    """

    name: str
    text: str
    values: dict[str, int | str]
    sources: dict[str, str]
    changed: list[str]

    def with_adjacent(self, on: bool) -> Machine:
        """The same with the adjacent-line prefetcher on or off."""
        values = self.values | {"adjacent": int(on)}
        return Machine(self.name, self.text, values, self.sources, self.changed)

    @property
    def cores(self) -> int:
        """Of a cluster times clusters of a socket: the cores of one socket."""
        return int(self.values["cores_per_cluster"]) * int(self.values["clusters_per_socket"])


def shipped() -> list[str]:
    """The machines that the package has."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read(name: str) -> Machine:
    """A shipped machine by its name, or one by the path of its file.

    Raises:
        MachineError: there is none, or its file is wrong; says where.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MachineError(
            f"there is no machine {name!r}; there are {', '.join(shipped())}, and the path of a "
            ".toml file is one"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MachineError(f"{path}: {error}") from None
    return _checked(path, data)


def _given(value: object) -> str:
    return "is missing" if value is None else f"= {value!r}"


def _checked(path: Path, data: dict[str, object]) -> Machine:
    def wrong(what: str) -> MachineError:
        return MachineError(f"{path}: {what}")

    def table(name: str) -> dict[str, object]:
        found = data.get(name)
        if not isinstance(found, dict):
            raise wrong(f"[{name}] is missing")
        return found

    def whole(where: str, value: object, least: int, most: int) -> int:
        if type(value) is not int or not least <= value <= most:
            raise wrong(f"{where} {_given(value)}: a whole number from {least} to {most} is wanted")
        return value

    unknown = data.keys() - _TOP
    if unknown:
        raise wrong(f"unknown keys: {', '.join(sorted(unknown))}")
    values: dict[str, int | str] = {}
    sources: dict[str, str] = {}

    def sourced(section: str, name: str) -> dict[str, object]:
        one = table(section).get(name)
        if not isinstance(one, dict) or not isinstance(one.get("from"), str) or not one["from"]:
            raise wrong(
                f"{section}.{name} {_given(one)}: a table with a value and `from`, its source"
            )
        sources[f"{section}.{name}"] = str(one["from"])
        return one

    for section, known in (("caches", CACHES), ("ns", TIMES), ("counts", COUNTS)):
        more = table(section).keys() - set(known)
        if more:
            raise wrong(f"[{section}] has unknown keys: {', '.join(sorted(more))}")
    cores = table("cores")
    values["cores_per_cluster"] = whole("cores.per_cluster", cores.get("per_cluster"), 1, 255)
    values["clusters_per_socket"] = whole(
        "cores.clusters_per_socket", cores.get("clusters_per_socket"), 1, 32
    )
    for name in CACHES:
        cache = sourced("caches", name)
        ways = whole(f"caches.{name}.ways", cache.get("ways"), 1, 64)
        kib = whole(f"caches.{name}.kib", cache.get("kib"), 1, 1 << 20)
        sets = kib * 1024 // LINE // ways
        if sets < 1:
            raise wrong(f"caches.{name}: {kib} KiB in {ways} ways is less than one set")
        # A cache whose number of sets is no power of two (slices) gets the next lower one.
        values[f"{name}_sets"] = 1 << (sets.bit_length() - 1)
        values[f"{name}_ways"] = ways
    for name in TIMES:
        ns = sourced("ns", name).get("ns")
        # Who spins goes on by the time of instructions, so they must take some.
        least = 0.001 if name == "instruction" else 0
        if not isinstance(ns, int | float) or isinstance(ns, bool) or not least <= ns <= 1e6:
            raise wrong(f"ns.{name}.ns {_given(ns)}: {least} to 1000000 is wanted")
        values[name] = round(ns * 1000)
    for name in COUNTS:
        most = {"store_buffer": 128, "loads_out": 16, "window": 4096}[name]
        values[name] = whole(f"counts.{name}.is", sourced("counts", name).get("is"), 1, most)
    if data.get("protocol") not in ("mesi", "mesif", "moesi"):
        raise wrong(f"protocol {_given(data.get('protocol'))}: mesi, mesif or moesi is wanted")
    values["protocol"] = str(data["protocol"])
    if not isinstance(data.get("adjacent"), bool):
        raise wrong(f"adjacent {_given(data.get('adjacent'))}: true or false is wanted")
    values["adjacent"] = int(bool(data["adjacent"]))
    changed = data.get("changed")
    if not isinstance(changed, list) or not changed:
        raise wrong("changed: a list that says when values were set, and why, is wanted")
    return Machine(
        path.stem, str(data.get("text", "")), values, sources, [str(one) for one in changed]
    )
