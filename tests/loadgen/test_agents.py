# SPDX-License-Identifier: Apache-2.0
"""Goal: parts of a load on several machines add up to the load, what is said on the way stays what
it was, and an agent refuses what it should, in words for who gave the command.

Method: parts are compared with the whole; the service is called in this process, without a main
loop, because what is refused never comes there. tests/loadgen/test_agent_runs.py has whole runs.
"""

from __future__ import annotations

import dataclasses
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from typer.testing import CliRunner

from agents import certificate
from patience import HANG_S
from vmalab.load.v1 import agent_pb2 as pb
from vmalab_cli import app
from vmalab_drive import spawning
from vmalab_drive.contract import Target
from vmalab_drive.errors import UsageError
from vmalab_loadgen import agent_control, agent_wire
from vmalab_loadgen.agent_link import PROBES, Access, Agent, Event, Events, Link, parse_agents, why
from vmalab_loadgen.agent_part import AgentPart
from vmalab_loadgen.agent_server import Agent as Service
from vmalab_loadgen.agent_server import Listen
from vmalab_loadgen.agent_wire import Sums
from vmalab_loadgen.config import LoadConfig
from vmalab_loadgen.crew import seats_of
from vmalab_loadgen.given import DEFAULTS, config_of
from vmalab_loadgen.histogram import COUNTS, Latency, Sparse
from vmalab_loadgen.load import LoadError
from vmalab_loadgen.pacing import NEVER, Pacer
from vmalab_loadgen.parts import Part
from vmalab_loadgen.series import Series
from vmalab_server.caller import Tokens

spawning.context()  # its tracker is there before the first test, and stays

GIVEN: dict[str, Any] = {
    **dict.fromkeys(DEFAULTS),
    "rate": "900",
    "duration": "1s",
    "processes": 2,
    "targets": ["127.0.0.1:1"],
}
"""As from a command line: None is what was not given."""


def parts_of(config: LoadConfig, agents: int) -> list[LoadConfig]:
    return [dataclasses.replace(config, agents=agents, agent=one) for one in range(agents)]


def due(config: LoadConfig) -> list[int]:
    """When the operations of the callers of a load begin."""
    found: list[int] = []
    for crew in seats_of(config, []):
        for seat in crew:
            pacer = Pacer(
                config.profile, 1, config.callers_of_all, seat.index, 0, config.arrival,
                config.burst, config.seed,
            )  # fmt: skip
            while (at := pacer.next_ns()) != NEVER:
                found += pacer.take(1).tolist()
                assert found[-1] == at
    return sorted(found)


@pytest.mark.parametrize("arrival", ["constant", "burst"])
def test_the_operations_of_the_parts_are_those_of_the_load(arrival: str) -> None:
    """Each is done by one agent, at the time at which one machine would have done it."""
    config = config_of({**GIVEN, "arrival": arrival, "burst": 7 if arrival == "burst" else None})
    whole = due(dataclasses.replace(config, processes=6))
    assert len(whole) in range(900, 908)
    assert sorted(at for part in parts_of(config, 3) for at in due(part)) == whole


