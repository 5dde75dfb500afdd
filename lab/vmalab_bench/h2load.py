# SPDX-License-Identifier: Apache-2.0
"""Unary gRPC calls from h2load (Debian: nghttp2-client), a client far cheaper than the server.

h2load knows nothing of gRPC: it posts one prepared frame again and again. What the answers say is
checked beforehand with a real client.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from vmalab_drive.errors import CommandError

_RATE = re.compile(r"finished in [\d.]+m?s, ([\d.]+) req/s")
_DONE = re.compile(r"requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed")
CONNECTIONS: Final = 4
PATIENCE_S: Final = 600.0
STREAMS: Final = 8


class H2loadError(CommandError):
    """h2load did not run or its requests failed."""


def available() -> bool:
    return shutil.which("h2load") is not None


def frame(message: bytes) -> bytes:
    """A gRPC message as it stands in an HTTP/2 body: not compressed, length, bytes."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def rates(addresses: list[str], path: str, message: bytes, *, seconds: float) -> list[float]:
    """Requests per second of each address, all loaded at once by a process of its own."""
    with tempfile.TemporaryDirectory(prefix="vmalab-h2load-") as scratch:
        body = Path(scratch) / "body"
        body.write_bytes(frame(message))
        running = [
            subprocess.Popen(
                ["h2load", "-c", str(CONNECTIONS), "-m", str(STREAMS), "-t", "1",
                 "-D", f"{round(seconds * 1000)}ms", "--warm-up-time", "300ms", "-d", str(body),
                 "-H", "content-type: application/grpc", "-H", "te: trailers",
                 f"http://{address}{path}"],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for address in addresses
        ]  # fmt: skip
        outputs: list[str] = []
        try:
            for process in running:
                outputs.append(process.communicate(timeout=seconds + PATIENCE_S)[0])
        except subprocess.TimeoutExpired:
            raise H2loadError("h2load did not end") from None
        finally:
            for process in running:
                process.kill()
                process.communicate()
    return [_rate(text) for text in outputs]


def _rate(text: str) -> float:
    rate, done = _RATE.search(text), _DONE.search(text)
    if rate is None or done is None:
        raise H2loadError(f"h2load said: {text.strip()[-300:]}")
    succeeded, failed = int(done.group(1)), int(done.group(2))
    if failed or not succeeded:
        raise H2loadError(f"{failed} requests failed, {succeeded} succeeded")
    return float(rate.group(1))
