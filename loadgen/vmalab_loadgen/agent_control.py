# SPDX-License-Identifier: Apache-2.0
"""One load from several machines: has each agent do its part, and puts together what came of it.

The callers of all agents are numbered through, and each takes the operations of its number from the
one rate and the one `--ops`, so the parts of the agents add up to the load exactly. All begin at
one moment: each agent's clock is read over the connection, and the begin is said in its own time.
"""

from __future__ import annotations

import dataclasses
import queue
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import grpc

from vmalab.load.v1 import agent_pb2 as pb
from vmalab_client import plain_token, transport
from vmalab_client.errors import VmalabError
from vmalab_drive import drivers
from vmalab_drive.errors import UsageError
from vmalab_loadgen import agent_link, agent_wire
from vmalab_loadgen.agent_here import HereLink
from vmalab_loadgen.agent_link import Access, Agent, Event, Events, Link
from vmalab_loadgen.agent_part import AgentPart
from vmalab_loadgen.agent_wire import BEAT_S, Sums
from vmalab_loadgen.config import LoadConfig
from vmalab_loadgen.load import LoadError, Progress
from vmalab_loadgen.result import LoadResult
from vmalab_loadgen.series import Series
from vmalab_loadgen.target_part import TargetPart
from vmalab_native import signals

AGENTS_MAX: Final = 64
SILENCE_S: Final = 15.0
"""An agent that says nothing for so long is given up."""
LEAD_NS: Final = 500_000_000
"""From the word to the begin."""
STOP_S: Final = 60.0
"""So long after a signal the agents may take for their reports."""
TICK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """A load and who does it.

    Attributes:
        config: what all agents do together; the processes are those of each.
        options: the same, as Prepare has it.
        target: what the servers want to see; the addresses are the agents'.
        here: the agents are processes of this machine, one for each server.
        silence_s: an agent that says nothing for so long is given up.
    """

    config: LoadConfig
    options: str
    agents: tuple[Agent, ...]
    access: Access
    target: drivers.Target
    silence_s: float = SILENCE_S
    here: bool = False

    def check(self) -> None:
        """Raises UsageError: this cannot be done."""
        option = "--target" if self.here else "--agent"
        if len(self.agents) > AGENTS_MAX:
            raise UsageError(f"{option}: {len(self.agents)} of them, at most {AGENTS_MAX}")
        if self.here and self.config.mode == "attach":
            raise UsageError("--mode attach with several --target: attached is who is on the "
                             "machine of the instance; give --mode batch or unary")  # fmt: skip
        if not self.here:
            agent_wire.check_reach(self.config.mode, self.config.workload)
        dataclasses.replace(self.config, agents=len(self.agents)).filled()
        # What an agent would refuse is wrong before one is called.
        count = len(self.agents)
        agent_wire.config_from(self.options, agents=count, agent=0, looks=False, here=self.here)
        if self.here:
            return
        size = len(self.options) + len(self.target.certificates) + len(self.target.token)
        if size > agent_wire.REQUEST_BYTES_MAX // 2:
            raise UsageError(f"the options and --target-ca have {size} bytes: too many")
        for one in self.agents:
            self.access.credentials(one.address)
            if not self.target.token:
                continue
            plain = self.access.ca is None
            if plain and not plain_token.is_local(one.address):
                raise UsageError(
                    f"--target-token-file: a token goes to {one.address} over TLS only: give "
                    "--agent-ca too"
                )
            if not self.target.certificates and not plain_token.is_local(one.target):
                raise UsageError(
                    f"--target-token-file: a token goes to {one.target} over TLS only: give "
                    "--target-ca too"
                )


def _nobody(text: str) -> None:
    pass


def run(
    plan: Plan, progress: Progress | None = None, say: Callable[[str], None] = _nobody
) -> LoadResult:
    """Run a load on agents.

    Args:
        say: gets a sentence at once when an agent is lost.

    Raises:
        UsageError: the plan contradicts itself.
        LoadError: no agent could begin.
    """
    plan.check()
    control = _Control(plan, progress, say)
    with signals.orderly():
        return control.run()


