# SPDX-License-Identifier: Apache-2.0
"""The bare echo of grpcio's own server, with what others are compared.

As a program it is one worker of it: `python -m vmalab_bench.stock_echo THREADS CPU` prints its
address and serves until its standard input ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from vmalab_bench.base import BenchError


@contextmanager
def stock(threads: int, cpus: list[int]) -> Iterator[tuple[list[str], list[int]]]:
    """A worker on each CPU; their addresses and pids.

    Raises:
        BenchError: one did not come up.
    """
    with ExitStack() as stack:
        workers = [stack.enter_context(_worker(threads, cpu)) for cpu in cpus]
        yield [address for address, _ in workers], [pid for _, pid in workers]


@contextmanager
def _worker(threads: int, cpu: int) -> Iterator[tuple[str, int]]:
    environment = os.environ | {"GRPC_ENABLE_FORK_SUPPORT": "0"}
    command = [sys.executable, "-P", "-m", "vmalab_bench.stock_echo", str(threads), str(cpu)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        if not address:
            raise BenchError("the bare server of grpcio did not start")
        yield address, process.pid
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def main() -> None:
    threads, cpu = map(int, sys.argv[1:])
    os.sched_setaffinity(0, {cpu})
    import grpc

    from vmalab.v1 import bench_pb2

    def echo(request: bench_pb2.EchoRequest, _: grpc.ServicerContext) -> bench_pb2.EchoResponse:
        return bench_pb2.EchoResponse(
            first=request.first, second=request.second, third=request.third
        )

    handler = grpc.unary_unary_rpc_method_handler(
        echo, bench_pb2.EchoRequest.FromString, bench_pb2.EchoResponse.SerializeToString
    )
    service = grpc.method_handlers_generic_handler("vmalab.v1.BenchService", {"Echo": handler})
    server = grpc.server(ThreadPoolExecutor(threads))
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"127.0.0.1:{port}", flush=True)
    sys.stdin.read()
    server.stop(None)


if __name__ == "__main__":
    main()
