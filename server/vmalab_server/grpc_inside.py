# SPDX-License-Identifier: Apache-2.0
"""The inside of grpcio, as far as calls are answered there; the one module that reaches for it.

grpcio's public server hands each call to a thread of a pool. What answers a call in the thread that
gRPC serves with needs names that grpcio does not promise to keep. They are looked up here, of the
versions that they were read and tested in. Of any other version there is no inside, and a worker
serves as the public server does.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from contextvars import Context
from dataclasses import dataclass
from typing import Final, Protocol, cast

import grpc

VERSIONS: Final = ("1.85.",)
"""How the versions begin whose inside is known."""
_FLAGS: Final = 0
Metadata = tuple[tuple[str, str], ...]


class Operation(Protocol):
    """One that has ended."""

    def message(self) -> bytes | None: ...


class Event(Protocol):
    """The end of a batch of operations."""

    batch_operations: Sequence[Operation]


Finished = tuple[object | None, Sequence[Callable[[], None]]]
"""The state of a call that is over, and what is to be called then."""
Tag = Callable[[Event], Finished]


class CoreCall(Protocol):
    """A call, as gRPC's core has it."""

    def start_server_batch(self, operations: tuple[object, ...], tag: object, /) -> object: ...

    def cancel(self) -> object: ...


class CallDetails(Protocol):
    """What its headers say."""

    method: bytes
    deadline: float


class CallEvent(Protocol):
    """The arrival of a call, or the end of the server."""

    call: CoreCall
    call_details: CallDetails
    success: bool


class CallState(Protocol):
    """What grpcio's server knows of a call. Its fields are its condition's."""

    condition: AbstractContextManager[object]
    context: Context
    due: set[str]
    client: str
    trailing_metadata: Metadata | None


class AnyEvent(Protocol):
    """Whatever the completion queue gives out."""

    completion_type: object
    tag: object


class _CoreServer(Protocol):
    def start(self) -> object: ...

    def request_call(self, queue: _Queue, also: _Queue, tag: object, /) -> object: ...


class _Queue(Protocol):
    def poll(self, until_s: float, /) -> AnyEvent: ...


class _ServerState(Protocol):
    """What grpcio knows of a server. Its fields are its lock's."""

    lock: AbstractContextManager[object]
    server: _CoreServer
    completion_queue: _Queue
    stage: object
    due: set[object]
    rpc_states: set[object]
    generic_handlers: list[object]
    interceptor_pipeline: object
    thread_pool: object
    server_deallocated: bool


class _Stages(Protocol):
    STARTED: object


class _Server(Protocol):
    """The module grpc._server."""

    _RECEIVE_MESSAGE_TOKEN: str
    _RECEIVE_CLOSE_ON_SERVER_TOKEN: str
    _CANCELLED: str
    _ServerStage: _Stages
    _unary_response_in_pool: Callable[..., None]

    def _status(self, event: CallEvent, state: CallState, response: bytes, /) -> None: ...

    def _possibly_finish_call(self, state: CallState, token: str, /) -> Finished: ...

    def _receive_close_on_server(self, state: CallState, /) -> Tag: ...

    def _process_event_and_continue(self, state: _ServerState, event: AnyEvent, /) -> bool: ...

    def _stop_serving(self, state: _ServerState, /) -> bool: ...

    def _begin_shutdown_once(self, state: _ServerState, /) -> None: ...

    def _RPCState(self) -> CallState: ...  # noqa: N802

    def _GenericMethod(self, handlers: list[object], /) -> object: ...  # noqa: N802

    def _handle_call(
        self, event: CallEvent, method: object, pipeline: object, pool: object, too_many: bool, /
    ) -> tuple[object | None, object]: ...


class _Completion(Protocol):
    queue_timeout: object


class _Code(Protocol):
    ok: object


