# SPDX-License-Identifier: Apache-2.0
"""The limits of the service. Each has a name, a default, and a message for who meets it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rule:
    """What a limit may be set to, and what to say to who asked for more than it."""

    low: int
    high: int
    about: str
    """What it is a limit of, in a few words."""
    message: str


def _limit(default: int, *, low: int, high: int, about: str, message: str) -> int:
    return field(default=default, metadata={"rule": Rule(low, high, about, message)})


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one request, stream or worker may ask for.

    The limits of the segment (address spaces, participants, frames, files, VMAs) are in
    vmalab_native's SegmentConfig; GetServerInfo shows both.
    """

    message_bytes_max: int = _limit(
        8 << 20,
        low=4 << 10,
        high=1 << 30,
        about="bytes of a message",
        message="a message may have {max} bytes",
    )
    block_bytes_max: int = _limit(
        2 << 20,
        low=1 << 10,
        high=512 << 20,
        about="bytes of a block",
        message="a block may have {max} bytes, this one has {got}: send it in parts",
    )
    maps_bytes_max: int = _limit(
        4 << 20,
        low=1 << 10,
        high=256 << 20,
        about="bytes of the maps of a new address space",
        message="the maps of a new address space may have {max} bytes, these have {got}",
    )
    mincore_pages_max: int = _limit(
        1 << 20,
        low=64,
        high=1 << 28,
        about="pages of one Mincore",
        message="mincore may cover {max} pages, this range has {got}: ask in parts",
    )
    keepalive_mms_max: int = _limit(
        4096,
        low=1,
        high=1 << 20,
        about="address spaces of one KeepAlive",
        message="one request may name {max} address spaces, this one names {got}",
    )
    ttl_ms_max: int = _limit(
        3_600_000,
        low=1_000,
        high=0xFFFF_FFFF,
        about="milliseconds that one request keeps an address space",
        message="an address space may be kept for {max} ms at a time, {got} were asked for:"
        " open a Hold stream",
    )
    streams_per_worker_max: int = _limit(
        256,
        low=1,
        high=10_000,
        about="streams of a worker",
        message="a worker serves {max} streams at a time, of which some are kept for clients that"
        " have few: close some, or use another worker",
    )
    streams_per_client_max: int = _limit(
        128,
        low=1,
        high=10_000,
        about="streams of a client in a worker",
        message="a client may have {max} streams of a worker at a time: close some, or use another"
        " worker",
    )
    batch_bytes_per_client_max: int = _limit(
        64 << 20,
        low=1 << 10,
        high=1 << 40,
        about="bytes of a client's blocks in flight in a worker",
        message="the blocks of a client's Batch streams that a worker has read and not answered may"
        " have {max} bytes, with this one they have {got}: wait for answers, or send smaller"
        " blocks",
    )
    calls_per_worker_max: int = _limit(
        1024,
        low=8,
        high=100_000,
        about="unary calls that wait in a worker",
        message="{max} unary calls wait in this worker: call again later, or call another worker",
    )
    calls_per_client_max: int = _limit(
        256,
        low=2,
        high=100_000,
        about="unary calls of a client that wait in a worker",
        message="{max} unary calls of this client wait in this worker: wait for some, or send"
        " blocks",
    )
    requests_per_connection_max: int = _limit(
        1024,
        low=16,
        high=100_000,
        about="calls and streams of a connection",
        message="a connection has {max} calls and streams at a time, others wait in the client",
    )
    receive_ms_max: int = _limit(
        60_000,
        low=100,
        high=3_600_000,
        about="milliseconds from a unary call to its request",
        message="the request of a unary call comes within {max} ms of the call",
    )
    lab_held_max: int = _limit(
        8,
        low=1,
        high=64,
        about="calls that are paused at sync points",
        message="{max} calls may be paused at sync points, armed ones counted; {got} were asked "
        "for: release or disarm some",
    )
    lab_hold_ms_max: int = _limit(
        60_000,
        low=100,
        high=600_000,
        about="milliseconds that a call is paused",
        message="a call may be paused, or waited for, {max} ms; {got} were asked for",
    )
    lab_waits_per_worker_max: int = _limit(
        16,
        low=1,
        high=256,
        about="WaitPoint and RunScenario calls of a worker",
        message="a worker serves {max} WaitPoint and RunScenario calls at a time: end some, or use"
        " another worker",
    )
    lab_run_ms_max: int = _limit(
        120_000,
        low=1_000,
        high=3_600_000,
        about="milliseconds that a scenario runs",
        message="a scenario may run for {max} ms, {got} were asked for",
    )

    def __post_init__(self) -> None:
        for name, rule in RULES.items():
            value = getattr(self, name)
            if not rule.low <= value <= rule.high:
                raise ValueError(f"limit {name} = {value}: allowed are {rule.low} .. {rule.high}")
        if self.block_bytes_max + 64 > self.message_bytes_max:
            raise ValueError(
                f"block_bytes_max = {self.block_bytes_max} does not fit in a message of"
                f" message_bytes_max = {self.message_bytes_max} bytes"
            )

    def message(self, name: str, *, got: int) -> str:
        """What to say to who asked for `got` of `name`."""
        return RULES[name].message.format(max=getattr(self, name), got=got)

    def as_dict(self) -> dict[str, int]:
        return dataclasses.asdict(self)


RULES: dict[str, Rule] = {
    entry.name: entry.metadata["rule"] for entry in dataclasses.fields(Limits)
}
