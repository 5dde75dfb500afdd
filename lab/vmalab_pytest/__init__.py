# SPDX-License-Identifier: Apache-2.0
"""Pytest fixtures for suites that need a vmalab instance.

They are there as soon as vmalab is installed (a pytest11 entry point)::

    def test_mine(vmalab_client):
        with vmalab_client.address_space() as mm:
            ...

`vmalab_server` is one instance for the whole run (an EmbeddedServer), `vmalab_client` a client of
it for one test. `vmalab_workers` may be overridden to have more or fewer workers,
`vmalab_lab` to run the lab core (client.lab). A run that uses
none of them starts nothing and imports nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from vmalab_client.client import Client
    from vmalab_server.embedded import EmbeddedServer


@pytest.fixture(scope="session")
def vmalab_workers() -> int:
    """How many workers the instance has."""
    return 2


@pytest.fixture(scope="session")
def vmalab_lab() -> bool | None:
    """Whether the instance runs the lab core; None: what VMALAB_LAB says."""
    return None


@pytest.fixture(scope="session")
def vmalab_server(vmalab_workers: int, vmalab_lab: bool | None) -> Iterator[EmbeddedServer]:
    """One instance for the whole run."""
    from vmalab_server.embedded import EmbeddedServer

    with EmbeddedServer(workers=vmalab_workers, lab=vmalab_lab) as server:
        yield server


@pytest.fixture
def vmalab_client(vmalab_server: EmbeddedServer) -> Iterator[Client]:
    """A client of the instance."""
    from vmalab_client.client import Client

    with Client(vmalab_server.target) as client:
        yield client