@dataclass(slots=True)
class _Control:
    """The load as its controller sees it."""

    plan: Plan
    progress: Progress | None
    say: Callable[[str], None]
    series: Series = field(init=False)
    _links: list[Link] = field(default_factory=list)
    _events: Events = field(default_factory=queue.SimpleQueue)
    _beat_s: float = 0.0
    _measure_ns: int = 0
    """The end of the warm-up; 0: the load has not begun."""
    _stopped_ns: int = 0
    _ended_by: int = 0
    _settled: bool = False
    _started: float = 0.0

    def __post_init__(self) -> None:
        config = self.plan.config
        self.series = Series(config.interval_s, config.open_loop)
        for index, agent in enumerate(self.plan.agents):
            series = Series(config.interval_s, config.open_loop)
            part = AgentPart(agent.address, agent.target, series)
            if self.plan.here:
                self._links.append(HereLink(index, agent, part, where=self.plan.target))
            else:
                self._links.append(Link(index, agent, part))

    def run(self) -> LoadResult:
        try:
            self._prepare()
            self._begin()
            self._finish()
        finally:
            for link in self._links:
                if not link.over:
                    link.cancel()
                link.close()
        return self._result()

    # --- before the load ---

    def _prepare(self) -> None:
        """All that can get ready. One agent for each server reads its counters before the others
        do anything there."""
        servers: dict[str, list[Link]] = {}
        for link in self._links:
            servers.setdefault(link.agent.target, []).append(link)
        left = [*servers.values()]
        while left:
            tried = [links.pop(0) for links in left]
            for link in tried:
                self._send_job(link, looks=True)
            self._all_looked(tried)
            left = [links for one, links in zip(tried, left, strict=True) if one.lost and links]
        for link in self._links:
            if not link.prepared and not link.lost:
                self._send_job(link, looks=False)
        self._until(lambda: all(one.waits or one.lost for one in self._links))
        if all(one.lost for one in self._links):
            raise LoadError("; ".join(one.part.lost for one in self._links))

    def _all_looked(self, links: Sequence[Link]) -> None:
        self._until(lambda: all(one.looked or one.lost for one in links))

    def _send_job(self, link: Link, *, looks: bool) -> None:
        target = self.plan.target
        link.open(self.plan.access, self._events)
        link.prepare(
            pb.Prepare(
                version=agent_wire.version(),
                options=self.plan.options,
                agents=len(self._links),
                agent=link.index,
                target=link.agent.target,
                target_token=target.token,
                target_certificates=target.certificates,
                looks=looks,
            )
        )

    def _begin(self) -> None:
        """The word, with the same moment for all."""
        alive = [one for one in self._links if not one.lost]
        now = time.monotonic_ns()
        begin = now + LEAD_NS + 2 * max(one.rtt_ns for one in alive)
        self._measure_ns = begin + int(self.plan.config.warmup_s * 1e9)
        self._started = time.time() + (self._measure_ns - now) / 1e9
        for link in alive:
            link.say(pb.RunRequest(start=pb.Start(begin_ns=begin + link.offset_ns)))

    # --- while it runs ---

    def _finish(self) -> None:
        """Until each agent has said its end, or is lost."""
        deadline = float("inf")
        while not all(one.over for one in self._links):
            try:
                self._hear()
            except SystemExit as ended:  # a signal: signals.orderly()
                self._ended_by = max(0, int(ended.code or 0) - 128)
                self._stopped_ns = time.monotonic_ns()
                deadline = time.monotonic() + STOP_S
                for link in self._links:
                    link.say(pb.RunRequest(stop=pb.Stop()))
            if time.monotonic() > deadline:
                for link in self._links:
                    self._lose(link, f"did not end {STOP_S:g} s after the signal")

    def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._hear()

    def _hear(self) -> None:
        """What has come; what is to be said now."""
        try:
            events = [self._events.get(timeout=TICK_S)]
        except queue.Empty:
            events = []
        with signals.held():
            for _ in range(self._events.qsize()):
                events.append(self._events.get())
            for event in events:
                self._take(self._links[event.index], event)
            self._settle()
            self._beats()
            if self.progress is not None and self._measure_ns:
                self.progress((time.monotonic_ns() - self._measure_ns) / 1e9, self.series)

    def _beats(self) -> None:
        now = time.monotonic()
        if now - self._beat_s < BEAT_S:
            return
        late = self._beat_s and now - self._beat_s > self.plan.silence_s / 2
        self._beat_s = now
        for link in self._links:
            if link.over or not link.prepared:
                continue
            link.say(pb.RunRequest(beat=pb.Beat()))
            if late:  # it may have spoken while we were not there to hear
                link.heard_s = now
            elif now - link.heard_s > self.plan.silence_s:
                self._lose(link, f"said nothing for {self.plan.silence_s:g} s")

    def _settle(self) -> None:
        """Those that read the counters wait until all others have ended."""
        if self._settled or not self._measure_ns:
            return
        others = [one for one in self._links if not one.looks]
        looking = [one for one in self._links if one.looks and not one.over]
        if not all(one.over for one in others) or not all(one.parted for one in looking):
            return
        self._settled = True
        clean = not any(one.lost or (one.end is not None and one.end.lost) for one in self._links)
        for link in looking:
            link.say(pb.RunRequest(settle=pb.Settle(clean=clean)))

    def _take(self, link: Link, event: Event) -> None:
        """One thing that an agent said."""
        said = event.said
        if link.over:
            return
        link.heard_s = time.monotonic()
        if isinstance(said, str):
            self._lose(link, said)
            return
        if isinstance(said, grpc.RpcError):
            self._lose(link, agent_link.why(link, said, self.plan.access))
            return
        if said is None:
            self._lose(link, "ended without a report")
            return
        match said.WhichOneof("word"):
            case "accepted":
                one = said.accepted
                link.part.machine = {"cpus": one.cpus, "kernel": one.kernel, "python": one.python}
                link.probe()
            case "probed":
                link.probed(event.at_ns, said.probed)
                link.part.clock_ns = link.rtt_ns // 2
            case "looked":
                link.looked = True
            case "ready":
                link.ready = True
            case "parted":
                link.parted = True
            case "part" | "end" as word:
                try:
                    self._part(link, said.part) if word == "part" else self._end(link, said.end)
                except ValueError as error:
                    self._lose(link, f"said what cannot be: {error}")

    def _part(self, link: Link, message: pb.Part) -> None:
        part = agent_wire.part_of(message)
        link.part.series.add(part)
        self.series.add(part)

    def _end(self, link: Link, end: pb.End) -> None:
        """An agent's own account, which must be what came from it."""
        part, sums = link.part, agent_wire.sums_of(end)
        link.end = end
        part.seconds, part.late_ns, part.dropped = end.seconds, end.late_ns, end.dropped
        part.client_cpu_s, part.client_share = end.client_cpu_s, end.client_share
        part.raw, part.corrected = sums.raw, sums.corrected
        if different := sums.differences(Sums.of(part.series)):
            part.lost = f"{part.name}: its sums and what came differ: " + ", ".join(different)
        elif end.ended_by and not self._ended_by:
            part.lost = f"{part.name} was ended by {end.ended_by}"

    def _lose(self, link: Link, why: str) -> None:
        """Nothing more is heard of an agent."""
        if link.over:
            return
        link.lost = True
        link.cancel()
        part, share = link.part, f"1 of {len(self._links)}"
        part.raw, part.corrected = part.series.raw, part.series.corrected
        if not self._measure_ns:
            part.lost = f"{part.name} {why}: its part, {share}, was not done"
        else:
            after = max(0.0, (time.monotonic_ns() - self._measure_ns) / 1e9)
            count = part.series.ops.total()
            part.lost = (
                f"{part.name} {why}, after {after:.1f} s: {count} operations until then "
                f"count, the rest of its part, {share}, was not done"
            )
        if self._measure_ns or not all(one.lost for one in self._links):  # else the error says it
            self.say(part.lost)

    # --- after it ---

    def _result(self) -> LoadResult:
        config, count = self.plan.config, len(self._links)
        whole = dataclasses.replace(
            config,
            processes=config.processes * count,
            concurrency=config.callers * count if config.mode == "unary" else 0,
            shared_mms=config.shared_mms * count,
        )
        result = LoadResult(whole, self.series, agents=[one.part for one in self._links])
        result.started, result.begun_ns = self._started, self._measure_ns
        result.stopped_ns = self._stopped_ns
        result.ended_by = signal.Signals(self._ended_by).name if self._ended_by else ""
        ends = [one.end for one in self._links if one.end is not None]
        now_s = (time.monotonic_ns() - self._measure_ns) / 1e9
        result.seconds = max((end.seconds for end in ends), default=max(0.0, now_s))
        room = 0.0
        for link in self._links:
            if link.part.lost:
                result.lost.append(link.part.lost)
            if link.end is None:
                continue
            end = link.end
            result.dropped += end.dropped
            result.not_renewed += end.not_renewed
            result.lost += [f"{link.part.name}: {one}" for one in end.lost]
            result.wrong_first += agent_wire.wrong_of(end)
            if end.parts_cost_ns:
                result.parts_costs_ns.append(end.parts_cost_ns)
            result.client_cpu_s += end.client_cpu_s
            room += end.client_cpu_s / end.client_share if end.client_share else 0.0
        result.client_share = result.client_cpu_s / room if room else 0.0
        self._cores(result)
        return result

    def _cores(self, result: LoadResult) -> None:
        """The counters of each server, from the one agent that read them."""
        targets = list(dict.fromkeys(link.agent.target for link in self._links))
        result.targets = [self._at(target) for target in targets]
        cores = {
            link.agent.target: link.end.core
            for link in self._links
            if link.looks and link.end is not None
        }
        for one in result.targets:
            target = one.target
            if target not in cores:
                who = "the load there" if self.plan.here else "the agent that read them"
                result.lost.append(f"the counters of {target}, with {who}")
                continue
            core = cores[target]
            one.take(core)
            where = f"{target}: " if len(targets) > 1 else ""
            _add(result.vmstat, core.vmstat)
            for slab in core.slabs:
                _add(result.slabs.setdefault(slab.name, {}), slab.counters)
            result.problems += [where + what for what in core.problems]
            result.leaks |= {where + leak.name: (leak.before, leak.after) for leak in core.leaks}
        result.checked = len(cores) == len(targets) and all(one.checked for one in cores.values())

    def _at(self, target: str) -> TargetPart:
        """What was done at a server, and lost."""
        links = [one for one in self._links if one.agent.target == target]
        found = TargetPart(target, [one.part for one in links])
        for link in links:
            found.lost += [link.part.lost] if link.part.lost else []
            found.lost += link.end.lost if link.end is not None else []
        return found


