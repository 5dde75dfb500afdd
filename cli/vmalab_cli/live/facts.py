# SPDX-License-Identifier: Apache-2.0
"""A look as what JSON can hold, for `vmalab top --once --json`."""

from __future__ import annotations

import dataclasses
from typing import Any

from vmalab_cli.live.views import wait_ms
from vmalab_cli.live.world import LockKey, Look, Seen, Since, World, name_of, state_of
from vmalab_native.sample import Attached
from vmalab_native.waiting import Tree, lock_text

Row = dict[str, Any]


def of(world: World) -> Row:
    """All instances."""
    return {"instances": [_instance(look) for look in world.looks]}


def _instance(look: Look) -> Row:
    sample = look.sample
    if sample is None:
        return {"instance": look.name, "state": look.state, "error": look.error}
    return {
        "instance": look.name,
        "state": look.state,
        "error": look.error,
        "broken": sample.broken,
        "lock_model": sample.info.model,
        "layout": sample.info.layout,
        "supervisor_pid": sample.info.supervisor_pid,
        "interval_s": round(look.seconds, 3),
        "threads": [_thread(look, one) for one in sample.attached],
        "address_spaces": [dataclasses.asdict(mm) for mm in sample.mms],
        "locks": [dataclasses.asdict(lock) for lock in sample.locks],
        "held_up": [_held_up(look, tree) for tree in look.trees if tree.waiters],
        "waited": _waited(look),
        "gave_up": [
            {**_key(key), "reasons": dict(reasons)} for key, reasons in look.gave_up.items()
        ],
        "caches": [dataclasses.asdict(cache) for cache in sample.caches],
        "counters": dict(sample.counters),
        "per_second": {name: look.rate(name) for name in sample.counters},
    }


def _lasted_s(look: Look, since: Since | None) -> float | None:
    if since is None or look.sample is None:
        return None
    return round((look.sample.at_ns - since.ns) / 1e9, 3)


def _thread(look: Look, one: Attached) -> Row:
    seen = look.seen.get(one.life, Seen())
    faults, calls = look.rates(one)
    return {
        **dataclasses.asdict(one.info),
        "name": name_of(one, look.roster),
        "state": state_of(one),
        "operation": one.operation,
        "operation_s": _lasted_s(look, seen.operation),
        "wait_s": _lasted_s(look, seen.wait),
        "rcu_reader_s": _lasted_s(look, seen.reading),
        "faults_per_second": faults,
        "calls_per_second": calls,
    }


def _held_up(look: Look, tree: Tree) -> Row:
    """Who holds others up, and how many."""
    task = tree.task
    one = look.thread(task.participant)
    return {
        "pid": task.pid,
        "participant": task.participant,
        "state": state_of(one) if one else "",
        "operation": task.operation,
        "operation_s": _lasted_s(look, look.seen.get(one.life, Seen()).operation) if one else None,
        "holds": [lock_text(lock) for lock in task.holds],
        "waiting": [below.participant for below in tree.below()],
        "longest_wait_s": round(tree.longest_s, 3),
        "deadlock": tree.circle,
    }


def _key(key: LockKey) -> Row:
    return dict(zip(("name", "mm", "start", "end"), key, strict=True))


def _waited(look: Look) -> list[Row]:
    """Locks that were waited for, the longest first."""
    hot = sorted(look.heat.items(), key=lambda pair: -pair[1].waited_ns)
    return [
        {
            **_key(key),
            "waited_s": round(heat.waited_ns / 1e9, 3),
            "ms_per_second": round(wait_ms(look, heat), 1),
        }
        for key, heat in hot
        if heat.waited_ns
    ]
