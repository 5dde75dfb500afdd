# SPDX-License-Identifier: Apache-2.0
"""A controller's connection to one agent: what is said, what comes back, and whose clock it has."""

from __future__ import annotations

import itertools
import queue
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import grpc

from vmalab.load.v1 import agent_pb2 as pb
from vmalab_client import plain_token, transport
from vmalab_client.errors import VmalabError
from vmalab_drive.errors import UsageError
from vmalab_loadgen import agent_wire
from vmalab_loadgen.agent_part import AgentPart

PROBES: Final = 8
"""The quickest of so many questions for the clock counts."""
CONNECT_S: Final = 20.0
"""So long an agent may take to accept a connection, which only its kernel does."""
_NAMES: Final = {
    "root_certificates": "--agent-ca",
    "client_certificate": "--agent-cert",
    "client_key": "--agent-key",
}
"""What the client calls the options."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Where an agent is, and the server that its operations go to."""

    address: str
    target: str


def parse_agents(texts: Sequence[str], targets: Sequence[str]) -> tuple[Agent, ...]:
    """Read `HOST:PORT`, or `HOST:PORT=TARGET` for an agent with a target of its own.

    Args:
        targets: of those that name none, in turn.

    Raises:
        UsageError
    """
    found: list[Agent] = []
    free = sum("=" not in text for text in texts)
    if len(targets) > 1 and free < len(targets):
        raise UsageError(
            f"--target: {len(targets)} servers for {free} agents that name none; give an agent or "
            "more for each"
        )
    turn = itertools.cycle(targets or [""])
    for text in texts:
        address, _, own = text.partition("=")
        own = own or next(turn)
        for what in (address, own):
            try:
                transport.join_target(what)
            except VmalabError:
                if not what and address:
                    raise UsageError(
                        f"--agent {text} without --target: give the server that it calls, "
                        "host:port as the agent reaches it"
                    ) from None
                raise UsageError(
                    f"--agent {text}: {what!r} is not host:port, as 10.0.0.2:7421"
                ) from None
        if address in [one.address for one in found]:
            raise UsageError(f"--agent {address} is given twice")
        found.append(Agent(address, own))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Access:
    """What agents want to see of their controller.

    Attributes:
        ca, cert, key: PEM files; None: not given.
    """

    token: str = ""
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def credentials(self, address: str) -> grpc.ChannelCredentials | None:
        """Of a connection with TLS; None: a plain one.

        Raises:
            UsageError: the files are not what they should be, or the token would leave this
                machine without TLS.
        """
        if self.token and self.ca is None and not plain_token.is_local(address):
            raise UsageError(
                f"--agent-token-file: a token goes to {address} over TLS only: give --agent-ca too"
            )
        try:
            pair = transport.client_pair(self.cert or b"", self.key or b"")
            return transport.credentials(self.token, self.ca or b"", pair)
        except VmalabError as error:
            said = str(error)
            for name, option in _NAMES.items():
                said = said.replace(name, option)
            raise UsageError(said) from None


@dataclass(frozen=True, slots=True)
class Event:
    """Something of an agent: what it said, or why it says nothing any more.

    Attributes:
        at_ns: when it came, of CLOCK_MONOTONIC.
        said: a message, an error, why it says no more, or None: the call is over.
    """

    index: int
    at_ns: int
    said: pb.RunResponse | grpc.RpcError | str | None


Events = queue.SimpleQueue[Event]


