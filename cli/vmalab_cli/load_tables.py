# SPDX-License-Identifier: Apache-2.0
"""The report of `vmalab load` as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table


def tables(data: Mapping[str, Any]) -> list[Table]:
    """From what `--json` gives."""
    from vmalab_drive import report
    from vmalab_loadgen import page

    found = [report.facts("load", _facts(data))]
    found.append(kinds_of(data, "operations, corrected latency"))
    if rows := page.where_rows(data):
        where = report.grid("where the time went, of those that were timed", page.WHERE_HEAD, rows)
        where.padding = (0, 1)
        found.append(where)
    found += parts(data)
    if data["errnos"]:
        errnos = [[name, report.count(number)] for name, number in data["errnos"].items()]
        found.append(report.grid("expected errors", ("error", "count"), errnos))
    times = [
        [name, report.count(value), report.count(data["latency_raw_us"][name])]
        for name, value in data["latency_us"].items()
    ]
    title = f"latency of {data['latency_of']}, microseconds"
    found.append(report.grid(title, ("", "corrected", "raw"), times))
    found += agents(data)
    found += targets(data)
    found += _verdicts(data)
    return found


def parts(data: Mapping[str, Any]) -> list[Table]:
    """Where the time of calls or blocks went."""
    from vmalab_drive import report
    from vmalab_loadgen import parts_page

    head, rows = parts_page.rows(data)
    if not rows:
        return []
    found = report.grid(f"where the time of a {data['call_parts']['of']} went, means", head, rows)
    found.padding = (0, 1)
    return [found]


def agents(data: Mapping[str, Any]) -> list[Table]:
    """Those that did the load, each with its part."""
    from vmalab_drive import report
    from vmalab_loadgen import page

    if not data["agents"]:
        return []
    kept = [at for at, name in enumerate(page.AGENTS_HEAD) if name not in ("per s", "wrong")]
    head, *rows = ([row[at] for at in kept] for row in (page.AGENTS_HEAD, *page.agent_rows(data)))
    found = report.grid("agents, corrected latency", head, rows)
    found.columns[0].overflow = "fold"  # an address is of no use without its end
    found.padding = (0, 1)
    return [found]


def targets(data: Mapping[str, Any]) -> list[Table]:
    """The servers, if there are several: what was done there, and what it did to them."""
    from vmalab_drive import report
    from vmalab_loadgen import page

    rows = page.target_rows(data)
    if not rows:
        return []
    kept = [at for at, name in enumerate(page.TARGETS_HEAD) if name not in ("per s", "wrong")]
    shown = [[row[at] for at in kept] for row in (list(page.TARGETS_HEAD), *rows)]
    found = [report.grid("servers, corrected latency", shown[0], shown[1:])]
    found.append(report.grid("locks of each server", *page.target_cores(data)))
    for one in found:
        one.columns[0].overflow = "fold"
        one.padding = (0, 1)
    return found


def kinds_of(data: Mapping[str, Any], title: str) -> Table:
    """The kinds of operations."""
    from vmalab_drive import report
    from vmalab_loadgen.page import time_text

    names = ("p50", "p99", "p99.9", "max")
    rows = []
    for name, one in data["operations"].items():
        times, raw = one["latency_us"], one["latency_raw_us"]
        cells = [time_text(times[key]) if times else "" for key in names]
        cells.append(time_text(raw["p99"]) if raw else "")
        rows.append([name, report.count(one["count"]), report.short(one["per_s"]), *cells])
    found = report.grid(title, ("kind", "count", "per s", *names, "p99 raw"), rows)
    found.padding = (0, 1)  # so that it fits 80 columns
    return found


def _facts(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    from vmalab_drive import report
    from vmalab_loadgen import page, parts_page
    from vmalab_loadgen.units import counted

    spaces = f"{data['shared_mms']} shared" if data["shared_mms"] else "one for each caller"
    rows = [
        ("seed", str(data["seed"])),
        (
            "load",
            f"{counted(data['processes'], 'process', 'processes')}, {data['mode']}, "
            f"address spaces: {spaces}",
        ),
        ("workload", data["workload"]) if data["workload"] else ("mix", data["mix"]),
        ("time", f"{data['seconds']} s"),
        ("operations", f"{report.count(data['ops'])}, {report.count(data['ops_per_s'])}/s"),
        ("faults", f"{report.count(data['faults_per_s'])}/s"),
    ]
    rows[3:3] = page.patterns(data)
    if data["churn_per_s"]:
        renewed = f"{report.count(data['renewals'])} of {report.count(data['renewals_due'])}"
        rows.append(("callers renewed", f"{renewed}, {data['churn_per_s']:g}/s asked for"))
    if data["loop"] == "open":
        asked = f"{report.count(data['rate'])}/s asked for, {data['achieved']:.1%} done"
        rows.append(("rate", f"{asked}, {report.count(data['dropped'])} operations dropped"))
    share = f"the clients ran for {data['client']['cpu_share']:.0%} of the time that they had"
    rows.append(("client-bound", f"{'yes' if data['client']['bound'] else 'no'}; {share}"))
    if data["trace"]:
        turns, between = (report.count(data["trace"][name]) for name in ("turns", "between"))
        rows.append(("trace", f"{turns} times, {between} steps between operations"))
    rows += core_facts(data)
    if data["call_parts"]:
        rows.append(("parts", parts_page.note(data)))
    if data["latency_sample"] != 1:
        sample = data["latency_sample"]
        timed = f"one fault in {sample}, and every other operation" if sample else "nothing"
        if sample:
            cost = data["latency_cost_ns"]
            timed += f"; {cost} ns for each that is timed, {cost / sample:.1f} ns for each fault"
        rows.append(("timed", timed))
    return rows


def core_facts(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Of the instance, and whether it is as it should be."""
    from vmalab_drive import report

    rows = [(name, report.count(value)) for name, value in data["locks"].items()]
    reused = report.count(data["vma_objects_reused"])
    allocated = report.count(data["vma_objects_allocated"])
    rows.append(("VMA objects", f"{allocated} handed out, {reused} of them used before"))
    rows.append(("wrong answers", report.count(data["wrong"])))
    if data["checked"]:
        rows.append(("fsck", "; ".join(data["problems"]) or "every invariant holds"))
        leaks = [f"{k}: {v['before']} -> {v['after']}" for k, v in data["leaks"].items()]
        unknown = "not looked at, because callers were lost" if data["lost"] else ""
        rows.append(("memory", "; ".join(leaks) or unknown or "back to the start"))
    return rows


def _verdicts(data: Mapping[str, Any]) -> list[Table]:
    from vmalab_drive import report

    found = []
    if data["thresholds"]:
        rows = [
            [one["threshold"], "no value" if one["value"] is None else f"{one['value']:,.6g}",
             "yes" if one["passed"] else "no"]
            for one in data["thresholds"]
        ]  # fmt: skip
        title = "thresholds, latency in nanoseconds"
        found.append(report.grid(title, ("threshold", "value", "kept"), rows))
    return found + soundness(data)


def soundness(data: Mapping[str, Any]) -> list[Table]:
    """The wrong answers, if there are any."""
    from vmalab_drive import report

    found = []
    if data["wrong_first"]:
        wrong = [[one["op"], one["what"], one["expected"], one["got"]] for one in
                 data["wrong_first"]]  # fmt: skip
        found.append(report.grid("wrong answers", ("op", "what", "expected", "got"), wrong))
    return found
