# SPDX-License-Identifier: Apache-2.0
"""LabService as functions from request to response: sync points, mutants, delays, scenarios.

A call that is paused at a sync point keeps its thread, in C, until it is released. So the worker
has `lab_held_max` threads more than its setting, and no more calls than that may be paused, or
waited for, in the whole instance. Calls of this service have threads of their own: who
releases is served, whatever hangs. Who waits is bounded by `lab_waits_per_worker_max`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from google.protobuf.message import Message

from vmalab.v1 import lab_pb2 as pb
from vmalab_client.block import Op
from vmalab_native import lab
from vmalab_native.errors import InvalidArgument
from vmalab_native.race.scenario import LETTERS, applies
from vmalab_server import failures, lab_runs
from vmalab_server.entry import Entry
from vmalab_server.limits import Limits

HOLD_MS_DEFAULT = 10_000
RUN_MS_DEFAULT = 10_000
DELAY_US_MAX = 100_000
_LOOK_S = 0.2
_OPS = {int(op): op.name for op in Op if op is not Op.NOP}
_LETTERS = {letter: model for model, letter in LETTERS.items()}
_POINTS = {point.name: number for number, point in enumerate(lab.POINTS)}
_MUTANTS = {mutant.name: [_LETTERS[one] for one in mutant.kind] for mutant in lab.MUTANTS}


class NoLab:
    """LabService of a server with a release core: every method refuses."""

    def __getattr__(self, name: str) -> Callable[[Message], NoReturn]:
        def refuse(request: Message) -> NoReturn:
            raise failures.Precondition(
                "NO_LAB",
                "this server runs a release core, which has no sync points: start the server with"
                " --lab",
                remedy="start the server with --lab",
            )

        return refuse

    def stop(self) -> None:
        """Nothing is held."""


def _holder(holder: lab.Holder) -> pb.Holder:
    return pb.Holder(
        participant=holder.participant,
        pid=holder.pid,
        mm=holder.mm,
        op=_OPS.get(holder.op, ""),
    )


def _unknown(field: str, name: str, there: Iterable[str]) -> failures.InvalidRequest:
    return failures.bad_argument(field, f"{name!r} is not known; there are {', '.join(there)}")


def _point(name: str) -> str:
    if name not in _POINTS:
        raise _unknown("point", name, _POINTS)
    return name


class LabHandlers:
    """The methods of LabService."""

    def __init__(self, entry: Entry, *, limits: Limits) -> None:
        self._entry = entry
        self._limits = limits
        self._lock = threading.Lock()
        self._waits = 0
        self._stopping = threading.Event()
        self._runs = lab_runs.Runs()

    def stop(self) -> None:
        """Everyone who is held goes on, nobody waits any more, no gate can be armed."""
        self._stopping.set()
        self._runs.stop()
        with self._entry.borrowed() as participant:
            lab.open_gates(participant)

    # --- helpers ---

    def _too_much(self, limit: str, got: int) -> failures.InvalidRequest:
        return failures.InvalidRequest(
            "TOO_LONG",
            self._limits.message(limit, got=got),
            limit=limit,
            max=str(getattr(self._limits, limit)),
            got=str(got),
        )

    def _exhausted(self, reason: str, limit: str, got: int) -> failures.Exhausted:
        return failures.Exhausted(
            reason,
            self._limits.message(limit, got=got),
            limit=limit,
            max=str(getattr(self._limits, limit)),
            got=str(got),
        )

    def _serving(self) -> None:
        if self._stopping.is_set():
            raise failures.Refused("STOPPING", "the worker is stopping: use another one")

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Counts a call that occupies a thread for long."""
        limit = self._limits.lab_waits_per_worker_max
        self._serving()
        with self._lock:
            if self._waits >= limit:
                name = "lab_waits_per_worker_max"
                raise self._exhausted("LAB_WAITS_LIMIT", name, self._waits + 1)
            self._waits += 1
        try:
            yield
        finally:
            with self._lock:
                self._waits -= 1

    def _check_held(self, point: str, count: int) -> None:
        """No more are held, or waited for to be held, than there are threads to spare."""
        participant = self._entry.participant()
        total = count
        for gate in lab.gates(participant):
            total += gate.held + (gate.armed if gate.point != point else 0)
        if count and total > self._limits.lab_held_max:
            raise self._exhausted("LAB_HELD_LIMIT", "lab_held_max", total)

    # --- sync points ---

    def list_points(self, request: pb.ListPointsRequest) -> pb.ListPointsResponse:
        participant = self._entry.participant()
        answer = pb.ListPointsResponse()
        for point, gate in zip(lab.POINTS, lab.gates(participant), strict=True):
            answer.points.add(
                name=point.name,
                kind=point.kind,
                text=point.text,
                armed=gate.armed,
                reached=gate.reached,
            )
        for holder in lab.holders(participant):
            answer.points[_POINTS[holder.point]].holders.append(_holder(holder))
        return answer

    def arm_point(self, request: pb.ArmPointRequest) -> pb.ArmPointResponse:
        point = _point(request.point)
        hold_ms = request.hold_ms or HOLD_MS_DEFAULT
        if hold_ms > self._limits.lab_hold_ms_max:
            raise self._too_much("lab_hold_ms_max", hold_ms)
        participant = self._entry.participant()
        if request.mm and all(info.id != request.mm for info in participant.mm_list()):
            raise failures.no_such_mm(request.mm)
        with self._lock:
            self._serving()
            self._check_held(point, request.count)
            count = request.count
            lab.arm(participant, point, mm=request.mm, count=count, hold_s=hold_ms / 1000)
        return pb.ArmPointResponse()

    def wait_point(self, request: pb.WaitPointRequest) -> pb.WaitPointResponse:
        point = _point(request.point)
        if request.timeout_ms > self._limits.lab_hold_ms_max:
            raise self._too_much("lab_hold_ms_max", request.timeout_ms)
        participant = self._entry.participant()
        deadline = time.monotonic() + request.timeout_ms / 1000
        with self._waiting():
            while True:
                left = max(0.0, deadline - time.monotonic())
                found = lab.wait_held(participant, point, timeout_s=min(left, _LOOK_S))
                self._serving()
                if found or left == 0:
                    break
        holders = [_holder(one) for one in lab.holders(participant) if one.point == point]
        return pb.WaitPointResponse(holders=holders)

    def release_point(self, request: pb.ReleasePointRequest) -> pb.ReleasePointResponse:
        points = [_point(request.point)] if request.point else list(_POINTS)
        participant = self._entry.participant()
        released = 0
        for point in points:
            if request.disarm:
                lab.arm(participant, point, count=0)
            released += lab.release(participant, point)
        return pb.ReleasePointResponse(released=released)

    def set_delays(self, request: pb.SetDelaysRequest) -> pb.SetDelaysResponse:
        if request.us_max > DELAY_US_MAX:
            raise failures.bad_argument("us_max", f"{request.us_max}, at most {DELAY_US_MAX}")
        lab.set_delays(
            self._entry.participant(),
            seed=request.seed,
            one_in=request.one_in,
            us_max=request.us_max,
        )
        return pb.SetDelaysResponse()

    def get_coverage(self, request: pb.GetCoverageRequest) -> pb.GetCoverageResponse:
        return pb.GetCoverageResponse(passed=lab.coverage(self._entry.participant()))

    # --- mutants ---

    def list_mutants(self, request: pb.ListMutantsRequest) -> pb.ListMutantsResponse:
        on = lab.mutants_on(self._entry.participant())
        answer = pb.ListMutantsResponse()
        for mutant in lab.MUTANTS:
            answer.mutants.add(
                name=mutant.short,
                full_name=mutant.name,
                lock_models=_MUTANTS[mutant.name],
                text=mutant.text,
                on=mutant.name in on,
            )
        return answer

    def set_mutants(self, request: pb.SetMutantsRequest) -> pb.SetMutantsResponse:
        model = self._entry.segment.config.model
        for name in request.names:
            try:
                full = lab.mutant(name).name
            except InvalidArgument as error:
                raise failures.bad_argument("names", error.detail) from None
            if not applies(full, model):
                there = _MUTANTS[full]
                raise failures.bad_argument(
                    "names", f"{name} does not apply to {model}; it applies to {', '.join(there)}"
                )
        lab.set_mutants(self._entry.participant(), list(request.names))
        return pb.SetMutantsResponse()

    def get_mutants(self, request: pb.GetMutantsRequest) -> pb.GetMutantsResponse:
        on = lab.mutants_on(self._entry.participant())
        return pb.GetMutantsResponse(names=[lab.mutant(one).short for one in on], full_names=on)

    # --- scenarios ---

    def list_scenarios(self, request: pb.ListScenariosRequest) -> pb.ListScenariosResponse:
        return pb.ListScenariosResponse(
            scenarios=[
                pb.Scenario(
                    name=one.name,
                    title=one.title,
                    lock_models=one.models,
                    mutants=[lab.mutant(name).short for name in one.finds],
                    mutant_full_names=list(one.finds),
                )
                for one in lab_runs.scenarios()
            ]
        )

    def run_scenario(self, request: pb.RunScenarioRequest) -> pb.RunScenarioResponse:
        time_ms = request.time_ms or min(RUN_MS_DEFAULT, self._limits.lab_run_ms_max)
        if time_ms > self._limits.lab_run_ms_max:
            raise self._too_much("lab_run_ms_max", time_ms)
        order = lab_runs.Order(
            name=request.name,
            lock_model=request.lock_model or self._entry.segment.config.model,
            mutant=request.mutant,
            strategy=request.strategy or lab_runs.STRATEGIES[0],
            schedules=request.schedules,
            seed=request.seed or 1,
            time_ms=time_ms,
        )
        try:
            order.check()
        except ValueError as error:
            raise failures.InvalidRequest("BAD_ARGUMENT", str(error)) from None
        with self._waiting():
            try:
                facts = self._runs.run(order)
            except lab_runs.RunError as error:
                self._serving()
                raise failures.CoreFailure("LAB_RUN_FAILED", str(error)) from None
        return pb.RunScenarioResponse(**facts)
