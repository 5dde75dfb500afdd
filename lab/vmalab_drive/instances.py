# SPDX-License-Identifier: Apache-2.0
"""Where a command finds its instance: the one that was named, or one of its own."""

from __future__ import annotations

import os
import secrets
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import cast

from vmalab_drive import leftovers, reach
from vmalab_drive.drivers import Target
from vmalab_drive.errors import UsageError
from vmalab_native import checks, cores, signals


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
    pkeys: str = "machine",
    lookup: str = "",
) -> Iterator[Target]:
    """Give the target of a run, and stop what was started for it.

    Args:
        target: `host:port` of a server, if the user named one.
        instance: an instance on this machine, if the user named one.
        mode: attach needs no server, so an instance of our own is a bare segment then.
        workers: of an embedded server.
        bench: the embedded server also serves BenchService.
        model, layout: of an instance of our own; "": the environment's or the default.
        pkeys: of an instance of our own: machine, on or off.
        lookup: of an instance of our own: walk or cache; "": the environment's, else walk.
    """
    own = _Own(model, layout, pkeys, lookup or cores.default_lookup())
    with signals.orderly():
        yield from _instance_for(target, instance, mode, workers, bench, own)


@dataclass(frozen=True, slots=True)
class _Own:
    """How an instance of our own is made; "": as the environment says."""

    model: str
    layout: str
    pkeys: str
    lookup: str


def _instance_for(
    target: str, instance: str, mode: str, workers: int, bench: bool, own: _Own
) -> Iterator[Target]:
    if mode == "attach":
        if target and not instance:
            raise UsageError("attach maps the segment: give --instance, not --target")
        if instance:
            if instance not in checks.instances():
                raise UsageError(f"no such segment: instance {instance!r}; `vmalab ps` lists them")
            yield Target(instance=instance)
            return
        with _bare_segment(own) as name:
            yield Target(instance=name)
        return
    if target:
        reach.check(target)
        yield Target(address=target, instance=instance)
        return
    if instance:
        raise UsageError("--instance is for attach; the other modes need --target host:port")
    from vmalab_server.embedded import EmbeddedServer

    with EmbeddedServer(
        workers=workers,
        bench=bench,
        model=own.model,
        layout=own.layout,
        pkeys=own.pkeys,
        lookup=own.lookup,
    ) as server:
        yield Target(address=server.target, instance=server.instance)


@contextmanager
def _bare_segment(own: _Own) -> Iterator[str]:
    """A segment without a server. This process is its supervisor: it repairs after dead
    participants and ends address spaces nobody holds."""
    from vmalab_native import core, machine

    for one in leftovers.remove():
        print(f"vmalab: removed instance {one}: its command was killed", file=sys.stderr)
    name = f"{leftovers.PREFIX}-{os.getpid()}-{secrets.token_hex(3)}"
    config = core.SegmentConfig(
        model=own.model or cores.default_model(),
        layout=own.layout or cores.default_layout(),
        pkeys=machine.choose_pkeys(cast(machine.Switch, own.pkeys)),
        lookup=cores.lookup_of(own.lookup),
    )
    stop = threading.Event()
    with ExitStack() as stack:
        with signals.held():
            segment = core.Segment.create(name, config)
            stack.callback(segment.unlink)
            stack.callback(segment.close)
            stack.enter_context(leftovers.guarded(name))

        def supervise() -> None:
            with segment.participant("supervisor") as participant:
                while not stop.wait(0.2):
                    if not all(one.alive for one in participant.participants()):
                        participant.recover()
                    participant.mm_reap()

        keeper = threading.Thread(target=supervise, name="supervisor", daemon=True)
        stack.callback(keeper.join)
        stack.callback(stop.set)
        with signals.held():  # a thread that is half started cannot be joined
            keeper.start()
        yield name
