# SPDX-License-Identifier: Apache-2.0
"""A layout of struct vm_area_struct as a file says it: reading, checking, and the C header of it.

docs/models.md ("Layouts of your own") has the format. A file is valid or not by itself, without the
sources and for all lock models that it is for: those that it names, else those whose lock is in the
VMA. It places each field once. One that a lock model has not takes no place there. Its name has a
hash of what it says, comments and the order of keys left out. So two processes that name the same
layout mean the same bytes, and the same fields that are touched.

native/Makefile runs this file as a program, perhaps with a Python that has nothing installed. So it
imports nothing of ours.

usage: layout_file.py MODEL FILE.toml > HEADER
"""

import hashlib
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SUFFIX: Final = ".toml"
EMBEDDED: Final = ("embedded-rwsem", "typesafe-rwsem", "refcount")
"""The lock models with a lock in the VMA."""
MODELS: Final = ("mmap-lock", "split-rwsem", *EMBEDDED)
LOCK: Final = "lock"
"""How a file names the model's lock, whatever it is: of split-rwsem the word that names it."""
FIELDS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("vm_start", "vm_end", "vm_flags", "vm_pgbase", "page_prot", "vm_mm"), 8),
    **dict.fromkeys(("vm_lock_seq", "detached", "anon_vma"), 4),
    **dict.fromkeys(("vm_file", "vm_ops"), 2),
    **dict.fromkeys(("anon_vma_chain", "anon_vma_links", "anon_name", "numab_state"), 4),
    **dict.fromkeys(("vm_policy", "uffd_ctx"), 4),
    **dict.fromkeys(("alloc_seq", "file_open"), 8),
    **dict.fromkeys(("rare1", "rare2", "rare3", "rare4", "rare5", "rare6"), 8),
}
"""Every field of include/vmalab/vma_layout.h but the lock, with its bytes."""
EXTRA_TYPES: Final[Mapping[str, int]] = {"u8": 1, "u16": 2, "u32": 4, "u64": 8}
TOUCHERS: Final[Mapping[str, str]] = {
    "fault": "a fault loads it",
    "change": "who write-locks stores it",
    "walk": "a walk without locks loads it",
}
ALIGN_LEAST: Final = 16  # a reference to an object has 16-byte steps
ALIGN_MOST: Final = 4096
BYTES_MAX: Final = 1024
EXTRAS_MAX: Final = 32
TEXT_MAX: Final = 64 << 10
STEM_MAX: Final = 13  # so that the name fits into a segment's header, with that of the lab core
HASH_DIGITS: Final = 8
NAME: Final = re.compile(rf"file:[a-z0-9-]{{1,{STEM_MAX}}}-[0-9a-f]{{{HASH_DIGITS}}}")
_LOCKS: Final[Mapping[str, tuple[str, int, int]]] = {
    "split-rwsem": ("vm_lock", 8, 8),
    "embedded-rwsem": ("vm_lock", 40, 8),
    "typesafe-rwsem": ("vm_lock", 40, 8),
    "refcount": ("vm_refcnt", 4, 4),
}
"""The member that is the lock, its bytes and its alignment."""
_ABSENT: Final[Mapping[str, tuple[str, ...]]] = {"mmap-lock": (LOCK, "vm_lock_seq", "detached")}


class LayoutFileError(ValueError):
    """The file says no layout; the message names file, line and key, and what would be right."""


@dataclass(frozen=True, slots=True)
class Extra:
    """A field that the core does not have. `kind` is a type, or "" for so many bytes."""

    name: str
    kind: str
    bytes: int
    touched_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that follow each other. `align`: its head is at a multiple of it; `pad`: its end."""

    fields: tuple[str, ...]
    align: int
    pad: int


@dataclass(frozen=True, slots=True)
class LayoutFile:
    """What a file says."""

    stem: str
    align: int
    groups: tuple[Group, ...]
    extras: tuple[Extra, ...]
    models: tuple[str, ...] = EMBEDDED

    def digest(self) -> str:
        """The hash of all that the core is compiled from; not of the file's name."""
        said = [
            self.align,
            [[group.fields, group.align, group.pad] for group in self.groups],
            [[extra.name, extra.kind, extra.bytes, extra.touched_by] for extra in self.extras],
        ]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    @property
    def name(self) -> str:
        """What a segment's header and the core's file call it: file:STEM-HASH."""
        plain = re.sub(r"[^a-z0-9]+", "-", self.stem.lower()).strip("-") or "layout"
        return f"file:{plain[:STEM_MAX].rstrip('-')}-{self.digest()[:HASH_DIGITS]}"


