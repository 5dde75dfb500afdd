# SPDX-License-Identifier: Apache-2.0
"""The machine that was measured on, and places on its CPUs."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vmalab_native.texts import lines_of

_LOAD_BEFORE = os.getloadavg()[0]
"""Before anything was measured: a bench is a load itself."""
QUIET_LOAD = 1.0
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def cpus() -> list[int]:
    """The CPUs this process may use, in order."""
    return sorted(os.sched_getaffinity(0))


def facts() -> dict[str, Any]:
    """What a reader must know of the machine; None for what is not known."""
    return {
        "cpu": _cpu_model(),
        "cores": len(cpus()),
        "kernel": platform.release(),
        "governor": _first_line(_GOVERNOR),
        "load_1m": round(_LOAD_BEFORE, 2),
        "quiet": _LOAD_BEFORE <= QUIET_LOAD,
    }


def one_line(machine: dict[str, Any]) -> str:
    busy = ", quiet" if machine["quiet"] else ", other work beside: times too long"
    return (
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, "
        f"governor {machine['governor'] or 'unknown'}, load {machine['load_1m']}{busy}"
    )


@contextmanager
def pinned(cpu: int) -> Iterator[None]:
    """The calling thread stays on one CPU."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _cpu_model() -> str | None:
    try:
        for line in lines_of(Path("/proc/cpuinfo").read_text()):
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        return None
    return None


def _first_line(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except OSError:
        return None
