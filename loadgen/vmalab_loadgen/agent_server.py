# SPDX-License-Identifier: Apache-2.0
"""An agent: serves AgentService, and does one part of a load at a time.

A thread of grpc talks with the controller, the main thread with the process of the load
(agent_run.py). Between them is a Session.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final, TypeAlias

import grpc

from vmalab.load.v1 import agent_pb2 as pb
from vmalab_drive import spawning
from vmalab_drive.contract import Target
from vmalab_drive.errors import CommandError, UsageError
from vmalab_loadgen import agent_run, agent_wire
from vmalab_loadgen.agent_wire import BEAT_S, REQUEST_BYTES_MAX
from vmalab_loadgen.config import LoadConfig
from vmalab_loadgen.parts import Part
from vmalab_native import signals
from vmalab_server.caller import Tokens
from vmalab_server.config import join_address, split_address

RUNS_MAX: Final = 1
"""At a time: a second one would be a part of what the first one measures."""
STREAMS_MAX: Final = 8
"""Calls at a time, also those that are about to be refused."""
IDLE_S: Final = 30.0
"""So long a controller may be silent."""
STOP_S: Final = 20.0
"""So long a load that is ended may take."""
STOP_GRACE_S: Final = 5.0
"""So long a controller may take to hear the end of a run, when the agent ends."""
TICK_S: Final = 0.02


class AgentError(CommandError):
    """The agent cannot serve."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where an agent listens, and what it wants to see.

    Attributes:
        address: host:port; port 0: any free one.
        cert, key, client_ca: PEM; empty: no TLS.
        tokens: of the controllers that may call; none: all may.
        idle_s: so long a controller may be silent.
        target_pair: PEM of the certificate that is shown to servers with TLS, and its key; None:
            none is.
    """

    address: str
    cert: str = ""
    key: str = ""
    client_ca: str = ""
    tokens: Tokens = field(default_factory=lambda: Tokens(""))
    idle_s: float = IDLE_S
    target_pair: tuple[bytes, bytes] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a run does not go on."""

    code: grpc.StatusCode
    why: str


@dataclass(slots=True)
class Session:
    """A run, between the controller and the process that does it."""

    peer: str
    out: queue.SimpleQueue[pb.RunResponse | Refusal | None] = field(
        default_factory=queue.SimpleQueue
    )
    words: queue.SimpleQueue[pb.RunRequest] = field(default_factory=queue.SimpleQueue)
    gone: threading.Event = field(default_factory=threading.Event)
    heard_s: float = field(default_factory=time.monotonic)
    order: agent_run.Order | None = None
    cancel: Callable[[], object] | None = None
    silent: bool = False
    """Its controller was silent for too long."""

    def take(self, request: pb.RunRequest) -> None:
        """What the controller says."""
        self.heard_s = time.monotonic()
        if request.HasField("probe"):
            now = time.monotonic_ns()
            self.out.put(
                pb.RunResponse(probed=pb.Probed(number=request.probe.number, monotonic_ns=now))
            )
        elif not request.HasField("beat"):
            self.words.put(request)

    def read(self, requests: Iterator[pb.RunRequest]) -> None:
        """Everything that the controller says, until it is gone."""
        with suppress(Exception):  # grpcio raises when the call is over
            for request in requests:
                self.take(request)
        self.gone.set()

    def word(self) -> pb.RunRequest | None:
        """The next word for the load, if there is one."""
        try:
            return self.words.get_nowait()
        except queue.Empty:
            return None

    def first(self, patience_s: float) -> pb.RunRequest | None:
        try:
            return self.words.get(timeout=patience_s)
        except queue.Empty:
            return None


