# SPDX-License-Identifier: Apache-2.0
"""Reserved addresses: nobody else gets them, the workers do."""

import os
import socket
from pathlib import Path

import pytest

from vmalab_server.ports import AddressInUse, PortReservation, PortWatch, UnixPathReservation


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


def test_a_second_listener_on_the_shared_port_is_noticed() -> None:
    """Two looks see it. Our own processes and other addresses do not count."""
    first = PortReservation("127.0.0.1", 0)
    try:
        watch = PortWatch(first.host, first.port)
        own = listen_as_worker(("127.0.0.1", first.port))
        for _ in range(3):
            assert watch.look([os.getpid()]) == ""
        said = [watch.look([1]) for _ in range(2)]  # as if this process were none of the workers
        assert said[0] == ""
        assert f"process {os.getpid()} of user {os.getuid()} listens" in said[1]
        assert watch.look([os.getpid()]) == ""
        own.close()
        assert [watch.look([]) for _ in range(2)] == ["", ""]
        elsewhere = listen_as_worker(("127.0.0.2", first.port))
        assert [watch.look([]) for _ in range(2)] == ["", ""]
        elsewhere.close()
        everywhere = listen_as_worker(("0.0.0.0", first.port))
        assert watch.look([]) == ""
        assert "end it, or serve on another port" in watch.look([])
        everywhere.close()
    finally:
        first.close()


def test_a_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(AddressInUse, match=f"chmod go-w {tmp_path}"):
        UnixPathReservation(tmp_path / "worker-0.sock")
    assert list(tmp_path.iterdir()) == []
    tmp_path.chmod(0o755)
    UnixPathReservation(tmp_path / "worker-0.sock").close()


def test_a_planted_lock_is_refused(tmp_path: Path) -> None:
    """A link would lead the lock to another file, which close() would leave behind or remove."""
    lock, other = tmp_path / "worker-0.lock", tmp_path / "other"
    other.write_text("kept")
    for plant in (lock.symlink_to, lock.hardlink_to):
        plant(other)
        with pytest.raises(AddressInUse, match="remove it"):
            UnixPathReservation(tmp_path / "worker-0.sock")
        lock.unlink()
    os.mkfifo(lock)
    with pytest.raises(AddressInUse, match="remove it"):
        UnixPathReservation(tmp_path / "worker-0.sock")
    assert other.read_text() == "kept"
