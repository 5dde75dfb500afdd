# SPDX-License-Identifier: Apache-2.0
"""The servers that cases run against, one for each profile, and what a client is given of them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from vmalab_client import Client, ServiceUnavailable
from vmalab_server.embedded import EmbeddedServer
from vmalab_server.limits import Limits

TOKENS: Final = {"alice": "the token of alice", "bob": "the token of bob"}
ODD: Final = {
    "wrong": "a wrong token",
    "two lines": "the-token\nof-alice",
    "not ascii": "the-token-of-\u00e9lise",
}
"""Tokens that no server takes, by their names in the cases."""
SMALL: Final = Limits(
    message_bytes_max=16_384,
    block_bytes_max=4096,
    mincore_pages_max=64,
    ttl_ms_max=60_000,
    keepalive_mms_max=4,
    maps_bytes_max=4096,
    streams_per_client_max=4,
)
HANG_S: Final = 600.0
"""What takes so long hangs."""


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def _authority(folder: Path, name: str) -> None:
    """A key, and a certificate that it has signed itself and that may sign others."""
    _openssl(
        folder,
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}"),
    )


def _signed(folder: Path, name: str, authority: str) -> None:
    """A key, and a certificate for this machine that the authority has signed."""
    _openssl(
        folder,
        *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"),
        *("-keyout", f"{name}.key", "-out", f"{name}.csr"),
    )
    extensions = folder / f"{name}.ext"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    _openssl(
        folder,
        *("x509", "-req", "-in", f"{name}.csr", "-days", "2", "-extfile", extensions.name),
        *("-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial"),
        *("-out", f"{name}.pem"),
    )


def make_secrets(folder: Path) -> None:
    """Certificates, keys and tokens, for this run alone."""
    _authority(folder, "root")
    _authority(folder, "other")
    _signed(folder, "server", "root")
    _signed(folder, "client", "root")
    _signed(folder, "stranger", "other")
    (folder / "none.pem").write_text("no certificate\n")
    for path in folder.glob("*.key"):
        path.chmod(0o600)
    (folder / "tokens").touch(mode=0o600)
    (folder / "tokens").write_text("".join(f"{n}:{token}\n" for n, token in TOKENS.items()))


def _settings(name: str, folder: Path) -> dict[str, Any]:
    """Of the server of a profile; all but `listen`, which is any free port of this machine."""
    tls = {"tls_cert": str(folder / "server.pem"), "tls_key": str(folder / "server.key")}
    if name == "plain":
        unix = folder / "unix"
        unix.mkdir(mode=0o700)
        more = {"hold_grace_s": 300.0, "unix_dir": str(unix), "pkeys": "on"}
        return {"workers": 2, "lab": False, **more}
    if name == "secure":
        more = {"token_file": str(folder / "tokens"), "share": "own", "advertise_host": "localhost"}
        return {"workers": 1, "lab": False, **tls, **more}
    if name == "mutual":
        return {"workers": 1, "lab": False, **tls, "tls_client_ca": str(folder / "root.pem")}
    if name == "small":
        more = {"frames_per_mm_max": 32, "vmas_per_mm_max": 8, "mms_max": 8, "hold_grace_s": 0.2}
        return {"workers": 1, "lab": False, "limits": SMALL, **more}
    return {"workers": 1, "lab": True, "hold_grace_s": 300.0}


class Servers(contextlib.AbstractContextManager["Servers"]):
    """The servers of these profiles. Each is started once, for all clients."""

    def __init__(self, folder: Path, profiles: Iterable[str]) -> None:
        self._folder = folder
        self._stack = contextlib.ExitStack()
        self._names = sorted(set(profiles))
        self._servers: dict[str, EmbeddedServer] = {}

    def __enter__(self) -> Servers:
        make_secrets(self._folder)
        with contextlib.ExitStack() as stack:
            for name in self._names:
                server = EmbeddedServer(**_settings(name, self._folder))
                self._servers[name] = stack.enter_context(server)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def described(self) -> Mapping[str, Mapping[str, Any]]:
        """What a client's program is given: README.md says what each is."""
        secrets = {
            "root": str(self._folder / "root.pem"),
            "other": str(self._folder / "other.pem"),
            "no certificate": str(self._folder / "none.pem"),
        }
        pairs = {
            name: [str(self._folder / f"{name}.pem"), str(self._folder / f"{name}.key")]
            for name in ("client", "stranger")
        }
        return {
            name: {
                "target": server.target,
                "workers": server.worker_targets,
                "unix": server.unix_targets,
                "tls": name in ("secure", "mutual"),
                "token": "alice" if name == "secure" else "none",
                "pair": "client" if name == "mutual" else "none",
                "certificates": secrets,
                "pairs": pairs,
                "tokens": TOKENS | ODD | {"none": ""},
            }
            for name, server in self._servers.items()
        }

    def kill_worker(self, profile: str, index: int) -> None:
        """Kill one, and wait until another has taken its place."""
        target = self._servers[profile].target
        with Client(target) as client:
            worker = client.inspect.workers()[index]
            os.kill(worker.pid, signal.SIGKILL)
            for again in self._workers(client, index):
                if again.restarts > worker.restarts and again.state == "ready":
                    return
        raise TimeoutError(f"worker {index} of {profile} does not come back")

    @staticmethod
    def _workers(client: Client, index: int) -> Iterator[Any]:
        deadline = time.monotonic() + HANG_S
        while time.monotonic() < deadline:
            with contextlib.suppress(ServiceUnavailable):
                yield client.inspect.workers()[index]
            time.sleep(0.1)
