# SPDX-License-Identifier: Apache-2.0
"""Runs the sections of a job file side by side, and makes one report of what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vmalab_drive import drivers
from vmalab_loadgen import load
from vmalab_loadgen.job_file import Job
from vmalab_loadgen.result import LoadResult

SCHEMA: Final = "vmalab-load-job"
SCHEMA_VERSION: Final = 1
OF_THE_JOB: Final = (
    "locks", "vmstat", "vma_objects_reused", "vma_objects_allocated", "checked", "problems",
    "leaks", "machine",
)  # fmt: skip
"""Keys of a load's report that no section has: one core serves all of them."""
OF_ALL: Final = (
    "seconds", "ops", "ops_per_s", "faults_per_s", "ops_by_kind", "errnos", "client", "wrong",
    "wrong_first", "lost", "dropped", "callers", "processes", *OF_THE_JOB,
)  # fmt: skip
"""Keys that say something of all sections together. Latency does not: modes time other things."""


@dataclass(slots=True)
class JobResult:
    """What came of a job."""

    job: Job
    results: list[LoadResult]
    whole: LoadResult

    @property
    def good(self) -> bool:
        sound = not self.whole.problems and not self.whole.leaks and not self.whole.lost
        return sound and all(one.good for one in self.results)

    def as_dict(self) -> dict[str, Any]:
        """Everything, for `--json`."""
        whole = self.whole.as_dict(histograms=False)
        intervals = [
            {name: one[name] for name in ("begin_s", "end_s", "ops", "ops_per_s", "errors")}
            for one in whole["intervals"]
        ]
        return {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "job": self.job.name,
            "seed": self.job.seed,
            "started": whole["started"],
            "ended_by": whole["ended_by"],
            "good": self.good,
            **{name: whole[name] for name in OF_ALL},
            "interval_s": whole["interval_s"],
            "intervals": intervals,
            "sections": {one.name: _of_section(one) for one in self.results},
        }


def _of_section(result: LoadResult) -> dict[str, Any]:
    data = result.as_dict()
    left = {name: value for name, value in data.items() if name not in OF_THE_JOB}
    return {"start_after_s": result.config.start_after_s, **left}


def run(job: Job, target: drivers.Target, progress: load.Progress | None = None) -> JobResult:
    """Run a job.

    Raises:
        as load.run()
    """
    sections = {one.name: one.config for one in job.sections}
    results, whole = load.run_job(sections, target, progress)
    for section, result in zip(job.sections, results, strict=True):
        result.verdicts = [one.judge(result) for one in section.thresholds]
    return JobResult(job, results, whole)


def findings(data: Mapping[str, Any]) -> list[str]:
    """What has to be known of each section, and of all, a sentence each."""
    from vmalab_loadgen import page

    found = []
    for name, one in data["sections"].items():
        alone = {**one, "problems": [], "leaks": {}}
        found += [f"[{name}] {sentence}" for sentence in page.findings(alone)]
    none = {"ended_by": "", "reached": True, "renewals": 0, "renewals_due": 0,
            "client": {"bound": False}, "lost": []}  # fmt: skip
    return found + page.findings({**data, **none})
