# SPDX-License-Identifier: Apache-2.0
"""Keeping address spaces and files of an AsyncClient: one Hold stream in a task."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import grpc

from vmalab.v1 import memory_pb2
from vmalab_client import transport
from vmalab_client.hold import RETRY_FIRST_S, RETRY_MAX_S
from vmalab_client.leases import Leases

if TYPE_CHECKING:
    from vmalab.v1.memory_pb2_grpc import MemoryServiceAsyncStub


class AsyncHolder:
    """As hold.Holder, for one event loop."""

    def __init__(self, stub: MemoryServiceAsyncStub, lost: set[int]) -> None:
        self._stub = stub
        self._lost = lost
        self._leases = Leases()
        self._requests: asyncio.Queue[memory_pb2.HoldRequest] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def _say(self, request: memory_pb2.HoldRequest | None) -> None:
        if request is None:
            return
        self._requests.put_nowait(request)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def add(self, mm: int) -> None:
        self._say(self._leases.add(mm))

    def add_file(self, file: int) -> None:
        self._say(self._leases.add_file(file))

    def drop_file(self, file: int) -> None:
        self._say(self._leases.drop_file(file))

    def drop(self, mm: int) -> None:
        self._say(self._leases.drop(mm))

    def forget(self, mm: int) -> None:
        self._say(self._leases.forget(mm))

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _feed(
        self, requests: asyncio.Queue[memory_pb2.HoldRequest]
    ) -> AsyncIterator[memory_pb2.HoldRequest]:
        while True:
            yield await requests.get()

    async def _run(self) -> None:
        retry_s = RETRY_FIRST_S
        while True:
            self._requests = asyncio.Queue()
            self._requests.put_nowait(self._leases.begin())
            refused = None
            try:
                call = self._stub.Hold(self._feed(self._requests), wait_for_ready=True)
                async for answer in call:
                    retry_s = RETRY_FIRST_S
                    self._lost.update(self._leases.hear(answer))
            except grpc.RpcError as error:
                refused = self._leases.refused(transport.error_of(error))
            self._leases.end()
            if refused is not None:  # the next stream is without it
                self._lost.update(refused)
                continue
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, RETRY_MAX_S)
