# SPDX-License-Identifier: Apache-2.0
"""What `vmalab load` shows while it runs: a table on a terminal, a line an interval in a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from vmalab_cli.progress import Progress

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from vmalab_loadgen.config import LoadConfig
    from vmalab_loadgen.series import Interval, Series

LATE_S: Final = 0.3
"""So long after its end the parts of an interval may still come."""
DRAW_S: Final = 0.25


def _us(nanoseconds: float) -> str:
    from vmalab_loadgen.page import time_text

    return time_text(nanoseconds / 1000)


class Shown:
    """Shows a load under way.

    Args:
        config: filled in.
        table: a table on a terminal; else one line that is written over.
    """

    def __init__(self, config: LoadConfig, *, table: bool) -> None:
        self._config = config
        self._terminal = sys.stderr.isatty()
        self._live: Live | None = None
        self._line = Progress()
        self._next = 0
        self._drawn = 0.0
        self.begun = False
        if table and self._terminal:
            from rich.live import Live

            from vmalab_drive import report

            console = report.error_console()
            self._live = Live(console=console, auto_refresh=False, transient=True)
            self._live.start()

    def __call__(self, seconds: float, series: Series) -> None:
        self.begun = True
        if self._live is not None:
            if abs(seconds - self._drawn) >= DRAW_S:
                self._drawn = seconds
                self._live.update(self._table(seconds, series), refresh=True)
        elif self._terminal:
            self._line(self._sentence(seconds, series))
        else:
            self._lines(seconds, series)

    def end(self) -> None:
        """Takes what was shown away from a terminal."""
        if self._live is not None:
            self._live.stop()
        self._line.end()

    def _sentence(self, seconds: float, series: Series) -> str:
        if seconds < 0:
            return f"warm-up, {-seconds:.1f} s left"
        total = series.ops.total()
        rate = total / seconds if seconds else 0
        return f"{seconds:6.1f} s  {total:,} operations  {rate:,.0f}/s  {series.wrong} wrong"

    def _asked(self, seconds: float) -> str:
        if not self._config.open_loop:
            return ""
        rate = self._config.profile.rate_at(self._config.warmup_s + seconds)
        return f"  of {rate:,.0f}/s"

    def _lines(self, seconds: float, series: Series) -> None:
        """One for each interval that is over."""
        length = series.seconds
        while seconds - LATE_S >= (self._next + 1) * length:
            interval = series.intervals.get(self._next)
            middle = (self._next + 0.5) * length
            self._next += 1
            text = f"{self._next * length:8.1f} s  {self._of(interval, length)}"
            text += f"{self._asked(middle)}  {series.wrong} wrong"
            print(text, file=sys.stderr, flush=True)

    @staticmethod
    def _of(interval: Interval | None, length: float) -> str:
        if interval is None or not interval.ops:
            return "0 operations/s"
        text = f"{interval.ops.total() / length:,.0f} operations/s"
        latency = interval.corrected.all()
        if latency.count:
            p50, p99 = latency.at_percentiles((50.0, 99.0))
            text += f"  p50 {_us(p50)}  p99 {_us(p99)}  max {_us(latency.max_ns)}"
        return text

    def _table(self, seconds: float, series: Series) -> Table:
        from vmalab_drive import report

        head = ("operation", "count", "per second", "p50", "p99", "max", "expected errors")
        now = series.intervals.get(max(series.intervals, default=0))
        rows = []
        for name, count in series.ops.most_common():
            latency = series.corrected.get(name)
            p50, p99 = latency.at_percentiles((50.0, 99.0)) if latency else (0, 0)
            recent = now.ops[name] / series.seconds if now else 0.0
            errors = sum(one for what, one in series.errnos.items() if what.split(" ")[0] == name)
            most = latency.max_ns if latency else 0
            rows.append([name, report.count(count), report.count(recent), _us(p50), _us(p99),
                         _us(most), report.count(errors)])  # fmt: skip
        title = self._sentence(seconds, series) + self._asked(max(seconds, 0.0))
        return report.grid(title.strip(), head, rows)
