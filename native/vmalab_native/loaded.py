# SPDX-License-Identifier: Apache-2.0
"""The cores that this process has loaded: finding, building, identity, struct layouts,
and what a segment of theirs can be configured to."""

import dataclasses
import os
from typing import get_args

from vmalab_native import cores, slab
from vmalab_native._core import ffi, lib
from vmalab_native.cdata import CStruct
from vmalab_native.convert import checked, listing, record, text
from vmalab_native.cores import Lookup
from vmalab_native.errors import CoreMissing, InvalidArgument, error_of
from vmalab_native.records import (
    RcuFlavour,
    SegmentConfig,
    StructInfo,
    WriterWait,
    structs_of,
)

lib.vl_cores_in(os.fsencode(cores.FOLDER))


def fingerprint(model: str = cores.DEFAULT_MODEL, layout: str = cores.DEFAULT_LAYOUT) -> int:
    """64-bit hash of the struct layouts, lock model and layout of one core of this build."""
    layout = load_core(model, layout)
    return int(lib.vl_fingerprint(model.encode(), layout.encode()))


def load_core(model: str, layout: str) -> str:
    """Makes sure that the core is there and loaded, or raises CoreMissing; its layout's name."""
    layout = cores.ensure(model, layout)
    if (folder := cores.file_of(model, layout).parent) != cores.FOLDER:
        lib.vl_cores_also_in(os.fsencode(folder))
    code = lib.vl_core_find(model.encode(), layout.encode())
    if code < 0:
        raise error_of(code, f"{model}, {layout}: {text(lib.vl_core_error())}")
    return layout


def load_core_of(fd: int, instance: str, *, build: bool = True) -> None:
    """Makes sure that the core is there which the segment in fd was made with, if it is one.

    Raises:
        CoreMissing: there is no such core, or none that is built and build is False.
    """
    model, made = ffi.new("char[]", 33), ffi.new("char[]", 33)
    lib.vl_seg_peek(fd, model, made)
    if not text(model):
        return
    if not build and not cores.file_of(text(model), text(made)).exists():
        raise CoreMissing(
            f"instance {instance!r} is of {text(model)}, {text(made)}, which is not built here"
        )
    try:
        load_core(text(model), text(made))
    except InvalidArgument as unknown:
        raise CoreMissing(f"attaching instance {instance!r}: {unknown}") from None


def layout(
    model: str = cores.DEFAULT_MODEL, layout: str = cores.DEFAULT_LAYOUT
) -> list[StructInfo]:
    """Every shared struct of one core: fields in order, where they lie, who may write them.

    Raises:
        InvalidArgument: no such lock model or layout. CoreMissing: it cannot be built here.
    """
    names = (model.encode(), load_core(model, layout).encode())
    rows, count = listing("struct vl_field_info[]", "layout", lib.vl_layout, *names, start=512)
    return structs_of(
        (
            text(row.type),
            row.type_size,
            text(row.field),
            row.offset,
            row.size,
            text(row.guard) if row.guard != ffi.NULL else "",
            text(row.c_type) + (f"[{row.size // row.element_bytes}]" if row.element_bytes else ""),
        )
        for row in rows[0:count]
    )


RCU: dict[str, int] = {
    "auto": lib.RCU_AUTO,
    "membarrier": lib.RCU_MEMBARRIER,
    "fenced": lib.RCU_FENCED,
}
RCU_NAMES: dict[int, RcuFlavour] = {RCU[name]: name for name in get_args(RcuFlavour)}


LOOKUP: dict[str, int] = {"walk": lib.LOOKUP_WALK, "cache": lib.LOOKUP_CACHE}
LOOKUP_NAMES: dict[int, Lookup] = {LOOKUP[name]: name for name in get_args(Lookup)}
WRITER_WAIT: dict[str, int] = {"sleep": lib.WRITER_SLEEPS, "spin": lib.WRITER_SPINS}
WRITER_WAIT_NAMES: dict[int, WriterWait] = {
    WRITER_WAIT[name]: name for name in get_args(WriterWait)
}

SLAB_CTOR: dict[slab.Ctor, int] = {
    "model": lib.SLAB_CTOR_MODEL,
    "page": lib.SLAB_CTOR_PAGE,
    "alloc": lib.SLAB_CTOR_ALLOC,
}
SLAB_RESET: dict[slab.Reset, int] = {"alloc": lib.SLAB_RESET_ALLOC, "free": lib.SLAB_RESET_FREE}
SLAB_FREEPTR: dict[slab.FreePointer, int] = {
    "none": lib.SLAB_FREEPTR_NONE,
    "outside": lib.SLAB_FREEPTR_OUTSIDE,
    "overlaid": lib.SLAB_FREEPTR_OVERLAID,
}


def _slab_from_c(c_config: CStruct) -> slab.Slab:
    return slab.Slab(
        ctor=next(name for name, value in SLAB_CTOR.items() if value == c_config.slab_ctor),
        reset=next(name for name, value in SLAB_RESET.items() if value == c_config.slab_reset),
        freeptr=next(
            name for name, value in SLAB_FREEPTR.items() if value == c_config.slab_freeptr
        ),
        magazine=c_config.slab_magazine or slab.MAGAZINE,
        barn=bool(c_config.slab_barn),
        merge=bool(c_config.slab_merge),
    )


def config_to_c(config: SegmentConfig) -> CStruct:
    sizes = dataclasses.asdict(config) | {
        "rcu": RCU[config.rcu],
        "lookup": LOOKUP[config.lookup],
        "writer_wait": WRITER_WAIT[config.writer_wait],
        "slab_ctor": SLAB_CTOR[config.slab.ctor],
        "slab_reset": SLAB_RESET[config.slab.reset],
        "slab_freeptr": SLAB_FREEPTR[config.slab.freeptr],
        "slab_magazine": config.slab.magazine,
        "slab_barn": config.slab.barn,
        "slab_merge": config.slab.merge,
        "events_off": not config.events,
    }
    del sizes["model"], sizes["layout"], sizes["slab"], sizes["events"]
    return ffi.new("struct vl_config *", sizes)


def check_config(config: SegmentConfig) -> None:
    """Raises InvalidArgument unless a segment can be made so and everything works in it: names the
    first field that is wrong, and what would be right. CoreMissing: as Segment.create()."""
    load_core(config.model, config.layout)
    fault = ffi.new("struct vl_config_fault *")
    names = (config.model.encode(), config.layout.encode())
    code = lib.vl_config_check(config_to_c(config), *names, fault)
    if code != InvalidArgument.code:
        checked(code, "the configuration")
        return
    of = f", a multiple of {fault.multiple}" if fault.multiple else ""
    why = f" with {text(fault.because)}" if fault.because[0] != b"\0" else ""
    raise InvalidArgument(
        f"{text(fault.field)} = {fault.value}, allowed are {fault.least} .. {fault.most}{of}{why}"
    )


def config_from_c(c_info: CStruct) -> SegmentConfig:
    return record(
        SegmentConfig,
        c_info.config,
        rcu=RCU_NAMES[c_info.config.rcu],
        lookup=LOOKUP_NAMES[c_info.config.lookup],
        writer_wait=WRITER_WAIT_NAMES[c_info.config.writer_wait],
        slab=_slab_from_c(c_info.config),
        events=not c_info.config.events_off,
        pkeys=bool(c_info.config.pkeys),
        model=c_info.model,
        layout=c_info.layout,
    )
