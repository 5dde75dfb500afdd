# SPDX-License-Identifier: Apache-2.0
"""Segments for benches: the one place that knows how a lock model and a layout are chosen.

The core is imported when it is used, so that --help does not load it.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final, TypedDict, Unpack

from vmalab_bench.base import PAGE, BadRequest
from vmalab_native import cores, signals
from vmalab_native import slab as slabs
from vmalab_native.checks import SHM_DIRECTORY

if TYPE_CHECKING:
    from vmalab_native.core import Segment

DEFAULT_MODEL: Final = cores.DEFAULT_MODEL
SIZE_BYTES: Final = 1 << 30


class Sizes(TypedDict, total=False):
    """Fields of SegmentConfig that a bench may choose."""

    size_bytes: int
    frames_max: int
    files_max: int
    mms_max: int
    participants_max: int
    vmas_per_mm_max: int
    events: bool


def models() -> list[str]:
    """Names of the lock models of this build."""
    return cores.lock_models()


def layouts(model: str) -> list[str]:
    """Layouts of a model's VMA that the core itself has, so not the shuffled ones, nor files."""
    there = cores.layouts(model)
    return [name for name in there if ":" not in name and name not in cores.shipped()]


def megabytes(pages_per_1000: float) -> float:
    """MB (2^20 bytes) of 100,000 VMAs, counted as the series' cover letter does."""
    return pages_per_1000 * 100 * PAGE / (1 << 20)


def chosen(wanted: Sequence[str] | None, *, default: Sequence[str]) -> list[str]:
    """The models that --model named, once each, or the default ones.

    Raises:
        BadRequest: one of them is not in this build.
    """
    known = models()
    for name in wanted or ():
        if name not in known:
            raise BadRequest(f"--model {name}: this build has {', '.join(known)}")
    return list(dict.fromkeys(wanted or default))


@contextmanager
def segment(
    *,
    model: str = DEFAULT_MODEL,
    layout: str = "",
    lookup: cores.Lookup | None = None,
    slab: slabs.Slab | None = None,
    need_bytes: int = 0,
    **sizes: Unpack[Sizes],
) -> Iterator[Segment]:
    """A segment of one's own, removed at the end.

    Args:
        layout: "" is the model's usual one.
        lookup: how faults find VMAs; None: as VMALAB_LOOKUP says.
        slab: how VMAs are made and freed; None: as VMALAB_SLAB says.
        need_bytes: how much memory will be used, checked beforehand.
        sizes: of the segment; size_bytes is SIZE_BYTES by default.

    Raises:
        BadRequest: /dev/shm has not so much room.
    """
    from vmalab_native import core

    free = shutil.disk_usage(SHM_DIRECTORY).free
    if need_bytes > free:
        raise BadRequest(
            f"{SHM_DIRECTORY} has {free >> 20} MiB free, this needs {need_bytes >> 20} MiB: "
            f"ask for less, or enlarge it (mount -o remount,size=... {SHM_DIRECTORY})"
        )
    sizes.setdefault("size_bytes", SIZE_BYTES)
    name = f"bench-{os.getpid()}-{secrets.token_hex(3)}"
    config = core.SegmentConfig(
        model=model,
        layout=layout or cores.DEFAULT_LAYOUT,
        lookup=lookup or cores.default_lookup(),
        slab=slab or slabs.default(),
        **sizes,
    )
    with signals.orderly(), ExitStack() as stack:
        with signals.held():
            made = core.Segment.create(name, config)
            stack.callback(made.close)
            stack.callback(made.unlink)
        yield made
