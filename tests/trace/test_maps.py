# SPDX-License-Identifier: Apache-2.0
"""Goal: maps texts are read as the kernel writes them, and two of them are told apart rightly."""

from __future__ import annotations

from pathlib import Path

import pytest

from vmalab_trace import maps

TEXT = """\
5583376ee000-5583376ef000 r--p 00000000 fe:00 9978048                    /tmp/a b
5583376f3000-5583377f3000 rw-p 00000000 00:00 0                          [heap]
7fbe66a94000-7fbe66a97000 rw-p 00000000 00:00 0 
7fbe66a98000-7fbe66a99000 rw-s 00000000 00:01 1026                       /dev/zero (deleted)
7ffe3c93a000-7ffe3c95b000 rw-p 00000000 00:00 0                          [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
"""  # noqa: W291


def changed(old: str, new: str) -> list[tuple[str, str]]:
    assert old in TEXT
    return maps.compare(maps.parse(TEXT), maps.parse(TEXT.replace(old, new))).differences


def test_render_and_read_back() -> None:
    assert maps.render(maps.parse(TEXT)) == TEXT


def test_own_maps() -> None:
    """The text of a living process, whatever is in it."""
    text = Path("/proc/self/maps").read_text()
    assert maps.render(maps.parse(text)) == text


def test_not_maps() -> None:
    with pytest.raises(maps.MapsError, match="line 1"):
        maps.parse("7fff-8000 rw-p\n")


def test_equal() -> None:
    result = maps.compare(maps.parse(TEXT), maps.parse(TEXT))
    assert result.equal
    assert result.areas == 5
    assert not result.notes


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("5583376ef000", "5583376f0000"),
        ("7fbe66a97000 rw-p", "7fbe66a97000 r--p"),
        ("7fbe66a97000 rw-p", "7fbe66a96000 rw-p"),
        ("00000000 fe:00", "00001000 fe:00"),
        ("fe:00 9978048", "fe:01 9978048"),
        ("fe:00 9978048", "fe:00 9978049"),
        ("/tmp/a b", "/tmp/a c"),
        ("7ffe3c95b000", "7ffe3c95c000"),
    ],
)
def test_one_difference(old: str, new: str) -> None:
    assert len(changed(old, new)) == 1


def test_missing_and_extra() -> None:
    line = TEXT.splitlines(keepends=True)[2]
    assert changed(line, "") == [(line.strip(), "")]
    with_one_more = line + line.replace("7fbe66a94000-7fbe66a97000", "7fbe66a97000-7fbe66a98000")
    assert len(changed(line, with_one_more)) == 1


def test_a_split_is_seen() -> None:
    line = TEXT.splitlines(keepends=True)[2]
    halves = line.replace("7fbe66a97000", "7fbe66a95000") + line.replace(
        "7fbe66a94000", "7fbe66a95000"
    )
    assert changed(line, halves)


def test_what_is_not_compared() -> None:
    """Labels of the heap, the vsyscall page, and where the stack begins (with a note)."""
    assert not changed("[heap]", "")
    assert not changed("ffffffffff600000-ffffffffff601000", "ffffffffff600000-ffffffffff602000")
    result = maps.compare(
        maps.parse(TEXT), maps.parse(TEXT.replace("7ffe3c93a000", "7ffe3c90a000"))
    )
    assert result.equal
    assert any("stack" in note for note in result.notes)


def test_shared_anonymous_inodes_are_paired() -> None:
    """The number is the kernel's affair, but one object stays one object."""
    assert not changed("1026", "7")
    lines = TEXT.splitlines(keepends=True)
    lines.insert(-1, "7fffbe66a000-7fffbe66b000 rw-s 00000000 00:01 1026 /dev/zero (deleted)\n")
    two = "".join(lines)
    other = two[::-1].replace("6201", "7201", 1)[::-1]
    assert not maps.compare(maps.parse(two), maps.parse(two)).differences
    assert maps.compare(maps.parse(two), maps.parse(other)).differences
