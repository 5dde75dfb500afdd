# SPDX-License-Identifier: Apache-2.0
"""A load at several servers: for each a process of this machine does what an agent does.

The controller says to it what it says to an agent (agent.proto), over a pipe in the place of a
connection. They have one clock.
"""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final, TypeAlias

from vmalab.load.v1 import agent_pb2 as pb
from vmalab_drive import drivers, spawning
from vmalab_loadgen import agent_run, agent_wire
from vmalab_loadgen.agent_link import Access, Event, Events, Link
from vmalab_loadgen.agent_server import how, message

STOP_S: Final = 20.0
"""So long after a load its process may take to end."""
Pipe: TypeAlias = "Connection[agent_run.Word, agent_run.Said]"


@dataclass(slots=True)
class HereLink(Link):
    """The load at one server.

    Args:
        where: what the server wants to see.
    """

    where: drivers.Target = field(default_factory=drivers.Target, kw_only=True)
    _events: Events | None = None
    _pipe: Pipe | None = None
    _processes: list[BaseProcess] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        return self.ready

    def open(self, access: Access, events: Events) -> None:
        self._events = events
        self.heard_s = time.monotonic()

    def _tell(self, said: pb.RunResponse | str) -> None:
        if self._events is not None:
            self._events.put(Event(self.index, time.monotonic_ns(), said))

    def prepare(self, prepare: pb.Prepare) -> None:
        """Raises UsageError, as agent_wire.config_from()."""
        self.prepared, self.looks = True, prepare.looks
        config = agent_wire.config_from(
            prepare.options,
            agents=prepare.agents,
            agent=prepare.agent,
            looks=prepare.looks,
            here=True,
        )
        target = dataclasses.replace(self.where, address=prepare.target, instance="")
        order = agent_run.Order(os.getpid(), config, target, prepare.looks)
        context = spawning.context()
        ours, theirs = context.Pipe()
        process = context.Process(target=agent_run.work, args=(order, theirs))
        spawning.start(process, self._processes)
        theirs.close()
        self._pipe = ours
        self._tell(pb.RunResponse(accepted=agent_wire.accepted()))
        reader = threading.Thread(target=self._hear, args=(ours, process), daemon=True)
        reader.name = f"target {prepare.target}"
        reader.start()

    def _hear(self, pipe: Pipe, process: BaseProcess) -> None:
        """Until its last word."""
        while True:
            try:
                said = pipe.recv()
            except (EOFError, OSError):
                self._tell(f"is lost: the process of its load {how(process)}")
                return
            if isinstance(said, agent_run.Failed):
                self._tell(f"has no load: {said.why}")
                return
            self._tell(message(said))
            if isinstance(said, agent_run.Ended):
                return

    def probe(self) -> None:
        """Its clock is ours."""

    def say(self, request: pb.RunRequest) -> None:
        self.heard_s = time.monotonic()  # that it lives, the pipe says
        if self._pipe is None:
            return
        with suppress(OSError):  # it has ended meanwhile
            match request.WhichOneof("word"):
                case "start":
                    self._pipe.send(agent_run.Begin(request.start.begin_ns))
                case "settle":
                    self._pipe.send(agent_run.Settle(request.settle.clean))
                case "stop":
                    self.cancel()

    def cancel(self) -> None:
        """It ends its load now, and waits for nobody."""
        for process in self._processes:
            process.terminate()
        if self._pipe is not None:
            with suppress(OSError):
                self._pipe.send(agent_run.Settle(clean=False))

    def close(self) -> None:
        spawning.end(self._processes, patience_s=STOP_S)