def test_the_shares_of_the_parts_are_those_of_the_load() -> None:
    """--ops is of all agents, and no caller has the number of another one."""
    config = config_of({"ops": 1001, "processes": 3, "mode": "batch", "shared_mm": 2})
    seats = [
        seat for part in parts_of(config, 4) for crew in seats_of(part, [1, 2]) for seat in crew
    ]
    assert sorted(seat.index for seat in seats) == list(range(12))
    assert sum(seat.share for seat in seats) == 1001
    for seat in seats:
        assert seat.index in seat.sharers
        assert {one // 3 for one in seat.sharers} == {seat.index // 3}, "of one agent"


def test_too_many_callers() -> None:
    config = config_of({**GIVEN, "processes": 128})
    with pytest.raises(UsageError, match="9 agents with 128 callers each: at most 1024"):
        parts_of(config, 9)[0].filled()
    with pytest.raises(UsageError, match="--ops 5: 6 callers of all agents"):
        parts_of(config_of({"ops": 5, "processes": 2}), 3)[0].filled()


# --- what is said ---

PART = Part(
    caller=3, interval=7, ops=Counter(fault=5, mmap=1), errnos=Counter({"mmap ENOMEM": 1}), wrong=2,
    raw={"fault": Sparse(np.array([4, COUNTS - 1]), np.array([4, 1 << 40], np.uint64))},
    corrected={"mmap": Sparse(np.array([0]), np.array([1], np.uint64))},
    calls={"fault": (1, 0, 0, 90, 0, 10, 20, 30, 0, 20, 10)},
)  # fmt: skip


def test_a_part_on_its_way() -> None:
    message = pb.Part.FromString(agent_wire.message_of(PART).SerializeToString())
    found = agent_wire.part_of(message)
    assert (found.caller, found.interval, found.wrong) == (3, 7, 2)
    assert (found.ops, found.errnos, found.calls) == (PART.ops, PART.errnos, PART.calls)
    for name in ("raw", "corrected"):
        mine, theirs = getattr(PART, name), getattr(found, name)
        assert mine.keys() == theirs.keys()
        for kind in mine:
            assert mine[kind].index.tolist() == theirs[kind].index.tolist()
            assert mine[kind].count.tolist() == theirs[kind].count.tolist()


def test_a_part_that_cannot_be() -> None:
    message = agent_wire.message_of(PART)
    message.raw[0].places[0] = COUNTS
    with pytest.raises(ValueError, match="times of fault"):
        agent_wire.part_of(message)
    message = agent_wire.message_of(PART)
    del message.call_parts[0].sums[-1]
    with pytest.raises(ValueError, match="parts of fault"):
        agent_wire.part_of(message)


def test_a_sum_that_differs_is_named() -> None:
    """What came from an agent is compared with what it counted itself, bucket by bucket."""
    series = Series(1.0, open_loop=True)
    series.add(PART)
    same = Series(1.0, open_loop=True)
    same.add(PART)
    assert Sums.of(series).differences(Sums.of(same)) == []
    moved = Latency()
    moved.counts[:] = same.raw["fault"].counts
    moved.counts[4] -= np.uint64(1)
    moved.counts[5] += np.uint64(1)
    same.raw["fault"] = moved
    same.ops["mmap"] += 1
    same.calls["fault"]["whole_ns"] += 1
    assert Sums.of(series).differences(Sums.of(same)) == [
        "operations 6 and 7",
        "parts of fault",
        "raw times of fault",
    ]


def test_the_options_on_their_way() -> None:
    options = agent_wire.options_of({**GIVEN, "check": True}, seed=5)
    found = agent_wire.config_from(options, agents=3, agent=1, looks=False)
    wanted = config_of({**GIVEN, "seed": 5})
    assert found == dataclasses.replace(wanted, agents=3, agent=1, check=False)
    assert agent_wire.config_from(options, agents=3, agent=1, looks=True).check


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("[", "no JSON"),
        ("[]", "no JSON object"),
        ('{"jump": 1}', "'jump' is no option"),
        ('{"vmas": "many"}', "--vmas 'many'"),
        ('{"vmas": 70000}', "--vmas 70000: give a whole number from 4 to 65536"),
        ('{"processes": true}', "--processes True"),
        ('{"processes": 1000}', "--processes 1000: give a whole number from 1 to 128"),
        ('{"x":' * 3000, "no JSON"),
        ('{"workload": "trace:/none"}', "an agent reads no folder"),
        ('{"mode": "attach"}', "give --mode batch or unary"),
        ('{"workload": "no"}', "--workload no"),
        ('{"rate": "fast"}', "--rate: 'fast' is no rate"),
    ],
)
def test_options_that_cannot_be(options: str, words: str) -> None:
    """Not only what the command line lets through comes to an agent."""
    with pytest.raises(UsageError, match=words.replace("(", r"\(")):
        agent_wire.config_from(options, agents=1, agent=0, looks=False)


# --- who refuses what ---


@contextmanager
def service(**how: object) -> Iterator[Service]:
    """An agent without a main loop: a run that it takes does not begin."""
    one = Service(Listen("127.0.0.1:0", **how), lambda text: None)  # type: ignore[arg-type]
    one.start()
    try:
        yield one
    finally:
        one.stop()


