# SPDX-License-Identifier: Apache-2.0
"""What a Fault costs as a unary call beside a bare echo, and how many faults a stream carries.

Fault and Echo are loaded in turn in one run, in the same workers and threads with messages of the
same size, so the ratio is what vmalab adds to gRPC. Absolute rates move with the machine and its
neighbours, the ratio hardly does.
"""

from __future__ import annotations

import os
import statistics
import time
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.table import Table

from vmalab_client.block import BlockBuilder
from vmalab_client.flags import Map
from vmalab_loadgen import drivers, h2load, lifeline, player, report
from vmalab_loadgen.bench import base, plots
from vmalab_loadgen.bench.base import BASE, PAGE, BenchError
from vmalab_loadgen.blocks import RESULT

PAGES: Final = 256
FAULT: Final = "/vmalab.v1.MemoryService/Fault"
ECHO: Final = "/vmalab.v1.BenchService/Echo"
OUTSTANDING: Final = 32


@dataclass(frozen=True, slots=True)
class RpcBench:
    rounds: int = 7
    round_s: float = 3.0
    batch_s: float = 3.0
    blocks: tuple[int, ...] = (1024, 8192)
    window: int = 8
    workers: int = 2
    client: str = "auto"
    """h2load, python, or auto: h2load when it is there."""

    @staticmethod
    def quick(workers: int = 2, client: str = "auto") -> RpcBench:
        return RpcBench(rounds=3, round_s=0.8, batch_s=0.9, workers=workers, client=client)


@dataclass(frozen=True, slots=True)
class _Unary:
    """One kind of call: its path and its request."""

    path: str
    request: bytes


def _prepare(driver: drivers.Driver) -> int:
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


def _calls(address: str, mm: int) -> tuple[_Unary, _Unary]:
    """The two calls; each is made once for real and its answer checked."""
    import grpc

    from vmalab.v1 import bench_pb2, bench_pb2_grpc, memory_pb2, memory_pb2_grpc

    fault_request: Any = memory_pb2.FaultRequest(
        mm=mm, addr=BASE + PAGE, access=memory_pb2.ACCESS_READ
    )
    echo_request: Any = bench_pb2.EchoRequest(first=mm, second=BASE + PAGE, third=1)
    with grpc.insecure_channel(address) as channel:
        memory: Any = memory_pb2_grpc.MemoryServiceStub(channel)
        bench: Any = bench_pb2_grpc.BenchServiceStub(channel)
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
        _Unary(FAULT, fault_request.SerializeToString()),
        _Unary(ECHO, echo_request.SerializeToString()),
    )


def _python_client(
    address: str, path: str, request: bytes, seconds: float, parent: int, pipe: Any
) -> None:
    """Pipelined calls from one process, messages not even parsed."""
    lifeline.end_with_parent(parent)
    import grpc

    channel = grpc.insecure_channel(address)
    call: Any = channel.unary_unary(path, request_serializer=None, response_deserializer=None)
    for _ in range(50):
        call(request, timeout=10)
    flying: deque[Any] = deque()
    done = 0
    begin = time.monotonic()
    end = begin + seconds
    while time.monotonic() < end:
        while len(flying) < OUTSTANDING:
            flying.append(call.future(request))
        flying.popleft().result()
        done += 1
    for future in flying:
        future.result()
    pipe.send((done + len(flying)) / (time.monotonic() - begin))
    channel.close()


def _python_rates(addresses: list[str], call: _Unary, seconds: float) -> list[float]:
    context = player.context()
    pipes: list[Connection] = []
    processes: list[Any] = []
    for address in addresses:
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_python_client,
            args=(address, call.path, call.request, seconds, os.getpid(), theirs),
        )
        process.start()
        theirs.close()
        pipes.append(ours)
        processes.append(process)
    rates: list[float] = []
    for pipe in pipes:
        if not pipe.poll(seconds + 60):
            raise BenchError("a client process did not end")
        rates.append(float(pipe.recv()))
    for process in processes:
        process.join(10)
    return rates


