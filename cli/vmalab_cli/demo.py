# SPDX-License-Identifier: Apache-2.0
"""`make demo`: the whole service once, on real input, in half a minute.

A server with two worker processes; the recorded programs of the `traces` folder replayed on it from
four client processes, every answer and every map compared with the kernel's; then four processes
that map, unmap and fault in one address space. The exit code is 0 when all of it agreed and every
invariant of the segment holds.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console

import vmalab_trace
from vmalab_drive import drivers, report
from vmalab_loadgen import load
from vmalab_loadgen.mix import Mix
from vmalab_native import cores, signals
from vmalab_native.errors import InvalidArgument
from vmalab_trace import replay, tables
from vmalab_trace.folder import Folder

TRACES: Final = Path(vmalab_trace.__file__).resolve().parent / "traces"
WORKERS: Final = 2
MIX: Final = "fault=90,mmap=5,munmap=5"
CLIENTS_MIN: Final = 4


def arguments_of(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--traces", type=Path, default=TRACES, help="folder of trace folders")
    parser.add_argument(
        "--processes", type=int, default=CLIENTS_MIN, help="client processes, 4..64"
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="length of the load in seconds")
    parser.add_argument("--seed", type=int, default=-1, help="seed of the load; -1: a new one")
    parser.add_argument("--model", default="", help="lock model")
    parser.add_argument("--layout", default="", help="layout of vm_area_struct")
    options = parser.parse_args(words)
    if not CLIENTS_MIN <= options.processes <= 64:
        parser.error(f"--processes {options.processes}: give {CLIENTS_MIN} to 64")
    try:
        cores.check(
            options.model or cores.default_model(), options.layout or cores.default_layout()
        )
    except InvalidArgument as error:
        parser.error(error.detail)
    return options


def folders_in(place: Path) -> list[Path]:
    """The trace folders, those of one thread first."""
    return sorted(path.parent for path in place.glob("*/meta.json"))


def replay_one(
    trace: Path, processes: int, target: drivers.Target, console: Console
) -> replay.Replay:
    config = replay.ReplayConfig(processes=processes)
    result = replay.replay(Folder(trace), config, target)
    data = result.as_dict(config, trace.name)
    for table in tables.tables(data):
        console.print(table)
    console.print()
    return result


def load_rows(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("seed", str(data["seed"])),
        ("load", f"{data['processes']} processes in one address space, {data['mode']}, {MIX}"),
        ("operations", f"{report.count(data['ops'])}, {report.count(data['ops_per_s'])}/s"),
        ("faults", f"{report.count(data['faults_per_s'])}/s"),
        *((name, report.count(value)) for name, value in data["locks"].items()),
        (
            "VMA objects",
            f"{report.count(data['vma_objects_allocated'])} handed out, "
            f"{report.count(data['vma_objects_reused'])} of them used before",
        ),
        ("wrong answers", report.count(data["wrong"])),
        ("fsck", "; ".join(data["problems"]) or "every invariant holds"),
    ]


def slab_lines(caches: Sequence[Mapping[str, Any]]) -> str:
    """slabinfo as plain text: a table of /proc is read in any width."""
    columns = ("active_objs", "num_objs", "objsize", "objperslab", "pagesperslab", "num_slabs")
    counts = ("allocs", "frees", "reuses")
    lines = [f"{'slabinfo':<18}" + "".join(f"{name:>13}" for name in (*columns, *counts))]
    lines += [
        f"{cache['name']:<18}" + "".join(f"{cache[name]:>13}" for name in (*columns, *counts))
        for cache in caches
    ]
    return "\n".join(lines)


def load_one(options: argparse.Namespace, target: drivers.Target, console: Console) -> bool:
    config = load.LoadConfig(
        processes=options.processes,
        mix=Mix.parse(MIX),
        shared_mms=1,
        seconds=options.seconds,
        mode="batch",
        seed=options.seed if options.seed >= 0 else load.LoadConfig.fresh_seed(),
        check=True,
    )
    result = load.run(config, target)
    console.print(report.facts("load", load_rows(result.as_dict())))
    console.print()
    print(slab_lines(result.slabinfo), flush=True)
    console.print()
    return not result.wrong and not result.problems


def verdict(replays: Sequence[replay.Replay], load_good: bool, console: Console) -> bool:
    """The last lines: what agreed, in one sentence each."""
    found = [one.verdict for one in replays]
    calls, agree = sum(one.ops for one in found), sum(one.agree for one in found)
    maps, equal = sum(one.maps_checked for one in found), sum(one.maps_equal for one in found)
    console.print(f"kernel's answers: {agree} of {calls} agree; maps: {equal} of {maps} are equal")
    good = load_good and all(one.good for one in found)
    console.print("all is well" if good else "SOMETHING DISAGREES, see above")
    return good


def main(words: Sequence[str] | None = None) -> int:
    """Run the demo; the exit code."""
    from vmalab_server.embedded import EmbeddedServer

    options = arguments_of(words)
    console = report.console()
    traces = folders_in(options.traces)
    if not traces:
        print(f"demo: there is no trace in {options.traces}", file=sys.stderr)
        return 2
    with EmbeddedServer(workers=WORKERS, model=options.model, layout=options.layout) as server:
        pids = ", ".join(str(pid) for pid in server.worker_pids)
        console.print(
            f"instance {server.instance}: supervisor {server.pid}, {WORKERS} workers ({pids}), "
            f"{os.cpu_count()} cores, {server.model} {server.layout}\n"
        )
        target = drivers.Target(address=server.target, instance=server.instance)
        replays = [replay_one(trace, options.processes, target, console) for trace in traces]
        load_good = load_one(options, target, console)
        return 0 if verdict(replays, load_good, console) else 1


if __name__ == "__main__":
    with signals.orderly():
        raise SystemExit(main())
