# SPDX-License-Identifier: Apache-2.0
"""The handshake: once for each client, whether it and the server are made for each other."""

from __future__ import annotations

import re
import warnings
from importlib import metadata
from typing import TYPE_CHECKING, Final

import grpc

from vmalab.v1 import inspect_pb2

if TYPE_CHECKING:
    from vmalab.v1.inspect_pb2_grpc import InspectServiceAsyncStub, InspectServiceStub

_REQUEST: Final = inspect_pb2.GetServerInfoRequest()

OLDEST_SERVER: Final = "0.1.0"
"""Older servers do not do all that this client asks for."""
PATIENCE_S: Final = 10.0
"""A server that does not say who it is in so long is used without a check."""


class VersionWarning(UserWarning):
    """The client or the server is too old for the other one."""


def client_version() -> str:
    """The installed version of this package; "" when it runs from a tree."""
    for name in ("vmalab-client", "vmalab"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return ""


def numbers(version: str) -> tuple[int, ...]:
    """(1, 12, 0) of "1.12.0rc1"; empty where there is no number."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def complaint(info: inspect_pb2.GetServerInfoResponse, mine: str) -> str:
    """What is wrong between a client of version `mine` and that server; "": nothing."""
    if mine and numbers(mine) < numbers(info.oldest_client):
        return (
            f"this client is {mine}, and the server {info.version} serves clients from"
            f" {info.oldest_client} on: install a newer vmalab-client"
        )
    known = info.version not in ("", "0")  # "0": the server runs from a tree
    if known and numbers(info.version) < numbers(OLDEST_SERVER):
        return (
            f"the server is {info.version}, and this client asks for what servers do from"
            f" {OLDEST_SERVER} on: run a newer server"
        )
    return ""


def shake(stub: InspectServiceStub, timeout_s: float) -> None:
    """Ask who the server is, and warn (VersionWarning) if one of the two is too old.

    A server that gives no answer is used as it is: the next call has the error.
    """
    try:
        info = stub.GetServerInfo(_REQUEST, timeout=min(timeout_s or PATIENCE_S, PATIENCE_S))
    except grpc.RpcError:
        return
    _warn(info)


async def shake_async(stub: InspectServiceAsyncStub, timeout_s: float) -> None:
    """As shake()."""
    try:
        timeout = min(timeout_s or PATIENCE_S, PATIENCE_S)
        info = await stub.GetServerInfo(_REQUEST, timeout=timeout)
    except grpc.RpcError:
        return
    _warn(info)


def _warn(info: inspect_pb2.GetServerInfoResponse) -> None:
    if text := complaint(info, client_version()):
        warnings.warn(text, VersionWarning, stacklevel=4)
