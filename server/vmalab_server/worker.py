# SPDX-License-Identifier: Apache-2.0
"""A worker process: takes its core, imports grpc, attaches the segment, serves.

Started by the supervisor as ``python -m vmalab_server.worker`` with its orders on standard input.
It never forks. It ends with the supervisor: gracefully on SIGTERM, which the kernel also sends when
the supervisor is killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from vmalab_server.launch import WorkerLaunch

if TYPE_CHECKING:
    from vmalab_native.core import Segment
    from vmalab_server.caller import Tokens
    from vmalab_server.endings import Endings
    from vmalab_server.entry import Entry
    from vmalab_server.grpc_front import Front
    from vmalab_server.grpc_inside import Inside
    from vmalab_server.grpc_methods import Quick
    from vmalab_server.handlers import MemoryHandlers
    from vmalab_server.lab_handlers import LabHandlers, NoLab
    from vmalab_server.leases import LeaseKeeper
    from vmalab_server.streams import StreamHandlers, StreamRegistry

_PR_SET_PDEATHSIG = 1
_EXIT_MARGIN_S = 2.0
_BROKEN_WORD_S = 0.5
EXIT_BROKEN = 3
"""As that of the supervisor (`supervisor.py`), which this process does not import."""


def end_with_parent(parent_pid: int) -> None:
    """Get SIGTERM when the supervisor dies, at once if it is dead already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent_pid:
        sys.exit(0)


class Worker:
    """The parts of one worker, in the order they are made; stop() takes them down in reverse."""

    def __init__(self, launch: WorkerLaunch) -> None:
        # grpc is imported here, after the affinity is set: its threads inherit it.
        from vmalab_native.core import Segment
        from vmalab_server.caller import Tokens
        from vmalab_server.entry import Entry
        from vmalab_server.fair import Turnstile
        from vmalab_server.handlers import MemoryHandlers
        from vmalab_server.leases import LeaseKeeper
        from vmalab_server.owners import Owners
        from vmalab_server.streams import InFlight, StreamHandlers, StreamRegistry

        self.launch = launch
        self.segment: Segment = Segment.attach(launch.instance)
        self.segment.outlive_cut()
        self.tokens: Tokens = Tokens(launch.tokens)
        owners = Owners(named=bool(self.tokens), share_all=launch.share_all)
        self.entry: Entry = Entry(self.segment, owners)
        memory = MemoryHandlers(
            self.entry,
            limits=launch.limits,
            ttl_default_ns=int(launch.ttl_default_s * 1e9),
        )
        self.leases: LeaseKeeper = LeaseKeeper(
            self.entry.take(), grace_ns=int(launch.hold_grace_s * 1e9)
        )
        self.registry: StreamRegistry = StreamRegistry()
        turnstile = Turnstile(launch.threads.blocks, launch.threads.blocks_share)
        streams = StreamHandlers(
            *(self.entry, memory, self.leases, self.registry, turnstile, InFlight(launch.limits))
        )
        self.lab: LabHandlers | NoLab = self._lab()
        self.front: Front = self._front(memory, streams)

    def _lab(self) -> LabHandlers | NoLab:
        from vmalab_server.lab_handlers import LabHandlers, NoLab

        if not self.launch.lab:
            return NoLab()
        return LabHandlers(self.entry, limits=self.launch.limits)

    def _front(self, memory: MemoryHandlers, streams: StreamHandlers) -> Front:
        from pathlib import Path

        import grpc

        from vmalab_server.grpc_front import Front
        from vmalab_server.inspect_handlers import InspectHandlers

        launch, inside = self.launch, self._inside()
        inspect = InspectHandlers(
            self.entry,
            limits=launch.limits,
            roster_path=Path(launch.roster_path),
            worker_index=launch.index,
            worker_pid=os.getpid(),
            version=launch.version,
            grpc_version=grpc.__version__,
            capabilities=launch.capabilities,
        )
        front = Front(
            memory=memory,
            streams=streams,
            inspect=inspect,
            lab=self.lab,
            threads=launch.threads,
            limits=launch.limits,
            bench=launch.bench,
            tokens=self.tokens,
            endings=self._endings(),
            inside=inside,
            bounded=self._bounded() if inside is not None else {},
            own_loop=launch.front == "cq",
        )
        cert, key = launch.tls_cert.encode(), launch.tls_key.encode()
        client_ca = launch.tls_client_ca.encode()
        for address in launch.addresses:
            front.bind(address, cert=cert, key=key, client_ca=client_ca)
        if launch.unix_path:
            front.bind(f"unix:{launch.unix_path}")
        return front

    def _inside(self) -> Inside | None:
        """grpcio's, if calls may be answered there; bounded.py says which instances have that."""
        from vmalab_server import grpc_inside, logs

        if self.launch.front == "pool" or self.launch.lab or self.entry.owners.apart:
            return None
        version = grpc_inside.installed()
        inside = grpc_inside.inside(version)
        if inside is None:
            logs.get().warning(
                "the inside of this grpcio is not known: all calls go to threads",
                grpcio=version,
                known=[f"{one}*" for one in grpc_inside.VERSIONS],
            )
        return inside

    def _bounded(self) -> dict[str, Quick]:
        from typing import cast

        from vmalab_native.fault_try import FaultTry
        from vmalab_server.grpc_front import BENCH, MEMORY, BenchHandlers
        from vmalab_server.handlers import quick_fault

        answers = {
            MEMORY.methods_by_name["Fault"].full_name: quick_fault(FaultTry(self.entry.take())),
            BENCH.methods_by_name["Echo"].full_name: BenchHandlers().echo,
        }
        return cast("dict[str, Quick]", answers)

    def _endings(self) -> Endings:
        from pathlib import Path

        from vmalab_server.endings import Endings

        launch, add = self.launch, None
        if launch.call_times:
            from vmalab_server.call_times import CallTimes

            add = CallTimes(Path(launch.call_times), launch.index).add
        every = launch.log_level == "debug"
        return Endings(add=add, slow_s=launch.slow_call_s, every=every)

    def stop(self) -> None:
        """Finish what is under way, within the grace; then give everything back."""
        grace_s = self.launch.stop_grace_s
        deadline = time.monotonic() + grace_s
        self.front.leave()
        self.lab.stop()
        self.front.stop(grace_s, lambda: self.registry.drain(deadline=deadline))
        self.leases.close()
        self.entry.close()
        self.segment.close()