def plan_for(address: str, access: Access) -> agent_control.Plan:
    config = config_of(GIVEN)
    target = Target(address="127.0.0.1:1")
    return agent_control.plan_of(config, GIVEN, [address], access, target, silence_s=HANG_S)


def refusal_of(address: str, access: Access = Access()) -> str:  # noqa: B008 - it is frozen
    said: list[str] = []
    with pytest.raises(LoadError) as found:
        agent_control.run(plan_for(address, access), say=said.append)
    assert not said, "the error says it"
    assert address in str(found.value)
    return str(found.value)


def opened(address: str, prepare: pb.Prepare) -> tuple[Link, Event]:
    """A call, and what the agent says first."""
    series = Series(1.0, open_loop=True)
    link = Link(0, Agent(address, "127.0.0.1:1"), AgentPart(address, "127.0.0.1:1", series))
    events: Events = Events()
    link.open(Access(), events)
    link.prepare(prepare)
    return link, events.get(timeout=HANG_S)


def prepared() -> pb.Prepare:
    options = agent_wire.options_of(GIVEN, 1)
    version = agent_wire.version()
    return pb.Prepare(version=version, options=options, agents=1, target="127.0.0.1:1")


def test_a_token() -> None:
    with service(tokens=Tokens("a:right")) as one:
        assert "wants a token: give --agent-token-file" in refusal_of(one.address)
        said = refusal_of(one.address, Access("wrong"))
        assert "does not know the token of --agent-token-file" in said


def test_another_version() -> None:
    with service() as one:
        prepare = prepared()
        prepare.version = "0.0.9"
        link, event = opened(one.address, prepare)
        assert isinstance(event.said, grpc.RpcError)
        said = why(link, event.said, Access())
        link.close()
    here = agent_wire.version()
    assert f"the agent is vmalab {here}, the controller vmalab 0.0.9" in said
    assert "install the same version on both" in said


def test_a_job_that_is_none() -> None:
    """It is refused, and the agent is free for the next one; the one after that waits."""
    with service() as one:
        prepare = prepared()
        prepare.options = '{"mode": "attach"}'
        link, event = opened(one.address, prepare)
        assert isinstance(event.said, grpc.RpcError)
        assert "give --mode batch or unary" in why(link, event.said, Access())
        first, event = opened(one.address, prepared())
        assert isinstance(event.said, pb.RunResponse)
        assert event.said.WhichOneof("word") == "accepted"
        second, event = opened(one.address, prepared())
        assert isinstance(event.said, grpc.RpcError)
        assert "refused: it does a run of ipv4:127.0.0.1:" in why(second, event.said, Access())
        for each in (link, first, second):
            each.cancel()
            each.close()


