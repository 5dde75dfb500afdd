# SPDX-License-Identifier: Apache-2.0
"""The handshake: a client asks once who the server is, and warns if one of the two is too old.

Goal: a version that does not fit is a warning that says what to install, once for each client; one
that fits is silence; a server that says nothing is used as it is. Method: the answer of
GetServerInfo is judged by itself; then real clients meet a real server, whose answers they judge
with an older version of their own. A failure shows the warnings.
"""

import asyncio
import warnings

import pytest

from vmalab.v1.inspect_pb2 import GetServerInfoResponse
from vmalab_client import AsyncClient, Client, VersionWarning, handshake
from vmalab_server.embedded import EmbeddedServer


def answer(version: str = "1.2.0", oldest_client: str = "0.9") -> GetServerInfoResponse:
    return GetServerInfoResponse(version=version, oldest_client=oldest_client)


@pytest.mark.parametrize(
    ("info", "mine", "said"),
    [
        (answer(), "0.9.0", ""),
        (answer(), "0.10", ""),
        (answer(), "0.8.9", "install a newer vmalab-client"),
        (answer(oldest_client="0.10"), "0.9.0", "from 0.10 on"),
        (answer(version="0.0.9"), "1.0", "run a newer server"),
        (answer(oldest_client=""), "0.1.0", ""),
        (answer(version="0"), "", ""),
        (GetServerInfoResponse(), "0.1.0", ""),
    ],
)
def test_what_does_not_fit(info: GetServerInfoResponse, mine: str, said: str) -> None:
    complaint = handshake.complaint(info, mine)
    assert said in complaint
    assert bool(said) == bool(complaint)


def test_the_server_says_who_it_is(vmalab_client: Client) -> None:
    info = vmalab_client.inspect.server_info()
    assert handshake.numbers(info.oldest_client) >= (0, 1)
    assert ("lab" in info.capabilities) == info.lab
    assert "tls" not in info.capabilities


def warned(found: list[warnings.WarningMessage]) -> list[str]:
    return [str(one.message) for one in found if one.category is VersionWarning]


@pytest.mark.parametrize("direct", [False, True], ids=["one address", "each worker"])
def test_an_old_client_warns_once(
    vmalab_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, direct: bool
) -> None:
    """With one address at the connection, with several at the first call."""
    target: str | list[str] = vmalab_server.worker_targets if direct else vmalab_server.target
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        with Client(target) as client:
            client.inspect.vmstat()
        assert warned(found) == []
    monkeypatch.setattr(handshake, "client_version", lambda: "0.0.1")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        with Client(target) as client:
            client.inspect.vmstat()
            client.inspect.vmstat()
    assert len(warned(found)) == 1
    assert "this client is 0.0.1" in warned(found)[0]


def test_an_old_asyncio_client_warns_once(
    vmalab_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshake, "client_version", lambda: "0.0.1")

    async def calls() -> None:
        async with AsyncClient(vmalab_server.target) as client:
            await client.inspect.vmstat()
            await client.inspect.vmstat()

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        asyncio.run(calls())
    assert len(warned(found)) == 1