def _tell(fd: int, **message: object) -> None:
    with os.fdopen(fd, "w") as pipe:
        pipe.write(json.dumps(message) + "\n")


def serve(launch: WorkerLaunch) -> int:
    """Serve until SIGTERM. The exit code of the process."""
    from vmalab_native.on_broken import when_broken
    from vmalab_server import logs

    logs.configure(
        level=launch.log_level,
        form=launch.log_format,
        instance=launch.instance,
        worker=launch.index,
    )
    stop = threading.Event()
    front: list[Front] = []

    def broken(why: str) -> None:
        """An invariant broke in this process: those who watch its health hear of it."""
        for one in front:
            one.leave()
        time.sleep(_BROKEN_WORD_S)
        os._exit(EXIT_BROKEN)

    when_broken(broken)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        worker = Worker(launch)
        worker.front.start()
        front.append(worker.front)
    except Exception as error:
        text = " ".join(str(error).split())
        _tell(launch.ready_fd, error=f"{type(error).__name__}: {text}")
        return 1
    _tell(launch.ready_fd, ready=True, pid=os.getpid())
    stop.wait()
    # A call that hangs in spite of all may not keep the process: the supervisor may be gone.
    watchdog = threading.Timer(launch.stop_grace_s + _EXIT_MARGIN_S, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()
    worker.stop()
    watchdog.cancel()
    return 0


def main() -> int:
    """Read the orders and serve."""
    for number in (signal.SIGINT, signal.SIGHUP):  # the supervisor has them too, and tells us
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGHUP))  # workers.py
    launch = WorkerLaunch.from_json(sys.stdin.readline())
    end_with_parent(launch.supervisor_pid)
    if launch.cpu >= 0:
        os.sched_setaffinity(0, {launch.cpu})
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    return serve(launch)


if __name__ == "__main__":
    sys.exit(main())
