# SPDX-License-Identifier: Apache-2.0
"""`vmalab load --job FILE`: several groups of callers side by side."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from vmalab_cli import common, load_agent
from vmalab_cli.load_ends import (
    check_instance,
    exit_with,
    said,
    say_verdicts,
    writable,
    write_text,
)

if TYPE_CHECKING:
    from rich.table import Table

    from vmalab_loadgen.job import JobResult
    from vmalab_loadgen.job_file import Job

BESIDE: Final = (
    "job", "schema", "seed", "check", "target", "instance", "workers", "model", "layout", "pkeys",
    "lookup", "as_json", "json_file", "csv", "hdr", "html", "svg", "target_token_file", "target_ca",
    "target_cert", "target_key",
)  # fmt: skip
"""Options that hold for a job; the others are keys of its sections."""


def command(context: typer.Context, given: Mapping[str, Any]) -> None:
    """What `--job` and `--schema` do."""
    from vmalab_drive import report
    from vmalab_drive.errors import UsageError
    from vmalab_loadgen import job as job_of
    from vmalab_loadgen import job_file, job_files, job_page, job_picture

    if given["schema"]:
        report.print_json(job_file.schema())
        return
    for name in given:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE" and name not in BESIDE:
            option = name.replace("_", "-")
            what = f"--{option} with --job: leave it out, the file says what each section does"
            common.fail(what, common.USAGE)
    try:
        job = job_file.read(Path(given["job"]), seed=given["seed"])
    except UsageError as error:
        common.fail(str(error), common.USAGE)
    if given["check"]:
        job = _checked(job)
    lookup = check_instance(given)
    writable(*(given[name] for name in ("json_file", "csv", "hdr", "html", "svg")))
    print(f"seed {job.seed}", file=sys.stderr)
    result = _run(job, given)
    data = result.as_dict() | {"lookup": lookup}
    write_text(given["json_file"], lambda: json.dumps(data, indent=1) + "\n")
    started = result.whole.started
    write_text(given["csv"], lambda: job_files.csv_text(result.results))
    write_text(given["hdr"], lambda: job_files.hdr_log(result.results, started))
    write_text(given["html"], lambda: job_page.page_of(data))
    write_text(given["svg"], lambda: job_picture.picture(data))
    if given["as_json"]:
        report.print_json(data)
    else:
        console = report.console()
        for one in tables(data):
            console.print(one)
    for finding in job_of.findings(data):
        typer.echo(f"vmalab: {finding}", err=True)
    for section in result.results:
        say_verdicts(section, f"[{section.name}] ")
    exit_with(result.whole.ended_by, good=result.good)


def _checked(job: Job) -> Job:
    sections = tuple(
        dataclasses.replace(one, config=dataclasses.replace(one.config, check=True))
        for one in job.sections
    )
    return dataclasses.replace(job, sections=sections)


def _run(job: Job, given: Mapping[str, Any]) -> JobResult:
    """The job, shown while it runs."""
    from vmalab_cli.load_live import Shown
    from vmalab_drive import instances
    from vmalab_loadgen import job as job_of

    modes = {one.config.mode for one in job.sections}
    if "attach" in modes and given["target"] and not given["instance"]:
        what = "--target without --instance: a section attaches, which is to an instance"
        common.fail(what, common.USAGE)
    names = ("target", "instance", "workers", "model", "layout", "pkeys", "lookup")
    mode = "attach" if modes == {"attach"} else "batch"
    first = dataclasses.replace(job.sections[0].config, stages=(), warmup_s=0.0)
    shown = Shown(first, table=not given["as_json"])

    def run() -> JobResult:
        with instances.instance_for(mode=mode, **{name: given[name] for name in names}) as found:
            return job_of.run(job, load_agent.secured(found, given), shown)

    try:
        with said(shown):
            return common.guarded(run)
    finally:
        shown.end()


def tables(data: Mapping[str, Any]) -> list[Table]:
    """The job as a whole, and the kinds of operations of each section."""
    from vmalab_cli.load_tables import kinds_of, soundness
    from vmalab_drive import report
    from vmalab_loadgen.job_page import row_of

    found = [report.facts("job", _facts(data))]
    rows = [row_of(name, one) for name, one in data["sections"].items()]
    head = ("section", "work", "callers", "per s", "of asked", "p50", "p99", "wrong", "good")
    sections = report.grid("sections, corrected latency", head, rows)
    sections.padding = (0, 1)
    found.append(sections)
    for name, one in data["sections"].items():
        found.append(kinds_of(one, f"{name}: operations, latency of {one['latency_of']}"))
    return found + soundness(data)


def _facts(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    from vmalab_cli.load_tables import core_facts
    from vmalab_drive import report

    return [
        ("job", data["job"]),
        ("seed", str(data["seed"])),
        ("time", f"{data['seconds']} s"),
        ("operations", f"{report.count(data['ops'])}, {report.count(data['ops_per_s'])}/s"),
        ("faults", f"{report.count(data['faults_per_s'])}/s"),
        *core_facts(data),
    ]
