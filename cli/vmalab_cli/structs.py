# SPDX-License-Identifier: Apache-2.0
"""The shared structs as pahole shows structs, with a column for who may write each field."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]

CACHE_LINE = 64


def facts(struct: Row) -> Row:
    """What follows from the fields of a struct: its cache lines, holes and sums.

    Args:
        struct: name, size and fields; each field with name, offset, size, cacheline, guard, type.

    Returns:
        The same with cachelines, holes ({offset, bytes} each), sum_members, sum_holes and padding
        (what follows the last field); fields by offset. Bytes that two fields share count once.
    """
    fields = sorted(struct["fields"], key=lambda field: int(field["offset"]))
    holes, end = [], 0
    for field in fields:
        if field["offset"] > end:
            holes.append({"offset": end, "bytes": field["offset"] - end})
        end = max(end, field["offset"] + field["size"])
    sum_holes, padding = sum(hole["bytes"] for hole in holes), struct["size"] - end
    return {
        "name": struct["name"],
        "size": struct["size"],
        "cachelines": -(-struct["size"] // CACHE_LINE),
        "holes": holes,
        "sum_members": struct["size"] - sum_holes - padding,
        "sum_holes": sum_holes,
        "padding": padding,
        "fields": fields,
    }


def _declarations(row: Row) -> list[tuple[str, str]]:
    """(type, name) of each field, as C writes them."""
    found = []
    for field in row["fields"]:
        kind, bracket, count = field["type"].partition("[")
        found.append((kind or "?", f"{field['name']}{bracket}{count};"))
    return found


def listing(row: Row) -> str:
    """One struct, from its facts()."""
    declared = _declarations(row)
    kinds = max(len(kind) for kind, _ in declared)
    names = max(len(name) for _, name in declared)
    head = f"struct {row['name']} {{"
    lines = [f"{head:<{8 + kinds + 1 + names}} /* offset  size  written under */"]
    holes = {hole["offset"] + hole["bytes"]: hole["bytes"] for hole in row["holes"]}
    line = 0
    for field, (kind, name) in zip(row["fields"], declared, strict=True):
        offset = field["offset"]
        if offset in holes:
            lines += ["", f"\t/* XXX {holes.pop(offset)} bytes hole, try to pack */", ""]
        if offset // CACHE_LINE > line:
            line = offset // CACHE_LINE
            past = f" was {offset % CACHE_LINE} bytes ago" if offset % CACHE_LINE else ""
            lines.append(
                f"\t/* --- cacheline {line} boundary ({line * CACHE_LINE} bytes){past} --- */"
            )
        place = f"{offset:>6} {field['size']:>5}"
        lines.append(f"\t{kind:<{kinds}} {name:<{names}} /* {place}  {field['guard']} */")
    lines.append("")
    members = len(row["fields"])
    lines.append(
        f"\t/* size: {row['size']}, cachelines: {row['cachelines']}, members: {members} */"
    )
    if row["holes"]:
        lines.append(
            f"\t/* sum members: {row['sum_members']}, holes: {len(row['holes'])},"
            f" sum holes: {row['sum_holes']} */"
        )
    if row["padding"]:
        lines.append(f"\t/* padding: {row['padding']} */")
    if row["size"] % CACHE_LINE:
        lines.append(f"\t/* last cacheline: {row['size'] % CACHE_LINE} bytes */")
    return "\n".join([*lines, "};"])
