# SPDX-License-Identifier: Apache-2.0
"""How facts look on a terminal: the kernel's own formats where there are any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vmalab_native.waiting import Tree

Row = dict[str, Any]

PAGE_KIB = 4


def columns(head: Sequence[str], rows: Iterable[Sequence[object]], *, left: int = 1) -> str:
    """A table in plain text: the first `left` columns to the left, the others to the right."""
    table = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[index]) for line in table) for index in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    )


def vma(row: Row) -> str:
    """A line of /proc/PID/maps."""
    flags = row["flags"]
    perms = "".join(
        letter if flags & bit else "-" for letter, bit in (("r", 1), ("w", 2), ("x", 4))
    )
    device = f"{row['dev_major']:02x}:{row['dev_minor']:02x}"
    line = (
        f"{row['start']:08x}-{row['end']:08x} {perms}{'s' if flags & 8 else 'p'}"
        f" {row['offset']:08x} {device} {row['inode']} "
    )
    return line.ljust(73) + row["name"].replace("\n", "\\012") if row["name"] else line


def slabinfo(rows: list[Row]) -> str:
    """/proc/slabinfo, with allocs, frees and reuses at the end of each line."""
    lines = [
        "slabinfo - version: 2.1",
        "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
        " : tunables <limit> <batchcount> <sharedfactor>"
        " : slabdata <active_slabs> <num_slabs> <sharedavail> : <allocs> <frees> <reuses>",
    ]
    for row in rows:
        lines.append(
            f"{row['name']:<17} {row['active_objs']:>6} {row['num_objs']:>6} {row['objsize']:>6}"
            f" {row['objperslab']:>4} {row['pagesperslab']:>4}"
            f" : tunables {row['limit']:>4} {row['batchcount']:>4} {row['sharedfactor']:>4}"
            f" : slabdata {row['active_slabs']:>6} {row['num_slabs']:>6} {row['sharedavail']:>6}"
            f" : {row['allocs']} {row['frees']} {row['reuses']}"
        )
    return "\n".join(lines)


def vmstat(counters: dict[str, int]) -> str:
    """/proc/vmstat."""
    return "\n".join(f"{name} {value}" for name, value in counters.items())


def _trees(trees: Sequence[Tree]) -> str:
    from vmalab_native import waiting

    return "\n\n".join("\n".join(waiting.lines(tree)) for tree in trees)


def hung(trees: Sequence[Tree], events: Sequence[Sequence[str]], after_s: float) -> str:
    """Who holds others up for too long, with the last events of each."""
    if not trees:
        return f"no thread has waited for {after_s:g} s" if after_s else "no thread waits"
    parts = []
    for tree, last in zip(trees, events, strict=True):
        parts.append(_trees([tree]))
        if last:
            parts.append("\n".join([f"last events of pid {tree.task.pid}:", *last]))
    return "\n\n".join(parts)


def locks(rows: list[Row], trees: Sequence[Tree]) -> str:
    """The trees of those who wait, and a row for each lock that is announced."""
    if not rows and not trees:
        return "no lock is held or waited for"
    return "\n\n".join(part for part in (_trees(trees), _lock_table(rows)) if part)


def _lock_table(rows: list[Row]) -> str:
    return columns(
        ("lock", "mode", "state", "pid", "participant", "mm", "range or number"),
        (
            (
                *(row["name"], row["mode"], row["state"], row["pid"], row["participant"]),
                *(row["mm"] or "", _which(row)),
            )
            for row in rows
        ),
        left=3,
    )


def _which(row: Row) -> str:
    """Of the locks of that name, and of that address space: a VMA's range, a file's number, the
    number of a rwsem of library users."""
    if row["vma_end"]:
        return f"{row['vma_start']:x}-{row['vma_end']:x}"
    return str(row["vma_start"]) if row["name"] in ("file lock", "user") else ""


def cores(rows: list[Row]) -> str:
    """Every lock model with its layouts; sizes of those that are built."""
    head = ("model", "layout", "VMA bytes", "objects/slab", "pages/slab")
    names = ("vma_bytes", "objperslab", "pagesperslab")
    table = [
        (row["model"], row["layout"], *(row[name] if row["built"] else "-" for name in names))
        for row in rows
    ]
    return columns(head, table, left=2) + "\n\n-: not built yet; it is when it is first used"


def steps(families: Mapping[str, str]) -> str:
    """The steps of the history, each with the model whose layouts it has."""
    table = columns(("step of the history", "layouts of"), [*families.items()], left=2)
    return table + "\n\n--model takes a step too: docs/models.md"


def _workers(rows: list[Row]) -> str:
    return columns(
        ("  worker", "state", "pid", "core", "restarts", "address"),
        (
            (
                f"  {row['index']}",
                row["state"],
                row["pid"] or "-",
                row["cpu"] if row["cpu"] >= 0 else "-",
                row["restarts"],
                row["address"],
            )
            for row in rows
        ),
        left=2,
    )


def _address_spaces(rows: list[Row]) -> str:
    return columns(
        ("  mm", "VMAs", "size KiB", "resident KiB", "leases", "ttl s"),
        (
            (
                f"  {row['mm']}",
                row["map_count"],
                row["total_pages"] * PAGE_KIB,
                row["resident_pages"] * PAGE_KIB,
                row["leases"],
                f"{row['ttl_ms'] / 1000:.1f}",
            )
            for row in rows
        ),
    )


def _processes(rows: list[Row]) -> str:
    processes: dict[tuple[int, str, str], list[Row]] = {}
    for row in rows:
        name = "".join(c if c.isprintable() else "?" for c in row["comm"])  # anybody chose it
        comm = name if row["alive"] else f"{name} (dead)"
        processes.setdefault((row["pid"], row["role"], comm), []).append(row)
    return columns(
        ("  role", "comm", "pid", "threads", "in core", "leases"),
        (
            (
                *(f"  {role}", comm, pid, len(group)),
                sum(row["in_core"] for row in group),
                sum(row["leases"] for row in group),
            )
            for (pid, role, comm), group in processes.items()
        ),
        left=2,
    )


def instance(row: Row) -> str:
    """One instance of `vmalab ps`."""
    if "error" in row:
        return f"{row['instance']}: {row['error']}"
    from vmalab_drive import leftovers

    pid = row["supervisor_pid"]
    killed = "its server was killed (vmalab fsck recovers and checks it)"
    if leftovers.is_of_a_command(row["instance"]):
        killed = "its command was killed (the next vmalab load --mode attach removes it)"
    none = killed if row.get("orphaned") else "no server"
    supervisor = f"supervisor {pid}" if pid else none
    state = f"{row['state']}: {row['broken']}" if row.get("broken") else row["state"]
    where = f", {row['shared_address']}" if row["shared_address"] else ""
    cached = ", cached lookups" if row["lookup"] == "cache" else ""
    from vmalab_native import slab

    changed = slab.parse(row["slab"]).changed
    head = (
        f"{row['instance']}: {state}, {supervisor}{where},"
        f" {row['lock_model']} {row['layout']}, {row['rcu_flavour']}{cached}"
        f"{', slab ' + changed if changed else ''}"
    )
    parts = [head]
    if row.get("warning"):
        parts.append(f"  warning: {row['warning']}")
    if row["workers"]:
        parts.append(_workers(row["workers"]))
    if row["participants"]:
        parts.append(_processes(row["participants"]))
    if row["address_spaces"]:
        parts.append(_address_spaces(row["address_spaces"]))
    else:
        parts.append("  no address space")
    return "\n\n".join(parts)


def needs(rows: list[Row]) -> str:
    """What each lock model needs."""
    head = ("model", "lock", "lines", "functions", "orderings", "caches", "can fail", "freed")
    return columns(
        head,
        (
            (
                *(row["model"], row["locked_words"], row["lines"], row["functions"]),
                *(len(row["orderings"]), row["caches"], row["failures"]),
                "after a grace period" if row["deferred"] else "at once",
            )
            for row in rows
        ),
        left=2,
    )
