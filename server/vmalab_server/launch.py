# SPDX-License-Identifier: Apache-2.0
"""What a worker receives when it is started. A standard-library dataclass, cheap to import."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vmalab_server.limits import Limits
from vmalab_server.threads import Threads

if TYPE_CHECKING:
    from vmalab_server.logs import Format, Level


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerLaunch:
    """One worker's orders, sent as JSON on its standard input (a token does not belong in argv)."""

    instance: str
    index: int
    supervisor_pid: int
    addresses: tuple[str, ...]
    unix_path: str
    cpu: int
    threads: Threads
    bench: bool
    front: str
    capabilities: tuple[str, ...]
    lab: bool
    stop_grace_s: float
    hold_grace_s: float
    ttl_default_s: float
    tls_cert: str
    tls_key: str
    tls_client_ca: str
    tokens: str
    share_all: bool
    roster_path: str
    call_times: str
    slow_call_s: float
    ready_fd: int
    log_level: Level
    log_format: Format
    version: str
    limits: Limits

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> WorkerLaunch:
        data = json.loads(text)
        data["limits"] = Limits(**data["limits"])
        data["threads"] = Threads(**data["threads"])
        data["addresses"] = tuple(data["addresses"])
        data["capabilities"] = tuple(data["capabilities"])
        return cls(**data)
