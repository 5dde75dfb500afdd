# SPDX-License-Identifier: Apache-2.0
"""Where facts come from: the segment itself, or a server over gRPC. Both give the same rows."""

from __future__ import annotations

import dataclasses
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from vmalab.ops import Op
from vmalab_drive.errors import CommandError, UsageError
from vmalab_native import cores
from vmalab_native.errors import InvalidArgument
from vmalab_native.records import LockInfo, ParticipantInfo
from vmalab_server import roster

if TYPE_CHECKING:
    from vmalab_client import Client
    from vmalab_client.types import ParticipantInfo as ClientParticipantInfo
    from vmalab_native.core import Segment
    from vmalab_native.lab import Edge
    from vmalab_native.segment_file import SegmentFile
    from vmalab_native.waiting import Task

Row = dict[str, Any]
DEFAULT_INSTANCE: Final = "default"


class Source(ABC):
    """One instance to look at. Rows have the field names of the messages in inspect.proto."""

    @abstractmethod
    def summary(self) -> Row: ...

    @abstractmethod
    def address_spaces(self) -> list[Row]: ...

    @abstractmethod
    def participants(self) -> list[Row]: ...

    @abstractmethod
    def maps(self, mm: int) -> str: ...

    @abstractmethod
    def query_vma(self, mm: int, addr: int, flags: int) -> Row | None: ...

    @abstractmethod
    def slabinfo(self) -> list[Row]: ...

    @abstractmethod
    def vmstat(self) -> dict[str, int]: ...

    @abstractmethod
    def locks(self) -> list[Row]: ...

    @abstractmethod
    def tasks(self) -> list[Task]:
        """Everybody who is in the core, or has or wants a lock."""

    def events(self, participant: int) -> list[str]:
        """The last events of a participant, newest last; empty where they cannot be read."""
        return []

    def keeps_events(self) -> bool:
        """Whether it is known since when a thread waits."""
        return True

    def order(self) -> list[Edge]:
        """The order of locks that the lab core of the instance has learnt."""
        raise UsageError("the order of locks is in the memory of an instance on this machine")

    @abstractmethod
    def layout(self) -> list[Row]: ...

    @abstractmethod
    def fsck(self, *, stop: bool) -> tuple[list[str], list[str]]:
        """Broken invariants; and what was not checked, because nothing was stopped for it."""

    def orphaned(self) -> bool:
        """Whether the server of the instance was killed, and nobody has cleared up after it."""
        return False

    def damages(self) -> list[str]:
        """What is damaged, so that nobody may be in the segment; empty: nothing."""
        return []

    def repair(self) -> int:
        """Recover from every death that nobody has recovered from; how many those were."""
        return 0


WALK_PATIENCE_S: Final = 1800.0
"""What takes so long hangs; the largest segments are walked in minutes."""


