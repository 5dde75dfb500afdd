# SPDX-License-Identifier: Apache-2.0
"""How much memory the VMAs of each lock model and layout take.

Not computed from struct sizes alone: so many VMAs that do not merge are mapped for real, and
slabinfo and the page counts of the segment say what that took. Per 1,000 VMAs there are two:

  pages_per_1000_vmas           whole slabs for exactly 1,000 objects (and for 1,000 locks, where
                                these have a cache of their own), as the kernel's patch series count
  pages_per_1000_vmas_measured  pages of the slabs that are there, over the objects in them
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from rich.table import Table

from vmalab_bench import base, plots, records, space, stats
from vmalab_bench.base import BASE, PAGE, Aim
from vmalab_drive import report

if TYPE_CHECKING:
    from vmalab_native.core import Segment, SlabInfo

STRIDE: Final = 4 * PAGE
VMA_CACHE: Final = "vm_area_struct"
LOCK_CACHE: Final = "vma_lock"
TREE_CACHE: Final = "maple_node"
COUNTED: Final = 1000
BYTES_EACH: Final = 700
SPLIT, ALIGNED = "split-rwsem", "aligned"
KERNEL_PAGES: Final[Mapping[tuple[str, str], int]] = {
    ("split-rwsem", "aligned"): 50,
    ("split-rwsem", "wide"): 54,
    ("embedded-rwsem", "aligned"): 64,
    ("typesafe-rwsem", "aligned"): 64,
    ("refcount", "aligned"): 48,
}
"""Pages per 1,000 VMAs, from the cover letters of the kernel's patch series: 160 + 40 bytes,
176 + 40, 256, 256 and 192 bytes."""


@dataclass(frozen=True, slots=True)
class MemoryBench:
    spaces: tuple[tuple[str, str], ...]
    """Models with their layouts."""
    vmas: int = 100_000

    @staticmethod
    def full(models: Sequence[str]) -> MemoryBench:
        """Every layout; one that was not used before is compiled first."""
        pairs = [(model, layout) for model in models for layout in space.layouts(model)]
        return MemoryBench(tuple(pairs))

    @staticmethod
    def quick(models: Sequence[str], vmas: int = 20_000) -> MemoryBench:
        """The usual layout of each model, and those that the kernel has figures of."""
        pairs = [
            (model, layout)
            for model in models
            for layout in space.layouts(model)
            if layout == space.layouts(model)[0] or (model, layout) in KERNEL_PAGES
        ]
        return MemoryBench(tuple(pairs), vmas)

    @staticmethod
    def smoke(models: Sequence[str]) -> MemoryBench:
        return MemoryBench.quick(models, 2_000)


def run(config: MemoryBench, *, seed: int) -> dict[str, Any]:
    """Map the VMAs of each model and layout, one after the other."""
    rows = []
    for model, layout in config.spaces:
        base.say(f"{model}, {layout}")
        rows.append(_measure(model, layout, config.vmas))
    aims = []
    for row in rows:
        kernel = row["kernel_pages_per_1000_vmas"]
        if kernel is not None:
            got = stats.exact(row["pages_per_1000_vmas"])
            name = f"{row['model']} {row['layout']}"
            aims.append(Aim(name, got, at_least=kernel, at_most=kernel, note="the kernel's figure"))
    return base.head("memory", seed) | {
        "vmas": config.vmas,
        "rows": rows,
        "aims": [aim.as_dict() for aim in aims],
    }


def _measure(model: str, layout: str, vmas: int) -> dict[str, Any]:

    with (
        space.segment(
            model=model,
            layout=layout,
            need_bytes=vmas * BYTES_EACH,
            vmas_per_mm_max=max(65530, vmas + 1000),
        ) as segment,
        segment.participant("client") as participant,
    ):
        before = _used(segment)
        mm = participant.mm_create()
        addrs = BASE + np.arange(vmas, dtype="<u8") * STRIDE
        records.fill(participant, mm, addrs, PAGE, touch=False)
        bare = _used(segment)
        records.touch_each(participant, mm, addrs)
        touched = _used(segment)
        caches = {cache.name: cache for cache in segment.slabinfo()}
        one = next(info for info in participant.mm_list() if info.id == mm)
        tables = one.table_pages
        chosen = segment.info().layout
    vma, lock = caches[VMA_CACHE], caches.get(LOCK_CACHE)
    slabs = [vma] + ([lock] if lock is not None and lock.active_objs else [])
    return {
        "model": model,
        "layout": chosen,
        "pages_per_1000_vmas": sum(_whole_slabs(one) for one in slabs),
        "pages_per_1000_vmas_measured": round(sum(_pages_of(one) for one in slabs), 2),
        "kernel_pages_per_1000_vmas": KERNEL_PAGES.get((model, chosen)),
        "vma_bytes": vma.objsize,
        "objs_per_slab": vma.objperslab,
        "pages_per_slab": vma.pagesperslab,
        "lock_bytes": lock.objsize if len(slabs) > 1 and lock else 0,
        "lock_objs_per_slab": lock.objperslab if len(slabs) > 1 and lock else 0,
        "vma_objects": vma.active_objs,
        "lock_objects": lock.active_objs if len(slabs) > 1 and lock else 0,
        "bytes_per_vma": round((bare - before) * PAGE / vmas, 1),
        "bytes_per_touched_vma": round((touched - before) * PAGE / vmas, 1),
        "tree_bytes_per_vma": _bytes_each(caches.get(TREE_CACHE), vmas),
        "table_bytes_per_vma": round(tables * PAGE / vmas, 1),
    }


def _used(segment: Segment) -> int:
    """Pages of the segment that are in use."""
    info = segment.info()
    return info.pages_populated - info.pages_free


def _whole_slabs(cache: SlabInfo) -> int:
    return -(-COUNTED // cache.objperslab) * cache.pagesperslab


def _pages_of(cache: SlabInfo) -> float:
    return cache.num_slabs * cache.pagesperslab * COUNTED / cache.active_objs


def _bytes_each(cache: SlabInfo | None, vmas: int) -> float:
    return round(cache.num_slabs * cache.pagesperslab * PAGE / vmas, 1) if cache else 0.0


def tables(data: dict[str, Any]) -> list[Table]:
    rows = [
        [
            f"{row['model']} {row['layout']}",
            str(row["pages_per_1000_vmas"]),
            str(row["kernel_pages_per_1000_vmas"] or ""),
            f"{row['pages_per_1000_vmas_measured']:.1f}",
            f"{row['vma_bytes']}{' + ' + str(row['lock_bytes']) if row['lock_bytes'] else ''}",
            f"{row['bytes_per_vma']:.0f}",
        ]
        for row in data["rows"]
    ]
    head = ("", "pages", "kernel", "measured", "object", "all bytes")
    grid = report.grid(f"memory per 1,000 VMAs, from {data['vmas']:,}", head, rows)
    return [grid, *_megabytes(data["rows"])]


SPLITS: Final = ("split-rwsem aligned", "split-rwsem wide")


def _megabytes(rows: Sequence[Mapping[str, Any]]) -> list[Table]:
    """What the patch commits say in MB: 5.5 more than 50 pages, 3.9 more than 54."""
    taken = {
        f"{row['model']} {row['layout']}": space.megabytes(row["pages_per_1000_vmas"])
        for row in rows
    }
    if not set(SPLITS) <= set(taken):
        return []
    cells = [
        [name, f"{mine:.1f}", *(f"{mine - taken[split]:+.1f}" for split in SPLITS)]
        for name, mine in taken.items()
        if name not in SPLITS
    ]
    head = ("", "MB", *(f"over {name}" for name in SPLITS))
    title = "MB of 100,000 VMAs, 100 times the pages of 1,000 (the series: +5.5 and +3.9)"
    return [report.grid(title, head, cells)]


def plot(data: dict[str, Any], path: Path) -> None:
    rows = data["rows"]
    kernel = [i for i, row in enumerate(rows) if row["kernel_pages_per_1000_vmas"]]
    series = [
        plots.Series("vmalab", range(len(rows)), [row["pages_per_1000_vmas"] for row in rows]),
        plots.Series("kernel", kernel, [rows[i]["kernel_pages_per_1000_vmas"] for i in kernel]),
    ]
    drawn = "Pages of 4 KiB for 1,000 VMAs with their locks, counted; and the kernel's own figure."
    names = [f"{row['model']}, {row['layout']}" for row in rows]
    caption = plots.Caption.of(data, _finding(rows), drawn)
    plots.bars(path, names, {"": series}, caption, unit="pages of 4 KiB")


def _finding(rows: list[dict[str, Any]]) -> str:
    """The pages of the models that have a lock, in the layout that all have, for the title."""
    pages = {row["model"]: row["pages_per_1000_vmas"] for row in rows if row["layout"] == ALIGNED}
    beside = pages.get(SPLIT)
    if beside is None or len(pages) == 1:
        counts = [f"{count} pages in {model}" for model, count in pages.items()]
        return f"1,000 VMAs take {', '.join(counts)}"
    said = []
    for model, count in pages.items():
        if model != SPLIT:
            more = count / beside - 1
            said.append(f"{abs(more):.0%} {'more' if more >= 0 else 'fewer'} in {model}")
    parts = ", ".join(said).replace("%", " %")
    return f"1,000 VMAs take {beside} pages in {SPLIT}; {parts}"
