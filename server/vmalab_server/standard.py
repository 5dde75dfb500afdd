# SPDX-License-Identifier: Apache-2.0
"""The services that others' tools know: health and reflection, admitted as all others are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from vmalab_server import failures
from vmalab_server.admission import CallPool
from vmalab_server.grpc_methods import Codec, Context, Methods

HEALTH_NAME: Final = str(health.SERVICE_NAME)
REFLECTION_NAMES: Final = ("grpc.reflection.v1.ServerReflection", str(reflection.SERVICE_NAME))

_SERVING = health_pb2.HealthCheckResponse.SERVING
_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Health:
    """grpc.health.v1.Health: which services serve."""

    def __init__(self, names: list[str]) -> None:
        self._names = {"", *names}
        self._changed = threading.Condition()
        self._leaving = False

    def leave(self) -> None:
        """Report to the watchers that this worker stops."""
        with self._changed:
            self._leaving = True
            self._changed.notify_all()

    def _status(self) -> health_pb2.HealthCheckResponse:
        return health_pb2.HealthCheckResponse(status=_NOT_SERVING if self._leaving else _SERVING)

    def _check(self, request: health_pb2.HealthCheckRequest) -> health_pb2.HealthCheckResponse:
        if request.service not in self._names:
            raise failures.NotFound(
                "NO_SUCH_SERVICE", f"there is no service {request.service!r}", name=request.service
            )
        return self._status()

    def _watch(
        self, requests: Iterator[health_pb2.HealthCheckRequest], context: Context
    ) -> Iterator[health_pb2.HealthCheckResponse]:
        request = next(requests, None)
        closed = threading.Event()

        def close() -> None:
            with self._changed:
                closed.set()
                self._changed.notify_all()

        if request is None or not context.add_callback(close):
            return
        if request.service in self._names:
            yield self._status()
        else:
            yield health_pb2.HealthCheckResponse(status=_UNKNOWN)
        with self._changed:
            self._changed.wait_for(lambda: self._leaving or closed.is_set())
        if request.service in self._names:
            yield self._status()
        closed.wait()

    def handler(
        self, methods: Methods, *, calls: CallPool, streams: ThreadPoolExecutor
    ) -> grpc.GenericRpcHandler:
        read = health_pb2.HealthCheckRequest.FromString
        write = health_pb2.HealthCheckResponse.SerializeToString
        check = methods.unary(self._check, Codec(f"/{HEALTH_NAME}/Check", read, write), calls)
        watch = methods.with_context(
            self._watch, Codec(f"/{HEALTH_NAME}/Watch", read, write), streams
        )
        return grpc.method_handlers_generic_handler(HEALTH_NAME, {"Check": check, "Watch": watch})


def reflection_handlers(
    names: list[str], methods: Methods, streams: ThreadPoolExecutor
) -> list[grpc.GenericRpcHandler]:
    """Server reflection under its two names.

    The messages of v1 and v1alpha are the same on the wire; grpcio's package knows v1alpha alone.
    """
    answer = reflection.ReflectionServicer(names).ServerReflectionInfo
    handlers = []
    for name in REFLECTION_NAMES:
        codec = Codec(
            f"/{name}/ServerReflectionInfo",
            reflection_pb2.ServerReflectionRequest.FromString,
            reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
        method = methods.with_context(answer, codec, streams)
        handlers.append(
            grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": method})
        )
    return handlers
