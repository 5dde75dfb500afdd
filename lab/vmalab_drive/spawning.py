# SPDX-License-Identifier: Apache-2.0
"""Client processes: spawned, found by their parent whatever happens, and ended by it."""

from __future__ import annotations

import multiprocessing as mp
import signal
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess

from vmalab_native import signals


def end(processes: list[BaseProcess], *, patience_s: float = 10.0) -> None:
    """Wait for client processes to end by themselves, then end them."""
    for process in processes:
        process.join(patience_s)
    for process in processes:
        if process.is_alive():
            process.kill()
    for process in processes:
        process.join()


def start(process: BaseProcess, processes: list[BaseProcess]) -> None:
    """Start a client process, which Ctrl-C does not reach: its parent ends it, and finds it in
    `processes`."""
    # In one piece: the child waits for what start() sends it, and one that runs has to be ended.
    with signals.held(), signals.not_to_children():
        process.start()
        processes.append(process)


def context() -> SpawnContext:
    """Processes are spawned, never forked: gRPC and the core have threads and state."""
    # multiprocessing's own process, which removes what we leave behind: it must outlive us.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signals.ENDING)
    try:
        resource_tracker.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    return mp.get_context("spawn")
