# SPDX-License-Identifier: Apache-2.0
"""`client.lab`: script a race in an instance that was started with --lab.

::

    client.lab.arm("read_granted", mm=mm.mm)
    ...                                        # a fault of mm in another thread
    client.lab.wait("read_granted")            # until it stands there, with its VMA read-locked
    ...                                        # a munmap in a third: it waits
    client.lab.release("read_granted")

On a server without the lab every method raises InvalidRequest with reason NO_LAB.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from vmalab.v1 import lab_pb2 as pb
from vmalab_client import transport, types
from vmalab_client.errors import DeadlineExceeded

if TYPE_CHECKING:
    from vmalab.v1.lab_pb2_grpc import LabServiceAsyncStub, LabServiceStub
    from vmalab_client.calls import AsyncCalls, Calls

_OVERTIME_S = 70.0
"""A run builds its core, learns what is possible and shortens what it finds."""


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def _holders(answer: pb.SyncPoint | pb.WaitPointResponse) -> tuple[types.HolderInfo, ...]:
    return tuple(transport.record(types.HolderInfo, one) for one in answer.holders)


def _point(message: pb.SyncPoint) -> types.SyncPointInfo:
    return types.SyncPointInfo(
        name=message.name,
        kind=message.kind,
        text=message.text,
        armed=message.armed,
        reached=message.reached,
        holders=_holders(message),
    )


def _mutant(message: pb.Mutant) -> types.MutantInfo:
    models = tuple(message.lock_models)
    return types.MutantInfo(message.name, models, message.text, message.on, message.full_name)


def _scenario(message: pb.Scenario) -> types.ScenarioInfo:
    models, mutants = tuple(message.lock_models), tuple(message.mutants)
    names = tuple(message.mutant_full_names)
    return types.ScenarioInfo(message.name, message.title, models, mutants, names)


def _result(message: pb.RunScenarioResponse) -> types.RunResult:
    return types.RunResult(
        verdict=message.verdict,
        invariant=message.invariant,
        text=message.text,
        schedule=message.schedule,
        trace=tuple(message.trace),
        schedules=message.schedules,
        complete=message.complete,
        seed=message.seed,
        lock_model=message.lock_model,
    )


def _came(
    point: str, timeout_s: float, answer: pb.WaitPointResponse
) -> tuple[types.HolderInfo, ...]:
    if not answer.holders:
        raise DeadlineExceeded(
            f"nobody came to {point} in {timeout_s:g} s", reason="NOBODY_CAME", code="OK"
        )
    return _holders(answer)


class Lab:
    """The lab of a Client."""

    def __init__(self, client: Calls, stub: LabServiceStub) -> None:
        self._client = client
        self._stub = stub

    def points(self) -> list[types.SyncPointInfo]:
        """Every sync point, whether it is armed, and which calls are paused there."""
        answer = self._client.call(self._stub.ListPoints, pb.ListPointsRequest())
        return [_point(one) for one in answer.points]

    def arm(self, point: str, *, mm: int = 0, count: int = 1, hold_s: float = 60.0) -> None:
        """Hold the next `count` calls that come to a sync point, in that mm or in any (0).

        Args:
            hold_s: at most so long; then they go on by themselves.

        Raises:
            LimitReached: more calls than `lab_held_max` would be held in the instance.
        """
        request = pb.ArmPointRequest(point=point, mm=mm, count=count, hold_ms=_ms(hold_s))
        self._client.call(self._stub.ArmPoint, request)

    def disarm(self, point: str) -> None:
        """Hold nobody more at a sync point; those who are held stay."""
        self._client.call(self._stub.ArmPoint, pb.ArmPointRequest(point=point))

    def wait(self, point: str, *, timeout_s: float = 60.0) -> tuple[types.HolderInfo, ...]:
        """Wait until a call is paused at a sync point; returns those. Raises DeadlineExceeded."""
        request = pb.WaitPointRequest(point=point, timeout_ms=_ms(timeout_s))
        answer = self._client.call(self._stub.WaitPoint, request, more_s=timeout_s)
        return _came(point, timeout_s, answer)

    def release(self, point: str = "", *, disarm: bool = False) -> int:
        """Release the calls paused at a sync point, or (no name) at every one: how many.

        Args:
            disarm: no further call is paused there.
        """
        request = pb.ReleasePointRequest(point=point, disarm=disarm)
        answer = self._client.call(self._stub.ReleasePoint, request)
        return answer.released

    def set_delays(self, *, seed: int, one_in: int, us_max: int) -> None:
        """A pause of up to `us_max` at one of `one_in` sync points, at random; 0: no more."""
        request = pb.SetDelaysRequest(seed=seed, one_in=one_in, us_max=us_max)
        self._client.call(self._stub.SetDelays, request)

    def coverage(self) -> dict[str, int]:
        """How often each sync point was passed, in all of the instance."""
        answer = self._client.call(self._stub.GetCoverage, pb.GetCoverageRequest())
        return dict(answer.passed)

    def mutants(self) -> list[types.MutantInfo]:
        """The bugs that can be switched on, and which are."""
        answer = self._client.call(self._stub.ListMutants, pb.ListMutantsRequest())
        return [_mutant(one) for one in answer.mutants]

    def set_mutants(self, names: Iterable[str]) -> None:
        """Switch these on, by name or number, and all others off."""
        request = pb.SetMutantsRequest(names=list(names))
        self._client.call(self._stub.SetMutants, request)

    def mutants_on(self) -> list[str]:
        """Those that are on, as MutantInfo.name has them."""
        answer = self._client.call(self._stub.GetMutants, pb.GetMutantsRequest())
        return list(answer.names)

    def scenarios(self) -> list[types.ScenarioInfo]:
        """The scenarios that run() knows."""
        answer = self._client.call(self._stub.ListScenarios, pb.ListScenariosRequest())
        return [_scenario(one) for one in answer.scenarios]

    def run(
        self,
        name: str,
        *,
        lock_model: str = "",
        mutant: str = "",
        strategy: str = "",
        schedules: int = 0,
        seed: int = 0,
        time_s: float = 10.0,
    ) -> types.RunResult:
        """Run schedules of a scenario until an invariant breaks, apart from the instance.

        Args:
            lock_model: "": the instance's.
            mutant: to switch on, by name or number; "": the intact core.
            strategy: "exhaustive", "pct" or "random"; "": the first.
            schedules: at most so many; 0: as the scenario says.
            seed: of what is random; 0: 1.
            time_s: at most so long.
        """
        request = pb.RunScenarioRequest(
            name=name,
            lock_model=lock_model,
            mutant=mutant,
            strategy=strategy,
            schedules=schedules,
            seed=seed,
            time_ms=_ms(time_s),
        )
        more_s = time_s + _OVERTIME_S
        answer = self._client.call(self._stub.RunScenario, request, more_s=more_s)
        return _result(answer)


class AsyncLab:
    """The same as coroutines; the arguments are those of Lab."""

    def __init__(self, client: AsyncCalls, stub: LabServiceAsyncStub) -> None:
        self._client = client
        self._stub = stub

    async def points(self) -> list[types.SyncPointInfo]:
        """Every sync point, whether it is armed, and which calls are paused there."""
        answer = await self._client.call(self._stub.ListPoints, pb.ListPointsRequest())
        return [_point(one) for one in answer.points]

    async def arm(self, point: str, *, mm: int = 0, count: int = 1, hold_s: float = 60.0) -> None:
        """Hold the next `count` calls that come to a sync point, in that mm or in any (0)."""
        request = pb.ArmPointRequest(point=point, mm=mm, count=count, hold_ms=_ms(hold_s))
        await self._client.call(self._stub.ArmPoint, request)

    async def disarm(self, point: str) -> None:
        """Hold nobody more at a sync point; those who are held stay."""
        await self._client.call(self._stub.ArmPoint, pb.ArmPointRequest(point=point))

    async def wait(self, point: str, *, timeout_s: float = 60.0) -> tuple[types.HolderInfo, ...]:
        """Wait until a call is paused at a sync point; returns those. Raises DeadlineExceeded."""
        request = pb.WaitPointRequest(point=point, timeout_ms=_ms(timeout_s))
        answer = await self._client.call(self._stub.WaitPoint, request, more_s=timeout_s)
        return _came(point, timeout_s, answer)

    async def release(self, point: str = "", *, disarm: bool = False) -> int:
        """Release the calls paused at a sync point, or (no name) at every one: how many."""
        request = pb.ReleasePointRequest(point=point, disarm=disarm)
        answer = await self._client.call(self._stub.ReleasePoint, request)
        return answer.released

    async def set_delays(self, *, seed: int, one_in: int, us_max: int) -> None:
        """A pause of up to `us_max` at one of `one_in` sync points, at random; 0: no more."""
        request = pb.SetDelaysRequest(seed=seed, one_in=one_in, us_max=us_max)
        await self._client.call(self._stub.SetDelays, request)

    async def coverage(self) -> dict[str, int]:
        """How often each sync point was passed, in all of the instance."""
        answer = await self._client.call(self._stub.GetCoverage, pb.GetCoverageRequest())
        return dict(answer.passed)

    async def mutants(self) -> list[types.MutantInfo]:
        """The bugs that can be switched on, and which are."""
        answer = await self._client.call(self._stub.ListMutants, pb.ListMutantsRequest())
        return [_mutant(one) for one in answer.mutants]

    async def set_mutants(self, names: Iterable[str]) -> None:
        """Switch these on, by name or number, and all others off."""
        request = pb.SetMutantsRequest(names=list(names))
        await self._client.call(self._stub.SetMutants, request)

    async def mutants_on(self) -> list[str]:
        """Those that are on, as MutantInfo.name has them."""
        answer = await self._client.call(self._stub.GetMutants, pb.GetMutantsRequest())
        return list(answer.names)

    async def scenarios(self) -> list[types.ScenarioInfo]:
        """The scenarios that run() knows."""
        answer = await self._client.call(self._stub.ListScenarios, pb.ListScenariosRequest())
        return [_scenario(one) for one in answer.scenarios]

    async def run(
        self,
        name: str,
        *,
        lock_model: str = "",
        mutant: str = "",
        strategy: str = "",
        schedules: int = 0,
        seed: int = 0,
        time_s: float = 10.0,
    ) -> types.RunResult:
        """Run schedules of a scenario until an invariant breaks, apart from the instance."""
        request = pb.RunScenarioRequest(
            name=name,
            lock_model=lock_model,
            mutant=mutant,
            strategy=strategy,
            schedules=schedules,
            seed=seed,
            time_ms=_ms(time_s),
        )
        more_s = time_s + _OVERTIME_S
        answer = await self._client.call(self._stub.RunScenario, request, more_s=more_s)
        return _result(answer)