class _Core(Protocol):
    """The module grpc._cython.cygrpc."""

    CompletionType: _Completion
    StatusCode: _Code

    def ReceiveMessageOperation(self, flags: int, /) -> object: ...  # noqa: N802

    def ReceiveCloseOnServerOperation(self, flags: int, /) -> object: ...  # noqa: N802

    def SendInitialMetadataOperation(self, metadata: None, flags: int, /) -> object: ...  # noqa: N802

    def SendMessageOperation(self, message: bytes, flags: int, /) -> object: ...  # noqa: N802

    def SendStatusFromServerOperation(  # noqa: N802
        self, metadata: Metadata | None, code: object, details: bytes, flags: int, /
    ) -> object: ...


_SERVER_NAMES: Final = (
    *("_RECEIVE_MESSAGE_TOKEN", "_RECEIVE_CLOSE_ON_SERVER_TOKEN", "_CANCELLED", "_ServerStage"),
    *("_unary_response_in_pool", "_status", "_possibly_finish_call", "_receive_close_on_server"),
    *("_process_event_and_continue", "_stop_serving", "_begin_shutdown_once", "_RPCState"),
    *("_GenericMethod", "_handle_call"),
)


class _PoolCall:
    """A call that grpcio gives to a pool (bounded.Arrival)."""

    __slots__ = ("_args", "_core", "_event", "_fn", "_server", "_state", "bounded")

    def __init__(
        self, server: _Server, core: _Core, fn: Callable[..., object], args: tuple[object, ...]
    ) -> None:
        self._server, self._core, self._fn, self._args = server, core, fn, args
        self._event, self._state = cast(CallEvent, args[1]), cast(CallState, args[2])
        self.bounded: object = getattr(args[3], "bounded", None)

    def read(self, then: Callable[[bytes | None], None], /) -> None:
        server, state, token = self._server, self._state, self._server._RECEIVE_MESSAGE_TOKEN

        def received(done: Event) -> Finished:
            with state.condition:
                finished = server._possibly_finish_call(state, token)
            then(done.batch_operations[0].message())
            return finished

        with state.condition:
            operation = self._core.ReceiveMessageOperation(_FLAGS)
            self._event.call.start_server_batch((operation,), received)
            state.due.add(token)

    def over(self) -> bool:
        with self._state.condition:
            return self._state.client is self._server._CANCELLED

    def answer(self, response: bytes, trailing: Metadata | None, /) -> None:
        if trailing is not None:
            with self._state.condition:
                self._state.trailing_metadata = trailing
        self._server._status(self._event, self._state, response)

    def leave(self) -> None:
        """Grpcio has a state of it."""

    def run(self, messages: Callable[[], Iterator[bytes]], /) -> object:
        return self._fn(*self._args[:4], messages, *self._args[5:])

    def cancel(self) -> object:
        return self._event.call.cancel()