class SegmentSource(Source):
    """The memory itself: works without a server, after a crash, and whatever is damaged.

    Its file is read and never mapped. What must be in the segment (fsck, repair) runs in a process
    of its own, and only when nothing is damaged.
    """

    def __init__(self, file: SegmentFile) -> None:
        from vmalab_native.view import SegmentView

        self._file = file
        self._view = SegmentView(file)

    def summary(self) -> Row:
        info = self._view.info()
        found = roster.find(self._file.instance)
        workers = [roster.serving(entry) for entry in found.workers] if found else []
        state, why = self._view.state()
        if state == "ready" and any(entry.state == "starting" for entry in workers):
            state = state if any(entry.state == "ready" for entry in workers) else "starting"
        return {
            "instance": self._file.instance,
            "state": state,
            "broken": why,
            "warning": found.warning if found else "",
            "lock_model": info.model,
            "layout": info.layout,
            "rcu_flavour": info.rcu_flavour,
            "lookup": info.config.lookup,
            "slab": str(info.config.slab),
            "supervisor_pid": info.supervisor_pid,
            "shared_address": found.shared_address if found else "",
            "workers": [dataclasses.asdict(entry) for entry in workers],
        }

    def address_spaces(self) -> list[Row]:
        now_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        rows = [dataclasses.asdict(info) for info in self._view.mm_list()]
        for row in rows:
            row["mm"] = row.pop("id")
            row["ttl_ms"] = max(0, row.pop("keep_until_ns") - now_ns) // 1_000_000
        return rows

    def participants(self) -> list[Row]:
        return [dataclasses.asdict(info) for info in self._view.participants()]

    def maps(self, mm: int) -> str:
        return self._view.maps(mm)

    def query_vma(self, mm: int, addr: int, flags: int) -> Row | None:
        info = self._view.query_vma(mm, addr, flags)
        return None if info is None else dataclasses.asdict(info)

    def slabinfo(self) -> list[Row]:
        return [dataclasses.asdict(info) for info in self._view.slabinfo()]

    def vmstat(self) -> dict[str, int]:
        return self._view.vmstat()

    def locks(self) -> list[Row]:
        found = self._view.every_lock(self._view.participants())
        rows = [dataclasses.asdict(info) for info in found]
        for row in rows:
            row["vma_start"], row["vma_end"] = row.pop("start"), row.pop("end")
        return rows

    def tasks(self) -> list[Task]:
        from vmalab_native.waiting import ages_of, tasks

        view, ages = self._view, ages_of(self._view.since)
        infos = view.participants()
        return tasks(infos, view.every_lock(infos), ages)

    def events(self, participant: int) -> list[str]:
        from vmalab_native import waiting

        return waiting.event_lines(self._view.events(participant))

    def keeps_events(self) -> bool:
        return not self._file.config("events_off")

    def order(self) -> list[Edge]:
        from vmalab_native.lab import Edge

        if not self._file.layout.endswith(cores.LAB):
            raise UsageError(
                f"instance {self._file.instance!r} runs a release core, which learns no order of"
                " locks: start the server with --lab"
            )
        rows = self._inside(_order)["edges"]
        return [Edge(**row | {"steps": tuple(row["steps"])}) for row in rows]

    def layout(self) -> list[Row]:
        return build_layout(self._file.model, self._file.layout)

    def orphaned(self) -> bool:
        rows = self._view.participants()
        return any(row.role == "supervisor" for row in rows) and not any(
            row.role == "supervisor" and row.alive for row in rows
        )

    def damages(self) -> list[str]:
        from vmalab_native.damage import damages

        state, why = self._view.state()
        broken = [f"the segment is broken: {why or 'it does not say why'}"] * (state == "broken")
        return broken + [f"damaged: {text}" for text in damages(self._file)]

    def repair(self) -> int:
        return int(self._inside(_recovered)["recovered"])

    def fsck(self, *, stop: bool) -> tuple[list[str], list[str]]:
        row = self._inside(_walked if stop else _walked_in_slices)
        return row["problems"], row["not_checked"]

    def _inside(self, look: Callable[[Segment], Row]) -> Row:
        """look(segment) in a process of its own. Raises CommandError where it comes to nothing."""
        from vmalab_cli import apart

        names = [self._file.instance]
        (row,) = apart.each(names, lambda name: _attached(name, look), patience_s=WALK_PATIENCE_S)
        if "error" in row:
            raise CommandError(f"instance {names[0]!r}: {row['error']}")
        return row


def _attached(instance: str, look: Callable[[Segment], Row]) -> Row:
    from vmalab_native.core import Segment
    from vmalab_native.errors import NativeError

    try:
        with Segment.attach(instance) as segment:
            return look(segment)
    except NativeError as error:
        return {"error": str(error)}


def _recovered(segment: Segment) -> Row:
    dead = 0
    with segment.participant("inspector", comm="vmalab") as me:
        while found := me.recover().dead:  # one recovery may name some of them only
            dead += len(found)
    return {"recovered": dead}


def _order(segment: Segment) -> Row:
    from vmalab_native import lab

    with segment.participant("inspector", comm="vmalab") as me:
        return {"edges": [dataclasses.asdict(edge) for edge in lab.order(me)]}


def _walked(segment: Segment) -> Row:
    with segment.participant("inspector", comm="vmalab") as me:
        return {"problems": me.fsck(), "not_checked": []}


def _walked_in_slices(segment: Segment) -> Row:
    from vmalab_native.core import FSCK_NEEDS_STOP

    with segment.participant("inspector", comm="vmalab") as me:
        return {"problems": me.fsck(stop=False), "not_checked": list(FSCK_NEEDS_STOP)}


def build_layout(model: str, layout: str) -> list[Row]:
    """The structs of one core, which is built if need be; needs no instance."""
    from vmalab_native import core

    return [dataclasses.asdict(info) for info in core.layout(model, layout)]


def check_core(model: str, layout: str) -> str:
    """The layout's name; raises UsageError, with what there is, unless there is such a lock model
    and layout."""
    try:
        cores.check(model, layout)
        return cores.named(layout)
    except InvalidArgument as error:
        raise UsageError(error.detail) from None


def all_cores() -> list[Row]:
    """Every lock model in every layout: how its VMAs lie on slab pages, if the core is built."""
    rows = []
    for model in cores.lock_models():
        for layout in cores.layouts(model):
            row: Row = {"model": model, "layout": layout, "built": False}
            if cores.file_of(model, layout).exists():
                row |= {"built": True, **_vma_cache(model, layout)}
            rows.append(row)
    return rows


def _vma_cache(model: str, layout: str) -> Row:
    """Read from a segment that is made for it: it is the core that decides."""
    from vmalab_native.core import Segment, SegmentConfig

    config = SegmentConfig(
        size_bytes=32 << 20, mms_max=1, participants_max=1, frames_max=16, files_max=1,
        model=model, layout=layout,
    )  # fmt: skip
    with Segment.create(f"layout-{os.getpid()}", config, private=True) as segment:
        (cache,) = [info for info in segment.slabinfo() if info.name == "vm_area_struct"]
    return {
        "vma_bytes": cache.objsize,
        "objperslab": cache.objperslab,
        "pagesperslab": cache.pagesperslab,
    }