def test_a_clock() -> None:
    """The offset is that of the quickest answer, whatever the others took."""
    series = Series(1.0, open_loop=True)
    link = Link(0, Agent("a:1", "b:1"), AgentPart("a:1", "b:1", series))
    link.probe()
    for number in range(PROBES):
        took, ahead = (1_000, 5_000_000) if number == 3 else (900_000, 5_400_000)
        asked = link._asked_ns
        answer = pb.Probed(number=number, monotonic_ns=asked + took // 2 + ahead)
        link.probed(asked + took, answer)
    assert link.offset_ns == pytest.approx(5_000_000, abs=1)
    assert link.rtt_ns == 1_000
    link.ready = True
    assert link.waits


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"), [])


def test_a_connection_that_cannot_be(keys: Path, tmp_path: Path) -> None:
    """grpc says the same of all of these."""
    cert = keys / "cert.pem"
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        said = refusal_of(address)
        assert "start one there with `vmalab load agent` (Connection refused)" in said
    pair = {"cert": cert.read_text(), "key": (keys / "key.pem").read_text()}
    with service(**pair) as secure:
        assert "it has TLS, so give --agent-ca" in refusal_of(secure.address)
    with service() as plain:
        assert "has no TLS" in refusal_of(plain.address, Access(ca=cert))
    with service(**pair, client_ca=pair["cert"]) as mutual:
        said = refusal_of(mutual.address, Access(ca=cert))
        assert "or wants --agent-cert and --agent-key" in said
        other = certificate(tmp_path, [])
        shown = Access(ca=cert, cert=other / "cert.pem", key=other / "key.pem")
        assert "or does not trust --agent-cert" in refusal_of(mutual.address, shown)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--agent", "here"], "--agent here"),
        (["--agent", "a:1"], "--agent a:1 without --target"),
        (["--agent", "=b:1"], "--agent =b:1: '' is not host:port"),
        (["--agent", "a:1", "--agent", "a:1", "--target", "b:1"], "is given twice"),
        (["--agent", "a:1", "--target", "b:1", "--mode", "attach"], "--mode attach with --agent"),
        (["--agent", "a:1", "--job", "x.toml"], "an agent sends those of one load"),
        (["--agent", "a:1", "--instance", "x"], "--instance is on this machine"),
        (["--agent", "a:1", "--target", "b:1", "--model", "refcount"], "--model"),
        (["--agent", "a:1", "--target", "b:1", "--seed", "9" * 20], "from 0 to 2147483647"),
        (["--target", "a:1,b:1", "--ops", "9" * 20], "give a whole number from 1 to"),
        (["--agent", "a:1", "--target", "b:1", "--stages", "1e9s:1"], "give 1e+08s or less in all"),
        (["--warmup", "1e99"], "--warmup 1e99: give 1e+08s or less"),
        (["--agent-ca", "x"], "--agent-ca is for agents"),
        (["--agent", "a:1", "--target", "b:1", "--agent-ca", "/no"], "--agent-ca: /no"),
        (["--agent", "a:1", "--target", "b:1", "--agent-silence", "1s"], "give 2s to 3600s"),
        (["--agent", "a:1", "--target", "b:1", "--agent-token-file", "TOKEN"], "give --agent-ca"),
        (["--target-ca", "x"], "--target-ca is for the server of --target"),
        (["--target-key", "x"], "--target-key is for the server of --target"),
        (["--target", "b:1", "--target-cert", "x"], "--target-cert and --target-key go together"),
        (["--agent", "a:1", "--target", "b:1", "--target-key", "x"], "a key leaves no machine"),
        (["agent", "--target-cert", "x"], "--target-cert and --target-key go together"),
        (["--target", "b:1", "--target", "a:1,b:1"], "--target b:1 is given twice"),
        (["--target", "a:1,b:1", "--mode", "attach"], "--mode attach with several --target"),
        (["--target", "a:1,b:1", "--job", "x"], "--job with several --target"),
        (["--target", "a:1,b:1", "--instance", "x"], "--instance is one: give one --target"),
        (["--target", "a:1,here", "--ops", "9"], "'here' is not host:port"),
        (["--target", "a:1,b:1", "--agent", "c:1"], "2 servers for 1 agents"),
        (["agent", "--listen", "0.0.0.0:1"], "needs --tls-cert, --tls-key and --token-file"),
        (["agent", "--listen", "here"], "--listen: 'here' is not host:port"),
        (["agent", "--idle", "1s"], "--idle 1s: give 2s to 3600s"),
        (["agent", "--tls-cert", "x"], "--tls-cert and --tls-key go together"),
    ],
)
def test_usage(words: list[str], said: str, tmp_path: Path) -> None:
    """In this process, because each is refused before there is anything to start."""
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text("me:secret\n")
    done = CliRunner().invoke(
        app.app, ["load", *(word.replace("TOKEN", str(token)) for word in words)]
    )
    assert done.exit_code == 2, done.output
    assert said in done.output


def test_targets_of_their_own() -> None:
    assert parse_agents(["a:1", "b:2=c:3"], ["d:4"]) == (Agent("a:1", "d:4"), Agent("b:2", "c:3"))
    assert parse_agents(["a:1=c:3"], []) == (Agent("a:1", "c:3"),)
    three = parse_agents(["a:1", "b:1=z:9", "c:1", "d:1"], ["x:1", "y:1"])
    assert [one.target for one in three] == ["x:1", "z:9", "y:1", "x:1"], "in turn"
    with pytest.raises(UsageError, match="2 servers for 1 agents"):
        parse_agents(["a:1", "b:1=z:9"], ["x:1", "y:1"])
