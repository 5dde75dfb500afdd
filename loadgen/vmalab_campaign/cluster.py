# SPDX-License-Identifier: Apache-2.0
"""The Dask cluster that does the runs: a local one, or that of a scheduler.

The local one has a process for each run that is done at a time, on the loopback interface, and
TLS with credentials that live as long as it does: what can talk to a worker can run code in it.
Its processes end with this one, however it ends, and a run ends with its worker.

A run whose worker dies is given to another worker, by Dask. So a run may be begun twice, and its
result is kept once: it is added here, and only here.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing import resource_tracker
from typing import Any, Final

import dask
from distributed import Client, Future, LocalCluster

from vmalab_campaign import work
from vmalab_campaign.plan import Run
from vmalab_campaign.work import Outcome, Task
from vmalab_drive.errors import CommandError, UsageError
from vmalab_native import signals
from vmalab_server import version

CONNECT_S: Final = 30.0
TICK_S: Final = 1.0
DEATHS_MAX: Final = 3
"""Workers that a run may lose; then it has failed."""
LOST_S: Final = 120.0
"""So long a scheduler may be away."""
COMPARED: Final = ("python", "dask", "distributed", "msgpack", "cloudpickle")
_SETTINGS: Final[Mapping[str, object]] = {
    "distributed.scheduler.allowed-failures": DEATHS_MAX - 1,
    "distributed.comm.timeouts.connect": f"{CONNECT_S:g}s",
    "distributed.nanny.pre-spawn-environ": {},  # it would change what is measured
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
}


class SchedulerLost(CommandError):
    """The scheduler went away."""


class Cluster:
    """Use it in a with block, which ends what it started.

    Attributes:
        name: names this controller to the workers.
        notes: what the user should know of the workers.
    """

    def __init__(self, client: Client, local: LocalCluster | None, where: str) -> None:
        self._client = client
        self._local = local
        self.where = where
        self.name = secrets.token_hex(8)
        self.notes: list[str] = []
        self._begun = False

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *exception: object) -> None:
        """End the runs that are under way, then what was started."""
        with contextlib.suppress(Exception):
            if self._begun and self._client.status == "running":
                self._client.run(work.end_all, self.name, on_error="return")
        with contextlib.suppress(Exception):
            self._client.close()
        if self._local is not None:
            with contextlib.suppress(Exception):
                self._local.close(timeout=work.GRACE_S)

    def slots(self) -> int:
        """Runs that are done at a time."""
        return sum(self._threads().values())

    def _threads(self) -> dict[str, int]:
        """Of each worker, by its address."""
        found: dict[str, int] = self._client.nthreads()
        return found

    def check(self, *, measures: bool) -> None:
        """Compare the workers with this process; fills `notes`.

        Args:
            measures: some runs measure time.

        Raises:
            UsageError: there is no worker, or one has another vmalab.
        """
        deadline = time.monotonic() + CONNECT_S
        while not self._threads() and time.monotonic() < deadline:
            time.sleep(TICK_S / 10)
        threads = self._threads()
        if not threads:
            raise UsageError(f"{self.where} has no worker: start one with `dask worker`")
        told = self._client.run(work.about, on_error="return")
        hosts: list[str] = []
        for address, about in told.items():
            if not isinstance(about, dict):
                raise UsageError(f"the worker {address} cannot use vmalab: {about}")
            if about["version"] != version():
                raise UsageError(
                    f"the worker {address} has vmalab {about['version']}, here is {version()}: "
                    "install the same one on both"
                )
            hosts.append(str(about["machine"]["host"]))
        if self._local is None:
            self.notes += self._versions()
            if measures and (max(threads.values()) > 1 or len(set(hosts)) < len(hosts)):
                self.notes.append(
                    "several runs at a time on one machine, and some measure time: they disturb "
                    "each other; start one worker on each machine, with --nthreads 1"
                )

    def _versions(self) -> list[str]:
        """Packages whose versions are not the same everywhere."""
        told = self._client.get_versions(check=False)
        mine = told["client"]["packages"]
        parts = {"the scheduler": told["scheduler"], **told["workers"]}
        return [
            f"{name} has {package} {there['packages'].get(package)}, here is {mine.get(package)}"
            for name, there in parts.items()
            for package in COMPARED
            if there and there["packages"].get(package) != mine.get(package)
        ]

    def run(
        self, runs: Sequence[Run], said: Callable[[str], None]
    ) -> Iterator[tuple[Run, Outcome]]:
        """Do the runs; gives each when it is over.

        Args:
            said: called with what happens to workers.

        Raises:
            SchedulerLost: the scheduler went away.
        """
        self._begun = True
        over: queue.SimpleQueue[Future] = queue.SimpleQueue()
        waiting: dict[str, tuple[Run, Future]] = {}
        for run in runs:
            task = Task(self.name, version(), run.command, run.files, run.timeout_s)
            future = self._client.submit(
                work.run_one, task, key=f"vmalab-{self.name}-{run.number}", pure=False,
                priority=-run.number,
            )  # fmt: skip
            waiting[future.key] = (run, future)
            future.add_done_callback(over.put)
        watch = _Watch(said)
        while waiting:
            try:
                future = over.get(timeout=TICK_S)
            except queue.Empty:
                watch.look(self._client)
                continue
            run, _ = waiting.pop(future.key)
            yield run, self._outcome(future)

    def _outcome(self, future: Future) -> Outcome:
        if future.status in ("cancelled", "lost"):
            raise SchedulerLost(f"{self.where} went away")
        if future.status == "error":
            error = future.exception()
            reason = f"{type(error).__name__}: {error}"
            if type(error).__name__ == "KilledWorker":
                reason = f"{DEATHS_MAX} workers died while they did it"
            return Outcome(work.now(), work.now(), reason=reason, version=version())
        told: dict[str, Any] = future.result()
        return Outcome(**told)


class _Watch:
    """What happens to the workers while runs are under way."""

    def __init__(self, said: Callable[[str], None]) -> None:
        self._said = said
        self._known: set[str] = set()
        self._away_since = 0.0

    def look(self, client: Client) -> None:
        try:
            if client.status != "running":
                raise OSError("no connection")
            now = {*client.nthreads()}
        except (OSError, TimeoutError):
            self._away_since = self._away_since or time.monotonic()
            if time.monotonic() - self._away_since > LOST_S or client.status == "closed":
                raise SchedulerLost("the scheduler went away") from None
            return
        self._away_since = 0.0
        for gone in sorted(self._known - now):
            self._said(f"the worker {gone} is gone: its run goes to another one")
        if self._known and not now:
            self._said("no worker is left: waiting for one")
        self._known = now


def local(workers: int) -> Cluster:
    """A cluster on this machine.

    Args:
        workers: processes, each of which does a run at a time.
    """
    from distributed import Security

    dask.config.set(_SETTINGS)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with _left_alone(), signals.held():
        cluster = LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, host="127.0.0.1",
            dashboard_address=None, silence_logs=logging.CRITICAL, memory_limit=0,
            security=Security.temporary(),
        )  # fmt: skip
        return Cluster(Client(cluster, timeout=CONNECT_S, set_as_default=False), cluster,
                       f"{workers} local workers")  # fmt: skip


@contextlib.contextmanager
def _left_alone() -> Iterator[None]:
    """What is started in the block does not see what a terminal sends to all: this process ends
    them, in its own order."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        # The tracker unblocks SIGINT in the thread that starts it: so that comes first.
        resource_tracker.ensure_running()
        with signals.not_to_children():
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def remote(address: str) -> Cluster:
    """The cluster of a scheduler.

    Raises:
        UsageError: nobody answers there.
    """
    dask.config.set({"distributed.comm.timeouts.connect": f"{CONNECT_S:g}s"})
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        why = str(error).partition("\n")[0]
        raise UsageError(f"--scheduler {address}: no Dask scheduler answers: {why}") from None
    return Cluster(client, None, f"the scheduler {address}")
