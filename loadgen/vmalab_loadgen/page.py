# SPDX-License-Identifier: Apache-2.0
"""The report of a load as one HTML file: no script, nothing from elsewhere, dark and light."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from vmalab_loadgen import chart, parts_page

# The names "as" themselves are offered by this module too.
from vmalab_loadgen.cells import table as table
from vmalab_loadgen.cells import text_of as text_of
from vmalab_loadgen.cells import time_text as time_text
from vmalab_loadgen.chart import Axis, Line
from vmalab_loadgen.config import REACHED
from vmalab_loadgen.histogram import Latency
from vmalab_loadgen.units import counted

STYLE: Final = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1c1e21;--soft:#5b6169;--rule:#dfe3e8;
--tile:#f5f7f9;--c1:#1f6feb;--c2:#b3541e;--c3:#6f42c1;--c4:#5b6169;
--c5:#18794e;--c6:#a1467e;--good:#18794e;--bad:#c4231c}
@media(prefers-color-scheme:dark){:root{--paper:#14171a;--ink:#e6e8ea;--soft:#9aa3ad;
--rule:#2d333a;--tile:#1d2126;--c1:#6cb0ff;--c2:#f0a35e;--c3:#c3a3f5;--c4:#9aa3ad;
--c5:#5fd0a0;--c6:#f2a1cf;--good:#5fd0a0;--bad:#ff8a80}}
body{margin:0 auto;max-width:920px;padding:28px 20px 60px;background:var(--paper);
color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
h1{font-size:24px;margin:0 0 4px}h2{font-size:17px;margin:34px 0 6px}
p{margin:6px 0}.soft{color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:10px;
margin:18px 0}.tile{background:var(--tile);border-radius:8px;padding:10px 14px}
.tile b{display:block;font-size:21px;font-weight:600;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:13px}
.good{color:var(--good)}.bad{color:var(--bad)}
svg{width:100%;height:auto;display:block}svg text{fill:var(--soft);font-size:12px}
.grid{stroke:var(--rule);stroke-width:1;fill:none}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.line.c1{stroke:var(--c1)}.line.c2{stroke:var(--c2)}.line.c3{stroke:var(--c3)}
.line.c4{stroke:var(--c4)}
.dot.c1,svg text.c1{fill:var(--c1)}.dot.c2,svg text.c2{fill:var(--c2)}
.dot.c3,svg text.c3{fill:var(--c3)}.dot.c4,svg text.c4{fill:var(--c4)}
.bar.c1{fill:var(--c1)}.bar.c2{fill:var(--c2)}.bar.c3{fill:var(--c3)}
.bar.c4{fill:var(--c4)}.bar.c5{fill:var(--c5)}.bar.c6{fill:var(--c6)}
.wrap{white-space:normal}.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:right;padding:4px 10px;border-bottom:1px solid var(--rule);white-space:nowrap;
font-variant-numeric:tabular-nums}th{font-weight:600;color:var(--soft)}
th:first-child,td:first-child{text-align:left}td.text{text-align:left;white-space:normal}
ul{margin:6px 0;padding-left:20px}code{font:13px ui-monospace,Menlo,Consolas,monospace}
@media(max-width:700px){svg text{font-size:15px}th,td{padding:4px 6px}body{padding:18px 12px 40px}}
"""
PERCENT_TICKS: Final = ((0.0, "0 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"),
                        (0.9999, "99.99 %"), (0.99999, "99.999 %"))  # fmt: skip


def page(data: Mapping[str, Any]) -> str:
    """The whole file, from what `--json` gives."""
    parts = [_head(data), *body(data), _facts(data)]
    return document(f"vmalab load, {data['started'][:19]}", parts)


def body(data: Mapping[str, Any]) -> list[str]:
    """What a load, or a section of a job, has below its head."""
    return [
        _tiles(data),
        _findings(data),
        _throughput(data),
        _latency_in_time(data),
        _distribution(data),
        _operations(data),
        _where(data),
        parts_page.section(data),
        _agents(data),
        _targets(data),
    ]


