# SPDX-License-Identifier: Apache-2.0
"""The load generator's own cost (own_cost.py), and unary calls at the limit of the transport.

Saturation: h2load calls each worker by a process of its own on the worker's CPU, all at once. The
workers are those of vmalab, in each front, with metrics and without tokens; and those of grpcio's
own server, which does nothing but echo, with 1 to 8 threads. All stand ready, and are loaded in
turn, in an order that changes. Request and answer of an echo are the same bytes for all. A fault
has a request of the same length. The ratio is over the number of threads with which grpcio's own
server is best.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from rich.table import Table

from vmalab_bench import base, h2load, machine, own_cost, plots, stats, stock_echo
from vmalab_bench.base import Aim
from vmalab_bench.own_cost import OwnCost
from vmalab_bench.rpc import Unary, calls, prepare
from vmalab_drive import report

if TYPE_CHECKING:
    from vmalab_drive.remote import ApplyDriver
    from vmalab_server.embedded import EmbeddedServer

STOCK: Final = "grpcio"
FRONTS: Final = ("bounded", "pool", "cq")
AIMS: Final = {"bounded": 1.2, "cq": 2.0}
"""What a front reaches at least, over grpcio's own server."""
_TICK: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class LoadgenBench:
    own: OwnCost = field(default_factory=lambda: OwnCost(rounds=31))
    rounds: int = 11
    round_s: float = 1.5
    threads: tuple[int, ...] = (1, 2, 4, 8)
    workers: int = 2

    @staticmethod
    def quick(workers: int = 2) -> LoadgenBench:
        own = OwnCost(rounds=9, attach=0.02, batch=0.1, unary=0.2)
        return LoadgenBench(own, rounds=3, round_s=0.3, threads=(2, 8), workers=workers)

    @staticmethod
    def smoke(workers: int = 2) -> LoadgenBench:
        own = OwnCost(rounds=2, attach=0.01, batch=0.02, unary=0.03)
        return LoadgenBench(own, rounds=2, round_s=0.2, threads=(2,), workers=workers)


@dataclass(frozen=True, slots=True)
class _Server:
    """Some workers, each on a CPU of its own, and a call that they are loaded with."""

    name: str
    threads: int
    """Of a worker of grpcio's own; 0: it is vmalab's."""
    method: str
    addresses: list[str]
    pids: list[int]
    call: Unary

    def cpu_s(self) -> float:
        """CPU time that the workers have had."""
        total = 0
        for pid in self.pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / _TICK


@dataclass(slots=True)
class _Seen:
    """What was measured of one server."""

    per_s: list[float] = field(default_factory=list)
    server_us: list[float] = field(default_factory=list)
    """CPU time for one request."""
    client_us: list[float] = field(default_factory=list)


@contextmanager
def _vmalab(front: str, workers: int) -> Iterator[EmbeddedServer]:
    from vmalab_server.embedded import EmbeddedServer

    with EmbeddedServer(
        workers=workers, bench=True, front=front, pin="on", metrics_listen="127.0.0.1:0"
    ) as server:
        yield server


@dataclass(frozen=True, slots=True)
class _Space:
    """The address space of a vmalab server that its faults are in."""

    address: str
    driver: ApplyDriver
    mm: int

    def keep(self) -> None:
        self.driver.keep([self.mm])

    def check(self) -> None:
        """h2load looks at no answer: they are right before and after."""
        calls(self.address, self.mm)


def _servers(config: LoadgenBench, stack: ExitStack) -> tuple[list[_Server], list[_Space]]:
    """All of them, each with its answers looked at."""
    from vmalab_drive.remote import ApplyDriver

    found, spaces = [], []
    echo: Unary | None = None
    for front in FRONTS:
        server = stack.enter_context(_vmalab(front, config.workers))
        driver = stack.enter_context(ApplyDriver(server.target))
        space = _Space(server.worker_targets[0], driver, prepare(driver))
        spaces.append(space)
        fault, echo = calls(space.address, space.mm)
        for method, call in (("Fault", fault), ("Echo", echo)):
            found.append(_Server(front, 0, method, server.worker_targets, server.worker_pids, call))
    assert echo is not None
    cpus = _cpus(config.workers)
    for threads in config.threads:
        addresses, pids = stack.enter_context(stock_echo.stock(threads, cpus))
        found.append(_Server(STOCK, threads, "Echo", addresses, pids, echo))
    return found, spaces


def _cpus(workers: int) -> list[int]:
    """Where the workers are, and the clients with them."""
    allowed = machine.cpus()
    return [allowed[i % len(allowed)] for i in range(workers)]


def _turn(server: _Server, seen: _Seen | None, config: LoadgenBench) -> None:
    begun = server.cpu_s()
    loaded = h2load.load(
        server.addresses,
        server.call.path,
        server.call.request,
        seconds=config.round_s,
        cpus=_cpus(config.workers),
    )
    if seen is not None:
        seen.per_s.append(sum(loaded.per_s))
        seen.server_us.append((server.cpu_s() - begun) / loaded.requests * 1e6)
        seen.client_us.append(loaded.cpu_s / loaded.requests * 1e6)


