# SPDX-License-Identifier: Apache-2.0
"""The operations of userfaultfd: two objects of each process, with UFFD_FEATURES.

With SIGBUS nobody waits. The executor opens them before the first operation and after each fork;
one that is closed is opened again.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final

from vmalab import pack
from vmalab.ops import Op as Code
from vmalab.uapi import UffdFeature, UffdFill
from vmalab_diff.chooser import Chooser
from vmalab_diff.encoding import (
    ADDR,
    LENGTH,
    Operation,
    RealCall,
    Target,
    Value,
    integers,
    packed,
    weights,
)
from vmalab_diff.program import PAGE, Arg, Param, Place
from vmalab_diff.strategies import make_range

CODE_UFFD: Final = 10
UFFD_FEATURES: Final = (
    int(UffdFeature.SIGBUS | UffdFeature.WP_UNPOPULATED),
    int(UffdFeature.SIGBUS),
)
"""The features of the two userfaultfds of each process: see executor.c."""
UFFD: Final = Param("uffd", "number")
MODE: Final = Param("mode", "number")


def uffd_call(request: int, back: int = 0) -> Callable[[Sequence[Value]], RealCall]:
    """An ioctl of a userfaultfd: its number, then its struct, whose word `back` (from 1) counts."""

    def real(args: Sequence[Value]) -> RealCall:
        return RealCall(CODE_UFFD, request, tuple(integers(args)), data=struct.pack("<Q", back))

    return real


def uffd_record(op: Code) -> Callable[[Target, Sequence[Value]], bytes]:
    """The record of such a call: the handle, then the other arguments."""

    def record(to: Target, args: Sequence[Value]) -> bytes:
        uffd, *words = integers(args)
        return packed(op, to.mm, to.uffds[uffd & 1], *words)

    return record


def _record_zeropage(to: Target, args: Sequence[Value]) -> bytes:
    uffd, addr, length, mode = integers(args)
    return pack.uffd_fill(to.mm, to.uffds[uffd], addr, 0, length, mode, UffdFill.ZEROPAGE)


def _real_pages(request: int) -> Callable[[Sequence[Value]], RealCall]:
    """COPY, MOVE: here the source comes first, in the struct the destination."""
    return lambda args: RealCall(
        CODE_UFFD, request, tuple(integers(args)), data=struct.pack("<QQ", 5, 1)
    )


def _record_copy(to: Target, args: Sequence[Value]) -> bytes:
    uffd, src, dst, length, mode = integers(args)
    return pack.uffd_fill(to.mm, to.uffds[uffd], dst, src, length, mode, UffdFill.COPY)


def _record_move(to: Target, args: Sequence[Value]) -> bytes:
    uffd, src, dst, length, mode = integers(args)
    return pack.uffd_move(to.mm, dst, src, length, mode, to.uffds[uffd])


def _uffd(c: Chooser) -> int:
    return int(c.chance(0.25))


def make_uffd_register(c: Chooser) -> tuple[Arg, ...]:
    mode = c.pick((0, 8, 9, 16)) if c.odd() else c.weighted(((1, 8), (2, 5), (3, 6)))
    return _uffd(c), *make_range(c), mode


def make_uffd_range(c: Chooser) -> tuple[Arg, ...]:
    return _uffd(c), *make_range(c)


def _fill_length(c: Chooser, at: Place) -> int:
    return c.length(at) if c.chance(0.3) else c.number(1, 3) * PAGE


def make_uffd_copy(c: Chooser) -> tuple[Arg, ...]:
    """The source begins on a page, as of the rest of a page nothing is kept, and in an arena: other
    places may lie before pages that are the kernel's own."""
    from_arena, dst = c.arena(), c.place()
    src = Place("a", from_arena.number, from_arena.offset // PAGE * PAGE)
    mode = c.pick((3, 4, 8)) if c.odd() else c.weighted(((0, 8), (2, 5), (1, 1)))
    return _uffd(c), src, dst, _fill_length(c, dst), mode


def make_uffd_zeropage(c: Chooser) -> tuple[Arg, ...]:
    at = c.place()
    return _uffd(c), at, _fill_length(c, at), c.pick((1, 2)) if c.odd() else 0


def make_uffd_writeprotect(c: Chooser) -> tuple[Arg, ...]:
    mode = c.pick((3, 4)) if c.odd() else c.weighted(((1, 6), (0, 4), (2, 1)))
    return _uffd(c), *make_range(c), mode


def make_uffd_move(c: Chooser) -> tuple[Arg, ...]:
    src, dst = c.place(), c.place()
    mode = c.pick((1, 3, 4)) if c.odd() else c.weighted(((0, 4), (2, 3)))
    return _uffd(c), src, dst, _fill_length(c, dst), mode


TABLE: Final[tuple[Operation, ...]] = (
    Operation(
        name="uffd_register",
        params=(UFFD, ADDR, LENGTH, MODE),
        weights=weights(uffd=18),
        make=make_uffd_register,
        real=uffd_call(0xC020AA00),
        packs=Code.UFFD_REGISTER,
        record=uffd_record(Code.UFFD_REGISTER),
        answer="zero",
    ),
    Operation(
        name="uffd_unregister",
        params=(UFFD, ADDR, LENGTH),
        weights=weights(uffd=5),
        make=make_uffd_range,
        real=uffd_call(0x8010AA01),
        packs=Code.UFFD_UNREGISTER,
        record=uffd_record(Code.UFFD_UNREGISTER),
        answer="zero",
    ),
    Operation(
        name="uffd_wake",
        params=(UFFD, ADDR, LENGTH),
        weights=weights(uffd=2),
        make=make_uffd_range,
        real=uffd_call(0x8010AA02),
        packs=Code.UFFD_WAKE,
        record=uffd_record(Code.UFFD_WAKE),
        answer="zero",
    ),
    Operation(
        name="uffd_copy",
        params=(UFFD, Param("src", "place"), ADDR, LENGTH, MODE),
        weights=weights(uffd=18),
        make=make_uffd_copy,
        real=_real_pages(0xC028AA03),
        packs=Code.UFFD_FILL,
        record=_record_copy,
        answer="filled",
    ),
    Operation(
        name="uffd_zeropage",
        params=(UFFD, ADDR, LENGTH, MODE),
        weights=weights(uffd=6),
        make=make_uffd_zeropage,
        real=uffd_call(0xC020AA04, 4),
        packs=Code.UFFD_FILL,
        record=_record_zeropage,
        answer="filled",
    ),
    Operation(
        name="uffd_writeprotect",
        params=(UFFD, ADDR, LENGTH, MODE),
        weights=weights(uffd=12),
        make=make_uffd_writeprotect,
        real=uffd_call(0xC018AA06),
        packs=Code.UFFD_PROTECT,
        record=uffd_record(Code.UFFD_PROTECT),
        answer="zero",
    ),
    Operation(
        name="uffd_move",
        params=(UFFD, Param("src", "place"), ADDR, LENGTH, MODE),
        weights=weights(uffd=8),
        make=make_uffd_move,
        real=_real_pages(0xC028AA05),
        packs=Code.UFFD_MOVE,
        record=_record_move,
        answer="filled",
    ),
    Operation(
        name="uffd_close",
        params=(UFFD,),
        weights=weights(uffd=1),
        make=lambda c: (_uffd(c),),
        real=uffd_call(0),
        packs=Code.UFFD_CLOSE,
        record=uffd_record(Code.UFFD_CLOSE),
        answer="zero",
    ),
)
