# SPDX-License-Identifier: Apache-2.0
"""Goal: a table or a list in a C comment stays one: no formatter makes prose of it.

Method: clang-format is run with the house's configuration over a comment that it would like to
change. And each comment of the core is read: after an indented line, a line at the margin begins
something new, so it is empty, or begins with a capital letter, a dash, or a name with a colon. What
a formatter pulls up from an indented line begins in the middle of a sentence.

How to read a failure: the line named belongs to the line before it. Indent it, or put an empty line
before it.

Seen to fail: with ReflowComments in .clang-format; with the heads of atomics.h and op_munmap.c as a
formatter had left them (MANGLED).
"""

import itertools
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "native"
TABLE = f"""\
/*
 *   word      {"more than the line holds " * 5}and
 *   state     next; a second line would be
 *             pulled up
 */
int x;
"""
MANGLED = (
    """/*
 *   acquire        a failed one is an acquire where the successful one
 *   acquires, else relaxed fence_full    sequentially consistent fence (a store
 * before it and a load after it do not pass each other)
 */""",
    """/*
 *   gather:  split head | for each VMA: [split tail] stamp, remember, detach      undoable:
 * reattach
 */""",
)
GOOD = """/*
 *   gather    split head
 *             can be undone: reattach
 * Killed: nothing happened.
 * - one more
 * owner: a hint
 *
 * the end
 */"""
BEGINS = re.compile(r"[^a-z]|\w+(?:, \w+)*: ")


def torn(comment: str) -> list[str]:
    """Lines at the margin that go on with the indented line before them."""
    lines = [re.sub(r"^\s*\*", "", line) for line in comment.split("\n")]
    return [
        line.strip()
        for before, line in itertools.pairwise(lines)
        if before.startswith("   ") and re.match(r" \S", line) and not BEGINS.match(line[1:])
    ]


def test_torn_tables_are_found() -> None:
    assert [len(torn(comment)) for comment in MANGLED] == [1, 1]
    assert torn(GOOD) == []


def test_no_table_is_torn() -> None:
    bad = []
    seen = 0
    for path in sorted([*NATIVE.rglob("*.[ch]"), *NATIVE.rglob("*.pml")]):
        for comment in re.findall(r"/\*.*?\*/", path.read_text(), re.S):
            seen += 1
            bad += [f"{path.relative_to(ROOT)}: {line}" for line in torn(comment)]
    assert bad == []
    assert seen > 2000, "is the pattern still right?"


def test_the_formatter_leaves_comments_alone() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("clang-format")), "--assume-filename=native/x.c"],
        cwd=ROOT,
        input=TABLE,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout == TABLE
