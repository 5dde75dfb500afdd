# SPDX-License-Identifier: Apache-2.0
"""What `vmalab crash` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from vmalab_crash.tally import IN_RECOVERY_MIN, INSIDE_MIN, Tally
from vmalab_drive import report

SUMS = (
    "kills",
    "bursts",
    "recovered",
    "victims",
    "recoverers_killed",
    "hung",
    "leaked",
    "corrupt",
    "broken",
    "operations",
    "words_checked",
    "seconds",
)


def verdict(tallies: Sequence[Tally]) -> str:
    """ "good", "failed", or "undecided": nothing failed, but too few died where it matters."""
    if any(tally.failures for tally in tallies):
        return "failed"
    judged = [tally for tally in tallies if tally.transport == "attached"]
    if not judged:
        return "good"
    victims = max(1, sum(tally.victims for tally in judged))
    inside = sum(tally.inside for tally in judged) / victims
    in_recovery = sum(tally.in_recovery for tally in judged) / victims
    enough = inside >= INSIDE_MIN and in_recovery >= IN_RECOVERY_MIN
    return "good" if enough else "undecided"


def facts(tallies: Sequence[Tally], seed: int) -> dict[str, Any]:
    """One object with everything."""
    models = [tally.as_dict() for tally in tallies]
    victims = max(1, sum(tally.victims for tally in tallies))
    return {
        "verdict": verdict(tallies),
        "seed": seed,
        **{name: round(sum(one[name] for one in models), 2) for name in SUMS},
        "inside_operation_share": round(sum(t.inside for t in tallies) / victims, 4),
        "running_share": round(sum(t.running for t in tallies) / victims, 4),
        "in_recovery_share": round(sum(t.in_recovery for t in tallies) / victims, 4),
        "models": models,
    }


def _share(value: float) -> str:
    return f"{value:.0%}"


def _ms(value: float) -> str:
    return f"{value:.1f}"


def _models(data: dict[str, Any]) -> Table:
    names = ("kills", "bursts", "hung", "leaked", "corrupt", "broken")
    rows = [
        [one["model"], *(report.count(one[name]) for name in names)]
        for one in [*data["models"], {**data, "model": "all"}]
    ]
    rate = data["kills"] / data["seconds"] if data["seconds"] else 0.0
    title = f"crash, seed {data['seed']}, {rate:.1f} kills/s"
    return report.grid(title, ("model", *names), rows)


def _victims(data: dict[str, Any]) -> Table:
    head = ("model", "recovered", "victims", "in op", "running", "in recovery")
    rows = [
        [
            one["model"],
            report.count(one["recovered"]),
            report.count(one["victims"]),
            _share(one["inside_operation_share"]),
            _share(one["running_share"]),
            _share(one["in_recovery_share"]),
        ]
        for one in [*data["models"], {**data, "model": "all"}]
    ]
    return report.grid("bursts recovered, and where the victims were", head, rows)


def _times(data: dict[str, Any]) -> Table:
    head = ("model", "recovery", "worst", "standstill", "worst", "without kills")
    names = ("recovery_ms_median", "recovery_ms_worst", "standstill_ms_median",
             "standstill_ms_worst", "standstill_ms_worst_without_kills")  # fmt: skip
    rows = [[one["model"], *(_ms(one[name]) for name in names)] for one in data["models"]]
    return report.grid("how long it took, median and worst in ms", head, rows)


def _sizes(data: dict[str, Any]) -> Table:
    head = ("model", "MiB in use", "bursts", "recovery", "worst", "standstill", "worst")
    names = ("recovery_ms_median", "recovery_ms_worst", "standstill_ms_median",
             "standstill_ms_worst")  # fmt: skip
    rows = [
        [one["model"], report.count(size["mib"]), str(size["bursts"])]
        + [_ms(size[name]) for name in names]
        for one in data["models"]
        for size in one["sizes"]
    ]
    return report.grid("with memory in use, median and worst in ms", head, rows)


def _failures(data: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for one in data["models"]:
        for failure in one["failures"]:
            where = f"segment {failure['session']}, burst {failure['burst']}"
            lines.append(f"{one['model']}, {where}: {failure['kind']}: {failure['what']}")
            lines += [f"    {line}" for line in (*failure["story"], *failure["lines"])]
            if failure["segment"]:
                lines.append(f"    kept: vmalab fsck --instance {failure['segment']}")
            lines.append(f"    again: {failure['again']}")
    return lines


def show(data: dict[str, Any]) -> None:
    """Tables, failures, the verdict."""
    console = report.console()
    console.print(_models(data))
    console.print(_victims(data))
    console.print(_times(data))
    if any(one["sizes"] for one in data["models"]):
        console.print(_sizes(data))
    for line in _failures(data):
        console.print(line, soft_wrap=True)
    if data["verdict"] == "undecided":
        console.print(
            f"undecided: at least {INSIDE_MIN:.0%} of the victims must die inside an operation and "
            f"{IN_RECOVERY_MIN:.0%} during a recovery; more kills give a better sample",
            soft_wrap=True,
        )
    else:
        console.print(data["verdict"])