def _rates(client: str, addresses: list[str], call: _Unary, seconds: float) -> float:
    if client == "h2load":
        return sum(h2load.rates(addresses, call.path, call.request, seconds=seconds))
    return sum(_python_rates(addresses, call, seconds))


def _unary(config: RpcBench, addresses: list[str], mm: int) -> dict[str, Any]:
    client = config.client
    if client == "auto":
        client = "h2load" if h2load.available() else "python"
    fault, echo = _calls(addresses[0], mm)
    samples: dict[str, list[float]] = {"fault": [], "echo": []}
    ratios: list[float] = []
    for number in range(config.rounds):
        # Each round measures both; who goes first changes, so that a drift hits both alike.
        names = ("fault", "echo") if number % 2 == 0 else ("echo", "fault")
        for name in names:
            call = fault if name == "fault" else echo
            samples[name].append(_rates(client, addresses, call, config.round_s))
        ratios.append(samples["fault"][-1] / samples["echo"][-1])
    return {
        "unary_ratio": round(statistics.median(ratios), 4),
        "unary_ratio_rounds": [round(ratio, 4) for ratio in ratios],
        "unary_faults_per_s": round(statistics.median(samples["fault"])),
        "unary_echoes_per_s": round(statistics.median(samples["echo"])),
        "unary_client": client,
    }


def _batch(config: RpcBench, address: str, mm: int, block_ops: int) -> dict[str, Any]:
    """Faults through one stream, every answer looked at."""
    block = BlockBuilder()
    for index in range(block_ops):
        block.fault(mm, BASE + index % PAGES * PAGE)
    data = block.bytes()
    rates: list[float] = []
    with drivers.StreamDriver(address) as stream:
        for _ in range(3):
            begin = time.perf_counter()
            done = flying = 0
            while (now := time.perf_counter() - begin) < config.batch_s / 3 or flying:
                if flying < config.window and now < config.batch_s / 3:
                    stream.send(data)
                    flying += 1
                    continue
                results = np.frombuffer(stream.receive(), RESULT)
                flying -= 1
                done += len(results)
                if len(results) != block_ops or results["status"].any():
                    raise BenchError("a fault in the stream failed")
            rates.append(done / (time.perf_counter() - begin))
    return {
        "block_ops": block_ops,
        "faults_per_s": round(statistics.median(rates)),
        "spread": [round(min(rates)), round(max(rates))],
    }


def run(config: RpcBench, target: drivers.Target, *, seed: int) -> dict[str, Any]:
    """Measure against a server that has BenchService.

    Raises:
        BenchError: wrong answers, or no BenchService.
    """
    control = drivers.ApplyDriver(target.address)
    with control:
        mm = _prepare(control)
        addresses = control.worker_addresses() or [target.address]
        result = base.head("rpc", seed) | {"workers": len(addresses), "rounds": config.rounds}
        result |= _unary(config, addresses, mm)
        control.keep([mm])
        rows = [_batch(config, addresses[0], mm, size) for size in config.blocks]
        result["batch"] = rows
        result["batch_faults_per_s"] = max(row["faults_per_s"] for row in rows)
        result["batch_window"] = config.window
        block = BlockBuilder()
        block.exit(mm)
        control.run(block.bytes())
    return result


def tables(data: dict[str, Any]) -> list[Table]:
    rows = [
        ("unary Fault", f"{report.count(data['unary_faults_per_s'])}/s ({data['unary_client']})"),
        ("unary Echo", f"{report.count(data['unary_echoes_per_s'])}/s"),
        ("ratio", f"{data['unary_ratio']:.3f} (rounds: {data['unary_ratio_rounds']})"),
    ]
    rows += [
        (f"stream, {row['block_ops']} a block", f"{report.count(row['faults_per_s'])} faults/s")
        for row in data["batch"]
    ]
    return [report.facts("rpc", rows)]


def plot(data: dict[str, Any], path: Path) -> None:
    rows = data["batch"]
    series = [plots.Series("stream", range(len(rows)), [row["faults_per_s"] for row in rows])]
    groups = [f"{row['block_ops']} a block" for row in rows]
    plots.bars(path, groups, series, title="faults through a stream", y_label="faults/s")
