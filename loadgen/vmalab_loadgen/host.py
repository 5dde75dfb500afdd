# SPDX-License-Identifier: Apache-2.0
"""Where a command finds its instance: the one it was told of, or one of its own."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from vmalab_loadgen import lifeline
from vmalab_loadgen.drivers import DriverError, Target


@contextmanager
def instance_for(
    *,
    target: str = "",
    instance: str = "",
    mode: str,
    workers: int = 2,
    bench: bool = False,
    model: str = "",
    layout: str = "",
) -> Iterator[Target]:
    """Give the target of a run, and stop what was started for it.

    Args:
        target: `host:port` of a server, if the user named one.
        instance: an instance on this machine, if the user named one.
        mode: attach needs no server, so an instance of our own is a bare segment then.
        workers: of an embedded server.
        bench: the embedded server also serves BenchService.
        model, layout: of an instance of our own; "": the environment's or the default.
    """
    with lifeline.orderly():
        yield from _instance_for(target, instance, mode, workers, bench, model, layout)


def _instance_for(
    target: str, instance: str, mode: str, workers: int, bench: bool, model: str, layout: str
) -> Iterator[Target]:
    if mode == "attach":
        if target and not instance:
            raise DriverError("attach maps the segment: give --instance, not --target")
        if instance:
            yield Target(instance=instance)
            return
        with _bare_segment(model, layout) as name:
            yield Target(instance=name)
        return
    if target:
        yield Target(address=target, instance=instance)
        return
    if instance:
        raise DriverError("--instance is for attach; the other modes need --target host:port")
    from vmalab_server.embedded import EmbeddedServer

    with EmbeddedServer(workers=workers, bench=bench, model=model, layout=layout) as server:
        yield Target(address=server.target, instance=server.instance)


@contextmanager
def _bare_segment(model: str, layout: str) -> Iterator[str]:
    """A segment without a server. This process is its supervisor: it repairs after dead
    participants and ends address spaces nobody holds."""
    from vmalab_native import core, cores

    name = f"loadgen-{os.getpid()}-{secrets.token_hex(3)}"
    config = core.SegmentConfig(
        model=model or cores.default_model(), layout=layout or cores.default_layout()
    )
    segment = core.Segment.create(name, config)
    stop = threading.Event()
    try:

        def supervise() -> None:
            with segment.participant("supervisor") as participant:
                while not stop.wait(0.2):
                    if not all(one.alive for one in participant.participants()):
                        participant.recover()
                    participant.mm_reap()

        keeper = threading.Thread(target=supervise, name="supervisor", daemon=True)
        keeper.start()
        try:
            yield name
        finally:
            stop.set()
            keeper.join(10)
    finally:
        segment.close()
        segment.unlink()
