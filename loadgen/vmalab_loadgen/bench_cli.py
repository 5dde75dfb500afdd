# SPDX-License-Identifier: Apache-2.0
"""`vmalab bench`: measured comparisons."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vmalab_loadgen import bench_fault, bench_rpc, host, report

app = typer.Typer(
    help="Measured comparisons. Every bench takes --quick (under 20 s) and --json.",
    no_args_is_help=True,
)
Quick = Annotated[bool, typer.Option("--quick", help="Less than 20 seconds, less exact.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("fault")
def fault(
    quick: Quick = False,
    vmas: Annotated[
        list[int] | None, typer.Option(min=1, help="Numbers of VMAs; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """One read fault on a present page, in units of an uncontended locked add."""
    from vmalab_loadgen import cli

    config = bench_fault.FaultBench.quick() if quick else bench_fault.FaultBench()
    if vmas:
        config = bench_fault.FaultBench(tuple(vmas), config.iterations, config.rounds)
    data: dict[str, Any] = cli.guarded(lambda: bench_fault.run(config))
    if as_json:
        report.print_json(data)
        return
    rows = [
        [
            f"{row['vmas']} {row['order']}",
            f"{row['fault_ns']:.1f}",
            f"{row['rmw_ns']:.2f}",
            f"{row['ratio']:.2f}",
        ]
        for row in data["rows"]
    ]
    head = ("VMAs", "fault ns", "locked add ns", "ratio")
    report.console().print(report.grid("fault under the VMA lock", head, rows))


@app.command("rpc")
def rpc(
    quick: Quick = False,
    workers: Annotated[int, typer.Option(min=1, help="Workers of the server started here.")] = 2,
    client: Annotated[
        str, typer.Option(help="Who makes the unary calls: h2load, python or auto.")
    ] = "auto",
    target: Annotated[
        str, typer.Option(help="A server started with --bench; none: one is started.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Fault beside a bare echo as unary calls, and faults through one stream of blocks."""
    from vmalab_loadgen import cli

    if client not in ("auto", "h2load", "python"):
        cli.fail(f"--client {client}: give auto, h2load or python", cli.USAGE)
    if quick:
        config = bench_rpc.RpcBench.quick(workers, client)
    else:
        config = bench_rpc.RpcBench(workers=workers, client=client)

    def measure() -> dict[str, Any]:
        with host.instance_for(target=target, mode="unary", workers=workers, bench=True) as found:
            return bench_rpc.run(config, found)

    data: dict[str, Any] = cli.guarded(measure)
    if as_json:
        report.print_json(data)
        return
    rows = [
        ("unary Fault", f"{report.count(data['unary_faults_per_s'])}/s ({data['unary_client']})"),
        ("unary Echo", f"{report.count(data['unary_echoes_per_s'])}/s"),
        ("ratio", f"{data['unary_ratio']:.3f} (rounds: {data['unary_ratio_rounds']})"),
    ]
    rows += [
        (f"stream, {row['block_ops']} a block", f"{report.count(row['faults_per_s'])} faults/s")
        for row in data["batch"]
    ]
    report.console().print(report.facts("rpc", rows))
