# SPDX-License-Identifier: Apache-2.0
"""Where facts come from: the segment itself, or a server over gRPC. Both give the same rows."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from vmalab_server import roster
from vmalab_server.config import ConfigError

Row = dict[str, Any]


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
    def slabinfo(self) -> list[Row]: ...

    @abstractmethod
    def vmstat(self) -> dict[str, int]: ...

    @abstractmethod
    def locks(self) -> list[Row]: ...

    @abstractmethod
    def layout(self) -> list[Row]: ...

    @abstractmethod
    def fsck(self) -> list[str]: ...


class SegmentSource(Source):
    """The shared memory, mapped by this process: works without a server, and after a crash."""

    def __init__(self, segment: Any) -> None:
        self._segment = segment

    def summary(self) -> Row:
        info = self._segment.info()
        found = roster.find(self._segment.instance)
        return {
            "instance": self._segment.instance,
            "state": info.state,
            "lock_model": info.model,
            "layout": info.layout,
            "rcu_flavour": info.rcu_flavour,
            "supervisor_pid": info.supervisor_pid,
            "shared_address": found.shared_address if found else "",
            "workers": [dataclasses.asdict(entry) for entry in found.workers] if found else [],
        }

    def address_spaces(self) -> list[Row]:
        from vmalab_native.core import monotonic_ns

        now_ns = monotonic_ns()
        with self._segment.participant("inspector", comm="vmalab") as me:
            rows = [dataclasses.asdict(info) for info in me.mm_list()]
        for row in rows:
            row["mm"] = row.pop("id")
            row["ttl_ms"] = max(0, row.pop("keep_until_ns") - now_ns) // 1_000_000
        return rows

    def participants(self) -> list[Row]:
        return [dataclasses.asdict(info) for info in self._segment.participants()]

    def maps(self, mm: int) -> str:
        with self._segment.participant("inspector", comm="vmalab") as me:
            text: str = me.maps(mm)
        return text

    def slabinfo(self) -> list[Row]:
        return [dataclasses.asdict(info) for info in self._segment.slabinfo()]

    def vmstat(self) -> dict[str, int]:
        counters: dict[str, int] = self._segment.vmstat()
        return counters

    def locks(self) -> list[Row]:
        rows = [dataclasses.asdict(info) for info in self._segment.locks()]
        for row in rows:
            row["vma_start"], row["vma_end"] = row.pop("start"), row.pop("end")
        return rows

    def layout(self) -> list[Row]:
        return build_layout()

    def repair(self) -> None:
        """Recover from every death that nobody has recovered from."""
        with self._segment.participant("inspector", comm="vmalab") as me:
            me.recover()

    def fsck(self) -> list[str]:
        with self._segment.participant("inspector", comm="vmalab") as me:
            problems: list[str] = me.fsck()
        return problems


def build_layout() -> list[Row]:
    """The layout of this build's structs; needs no instance."""
    from vmalab_native.core import layout

    return [dataclasses.asdict(info) for info in layout()]


class ServerSource(Source):
    """A server, asked over gRPC."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._inspect = client.inspect

    def summary(self) -> Row:
        info = self._inspect.server_info()
        return {
            "instance": info.instance,
            "state": "ready",
            "lock_model": info.lock_model,
            "layout": info.layout,
            "rcu_flavour": info.rcu_flavour,
            "supervisor_pid": info.supervisor_pid,
            "shared_address": self._client.target,
            "workers": [dataclasses.asdict(entry) for entry in self._inspect.workers()],
        }

    def address_spaces(self) -> list[Row]:
        return [dataclasses.asdict(info) for info in self._inspect.address_spaces()]

    def participants(self) -> list[Row]:
        return [dataclasses.asdict(info) for info in self._inspect.participants()]

    def maps(self, mm: int) -> str:
        text: str = self._inspect.maps(mm)
        return text

    def slabinfo(self) -> list[Row]:
        return [dataclasses.asdict(info) for info in self._inspect.slabinfo()]

    def vmstat(self) -> dict[str, int]:
        counters: dict[str, int] = self._inspect.vmstat()
        return counters

    def locks(self) -> list[Row]:
        return [dataclasses.asdict(info) for info in self._inspect.locks()]

    def layout(self) -> list[Row]:
        return [dataclasses.asdict(info) for info in self._inspect.layout()]

    def fsck(self) -> list[str]:
        problems: list[str] = self._inspect.fsck()
        return problems


def choose_instance(instance: str) -> str:
    """The instance meant: the one named, or the only one there is. Raises ConfigError."""
    from vmalab_native.core import Segment

    if instance:
        return instance
    names = Segment.list_instances()
    if not names:
        raise ConfigError("no instance is running: start one with `vmalab serve`")
    if len(names) > 1:
        raise ConfigError(f"several instances: choose one with --instance: {', '.join(names)}")
    return names[0]


@contextmanager
def opened(*, instance: str, target: str) -> Iterator[Source]:
    """The source that the options name. Raises ConfigError and what attaching raises."""
    if instance and target:
        raise ConfigError("--instance and --target exclude each other")
    if target:
        from vmalab_client.client import Client

        with Client(target, discover=False, timeout_s=10.0) as client:
            yield ServerSource(client)
        return
    from vmalab_native.core import Segment

    with Segment.attach(choose_instance(instance)) as segment:
        yield SegmentSource(segment)
