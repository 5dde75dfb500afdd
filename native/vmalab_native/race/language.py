# SPDX-License-Identifier: Apache-2.0
"""The operations of a scenario, as text and as the records that the lab executes.

One operation is a line: an address space, a colon, a verb, its operands. Addresses are written
0x..., lengths are pages.

    m0 = new                               an empty address space
    m0: mmap ADDR PAGES PROT [WORD ...]    PROT of r w x, or -; ADDR "any"; words: shared hint
                                           growsdown populate noreplace
    m0: munmap ADDR PAGES
    m0: mprotect ADDR PAGES PROT
    m0: mremap ADDR PAGES NEW [to ADDR] [dontunmap]
    m0: madvise ADDR PAGES ADVICE          dontneed free dontfork hugepage nohugepage random ...
    m0: mlock ADDR PAGES [onfault] | munlock ADDR PAGES | mlockall
    m0: mseal ADDR PAGES
    m0: remap ADDR PAGES PGOFF             remap_file_pages
    m0: read ADDR | write ADDR WORD | exec ADDR
    m0: move DST SRC PAGES                 a userfaultfd move
    m1 = m0: fork                          the child becomes m1
    m1 = m0: execve [shared]               the process of m0 goes on in m1; shared: m0 stays
    m0: exit
    m0: maps | reap | rcu                  read the maps; look at every VMA as an OOM reaper does;
                                           wait for a grace period
    m0: fail CACHE N                       the N-th next allocation fails (vma, node, avc, ...),
                                           or killable write lock, with EINTR (stamp)
    m0: preset SEQ ADDR STAMP              mm_lock_seq, and the stamp of the VMA of ADDR
    m0: mbind ADDR PAGES MODE NODES        numbers, as for mbind(2)
    m0: truncate ADDR PAGES                the file mapped at ADDR (shared memory) gets that size
    m0: seal ADDR SEAL                     the file mapped at ADDR is sealed: write, grow ...
    m0: map ADDR PAGES PROT like ADDR2     the file mapped at ADDR2, privately
    m0: fallocate ADDR PAGES               the pages of the file mapped at ADDR, through a VMA on
                                           the stack
    m0: keep ADDR                          a driver keeps the VMA of ADDR
    m0: lend ADDR WORD                     it stores the word in the page of ADDR, if that is still
                                           its VMA
    m0: name ADDR PAGES NAME               anonymous memory gets a name of at most 8 letters
    m0: low                                the next address space is made in the first free slot
    m0: die POINT                          the actor is killed when it comes to that sync point
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from vmalab.ops import Op as Code
from vmalab.uapi import FAULT_FLAG, MADV, SEAL, Access, Map, Mcl, Mlock, Mremap, Prot
from vmalab_native import lab
from vmalab_native.errors import InvalidArgument
from vmalab_native.lab import Op

PAGE: Final = 4096
_NAME_MAX: Final = 8
_PROTS: Final = {"r": int(Prot.READ), "w": int(Prot.WRITE), "x": int(Prot.EXEC)}
_WORDS: Final = {"growsdown": int(Map.GROWSDOWN), "populate": int(Map.POPULATE)}
_CACHES: Final = {
    "vma": 0,
    "node": 1,
    "anon_vma": 2,
    "avc": 3,
    "name": 4,
    "vma_lock": 6,
    "policy": 7,
    "stamp": 256,
}
_LINE = re.compile(r"^(?:(?P<made>m\d)\s*=\s*)?(?:(?P<mm>m\d)\s*:\s*)?(?P<rest>\S.*)$")


class LanguageError(ValueError):
    """A line of a scenario that means nothing; says what would be right."""


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise LanguageError(f"{text!r} is no number") from None


def _prot(text: str) -> int:
    if not set(text) <= {*_PROTS, "-"}:
        raise LanguageError(f"protection {text!r}: letters of r, w, x, or -")
    return sum(value for letter, value in _PROTS.items() if letter in text)


def _mmap(operands: list[str]) -> Op:
    addr, pages, prot, *words = operands
    bits = int(Map.ANONYMOUS | (Map.SHARED if "shared" in words else Map.PRIVATE))
    unknown = set(words) - {"shared", "hint", "noreplace", *_WORDS}
    if unknown:
        raise LanguageError(f"mmap does not know {', '.join(sorted(unknown))}")
    for word, bit in _WORDS.items():
        bits |= bit if word in words else 0
    where = 0 if addr == "any" else _number(addr)
    if "noreplace" in words:
        bits |= Map.FIXED_NOREPLACE
    elif where and "hint" not in words:
        bits |= Map.FIXED
    return Op(Code.MMAP, args=(where, _number(pages) * PAGE, _prot(prot) | bits << 32, 0, 0))


def _mremap(operands: list[str]) -> Op:
    addr, old, new, *words = operands
    bits, to = int(Mremap.MAYMOVE), 0
    if "to" in words:
        bits |= Mremap.FIXED
        to = _number(words[words.index("to") + 1])
    if "dontunmap" in words:
        bits |= Mremap.DONTUNMAP
    return Op(Code.MREMAP, args=(_number(addr), _number(old) * PAGE, _number(new) * PAGE, bits, to))


def _madvise(operands: list[str]) -> Op:
    addr, pages, advice = operands
    number = MADV.get(f"MADV_{advice.upper()}")
    if number is None:
        raise LanguageError(f"madvise does not know {advice!r}")
    return Op(Code.MADVISE, args=(_number(addr), _number(pages) * PAGE, number))


def _fault(access: int) -> Callable[[list[str]], Op]:
    def make(operands: list[str]) -> Op:
        addr, *word = operands
        store = FAULT_FLAG["FAULT_STORE"] if word else 0
        return Op(
            Code.FAULT, flags=access | store, args=(_number(addr), _number(word[0]) if word else 0)
        )

    return make


def _span(op: int) -> Callable[[list[str]], Op]:
    def make(operands: list[str]) -> Op:
        addr, pages = operands
        return Op(op, args=(_number(addr), _number(pages) * PAGE))

    return make


def _mprotect(operands: list[str]) -> Op:
    addr, pages, prot = operands
    return Op(Code.MPROTECT, args=(_number(addr), _number(pages) * PAGE, _prot(prot)))


def _move(operands: list[str]) -> Op:
    dst, src, pages = operands
    return Op(Code.UFFD_MOVE, args=(_number(dst), _number(src), _number(pages) * PAGE, 0))


def _fail(operands: list[str]) -> Op:
    cache, nth = operands
    if cache not in _CACHES:
        raise LanguageError(f"there is no cache {cache!r}; there are {', '.join(_CACHES)}")
    return Op(lab.SPECIAL_OPS["fail"], args=(_CACHES[cache], _number(nth)))


def _preset(operands: list[str]) -> Op:
    seq, addr, stamp = operands
    return Op(
        lab.SPECIAL_OPS["preset"], args=(_number(seq), _number(addr), _number(stamp) & 0xFFFFFFFF)
    )


def _die(operands: list[str]) -> Op:
    (point,) = operands
    return Op(lab.SPECIAL_OPS["die"], args=(lab.point_number(point),))


def _plain(op: int) -> Callable[[list[str]], Op]:
    def make(operands: list[str]) -> Op:
        if operands:
            raise LanguageError(f"operands {' '.join(operands)!r} are too many")
        return Op(op, args=(0,) if op == Code.MM_CREATE else ())

    return make


def _execve(operands: list[str]) -> Op:
    if operands not in ([], ["shared"]):
        raise LanguageError(f"execve does not know {' '.join(operands)}")
    return Op(Code.EXEC, args=(0, 0, 0, len(operands)))


def _mlock(operands: list[str]) -> Op:
    addr, pages, *words = operands
    if words not in ([], ["onfault"]):
        raise LanguageError(f"mlock does not know {' '.join(words)}")
    return Op(
        Code.MLOCK, args=(_number(addr), _number(pages) * PAGE, Mlock.ONFAULT if words else 0)
    )


def _mlockall(operands: list[str]) -> Op:
    if operands:
        raise LanguageError(f"operands {' '.join(operands)!r} are too many")
    return Op(Code.MLOCKALL, args=(Mcl.CURRENT,))


def _mseal(operands: list[str]) -> Op:
    addr, pages = operands
    return Op(Code.MSEAL, args=(_number(addr), _number(pages) * PAGE, 0))


def _remap(operands: list[str]) -> Op:
    addr, pages, pgoff = operands
    return Op(
        Code.REMAP_FILE_PAGES, args=(_number(addr), _number(pages) * PAGE, 0, _number(pgoff), 0)
    )


def _mbind(operands: list[str]) -> Op:
    addr, pages, mode, nodes = map(_number, operands)
    return Op(lab.SPECIAL_OPS["mbind"], args=(addr, pages * PAGE, mode, nodes))


def _truncate(operands: list[str]) -> Op:
    addr, pages = map(_number, operands)
    return Op(lab.SPECIAL_OPS["truncate"], args=(addr, pages * PAGE))


def _fallocate(operands: list[str]) -> Op:
    addr, pages = map(_number, operands)
    return Op(lab.SPECIAL_OPS["fallocate"], args=(addr, pages * PAGE))


def _keep(operands: list[str]) -> Op:
    (addr,) = map(_number, operands)
    return Op(lab.SPECIAL_OPS["keep"], args=(addr,))


def _lend(operands: list[str]) -> Op:
    addr, word = map(_number, operands)
    return Op(lab.SPECIAL_OPS["lend"], args=(addr, word))


def _seal(operands: list[str]) -> Op:
    addr, name = operands
    seal = SEAL.get(f"F_SEAL_{name.upper()}")
    if seal is None:
        raise LanguageError(f"{name!r} is no seal")
    return Op(lab.SPECIAL_OPS["seal"], args=(_number(addr), seal))


def _name(operands: list[str]) -> Op:
    addr, pages, name = operands
    letters = name.encode()
    if len(letters) > _NAME_MAX:
        raise LanguageError(f"{name!r}: a name has at most {_NAME_MAX} letters")
    number = int.from_bytes(letters, "little")
    return Op(lab.SPECIAL_OPS["name"], args=(_number(addr), _number(pages) * PAGE, number))


def _map(operands: list[str]) -> Op:
    addr, pages, prot, like, other = operands
    if like != "like":
        raise LanguageError(f"{like!r}: wanted 'like'")
    places = (_number(addr), _number(pages) * PAGE, _prot(prot), _number(other))
    return Op(lab.SPECIAL_OPS["map"], args=places)


VERBS: Final[dict[str, Callable[[list[str]], Op]]] = {
    "new": _plain(Code.MM_CREATE),
    "mmap": _mmap,
    "munmap": _span(Code.MUNMAP),
    "mprotect": _mprotect,
    "mremap": _mremap,
    "madvise": _madvise,
    "read": _fault(Access.READ),
    "write": _fault(Access.WRITE),
    "exec": _fault(Access.EXEC),
    "move": _move,
    "mlock": _mlock,
    "munlock": _span(Code.MUNLOCK),
    "mlockall": _mlockall,
    "mseal": _mseal,
    "remap": _remap,
    "fork": _plain(Code.FORK),
    "execve": _execve,
    "exit": _plain(Code.EXIT),
    "fail": _fail,
    "preset": _preset,
    "die": _die,
    "mbind": _mbind,
    "truncate": _truncate,
    "map": _map,
    "seal": _seal,
    "fallocate": _fallocate,
    "keep": _keep,
    "lend": _lend,
    "name": _name,
    "low": _plain(lab.SPECIAL_OPS["low"]),
    "maps": _plain(lab.SPECIAL_OPS["maps"]),
    "reap": _plain(lab.SPECIAL_OPS["reap"]),
    "rcu": _plain(lab.SPECIAL_OPS["rcu"]),
}

_SPAN: Final = "ADDR PAGES"
OPERANDS: Final = {
    **dict.fromkeys(("munmap", "munlock", "mseal", "truncate", "fallocate"), _SPAN),
    **dict.fromkeys(("read", "exec", "keep"), "ADDR"),
    "mmap": f"{_SPAN} PROT [WORD ...]",
    "mprotect": f"{_SPAN} PROT",
    "mremap": f"{_SPAN} NEW_PAGES [to ADDR] [dontunmap]",
    "madvise": f"{_SPAN} ADVICE",
    **dict.fromkeys(("write", "lend"), "ADDR WORD"),
    "move": "TO_ADDR FROM_ADDR PAGES",
    "mlock": f"{_SPAN} [onfault]",
    "remap": f"{_SPAN} PAGE_OFFSET",
    "fail": "CACHE N",
    "preset": "SEQ ADDR STAMP",
    "die": "POINT",
    "mbind": f"{_SPAN} MODE NODES",
    "map": f"{_SPAN} PROT like ADDR",
    "seal": "ADDR SEAL",
    "name": f"{_SPAN} NAME",
}
"""What a verb that has operands takes, for a message."""


def needs_space(op: Op) -> bool:
    """Whether an operation works in an address space."""
    return op.op not in (
        Code.MM_CREATE,
        *(lab.SPECIAL_OPS[name] for name in ("fail", "die", "rcu")),
    )


def compile_line(line: str) -> Op:
    """One operation.

    Raises:
        LanguageError: it cannot be read; says why.
    """
    match = _LINE.match(line.strip())
    if match is None:
        raise LanguageError(f"{line!r}: wanted 'm0: VERB OPERANDS'")
    verb, *operands = match["rest"].split()
    if verb not in VERBS:
        raise LanguageError(f"{line!r}: there is no verb {verb!r}; there are {', '.join(VERBS)}")
    try:
        op = VERBS[verb](operands)
    except LanguageError as error:
        raise LanguageError(f"{line!r}: {error}") from None
    except InvalidArgument as error:
        raise LanguageError(f"{line!r}: {error.detail}") from None
    except (ValueError, IndexError):
        right = f"'{verb} {OPERANDS[verb]}'" if verb in OPERANDS else "none"
        raise LanguageError(f"{line!r}: operands do not fit {verb}: {right} fits") from None
    slot = int(match["mm"][1:]) if match["mm"] else 0
    result = int(match["made"][1:]) if match["made"] else lab.NO_SLOT
    if max(slot, result if result != lab.NO_SLOT else 0) >= lab.SLOTS_MAX:
        raise LanguageError(f"{line!r}: address spaces are m0 to m{lab.SLOTS_MAX - 1}")
    if (verb in ("new", "fork", "execve")) != (result != lab.NO_SLOT):
        raise LanguageError(f"{line!r}: new, fork, execve make an address space: 'm1 = ...'")
    return Op(op.op, slot, op.flags, op.args, result)
