# SPDX-License-Identifier: Apache-2.0
"""TLS and token: what is needed for an address that others can reach."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2

from patience import HANG_S
from vmalab_client import BadCertificate, Client, ServiceError, ServiceUnavailable, Unauthenticated
from vmalab_server.config import ConfigError, load
from vmalab_server.embedded import EmbeddedServer, EmbeddedServerError
from vmalab_server.secure_files import check_authority, check_pair

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl makes the certificate of these tests"
)
TOKEN = "correct horse"


def check(channel: grpc.Channel) -> health_pb2.HealthCheckResponse:
    """One health check."""
    return channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )(health_pb2.HealthCheckRequest())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate_in(tmp_path_factory.mktemp("tls"))


def certificate_in(folder: Path) -> Path:
    """A certificate that has signed itself, with key and token, in a folder; the folder."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    (folder / "token").touch(mode=0o600)
    (folder / "token").write_text(TOKEN + "\n")
    return folder


@pytest.fixture(scope="module")
def server(certificate: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(
        workers=1,
        listen="0.0.0.0:0",
        advertise_host="localhost",
        tls_cert=str(certificate / "cert.pem"),
        tls_key=str(certificate / "key.pem"),
        token_file=str(certificate / "token"),
    ) as running:
        yield running


def test_with_certificate_and_token_everything_works(
    server: EmbeddedServer, certificate: Path
) -> None:
    roots = (certificate / "cert.pem").read_bytes()
    with Client(server.target, token=TOKEN, root_certificates=roots) as client:
        with client.address_space() as mm:
            assert client.wait_held(mm.mm)
            mm.write(mm.mmap(4096), 1)
        with client.batch() as batch:
            batch.send(bytes([0, 2, *bytes(14)]))
            assert batch.receive() == bytes(16)


@pytest.mark.parametrize("token", ["", "wrong"])
def test_without_the_token_nothing_is_served(
    server: EmbeddedServer, certificate: Path, token: str
) -> None:
    roots = (certificate / "cert.pem").read_bytes()
    with Client(server.target, token=token, root_certificates=roots, discover=False) as client:
        with pytest.raises(Unauthenticated) as refusal:
            client.inspect.server_info()
        assert refusal.value.reason == "BAD_TOKEN"
        with client.batch() as batch:
            batch.send(bytes([0, 2, *bytes(14)]))
            with pytest.raises(Unauthenticated):
                batch.receive()


def test_health_needs_no_token(server: EmbeddedServer, certificate: Path) -> None:
    roots = grpc.ssl_channel_credentials((certificate / "cert.pem").read_bytes())
    with grpc.secure_channel(server.target, roots) as channel:
        answer = check(channel)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_a_plain_client_is_refused(server: EmbeddedServer) -> None:
    with pytest.raises(ServiceError):
        Client(server.target, timeout_s=HANG_S)


def test_the_token_is_in_no_command_line(server: EmbeddedServer) -> None:
    for pid in (server.pid, *server.worker_pids):
        assert TOKEN.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.parametrize("name", ["token", "key.pem"])
def test_a_secret_that_every_user_can_read_is_refused(certificate: Path, name: str) -> None:
    """The message names the file and the command."""
    secret = certificate / name
    secret.chmod(0o644)
    try:
        with (
            pytest.raises(
                EmbeddedServerError, match=f"every user can read .*: chmod o-rwx {secret}"
            ),
            EmbeddedServer(
                workers=1,
                tls_cert=str(certificate / "cert.pem"),
                tls_key=str(certificate / "key.pem"),
                token_file=str(certificate / "token"),
            ),
        ):
            pass
    finally:
        secret.chmod(0o600)


def test_a_certificate_or_a_key_that_is_none(certificate: Path, tmp_path: Path) -> None:
    """The file is named, and nothing is started."""
    for name, text in (
        ("text", "certainly not"),
        ("locked", "-----BEGIN ENCRYPTED PRIVATE KEY-----"),
        ("torn", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
    ):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(text + "\n")
    subprocess.run(
        ["openssl", "genrsa", "-out", str(tmp_path / "other"), "2048"],
        check=True,
        capture_output=True,
    )
    cert, key = certificate / "cert.pem", certificate / "key.pem"
    for one, other, words in (
        (tmp_path / "text", key, f"tls_cert: {tmp_path}/text has no BEGIN CERTIFICATE in it"),
        (cert, tmp_path / "text", f"tls_key: {tmp_path}/text has no BEGIN PRIVATE KEY in it"),
        (cert, tmp_path / "locked", f"tls_key: {tmp_path}/locked has a passphrase"),
        (tmp_path / "torn", key, f"tls_cert: {tmp_path}/torn with tls_key {key} cannot be used"),
        (cert, tmp_path / "other", f"{tmp_path}/other is not the key of the certificate {cert}"),
    ):
        config = load(tls_cert=one, tls_key=other)
        with pytest.raises(ConfigError) as raised:
            check_pair(config, one.read_text(), other.read_text())
        assert words in str(raised.value)


def test_the_client_takes_the_file_of_the_certificate(
    server: EmbeddedServer, certificate: Path
) -> None:
    with Client(server.target, token=TOKEN, root_certificates=certificate / "cert.pem") as client:
        assert client.inspect.workers()


# --- clients that are known by their certificates ---


def test_a_client_without_a_certificate_is_refused(certificate: Path) -> None:
    """The certificate of the server is its own authority, and that of the client too."""
    cert, key = certificate / "cert.pem", certificate / "key.pem"
    with EmbeddedServer(
        workers=1, tls_cert=str(cert), tls_key=str(key), tls_client_ca=str(cert)
    ) as server:
        with (
            Client(
                server.target, root_certificates=cert, client_certificate=cert, client_key=key
            ) as client,
            client.address_space() as mm,
        ):
            mm.write(mm.mmap(4096), 1)
            assert "client-certificates" in client.inspect.server_info().capabilities
        with pytest.raises(ServiceUnavailable):
            Client(server.target, root_certificates=cert, timeout_s=HANG_S)


def test_an_authority_that_is_none(certificate: Path, tmp_path: Path) -> None:
    cert, key = certificate / "cert.pem", certificate / "key.pem"
    for text, words in (
        ("certainly not\n", "has no BEGIN CERTIFICATE in it"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is no certificate"),
    ):
        (tmp_path / "ca").write_text(text)
        config = load(tls_cert=cert, tls_key=key, tls_client_ca=tmp_path / "ca")
        with pytest.raises(ConfigError, match=f"tls_client_ca: .*{words}"):
            check_authority(config, text)


def test_a_client_shows_a_certificate_and_its_key_or_neither(
    certificate: Path, tmp_path: Path
) -> None:
    cert, key = certificate / "cert.pem", certificate / "key.pem"
    with pytest.raises(BadCertificate, match="go together"):
        Client("127.0.0.1:1", client_certificate=cert)
    with pytest.raises(BadCertificate, match="goes with root_certificates"):
        Client("127.0.0.1:1", client_certificate=cert, client_key=key)
    with pytest.raises(BadCertificate, match="no BEGIN PRIVATE KEY"):
        Client("127.0.0.1:1", client_certificate=cert, client_key=cert)
    other = certificate_in(tmp_path) / "key.pem"
    with pytest.raises(BadCertificate, match="is not the key of client_certificate"):
        Client("127.0.0.1:1", root_certificates=cert, client_certificate=cert, client_key=other)
