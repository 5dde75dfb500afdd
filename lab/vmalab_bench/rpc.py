# SPDX-License-Identifier: Apache-2.0
"""What a Fault costs as a unary call beside a bare echo, and how many faults a stream carries.

Fault and Echo are loaded in turn in one run, in the same workers and threads with messages of the
same size, so the ratio is what vmalab adds to gRPC. Absolute rates move with the machine and its
neighbours, the ratio hardly does.

Blocks of faults (FAULTS records) go through one stream, through two streams to two workers, and,
from the same process on the same CPU, straight into the attached segment; every result is looked at
each time. A message costs a worker and its client some 0.2 ms together, whatever is in it.
One stream has its client on another CPU than its worker, which keeps two CPUs busy. Of two streams
each has an address space of its own, and its client shares the CPU of its worker, so that nothing
but the segment is common to both. Beside that, the same two on one VMA: its lock's line goes from
CPU to CPU with every fault.
The same again with failed_only: the worker looks at the results and answers with those that are not
success.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from rich.table import Table

from vmalab_bench import base, h2load, plots, records, stats
from vmalab_bench.base import BASE, PAGE, Aim, BenchError
from vmalab_bench.crew import Crew, Custom, Job, Turn
from vmalab_client.block import BlockBuilder
from vmalab_client.flags import Map
from vmalab_drive import drivers, instances, report
from vmalab_drive.packed import RESULT

if TYPE_CHECKING:
    import grpc

    from vmalab_drive.remote import StreamDriver

PAGES: Final = 256
FAULT: Final = "/vmalab.v1.MemoryService/Fault"
ECHO: Final = "/vmalab.v1.BenchService/Echo"
OUTSTANDING: Final = 32
UNARY_RATIO: Final = 0.95
BATCH_FAULTS_PER_S: Final = 5_000_000
OVER_ATTACHED: Final = 0.5
ALL: Final = "all"
FAILED: Final = "failed"
ANSWERS: Final = (ALL, FAILED)
PAIR: Final = (0, 1)  # two streams: number of the client, its worker, its address space
_Way = tuple[str, str, int]  # who: one stream, two, two on one VMA, attached; answers; faults


@dataclass(frozen=True, slots=True)
class RpcBench:
    rounds: int = 11
    round_s: float = 2.0
    stream_rounds: int = 15
    stream_s: float = 0.5
    blocks: tuple[int, ...] = (1024, 8192, 32768, 65536)
    pair_block: int = 32768  # of those; what is compared with the attached loop
    window: int = 3
    workers: int = 2
    client: str = "auto"
    """h2load, python, or auto: h2load when it is there."""

    @staticmethod
    def quick(workers: int = 2, client: str = "auto") -> RpcBench:
        return RpcBench(
            rounds=5,
            round_s=0.5,
            stream_rounds=5,
            stream_s=0.2,
            blocks=(1024, 32768),
            workers=workers,
            client=client,
        )

    @staticmethod
    def smoke(workers: int = 2, client: str = "auto") -> RpcBench:
        return RpcBench(
            rounds=2,
            round_s=0.3,
            stream_rounds=2,
            stream_s=0.05,
            blocks=(1024, 16384),
            pair_block=16384,
            workers=workers,
            client=client,
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """A part of the output, and its targets."""

    facts: dict[str, Any]
    aims: list[Aim]


@dataclass(frozen=True, slots=True)
class Unary:
    """One kind of call: its path and its request."""

    path: str
    request: bytes


def prepare(driver: drivers.Driver) -> int:
    """An address space whose pages are present."""
    mm = driver.create()
    block = BlockBuilder()
    block.mmap(mm, addr=BASE, length=PAGES * PAGE, flags=Map.PRIVATE | Map.ANONYMOUS | Map.FIXED)
    for page in range(PAGES):
        block.fault(mm, BASE + page * PAGE, access=1, word=page + 1)
    for status, _, _ in drivers.results(driver.run(block.bytes())):
        if status:
            raise BenchError(f"set-up answered {status}")
    return mm


def calls(address: str, mm: int) -> tuple[Unary, Unary]:
    """The two calls; each is made once for real and its answer checked."""
    import grpc

    from vmalab.v1 import bench_pb2, bench_pb2_grpc, memory_pb2, memory_pb2_grpc

    fault_request = memory_pb2.FaultRequest(mm=mm, addr=BASE + PAGE, access=memory_pb2.ACCESS_READ)
    echo_request = bench_pb2.EchoRequest(first=mm, second=BASE + PAGE, third=1)
    with grpc.insecure_channel(address) as channel:
        memory = memory_pb2_grpc.MemoryServiceStub(channel)
        bench = bench_pb2_grpc.BenchServiceStub(channel)
        fault = memory.Fault(fault_request, timeout=10)
        if fault.word != 2 or fault.signal or fault.errno_code:
            raise BenchError(f"Fault answered {fault}")
        try:
            echo = bench.Echo(echo_request, timeout=10)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                raise BenchError("the server has no BenchService: start it with --bench") from None
            raise
        if (echo.first, echo.second, echo.third) != (mm, BASE + PAGE, 1):
            raise BenchError(f"Echo answered {echo}")
    return (
        Unary(FAULT, fault_request.SerializeToString()),
        Unary(ECHO, echo_request.SerializeToString()),
    )


def _python_calls(
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes], request: bytes, seconds: float
) -> Turn:
    """Calls of one process, several outstanding; the messages are not even parsed."""
    flying: deque[grpc.Future[bytes]] = deque()
    done = 0
    cpu = time.process_time()
    begin = time.monotonic()
    end = begin + seconds
    while time.monotonic() < end:
        while len(flying) < OUTSTANDING:
            flying.append(call.future(request))
        flying.popleft().result()
        done += 1
    for future in flying:
        future.result()
    took = time.monotonic() - begin
    return Turn(done + len(flying), took, time.process_time() - cpu)


@dataclass(frozen=True, slots=True)
class _PythonCalls(Custom):
    """The same call again and again, to one worker."""

    address: str
    call: Unary

    def start(self, stack: ExitStack) -> Callable[[float], Turn]:
        import grpc

        channel = stack.enter_context(grpc.insecure_channel(self.address))
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            self.call.path, request_serializer=None, response_deserializer=None
        )
        for _ in range(50):
            call(self.call.request, timeout=10)
        return partial(_python_calls, call, self.call.request)


@dataclass(frozen=True, slots=True)
class _Stream(Custom):
    """One block through one stream again and again, `window` of them outstanding."""

    address: str
    block: bytes
    block_ops: int
    window: int
    failed_only: bool

    def start(self, stack: ExitStack) -> Callable[[float], Turn]:
        from vmalab_drive.remote import StreamDriver

        return partial(self._turn, stack.enter_context(StreamDriver(self.address)))

    def _turn(self, stream: StreamDriver, seconds: float) -> Turn:
        done = flying = 0
        cpu = time.process_time()
        begin = time.perf_counter()
        while (now := time.perf_counter() - begin) < seconds or flying:
            if flying < self.window and now < seconds:
                stream.send(self.block, failed_only=self.failed_only)
                flying += 1
                continue
            executed, failed = self._answer(stream)
            flying -= 1
            done += executed
            if executed != self.block_ops or failed:
                raise BenchError(
                    f"{failed} of {self.block_ops} faults in the stream failed, "
                    f"{executed} were executed"
                )
        return Turn(done, time.perf_counter() - begin, time.process_time() - cpu)

    def _answer(self, stream: StreamDriver) -> tuple[int, int]:
        if self.failed_only:
            return stream.receive_failed()
        status = np.frombuffer(stream.receive(), RESULT)["status"]
        return len(status), int(np.count_nonzero(status))


def _unary(config: RpcBench, crew: Crew, addresses: list[str], mm: int, seed: int) -> _Found:
    """Each worker is called by one client, all at once: faults and echoes in turn."""
    client = config.client
    if client == "auto":
        client = "h2load" if h2load.available() else "python"
    each = dict(zip(("fault", "echo"), calls(addresses[0], mm), strict=True))
    members = range(len(addresses))
    if client == "python":
        for member in members:
            for name, call in each.items():
                crew.give(member, name, _PythonCalls(addresses[member], call))

    def rate(name: str) -> float:
        if client == "h2load":
            call = each[name]
            seconds = config.round_s
            return sum(h2load.rates(addresses, call.path, call.request, seconds=seconds))
        turns = crew.turn(dict.fromkeys(members, name), config.round_s)
        return sum(turn.per_s for turn in turns.values())

    samples: dict[str, list[float]] = {"fault": [], "echo": []}
    for number in base.rounds(config.rounds):
        # Each round measures both; who goes first changes, so that a drift hits both alike.
        for name in ("fault", "echo") if number % 2 == 0 else ("echo", "fault"):
            samples[name].append(rate(name))
    ratio = stats.ratio(samples["fault"], samples["echo"], seed=seed)
    rounds = [a / b for a, b in zip(samples["fault"], samples["echo"], strict=True)]
    facts = {
        "unary_ratio": ratio.value,
        "unary_ratio_interval": ratio.interval,
        "unary_ratio_rounds": [round(one, 4) for one in rounds],
        "unary_faults_per_s": round(stats.median(samples["fault"])),
        "unary_echoes_per_s": round(stats.median(samples["echo"])),
        "unary_client": client,
    }
    note = f"{len(addresses)} workers, {client}"
    return _Found(facts, [Aim("unary_ratio", ratio, at_least=UNARY_RATIO, note=note)])


def _streams(
    config: RpcBench,
    crew: Crew,
    addresses: list[str],
    instance: str,
    control: drivers.Driver,
    mms: list[int],
    seed: int,
) -> _Found:
    """Blocks through one stream, through two to two workers, and the same blocks attached. mms: an
    address space for each stream."""
    # A client does not share the CPU of its worker as long as there is another one.
    first = 1 % len(crew)
    ways: dict[_Way, dict[int, str]] = {}
    for block_ops in config.blocks:
        addrs = BASE + np.arange(block_ops, dtype="<u8") % PAGES * PAGE
        blocks = [records.many_faults(mm, addrs) for mm in mms]
        for answers in ANSWERS:

            def stream(
                worker: int, block: bytes, ops: int = block_ops, how: str = answers
            ) -> _Stream:
                return _Stream(addresses[worker], block, ops, config.window, how == FAILED)

            key = f"{answers} {block_ops}"
            crew.give(first, key, stream(0, blocks[0]))
            ways["one", answers, block_ops] = {first: key}
            if len(addresses) < 2 or block_ops != config.pair_block:
                continue
            for member in PAIR:
                crew.give(member, f"own {key}", stream(member, blocks[member]))
                crew.give(member, f"same {key}", stream(member, blocks[0]))
            ways["two", answers, block_ops] = dict.fromkeys(PAIR, f"own {key}")
            ways["same", answers, block_ops] = dict.fromkeys(PAIR, f"same {key}")
        if instance and block_ops == config.pair_block:
            crew.give(first, "attached", Job(instance, blocks[0], block_ops))
            ways["attached", ALL, block_ops] = {first: "attached"}
    rates: dict[_Way, list[float]] = {way: [] for way in ways}
    rng = np.random.default_rng(seed)
    for number in base.rounds(config.stream_rounds + 1):
        control.keep(mms)  # all rounds together are longer than their time to live
        for index in rng.permutation(len(ways)):
            way, keys = list(ways.items())[index]
            turns = crew.turn(keys, config.stream_s)
            if number:  # the first round opens the streams and warms up
                rates[way].append(sum(turn.per_s for turn in turns.values()))
    return _streams_found(config, rates, seed)


def _streams_found(config: RpcBench, rates: dict[_Way, list[float]], seed: int) -> _Found:
    block = config.pair_block
    rows: list[dict[str, Any]] = [
        {
            "block_ops": block_ops,
            "answers": answers,
            "faults_per_s": round(stats.median(got)),
            "spread": [round(end) for end in stats.spread(got)],
        }
        for (way, answers, block_ops), got in rates.items()
        if way == "one"
    ]
    attached = rates.get(("attached", ALL, block))
    facts: dict[str, Any] = {
        "batch": rows,
        "batch_faults_per_s": max(row["faults_per_s"] for row in rows if row["answers"] == ALL),
        "batch_window": config.window,
        "pair_block": block,
        "attached_faults_per_s": round(stats.median(attached)) if attached else None,
    }
    whole = [got for (way, answers, _), got in rates.items() if (way, answers) == ("one", ALL)]
    best = stats.estimate(max(whole, key=stats.median), seed=seed)
    aims = [Aim("batch_faults_per_s", best, at_least=BATCH_FAULTS_PER_S, note="one stream")]
    not_here = "" if attached else "; the server's instance is not on this machine"
    for answers in ANSWERS:
        one, two = rates["one", answers, block], rates.get(("two", answers, block))
        same = rates.get(("same", answers, block))
        over_attached = stats.ratio(one, attached, seed=seed) if attached else None
        over_one = stats.ratio(two, one, seed=seed) if two else None
        mark = "" if answers == ALL else "_failed_only"
        facts |= {
            f"stream_over_attached{mark}": over_attached.value if over_attached else None,
            f"stream_over_attached{mark}_interval": (
                over_attached.interval if over_attached else None
            ),
            f"two_streams_faults_per_s{mark}": round(stats.median(two)) if two else None,
            f"two_streams_one_vma_faults_per_s{mark}": round(stats.median(same)) if same else None,
            f"two_streams_over_one{mark}": over_one.value if over_one else None,
            f"two_streams_over_one{mark}_interval": over_one.interval if over_one else None,
        }
        note = f"answers: {answers}"
        aims += [
            Aim(
                f"stream_over_attached{mark}",
                over_attached,
                at_least=OVER_ATTACHED,
                note=note + not_here,
            ),
            Aim(
                f"two_streams_over_one{mark}",
                over_one,
                at_least=1,
                note=f"two workers, {note}",
            ),
        ]
    return _Found(facts, aims)


def run(config: RpcBench, target: drivers.Target, *, seed: int) -> dict[str, Any]:
    """Measure against a server that has BenchService.

    Raises:
        BenchError: wrong answers, or no BenchService.
    """
    from vmalab_drive.remote import ApplyDriver

    with ApplyDriver(target.address) as control, ExitStack() as stack:
        mm, other = (prepare(control) for _ in PAIR)
        workers = control.worker_addresses() or [target.address]
        attachable = [target.instance] if target.instance else []
        crew = stack.enter_context(Crew(max(2, len(workers)), attachable))
        streams = _streams(config, crew, workers, target.instance, control, [mm, other], seed)
        control.keep([mm, other])
        unary = _unary(config, crew, workers, mm, seed)
        control.run(records.exits(mm) + records.exits(other))
    head = base.head("rpc", seed) | {"workers": len(workers), "rounds": config.rounds}
    aims = [aim.as_dict() for aim in unary.aims + streams.aims]
    return head | unary.facts | streams.facts | {"aims": aims}


IN_BOTH: Final = (
    *("unary_faults_per_s", "two_streams_faults_per_s", "two_streams_faults_per_s_failed_only"),
    *("two_streams_one_vma_faults_per_s", "attached_faults_per_s", "batch"),
)


def run_both(config: RpcBench, *, seed: int) -> dict[str, Any]:
    """Measure a server whose faults walk the tree, and then one with cached lookups.

    Returns:
        What run() says of the first, and under "cache" what the second did.
    """
    found = {}
    for lookup in ("walk", "cache"):
        with instances.instance_for(
            mode="unary", workers=config.workers, bench=True, lookup=lookup
        ) as target:
            found[lookup] = run(config, target, seed=seed)
    cached = {name: found["cache"][name] for name in IN_BOTH}
    return found["walk"] | {"lookup": "walk", "cache": cached}


def _named(row: dict[str, Any]) -> str:
    return f"{row['block_ops']} a block" + (", failures" if row["answers"] == FAILED else "")


def tables(data: dict[str, Any]) -> list[Table]:
    cached = data.get("cache", {})

    def rates(name: str) -> list[str]:
        sides = [data, cached] if cached else [data]
        known = [side.get(name) for side in sides]
        return ["" if one is None else f"{report.count(one)}/s" for one in known]

    rows = [
        [f"unary Fault ({data['unary_client']})", *rates("unary_faults_per_s")],
        ["unary Echo", *rates("unary_echoes_per_s")],
    ]
    also = {_named(row): row["faults_per_s"] for row in cached.get("batch", ())}
    for row in data["batch"]:
        sides = [row["faults_per_s"], *([also[_named(row)]] if cached else [])]
        rows.append([_named(row), *(f"{report.count(one)}/s" for one in sides)])
    rows += [
        ["two streams", *rates("two_streams_faults_per_s")],
        ["two streams, failures answered", *rates("two_streams_faults_per_s_failed_only")],
        ["two streams, one VMA", *rates("two_streams_one_vma_faults_per_s")],
        ["the same attached", *rates("attached_faults_per_s")],
    ]
    head = ("", "faults", *(["cache"] if cached else []))
    return [report.grid(f"rpc, {data['workers']} workers", head, rows)]


def plot(data: dict[str, Any], path: Path) -> None:
    bars = {_named(row): row["faults_per_s"] for row in data["batch"]}
    bars |= {
        "two streams": data["two_streams_faults_per_s"],
        "two, failures": data["two_streams_faults_per_s_failed_only"],
        "two, one VMA": data["two_streams_one_vma_faults_per_s"],
        "attached": data["attached_faults_per_s"],
    }
    known = {name: rate / 1e6 for name, rate in bars.items() if rate}
    series = [plots.Series("", range(len(known)), list(known.values()))]
    finding = (
        f"One stream of blocks carries {data['batch_faults_per_s'] / 1e6:.3g} million faults/s; "
        f"attached to the memory it is {data['attached_faults_per_s'] / 1e6:.3g} million"
    )
    drawn = (
        "Faults through streams of blocks, by faults in a block and answers that come back "
        "(all, or failures only); attached: the same loop without the service. Median."
    )
    caption = plots.Caption.of(data, finding, drawn)
    plots.bars(path, list(known), {"": series}, caption, unit="million faults/s")
