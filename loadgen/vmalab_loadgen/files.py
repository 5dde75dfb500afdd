# SPDX-License-Identifier: Apache-2.0
"""Results as files of others: a time series (CSV), and a log that HdrHistogram's tools read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from vmalab_loadgen.histogram import Latency
from vmalab_loadgen.result import LoadResult
from vmalab_loadgen.series import Interval

COLUMNS: Final = (
    "begin_s",
    "end_s",
    "operation",
    "count",
    "per_s",
    "asked_per_s",
    "errors",
    "corrected_p50_us",
    "corrected_p90_us",
    "corrected_p99_us",
    "corrected_max_us",
    "raw_p50_us",
    "raw_p90_us",
    "raw_p99_us",
    "raw_max_us",
    "agent",
)
_STATISTICS: Final = (50.0, 90.0, 99.0)


def _times(latency: Latency) -> list[str]:
    if not latency.count:
        return [""] * (len(_STATISTICS) + 1)
    values = [*latency.at_percentiles(_STATISTICS), latency.max_ns]
    return [f"{value / 1000:.3f}" for value in values]


def csv_text(result: LoadResult) -> str:
    """A row for each interval and kind of operation, one for all of them, one for each agent."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    series, config = result.series, result.config
    for number, interval in series.numbered():
        begin = number * series.seconds
        end = max(begin, min(begin + series.seconds, result.seconds))
        length = max(end - begin, 1e-3)
        asked = config.profile.rate_at(config.warmup_s + (begin + end) / 2)\
            if config.open_loop else 0.0  # fmt: skip
        counts = [("all", interval.ops.total()), *interval.ops.most_common()]
        for name, count in counts:
            every = name == "all"
            errors = sum(
                one for what, one in interval.errnos.items() if every or what.split(" ")[0] == name
            )
            corrected = interval.corrected.all() if every else interval.corrected.of(name)
            raw = interval.raw.all() if every else interval.raw.of(name)
            writer.writerow(
                [f"{begin:.3f}", f"{end:.3f}", name, count, f"{count / length:.3f}",
                 f"{asked:.3f}" if every and config.open_loop else "", errors,
                 *_times(corrected), *_times(raw), ""]
            )  # fmt: skip
        for one in result.agents:
            part = one.series.intervals.get(number, Interval())
            count = part.ops.total()
            writer.writerow(
                [f"{begin:.3f}", f"{end:.3f}", "all", count, f"{count / length:.3f}", "",
                 part.errnos.total(), *_times(part.corrected.all()), *_times(part.raw.all()),
                 one.label]
            )  # fmt: skip
    return out.getvalue()


def hdr_head(started: float) -> list[str]:
    """What a log begins with. started: in seconds since 1970."""
    return [
        "#[Histogram log format version 1.3]",
        "#[vmalab load: corrected latency in ns, Interval_Max in ms]",
        f"#[StartTime: {started:.3f} (seconds since epoch)]",
        f"#[BaseTime: {started:.3f} (seconds since epoch)]",
        '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
    ]


def hdr_rows(result: LoadResult) -> Iterator[tuple[str, float, str]]:
    """Tag, begin in seconds, and what stands behind it, of each line of a log."""
    series = result.series
    for number, interval in series.numbered():
        begin = number * series.seconds
        length = max(1e-3, min(series.seconds, result.seconds - begin))
        rows = [("", interval.corrected.all())]
        rows += [(name, interval.corrected.of(name)) for name in sorted(interval.ops)]
        rows += [
            (one.label, one.series.intervals[number].corrected.all())
            for one in result.agents
            if number in one.series.intervals
        ]
        for tag, one in rows:
            if one.count:
                yield tag, begin, f"{length:.3f},{one.max_ns / 1e6:.3f},{one.encode().decode()}"


def hdr_log(result: LoadResult) -> str:
    """Format 1.3 of HdrHistogram's logs: corrected times of each interval in ns, with the tag of
    their kind of operation, or of an agent; those of all kinds and agents have no tag."""
    lines = hdr_head(result.started)
    for tag, begin, rest in hdr_rows(result):
        lines.append(f"{f'Tag={tag},' if tag else ''}{begin:.3f},{rest}")
    return "\n".join(lines) + "\n"
