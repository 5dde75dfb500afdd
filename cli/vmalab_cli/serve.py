# SPDX-License-Identifier: Apache-2.0
"""`vmalab serve`."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vmalab_cli.common import BROKEN, FAILED, SERVE, USAGE, fail

if TYPE_CHECKING:
    from vmalab_server.supervisor import Ready

_SECURITY = "Addresses that others can reach (certificate, key and token are needed)"
_SIZES = "Sizes of the segment"
_TIMES = "Times"
_SUFFIXES = {"K": 10, "M": 20, "G": 30}

EXAMPLES = """\
[bold]Examples[/bold]

vmalab serve --listen 127.0.0.1:0 --json [dim]# any free port; one JSON line says which[/dim]

vmalab serve --instance lab --workers 4 --pin off --unix-dir /run/vmalab

vmalab serve --model refcount --layout packed [dim]# vmalab layout --list has them all[/dim]

vmalab serve --lab [dim]# slower; a test can script races (docs/lab.md)[/dim]

vmalab serve --limit block_bytes_max=1048576 --mms-max 64

vmalab serve --listen 0.0.0.0:7420 --tls-cert c.pem --tls-key k.pem --token-file t
"""


def parse_size(text: str) -> int:
    """Bytes of "512M" or "1G". Raises typer.BadParameter."""
    digits, shift = text, 0
    if text and text[-1].upper() in _SUFFIXES:
        digits, shift = text[:-1], _SUFFIXES[text[-1].upper()]
    if not digits.isdigit():
        raise typer.BadParameter(f"{text!r} is not a size, as 512M or 1G")
    return int(digits) << shift


def show_ready(ready: Ready) -> None:
    """Print where the instance is."""
    core = f"{ready.model}, {ready.layout}"
    typer.echo(f"vmalab: instance {ready.instance!r} ({core}) serves at {ready.address}", err=True)
    for worker in ready.workers:
        cpu = f"core {worker.cpu}" if worker.cpu >= 0 else "any core"
        unix = f"  unix:{worker.unix_path}" if worker.unix_path else ""
        typer.echo(
            f"  worker {worker.index}: pid {worker.pid}, {cpu}, {worker.address}{unix}", err=True
        )
    if ready.metrics_address:
        typer.echo(f"  metrics: http://{ready.metrics_address}/metrics", err=True)
    typer.echo("  Ctrl-C stops it.", err=True)


def show_adjustable(limit: list[str], quota: list[str]) -> None:
    """Print what --limit or --quota takes, and end, if `help` is what they were given."""
    from vmalab_server.config import adjustable_limits, adjustable_quotas

    asked = [(limit, "limit", adjustable_limits), (quota, "quota", adjustable_quotas)]
    for given, what, known in asked:
        if "help" not in given:
            continue
        rows = [(one.name, one.default, one.allowed, one.text) for one in known()]
        rows = [(what, "default", "allowed", "of what"), *rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            line = "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
            typer.echo(line.rstrip())
    if "help" in [*limit, *quota]:
        raise typer.Exit


# The options of serve. None: not given, the configuration's default or the environment holds.
Instance = Annotated[
    str | None,
    typer.Option("--instance", "-i", help="Name of the instance.", show_default="default"),
]
Listen = Annotated[
    str | None,
    typer.Option(help="Address, host:port; port 0: any free one.", show_default="127.0.0.1:7420"),
]
Workers = Annotated[
    int | None, typer.Option("--workers", "-w", help="Worker processes.", show_default="2")
]
Threads = Annotated[
    int | None, typer.Option(help="Threads of a worker for unary calls.", show_default="6")
]
Pin = Annotated[
    str | None,
    typer.Option(
        help="Pin each worker to a core: auto (if there is one for each), on, off.",
        show_default="auto",
    ),
]
UnixDir = Annotated[
    Path | None, typer.Option(help="Folder for a Unix socket of each worker, beside TCP.")
]
Model = Annotated[
    str | None,
    typer.Option(help="Lock model; vmalab layout --list.", show_default="typesafe-rwsem"),
]
Layout = Annotated[
    str | None, typer.Option(help="Layout of vm_area_struct.", show_default="aligned")
]
Front = Annotated[
    str | None,
    typer.Option(
        help="What answers calls: bounded (those that wait for nothing at once, the others in"
        " threads), pool (threads) or cq (as bounded, in a loop of our own).",
        show_default="bounded",
    ),
]
Bench = Annotated[bool | None, typer.Option("--bench", help="Register BenchService (bare echo).")]
Lab = Annotated[
    bool | None,
    typer.Option("--lab", help="The lab core, with LabService: sync points, mutants, scenarios."),
]
MetricsListen = Annotated[str | None, typer.Option(help="Prometheus endpoint, loopback host:port.")]
ReplaceStale = Annotated[
    bool | None,
    typer.Option("--replace-stale", help="Discard what a killed server left behind."),
]
Limit = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="A limit of the service; may be repeated. --limit help lists them.",
    ),
]
TlsCert = Annotated[
    Path | None,
    typer.Option(help="File with the TLS certificate (PEM).", rich_help_panel=_SECURITY),
]
TlsKey = Annotated[
    Path | None,
    typer.Option(help="File with the key of the certificate (PEM).", rich_help_panel=_SECURITY),
]
TlsClientCa = Annotated[
    Path | None,
    typer.Option(
        help="File with the certificate (PEM) that signs those of clients: a client without one"
        " is refused.",
        rich_help_panel=_SECURITY,
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        help="File with the tokens that clients send: lines NAME:TOKEN.", rich_help_panel=_SECURITY
    ),
]
Share = Annotated[
    str | None,
    typer.Option(
        help="Who may use an address space or a file: all, own (who made it, and whom it is shared"
        " with) or auto (all on a loopback address, else own).",
        show_default="auto",
        rich_help_panel=_SECURITY,
    ),
]
AdvertiseHost = Annotated[
    str | None,
    typer.Option(help="Host name in the list of workers.", rich_help_panel=_SECURITY),
]
Size = Annotated[
    str | None,
    typer.Option(
        help="Size of the segment, as 64M or 1G; memory is allocated as it is used.",
        show_default="1G",
        rich_help_panel=_SIZES,
    ),
]
MmsMax = Annotated[
    int | None,
    typer.Option(help="Limit: address spaces.", show_default="1024", rich_help_panel=_SIZES),
]
ParticipantsMax = Annotated[
    int | None,
    typer.Option(
        help="Limit: threads that use the segment.", show_default="256", rich_help_panel=_SIZES
    ),
]
FramesMax = Annotated[
    int | None,
    typer.Option(help="Limit: page frames.", show_default="4194304", rich_help_panel=_SIZES),
]
FilesMax = Annotated[
    int | None, typer.Option(help="Limit: files.", show_default="4096", rich_help_panel=_SIZES)
]
VmasPerMmMax = Annotated[
    int | None,
    typer.Option(
        help="Limit: VMAs of one address space.", show_default="65530", rich_help_panel=_SIZES
    ),
]
Quota = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="What one client may have of the instance; may be repeated. --quota help lists them.",
        rich_help_panel=_SIZES,
    ),
]
Rcu = Annotated[
    str | None,
    typer.Option(
        help="RCU flavour: auto, membarrier or fenced.", show_default="auto", rich_help_panel=_SIZES
    ),
]
Lookup = Annotated[
    str | None,
    typer.Option(
        help="How a fault finds its VMA: walk (of the tree, as the kernel does), or cache (lookups "
        "that each participant keeps).",
        show_default="walk",
        rich_help_panel=_SIZES,
    ),
]
WriterWait = Annotated[
    str | None,
    typer.Option(
        help="How a writer of the refcount model waits for a VMA's readers: sleep at once, as the "
        "kernel does, or spin before.",
        show_default="sleep",
        rich_help_panel=_SIZES,
    ),
]
Slab = Annotated[
    str | None,
    typer.Option(
        metavar="NAME=VALUE,...",
        help="How VMAs are made and freed: ctor=model|page|alloc, reset=alloc|free, "
        "freeptr=none|outside|overlaid, magazine=2..64 or sheaf, barn=no|yes, "
        "merge=no|yes.",
        show_default="magazine=52",
        rich_help_panel=_SIZES,
    ),
]
Events = Annotated[
    str | None,
    typer.Option(
        help="Each process keeps its last events, for vmalab trace: on or off.",
        show_default="on",
        rich_help_panel=_SIZES,
    ),
]
SampleFaults = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="One fault in N is an event, a power of two; 0: none. Other calls always are.",
        show_default="1024",
        rich_help_panel=_SIZES,
    ),
]
Pkeys = Annotated[
    str | None,
    typer.Option(
        help="Protection keys of the emulated processor: machine (as this one), on or off.",
        show_default="machine",
        rich_help_panel=_SIZES,
    ),
]
Overcommit = Annotated[
    str | None,
    typer.Option(
        help="vm.overcommit_memory of the emulated machine: machine (as this one), 0, 1 or 2.",
        show_default="machine",
        rich_help_panel=_SIZES,
    ),
]
StopGraceS = Annotated[
    float | None,
    typer.Option(
        "--stop-grace",
        help="Seconds that a stop waits for calls in progress.",
        show_default="5",
        rich_help_panel=_TIMES,
    ),
]
HoldGraceS = Annotated[
    float | None,
    typer.Option(
        "--hold-grace",
        help="Seconds that an address space lives at least after its last Hold stream.",
        show_default="2",
        rich_help_panel=_TIMES,
    ),
]
TtlDefaultS = Annotated[
    float | None,
    typer.Option(
        "--ttl",
        help="Seconds that a new address space lives at least, also without a Hold stream.",
        show_default="30",
        rich_help_panel=_TIMES,
    ),
]
HungAfterS = Annotated[
    float | None,
    typer.Option(
        "--hung-after",
        help="Seconds that a thread may wait for a lock before a line of the log says who holds it"
        " up; 0: never.",
        show_default="10",
        rich_help_panel=_TIMES,
    ),
]
LogLevel = Annotated[
    str | None, typer.Option(help="Log level: debug, info, warning or error.", show_default="info")
]
LogFormat = Annotated[
    str | None,
    typer.Option(
        help="Log format: human, json or auto (human on a terminal).", show_default="auto"
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON line when the server is ready.")
]


def serve(
    instance: Instance = None,
    listen: Listen = None,
    workers: Workers = None,
    threads: Threads = None,
    pin: Pin = None,
    unix_dir: UnixDir = None,
    model: Model = None,
    layout: Layout = None,
    bench: Bench = None,
    front: Front = None,
    lab: Lab = None,
    metrics_listen: MetricsListen = None,
    replace_stale: ReplaceStale = None,
    limit: Limit = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    tls_client_ca: TlsClientCa = None,
    token_file: TokenFile = None,
    share: Share = None,
    advertise_host: AdvertiseHost = None,
    size: Size = None,
    mms_max: MmsMax = None,
    participants_max: ParticipantsMax = None,
    frames_max: FramesMax = None,
    files_max: FilesMax = None,
    vmas_per_mm_max: VmasPerMmMax = None,
    quota: Quota = None,
    rcu: Rcu = None,
    lookup: Lookup = None,
    writer_wait: WriterWait = None,
    slab: Slab = None,
    events: Events = None,
    sample_faults: SampleFaults = None,
    pkeys: Pkeys = None,
    overcommit: Overcommit = None,
    stop_grace_s: StopGraceS = None,
    hold_grace_s: HoldGraceS = None,
    ttl_default_s: TtlDefaultS = None,
    hung_after_s: HungAfterS = None,
    log_level: LogLevel = None,
    log_format: LogFormat = None,
    as_json: AsJson = False,
) -> None:
    """Start an instance: the segment, the supervisor, the workers. Ctrl-C or SIGTERM stops it.

    Every option can also be set in the environment: --stop-grace is VMALAB_STOP_GRACE_S.
    """
    options = {name: value for name, value in locals().items() if name in _OPTIONS}
    show_adjustable(limit or [], quota or [])
    from vmalab_server import logs
    from vmalab_server.config import ConfigError, load, parse_limits, parse_quotas
    from vmalab_server.supervisor import InstanceBrokenError, StartError, Supervisor

    def on_ready(ready: Ready) -> None:
        if as_json:
            typer.echo(json.dumps(dataclasses.asdict(ready)))
        else:
            show_ready(ready)

    try:
        limits = parse_limits(limit) if limit else None
        size_bytes = parse_size(size) if size is not None else None
        quotas = parse_quotas(quota or [])
        config = load(**options, **quotas, limits=limits, size_bytes=size_bytes)
        logs.configure(level=config.log_level, form=config.log_format, instance=config.instance)
        Supervisor(config, on_ready=on_ready).run()
    except ConfigError as error:
        fail(with_options(str(error)), USAGE)
    except InstanceBrokenError as error:
        fail(str(error), BROKEN)
    except StartError as error:
        fail(str(error), FAILED)


_OPTIONS = frozenset(
    (
        *("instance", "listen", "workers", "threads", "pin", "unix_dir", "bench", "front"),
        *("model", "layout", "lab"),
        *("metrics_listen", "replace_stale", "tls_cert", "tls_key", "tls_client_ca"),
        *("token_file", "share"),
        *("advertise_host", "mms_max", "participants_max", "frames_max", "files_max"),
        *(
            "vmas_per_mm_max",
            "rcu",
            "lookup",
            "writer_wait",
            "slab",
            "events",
            "sample_faults",
            "pkeys",
            "overcommit",
            "stop_grace_s",
            "hold_grace_s",
        ),
        *("ttl_default_s", "hung_after_s", "log_level", "log_format"),
    )
)


def with_options(text: str) -> str:
    """The message with options in place of the configuration's names: --frames-max, --size."""
    own = {"size_bytes": "--size", "stop_grace_s": "--stop-grace", "hold_grace_s": "--hold-grace"}
    own |= {"ttl_default_s": "--ttl", "hung_after_s": "--hung-after"}
    options = {name: "--" + name.replace("_", "-") for name in _OPTIONS} | own
    names = "|".join(sorted(options, key=len, reverse=True))
    at_start = rf"^({names})(?=[:. ])|\b({names})(?= = )|\b(\w+_\w+)\b"
    return re.sub(at_start, lambda found: options.get(found[0], found[0]), text)


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=SERVE, epilog=EXAMPLES)(serve)
