# SPDX-License-Identifier: Apache-2.0
"""Which combinations of values can be: a layout that a model does not have is no run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from vmalab_campaign.kinds import FILES, Kind
from vmalab_drive.errors import UsageError
from vmalab_loadgen import job_file, units
from vmalab_loadgen.given import SECONDS_MOST, config_of
from vmalab_loadgen.thresholds import Threshold, ThresholdError
from vmalab_native import cores, lab
from vmalab_native.errors import InvalidArgument
from vmalab_native.race import scenario

Given = Mapping[str, Any]
SUFFIX: Final = ".toml"
WITH_A_JOB: Final = frozenset(
    {"job", "check", "workers", "model", "layout", "pkeys", "lookup"}
)  # fmt: skip


class Unfit(Exception):
    """A combination that cannot be.

    Attributes:
        key: the key whose value does not fit.
    """

    def __init__(self, key: str, why: str) -> None:
        super().__init__(why)
        self.key = key


def file_of(key: str, value: object, folder: Path) -> Path | None:
    """The file that a value names; None: it names none."""
    if key not in FILES or not isinstance(value, str) or not value.endswith(SUFFIX):
        return None
    return folder / value


def check(kind: Kind, given: Given, folder: Path) -> None:
    """Raises Unfit unless a run can have these values together.

    Args:
        given: by key.
        folder: where files that are named lie.
    """
    found = {
        key: str(file_of(key, value, folder) or value) if isinstance(value, str) else value
        for key, value in given.items()
    }
    for key in kind.plain_seconds.keys() & found.keys():
        _seconds(key, str(found[key]), kind.plain_seconds[key])
    _core(found)
    _CHECKS[kind.name](found)


def _seconds(key: str, text: str, least: float) -> None:
    try:
        found = units.seconds(text)
    except units.UnitError as error:
        raise Unfit(key, str(error)) from None
    if not least <= found <= SECONDS_MOST:
        raise Unfit(key, f"{text}: give {least:g}s to {SECONDS_MOST:g}s")


def _core(given: Given) -> None:
    """Lock model and layout."""
    model = given.get("model", cores.default_model())
    try:
        cores.layouts(model)
    except InvalidArgument as error:
        raise Unfit("model", error.detail) from None
    try:
        cores.check(model, given.get("layout", cores.default_layout()))
    except InvalidArgument as error:
        raise Unfit("layout", error.detail) from None


def _load(given: Given) -> None:
    if "job" in given:
        others = [key for key in given if key not in WITH_A_JOB]
        if others:
            raise Unfit(others[0], "leave it out: the job file says what each section does")
        try:
            job_file.read(Path(given["job"]))
        except UsageError as error:
            raise Unfit("job", str(error)) from None
        return
    for one in given.get("threshold", []):
        try:
            Threshold.parse(one)
        except ThresholdError as error:
            raise Unfit("threshold", str(error)) from None
    beside = ("model", "layout", "lookup", "pkeys", "workers", "threshold")
    try:
        config_of({key: value for key, value in given.items() if key not in beside} | {"seed": 1})
    except UsageError as error:
        said = str(error)
        option = re.match(r"--([a-z-]+)", said)
        key = option[1].replace("-", "_") if option else ""
        said = re.sub(r"--([a-z]+(?:-[a-z]+)*)", lambda one: one[1].replace("-", "_"), said)
        raise Unfit(key, said.removeprefix(f"{key}: ")) from None


def _mutant(given: Given) -> None:
    if "mutant" not in given:
        return
    try:
        scenario.check_applies([given["mutant"]], given.get("model", cores.default_model()))
    except (scenario.ScenarioError, InvalidArgument) as error:
        raise Unfit("mutant", getattr(error, "detail", str(error))) from None


def _race(given: Given) -> None:
    try:
        one = scenario.load(given["scenario"])
    except (scenario.ScenarioError, OSError) as error:
        raise Unfit("scenario", str(error)) from None
    model = given.get("model", "")
    if model and not one.fits(model):
        raise Unfit("scenario", f"{one.name} is for {', '.join(one.models)}, not for {model}")
    if model:
        _mutant(given)
    elif "mutant" in given:
        _known(given["mutant"])
    if "variant" in given and given["variant"] not in [each.name for each in lab.VARIANTS]:
        raise Unfit("variant", f"there are {', '.join(each.name for each in lab.VARIANTS)}")


def _known(mutant: str) -> None:
    try:
        lab.mutant(mutant)
    except InvalidArgument as error:
        raise Unfit("mutant", error.detail) from None


def _scale(given: Given) -> None:
    from vmalab_scale import machine
    from vmalab_scale.workloads import WORKLOADS

    name = given.get("workload", "own-vma")
    if name not in WORKLOADS:
        raise Unfit("workload", f"{name}: there are {', '.join(WORKLOADS)}")
    try:
        machine.read(given.get("machine", "two-sockets"))
    except machine.MachineError as error:
        raise Unfit("machine", str(error)) from None


def _crash(given: Given) -> None:
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", given.get("bursts", "2-20"))
    if not found or not 1 <= int(found[1]) <= int(found[2] or found[1]):
        raise Unfit("bursts", f"{given['bursts']}: give a number, or two as in 2-20")
    if int(found[2] or found[1]) >= given.get("actors", 24):
        raise Unfit("bursts", f"{found[0]}: more than actors, less one")
    sizes = given.get("sizes", "0")
    if not re.fullmatch(r"\s*\d+\s*(,\s*\d+\s*)*", sizes):
        raise Unfit("sizes", f"{sizes!r}: give numbers of MiB, as in 0,64,256")


_CHECKS: Final[Mapping[str, Callable[[Given], None]]] = {
    "load": _load, "lin": _mutant, "crash": _crash, "scale": _scale, "race": _race,
}  # fmt: skip