class Agent:
    """Serves until a signal ends it.

    Args:
        say: gets a line for each run.

    Raises:
        AgentError: it cannot listen there.
    """

    def __init__(self, listen: Listen, say: Callable[[str], None]) -> None:
        self._listen = listen
        self._say = say
        self._lock = threading.Lock()
        self._busy: Session | None = None
        self._busy_since = 0.0
        self._orders: queue.SimpleQueue[Session] = queue.SimpleQueue()
        self._server = grpc.server(
            ThreadPoolExecutor(STREAMS_MAX, thread_name_prefix="run"),
            maximum_concurrent_rpcs=STREAMS_MAX,
            options=[
                ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
                ("grpc.max_send_message_length", agent_wire.ANSWER_BYTES_MAX),
                ("grpc.so_reuseport", 0),  # two agents at one address would be one in turn
            ],
        )
        service = pb.DESCRIPTOR.services_by_name["AgentService"].full_name
        handler = grpc.stream_stream_rpc_method_handler(
            self._run,
            request_deserializer=pb.RunRequest.FromString,
            response_serializer=pb.RunResponse.SerializeToString,
        )
        handlers = grpc.method_handlers_generic_handler(service, {"Run": handler})
        self._server.add_generic_rpc_handlers((handlers,))
        self.address = self._bind()

    def _bind(self) -> str:
        one = self._listen
        host, _ = split_address(one.address)
        try:
            if one.cert:
                pair = [(one.key.encode(), one.cert.encode())]
                authority = one.client_ca.encode() or None
                credentials = grpc.ssl_server_credentials(pair, authority, bool(authority))
                port = self._server.add_secure_port(one.address, credentials)
            else:
                port = self._server.add_insecure_port(one.address)
        except RuntimeError as error:
            raise AgentError(f"--listen {one.address}: cannot listen there: {error}") from None
        return join_address(host, port)

    def start(self) -> None:
        self._server.start()
        spawning.context()  # its tracker is there before the first run, and stays

    def serve(self) -> None:
        """Do one run after the other, in the main thread. Ends by SystemExit."""
        while True:
            session = self._orders.get()
            try:
                said = _Runner(session, self._listen.idle_s, self._say).run()
            finally:
                session.out.put(None)
                with self._lock:
                    self._busy = None
                if session.silent and session.cancel is not None:
                    session.cancel()  # else a thread would wait for it to read on
            self._say(f"run of {session.peer}: {said}")  # the next one can come

    def stop(self) -> None:
        """End the calls."""
        self._server.stop(STOP_GRACE_S).wait()

    # --- a thread for each call ---

    def _run(
        self, requests: Iterator[pb.RunRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.RunResponse]:
        self._check_token(context)
        session = Session(context.peer(), cancel=context.cancel)
        reader = threading.Thread(target=session.read, args=(requests,), name="controller")
        reader.daemon = True
        reader.start()
        context.add_callback(session.gone.set)
        self._begin(session, context)
        yield pb.RunResponse(accepted=agent_wire.accepted())
        while context.is_active():
            try:
                said = session.out.get(timeout=BEAT_S)
            except queue.Empty:
                yield pb.RunResponse(beat=pb.Beat())
                continue
            if said is None:
                return
            if isinstance(said, Refusal):
                context.abort(said.code, said.why)
            yield said

    def _check_token(self, context: grpc.ServicerContext) -> None:
        tokens = self._listen.tokens
        if not tokens:
            return
        for key, value in context.invocation_metadata():
            raw = value if isinstance(value, bytes) else value.encode()
            if key == "authorization" and tokens.name_of(raw) is not None:
                return
        context.abort(
            grpc.StatusCode.UNAUTHENTICATED,
            "a call needs the metadata 'authorization: Bearer TOKEN'",
        )

    def _begin(self, session: Session, context: grpc.ServicerContext) -> None:
        """Take what Prepare says as the run that is done now, or end the call."""
        first = session.first(self._listen.idle_s)
        if first is None or not first.HasField("prepare"):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the first word is Prepare")
        assert first is not None
        prepare, here = first.prepare, agent_wire.version()
        if prepare.version != here:
            context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"the agent is vmalab {here}, the controller vmalab {prepare.version}",
            )
        try:
            config = _config(prepare)
        except UsageError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        target = Target(
            address=prepare.target,
            token=prepare.target_token,
            certificates=prepare.target_certificates,
            pair=self._listen.target_pair if prepare.target_certificates else None,
        )
        session.order = agent_run.Order(os.getpid(), config, target, prepare.looks)
        with self._lock:
            other, since = self._busy, self._busy_since
            if other is None:
                self._busy, self._busy_since = session, time.monotonic()
        if other is not None:
            context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"it does a run of {other.peer} since {time.monotonic() - since:.0f} s, and at "
                f"most {RUNS_MAX} at a time",
            )
        self._orders.put(session)


def _config(prepare: pb.Prepare) -> LoadConfig:
    """Raises UsageError."""
    if not prepare.target:
        raise UsageError("--target: the agent needs one")
    return agent_wire.config_from(
        prepare.options, agents=prepare.agents, agent=prepare.agent, looks=prepare.looks
    )


