# SPDX-License-Identifier: Apache-2.0
"""Client of vmalab: emulated address spaces over gRPC.

::

    from vmalab_client import Client

    with Client("127.0.0.1:7420") as client, client.address_space() as mm:
        addr = mm.mmap(1 << 20)
        mm.write(addr, 42)
        assert mm.read(addr) == 42

The names are loaded when they are first used, so that `vmalab_client.block` can be had without
grpc.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vmalab_client.aio import AsyncAddressSpace, AsyncBatch, AsyncClient
    from vmalab_client.batch import Batch
    from vmalab_client.block import (
        Access,
        BlockBuilder,
        FaultInfo,
        Op,
        Result,
        Status,
        parse_block,
        parse_results,
    )
    from vmalab_client.client import AddressSpace, Client
    from vmalab_client.errors import (
        BadCertificate,
        BadTarget,
        BadToken,
        BlockError,
        ClientClosed,
        DeadlineExceeded,
        FaultSignal,
        InvalidRequest,
        LimitReached,
        MemoryCallError,
        NoSuchAddressSpace,
        NotOwner,
        ServiceError,
        ServiceUnavailable,
        Unauthenticated,
        UserFault,
        VmalabError,
    )
    from vmalab_client.flags import (
        INFINITY,
        PAGE_BYTES,
        Falloc,
        FileMode,
        Madv,
        Map,
        Mcl,
        Mlock,
        Mremap,
        Ms,
        Prot,
        Query,
        Rlimit,
        UffdFeature,
        UffdFillMode,
        UffdMoveMode,
        UffdPagefault,
        UffdRegisterMode,
        UffdWriteprotectMode,
    )
    from vmalab_client.handshake import VersionWarning
    from vmalab_client.types import Fault, ProcessSetup, VmaInfo

_HOMES = {
    "aio": ("AsyncAddressSpace", "AsyncBatch", "AsyncClient"),
    "block": (
        "Access",
        "BlockBuilder",
        "FaultInfo",
        "Op",
        "Result",
        "Status",
        "parse_block",
        "parse_results",
    ),
    "batch": ("Batch",),
    "client": ("AddressSpace", "Client"),
    "errors": (
        "BadCertificate",
        "BadTarget",
        "BadToken",
        "BlockError",
        "ClientClosed",
        "DeadlineExceeded",
        "FaultSignal",
        "UserFault",
        "InvalidRequest",
        "LimitReached",
        "MemoryCallError",
        "NoSuchAddressSpace",
        "NotOwner",
        "ServiceError",
        "ServiceUnavailable",
        "Unauthenticated",
        "VmalabError",
    ),
    "flags": (
        "INFINITY",
        "PAGE_BYTES",
        "Falloc",
        "FileMode",
        "Madv",
        "Map",
        "Mcl",
        "Mlock",
        "Mremap",
        "Ms",
        "Prot",
        "Query",
        "Rlimit",
        "UffdFeature",
        "UffdFillMode",
        "UffdMoveMode",
        "UffdPagefault",
        "UffdRegisterMode",
        "UffdWriteprotectMode",
    ),
    "handshake": ("VersionWarning",),
    "types": ("Fault", "ProcessSetup", "VmaInfo"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 - in the order of the modules
    "AsyncAddressSpace",
    "AsyncBatch",
    "AsyncClient",
    "Access",
    "BlockBuilder",
    "FaultInfo",
    "Op",
    "Result",
    "Status",
    "parse_block",
    "parse_results",
    "AddressSpace",
    "Batch",
    "Client",
    "ClientClosed",
    "BadCertificate",
    "BadTarget",
    "BadToken",
    "BlockError",
    "DeadlineExceeded",
    "FaultSignal",
    "UserFault",
    "InvalidRequest",
    "LimitReached",
    "MemoryCallError",
    "NoSuchAddressSpace",
    "NotOwner",
    "ServiceError",
    "ServiceUnavailable",
    "Unauthenticated",
    "VmalabError",
    "INFINITY",
    "PAGE_BYTES",
    "Falloc",
    "FileMode",
    "Madv",
    "Map",
    "Mcl",
    "Mlock",
    "Mremap",
    "Ms",
    "Prot",
    "Query",
    "Rlimit",
    "UffdFeature",
    "UffdFillMode",
    "UffdMoveMode",
    "UffdPagefault",
    "UffdRegisterMode",
    "UffdWriteprotectMode",
    "VersionWarning",
    "Fault",
    "ProcessSetup",
    "VmaInfo",
]


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
