# SPDX-License-Identifier: Apache-2.0
"""A job as files of others: those of a load (files.py), with the section of each row and line.

Times are of the section in the time series, as in its part of the report. In the log they are of
the job, because the tools of HdrHistogram lay the intervals of all tags on one axis.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from vmalab_loadgen import files
from vmalab_loadgen.result import LoadResult


def csv_text(results: Sequence[LoadResult]) -> str:
    """The rows of each section, behind its name."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for number, result in enumerate(results):
        head, *rows = csv.reader(io.StringIO(files.csv_text(result)))
        if not number:
            writer.writerow(["section", *head])
        writer.writerows([result.name, *row] for row in rows)
    return out.getvalue()


def hdr_log(results: Sequence[LoadResult], started: float) -> str:
    """Tags are SECTION for all kinds of operations of a section, and SECTION/KIND.

    Args:
        started: of the job, in seconds since 1970.
    """
    lines = files.hdr_head(started)
    rows: list[tuple[float, str]] = []
    for result in results:
        shift = result.started - started
        for tag, begin, rest in files.hdr_rows(result):
            name = f"{result.name}/{tag}" if tag else result.name
            rows.append((begin + shift, f"Tag={name},{begin + shift:.3f},{rest}"))
    return "\n".join([*lines, *(row for _, row in sorted(rows, key=lambda one: one[0]))]) + "\n"
