# SPDX-License-Identifier: Apache-2.0
"""From the options of the command line, or the keys of a job file, to what a load is to do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, cast

from vmalab_drive.errors import UsageError
from vmalab_loadgen import pacing, units
from vmalab_loadgen.config import BLOCK_OPS, LoadConfig
from vmalab_loadgen.family import FOUR, FamilyError, Shape
from vmalab_loadgen.mix import DEFAULT, Mix, MixError
from vmalab_loadgen.pattern import USUAL, Pattern, PatternError, Sizes
from vmalab_loadgen.workloads import spaces_of

DEFAULTS: Final[Mapping[str, Any]] = {
    "processes": None, "concurrency": 0, "mix": DEFAULT, "workload": "", "shared_mm": None,
    "own_mm": False, "duration": "", "ops": 0, "warmup": "0s", "mode": "unary", "vmas": 1000,
    "pattern": "random", "vma_pattern": "random", "map_pages": USUAL.text(),
    "fork_tree": "", "churn": "0",
    "block_ops": 0, "window": 0, "rate": "0", "arrival": "constant", "burst": 100, "stages": "",
    "rate_may_miss": False, "interval": "", "sample": None, "seed": -1, "check": False,
    "start_after": "0s",
}  # fmt: skip
"""What is taken where nothing is given: no such key, or None."""
PROCESSES: Final = 4
PROCESSES_MAX: Final = 128
SECONDS_LEAST, SECONDS_MOST = 0.1, 1e8


OF_A_MIX: Final = ("vmas", "pattern", "vma_pattern", "map_pages", "fork_tree")
"""Keys that say nothing of a named workload."""


def unused(given: Mapping[str, Any]) -> dict[str, str]:
    """Keys that were given and would change nothing, and why, in the caller's words."""
    asked = {name for name, value in given.items() if value is not None}
    one = {**DEFAULTS, **{name: given[name] for name in asked}}
    open_loop = str(one["rate"]) not in ("0", "0.0") or bool(one["stages"])
    found = {}
    if "burst" in asked and one["arrival"] != "burst":
        found["burst"] = "operations that come at once, for --arrival burst"
    if one["window"] and one["mode"] != "batch":
        found["window"] = "blocks in flight, for --mode batch"
    elif one["window"] and one["concurrency"]:
        found["window"] = "--concurrency says how many blocks are in flight: give one"
    if "sample" in asked and one["mode"] == "attach" and open_loop:
        found["sample"] = "of the closed loop of --mode attach; here each operation is timed"
    if one["rate_may_miss"] and not open_loop and str(one["churn"]) == "0":
        found["rate_may_miss"] = "there is no rate to miss: give --rate, --stages or --churn"
    if one["workload"]:
        of_mix = "of a mix; the memory and the order of --workload are its own"
        found |= {name: of_mix for name in OF_A_MIX if name in asked and one[name]}
    return found


