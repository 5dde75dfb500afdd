# SPDX-License-Identifier: Apache-2.0
"""Measures the Python client beside the bare echo of grpcio, as clients/bench/README.md says.

usage: bench.py HOST:PORT ROUNDS
"""

from __future__ import annotations

import json
import platform
import queue
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import grpc

from vmalab.v1 import bench_pb2, bench_pb2_grpc
from vmalab_client import Client
from vmalab_client.block import BlockBuilder, parse_results

PAGE = 4096
PAGES = 512
FAULTS = 10_000
UNARY_CALLS = 500
BLOCK_CALLS = 50
FIRST_WORD = 100
Cost = dict[str, int]


class WrongAnswer(Exception):
    """What came back is not what it should be."""


def cpu_ns() -> int:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return int((used.ru_utime + used.ru_stime) * 1e9)


def measured(calls: int, call: Callable[[int], None]) -> Cost:
    """What so many calls cost."""
    cpu, start = cpu_ns(), time.monotonic_ns()
    for number in range(calls):
        call(number)
    wall = time.monotonic_ns() - start
    return {"calls": calls, "wall_ns": wall, "cpu_ns": cpu_ns() - cpu}


class Bench:
    """Both sides, with their connections."""

    def __init__(self, target: str, stack: ExitStack) -> None:
        client = stack.enter_context(Client(target))
        channel = stack.enter_context(grpc.insecure_channel(target))
        self._echo = bench_pb2_grpc.BenchServiceStub(channel)
        self._mm = stack.enter_context(client.address_space())
        self._addr = self._mm.mmap(PAGES * PAGE)
        for page in range(PAGES):
            self._mm.write(self._addr + page * PAGE, FIRST_WORD + page)
        self._batch = stack.enter_context(client.batch(window=1))
        self._block = BlockBuilder()
        self._build()
        self._bytes = self._block.bytes()
        self._sum = sum(FIRST_WORD + number % PAGES for number in range(FAULTS))
        self._requests: queue.SimpleQueue[bench_pb2.EchoBlocksRequest | None] = queue.SimpleQueue()
        self._answers: Iterator[bench_pb2.EchoBlocksResponse] = self._echo.EchoBlocks(
            iter(self._requests.get, None)
        )
        stack.callback(self._requests.put, None)

    def _build(self) -> None:
        self._block.clear()
        mm = self._mm.mm
        for number in range(FAULTS):
            self._block.fault(mm, self._addr + number % PAGES * PAGE)

    def unary_echo(self, number: int) -> None:
        answer = self._echo.Echo(
            bench_pb2.EchoRequest(first=number, second=self._addr, third=self._mm.mm)
        )
        if answer.first != number:
            raise WrongAnswer(f"an echo of {number} is {answer.first}")

    def unary_call(self, number: int) -> None:
        page = number % PAGES
        word = self._mm.read(self._addr + page * PAGE)
        if word != FIRST_WORD + page:
            raise WrongAnswer(f"page {page} has the word {word}")

    def block_echo(self, number: int) -> None:
        self._requests.put(bench_pb2.EchoBlocksRequest(block=self._bytes, tag=number))
        got = len(next(self._answers).results)
        if got != FAULTS * 16:
            raise WrongAnswer(f"an echo has {got} bytes")

    def block_call(self, _: int) -> None:
        self._build()
        self._batch.send(self._block)
        total = count = 0
        for status, _info, value in parse_results(self._batch.receive()):
            if status:
                raise WrongAnswer(f"a fault has the status {status}")
            total += value
            count += 1
        if (total, count) != (self._sum, FAULTS):
            raise WrongAnswer(f"{count} results with the sum {total} instead of {self._sum}")

    def round(self, *, echo_first: bool) -> dict[str, dict[str, Cost]]:
        """Each side once, the echo first or last."""
        sides: dict[str, dict[str, Callable[[], Cost]]] = {
            "unary": {
                "echo": lambda: measured(UNARY_CALLS, self.unary_echo),
                "call": lambda: measured(UNARY_CALLS, self.unary_call),
            },
            "block": {
                "echo": lambda: measured(BLOCK_CALLS, self.block_echo),
                "call": lambda: measured(BLOCK_CALLS, self.block_call),
            },
        }
        order = ("echo", "call") if echo_first else ("call", "echo")
        return {name: {side: both[side]() for side in order} for name, both in sides.items()}


def main() -> int:
    """Measure, and print the JSON."""
    if len(sys.argv) != 3 or not sys.argv[2].isdecimal() or int(sys.argv[2]) < 1:
        print("usage: bench.py HOST:PORT ROUNDS", file=sys.stderr)
        return 2
    with ExitStack() as stack:
        bench = Bench(sys.argv[1], stack)
        try:
            rounds = [bench.round(echo_first=i % 2 == 0) for i in range(int(sys.argv[2]) + 1)]
        except WrongAnswer as error:
            print(f"bench.py: {error}", file=sys.stderr)
            return 1
    facts = {
        "runtime": f"Python {platform.python_version()}, grpcio {grpc.__version__}",
        "faults": FAULTS,
        "rounds": rounds[1:],  # the first one warms up
    }
    print(json.dumps(facts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