class Serving:
    """A grpc.Server for who serves its queue (grpc_queue.py)."""

    def __init__(self, server: _Server, core: _Core, state: _ServerState) -> None:
        self._server, self._core, self._state = server, core, state
        self._queue, self._timeout = state.completion_queue, core.CompletionType.queue_timeout
        self._started = server._ServerStage.STARTED
        self.lock = state.lock
        self.due, self.states = state.due, state.rpc_states
        """What is asked for and has not come; calls that are not over. Only who serves the queue
        takes things out. Who stops the server adds one, with the lock."""
        # Operations that nothing is written to are the same for all calls: what they refer to is
        # empty, and nobody looks at what the last one finds.
        self._metadata = core.SendInitialMetadataOperation(None, _FLAGS)
        self._ok = core.SendStatusFromServerOperation(None, core.StatusCode.ok, b"", _FLAGS)
        self._close = core.ReceiveCloseOnServerOperation(_FLAGS)

    def begin(self) -> None:
        self._state.server.start()
        self._state.stage = self._started

    @property
    def started(self) -> bool:
        """It has not begun to stop. Without the lock it may begin at any time."""
        return self._state.stage is self._started

    def is_over(self) -> bool:
        """It has stopped, and nothing is left. With the lock."""
        return self._server._stop_serving(self._state)

    def ask(self, tag: object) -> None:
        """For one more arrival, which is then due. With the lock, and only while it is started."""
        self._state.server.request_call(self._queue, self._queue, tag)

    def poll(self, until_s: float) -> AnyEvent | None:
        """What comes next; None: nothing in that time."""
        event = self._queue.poll(until_s)
        if self._state.server_deallocated:
            self._server._begin_shutdown_once(self._state)
        return None if event.completion_type == self._timeout else event

    def other(self, event: AnyEvent) -> bool:
        """What is no arrival that was asked for here. Whether the loop goes on."""
        return self._server._process_event_and_continue(self._state, event)

    def take_in(self, event: CallEvent) -> None:
        """A call, as grpcio does it. With the lock."""
        state = self._state
        method = self._server._GenericMethod(state.generic_handlers)
        found, _ = self._server._handle_call(
            event, method, state.interceptor_pipeline, state.thread_pool, False
        )
        if found is not None:
            self.states.add(found)

    def state_of(self, event: CallEvent) -> CallState:
        """What grpcio wants to know of a call from now on."""
        server = self._server
        state = server._RPCState()
        operation = self._core.ReceiveCloseOnServerOperation(_FLAGS)
        with state.condition:
            event.call.start_server_batch((operation,), server._receive_close_on_server(state))
            state.due.add(server._RECEIVE_CLOSE_ON_SERVER_TOKEN)
        with self.lock:
            self.states.add(state)
        return state

    def respond(
        self, event: CallEvent, state: CallState, method: object,
        messages: Callable[[], Iterator[bytes]],
    ) -> object:  # fmt: skip
        """Run a method, and send what it gives."""
        function = self._server._unary_response_in_pool
        return state.context.run(function, event, state, method, messages, None, None)

    def over(self, state: CallState) -> bool:
        with state.condition:
            return state.client is self._server._CANCELLED

    def reads(self) -> tuple[object, ...]:
        """The operations that read a message."""
        return (self._core.ReceiveMessageOperation(_FLAGS),)

    def ends(self, response: bytes, trailing: Metadata | None) -> tuple[object, ...]:
        """The operations that end a call with its response, trailing metadata, and OK."""
        core, status = self._core, self._ok
        if trailing is not None:
            status = core.SendStatusFromServerOperation(trailing, core.StatusCode.ok, b"", _FLAGS)
        message = core.SendMessageOperation(response, _FLAGS)
        return self._metadata, message, status, self._close


@dataclass(frozen=True, slots=True)
class Inside:
    """What is used of it."""

    _server: _Server
    _core: _Core

    def arrival(self, fn: Callable[..., object], args: tuple[object, ...]) -> _PoolCall | None:
        """The call, if it is of a method that has one response.

        Args:
            fn, args: what grpcio gives to a pool: of such a method a function, the event, the
                state, the method, what gives its argument, and two more.
        """
        if len(args) != 7 or args[0] is not self._server._unary_response_in_pool:
            return None
        return _PoolCall(self._server, self._core, fn, args)

    def serving(self, server: grpc.Server) -> Serving:
        """A server whose queue somebody else is to serve; it has not been started."""
        state = cast(_ServerState, vars(server)["_state"])
        return Serving(self._server, self._core, state)


def inside(version: str) -> Inside | None:
    """The inside of grpcio; None: it is of a version that is not known, or it lacks something."""
    if not version.startswith(VERSIONS):
        return None
    try:
        server = importlib.import_module("grpc._server")
        core = importlib.import_module("grpc._cython.cygrpc")
    except ImportError:
        return None
    if not all(hasattr(server, name) for name in _SERVER_NAMES):
        return None
    return Inside(cast(_Server, server), cast(_Core, core))


def installed() -> str:
    """The version of grpcio."""
    return str(grpc.__version__)
