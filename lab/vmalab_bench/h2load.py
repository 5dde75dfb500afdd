# SPDX-License-Identifier: Apache-2.0
"""Unary gRPC calls from h2load (Debian: nghttp2-client), a client far cheaper than the server.

h2load knows nothing of gRPC: it posts one prepared frame again and again. What the answers say is
checked beforehand with a real client.
"""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vmalab_bench import machine
from vmalab_drive.errors import CommandError

_RATE = re.compile(r"finished in [\d.]+m?s, ([\d.]+) req/s")
_DONE = re.compile(r"requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed")
CONNECTIONS: Final = 4
WARM_MS: Final = 300
PACKAGE: Final = "nghttp2-client"
"""Of Debian."""
PATIENCE_S: Final = 600.0
STREAMS: Final = 8


class H2loadError(CommandError):
    """h2load did not run or its requests failed."""


def available() -> bool:
    return shutil.which("h2load") is not None


def frame(message: bytes) -> bytes:
    """A gRPC message as it stands in an HTTP/2 body: not compressed, length, bytes."""
    return b"\0" + len(message).to_bytes(4, "big") + message


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of loading some addresses at once.

    Attributes:
        per_s: requests per second of each address.
        cpu_s: CPU time of all clients, with that of the warm-up.
        seconds: as long as the clients have sent, with the warm-up.
    """

    per_s: list[float]
    cpu_s: float
    seconds: float

    @property
    def requests(self) -> float:
        """About so many were sent to all, with those of the warm-up."""
        return sum(self.per_s) * self.seconds


def rates(addresses: list[str], path: str, message: bytes, *, seconds: float) -> list[float]:
    """Requests per second of each address, all loaded at once by a process of its own."""
    return load(addresses, path, message, seconds=seconds).per_s


def load(
    addresses: list[str], path: str, message: bytes, *, seconds: float, cpus: Sequence[int] = ()
) -> Loaded:
    """Load each address by a process of its own, all at once.

    Args:
        cpus: where each of the processes stays; none: anywhere.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory(prefix="vmalab-h2load-") as scratch, ExitStack() as stack:
        body = Path(scratch) / "body"
        body.write_bytes(frame(message))
        running = []
        for number, address in enumerate(addresses):
            with machine.pinned(cpus[number]) if cpus else nullcontext():
                running.append(stack.enter_context(_running(address, path, body, seconds)))
        outputs: list[str] = []
        try:
            for process in running:
                outputs.append(process.communicate(timeout=seconds + PATIENCE_S)[0])
        except subprocess.TimeoutExpired:
            raise H2loadError("h2load did not end") from None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Loaded([_rate(text) for text in outputs], cpu_s, seconds + WARM_MS / 1000)


@contextmanager
def _running(
    address: str, path: str, body: Path, seconds: float
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        ["h2load", "-c", str(CONNECTIONS), "-m", str(STREAMS), "-t", "1",
         "-D", f"{round(seconds * 1000)}ms", "--warm-up-time", f"{WARM_MS}ms", "-d", str(body),
         "-H", "content-type: application/grpc", "-H", "te: trailers",
         f"http://{address}{path}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _rate(text: str) -> float:
    rate, done = _RATE.search(text), _DONE.search(text)
    if rate is None or done is None:
        raise H2loadError(f"h2load said: {text.strip()[-300:]}")
    succeeded, failed = int(done.group(1)), int(done.group(2))
    if failed or not succeeded:
        raise H2loadError(f"{failed} requests failed, {succeeded} succeeded")
    return float(rate.group(1))
