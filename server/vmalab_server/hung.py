# SPDX-License-Identifier: Apache-2.0
"""The hung-task detector: which task holds others up for too long, said once.

The supervisor looks about once a second. An incident begins when a task has waited for a lock, or
for a grace period, for `after_s`. One line of the log says who holds it up, in which operation and
since when, and the chain of waits; another line says when it is over. The kernel's khungtaskd does
the same for tasks that sleep uninterruptibly (kernel: kernel/hung_task.c).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from vmalab_native import waiting
from vmalab_native.errors import NativeError

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

LOOK_S: Final = 1.0
"""How often it looks at most; of a small `after_s` it looks four times as often as that is long."""
Key = tuple[int, int, str]
"""Slot, pid and operation of the task that holds others up."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One task that holds others up, as it was seen last.

    Attributes:
        tree: the task, and who waits for it.
        begun_s: when it was seen first, by time.monotonic().
        labels: of its metrics, as they were then. Another value would be another series.
    """

    tree: waiting.Tree
    begun_s: float
    labels: Mapping[str, str]

    @property
    def key(self) -> Key:
        task = self.tree.task
        return task.participant, task.pid, task.operation

    @property
    def waiters(self) -> int:
        """How many wait, itself too if it does."""
        return sum(1 for _ in self.tree.below()) + (self.tree.task.wants is not None)

    @property
    def operation_s(self) -> float:
        return (self.tree.task.ages.operation_ns or 0) / 1e9

    def facts(self, events: list[str]) -> dict[str, object]:
        """The fields of the log line.

        Args:
            events: the last ones of the task that holds the others up.
        """
        task, chain = self.tree.task, _chain(self.tree)
        return {
            "pid": task.pid,
            "participant": task.participant,
            "comm": task.comm,
            "role": task.role,
            "state": task.state,
            "operation": task.operation,
            "operation_s": round(self.operation_s, 1),
            "holds": [waiting.lock_text(lock) for lock in task.holds],
            "deadlock": self.tree.circle,
            "waiting": self.waiters,
            "longest_wait_s": round(self.tree.longest_s, 1),
            "chain": [f"{waiting.who_text(one)}: {waiting.doing_text(one)}" for one in chain],
            "events": events,
        }


def _chain(tree: waiting.Tree) -> list[waiting.Task]:
    """From the one that has waited longest to the one that holds all up."""
    return waiting.chain(tree, tree.longest() or tree.task)


def _labels(tree: waiting.Tree) -> dict[str, str]:
    task = tree.task
    chain = (f"{one.pid} {one.operation or 'outside'}" for one in _chain(tree))
    return {
        "pid": str(task.pid),
        "participant": str(task.participant),
        "comm": task.comm,
        "state": task.state,
        "operation": task.operation,
        "holds": ", ".join(map(waiting.lock_text, task.holds)),
        "chain": " > ".join(chain),
    }


class HungTasks:
    """What holds others up now, and how often that was so.

    The thread of the metrics reads `now`, `begun` and `longest_wait_s`, each with one load.

    Attributes:
        now: the incidents of the last look.
        begun: incidents since the start.
        longest_wait_s: the longest wait that the last look has found, also a short one.
    """

    def __init__(
        self,
        log: FilteringBoundLogger,
        *,
        after_s: float,
        measures: bool,
        tasks: Callable[[], list[waiting.Task]],
        events: Callable[[int], list[str]],
    ) -> None:
        """
        Args:
            log: where incidents are said.
            after_s: how long a task may wait; 0: there are no incidents.
            measures: somebody reads longest_wait_s, so it looks without incidents too.
            tasks: everybody in the core, now. May raise NativeError.
            events: the last events of a participant, as text, newest last.
        """
        self._log = log
        self._after_s = after_s
        self._tasks = tasks
        self._events = events
        self._looks = measures or after_s > 0
        self._every_s = min(LOOK_S, after_s / 4) if after_s else LOOK_S
        self._due_s = 0.0
        self.now: tuple[Incident, ...] = ()
        self.begun = 0
        self.longest_wait_s = 0.0

    def look(self, now_s: float) -> None:
        """To be called often; looks when it is time to.

        Args:
            now_s: time.monotonic().
        """
        if not self._looks or now_s < self._due_s:
            return
        self._due_s = now_s + self._every_s
        try:
            trees = waiting.forest(self._tasks())
        except NativeError:  # the segment is being taken down, or is damaged: others report that
            return
        self.longest_wait_s = max((tree.longest_s for tree in trees), default=0.0)
        before = {incident.key: incident for incident in self.now}
        found = {}
        for tree in waiting.hung(trees, self._after_s) if self._after_s else ():
            incident = Incident(tree, now_s, _labels(tree))
            if incident.key in before:
                incident = replace(before[incident.key], tree=tree)
            else:
                self.begun += 1
                self._say(incident)
            found[incident.key] = incident
        for key, incident in before.items():
            if key not in found:
                self._over(incident, now_s)
        self.now = tuple(found.values())

    def _say(self, incident: Incident) -> None:
        try:
            events = self._events(incident.tree.task.participant)
        except NativeError:
            events = []
        facts = incident.facts(events)
        self._log.error(f"threads have waited for more than {self._after_s:g} s", **facts)

    def _over(self, incident: Incident, now_s: float) -> None:
        task = incident.tree.task
        self._log.info(
            "threads no longer wait for it",
            pid=task.pid,
            participant=task.participant,
            operation=task.operation,
            seen_for_s=round(now_s - incident.begun_s, 1),
        )
