# SPDX-License-Identifier: Apache-2.0
"""The table of operations: what a program can be made of.

To add an operation, add one row to TABLE. A row says

- `name` and `params`: what stands in the text of a program, and how arguments are written and
  simplified (program.Param);
- `weights`: how often each profile takes it; a profile that is not named never does. "all" mixes
  the profiles, so it needs no weight of its own;
- `make`: draws the arguments from a Chooser, which prefers addresses where something happened;
- `real`: what the executor does. For a system call that is `system_call(nr)`: the arguments in
  order, a bytes argument as the address of its bytes (32 at most, see executor.c `data`);
- `packs`: the operation of a block for the same thing (protos/ops.toml); its operands are the
  arguments in order, or `record` makes its record;
- `answer`: what is compared: "zero" (0 or errno), "address" (or errno), "value" (or errno), "word"
  (the word that was read, or signal and si_code), "touch" (signal and si_code), "mask" (errno, or
  the vector of mincore), "break" (what brk answers), "filled" (bytes of UFFDIO_COPY and the like,
  or errno; with EAGAIN both);
- `known`: the name of the call in C and in strace; "" if it is none;
- `skip`: gives the reason why an answer is not compared, "" if it is. Reasons are counted in the
  result of the run. There is no other way to leave something out.

LEFT_OUT says of each operation of a block that no program has why.

Addresses that no program may reach because the executor lives there are avoided by Chooser.length
and Chooser.place; a strategy that makes lengths of its own must mind that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vmalab import pack
from vmalab.ops import Op as Code
from vmalab.uapi import CAPABILITY, Access
from vmalab_diff import uffd
from vmalab_diff.chooser import Chooser
from vmalab_diff.encoding import (
    ADDR,
    CODE_ADVISE,
    CODE_CAPS,
    CODE_EXEC,
    CODE_EXIT,
    CODE_FORK,
    CODE_MINCORE,
    CODE_READ,
    CODE_WRITE,
    F_ADD_SEALS,
    LENGTH,
    PR_SET_THP_DISABLE,
    PR_SET_VMA,
    RETURN_BYTE,
    STORE,
    U64,
    Operation,
    integers,
    of_code,
    packed,
    pkru_call,
    real_file_call,
    real_mmap,
    record_file_call,
    record_mmap,
    system_call,
    touch,
    weights,
)
from vmalab_diff.program import PAGE, Arg, Op, Param
from vmalab_diff.strategies import (
    M,
    make_add_seals,
    make_brk,
    make_capset,
    make_fallocate,
    make_fork,
    make_ftruncate,
    make_madvise,
    make_mdwe,
    make_mincore,
    make_mlock,
    make_mlockall,
    make_mmap,
    make_mprotect,
    make_mremap,
    make_mseal,
    make_msync,
    make_munmap,
    make_name,
    make_pkey_alloc,
    make_pkey_free,
    make_pkey_mprotect,
    make_process_madvise,
    make_range,
    make_remap_file_pages,
    make_setrlimit,
    make_thp_disable,
    make_touch,
    make_write,
    make_wrpkru,
    real_mdwe,
    real_name,
    real_setrlimit,
    record_name,
    record_process_madvise,
    record_setrlimit,
    record_thp_disable,
)
from vmalab_native import flags

# --- the table ---

PROT: Final = Param("prot", "flags", flags.PROT, least=3)
CAPABILITIES: Final = {name.removeprefix("VL_"): bit for name, bit in CAPABILITY.items()}


TABLE: Final[tuple[Operation, ...]] = (
    Operation(
        name="mmap",
        params=(
            ADDR,
            LENGTH,
            PROT,
            Param("flags", "flags", flags.MAP),
            Param("file", "file", least=-1),
            Param("offset", "bytes"),
        ),
        weights=weights(anon=20, file=24, fork=14, mremap=18, limits=24, uffd=16, keys=16),
        make=make_mmap,
        real=real_mmap,
        packs=Code.MMAP,
        record=record_mmap,
        answer="address",
        known="mmap",
    ),
    Operation(
        name="munmap",
        params=(ADDR, LENGTH),
        weights=weights(anon=10, file=8, fork=6, mremap=6, limits=12, uffd=6, keys=6),
        make=make_munmap,
        real=system_call(11),
        packs=Code.MUNMAP,
        answer="zero",
        known="munmap",
    ),
    Operation(
        name="mprotect",
        params=(ADDR, LENGTH, PROT),
        weights=weights(anon=14, file=10, fork=10, mremap=8, limits=12, uffd=8, keys=14),
        make=make_mprotect,
        real=system_call(10),
        packs=Code.MPROTECT,
        answer="zero",
        known="mprotect",
    ),
    Operation(
        name="mremap",
        params=(
            ADDR,
            Param("old_length", "bytes", least=PAGE),
            Param("new_length", "bytes", least=PAGE),
            Param("flags", "flags", flags.MREMAP),
            Param("new_addr", "place"),
        ),
        weights=weights(anon=6, file=6, fork=6, mremap=30, limits=8, uffd=8, keys=5),
        make=make_mremap,
        real=system_call(25),
        packs=Code.MREMAP,
        answer="address",
        known="mremap",
    ),
    Operation(
        name="madvise",
        params=(ADDR, LENGTH, Param("advice", "choice", flags.MADV)),
        weights=weights(anon=16, file=12, fork=14, mremap=8, limits=8, uffd=12, keys=10),
        make=make_madvise,
        real=system_call(28),
        packs=Code.MADVISE,
        answer="zero",
        known="madvise",
    ),
    Operation(
        name="mlock2",
        params=(ADDR, LENGTH, Param("flags", "flags", flags.MLOCK)),
        weights=weights(anon=4, file=3, fork=3, mremap=4, limits=6, uffd=2, keys=3),
        make=make_mlock,
        real=system_call(325),
        packs=Code.MLOCK,
        answer="zero",
        known="mlock2",
    ),
    Operation(
        name="mlock",
        params=(ADDR, LENGTH),
        weights=weights(anon=1, file=1, fork=1, mremap=1, limits=3, keys=1),
        make=make_range,
        real=system_call(149),
        packs=Code.MLOCK,
        record=lambda to, args: packed(Code.MLOCK, to.mm, *integers(args), 0),
        answer="zero",
        known="mlock",
    ),
    Operation(
        name="process_madvise",
        params=(
            ADDR,
            LENGTH,
            Param("second", "place"),
            Param("second_length", "bytes", least=PAGE),
            Param("advice", "choice", flags.MADV),
            Param("count", "number", least=1),
        ),
        weights=weights(anon=4, file=3, fork=3, mremap=1, limits=3, keys=3),
        make=make_process_madvise,
        real=of_code(CODE_ADVISE),
        packs=Code.PROCESS_MADVISE,
        record=record_process_madvise,
        answer="value",
        known="process_madvise",
    ),
    Operation(
        name="set_vma_name",
        params=(
            Param("option", "number", least=PR_SET_VMA),
            Param("attribute", "number"),
            ADDR,
            LENGTH,
            Param("name", "text"),
        ),
        weights=weights(anon=1, mremap=1, keys=1),
        make=make_name,
        real=real_name,
        packs=Code.SET_VMA_NAME,
        record=record_name,
        answer="zero",
        known="prctl",
    ),
    Operation(
        name="thp_disable",
        params=(
            Param("option", "number", least=PR_SET_THP_DISABLE),
            Param("disable", "number"),
            Param("flags", "number"),
            Param("four", "number"),
            Param("five", "number"),
        ),
        weights=weights(limits=2),
        make=make_thp_disable,
        real=system_call(157),
        packs=Code.THP_DISABLE,
        record=record_thp_disable,
        answer="zero",
        known="prctl",
    ),
    Operation(
        name="capset",
        params=(Param("capabilities", "flags", CAPABILITIES),),
        weights=weights(anon=1, mremap=1, limits=3),
        make=make_capset,
        real=of_code(CODE_CAPS),
        packs=Code.CAPSET,
        answer="zero",
        known="capset",
    ),
    Operation(
        name="mdwe",
        params=(Param("bits", "flags", flags.MDWE),),
        weights=weights(anon=1, file=1, fork=1, limits=1),
        make=make_mdwe,
        real=real_mdwe,
        packs=Code.MDWE,
        answer="zero",
        known="prctl",
    ),
    Operation(
        name="add_seals",
        params=(Param("file", "file"), Param("seals", "flags", flags.SEAL)),
        weights=weights(file=2, fork=1, mremap=1, limits=1),
        make=make_add_seals,
        real=real_file_call(72, F_ADD_SEALS),
        packs=Code.FILE_SEAL,
        record=record_file_call(Code.FILE_SEAL),
        answer="zero",
        known="fcntl",
    ),
    Operation(
        name="munlock",
        params=(ADDR, LENGTH),
        weights=weights(anon=4, file=3, fork=3, mremap=4, limits=4, uffd=2, keys=3),
        make=make_range,
        real=system_call(150),
        packs=Code.MUNLOCK,
        answer="zero",
        known="munlock",
    ),
    Operation(
        name="mlockall",
        params=(Param("flags", "flags", flags.MCL, least=1),),
        weights=weights(anon=1, fork=1, limits=1, keys=1),
        make=make_mlockall,
        real=system_call(151),
        packs=Code.MLOCKALL,
        answer="zero",
        known="mlockall",
    ),
    Operation(
        name="munlockall",
        params=(),
        weights=weights(anon=2, fork=2, limits=3, keys=1),
        make=lambda c: (),
        real=system_call(152),
        packs=Code.MUNLOCKALL,
        answer="zero",
        known="munlockall",
    ),
    Operation(
        name="msync",
        params=(ADDR, LENGTH, Param("flags", "flags", flags.MS)),
        weights=weights(anon=2, file=4, fork=1, mremap=1, limits=2, keys=1),
        make=make_msync,
        real=system_call(26),
        packs=Code.MSYNC,
        answer="zero",
        known="msync",
    ),
    Operation(
        name="mseal",
        params=(ADDR, LENGTH, Param("flags", "number")),
        weights=weights(anon=1, file=1, fork=1, mremap=1, limits=1),
        make=make_mseal,
        real=system_call(462),
        packs=Code.MSEAL,
        answer="zero",
        known="mseal",
    ),
    Operation(
        name="ftruncate",
        params=(Param("file", "file"), Param("size", "bytes")),
        weights=weights(file=6, fork=2, mremap=2, limits=1),
        make=make_ftruncate,
        real=real_file_call(77),
        packs=Code.FILE_TRUNCATE,
        record=record_file_call(Code.FILE_TRUNCATE),
        answer="zero",
        known="ftruncate",
    ),
    Operation(
        name="fallocate",
        params=(
            Param("file", "file"),
            Param("mode", "flags", flags.FALLOC),
            Param("offset", "bytes"),
            Param("length", "bytes", least=PAGE),
        ),
        weights=weights(file=6, fork=2, mremap=1, limits=1),
        make=make_fallocate,
        real=real_file_call(285),
        packs=Code.FILE_ALLOCATE,
        record=record_file_call(Code.FILE_ALLOCATE),
        answer="zero",
        known="fallocate",
    ),
    Operation(
        name="remap_file_pages",
        params=(
            ADDR,
            LENGTH,
            Param("prot", "number"),
            Param("pgoff", "number"),
            Param("flags", "flags", flags.MAP),
        ),
        weights=weights(anon=2, file=4, fork=1, mremap=1, limits=1, keys=1),
        make=make_remap_file_pages,
        real=system_call(216),
        packs=Code.REMAP_FILE_PAGES,
        answer="zero",
        known="remap_file_pages",
    ),
    Operation(
        name="pkey_mprotect",
        params=(ADDR, LENGTH, PROT, Param("pkey", "number", least=-1)),
        weights=weights(anon=2, file=1, fork=1, mremap=1, limits=2, keys=20),
        make=make_pkey_mprotect,
        real=system_call(329),
        packs=Code.PKEY_MPROTECT,
        answer="zero",
        known="pkey_mprotect",
    ),
    Operation(
        name="pkey_alloc",
        params=(Param("flags", "number"), Param("rights", "flags", flags.PKEY)),
        weights=weights(keys=16),
        make=make_pkey_alloc,
        real=system_call(330),
        packs=Code.PKEY_ALLOC,
        answer="value",
        known="pkey_alloc",
    ),
    Operation(
        name="pkey_free",
        params=(Param("pkey", "number", least=-1),),
        weights=weights(keys=4),
        make=make_pkey_free,
        real=system_call(331),
        packs=Code.PKEY_FREE,
        answer="zero",
        known="pkey_free",
    ),
    Operation(
        name="wrpkru",
        params=(Param("pkru", "number"),),
        weights=weights(keys=14),
        make=make_wrpkru,
        real=pkru_call(0),
        packs=Code.NOP,
        record=lambda to, args: pack.nop(),
        answer="zero",
    ),
    Operation(
        name="rdpkru",
        params=(),
        weights=weights(keys=5),
        make=lambda c: (),
        real=pkru_call(1),
        packs=Code.NOP,
        answer="value",
    ),
    Operation(
        name="setrlimit",
        params=(Param("resource", "choice", flags.RLIMIT), Param("soft", "bytes", least=U64)),
        weights=weights(limits=5),
        make=make_setrlimit,
        real=real_setrlimit,
        packs=Code.SETRLIMIT,
        record=record_setrlimit,
        answer="zero",
        known="prlimit64",
    ),
    Operation(
        name="mincore",
        params=(ADDR, LENGTH),
        weights=weights(anon=6, file=4, fork=3, mremap=5, limits=3, uffd=8, keys=3),
        make=make_mincore,
        real=of_code(CODE_MINCORE),
        packs=Code.MINCORE,
        answer="mask",
        known="mincore",
    ),
    Operation(
        name="brk",
        params=(ADDR,),
        weights=weights(anon=4, file=1, fork=2, mremap=3, limits=8, uffd=1, keys=2),
        make=make_brk,
        real=system_call(12),
        packs=Code.BRK,
        answer="break",
        known="brk",
    ),
    Operation(
        name="read",
        params=(ADDR,),
        weights=weights(anon=10, file=14, fork=14, mremap=10, limits=6, uffd=14, keys=16),
        make=make_touch,
        real=of_code(CODE_READ),
        packs=Code.FAULT,
        record=touch(Access.READ),
        answer="word",
    ),
    Operation(
        name="write",
        params=(ADDR, Param("word", "word", least=RETURN_BYTE)),
        weights=weights(anon=16, file=16, fork=18, mremap=14, limits=6, uffd=18, keys=16),
        make=make_write,
        real=of_code(CODE_WRITE),
        packs=Code.FAULT,
        record=touch(Access.WRITE | STORE),
        answer="touch",
    ),
    Operation(
        name="exec",
        params=(ADDR,),
        weights=weights(anon=2, file=3, fork=2, mremap=1, limits=2, uffd=1, keys=3),
        make=make_touch,
        real=of_code(CODE_EXEC),
        packs=Code.FAULT,
        record=touch(Access.EXEC),
        answer="touch",
    ),
    Operation(
        name="fork",
        params=(Param("child", "process"),),
        weights=weights(anon=1, file=1, fork=6, mremap=2, uffd=3, keys=4),
        make=make_fork,
        real=of_code(CODE_FORK),
        packs=Code.FORK,
        record=lambda to, args: packed(Code.FORK, to.mm),
        answer="none",
        known="fork",
    ),
    Operation(
        name="exit",
        params=(),
        weights=weights(anon=1, file=1, fork=4, mremap=1, uffd=2, keys=2),
        make=lambda c: (),
        real=of_code(CODE_EXIT),
        packs=Code.EXIT,
        answer="none",
    ),
    *uffd.TABLE,
)
BY_NAME: Final = {operation.name: operation for operation in TABLE}
PARAMS: Final = {operation.name: operation.params for operation in TABLE}


LEFT_OUT: Final[Mapping[Code, str]] = {
    Code.MM_CREATE: "no call stands for it: a program begins in an address space",
    Code.FAULTS: "as so many FAULT, which read, write and exec are",
    Code.UFFD_OPEN: "each process has two from the start; tests/kernel/test_kernel_uffd.py",
    Code.UFFD_API: "each process has two from the start; tests/kernel/test_kernel_uffd.py",
    Code.EXEC: "the executor would not live on; tests/kernel/test_exec.py",
}
"""What no program has, and why."""


def undrawn() -> list[Code]:
    """The operations of a block that no program has, and nobody has said why."""
    return sorted(set(Code) - {operation.packs for operation in TABLE} - set(LEFT_OUT))


def _has(how: Arg, flag: str) -> bool:
    return isinstance(how, int) and bool(how & M[flag])


def noted(c: Chooser, op: Op) -> None:
    """Report to the chooser what an operation did."""
    c.note(op)
    fixed = M["MAP_FIXED"] | M["MAP_FIXED_NOREPLACE"]
    if op.name in ("mlock", "mlock2") or (op.name == "mmap" and _has(op.args[3], "MAP_LOCKED")):
        c.locked = True
    match op.name, op.args:
        case "mmap", (_, int(length), _, int(how), *_) if not how & fixed and length < 1 << 30:
            c.note_result(op.uid, length)
        case "mremap", (_, _, int(length), 1, _) if length < 1 << 30:
            c.note_result(op.uid, length)
