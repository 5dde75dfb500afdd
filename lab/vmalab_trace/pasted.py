# SPDX-License-Identifier: Apache-2.0
"""strace output as people paste it: without snapshots, with prefixes, among other text.

What was mapped before is not known. So an address space begins empty, each answer that is an
address is taken from the trace, and a call about memory that the trace does not map is left out
and counted. Whether the calls agree on what they do to the memory that the trace does map is
compared as ever.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from vmalab_native import flags
from vmalab_trace import calls, plain
from vmalab_trace.gaps import Gaps, page_up
from vmalab_trace.steps import Kind, Step

FOREIGN: Final = "lines that are not strace's"
OTHERS: Final = "lines of calls that are no memory calls"
BEFORE: Final = "calls and signals about memory that the trace does not map"
_LINE = re.compile(
    r"(?P<body>(?:\[pid +\d+\] +|(?<![\w.:])\d+ +)?(?:\d\d:\d\d:\d\d(?:\.\d+)? +|\d+\.\d+ +)?"
    r"(?:(?P<name>[a-z_][a-z0-9_]*)\(.*(?:\) += (?:\?|-?\d+|0x[0-9a-f]+)|<unfinished \.\.\.>).*"
    r"|<\.\.\. (?P<resumed>\w+) resumed>.*|--- SIG\w+ .*---|\+\+\+ .* \+\+\+))\s*$"
)
_MODE = re.compile(r"\[ Process PID=\d+ runs in .* mode\. \]")
MEMORY: Final = (
    frozenset(
        {
            *("brk", "madvise", "mincore", "mmap", "mmap2", "mprotect", "mremap", "munmap"),
            *("process_madvise", "shmat", "shmdt", "shmget", "userfaultfd", "map_shadow_stack"),
            *("mbind", "set_mempolicy", "set_mempolicy_home_node", "migrate_pages", "move_pages"),
            *("prlimit64", "ftruncate", "ftruncate64", "truncate", "truncate64", "fallocate"),
            *("clone", "clone2", "clone3", "fork", "vfork", "execve", "execveat", "exit"),
            *("exit_group", "rename", "renameat", "renameat2", calls.MSEAL),
        }
    )
    | calls.SOMETIMES
    | calls.CREDENTIALS
    | frozenset(name for name in plain.FORMS if "(" not in name)
)


def clean(lines: Iterable[str], notes: Counter[str]) -> Iterator[str]:
    """The lines of strace without what stands before them; others become empty."""
    for text in lines:
        match = _LINE.search(text.rstrip("\r\n"))
        if match is None:
            mode = _MODE.search(text)
            notes[FOREIGN] += bool(text.strip()) and mode is None
            yield mode[0] if mode else ""
        elif (match["name"] or match["resumed"] or "brk") not in MEMORY:
            notes[OTHERS] += 1
            yield ""
        else:
            yield match["body"]


def take_addresses(steps: list[Step], notes: Counter[str]) -> list[Step]:
    """Put each mapping where the kernel put it, and leave out what is about other memory."""
    known: dict[int, Gaps] = {}
    kept: list[Step] = []
    for step in steps:
        mine = known.setdefault(step.mm, Gaps(0))
        call = step.operation
        if step.kind is Kind.FORK:
            known[step.child] = mine.copy()
        elif step.kind is Kind.FAULT and mine.is_free(step.addr, step.addr + 1):
            notes[BEFORE] += 1
            continue
        if step.kind is Kind.CALL and call is not None:
            if _is_about_other_memory(mine, step, call):
                notes[BEFORE] += 1
                continue
            if not step.errno:
                _place(step, call)
            step.compare_vector = False
            mine.apply(call, step.value, step.errno)
            if isinstance(call, calls.Brk) and not mine.brk:
                mine.brk = step.value
        kept.append(step)
    return kept


def _place(step: Step, call: calls.Operation) -> None:
    match call:
        case calls.Mmap() if not call.flags & (flags.MAP_FIXED | flags.MAP_FIXED_NOREPLACE):
            step.placed = step.value
        case calls.Mremap() if not call.flags & flags.MREMAP["MREMAP_FIXED"]:
            step.placed = step.value if step.value != call.addr else 0


def _is_about_other_memory(mine: Gaps, step: Step, call: calls.Operation) -> bool:
    """Whether a call succeeded on memory of which the trace does not show the mapping."""
    if step.errno:
        return False
    match call:
        case calls.Munmap(addr, length):
            return mine.is_free(addr, addr + page_up(length))
        case calls.Mremap(addr, old):
            span = (addr, addr + max(page_up(old), 1))
        case calls.Mprotect(addr, length) | calls.Madvise(addr, length):
            span = (addr, addr + page_up(length))
        case calls.Mincore(addr, length) | calls.SetVmaName(addr, length):
            span = (addr, addr + page_up(length))
        case calls.Plain(name, numbers) if name in plain.RANGED:
            span = (numbers[0], numbers[0] + page_up(numbers[1]))
        case _:
            return False
    return span[0] < span[1] and not mine.is_mapped(*span)