def _add(sums: dict[str, int], more: Mapping[str, int]) -> None:
    for name, value in more.items():
        sums[name] = sums.get(name, 0) + value


def plan_of(
    config: LoadConfig,
    given: Mapping[str, Any],
    agents: Sequence[str],
    access: Access,
    target: drivers.Target,
    *,
    silence_s: float,
) -> Plan:
    """Of the options of the command line.

    Args:
        given: the options, from which config was made.
        agents: HOST:PORT, or HOST:PORT=TARGET.

    Raises:
        UsageError
    """
    options = agent_wire.options_of(given, config.seed)
    found = agent_link.parse_agents(agents, given["targets"])
    plan = Plan(config, options, found, access, target, silence_s)
    plan.check()
    return plan


def plan_here(
    config: LoadConfig, given: Mapping[str, Any], targets: Sequence[str], target: drivers.Target
) -> Plan:
    """Of several servers, whose loads are processes of this machine.

    Args:
        given: the options, from which config was made.
        target: what all servers want to see.

    Raises:
        UsageError
    """
    for one in targets:
        try:
            transport.join_target(one)
        except VmalabError as error:
            raise UsageError(f"--target: {error}") from None
    options = agent_wire.options_of(given, config.seed)
    agents = tuple(Agent("", one) for one in targets)
    plan = Plan(config, options, agents, Access(), target, here=True)
    plan.check()
    return plan
