# SPDX-License-Identifier: Apache-2.0
"""Agents of `vmalab load` as processes, and machines for them: network namespaces."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from patience import HANG_S
from servers import VMALAB


class AgentProcess(AbstractContextManager["AgentProcess"]):
    """`vmalab load agent` as a process; killed at the end.

    Args:
        options: of the command.
        before: words in front of it, which start it elsewhere.
    """

    def __init__(
        self, *options: str, listen: str = "127.0.0.1:0", before: tuple[str, ...] = ()
    ) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this
        self.process = subprocess.Popen(
            [*before, *VMALAB, "load", "agent", "--json", "--listen", listen, *options],
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.__exit__()
            raise AssertionError(f"no agent: {self.said}")
        ready: dict[str, Any] = json.loads(line)
        self.address: str = ready["address"]
        self.pid: int = ready["pid"]

    @property
    def said(self) -> str:
        """What it has written so far."""
        if not self._log.closed:
            self._said = os.pread(self._log.fileno(), 1 << 20, 0).decode()
        return self._said

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(HANG_S)

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(HANG_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._said = self.said
        self._log.close()


class Machines(AbstractContextManager["Machines"]):
    """Network namespaces: one with a server, and one for each agent, with a wire to the first.

    Where they cannot be made, `why` says so, and all are this machine.
    """

    SERVER = "10.77.0.1"

    def __init__(self, count: int) -> None:
        self.count = count
        self.why = ""
        self._names = [f"vmalab-{os.getpid()}-{number}" for number in range(count + 1)]
        self._made: list[str] = []
        try:
            self._make()
        except (OSError, subprocess.CalledProcessError) as error:
            said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
            self.why = said.strip()
            self._remove()

    def _make(self) -> None:
        for name in self._names:
            _ip("netns", "add", name)
            self._made.append(name)
            _ip("-n", name, "link", "set", "lo", "up")
        server = self._names[0]
        _ip("-n", server, "addr", "add", f"{self.SERVER}/32", "dev", "lo")
        for number, name in enumerate(self._names[1:], 1):
            wire = f"wire{number}"
            _ip("-n", server, "link", "add", wire, "type", "veth", "peer", "eth0", "netns", name)
            _ip("-n", server, "addr", "add", f"10.77.{number}.1/30", "dev", wire)
            _ip("-n", server, "link", "set", wire, "up")
            _ip("-n", name, "addr", "add", f"10.77.{number}.2/30", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
            _ip("-n", name, "route", "add", "default", "via", f"10.77.{number}.1")

    def _remove(self) -> None:
        for name in self._made:
            subprocess.run(["ip", "netns", "del", name], check=True, capture_output=True)
        self._made = []

    def host(self, number: int) -> str:
        """The address of a machine; 0: that of the server."""
        if self.why:
            return "127.0.0.1"
        return self.SERVER if number == 0 else f"10.77.{number}.2"

    def inside(self, number: int) -> tuple[str, ...]:
        """Words in front of a command that runs on a machine."""
        return () if self.why else ("nsenter", f"--net=/run/netns/{self._names[number]}")

    def __exit__(self, *exception: object) -> None:
        self._remove()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def certificate(folder: Path, hosts: list[str]) -> Path:
    """A certificate that has signed itself, for these addresses, with key and token files."""
    names = ",".join(f"IP:{host}" for host in dict.fromkeys(["127.0.0.1", *hosts]))
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "1", "-subj", "/CN=vmalab"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
            *("-addext", f"subjectAltName={names}"),
        ],
        check=True,
        capture_output=True,
    )
    (folder / "key.pem").chmod(0o600)
    (folder / "token").touch(mode=0o600)
    (folder / "token").write_text("tester:correct horse\n")
    return folder
