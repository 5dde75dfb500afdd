# SPDX-License-Identifier: Apache-2.0
"""The lines of a text whose lines end with a line feed, as the kernel's and the core's do."""

from __future__ import annotations


def lines_of(text: str) -> list[str]:
    """Each line, without its end.

    Names of files and of processes may have the other characters at which `str.splitlines` ends a
    line (\\v, \\f, \\x1c to \\x1e, \\x85, \\u2028, \\u2029).
    """
    lines = text.split("\n")
    if not lines[-1]:
        del lines[-1]
    return lines