def document(title: str, parts: Sequence[str]) -> str:
    """The parts as a whole file."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{text_of(title)}</title><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _head(data: Mapping[str, Any]) -> str:
    loop = "closed loop"
    if data["loop"] == "open":
        loop = f"open loop, {data['arrival']} arrivals, {', '.join(data['stages'])} operations/s"
    spaces = (
        f"{data['shared_mms']} shared address space" + ("s" if data["shared_mms"] > 1 else "")
        if data["shared_mms"]
        else "an address space for each caller"
    )
    began = data["started"][:19].replace("T", " ")
    pattern = "".join(f", {what} <code>{text_of(one)}</code>" for what, one in patterns(data))
    return (
        f"<h1>vmalab load</h1><p>{text_of(data['mode'])}, "
        f"{counted(data['processes'], 'process', 'processes')}, "
        f"{text_of(spaces)}; {text_of(loop)}.</p>"
        f'<p class="soft">{text_of(began)} UTC, {data["seconds"]:.1f} s, seed {data["seed"]}, '
        f"<code>{text_of(data['workload'] or data['mix'])}</code>{pattern}</p>"
    )


def patterns(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a mix does that is not the usual: of what, and the pattern or the sizes."""
    usual = (("pattern", "faults", "random"), ("vma_pattern", "VMAs of calls", "random"),
             ("map_pages", "pages of a map", "8"), ("fork_tree", "fork tree", ""))  # fmt: skip
    return [(what, data[key]) for key, what, one in usual if data[key] not in ("", one)]


def tile(value: str, name: str, mood: str = "") -> str:
    head = f'<b class="{mood}">{text_of(value)}</b>'
    return f'<div class="tile">{head}<span>{text_of(name)}</span></div>'


def _tiles(data: Mapping[str, Any]) -> str:
    tiles = [tile("passed" if data["good"] else "failed", "result",
                   "good" if data["good"] else "bad")]  # fmt: skip
    tiles.append(tile(chart.number(data["ops_per_s"]), "operations per second"))
    if data["achieved"] is not None:
        mood = "good" if data["reached"] else "bad"
        tiles.append(tile(f"{data['achieved']:.1%}", f"of {chart.number(data['rate'])}/s", mood))
    for name in ("p50", "p99"):
        if name in data["latency_us"]:
            what = "corrected" if data["loop"] == "open" else "latency"
            value = time_text(data["latency_us"][name])
            tiles.append(tile(value, f"{name}, {what}, {data['latency_of']}"))
    mood = "bad" if data["wrong"] else "good"
    tiles.append(tile(f"{data['wrong']:,}", "wrong answers", mood))
    return f'<div class="tiles">{"".join(tiles)}</div>'


def findings(data: Mapping[str, Any]) -> list[str]:
    """What somebody who reads the figures has to know, a sentence each."""
    found = []
    if data["ended_by"]:
        found.append(f"The load was ended by {data['ended_by']}; all figures are until then.")
    if data["renewals_due"] and data["renewals"] < REACHED * data["renewals_due"]:
        found.append(
            f"Callers came and went less often than asked for: {data['renewals']:,} of "
            f"{data['renewals_due']:,} times."
        )
    if not data["reached"]:
        every = [*data.get("agents", ()), *data.get("targets", ())]
        lost = any(one["lost"] for one in every)
        beside = ", beside those of the parts that were lost" if lost else ""
        found.append(
            f"The rate was not reached: {data['rate_achieved']:,.0f}/s of {data['rate']:,.0f}/s; "
            f"{data['dropped']:,} operations were due and never begun{beside}."
        )
    if data["client"]["bound"]:
        share = data["client"]["cpu_share"]
        found.append(
            f"client-bound: the client processes used {share:.0%} of the CPU time that they could "
            "have; the figures are those of the clients as much as of the server."
        )
    found += [f"Lost: {one}." for one in data["lost"]]
    parts = data.get("call_parts")
    if parts and parts["all"]["unanswered"] and not parts["all"]["timed"]:
        found.append(
            "The server does not say where the time of a call goes: it is of an older version, or "
            "no vmalab server."
        )
    found += [
        f"Late: agent {one['address']} knew of the begin {one['begin_late_ms']:g} ms after it."
        for one in data.get("agents", ())
        if one["begin_late_ms"]
    ]
    found += [f"fsck: {one}" for one in data["problems"]]
    found += [
        f"Leak: {name}, {one['before']} before, {one['after']} after."
        for name, one in data["leaks"].items()
    ]
    return found


