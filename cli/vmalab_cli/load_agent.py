# SPDX-License-Identifier: Apache-2.0
"""`vmalab load agent`, and the options of `vmalab load` for agents and for a server with TLS."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from vmalab_cli import common
from vmalab_cli.serve import TlsCert, TlsClientCa, TlsKey, TokenFile, with_options

if TYPE_CHECKING:
    from vmalab_drive.contract import Target
    from vmalab_loadgen.agent_server import Listen
    from vmalab_loadgen.config import LoadConfig
    from vmalab_loadgen.load import Progress
    from vmalab_loadgen.result import LoadResult

PANEL: Final = "Agents on other machines (docs/load.md)"

AgentOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="HOST:PORT[=TARGET]",
        help="An agent that does a part of the load, and the server that it calls if that is "
        "not --target; more than once.",
        rich_help_panel=PANEL,
    ),
]
AgentTokenFile = Annotated[
    str, typer.Option(help="File with the token for the agents.", rich_help_panel=PANEL)
]
AgentCa = Annotated[
    str,
    typer.Option(
        help="File with the certificate (PEM) that signs those of agents with TLS.",
        rich_help_panel=PANEL,
    ),
]
AgentCert = Annotated[
    str,
    typer.Option(
        help="File with the certificate (PEM) that is shown to agents.", rich_help_panel=PANEL
    ),
]
AgentKey = Annotated[
    str, typer.Option(help="File with the key of --agent-cert (PEM).", rich_help_panel=PANEL)
]
AgentSilence = Annotated[
    str,
    typer.Option(help="An agent that says nothing for so long is given up.", rich_help_panel=PANEL),
]
TargetOption = Annotated[
    list[str] | None,
    typer.Option(
        show_default="one is started",
        help="Server, host:port; more than once, or with commas: the load goes to several.",
    ),
]
TargetTokenFile = Annotated[str, typer.Option(help="File with the token for the server.")]
TargetCa = Annotated[
    str, typer.Option(help="File with the certificate (PEM) that signs that of a server with TLS.")
]

TargetCert = Annotated[
    str,
    typer.Option(help="File with the certificate (PEM) that is shown to a server with TLS."),
]
TargetKey = Annotated[str, typer.Option(help="File with the key of --target-cert (PEM).")]

EXAMPLES = """\
Examples:

vmalab load agent