def _saturation(config: LoadgenBench, seed: int) -> tuple[list[dict[str, Any]], list[Aim]]:
    rng = np.random.default_rng(seed)
    with ExitStack() as stack:
        servers, spaces = _servers(config, stack)
        seen = [_Seen() for _ in servers]
        for number in base.rounds(config.rounds + 1):
            for space in spaces:  # all rounds together are longer than their time to live
                space.keep()
            for index in rng.permutation(len(servers)):
                _turn(servers[index], seen[index] if number else None, config)
        for space in spaces:
            space.check()
    stock = [
        (stats.median(one.per_s), one) for server, one in zip(servers, seen, strict=True)
        if server.threads
    ]  # fmt: skip
    best = max(stock, key=lambda pair: pair[0])[1]
    rows, aims = [], []
    for server, one in zip(servers, seen, strict=True):
        ratio = stats.ratio(one.per_s, best.per_s, seed=seed)
        rows.append(
            {
                "front": server.name,
                "threads": server.threads,
                "method": server.method,
                "requests_per_s": round(stats.median(one.per_s)),
                "spread": [round(end) for end in stats.spread(one.per_s)],
                "over_grpcio": ratio.value,
                "over_grpcio_interval": ratio.interval,
                "server_us": stats.median(one.server_us),
                "client_us": stats.median(one.client_us),
                "best": one is best,
            }
        )
        if server.name in AIMS:
            name = f"{server.name}_{server.method.lower()}_over_grpcio"
            aims.append(Aim(name, ratio, at_least=AIMS[server.name], note=_note(config)))
    return rows, aims


def _note(config: LoadgenBench) -> str:
    return f"{config.workers} workers"


def _unmeasured() -> list[Aim]:
    why = f"h2load is missing: apt-get install {h2load.PACKAGE}"
    return [
        Aim(f"{front}_{method}_over_grpcio", None, at_least=goal, note=why)
        for front, goal in AIMS.items()
        for method in ("fault", "echo")
    ]


def run(config: LoadgenBench, *, seed: int) -> dict[str, Any]:
    """Measure both. Without h2load the second is left out, and its targets say so."""
    own, aims = own_cost.measure(config.own, seed)
    rows: list[dict[str, Any]] = []
    more = _unmeasured()
    if h2load.available():
        rows, more = _saturation(config, seed)
    return base.head("loadgen", seed) | {
        "workload": own_cost.WORKLOAD,
        "own": own,
        "workers": config.workers,
        "connections": h2load.CONNECTIONS * config.workers,
        "outstanding": h2load.CONNECTIONS * h2load.STREAMS * config.workers,
        "rounds": config.rounds,
        "saturation": rows,
        "aims": [aim.as_dict() for aim in (*aims, *more)],
    }


def _named(row: dict[str, Any]) -> str:
    if row["threads"]:
        return f"grpcio, {row['threads']} threads" + (", best" if row["best"] else "")
    return f"{row['front']}, {row['method']}"


def _between(interval: list[float]) -> str:
    return f"{interval[0]:.3g} to {interval[1]:.3g}"


def tables(data: dict[str, Any]) -> list[Table]:
    rows = [
        [
            f"{row['mode']}, latency {row['latency']}",
            f"{row['bare_ns']:,.0f}",
            f"{row['own_ns']:,.0f}",
            f"{row['over_bare']:.3f}",
            _between(row["over_bare_interval"]),
        ]
        for row in data["own"]
    ]
    head = ("", "bare loop, ns", "generator, ns", "both over bare", "95 %")
    found = [report.grid(f"what an operation of {data['workload']} costs", head, rows)]
    loaded = [
        [
            _named(row),
            report.count(row["requests_per_s"]),
            f"{row['over_grpcio']:.2f}",
            _between(row["over_grpcio_interval"]),
            f"{row['server_us']:.0f}",
            f"{row['client_us']:.0f}",
        ]
        for row in data["saturation"]
    ]
    if loaded:
        title = f"unary calls, {data['workers']} workers, {data['outstanding']} outstanding"
        columns = ("", "requests/s", "over best grpcio", "95 %", "server, us", "client, us")
        found.append(report.grid(title, columns, loaded))
    return found


def plot(data: dict[str, Any], path: Path) -> None:
    rows = data["saturation"]
    if not rows:
        _plot_own(data, path)
        return
    series = [
        plots.Series(
            "",
            range(len(rows)),
            [row["requests_per_s"] / 1000 for row in rows],
            [row["spread"][0] / 1000 for row in rows],
            [row["spread"][1] / 1000 for row in rows],
        )
    ]
    front = next(row for row in rows if row["front"] == FRONTS[0] and row["method"] == "Echo")
    finding = (
        f"The default front answers {front['over_grpcio']:.3g} times the echoes of grpcio's own "
        "server at its best"
    )
    drawn = (
        f"Unary calls of h2load to {data['workers']} workers, each on a CPU with its client. "
        "Median and range."
    )
    caption = plots.Caption.of(data, finding, drawn)
    plots.bars(path, [_named(row) for row in rows], {"": series}, caption, unit="thousand calls/s")


def _plot_own(data: dict[str, Any], path: Path) -> None:
    rows = data["own"]
    series = [plots.Series("", range(len(rows)), [100 * (row["over_bare"] - 1) for row in rows])]
    off = next(row for row in rows if row["latency"] == "off")
    finding = f"The load generator adds {100 * (off['over_bare'] - 1):.3g} % to an operation"
    drawn = f"CPU time beyond the bare loop, of {data['workload']}. Median."
    caption = plots.Caption.of(data, finding, drawn)
    names = [f"{row['mode']}, latency {row['latency']}" for row in rows]
    plots.bars(path, names, {"": series}, caption, unit="% of an operation")
