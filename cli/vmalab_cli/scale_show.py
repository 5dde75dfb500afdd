# SPDX-License-Identifier: Apache-2.0
"""What `vmalab scale` prints for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from vmalab_scale.run import Cell

PAIRS_SHOWN: Final = 3


def table(cells: Sequence[Cell]) -> Iterator[str]:
    from vmalab_cli.render import columns

    for workload in dict.fromkeys(cell.workload for cell in cells):
        rows = []
        mine = [cell for cell in cells if cell.workload == workload]
        vcpus = sorted({cell.vcpus for cell in mine})
        for key in dict.fromkeys((cell.model, cell.layout) for cell in mine):
            found = {cell.vcpus: cell for cell in mine if (cell.model, cell.layout) == key}
            rows.append(
                [
                    " ".join(key),
                    *(f"{found[n].per_s / 1e6:.1f}" if n in found else "" for n in vcpus),
                ]
            )
        yield f"{workload}, million operations a virtual second"
        yield columns(["lock model, layout", *map(str, vcpus)], rows)
        yield ""


def hot(cells: Sequence[Cell], most: int) -> Iterator[str]:
    from vmalab_cli.render import columns
    from vmalab_scale import c2c

    for cell in cells:
        yield f"{cell.model} {cell.layout}, {cell.workload}, {cell.vcpus} virtual CPUs: hottest"
        rows = []
        for line in c2c.lines(cell)[:most]:
            pair = line.pairs[0]
            rows.append(
                [
                    f"{line.offset:#x}",
                    pair.taker.place.text,
                    f"{'writes' if pair.writes else 'reads'} in {pair.taker.function}",
                    pair.writer.place.text,
                    f"in {pair.writer.function}",
                    "true" if pair.real else "false",
                    f"{line.misses:.3f}",
                    f"{line.ns:.1f}",
                ]
            )
        head = ("line", "wanted", "", "written", "", "sharing", "misses/op", "ns/op")
        yield columns(head, rows, left=6)
        yield ""


def c2c_of(cell: Cell, most: int, *, explain: bool) -> Iterator[str]:
    from vmalab_scale import c2c

    where = f"{cell.model} {cell.layout}, {cell.workload}, {cell.vcpus} virtual CPUs"
    found = c2c.lines(cell)
    if not found:
        yield f"{where}: no line was taken from anybody"
        return
    count = "a line" if len(found) == 1 else f"{len(found)} lines"
    yield f"{where}: {count} that CPUs took from one another"
    for line in found[:most]:
        yield ""
        yield (
            f"line {line.offset:#x}: {line.misses:.3f} misses/op, {line.ns:.1f} ns/op, "
            f"{line.false_part:.0%} of it false sharing"
        )
        yield from c2c.drawn(line)
        for pair in line.pairs[:PAIRS_SHOWN]:
            yield f"  {c2c.told(pair)}"
        if explain:
            yield from (f"  => {one}" for one in c2c.explanations(line, cell.model))


def _where(cell: Cell) -> str:
    return f"{cell.model} {cell.layout}, {cell.vcpus}"


def time_tables(cells: Sequence[Cell]) -> Iterator[str]:
    """Where the time of the CPUs went."""
    from vmalab_cli.render import columns
    from vmalab_scale import report

    for workload in dict.fromkeys(cell.workload for cell in cells):
        mine = [cell for cell in cells if cell.workload == workload]
        shown = [one for one in report.SHARES if one != "ordered" or mine[0].verdict]
        rows = [
            [_where(cell), *(f"{report.shares(cell)[one]:.1%}" for one in shown)] for cell in mine
        ]
        yield f"{workload}, time of the virtual CPUs"
        yield columns(["lock model, layout, virtual CPUs", *shown], rows)
        yield ""


def latencies(cells: Sequence[Cell]) -> Iterator[str]:
    """Percentiles of each kind of operation."""
    from vmalab_cli.render import columns
    from vmalab_scale import report

    for workload in dict.fromkeys(cell.workload for cell in cells):
        head: list[str] = []
        rows = []
        for cell in (one for one in cells if one.workload == workload):
            for kind, histogram in zip(cell.kinds, cell.run.latency, strict=True):
                found = report.percentiles(histogram)
                head = head or [*found]
                count = sum(n for _, n in histogram)
                row = [str(found[name]) for name in found]
                rows.append([_where(cell), kind, str(count), *row])
        yield f"{workload}, latency in ns"
        yield columns(
            ["lock model, layout, virtual CPUs", "operation", "count", *head], rows, left=2
        )
        yield ""


def verdicts(cells: Sequence[Cell]) -> Iterator[str]:
    """What came of the answers of traces."""
    for cell in cells:
        if cell.verdict:
            yield f"{cell.workload}, {_where(cell)} virtual CPUs"
            yield cell.verdict.text
            yield ""


def notes(cells: Sequence[Cell]) -> Iterator[str]:
    """What somebody who reads the figures has to know."""
    for cell in cells:
        if cell.run.end == "late":
            from vmalab_scale import report
            from vmalab_scale.run import PS_MOST, PS_PER_S

            yield (
                f"{cell.workload}, {_where(cell)}: ended after {PS_MOST // PS_PER_S} virtual "
                f"seconds; the slowest CPU did {report.least(cell)} operations"
            )


def results(cells: Sequence[Cell], *, times: bool, latency: bool, hot_most: int) -> str:
    """All tables that were asked for.

    Args:
        times, latency: where the time went; percentiles.
        hot_most: so many lines that CPUs took from one another; 0: none.
    """
    parts = [*table(cells), *verdicts(cells)]
    parts += time_tables(cells) if times else ()
    parts += latencies(cells) if latency else ()
    parts += hot(cells, hot_most) if hot_most else ()
    return "\n".join([*parts, *notes(cells)])
