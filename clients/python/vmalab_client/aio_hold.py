# SPDX-License-Identifier: Apache-2.0
"""Keeping address spaces and files of an AsyncClient: one Hold stream in a task."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import grpc

from vmalab.v1 import memory_pb2
from vmalab_client.hold import RETRY_FIRST_S, RETRY_MAX_S

if TYPE_CHECKING:
    from vmalab.v1.memory_pb2_grpc import MemoryServiceAsyncStub


class AsyncHolder:
    """As hold.Holder, for one event loop."""

    def __init__(self, stub: MemoryServiceAsyncStub, lost: set[int]) -> None:
        self._stub = stub
        self._lost = lost
        self._wanted: set[int] = set()
        self._files: set[int] = set()
        self._requests: asyncio.Queue[memory_pb2.HoldRequest] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def add(self, mm: int) -> None:
        if mm in self._wanted:
            return
        self._wanted.add(mm)
        self._say(memory_pb2.HoldRequest(add=[mm]))

    def _say(self, request: memory_pb2.HoldRequest) -> None:
        self._requests.put_nowait(request)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def add_file(self, file: int) -> None:
        if file not in self._files:
            self._files.add(file)
            self._say(memory_pb2.HoldRequest(add_files=[file]))

    def drop_file(self, file: int) -> None:
        if file in self._files:
            self._files.discard(file)
            self._requests.put_nowait(memory_pb2.HoldRequest(drop_files=[file]))

    def drop(self, mm: int) -> None:
        if mm in self._wanted:
            self._wanted.discard(mm)
            self._requests.put_nowait(memory_pb2.HoldRequest(drop=[mm]))

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _feed(self) -> AsyncIterator[memory_pb2.HoldRequest]:
        requests = self._requests
        yield memory_pb2.HoldRequest(add=sorted(self._wanted), add_files=sorted(self._files))
        while True:
            yield await requests.get()

    async def _run(self) -> None:
        retry_s = RETRY_FIRST_S
        while True:
            self._requests = asyncio.Queue()
            try:
                async for answer in self._stub.Hold(self._feed(), wait_for_ready=True):
                    retry_s = RETRY_FIRST_S
                    missing = self._wanted.intersection(answer.missing)
                    self._wanted -= missing
                    self._files.difference_update(answer.missing_files)
                    self._lost |= missing
            except grpc.RpcError:
                pass  # opened again below, until close()
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, RETRY_MAX_S)
