# SPDX-License-Identifier: Apache-2.0
"""A stream of blocks of a Client."""

from __future__ import annotations

import collections
import queue
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager

import grpc

from vmalab_client import transport, types, wire
from vmalab_client.block import BlockBuilder, raw
from vmalab_client.errors import ServiceUnavailable


class Batch(AbstractContextManager["Batch"]):
    """A stream of blocks. For one thread."""

    def __init__(self, channel: grpc.Channel, *, window: int) -> None:
        if window < 1:
            raise ValueError(f"window = {window}: at least 1")
        self._window = window
        self._requests: queue.SimpleQueue[wire.Request | None] = queue.SimpleQueue()
        self._call = wire.batch(channel)(iter(self._requests.get, None))
        self._outstanding: collections.deque[tuple[int, bool]] = collections.deque()
        self._tag = 0
        self._closed = False

    @property
    def outstanding(self) -> int:
        """Blocks that were sent and not answered yet."""
        return len(self._outstanding)

    @property
    def full(self) -> bool:
        """Whether an answer must be received before the next block is sent."""
        return len(self._outstanding) >= self._window

    def send(self, block: bytes | BlockBuilder, *, failed_only: bool = False) -> None:
        """Send one block; at most `window` may be outstanding (ValueError).

        failed_only: receive the records that fail only, by receive_failed. It makes a stream
        twice as fast, and addresses, words and numbers of address spaces do not come back.
        """
        transport.check_stream(self._closed)
        if self.full:
            raise ValueError(f"{self._window} blocks are outstanding: receive an answer first")
        self._tag += 1
        self._requests.put(wire.Request(raw(block), self._tag, failed_only))
        self._outstanding.append((self._tag, failed_only))

    def receive(self) -> bytes:
        """The results of the oldest block that is outstanding."""
        return bytes(self._received(failed_only=False).results)

    def receive_failed(self) -> types.Failed:
        """What failed of the oldest block that is outstanding, which was sent with failed_only."""
        return transport.failed(self._received(failed_only=True))

    def _received(self, *, failed_only: bool) -> wire.Response:
        transport.check_stream(self._closed)
        if not self._outstanding:
            raise ValueError("no block is outstanding")
        if self._outstanding[0][1] != failed_only:
            raise ValueError(transport.WRONG_RECEIVE[failed_only])
        try:
            answer: wire.Response = next(self._call)
        except StopIteration:
            raise ServiceUnavailable("the server ended the stream") from None
        except grpc.RpcError as error:
            raise transport.of_block(transport.error_of(error)) from None
        tag, _ = self._outstanding.popleft()
        if answer.tag != tag:
            raise ServiceUnavailable(f"answer {answer.tag} instead of {tag}")
        return answer

    def run(self, blocks: Iterable[bytes | BlockBuilder]) -> Iterator[bytes]:
        """The results of each block, in order, with the window kept full."""
        for block in blocks:
            if self.full:
                yield self.receive()
            self.send(block)
        while self._outstanding:
            yield self.receive()

    def close(self) -> None:
        """End the stream. Answers that were not received are given up."""
        self._closed = True
        self._requests.put(None)
        if self._outstanding:
            self._call.cancel()

    def __exit__(self, *exception: object) -> None:
        self.close()
