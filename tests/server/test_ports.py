# SPDX-License-Identifier: Apache-2.0
"""Reserved addresses: nobody else gets them, the workers do."""

import os
import socket
from pathlib import Path

import pytest

from vmalab_server.ports import AddressInUse, PortReservation, UnixPathReservation


def listen_as_worker(address: tuple[str, int]) -> socket.socket:
    worker = socket.socket()
    worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    worker.bind(address)
    worker.listen()
    return worker


def test_a_reserved_port_is_for_the_workers_alone() -> None:
    first = PortReservation("127.0.0.1", 0)
    where = ("127.0.0.1", first.port)
    try:
        with pytest.raises(AddressInUse, match="another port"):
            PortReservation(*where)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(where)
        workers = [listen_as_worker(where), listen_as_worker(where)]
        with pytest.raises(AddressInUse):
            PortReservation(*where)
        socket.create_connection(where).close()
        for worker in workers:
            worker.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(where)
    finally:
        first.close()
    PortReservation(*where).close()


def test_a_port_of_another_program_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(AddressInUse, match=f"127.0.0.1:{port} is in use"):
            PortReservation("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(AddressInUse, match="cannot listen"):
        PortReservation("192.0.2.1", 0)
    with pytest.raises(AddressInUse, match="cannot listen"):
        PortReservation("no.such.host.invalid", 0)


def test_a_unix_path_has_one_owner(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "worker-0.sock"
    first = UnixPathReservation(path)
    with pytest.raises(AddressInUse, match="another server"):
        UnixPathReservation(path)
    first.close()
    assert os.listdir(path.parent) == []
    UnixPathReservation(path).close()