@dataclass(frozen=True, slots=True)
class Placed:
    """A member of the struct. `extra`: it is one; `pad`: it is bytes that nobody uses."""

    name: str
    offset: int
    bytes: int
    extra: Extra | None = None
    pad: bool = False


def _up(at: int, to: int) -> int:
    return -(-at // to) * to


def placed(layout: LayoutFile, model: str) -> list[Placed]:
    """Where each member is in a lock model, in order, as a C compiler has them."""
    absent = _ABSENT.get(model, ())
    extras = {extra.name: extra for extra in layout.extras}
    found: list[Placed] = []
    at = pads = 0

    def pad_to(align: int) -> None:
        nonlocal at, pads
        if missing := _up(at, align) - at:
            pads += 1
            found.append(Placed(f"pad{pads}", at, missing, pad=True))
            at += missing

    for group in layout.groups:
        names = [name for name in group.fields if name not in absent]
        if not names:
            continue
        pad_to(group.align)
        for name in names:
            extra = extras.get(name)
            if name == LOCK:
                _, size, align = _LOCKS[model]
            elif extra:
                size, align = extra.bytes, EXTRA_TYPES.get(extra.kind, 1)
            else:
                size = align = FIELDS[name]
            at = _up(at, align)
            found.append(Placed(name, at, size, extra))
            at += size
        pad_to(group.pad)
    return found


def struct_bytes(layout: LayoutFile, model: str) -> int:
    """The size of the struct in a lock model."""
    last = placed(layout, model)[-1]
    return _up(last.offset + last.bytes, layout.align)


# --- reading ---


class _Text:
    """The file as text: where a key is, which the parser does not say."""

    def __init__(self, where: str, text: str) -> None:
        self._where = where
        self._lines = text.split("\n")

    def wrong(
        self, said: str, *, table: str = "", number: int = 0, key: str = ""
    ) -> LayoutFileError:
        """The error of a key, of the number-th [[table]]; without one, of the file's head."""
        line = self._line(table, number, key)
        place = f"{table} {number}, " if table else ""
        return LayoutFileError(f"{self._where}, line {line}, {place}{key or 'the table'}: {said}")

    def field(self, said: str, name: str, *, number: int, again: bool = False) -> LayoutFileError:
        """The error of a name in the fields of a group; again: of its last place in the group."""
        first = self._line("group", number, "fields")
        lines = [
            at
            for at in range(first, self._end(first) + 1)
            if re.search(rf"""["']{re.escape(name)}["']""", self._lines[at - 1])
        ] or [first]
        at = lines[-1] if again else lines[0]
        return LayoutFileError(f"{self._where}, line {at}, group {number}, fields: {said}")

    def _end(self, first: int) -> int:
        """The last line before the next table."""
        for at in range(first + 1, len(self._lines) + 1):
            if re.match(r"\s*\[\[?\s*\w+\s*\]", self._lines[at - 1]):
                return at - 1
        return len(self._lines)

    def _line(self, table: str, number: int, key: str) -> int:
        seen, start = 0, 0 if table else 1
        for at, line in enumerate(self._lines, 1):
            head = re.match(r"\s*\[\[\s*(\w+)\s*\]\]", line)
            if head:
                seen += head[1] == table
                if start:
                    break
                start = at if table == head[1] and seen == number else 0
            elif start and key and re.match(rf"\s*{re.escape(key)}\s*=", line):
                return at
        return start or 1


def _whole(text: _Text, table: str, number: int, row: Mapping[str, object], key: str) -> int | None:
    """A number of a row; None: it is not there."""
    value = row.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise text.wrong(f"{value!r} is no whole number", table=table, number=number, key=key)
    return value


def _power(
    text: _Text, table: str, number: int, row: Mapping[str, object], key: str, least: int
) -> int | None:
    """The same for a power of two."""
    value = _whole(text, table, number, row, key)
    if value is None or (least <= value <= ALIGN_MOST and value & (value - 1) == 0):
        return value
    said = f"{value} is not a power of two from {least} to {ALIGN_MOST}"
    raise text.wrong(said, table=table, number=number, key=key)


def _names(
    text: _Text, table: str, number: int, row: Mapping[str, object], key: str
) -> tuple[str, ...]:
    value = row.get(key)
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise text.wrong("give a list of names", table=table, number=number, key=key)
    return tuple(str(name) for name in value)


def _keys(text: _Text, table: str, number: int, row: Mapping[str, object], *known: str) -> None:
    for key in row:
        if key not in known:
            said = f"there is no such key; there are {', '.join(known)}"
            raise text.wrong(said, table=table, number=number, key=key)


def _tables(text: _Text, data: Mapping[str, object], key: str) -> list[dict[str, object]]:
    rows = data.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise text.wrong(f"give tables, each under a line [[{key}]]", key=key)
    return rows


def _extra(text: _Text, number: int, row: Mapping[str, object]) -> Extra:
    def wrong(said: str, key: str) -> LayoutFileError:
        return text.wrong(said, table="extra", number=number, key=key)

    _keys(text, "extra", number, row, "name", "type", "bytes", "touched_by")
    name, kind = row.get("name"), row.get("type")
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", name):
        raise wrong(f"{name!r} is no name: 1 to 31 of a-z 0-9 _, a letter first", "name")
    if name in FIELDS or name in (LOCK, "vm_lock", "vm_refcnt") or re.fullmatch(r"pad\d+", name):
        raise wrong(f"{name!r} is a member of the struct already", "name")
    size = _whole(text, "extra", number, row, "bytes")
    if (kind is None) == (size is None):
        raise wrong("give a type or a number of bytes, one of them", "type" if kind else "name")
    if kind is not None and (not isinstance(kind, str) or kind not in EXTRA_TYPES):
        raise wrong(f"{kind!r} is no type; there are {', '.join(EXTRA_TYPES)}", "type")
    if size is not None and not 1 <= size <= BYTES_MAX:
        raise wrong(f"{size}, allowed are 1 to {BYTES_MAX}", "bytes")
    touched = _names(text, "extra", number, row, "touched_by")
    for one in touched:
        if one not in TOUCHERS:
            raise wrong(f"{one!r} touches nothing; there are {', '.join(TOUCHERS)}", "touched_by")
    if kind is not None:
        size = EXTRA_TYPES[str(kind)]
    assert size is not None
    return Extra(name, str(kind or ""), size, tuple(one for one in TOUCHERS if one in touched))


def _group(text: _Text, number: int, row: Mapping[str, object], known: set[str]) -> Group:
    _keys(text, "group", number, row, "fields", "align", "pad")
    names = _names(text, "group", number, row, "fields")
    for name in names:
        if name not in known:
            there = ", ".join(sorted(known))
            raise text.field(f"there is no field {name!r}; there are {there}", name, number=number)
    return Group(
        names,
        _power(text, "group", number, row, "align", 1) or 1,
        _power(text, "group", number, row, "pad", 1) or 1,
    )


def _each_once(text: _Text, groups: tuple[Group, ...], known: set[str]) -> None:
    seen: dict[str, int] = {}
    for number, group in enumerate(groups, 1):
        for at, name in enumerate(group.fields):
            if name in seen:
                again = name in group.fields[:at]
                said = f"{name!r} is there twice, first in group {seen[name]}"
                raise text.field(said, name, number=number, again=again)
            seen[name] = number
    left = [name for name in (*FIELDS, *sorted(known - set(FIELDS))) if name not in seen]
    if LOCK in left:
        raise text.wrong('no group has the lock: add "lock" to one', key="fields")
    if left:
        raise text.wrong(f"no group has {', '.join(left)}: each field is in one", key="fields")


def parse(text: str, *, where: str, stem: str) -> LayoutFile:
    """The layout that a text says.

    Args:
        where: what messages call the file.
        stem: the name of the file without its folder and its suffix.

    Raises:
        LayoutFileError: with the line and the key of the first thing that is wrong.
    """
    if len(text) > TEXT_MAX:
        raise LayoutFileError(f"{where}: {len(text)} characters, allowed are {TEXT_MAX}")
    try:
        data: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LayoutFileError(f"{where}: no TOML: {error}") from None
    lines = _Text(where, text)
    _keys(lines, "", 0, data, "text", "align", "models", "group", "extra")
    if not isinstance(data.get("text", ""), str):
        raise lines.wrong("give a sentence", key="text")
    align = _power(lines, "", 0, data, "align", ALIGN_LEAST)
    if align is None:
        raise lines.wrong("give where objects begin, in bytes: 16 roams, 64 is a line", key="align")
    models = _names(lines, "", 0, data, "models") if "models" in data else EMBEDDED
    for model in models or ("",):
        if model not in MODELS:
            raise lines.wrong(f"there is no lock model {model!r}; there are {', '.join(MODELS)}",
                              key="models")  # fmt: skip
    rows = _tables(lines, data, "extra")
    if len(rows) > EXTRAS_MAX:
        raise lines.wrong(f"{len(rows)} tables, allowed are {EXTRAS_MAX}", key="extra")
    extras = tuple(_extra(lines, number, row) for number, row in enumerate(rows, 1))
    names = [extra.name for extra in extras]
    for number, name in enumerate(names, 1):
        if name in names[: number - 1]:
            raise lines.wrong(f"{name!r} is there twice", table="extra", number=number, key="name")
    known = {*FIELDS, LOCK, *names}
    groups = tuple(
        _group(lines, number, row, known)
        for number, row in enumerate(_tables(lines, data, "group"), 1)
    )
    _each_once(lines, groups, known)
    made = LayoutFile(stem, align, groups, extras, models)
    largest = max(struct_bytes(made, model) for model in models)
    if largest > BYTES_MAX:
        raise lines.wrong(f"the struct has {largest} bytes, allowed are {BYTES_MAX}", key="align")
    return made


def read(path: Path) -> LayoutFile:
    """The layout of a file. Raises LayoutFileError: it says none, or cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        raise LayoutFileError(f"{path}: {why}") from None
    return parse(text, where=path.name, stem=path.stem)


# --- the header ---


def _declared(one: Placed) -> str:
    if one.name == LOCK:
        return "VMA_LOCK_FIELD"
    if one.pad or (one.extra and not one.extra.kind):
        return f"u8 {one.name}[{one.bytes}];"
    return f"{one.extra.kind} {one.name};" if one.extra else f"F_{one.name}"


def _touches(layout: LayoutFile, who: str, model: str) -> Iterator[str]:
    stamp = "alloc_seq" if "vm_lock_seq" in _ABSENT.get(model, ()) else "vm_lock_seq"
    for extra in layout.extras:
        if who not in extra.touched_by:
            continue
        kind, at = extra.kind or "u8", f"(vma)->{extra.name}" + ("" if extra.kind else "[0]")
        if who == "change":
            yield f"store_relaxed_{kind}(&{at}, ({kind})(vma)->{stamp})"
        else:
            yield f"(void)load_relaxed_{kind}(&{at})"


def _rows(members: list[Placed]) -> Iterator[str]:
    for one in members:
        if one.pad or one.extra:
            touched = one.extra.touched_by if one.extra else ()
            what = "; ".join(TOUCHERS[who] for who in touched) or "unused"
            yield f'F(vm_area_struct, {one.name}, "{what}"),'


def header(layout: LayoutFile, model: str) -> str:
    """What vma_layout.h includes as VL_FILE_HEADER."""
    members = placed(layout, model)
    asserts = [f"SIZE_IS(struct vm_area_struct, {struct_bytes(layout, model)});"]
    for one in members:
        name = _LOCKS[model][0] if one.name == LOCK else one.name
        asserts.append(f"OFFSET_IS(struct vm_area_struct, {name}, {one.offset});")
    macros = {
        "VMA_FILE_HASH": [f'"{layout.digest()}"'],
        "VMA_FILE_ALIGN": [str(layout.align)],
        "VMA_FILE_BODY": [_declared(one) for one in members],
        "VMA_FILE_ROWS": list(_rows(members)),
        "VMA_FILE_ASSERTS": asserts,
    }
    for who in TOUCHERS:
        touches = ", ".join(_touches(layout, who, model)) or "(void)0"
        macros[f"VMA_EXTRA_{who.upper()}(vma)"] = [f"({touches})"]
    lines = [f"/* made by layout_file.py from {layout.stem}{SUFFIX} for {model} */"]
    lines += [f"#define {name} \\\n\t" + " \\\n\t".join(body) for name, body in macros.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in MODELS:
        sys.exit((__doc__ or "").strip().rpartition("\n")[2])
    try:
        wanted = read(Path(sys.argv[2]))
        if sys.argv[1] not in wanted.models:
            sys.exit(f"{sys.argv[2]} is for {', '.join(wanted.models)}, not for {sys.argv[1]}")
        print(header(wanted, sys.argv[1]), end="")
    except LayoutFileError as wrong:
        sys.exit(str(wrong))
