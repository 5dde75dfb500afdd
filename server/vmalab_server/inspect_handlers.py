# SPDX-License-Identifier: Apache-2.0
"""InspectService as functions from request to response, whatever front carries them."""

from __future__ import annotations

import dataclasses
import threading
from errno import errorcode
from pathlib import Path
from typing import Final, TypeVar

from google.protobuf.message import Message

from vmalab.v1 import inspect_pb2 as pb
from vmalab_native import waiting
from vmalab_native.core import FSCK_NEEDS_STOP, monotonic_ns
from vmalab_native.cores import LAB
from vmalab_native.errors import NoSuchMm
from vmalab_native.segment_file import SegmentFile
from vmalab_native.view import SegmentView
from vmalab_server import failures, roster
from vmalab_server.entry import Entry
from vmalab_server.limits import Limits

OLDEST_CLIENT: Final = "0.1.0"
"""Clients that are older miss what this server does; clients/README.md has the rule."""

_Message = TypeVar("_Message", bound=Message)


def _same_fields(message: type[_Message], record: object) -> _Message:
    """A message from a dataclass whose fields have the same names."""
    names = message.DESCRIPTOR.fields_by_name
    return message(**{name: getattr(record, name) for name in names if hasattr(record, name)})


class InspectHandlers:
    """The methods of InspectService."""

    def __init__(
        self,
        entry: Entry,
        *,
        limits: Limits,
        roster_path: Path,
        worker_index: int,
        worker_pid: int,
        version: str,
        grpc_version: str,
        capabilities: tuple[str, ...] = (),
    ) -> None:
        self._entry = entry
        self._limits = limits
        self._roster_path = roster_path
        self._lock = threading.Lock()
        self._seen: SegmentView | None = None
        self._identity = pb.GetServerInfoResponse(
            worker_index=worker_index,
            worker_pid=worker_pid,
            version=version,
            grpc_version=grpc_version,
            oldest_client=OLDEST_CLIENT,
            capabilities=capabilities,
        )

    def _view(self) -> SegmentView:
        """Of the segment's file, opened when it is first looked at."""
        with self._lock:
            if self._seen is None:
                self._seen = SegmentView(SegmentFile.open(self._entry.segment.instance))
            return self._seen

    def get_server_info(self, request: pb.GetServerInfoRequest) -> pb.GetServerInfoResponse:
        segment = self._entry.segment
        config = dataclasses.asdict(segment.config)
        limits = {name: value for name, value in config.items() if name.endswith("_max")}
        answer = pb.GetServerInfoResponse(
            instance=segment.instance,
            rcu_flavour=segment.rcu_flavour,
            lock_model=segment.config.model,
            layout=segment.config.layout,
            lab=segment.config.layout.endswith(LAB),
            lookup=segment.config.lookup,
            slab=str(segment.config.slab),
            supervisor_pid=segment.supervisor_pid,
            segment_bytes=segment.size_bytes,
            limits=limits | self._limits.as_dict(),
        )
        answer.MergeFrom(self._identity)
        return answer

    def list_workers(self, request: pb.ListWorkersRequest) -> pb.ListWorkersResponse:
        found = roster.read(self._roster_path)
        if found is None:
            raise failures.Refused("STOPPING", "the instance is stopping: it has no workers list")
        return pb.ListWorkersResponse(
            shared_address=found.shared_address,
            workers=[_same_fields(pb.Worker, worker) for worker in found.workers],
        )

    def get_slabinfo(self, request: pb.GetSlabinfoRequest) -> pb.GetSlabinfoResponse:
        caches = self._entry.segment.slabinfo()
        return pb.GetSlabinfoResponse(caches=[_same_fields(pb.SlabInfo, cache) for cache in caches])

    def get_vmstat(self, request: pb.GetVmstatRequest) -> pb.GetVmstatResponse:
        return pb.GetVmstatResponse(counters=self._entry.segment.vmstat())

    def get_maps(self, request: pb.GetMapsRequest) -> pb.GetMapsResponse:
        me = self._entry.participant()
        self._entry.owners.may(me, mm=request.mm)
        try:
            return pb.GetMapsResponse(maps=me.maps(request.mm))
        except NoSuchMm:
            raise failures.no_such_mm(request.mm) from None

    def query_vma(self, request: pb.QueryVmaRequest) -> pb.QueryVmaResponse:
        me = self._entry.participant()
        self._entry.owners.may(me, mm=request.mm)
        try:
            errno, info = me.query_vma(request.mm, request.addr, request.flags)
        except NoSuchMm:
            raise failures.no_such_mm(request.mm) from None
        if info is None:
            return pb.QueryVmaResponse(errno_code=errno, errno_name=errorcode.get(errno, ""))
        return pb.QueryVmaResponse(vma=_same_fields(pb.VmaInfo, info))

    def list_address_spaces(
        self, request: pb.ListAddressSpacesRequest
    ) -> pb.ListAddressSpacesResponse:
        now_ns = monotonic_ns()
        answer = pb.ListAddressSpacesResponse()
        names = {one.account: one.name for one in self._entry.segment.accounts()}
        share_all = self._entry.owners.share_all
        for info in self._entry.participant().mm_list():
            message = _same_fields(pb.AddressSpace, info)
            message.mm = info.id
            message.owner = names.get(info.account, "")
            message.shared = share_all or bool(info.shared)
            message.ttl_ms = max(0, info.keep_until_ns - now_ns) // 1_000_000
            answer.address_spaces.append(message)
        return answer

    def list_locks(self, request: pb.ListLocksRequest) -> pb.ListLocksResponse:
        answer = pb.ListLocksResponse()
        segment = self._entry.segment
        for info in segment.locks() + self._view().noted(segment.participants()):
            message = _same_fields(pb.Lock, info)
            message.vma_start, message.vma_end = info.start, info.end
            answer.locks.append(message)
        return answer

    def list_participants(self, request: pb.ListParticipantsRequest) -> pb.ListParticipantsResponse:
        answer = pb.ListParticipantsResponse()
        ages = waiting.ages_of(self._view().since)
        for info in self._entry.segment.participants():
            message = _same_fields(pb.Participant, info)
            message.state = waiting.thread_state(info)
            if info.in_core and info.op:
                message.operation = waiting.operation_name(info.op)
            age = ages(info.index)
            if age.operation_ns is not None:
                message.operation_ns = age.operation_ns
            if age.wait_ns is not None:
                message.wait_ns = age.wait_ns
            answer.participants.append(message)
        return answer

    def get_layout(self, request: pb.GetLayoutRequest) -> pb.GetLayoutResponse:
        answer = pb.GetLayoutResponse()
        for info in self._entry.participant().layout():
            fields = [_same_fields(pb.Field, entry) for entry in info.fields]
            answer.structs.append(pb.Struct(name=info.name, size=info.size, fields=fields))
        return answer

    def fsck(self, request: pb.FsckRequest) -> pb.FsckResponse:
        return pb.FsckResponse(
            problems=self._entry.participant().fsck(stop=request.stop),
            not_checked=() if request.stop else FSCK_NEEDS_STOP,
        )
