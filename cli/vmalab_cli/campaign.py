# SPDX-License-Identifier: Apache-2.0
"""`vmalab campaign`: many independent runs, their results, what came out."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from vmalab_cli.common import FAILED, USAGE, WORK, Json, fail, guarded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vmalab_campaign.cluster import Cluster
    from vmalab_campaign.plan import Plan, Run
    from vmalab_campaign.store import Row, Store
    from vmalab_campaign.summary import Summary, Work

HELP = (
    "Many independent runs of load, lin, crash, scale and race, the product of axes.\n\n"
    "A file says which: lock models, layouts, workloads, sizes, seeds; a list is an axis. The runs "
    "are done on a Dask cluster, on this machine or behind --scheduler. Each result is kept in a "
    "SQLite file as soon as it is there, so a campaign that was killed goes on where it was: give "
    "the same command again. `report` shows medians, spreads and what each axis does.\n\n"
    "`vmalab campaign FILE` is `vmalab campaign run FILE`."
)
EXAMPLES = """\
Examples:

vmalab campaign models.toml

vmalab campaign models.toml --plan

vmalab campaign models.toml --retry

vmalab campaign models.toml --scheduler tcp://10.0.0.1:8786

vmalab campaign list models.db --failed

vmalab campaign show models.db 7

vmalab campaign report models.db --html report.html
"""
COMMANDS: Final = ("run", "report", "list", "show")
FAILED_SHOWN: Final = 10
WORKERS_MAX: Final = 1024
Db = Annotated[Path, typer.Argument(metavar="DB", help="The file with the results.")]


class CampaignCommands(TyperGroup):
    """`campaign FILE` is `campaign run FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*COMMANDS, "--help", "-h"):
            args = ["run", *args]
        return list(super().parse_args(ctx, args))


app = typer.Typer(
    cls=CampaignCommands,
    help=HELP,
    epilog=EXAMPLES,
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.command("run")
def run_command(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="What the runs are: docs/campaigns.md.")
    ] = "",
    db: Annotated[
        str,
        typer.Option(show_default="FILE with the ending .db", help="File to keep the results in."),
    ] = "",
    scheduler: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Use the Dask cluster of this scheduler; default: one on this machine.",
        ),
    ] = "",
    workers: Annotated[
        int,
        typer.Option(
            min=0,
            max=WORKERS_MAX,
            show_default="one; without a measurement of time as many as processors",
            help="Runs at a time on this machine.",
        ),
    ] = 0,
    retry: Annotated[bool, typer.Option("--retry", help="Do failed runs again, too.")] = False,
    changed: Annotated[
        bool,
        typer.Option(
            "--changed", help="Go on although FILE is another one: results that fit it stay."
        ),
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print the runs with their commands, and end.")
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of FILE, and end.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Do the runs of a file that are not done yet.

    Exit code 0 if all runs of the file are good, 1 if some have failed.
    """
    from vmalab_campaign import plan_file, store
    from vmalab_drive import report

    if schema:
        report.print_json(plan_file.schema())
        return
    if not file:
        fail("give the FILE of a campaign; --schema prints what may stand there", USAGE)
    if scheduler and workers:
        fail("--workers is of the cluster on this machine: leave it out with --scheduler", USAGE)
    wanted = guarded(lambda: plan_file.read(Path(file)))
    for line in wanted.left_out:
        typer.echo(f"left out: {line}", err=True)
    if plan:
        _show_plan(wanted, as_json=as_json)
        return
    path = Path(db) if db else Path(file).with_suffix(".db")
    if path.absolute() == Path(file).absolute():
        fail(f"{path}: this is the file of the campaign; --db names one for the results", USAGE)
    if not path.absolute().parent.is_dir():
        fail(f"{path}: there is no folder {path.parent}", USAGE)
    begun = time.monotonic()
    with guarded(lambda: store.open_for(wanted, path, changed=changed)) as results:
        if retry:
            guarded(results.retry)
        again = f"vmalab campaign {file}" + (f" --db {db}" if db else "")
        guarded(lambda: _do(wanted, results, scheduler, workers, again))
        _end(wanted, results, time.monotonic() - begun, as_json=as_json)


def _show_plan(plan: Plan, *, as_json: bool) -> None:
    import shlex

    from vmalab_drive import report

    if as_json:
        runs = [
            {"number": run.number, "run": run.key, "kind": run.kind, "command": list(run.command)}
            for run in plan.runs
        ]
        report.print_json({"runs": runs, "left_out": list(plan.left_out)})
        return
    for run in plan.runs:
        print(f"{run.number:4}  {run.key}\n      vmalab {shlex.join(run.command)}")


def _do(plan: Plan, results: Store, scheduler: str, workers: int, again: str) -> None:
    """Do what is not done. A signal ends it, and the way on is said."""
    done = results.done()
    waiting = [run for run in plan.runs if run.key not in done]
    if not waiting:
        return
    said = f"{len(waiting)} of {len(plan.runs)} runs to do, results in {results.path}"
    typer.echo(said, err=True)
    try:
        with _cluster(plan, scheduler, workers or _workers(plan, waiting)) as cluster:
            _on(cluster, plan, results, waiting)
    except SystemExit:
        over = len(results.done())
        said = f"ended with {over} of {len(plan.runs)} runs done; it goes on with: {again}"
        typer.echo(f"vmalab: {said}", err=True)
        raise


def _workers(plan: Plan, waiting: Sequence[Run]) -> int:
    """Runs at a time: what measures time has the machine for itself."""
    cpus = len(os.sched_getaffinity(0))
    each = plan.processors or (cpus if plan.measures else 1)
    return max(1, min(cpus // each, len(waiting), WORKERS_MAX))


def _cluster(plan: Plan, scheduler: str, workers: int) -> Cluster:
    from vmalab_campaign import cluster as clusters

    return clusters.remote(scheduler) if scheduler else clusters.local(workers)


def _on(cluster: Cluster, plan: Plan, results: Store, waiting: Sequence[Run]) -> None:
    from vmalab_cli.campaign_live import Shown

    cluster.check(measures=bool(plan.measures))
    for note in cluster.notes:
        typer.echo(f"vmalab: {note}", err=True)
    before = results.done()
    shown = Shown(len(plan.runs), len(before), sum(not good for good in before.values()))
    try:
        for run, outcome in cluster.run(waiting, shown.say):
            results.add(run, outcome)
            shown.over(run.key, outcome.reason)
    finally:
        shown.end()


def _end(plan: Plan, results: Store, seconds: float, *, as_json: bool) -> None:
    """What came of it, and the exit code."""
    from vmalab_drive import report

    rows = guarded(results.rows)
    failed = [row for row in rows if not row.good]
    if as_json:
        report.print_json(
            {
                "file": plan.where,
                "db": str(results.path),
                "planned": len(plan.runs),
                "good": len(rows) - len(failed),
                "failed": [{"run": row.key, "reason": row.data["reason"]} for row in failed],
                "left_out": list(plan.left_out),
                "seconds": round(seconds, 3),
            }
        )
    else:
        print(f"{len(plan.runs)} runs: {len(rows) - len(failed)} good, {len(failed)} failed")
        for row in failed[:FAILED_SHOWN]:
            print(f"  {row.key}: {row.data['reason']}")
        if len(failed) > FAILED_SHOWN:
            print(f"  and {len(failed) - FAILED_SHOWN} more: vmalab campaign list "
                  f"{results.path} --failed")  # fmt: skip
        print(f"what came out: vmalab campaign report {results.path}")
    if failed:
        raise typer.Exit(FAILED)


# --- results ---


@app.command("report")
def report_command(
    db: Db,
    html: Annotated[str, typer.Option(help="Write a report with pictures, one file.")] = "",
    as_json: Json = False,
) -> None:
    """Show what came out: medians and spreads over seeds, what each axis does."""
    from vmalab_campaign import page, store, summary
    from vmalab_cli.load_ends import writable, write_text
    from vmalab_drive import report

    writable(html)

    def read() -> Summary:
        with store.open_to_read(db) as results:
            return summary.of(results)

    told = guarded(read)
    write_text(html, lambda: page.page_of(told))
    if as_json:
        report.print_json(told.as_dict())
        return
    _show_report(told)


def _show_report(told: Summary) -> None:
    from vmalab_campaign import summary
    from vmalab_drive import report

    console = report.console()
    console.print(
        f"{told.file}: {told.planned} runs, {told.good} good, {len(told.failed)} failed, "
        f"{told.missing} not done"
    )
    for note in told.notes:
        console.print(note)
    for work in told.works:
        console.print()
        table = report.grid(f"[{work.name}] medians over seeds, least to most", *_settings(work))
        table.padding = (0, 1)
        console.print(table)
        for line in summary.findings(work):
            console.print(line)
    for row in told.failed[:FAILED_SHOWN]:
        console.print(f"failed: {row.key}: {row.data['reason']}")


def _settings(work: Work) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the settings of a work, without figures that are 0 in all of them."""
    from vmalab_campaign import summary
    from vmalab_campaign.summary import figure_text

    figures = [
        figure
        for figure in work.figures
        if any(one.figures[figure.name].high for one in work.settings if figure.name in one.figures)
    ]
    rows = []
    for one in work.settings:
        cells = [summary.setting_text(one), str(one.good)]
        for figure in figures:
            found = one.figures.get(figure.name)
            spread = ""
            if found is not None and found.low != found.high:
                low, high = (figure_text(at, figure.unit) for at in (found.low, found.high))
                spread = f"{low} to {high}"
            cells += ["" if found is None else figure_text(found.median, figure.unit), spread]
        rows.append(cells)
    head = ["setting", "good"]
    for figure in figures:
        head += [figure.name, ""]
    return head, rows


@app.command("list")
def list_command(
    path: Annotated[
        Path, typer.Argument(metavar="DB", help="The file with the results, or a folder of them.")
    ] = Path(),
    failed: Annotated[bool, typer.Option("--failed", help="Only runs that have failed.")] = False,
    missing: Annotated[
        bool, typer.Option("--missing", help="Only runs that are not done yet.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the runs of a campaign, or the campaigns of a folder."""
    from vmalab_campaign import store
    from vmalab_drive import report

    if path.is_dir():
        _list_campaigns(path, as_json=as_json)
        return
    with guarded(lambda: store.open_to_read(path)) as results:
        done = {row.key: row for row in guarded(results.rows)}
        planned = guarded(results.planned)
    found = [
        {"number": number, "run": key, "state": _state(done.get(key)), "seconds": _of(done, key, 0)}
        | {"reason": _of(done, key, "")}
        for number, key in enumerate(planned, 1)
    ]
    wanted = {name for name, on in (("failed", failed), ("missing", missing)) if on}
    found = [one for one in found if not wanted or one["state"] in wanted]
    if as_json:
        report.print_json({"runs": found})
        return
    rows = [[str(value) for value in (one["number"], one["run"], one["state"], one["seconds"],
             one["reason"])] for one in found]  # fmt: skip
    table = report.grid(str(path), ("run", "what", "state", "seconds", "reason"), rows)
    for at in (1, 4):
        table.columns[at].justify = "left"
    report.console().print(table)


def _state(row: Row | None) -> str:
    if row is None:
        return "missing"
    return "good" if row.good else "failed"


def _of(done: dict[str, Row], key: str, nothing: float | str) -> float | str:
    """Seconds, or the reason, of a run that is over."""
    row = done.get(key)
    if row is None:
        return nothing
    found: float | str = row.data["reason" if isinstance(nothing, str) else "seconds"]
    return found


def _list_campaigns(folder: Path, *, as_json: bool) -> None:
    from vmalab_campaign import store
    from vmalab_drive import report

    found = []
    for path in store.campaigns_in(folder):
        with guarded(lambda path=path: store.open_to_read(path)) as results:  # type: ignore[misc]
            done = results.done()
            found.append(
                {"db": str(path), "file": results.fact("file"), "created": results.fact("created"),
                 "planned": len(results.planned()), "done": len(done),
                 "failed": sum(not good for good in done.values())}
            )  # fmt: skip
    if as_json:
        report.print_json({"campaigns": found})
        return
    rows = [[str(value) for value in one.values()] for one in found]
    head = ("db", "file", "created", "planned", "done", "failed")
    report.console().print(report.grid(f"campaigns in {folder.absolute()}", head, rows))


@app.command("show")
def show_command(
    db: Db,
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Its number, or what it is, as `list` shows it.")
    ],
    files: Annotated[
        str,
        typer.Option(metavar="FOLDER", help="Write the result, and the files that it left, there."),
    ] = "",
    as_json: Json = False,
) -> None:
    """Show all that is kept of a run, and its command."""
    from vmalab_campaign import store
    from vmalab_drive import report

    with guarded(lambda: store.open_to_read(db)) as results:
        keys = list(guarded(results.planned))
        key = keys[int(run) - 1] if run.isdigit() and 0 < int(run) <= len(keys) else run
        row = guarded(lambda: results.row(key))
        earlier = guarded(lambda: results.earlier(key)) if key else []  # of "" it would be all
    if row is None and key not in keys and not earlier:
        fail(f"{db}: there is no run {run!r}; `vmalab campaign list {db}` shows them", USAGE)
    if row is None:
        _missing(key, earlier)
    data = row.as_dict() | {"earlier": [one.as_dict() for one in earlier]}
    if files:
        _write_files(row, Path(files))
    if as_json:
        report.print_json(data)
        return
    _show_run(data)


def _missing(key: str, earlier: Sequence[Row]) -> NoReturn:
    for row in earlier:
        print(f"{row.data['moved']} {row.data['why']}: {row.data['reason'] or 'good'}")
    fail(f"{key}: not done yet")


def _write_files(row: Row, folder: Path) -> None:
    import json

    texts = row.as_dict()["files"]
    if row.data["result"]:
        texts = {**texts, "result.json": json.dumps(row.result, indent=1) + "\n"}
    try:
        folder.mkdir(exist_ok=True)
        for name, text in texts.items():
            (folder / Path(name).name).write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"--files {folder}: {error.strerror}")


def _show_run(data: dict[str, Any]) -> None:
    import shlex

    from vmalab_campaign.kinds import KINDS
    from vmalab_campaign.summary import figure_text
    from vmalab_drive import report

    rows = [
        ("run", f"{data['number']}, {data['key']}"),
        ("command", f"vmalab {shlex.join(data['command'])}"),
        ("state", "good" if data["good"] else f"failed: {data['reason']}"),
        ("exit code", "none" if data["exit_code"] is None else str(data["exit_code"])),
        ("time", f"{data['began']} to {data['ended']}, {data['seconds']} s"),
        ("vmalab", data["version"]),
        ("worker", data["worker"] or "local"),
        *((name, str(value)) for name, value in data["machine"].items()),
    ]
    for figure in KINDS[data["kind"]].figures:
        value = figure.of(data["result"])
        if value is not None:
            rows.append((figure.name, figure_text(value, figure.unit)))
    rows += [("left", name) for name in data["files"]]
    rows += [
        ("earlier", f"{one['moved']} {one['why']}: {one['reason'] or 'good'}")
        for one in data["earlier"]
    ]
    report.console().print(report.facts("", rows))
    if data["stderr"].strip():
        sys.stdout.write(f"standard error, its end:\n{data['stderr'].rstrip()}\n")


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="campaign", rich_help_panel=WORK)