vmalab load agent --listen 0.0.0.0:7421 --tls-cert c.pem --tls-key k.pem --token-file t
"""


def one_token(name: str, option: str) -> str:
    """The token in a file: a line TOKEN, or NAME:TOKEN as servers and agents have it; "": none.

    Ends the command if the file has none, or several.
    """
    from vmalab_server.config import ConfigError
    from vmalab_server.secure_files import read_text

    if not name:
        return ""
    try:
        text = read_text(Path(name), option)
    except ConfigError as error:
        common.fail(str(error), common.USAGE)
    lines = [line.strip() for line in text.split("\n")]
    lines = [line for line in lines if line and not line.startswith("#")]
    if len(lines) != 1:
        common.fail(f"{option}: {name} has {len(lines)} tokens: give the one of this client",
                    common.USAGE)  # fmt: skip
    return lines[0].rpartition(":")[2].strip()


def with_targets(given: dict[str, Any]) -> dict[str, Any]:
    """The options, with `targets`, each server of --target, and `target`, the first of them or "".

    Ends the command if one is given twice.
    """
    found: list[str] = []
    for text in given["target"] or []:
        # A form of gRPC's own may have commas, and is one server.
        several = not text.startswith(("ipv4:", "ipv6:", "unix:", "dns:"))
        found += filter(None, text.split(",")) if several else [text]
    for one in found:
        if found.count(one) > 1:
            common.fail(f"--target {one} is given twice", common.USAGE)
    if len(found) > 1 and given["job"]:
        common.fail("--job with several --target: the sections of a job have one server",
                    common.USAGE)  # fmt: skip
    return {**given, "targets": found, "target": found[0] if found else ""}


def secured(target: Target, given: Mapping[str, Any]) -> Target:
    """The target of a load, with what the server wants to see.

    Ends the command if the options are wrong.
    """
    token, ca = given["target_token_file"], given["target_ca"]
    pair = own_pair(given["target_cert"], given["target_key"])
    if pair is not None and not ca:
        common.fail("--target-cert goes with --target-ca: give both", common.USAGE)
    if not token and not ca:
        return target
    try:
        pem = Path(ca).read_bytes() if ca else b""
    except OSError as error:
        common.fail(f"--target-ca {ca}: {error.strerror}", common.USAGE)
    if ca and b"-----BEGIN CERTIFICATE-----" not in pem:
        common.fail(f"--target-ca: {ca} has no BEGIN CERTIFICATE in it: PEM is wanted",
                    common.USAGE)  # fmt: skip
    token = one_token(token, "--target-token-file")
    return replace(target, token=token, certificates=pem, pair=pair)


def own_pair(cert: str, key: str) -> tuple[bytes, bytes] | None:
    """What is shown to a server: --target-cert and --target-key; None: nothing.

    Ends the command if they are not what they should be.
    """
    from vmalab_client import transport
    from vmalab_client.errors import VmalabError
    from vmalab_server.config import ConfigError
    from vmalab_server.secure_files import read_text

    try:
        if key:
            read_text(Path(key), "--target-key")
        return transport.client_pair(Path(cert) if cert else b"", Path(key) if key else b"")
    except ConfigError as error:
        common.fail(str(error), common.USAGE)
    except VmalabError as error:
        said = str(error).replace("client_certificate", "--target-cert")
        common.fail(said.replace("client_key", "--target-key"), common.USAGE)


def check_options(given: Mapping[str, Any]) -> None:
    """Ends the command if options that go with --agent or --target, or against them, are wrong."""
    for name in ("target_token_file", "target_ca", "target_cert", "target_key"):
        if given[name] and not given["target"] and not given["agent"]:
            option = name.replace("_", "-")
            common.fail(f"--{option} is for the server of --target: give that too", common.USAGE)
    if not given["agent"]:
        own_pair(given["target_cert"], given["target_key"])
        for name in ("agent_token_file", "agent_ca", "agent_cert", "agent_key"):
            if given[name]:
                option = name.replace("_", "-")
                common.fail(f"--{option} is for agents: give --agent too", common.USAGE)
        return
    for name in ("target_cert", "target_key"):
        if given[name]:
            option = name.replace("_", "-")
            common.fail(f"--{option} with --agent: a key leaves no machine; give --target-cert and "
                        "--target-key to each `vmalab load agent`", common.USAGE)  # fmt: skip
    if given["job"]:
        common.fail(
            "--agent with --job: each section has a rate, a begin and a report of its own, and an "
            "agent sends those of one load; give the options of one load",
            common.USAGE,
        )
    if given["instance"]:
        common.fail("--instance is on this machine: give --target, as the agents reach it",
                    common.USAGE)  # fmt: skip


def run(config: LoadConfig, given: Mapping[str, Any], progress: Progress) -> LoadResult:
    """The load, done by agents, or at several servers.

    Raises:
        CommandError
    """
    from vmalab_drive.contract import Target
    from vmalab_drive.errors import UsageError
    from vmalab_loadgen import agent_control, units
    from vmalab_loadgen.agent_link import Access

    def path(name: str) -> Path | None:
        return Path(given[name]) if given[name] else None

    where = secured(Target(address=given["target"]), given)
    if not given["agent"]:
        if given["instance"]:
            raise UsageError("--instance is one: give one --target")
        plan = agent_control.plan_here(config, given, given["targets"], where)
        return agent_control.run(plan, progress, _say)

    try:
        silence_s = units.seconds(given["agent_silence"])
    except units.UnitError as error:
        raise UsageError(f"--agent-silence: {error}") from None
    if not 2.0 <= silence_s <= 3600.0:
        raise UsageError(f"--agent-silence {given['agent_silence']}: give 2s to 3600s")
    token = one_token(given["agent_token_file"], "--agent-token-file")
    plan = agent_control.plan_of(
        config,
        given,
        given["agent"],
        Access(token, path("agent_ca"), path("agent_cert"), path("agent_key")),
        where,
        silence_s=silence_s,
    )
    return agent_control.run(plan, progress, _say)


def _listen(options: Mapping[str, Any], idle_s: float) -> Listen:
    """Where to listen. Ends the command if the options of the address are wrong."""
    from vmalab_loadgen.agent_server import Listen
    from vmalab_server.caller import Tokens
    from vmalab_server.config import ConfigError, load
    from vmalab_server.secure_files import check_authority, check_pair, read_text

    try:
        config = load(**options)
        cert = read_text(config.tls_cert, "tls_cert", secret=False)
        key = read_text(config.tls_key, "tls_key")
        check_pair(config, cert, key)
        client_ca = read_text(config.tls_client_ca, "tls_client_ca", secret=False)
        check_authority(config, client_ca)
        tokens = Tokens(read_text(config.token_file, "token_file"))
    except ConfigError as error:
        common.fail(with_options(str(error)), common.USAGE)
    except ValueError as error:
        common.fail(f"--token-file: {options['token_file']}: {error}", common.USAGE)
    return Listen(config.listen, cert, key, client_ca, tokens, idle_s)


def agent_command(
    listen: Annotated[
        str, typer.Option(help="Address, host:port; port 0: any free one.")
    ] = "127.0.0.1:7421",
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    tls_client_ca: TlsClientCa = None,
    token_file: TokenFile = None,
    target_cert: TargetCert = "",
    target_key: TargetKey = "",
    idle: Annotated[
        str, typer.Option(help="A run whose controller says nothing for so long is ended.")
    ] = "30s",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line when the agent is ready.")
    ] = False,
) -> None:
    """Do parts of loads that `vmalab load --agent` gives out, one at a time. Ctrl-C stops it.

    An address that others can reach needs a certificate, its key and a token, as that of `vmalab
    serve` does.
    """
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    from vmalab_loadgen import units

    try:
        idle_s = units.seconds(idle)
    except units.UnitError as error:
        common.fail(f"--idle: {error}", common.USAGE)
    if not 2.0 <= idle_s <= 3600.0:
        common.fail(f"--idle {idle}: give 2s to 3600s", common.USAGE)
    names = ("listen", "tls_cert", "tls_key", "tls_client_ca", "token_file")
    options = {name: value for name, value in locals().items() if name in names}
    where = replace(_listen(options, idle_s), target_pair=own_pair(target_cert, target_key))

    def ready(address: str) -> None:
        if as_json:
            typer.echo(json.dumps({"address": address, "pid": os.getpid()}))
            sys.stdout.flush()
        else:
            _say(f"agent at {address}; Ctrl-C stops it")

    common.guarded(lambda: _serve(where, ready))


def _say(text: str) -> None:
    typer.echo(f"vmalab: {text}", err=True)


def _serve(where: Listen, ready: Callable[[str], None]) -> None:
    """Until a signal ends it, which is a good end."""
    from vmalab_loadgen.agent_server import Agent
    from vmalab_native import signals

    with signals.orderly():
        agent = Agent(where, _say)
        try:
            with suppress(SystemExit):
                agent.start()
                ready(agent.address)
                agent.serve()
        finally:
            agent.stop()