Pipe: TypeAlias = "Connection[agent_run.Word, agent_run.Said]"


class _Runner:
    """The main thread's side of a run."""

    def __init__(self, session: Session, idle_s: float, say: Callable[[str], None]) -> None:
        assert session.order is not None
        self._session = session
        self._order = session.order
        self._idle_s = idle_s
        self._say = say
        self._deadline = float("inf")

    def run(self) -> str:
        """The whole run; its process is gone after it. How it ended."""
        config, session = self._order.config, self._session
        part = f"part {config.agent + 1} of {config.agents}"
        self._say(f"run of {session.peer}: {part}, {config.mode}, to {self._order.target.address}")
        context = spawning.context()
        ours, theirs = context.Pipe()
        process = context.Process(target=agent_run.work, args=(self._order, theirs))
        processes: list[BaseProcess] = []
        spawning.start(process, processes)
        theirs.close()
        try:
            return self._converse(ours, process)
        except SystemExit:  # the agent has to end: the load does so too, with its report
            self._end(process, ours)
            self._converse(ours, process)
            raise
        finally:
            with signals.held():
                ours.close()
                late = time.monotonic() > self._deadline
                spawning.end(processes, patience_s=0.0 if late else STOP_S)

    def _converse(self, pipe: Pipe, process: BaseProcess) -> str:
        """Until the load is over. How it ended."""
        session = self._session
        while True:
            while (word := session.word()) is not None:
                self._hand_on(word, pipe, process)
            if pipe.poll(TICK_S):
                try:
                    said = pipe.recv()
                except (EOFError, OSError):
                    return self._refuse(f"the process of the load {how(process)}")
                if isinstance(said, agent_run.Failed):
                    return self._refuse(said.why)
                session.out.put(message(said))
                if isinstance(said, agent_run.Ended):
                    return "done" if not session.gone.is_set() else "ended, its controller is gone"
            self._look(pipe, process)
            if time.monotonic() > self._deadline:
                return self._refuse("the load did not end in time; it was killed")

    def _look(self, pipe: Pipe, process: BaseProcess) -> None:
        """Whether the controller is there."""
        session = self._session
        if self._deadline < float("inf"):
            return
        if session.gone.is_set():
            self._end(process, pipe)
        elif time.monotonic() - session.heard_s > self._idle_s:
            session.silent = True
            why = f"the controller said nothing for {self._idle_s:g} s"
            self._say(f"run of {session.peer}: {why}")
            session.out.put(Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, why))
            self._end(process, pipe)

    def _end(self, process: BaseProcess, pipe: Pipe) -> None:
        """The load ends now, and waits for nobody."""
        self._deadline = time.monotonic() + STOP_S
        process.terminate()
        with suppress(OSError):
            pipe.send(agent_run.Settle(clean=False))

    def _refuse(self, why: str) -> str:
        self._session.out.put(Refusal(grpc.StatusCode.ABORTED, why[: agent_wire.LATE_TEXT]))
        return why

    def _hand_on(self, word: pb.RunRequest, pipe: Pipe, process: BaseProcess) -> None:
        """What the controller says to the load."""
        with suppress(OSError):  # it has ended meanwhile
            if word.HasField("start"):
                pipe.send(agent_run.Begin(word.start.begin_ns))
            elif word.HasField("settle"):
                pipe.send(agent_run.Settle(word.settle.clean))
            elif word.HasField("stop"):
                process.terminate()


def how(process: BaseProcess) -> str:
    """How the process of a load ended."""
    process.join(STOP_S)
    code = process.exitcode
    if code is not None and code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def message(said: agent_run.Said) -> pb.RunResponse:
    """What the load says, for the controller."""
    if isinstance(said, Part):
        return pb.RunResponse(part=agent_wire.message_of(said))
    if isinstance(said, agent_run.Looked):
        return pb.RunResponse(looked=pb.Looked())
    if isinstance(said, agent_run.Ready):
        return pb.RunResponse(ready=pb.Ready())
    if isinstance(said, agent_run.Parted):
        return pb.RunResponse(parted=pb.Parted())
    assert isinstance(said, agent_run.Ended)
    return pb.RunResponse(end=pb.End.FromString(said.end))
