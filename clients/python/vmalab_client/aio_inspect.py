# SPDX-License-Identifier: Apache-2.0
"""Looking inside an instance with asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmalab.v1 import inspect_pb2
from vmalab_client import transport, types

if TYPE_CHECKING:
    import grpc.aio

    from vmalab.v1.inspect_pb2_grpc import InspectServiceAsyncStub
    from vmalab_client.calls import AsyncCalls


class AsyncInspect:
    """Look inside the instance."""

    def __init__(
        self,
        client: AsyncCalls,
        stub: InspectServiceAsyncStub,
        health: grpc.aio.UnaryUnaryMultiCallable[str, str],
    ) -> None:
        self._client = client
        self._stub = stub
        self._health = health

    async def health(self, service: str = "") -> str:
        """SERVING, NOT_SERVING or UNKNOWN: of the server, or of one of its services."""
        return await self._client.call(self._health, service)

    async def server_info(self) -> types.ServerInfo:
        request = inspect_pb2.GetServerInfoRequest()
        return transport.server_info(await self._client.call(self._stub.GetServerInfo, request))

    async def workers(self) -> list[types.WorkerInfo]:
        request = inspect_pb2.ListWorkersRequest()
        answer = await self._client.call(self._stub.ListWorkers, request)
        return [transport.record(types.WorkerInfo, entry) for entry in answer.workers]

    async def slabinfo(self) -> list[types.SlabInfo]:
        request = inspect_pb2.GetSlabinfoRequest()
        answer = await self._client.call(self._stub.GetSlabinfo, request)
        return [transport.record(types.SlabInfo, entry) for entry in answer.caches]

    async def vmstat(self) -> dict[str, int]:
        request = inspect_pb2.GetVmstatRequest()
        return dict((await self._client.call(self._stub.GetVmstat, request)).counters)

    async def maps(self, mm: int) -> str:
        request = inspect_pb2.GetMapsRequest(mm=mm)
        return (await self._client.call(self._stub.GetMaps, request)).maps

    async def query_vma(self, mm: int, addr: int, flags: int = 0) -> types.VmaInfo | None:
        """As AsyncAddressSpace.query_vma."""
        request = inspect_pb2.QueryVmaRequest(mm=mm, addr=addr, flags=flags)
        return transport.vma(await self._client.call(self._stub.QueryVma, request))

    async def address_spaces(self) -> list[types.AddressSpaceInfo]:
        request = inspect_pb2.ListAddressSpacesRequest()
        answer = await self._client.call(self._stub.ListAddressSpaces, request)
        return [transport.record(types.AddressSpaceInfo, e) for e in answer.address_spaces]

    async def locks(self) -> list[types.LockInfo]:
        request = inspect_pb2.ListLocksRequest()
        answer = await self._client.call(self._stub.ListLocks, request)
        return [transport.record(types.LockInfo, entry) for entry in answer.locks]

    async def participants(self) -> list[types.ParticipantInfo]:
        request = inspect_pb2.ListParticipantsRequest()
        answer = await self._client.call(self._stub.ListParticipants, request)
        return [transport.participant(entry) for entry in answer.participants]

    async def layout(self) -> list[types.StructInfo]:
        request = inspect_pb2.GetLayoutRequest()
        return transport.layout(await self._client.call(self._stub.GetLayout, request))

    async def fsck(self, *, stop: bool = False) -> types.Invariants:
        """Broken invariants. stop: the instance stands still meanwhile, and all are checked."""
        answer = await self._client.call(self._stub.Fsck, inspect_pb2.FsckRequest(stop=stop))
        return types.Invariants(answer.problems, answer.not_checked)