@dataclass(slots=True)
class Link:
    """One agent under way."""

    index: int
    agent: Agent
    part: AgentPart
    looks: bool = False
    prepared: bool = False
    looked: bool = False
    ready: bool = False
    parted: bool = False
    lost: bool = False
    end: pb.End | None = None
    heard_s: float = 0.0
    rtt_ns: int = 0
    offset_ns: int = 0
    """The agent's clock less ours, with an error of half of rtt_ns."""
    _asked_ns: int = 0
    _answers: int = 0
    _channel: grpc.Channel | None = None
    _call: grpc.Call | None = None
    _out: queue.SimpleQueue[pb.RunRequest | None] = field(default_factory=queue.SimpleQueue)

    @property
    def over(self) -> bool:
        return self.lost or self.end is not None

    @property
    def waits(self) -> bool:
        """It can begin."""
        return self.ready and self._answers >= PROBES

    def open(self, access: Access, events: Events) -> None:
        """Connect. What comes back goes to `events`, as does a failure.

        Raises:
            UsageError: as Access.credentials()
        """
        address = self.agent.address
        credentials = access.credentials(address)
        options = [
            ("grpc.max_receive_message_length", agent_wire.ANSWER_BYTES_MAX),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_http_proxy", 0),
        ]
        if credentials is None:
            plain = grpc.insecure_channel(address, options=options)
            self._channel = plain_token.channel(plain, access.token)
        else:
            self._channel = grpc.secure_channel(address, credentials, options=options)
        service = pb.DESCRIPTOR.services_by_name["AgentService"].full_name
        run = self._channel.stream_stream(
            f"/{service}/Run",
            request_serializer=pb.RunRequest.SerializeToString,
            response_deserializer=pb.RunResponse.FromString,
        )
        self.heard_s = time.monotonic()
        call = run(self._requests())
        self._call = cast(grpc.Call, call)
        reader = threading.Thread(target=self._read, args=(call, events), name=f"agent {address}")
        reader.daemon = True
        reader.start()

    def _requests(self) -> Iterator[pb.RunRequest]:
        while (request := self._out.get()) is not None:
            yield request

    def _read(self, call: Iterator[pb.RunResponse], events: Events) -> None:
        try:
            for said in call:
                events.put(Event(self.index, time.monotonic_ns(), said))
        except grpc.RpcError as error:
            events.put(Event(self.index, time.monotonic_ns(), error))
        else:
            events.put(Event(self.index, time.monotonic_ns(), None))

    def say(self, request: pb.RunRequest) -> None:
        self._out.put(request)

    def prepare(self, prepare: pb.Prepare) -> None:
        self.prepared = True
        self.looks = prepare.looks
        self.say(pb.RunRequest(prepare=prepare))

    def probe(self) -> None:
        """Ask for the clock, if that has not been done often enough."""
        if self._answers < PROBES:
            self._asked_ns = time.monotonic_ns()
            self.say(pb.RunRequest(probe=pb.Probe(number=self._answers)))

    def probed(self, at_ns: int, answer: pb.Probed) -> None:
        """The answer: the agent read its clock between the question and now."""
        took = at_ns - self._asked_ns
        if answer.number != self._answers:
            return
        if not self._answers or took < self.rtt_ns:
            self.rtt_ns = took
            self.offset_ns = answer.monotonic_ns - (self._asked_ns + at_ns) // 2
        self._answers += 1
        self.probe()

    def cancel(self) -> None:
        """Nothing more is wanted of it."""
        if self._call is not None:
            self._call.cancel()

    def close(self) -> None:
        """The last word was said."""
        self._out.put(None)
        if self._channel is not None:
            self._channel.close()


def why(link: Link, error: grpc.RpcError, access: Access) -> str:
    """Why an agent is lost, in the words of who calls it."""
    failed = cast(grpc.Call, error)
    code, said = failed.code(), failed.details() or ""
    match code:
        case grpc.StatusCode.UNAUTHENTICATED:
            token = "does not know the token of --agent-token-file"
            return token if access.token else "wants a token: give --agent-token-file"
        case grpc.StatusCode.FAILED_PRECONDITION:
            return f"refused: {said}; install the same version on both"
        case grpc.StatusCode.RESOURCE_EXHAUSTED | grpc.StatusCode.INVALID_ARGUMENT:
            return f"refused: {said}"
        case grpc.StatusCode.ABORTED:
            return f"could not do its part: {said}"
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"gave up: {said}"
        case grpc.StatusCode.UNIMPLEMENTED:
            return "is no agent: start one there with `vmalab load agent`"
        case grpc.StatusCode.UNAVAILABLE if not link.part.machine:
            return _unreached(link.agent.address, access)
        case grpc.StatusCode.UNAVAILABLE:
            return "died: the connection broke"
    return f"was lost: {getattr(code, 'name', code)}, {said}"


def _unreached(address: str, access: Access) -> str:
    """Why there was no connection: grpc says the same of a closed port and of a certificate."""
    host, _, port = address.rpartition(":")
    try:
        if port.isdigit():  # else it is a name that grpc alone knows
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except OSError as error:
        reason = "no answer" if isinstance(error, TimeoutError) else error.strerror or error
        return f"does not answer: start one there with `vmalab load agent` ({reason})"
    if access.ca is None:
        return "does not talk in plain: it has TLS, so give --agent-ca, or it is no agent"
    pair = (
        f"does not trust --agent-cert {access.cert}"
        if access.cert
        else "wants --agent-cert and --agent-key"
    )
    return (
        f"has no certificate for {host} that --agent-ca {access.ca} has signed, has no TLS, or "
        f"{pair}"
    )