def config_of(given: Mapping[str, Any]) -> LoadConfig:
    """What is to be done, filled in.

    Args:
        given: by the name of the option, with _ for -; what is missing has its default.

    Raises:
        UsageError: an option is wrong, or two contradict each other; it begins with the option.
    """
    for name, why in unused(given).items():
        value = "" if given[name] is True else f" {given[name]}"
        raise UsageError(f"--{name.replace('_', '-')}{value}: {why}")
    given = {**DEFAULTS, **{name: one for name, one in given.items() if one is not None}}
    try:
        mix = Mix.parse(given["mix"])
    except MixError as error:
        raise UsageError(f"--mix: {error}") from None
    try:
        stages = pacing.parse_stages(given["stages"]) if given["stages"] else ()
    except pacing.PacingError as error:
        raise UsageError(f"--stages: {error}") from None
    if sum(one.seconds for one in stages) > SECONDS_MOST:
        raise UsageError(f"--stages {given['stages']}: give {SECONDS_MOST:g}s or less in all")
    if given["mode"] not in BLOCK_OPS:
        raise UsageError(f"--mode {given['mode']}: give unary, batch or attach")
    if given["arrival"] not in pacing.ARRIVALS:
        raise UsageError(f"--arrival {given['arrival']}: give constant, poisson or burst")
    config = LoadConfig(
        processes=_processes(given),
        concurrency=given["concurrency"],
        mix=mix,
        workload=given["workload"],
        shared_mms=_spaces(given),
        seconds=_seconds(given["duration"], given["ops"], given["stages"]),
        ops=given["ops"],
        warmup_s=_number("warmup", "seconds", given),
        start_after_s=_number("start_after", "seconds", given),
        mode=given["mode"],
        vmas=given["vmas"],
        pattern=_pattern("pattern", given),
        vma_pattern=_pattern("vma_pattern", given),
        map_pages=_sizes(given),
        fork_tree=_tree(given),
        churn=_number("churn", "rate", given),
        block_ops=given["block_ops"],
        window=given["window"],
        rate=_number("rate", "rate", given),
        stages=stages,
        arrival=cast(pacing.Arrival, given["arrival"]),
        burst=given["burst"],
        rate_may_miss=given["rate_may_miss"],
        interval_s=_number("interval", "seconds", given) if given["interval"] else 0.0,
        sample=-1 if given["sample"] is None else given["sample"],
        seed=LoadConfig.fresh_seed() if given["seed"] < 0 else given["seed"],
        check=given["check"],
    )
    return config.filled()


def _number(name: str, action: str, given: Mapping[str, Any]) -> float:
    """A time or a rate."""
    option = f"--{name.replace('_', '-')}"
    try:
        found = float(getattr(units, action)(given[name]))
    except units.UnitError as error:
        raise UsageError(f"{option}: {error}") from None
    if action == "seconds" and found > SECONDS_MOST:
        raise UsageError(f"{option} {given[name]}: give {SECONDS_MOST:g}s or less")
    return found


def _pattern(name: str, given: Mapping[str, Any]) -> Pattern:
    try:
        return Pattern.parse(given[name])
    except PatternError as error:
        raise UsageError(f"--{name.replace('_', '-')}: {error}") from None


def _sizes(given: Mapping[str, Any]) -> Sizes:
    try:
        return Sizes.parse(str(given["map_pages"]))
    except PatternError as error:
        raise UsageError(f"--map-pages: {error}") from None


def _tree(given: Mapping[str, Any]) -> Shape:
    try:
        return Shape.parse(given["fork_tree"]) if given["fork_tree"] else FOUR
    except FamilyError as error:
        raise UsageError(f"--fork-tree: {error}") from None


def _processes(given: Mapping[str, Any]) -> int:
    if given["processes"] is not None:
        return int(given["processes"])
    attached = given["mode"] == "attach" and given["concurrency"]
    return min(given["concurrency"], PROCESSES_MAX) if attached else PROCESSES


def _seconds(duration: str, ops: int, stages: str) -> float:
    """How long the load runs, without the warm-up."""
    if stages and duration:
        raise UsageError("--stages has the times: leave --duration out")
    if not duration:
        return math.inf if ops else 10.0
    seconds = _number("duration", "seconds", {"duration": duration})
    if seconds < SECONDS_LEAST:
        raise UsageError(f"--duration {duration}: give {SECONDS_LEAST:g}s to {SECONDS_MOST:g}s")
    return seconds


def _spaces(given: Mapping[str, Any]) -> int:
    """Address spaces that the callers share; 0: each has its own."""
    if given["own_mm"] and given["shared_mm"]:
        raise UsageError("--own-mm and --shared-mm: give one of them")
    if not given["workload"]:
        return 0 if given["own_mm"] else given["shared_mm"] or 1
    if given["mix"] != DEFAULT:
        raise UsageError("--workload has its own operations: leave --mix out")
    try:
        spaces = spaces_of(given["workload"])
    except UsageError as error:
        raise UsageError(f"--workload {error}") from None
    if given["own_mm"] or (spaces != "shared" and not given["shared_mm"]):
        return 0
    return given["shared_mm"] or 1
