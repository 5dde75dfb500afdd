# SPDX-License-Identifier: Apache-2.0
"""Records and replays every program below a folder, and prints what agreed: tests/external/run.

The programs are those of a suite that is built already: LTP (testcases/kernel/syscalls/mmap and its
neighbours, testcases/kernel/mem) or the kernel's selftests (tools/testing/selftests/mm). Each runs
once, without arguments, in a folder of its own, for some seconds at most. Whether it passes does
not matter: what the running kernel answered is right.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import programs
from vmalab_drive.errors import CommandError, UsageError
from vmalab_trace.record import RecordConfig, record

_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+")


@dataclass(slots=True)
class Row:
    """One program."""

    name: str
    ops: int = 0
    disagree: int = 0
    maps: int = 0
    maps_differ: int = 0
    faults: int = 0
    faults_wrong: int = 0
    not_compared: int = 0
    unsupported: int = 0
    note: str = ""
    unsupported_calls: dict[str, int] = field(default_factory=dict)
    first: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Without a difference, as far as it was replayed."""
        return not (self.disagree or self.maps_differ or self.faults_wrong or self.note)


def found(folder: Path, only: str) -> list[Path]:
    """The programs below a folder: executable, and for this machine."""
    wanted = re.compile(only)
    result: list[Path] = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and os.access(path, os.X_OK) and wanted.search(str(path)):
            with path.open("rb") as data:
                if data.read(5) == b"\x7fELF\x02":
                    result.append(path)
    return result


def _lines(path: Path) -> Iterator[bytes]:
    if path.is_file():
        with path.open("rb") as data:
            yield from data


def one(program: Path, seconds: int, lines_max: int) -> Row:
    """Record and replay a program."""
    row = Row(program.name)
    work = Path(tempfile.mkdtemp(prefix="vmalab-external-"))
    try:
        (work / "here").mkdir()
        inside = 'cd "$0" && exec timeout -s KILL "$1" "$2" >/dev/null 2>&1'
        command = ["/bin/sh", "-c", inside, str(work / "here"), str(seconds), str(program)]
        record(command, work / "trace", RecordConfig())
        lines = sum(1 for name in ("trace", "faults") for _ in _lines(work / "trace" / name))
        if lines > lines_max:
            row.note = f"left out: {lines} lines, more than --lines"
            return row
        _, result = programs.play(work / "trace", orders=16)
    except (CommandError, UsageError) as error:
        row.note = str(error).splitlines()[0]
        return row
    finally:
        shutil.rmtree(work, ignore_errors=True)
    row.ops, row.disagree = result.ops, result.disagree
    row.maps, row.maps_differ = result.maps_checked, result.maps_checked - result.maps_equal
    row.faults, row.faults_wrong = result.faults_checked, result.faults_disagree
    row.not_compared = sum(result.not_compared.values()) + result.calls_before_start
    row.unsupported_calls = dict(result.unsupported)
    row.unsupported = sum(result.unsupported.values())
    row.note = f"{result.lines_unread} lines not understood" if result.lines_unread else ""
    row.first = [
        f"{bad['call']}: {bad['expected']}, here {bad['got']}" for bad in result.first_disagreements
    ]
    return row


def table(rows: list[Row]) -> str:
    head = ("program", "calls", "wrong", "maps", "differ", "faults", "wrong", "not", "unsup", "")
    lines: list[tuple[str, ...]] = [head]
    for row in rows:
        numbers = (row.ops, row.disagree, row.maps, row.maps_differ, row.faults, row.faults_wrong)
        lines.append(
            (row.name, *map(str, numbers), str(row.not_compared), str(row.unsupported), row.note)
        )
    total = [sum(getattr(row, name) for row in rows) for name in
             ("ops", "disagree", "maps", "maps_differ", "faults", "faults_wrong", "not_compared",
              "unsupported")]  # fmt: skip
    clean = sum(row.clean for row in rows)
    lines.append((f"{len(rows)} programs", *map(str, total), f"{clean} without a difference"))
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    return "\n".join(
        "  ".join(word.ljust(width) if at in (0, 9) else word.rjust(width)
                  for at, (word, width) in enumerate(zip(line, widths, strict=True))).rstrip()
        for line in lines
    )  # fmt: skip


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests/external/run")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="a regular expression: these paths alone")
    parser.add_argument("--seconds", type=int, default=60, help="of each program, at most")
    parser.add_argument("--lines", type=int, default=60_000, help="of each trace, at most")
    parser.add_argument("--json", type=Path, help="a file for all that was found")
    options = parser.parse_args(arguments)
    chosen = found(options.folder.resolve(), options.only)
    if not chosen:
        parser.error(f"{options.folder} has no program: build the suite first")
    rows: list[Row] = []
    for program in chosen:
        rows.append(one(program, options.seconds, options.lines))
        print(f"{program.name}: {'clean' if rows[-1].clean else rows[-1]}", file=sys.stderr)
        if options.json:
            options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    print(table(rows))
    unsupported: Counter[str] = Counter()
    for row in rows:
        unsupported.update(row.unsupported_calls)
    for call, times in unsupported.most_common():
        print(f"{times:6d}  unsupported: {call}")
    kinds = Counter(_NUMBERS.sub("N", line) for row in rows for line in row.first)
    for line, times in kinds.most_common(20):
        print(f"{times:6d}  {line}")
    return 0 if all(row.clean for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
