# SPDX-License-Identifier: Apache-2.0
"""Segments for benches: the one place that knows how a lock model and a layout are chosen."""

from __future__ import annotations

import dataclasses
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from vmalab_loadgen import lifeline
from vmalab_loadgen.bench.base import BadRequest
from vmalab_native import core
from vmalab_native.checks import SHM_DIRECTORY

DEFAULT_MODEL: Final = "typesafe-rwsem"
SIZE_BYTES: Final = 1 << 30


def models() -> list[str]:
    """Names of the lock models of this build."""
    known: Any = getattr(core, "lock_models", None)
    return [str(name) for name in known()] if known else [DEFAULT_MODEL]


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
    *, model: str = DEFAULT_MODEL, layout: str = "", need_bytes: int = 0, **sizes: Any
) -> Iterator[core.Segment]:
    """A segment of one's own, removed at the end.

    Args:
        layout: "" is the model's usual one.
        need_bytes: how much memory will be used, checked beforehand.
        sizes: further fields of SegmentConfig.

    Raises:
        BadRequest: /dev/shm has not so much room.
    """
    free = shutil.disk_usage(SHM_DIRECTORY).free
    if need_bytes > free:
        raise BadRequest(
            f"{SHM_DIRECTORY} has {free >> 20} MiB free, this needs {need_bytes >> 20} MiB: "
            f"ask for less, or enlarge it (mount -o remount,size=... {SHM_DIRECTORY})"
        )
    name = f"bench-{os.getpid()}-{secrets.token_hex(3)}"
    config = core.SegmentConfig(**_choice(model, layout), **({"size_bytes": SIZE_BYTES} | sizes))
    with lifeline.orderly():
        made = core.Segment.create(name, config)
        try:
            yield made
        finally:
            made.unlink()
            made.close()


def _choice(model: str, layout: str) -> dict[str, Any]:
    fields = {one.name for one in dataclasses.fields(core.SegmentConfig)}
    if "model" not in fields:
        if model != DEFAULT_MODEL or layout:
            raise BadRequest(f"this build has the model {DEFAULT_MODEL} alone, in one layout")
        return {}
    return {"model": model} | ({"layout": layout} if layout else {})