class ServerSource(Source):
    """A server, asked over gRPC."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inspect = client.inspect

    def summary(self) -> Row:
        info = self._inspect.server_info()
        stands = {
            one.pid: one.state
            for one in self._inspect.participants()
            if one.role == "worker" and one.state in ("stopped", "traced")
        }
        workers = [dataclasses.asdict(entry) for entry in self._inspect.workers()]
        for worker in workers:
            worker["state"] = stands.get(worker["pid"], worker["state"])
        return {
            "instance": info.instance,
            "state": "ready",
            "broken": "",
            "warning": "",
            "lock_model": info.lock_model,
            "layout": info.layout,
            "rcu_flavour": info.rcu_flavour,
            "lookup": info.lookup,
            "slab": info.slab,
            "supervisor_pid": info.supervisor_pid,
            "shared_address": self._client.target,
            "workers": workers,
        }

    def address_spaces(self) -> list[Row]:
        return [dataclasses.asdict(info) for info in self._inspect.address_spaces()]

    def participants(self) -> list[Row]:
        return [dataclasses.asdict(info) for info in self._inspect.participants()]

    def maps(self, mm: int) -> str:
        return self._inspect.maps(mm)

    def query_vma(self, mm: int, addr: int, flags: int) -> Row | None:
        info = self._inspect.query_vma(mm, addr, flags)
        return None if info is None else dataclasses.asdict(info)

    def slabinfo(self) -> list[Row]:
        return [dataclasses.asdict(info) for info in self._inspect.slabinfo()]

    def vmstat(self) -> dict[str, int]:
        return self._inspect.vmstat()

    def locks(self) -> list[Row]:
        return [dataclasses.asdict(info) for info in self._inspect.locks()]

    def tasks(self) -> list[Task]:
        from vmalab_native.waiting import Ages, tasks

        begun_ns = time.monotonic_ns()
        locks = [LockInfo(*dataclasses.astuple(lock)) for lock in self._inspect.locks()]
        infos = {info.index: info for info in self._inspect.participants()}
        took_ns = time.monotonic_ns() - begun_ns

        def age(ns: int | None) -> int | None:
            """As of the begin of the look; the server counts from a moment before its end."""
            return None if ns is None else max(0, ns - took_ns)

        return tasks(
            [_participant(info) for info in infos.values()],
            locks,
            lambda index: Ages(age(infos[index].operation_ns), age(infos[index].wait_ns)),
            lambda info: infos[info.index].state,
        )

    def layout(self) -> list[Row]:
        return [dataclasses.asdict(info) for info in self._inspect.layout()]

    def fsck(self, *, stop: bool) -> tuple[list[str], list[str]]:
        found = self._inspect.fsck(stop=stop)
        return list(found), found.not_checked


def _participant(info: ClientParticipantInfo) -> ParticipantInfo:
    """What a server says of a participant, as a segment says it."""
    fields = {field.name for field in dataclasses.fields(ParticipantInfo)} - {"op"}
    row = {name: value for name, value in dataclasses.asdict(info).items() if name in fields}
    return ParticipantInfo(**row, op=Op.__members__.get(info.operation.upper(), Op.NOP))


def choose_instance(instance: str) -> str:
    """The instance meant: the one named, the only one there is, or `default`. Raises UsageError."""
    from vmalab_native.checks import instances

    if instance:
        return instance
    names = instances()
    if not names:
        raise UsageError("no instance is running: start one with `vmalab serve`")
    if len(names) > 1 and DEFAULT_INSTANCE in names:
        return DEFAULT_INSTANCE
    if len(names) > 1:
        raise UsageError(f"several instances: choose one with --instance: {', '.join(names)}")
    return names[0]


@contextmanager
def opened(*, instance: str, target: str, build: bool = True) -> Iterator[Source]:
    """The source that the options name. Raises UsageError and what attaching raises.

    Args:
        build: build the core of the instance if it is not there, and say so.
    """
    if instance and target:
        raise UsageError("--instance (or VMALAB_INSTANCE) and --target exclude each other")
    if target:
        from vmalab_client.client import Client
        from vmalab_client.errors import ServiceUnavailable
        from vmalab_drive import reach

        reach.check(target)
        try:
            with Client(target, discover=False, timeout_s=120.0) as client:
                yield ServerSource(client)
        except ServiceUnavailable as error:
            why = str(error).rpartition(": ")[2]
            raise UsageError(
                f"no server answers at {target} ({why}): start one with `vmalab serve`"
            ) from None
        return
    from vmalab_native.segment_file import SegmentFile

    with SegmentFile.open(choose_instance(instance), build=build) as file:
        yield SegmentSource(file)
