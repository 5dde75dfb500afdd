# SPDX-License-Identifier: Apache-2.0
"""A whole instance inside a Python program: for tests, benchmarks, demos and notebooks.

::

    with EmbeddedServer(workers=2) as server:
        with Client(server.target) as client:
            ...

The supervisor and its workers are processes of their own. They end with the `with` block, and when
the program is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from typing import Any, Self

from vmalab_native import cores
from vmalab_native.errors import CoreMissing, InvalidArgument
from vmalab_server.limits import Limits

_STOP_MARGIN_S = 120.0


class EmbeddedServerError(Exception):
    """The instance did not come up; one line that says why."""


class EmbeddedServer(AbstractContextManager["EmbeddedServer"]):
    """Starts an instance and stops it.

    Attributes:
        instance: its name, for Segment.attach.
        target: the shared address, "127.0.0.1:PORT".
        worker_targets: the address of each worker.
        balanced_target: one gRPC target over all workers, "ipv4:HOST:P0,HOST:P1"; use it with
            round_robin, as vmalab_client does.
        unix_targets: "unix:PATH" for each worker, if `unix_dir` was given.
        pid: of the supervisor.
        model, layout: of the segment.
        worker_pids: when the instance came up; after a restart ask ListWorkers.
    """

    def __init__(
        self,
        *,
        workers: int = 2,
        instance: str = "",
        bench: bool = False,
        lab: bool | None = None,
        listen: str = "127.0.0.1:0",
        model: str = "",
        layout: str = "",
        limits: Limits | None = None,
        log_level: str = "warning",
        start_timeout_s: float = 600.0,
        stop_grace_s: float = 5.0,
        **settings: object,
    ) -> None:
        """Nothing is started before start() or `with`.

        Args:
            workers: worker processes, 1..64.
            instance: 1 to 32 of a-z 0-9 _ -; "" makes a name of its own.
            bench: register BenchService.
            lab: run the lab core, so that LabService serves; None: what VMALAB_LAB says.
            listen: host:port; port 0 is any free one.
            model, layout: of the segment; "": what VMALAB_MODEL and VMALAB_LAYOUT say, else the
                defaults.
            limits: of requests and streams.
            log_level: of what goes to stderr.
            start_timeout_s, stop_grace_s: as in ServerConfig.
            settings: any other field of vmalab_server.config.ServerConfig.
        """
        if limits is not None:
            settings["limits"] = limits.as_dict()
        settings |= {n: v for n, v in (("model", model), ("layout", layout)) if v}
        if lab is not None:
            settings["lab"] = lab
        self._options: dict[str, Any] = {
            **settings,
            "workers": workers,
            "instance": instance or f"emb-{os.getpid()}-{os.urandom(3).hex()}",
            "bench": bench,
            "listen": listen,
            "log_level": log_level,
            "start_timeout_s": start_timeout_s,
            "stop_grace_s": stop_grace_s,
        }
        self._start_timeout_s = start_timeout_s
        self._stop_grace_s = stop_grace_s
        self._process: subprocess.Popen[bytes] | None = None
        self.instance: str = self._options["instance"]
        self.target = ""
        self.model = self.layout = ""
        self.worker_targets: list[str] = []
        self.worker_pids: list[int] = []
        self.unix_targets: list[str] = []
        self.metrics_address = ""

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def balanced_target(self) -> str:
        return "ipv4:" + ",".join(self.worker_targets)

    def start(self) -> Self:
        """Start and wait until every worker serves. Raises EmbeddedServerError."""
        if self._process is not None:
            raise EmbeddedServerError(f"instance {self.instance!r} was started already")
        self._build_core()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "vmalab_server.host"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(self._options, default=str).encode() + b"\n")
            self._process.stdin.flush()
            message = self._first_word()
        except BaseException:
            self.stop()
            raise
        if "ready" not in message:
            self.stop()
            raise EmbeddedServerError(str(message.get("error", "the server ended without a word")))
        ready = message["ready"]
        self.target = ready["address"]
        self.model, self.layout = ready["model"], ready["layout"]
        self.worker_targets = [worker["address"] for worker in ready["workers"]]
        self.worker_pids = [worker["pid"] for worker in ready["workers"]]
        paths = [worker["unix_path"] for worker in ready["workers"]]
        self.unix_targets = [f"unix:{path}" for path in paths if path]
        self.metrics_address = ready["metrics_address"]
        return self

    def _build_core(self) -> None:
        """Here, because building a core can take longer than an instance may take to come up."""
        model = self._options.get("model") or cores.default_model()
        layout = self._options.get("layout") or cores.default_layout()
        if self._options.get("lab", cores.default_lab()):
            layout = cores.lab_layout(layout)
        try:
            cores.ensure(model, layout)
        except InvalidArgument as error:
            raise EmbeddedServerError(error.detail) from None
        except CoreMissing as error:
            raise EmbeddedServerError(str(error)) from None

    def _first_word(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        deadline = time.monotonic() + self._start_timeout_s + _STOP_MARGIN_S
        data = b""
        while not data.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                raise EmbeddedServerError("the server said nothing in time")
            chunk = os.read(self._process.stdout.fileno(), 65536)
            if not chunk:
                return {}
            data += chunk
        message: dict[str, Any] = json.loads(data)
        return message

    def stop(self) -> int:
        """Stop gracefully, by force when that takes too long. The supervisor's exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            code = process.wait(self._stop_grace_s + _STOP_MARGIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        process.stdout.close()
        if code < 0:
            self._clear_after_kill()
        return code

    def _clear_after_kill(self) -> None:
        """The supervisor was killed: its workers end by themselves, its segment does not."""
        from vmalab_native.core import Segment
        from vmalab_native.errors import SegmentMissing

        with contextlib.suppress(SegmentMissing):
            Segment.remove(self.instance)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()