def _findings(data: Mapping[str, Any]) -> str:
    items = "".join(f"<li>{text_of(one)}</li>" for one in findings(data))
    rows = [
        [text_of(one["threshold"]), "no value" if one["value"] is None else f"{one['value']:.6g}",
         _mood(one["passed"])]
        for one in data["thresholds"]
    ]  # fmt: skip
    verdicts = table(("threshold", "value (latency in ns)", "kept"), rows) if rows else ""
    wrong = [
        [text_of(one["op"]), text_of(one["what"]), text_of(one["expected"]), text_of(one["got"])]
        for one in data["wrong_first"]
    ]
    wrongs = table(("wrong answer of", "operands", "expected", "got"), wrong) if wrong else ""
    return (f"<ul>{items}</ul>" if items else "") + verdicts + wrongs


def _mood(good: bool) -> str:
    return '<span class="good">yes</span>' if good else '<span class="bad">no</span>'


def middle_of(interval: Mapping[str, Any]) -> float:
    return float(interval["begin_s"] + interval["end_s"]) / 2


def whole_intervals(intervals: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Without a last interval that is so short that its rate says nothing."""
    kept = list(intervals)
    if len(kept) > 2:
        lengths = [one["end_s"] - one["begin_s"] for one in kept]
        if lengths[-1] < lengths[0] / 2:
            kept.pop()
    return kept


def _throughput(data: Mapping[str, Any]) -> str:
    rows = whole_intervals(data["intervals"])
    if not rows:
        return ""
    lines = [Line("done", 1, [(middle_of(one), one["ops_per_s"]) for one in rows])]
    if data["loop"] == "open":
        lines.append(Line("asked", 4, [(middle_of(one), one["asked_per_s"]) for one in rows], True))
    values = [point[1] for line in lines for point in line.points]
    picture = chart.svg(
        lines,
        Axis("seconds", 0.0, max(rows[-1]["end_s"], 1e-3)),
        chart.up_to(values, "operations per second"),
        label="operations per second over time",
    )
    return f"<h2>Operations per second</h2>{picture}"


def _latency_in_time(data: Mapping[str, Any]) -> str:
    rows = [one for one in whole_intervals(data["intervals"]) if one["latency_us"]]
    if not rows:
        return ""
    lines = [
        Line(name, colour, [(middle_of(one), one["latency_us"][name]) for one in rows])
        for name, colour in (("max", 3), ("p99", 2), ("p50", 1))
    ]
    if data["loop"] == "open":
        raw = [(middle_of(one), one["latency_raw_us"]["p99"]) for one in rows]
        lines.insert(2, Line("p99, raw", 4, raw, True))
    values = [point[1] for line in lines for point in line.points]
    picture = chart.svg(
        lines,
        Axis("seconds", 0.0, max(rows[-1]["end_s"], 1e-3)),
        _time_axis(values),
        label="latency over time",
    )
    return f"<h2>Latency of {text_of(data['latency_of'])} over time</h2>{picture}"


def _time_axis(values: Sequence[float]) -> Axis:
    """Logarithmic, its marks with units; values in microseconds."""
    axis = chart.decades(values, "latency")
    ticks = tuple((value, time_text(value)) for value, _ in axis.marks())
    return Axis(axis.title, axis.low, axis.high, log=True, ticks=ticks)


def _distribution(data: Mapping[str, Any]) -> str:
    """Latency at each percentile; towards 100 % the axis has more room."""
    if not data.get("histograms") or not data["latency_us"]:
        return ""
    lines = []
    names = (("corrected", 1, False), ("raw", 4, True))
    for name, colour, dashed in names if data["loop"] == "open" else (("latency", 1, False),):
        latency = Latency()
        kinds = data["histograms"]["corrected" if name == "latency" else name]
        for text in kinds.values():
            latency.add(Latency.decode(text.encode()))
        lines.append(Line(name, colour, _curve(latency), dashed))
    values = [point[1] for line in lines for point in line.points]
    most = max((line.points[-1][0] for line in lines), default=1.0)
    ticks = tuple((-math.log10(1 - value), text) for value, text in PERCENT_TICKS)
    picture = chart.svg(
        lines,
        Axis("percentile", 0.0, most, ticks=ticks),
        _time_axis(values),
        label="latency by percentile",
    )
    return f"<h2>Latency by percentile</h2>{picture}"


def _curve(latency: Latency) -> list[tuple[float, float]]:
    """(-log10 of the part that is slower, microseconds)."""
    nines = max(1.0, math.log10(max(latency.count, 10)))
    places = [nines * step / 60 for step in range(61)]
    values = latency.at_percentiles(tuple(100 * (1 - 10.0**-place) for place in places))
    return [(place, value / 1000) for place, value in zip(places, values, strict=True)]


def _operations(data: Mapping[str, Any]) -> str:
    """In the closed loop without raw latency, which is the same, and without columns of nothing."""
    names = ("p50", "p90", "p99", "p99.9", "max")
    opened = data["loop"] == "open"
    failing = any(one["errors"] for one in data["operations"].values())
    rows = []
    for name, one in data["operations"].items():
        times = one["latency_us"]
        row = [text_of(name), f"{one['count']:,}", chart.number(one["per_s"])]
        row += [time_text(times[key]) if times else "" for key in names]
        raw = one["latency_raw_us"]
        row += [time_text(raw["p99"]) if raw else ""] * opened
        errors = ", ".join(f"{text_of(what)} {n:,}" for what, n in one["errors"].items())
        row += [errors] * failing
        rows.append(row)
    more = ("p99, raw",) * opened + ("expected errors",) * failing
    head = ("operation", "count", "per second", *names, *more)
    return f"<h2>Operations</h2>{table(head, rows)}"


WHERE_HEAD: Final = ("kind", "timed", "mean", "lock waits", "waited", "a wait", "mmap_lock",
                     "with it", "without")  # fmt: skip
WHERE_SAYS: Final = (
    "Lock waits: their part of the time; waited: operations that waited; a wait: the mean. Of "
    "faults: the part that took mmap_lock, their mean (with it), and that of the others (without)."
)


def where_rows(data: Mapping[str, Any]) -> list[list[str]]:
    """Where the time of operations went that were timed in the core: cells of a table."""
    rows = []
    for name, one in data["operations"].items():
        if not (parts := one["parts"]):
            continue
        row = [name, f"{parts['timed']:,}", time_text(parts["mean_us"])]
        row += [f"{parts['lock_wait_share']:.1%}", f"{parts['waited']:,}"]
        row.append(time_text(parts["lock_wait_us"]) if parts["waited"] else "")
        is_fault = name == "fault"
        row.append(f"{parts['mmap_locked'] / parts['timed']:.2%}" if is_fault else "")
        row.append(time_text(parts["mmap_locked_us"]) if parts["mmap_locked"] else "")
        others = is_fault and parts["mmap_locked"] < parts["timed"]
        row.append(time_text(parts["vma_locked_us"]) if others else "")
        rows.append(row)
    return rows


def _where(data: Mapping[str, Any]) -> str:
    rows = [[text_of(cell) for cell in row] for row in where_rows(data)]
    if not rows:
        return ""
    cost = f"To time an operation costs {data['latency_cost_ns']} ns, which is not in its time."
    note = f'<p class="soft">{WHERE_SAYS} {cost}</p>'
    return f"<h2>Where the time went</h2>{table(WHERE_HEAD, rows)}{note}"


AGENTS_HEAD: Final = ("agent", "count", "per s", "of asked", "dropped", "p50", "p99", "wrong",
                      "state")  # fmt: skip


def agent_rows(data: Mapping[str, Any]) -> list[list[str]]:
    """Of each agent, its part: cells of a table, as text."""
    rows = []
    for one in data["agents"]:
        times = one["latency_us"]
        done = "" if one["achieved"] is None else f"{one['achieved']:.1%}"
        spans = [time_text(times[key]) if times else "" for key in ("p50", "p99")]
        counts = [f"{one[name]:,}" for name in ("ops", "dropped", "wrong")]
        rate, state = chart.number(one["ops_per_s"]), "lost" if one["lost"] else "done"
        rows.append([one["address"], counts[0], rate, done, counts[1], *spans, counts[2], state])
    return rows


def _agents(data: Mapping[str, Any]) -> str:
    if not data["agents"]:
        return ""
    rows = [[text_of(cell) for cell in row] for row in agent_rows(data)]
    late = max(one["clock_error_us"] for one in data["agents"])
    note = f"The clocks of the agents are known to {time_text(late)}."
    note = f'<p class="soft">{text_of(note)}</p>'
    return f"<h2>Agents, corrected latency</h2>{table(AGENTS_HEAD, rows)}{note}"


TARGETS_HEAD: Final = ("target", "count", "per s", "of asked", "dropped", "p50", "p99", "wrong",
                       "state")  # fmt: skip


def target_rows(data: Mapping[str, Any]) -> list[list[str]]:
    """Of each server, if there are several: cells of a table, as text."""
    found = data.get("targets", ())
    return [_target_row(one) for one in found] if len(found) > 1 else []


def _target_row(one: Mapping[str, Any]) -> list[str]:
    times = one["latency_us"]
    spans = [time_text(times[key]) if times else "" for key in ("p50", "p99")]
    counts = [f"{one[name]:,}" for name in ("ops", "dropped", "wrong")]
    done = "" if one["achieved"] is None else f"{one['achieved']:.1%}"
    rate, state = chart.number(one["ops_per_s"]), "lost" if one["lost"] else "done"
    return [one["target"], counts[0], rate, done, counts[1], *spans, counts[2], state]


def target_cores(data: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of a table of what the load did to each server, if there are several."""
    found = data.get("targets", ())
    if len(found) < 2:
        return [], []
    locks = list(found[0]["locks"])
    head = ["target", *(name.removeprefix("vma_lock_") for name in locks), "VMA objects", "fsck"]
    rows = []
    for one in found:
        fsck = "not run" if not one["checked"] else "good"
        if one["problems"] or one["leaks"]:
            fsck = f"{len(one['problems'])} problems, {len(one['leaks'])} leaks"
        counts = [f"{one['locks'][name]:,}" for name in locks]
        rows.append([one["target"], *counts, f"{one['vma_objects_allocated']:,}", fsck])
    return head, rows


def _targets(data: Mapping[str, Any]) -> str:
    rows = [[text_of(cell) for cell in row] for row in target_rows(data)]
    if not rows:
        return ""
    head, cores = target_cores(data)
    return (
        f"<h2>Servers, corrected latency</h2>{table(TARGETS_HEAD, rows)}"
        "<h2>Locks of each server</h2>"
        f"{table(head, [[text_of(cell) for cell in row] for row in cores])}"
    )


def core_rows(data: Mapping[str, Any]) -> list[list[str]]:
    """Of the instance, and whether it is as it should be: cells of a table."""
    rows = [[text_of(name), f"{value:,}"] for name, value in data["locks"].items()]
    rows.append(["VMA objects handed out", f"{data['vma_objects_allocated']:,}"])
    rows.append(["of them used before", f"{data['vma_objects_reused']:,}"])
    fsck = "not run" if not data["checked"] else "every invariant holds"
    if data["problems"]:
        fsck = f"{len(data['problems'])} problems"
    machine = data["machine"]
    where = f"{machine['cpus']} CPUs, Linux {machine['kernel']}, Python {machine['python']}"
    machine_cell = f'<span class="wrap">{text_of(where)}</span>'
    return [*rows, ["fsck", text_of(fsck)], ["machine", machine_cell]]


def _facts(data: Mapping[str, Any]) -> str:
    rows = [
        *core_rows(data),
        ["operations due and never begun", f"{data['dropped']:,}"],
        ["client-bound", "yes" if data["client"]["bound"] else "no"],
        ["CPU time of the clients", f"{data['client']['cpu_s']:.2f} s"],
    ]
    sample = data["latency_sample"]
    note = ""
    if sample != 1:
        what = f"One fault in {sample} is timed, and counts as {sample}" if sample else \
            "No operation was timed"  # fmt: skip
        note = f'<p class="soft">{what}.</p>'
    return f"<h2>Locks, memory, machine</h2>{table(('', 'value'), rows)}{note}"
