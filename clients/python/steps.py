# SPDX-License-Identifier: Apache-2.0
"""What each step of a conformance case does with the Python client."""

from __future__ import annotations

import contextlib
import dataclasses
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from errno import EBADF
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from expected import (
    CONSTANTS,
    Answer,
    Mismatch,
    judge,
    judge_block,
    judge_failure,
    judge_fields,
    number,
)
from vmalab_client import (
    Access,
    AddressSpace,
    BlockBuilder,
    Client,
    DeadlineExceeded,
    MemoryCallError,
    NoSuchAddressSpace,
    ProcessSetup,
    ServiceError,
    ServiceUnavailable,
    VersionWarning,
    VmalabError,
    handshake,
    parse_results,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

PATIENCE_S: Final = 600.0
"""What does not come in so long never comes."""
_NOT_ARGUMENTS: Final = (
    "do as mm client task patient errno signal si_code userfault code reason metadata local "
    "value value_not at_least text contains lacks count count_at_least values fields "
    "fields_not fields_at_least bits lists field"
)
NOT_ARGUMENTS: Final = frozenset(_NOT_ARGUMENTS.split())
TEXTS: Final = frozenset(("name", "maps", "point", "service", "strategy", "lock_model", "mutant"))
RENAMED: Final = {
    "set_vma_name": "set_name",
    "open_userfaultfd": "userfaultfd",
    "close_userfaultfd": "uffd_close",
}
ACCESSES: Final = {CONSTANTS[f"FAULT_{one.name}"]: one for one in Access}
_CALLS: Final = (
    "mmap munmap mprotect mremap madvise mincore brk uffd_move set_vma_name mlock munlock "
    "mlockall munlockall msync mseal remap_file_pages pkey_mprotect pkey_alloc pkey_free "
    "set_rlimit set_thp_disable process_madvise open_userfaultfd close_userfaultfd "
    "uffd_register uffd_unregister uffd_copy uffd_zeropage uffd_continue uffd_writeprotect "
    "uffd_wake"
)
CALLS: Final = frozenset(_CALLS.split())
Step = Mapping[str, Any]


def _wait(what: str, there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not there():
        if time.monotonic() > deadline:
            raise Mismatch(f"{what} did not come")
        time.sleep(0.02)


def _rows(rows: Sequence[DataclassInstance], name: str) -> Answer:
    """A list of dataclasses: the first one's fields, and one field of each as its name."""
    fields = dataclasses.asdict(rows[0]) if rows else {}
    names = [str(getattr(row, name)) for row in rows]
    return Answer(names=names, count=len(rows), fields=fields)


class Case(contextlib.AbstractContextManager["Case"]):
    """A case under way: its clients, address spaces, variables and tasks."""

    def __init__(self, profile: Mapping[str, Any], profile_name: str) -> None:
        self._profile = profile
        self._profile_name = profile_name
        self._clients: dict[str, Client] = {}
        self._spaces: dict[str, tuple[str, AddressSpace]] = {}
        self._made: list[AddressSpace] = []
        self._variables: dict[str, int] = {}
        self._tasks: dict[str, tuple[str, Future[Answer]]] = {}
        self._pool = ThreadPoolExecutor(4)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._profile_name == "lab" and "c" in self._clients:
            with contextlib.suppress(VmalabError):
                self._clients["c"].lab.release(disarm=True)
                self._clients["c"].lab.set_mutants([])
        for space in self._made:
            with contextlib.suppress(VmalabError):
                space.exit()
        for client in self._clients.values():
            client.close()
        self._pool.shutdown()

    # --- a step ---

    def step(self, step: Step) -> None:
        """Do it, and judge what comes of it. Raises Mismatch."""
        if "task" in step and step["do"] not in ("join", "cancel"):
            client = self._client_name(step)
            self._tasks[step["task"]] = (client, self._pool.submit(self._done, step))
            return
        try:
            answer = self._patiently(step) if step.get("patient") else self._done(step)
        except Mismatch:
            raise
        except Exception as error:
            judge_failure(step, error, self._variables)
            return
        judge(step, answer, self._variables)
        if step["do"] in ("block", "raw_block"):
            judge_block(step, answer, self._variables)
        if "as" in step:
            value = answer.fields[step["field"]] if "field" in step else answer.value
            self._variables[step["as"]] = value

    def _done(self, step: Step) -> Answer:
        if step["do"] in CALLS:
            return self._call(step)
        do: Callable[[Step], Answer] = getattr(self, f"do_{step['do']}")
        return do(step)

    def _patiently(self, step: Step) -> Answer:
        """Again while no worker answers: for calls that do no harm twice."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._done(step)
            except ServiceUnavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    # --- what steps name ---

    def _number(self, given: object) -> int:
        return number(given, self._variables)

    def _client_name(self, step: Step) -> str:
        if step.get("mm") in self._spaces and step["do"] != "use":
            return self._spaces[step["mm"]][0]
        return str(step.get("client", "c"))

    def _client(self, step: Step) -> Client:
        name = self._client_name(step)
        if name not in self._clients:
            self._connect({"as": name})
        return self._clients[name]

    def _space(self, step: Step) -> AddressSpace:
        return self._spaces[step["mm"]][1]

    def _keep(self, step: Step, space: AddressSpace, *, made: bool) -> Answer:
        self._spaces[step["as"]] = (self._client_name(step), space)
        if made:
            self._made.append(space)
        return Answer(value=space.mm)

    def _arguments(self, step: Step) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, given in step.items():
            if name in NOT_ARGUMENTS:
                continue
            if name == "ranges":
                found[name] = self._ranges(given)
            else:
                found[name] = given if name in TEXTS else self._number(given)
        return found

    def _ranges(self, given: object) -> list[tuple[int, int]]:
        """A list of pairs, or a row of pages: {from, count, stride}."""
        if isinstance(given, list):
            return [(self._number(addr), self._number(length)) for addr, length in given]
        assert isinstance(given, dict)
        begin, stride = self._number(given["from"]), self._number(given["stride"])
        return [(begin + at * stride, 4096) for at in range(given["count"])]

    # --- connections ---

    def _connect(self, step: Step) -> None:
        profile = self._profile
        to = str(step.get("to", "shared"))
        target: str | list[str] = profile["target"]
        if to.startswith("worker "):
            target = profile["workers"][int(to.removeprefix("worker "))]
        elif to in ("workers", "unix"):
            target = profile[to]
        elif to == "nobody":
            target = "127.0.0.1:1"
        options: dict[str, Any] = {"timeout_s": step.get("timeout_ms", 300_000) / 1000}
        options["discover"] = step.get("discover", not to.startswith("worker "))
        options["token"] = profile["tokens"][step.get("token", profile["token"])]
        tls = step.get("tls", "root" if profile["tls"] else "none")
        pair = profile["pair"] if "tls" not in step else "none"
        if tls in profile["pairs"]:
            tls, pair = "root", tls
        if tls != "none":
            options["root_certificates"] = Path(profile["certificates"][tls])
        if pair != "none":
            certificate, key = profile["pairs"][pair]
            options |= {"client_certificate": Path(certificate), "client_key": Path(key)}
        self._clients[step["as"]] = Client(step.get("target", target), **options)

    def do_connect(self, step: Step) -> Answer:
        self._connect(step)
        return Answer()

    def do_close(self, step: Step) -> Answer:
        self._client(step).close()
        return Answer()

    def do_handshake(self, step: Step) -> Answer:
        """How many warnings a client of that version gives, over a connection and two calls."""
        mine = handshake.client_version
        if "version" in step:
            handshake.client_version = lambda: str(step["version"])
        try:
            with warnings.catch_warnings(record=True) as found:
                warnings.simplefilter("always")
                with Client(self._profile["target"]) as client:
                    client.inspect.vmstat()
                    client.inspect.vmstat()
        finally:
            handshake.client_version = mine
        return Answer(value=sum(one.category is VersionWarning for one in found))

    def do_distinct_workers(self, step: Step) -> Answer:
        client = self._client(step)
        seen: set[int] = set()

        def enough() -> bool:
            seen.add(client.inspect.server_info().worker_index)
            return len(seen) >= int(step["value"])

        _wait("an answer of each worker", enough)
        return Answer(value=len(seen))

    def do_kill_worker(self, step: Step) -> Answer:
        print(f"# runner: kill {self._profile_name} {step['worker']}", flush=True)
        if input() != "done":
            raise Mismatch("the runner could not kill a worker")
        return Answer()

    # --- address spaces ---

    def do_create(self, step: Step) -> Answer:
        given = self._arguments({**step, "setup": 0, "hold": 0, "ttl_ms": 0})
        options = {name: given[name] for name in given if name not in ("setup", "hold", "ttl_ms")}
        setup = ProcessSetup(**step["setup"]) if "setup" in step else None
        ttl_s = step.get("ttl_ms", 0) / 1000
        space = self._client(step).address_space(
            **options, setup=setup, ttl_s=ttl_s, hold=step.get("hold", True)
        )
        return self._keep(step, space, made=True)

    def do_use(self, step: Step) -> Answer:
        mm = self._number(step["mm"])
        hold = step.get("hold", True)
        return self._keep(step, self._client(step).use(mm, hold=hold), made=False)

    def do_fork(self, step: Step) -> Answer:
        return self._keep(step, self._space(step).fork(), made=True)

    def do_exec(self, step: Step) -> Answer:
        options = {"maps": step.get("maps", ""), "shared": bool(step.get("shared", 0))}
        return self._keep(step, self._space(step).exec(**options), made=True)

    def do_exit(self, step: Step) -> Answer:
        self._space(step).exit()
        return Answer()

    def do_end(self, step: Step) -> Answer:
        with self._space(step):
            return Answer()

    def do_detach(self, step: Step) -> Answer:
        return Answer(value=self._space(step).detach())

    def do_share(self, step: Step) -> Answer:
        self._client(step).share(self._space(step).mm)
        return Answer()

    def do_keep_alive(self, step: Step) -> Answer:
        mms = [self._number(one) for one in step["mms"]]
        return Answer(values=self._client(step).keep_alive(mms, ttl_s=step["ttl_ms"] / 1000))

    def do_wait_lease(self, step: Step) -> Answer:
        if not self._client(step).wait_held(self._space(step).mm, timeout_s=PATIENCE_S):
            raise Mismatch("the lease was not confirmed")
        return Answer()

    def do_wait_lost(self, step: Step) -> Answer:
        client, mm = self._client(step), self._space(step).mm
        _wait("the loss of the lease", lambda: mm in client.lost)
        return Answer()

    def do_wait_gone(self, step: Step) -> Answer:
        space = self._space(step)

        def gone() -> bool:
            try:
                space.maps()
            except NoSuchAddressSpace:
                return True
            return False

        _wait("the end of the address space", gone)
        return Answer()

    def do_wait_field(self, step: Step) -> Answer:
        def there() -> bool:
            try:
                judge_fields(step, self.do_address_space(step).fields, self._variables)
            except Mismatch:
                return False
            return True

        _wait(str(step["fields"]), there)
        return self.do_address_space(step)

    # --- memory calls and files ---

    def _call(self, step: Step) -> Answer:
        name = RENAMED.get(str(step["do"]), str(step["do"]))
        arguments = self._arguments(step)
        if step["do"] == "process_madvise":
            arguments["remote"] = bool(arguments["remote"])
        if "pkey" in step and step["do"] in ("pkey_mprotect", "pkey_free"):
            arguments["pkey"] = self._number(step["pkey"])
        answer = getattr(self._space(step), name)(**arguments)
        if isinstance(answer, bytes):
            return Answer(text="".join(str(page & 1) for page in answer))
        return Answer(value=answer or 0)

    def do_fault(self, step: Step) -> Answer:
        given = self._arguments(step)
        access = ACCESSES[given["access"]]
        fault = self._space(step).fault(given["addr"], access=access, word=given.get("word"))
        return Answer(value=fault.word, fields={"info": int(fault.info)})

    def do_open_file(self, step: Step) -> Answer:
        given = self._arguments({**step, "hold": 0, "ttl_ms": 0})
        options = {name: given[name] for name in given if name not in ("hold", "ttl_ms")}
        ttl_s, hold = step.get("ttl_ms", 0) / 1000, step.get("hold", True)
        return Answer(value=self._client(step).open_file(**options, ttl_s=ttl_s, hold=hold))

    def do_wait_closed(self, step: Step) -> Answer:
        def closed() -> bool:
            try:
                self._client(step).truncate_file(self._number(step["file"]), 0)
            except MemoryCallError as error:
                return error.errno == EBADF
            return False

        _wait("the end of the file", closed)
        return Answer()

    def do_close_file(self, step: Step) -> Answer:
        self._client(step).close_file(**self._arguments(step))
        return Answer()

    def do_share_file(self, step: Step) -> Answer:
        self._client(step).share_file(**self._arguments(step))
        return Answer()

    def do_truncate_file(self, step: Step) -> Answer:
        self._client(step).truncate_file(**self._arguments(step))
        return Answer()

    def do_allocate_file(self, step: Step) -> Answer:
        self._client(step).allocate_file(**self._arguments(step))
        return Answer()

    # --- blocks ---

    def _builder(self, step: Step) -> BlockBuilder:
        builder = BlockBuilder()
        if "pkru" in step:
            builder.pkru = self._number(step["pkru"])
        stride = self._number(step.get("stride", 0))
        for at in range(step.get("repeat", 1)):
            for record in step["records"]:
                arguments = self._operands(record)
                if "repeat" in step:
                    arguments["addr"] += at * stride
                getattr(builder, record["op"].lower())(**arguments)
        return builder

    def _operands(self, record: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, given in record.items():
            if name == "op":
                continue
            if name == "addrs":
                found[name] = [addr for addr, _ in self._ranges(given)]
            elif name == "ranges":
                found[name] = self._ranges(given)
            else:
                found[name] = given if name in TEXTS else self._number(given)
        if record["op"] == "SET_VMA_NAME":
            return found
        for name in ("shared", "remote"):
            if name in found:
                found[name] = bool(found[name])
        return found

    def do_block(self, step: Step) -> Answer:
        return self._send(step, bytes(self._builder(step)))

    def do_raw_block(self, step: Step) -> Answer:
        return self._send(step, bytes.fromhex(step["hex"]))

    def _send(self, step: Step, block: bytes) -> Answer:
        client = self._client(step)
        via = step.get("via", "apply")
        if via == "apply":
            return Answer(results=parse_results(client.apply(block)))
        with client.batch() as batch:
            if via == "failed":
                batch.send(block, failed_only=True)
                failed = batch.receive_failed()
                results = [parse_results(one)[0] for one in failed.results.values()]
                places = list(failed.results)
                return Answer(results=results, executed=failed.executed, failed=places)
            answers = [parse_results(one) for one in batch.run([block] * step.get("times", 1))]
        if any(one != answers[0] for one in answers) and "results" in step:
            raise Mismatch("the answers of the stream differ")
        return Answer(results=answers[-1])

    def do_until_refused(self, step: Step) -> Answer:
        """How many could be made before the one that was refused as the step expects."""
        client = self._client(step)
        with contextlib.ExitStack() as made:
            for count in range(10_000):
                try:
                    self._one_more(client, step["what"], made)
                except ServiceError:
                    if count < step["at_least"]:
                        raise Mismatch(f"it was refused after {count}") from None
                    raise
        raise Mismatch("it was never refused")

    @staticmethod
    def _one_more(client: Client, what: str, made: contextlib.ExitStack) -> None:
        if what == "create":
            made.enter_context(client.address_space(hold=False))
        else:
            batch = made.enter_context(client.batch())
            nop = BlockBuilder()
            nop.nop()
            batch.send(nop)
            batch.receive()

    # --- tasks and time ---

    def do_join(self, step: Step) -> Answer:
        return self._tasks[step["task"]][1].result(PATIENCE_S)

    def do_cancel(self, step: Step) -> Answer:
        """A call of the synchronous client ends with its connection."""
        self._clients[self._tasks[step["task"]][0]].close()
        return Answer()

    def do_sleep(self, step: Step) -> Answer:
        time.sleep(step["ms"] / 1000)
        return Answer()

    # --- inspection ---

    def do_maps(self, step: Step) -> Answer:
        return Answer(text=self._space(step).maps())

    def do_query_vma(self, step: Step) -> Answer:
        found = self._space(step).query_vma(**self._arguments(step))
        if found is None:
            raise MemoryCallError(CONSTANTS["ENOENT"], call="query_vma")
        return Answer(fields=dataclasses.asdict(found))

    def do_address_space(self, step: Step) -> Answer:
        mm = self._space(step).mm
        for one in self._client(step).inspect.address_spaces():
            if one.mm == mm:
                return Answer(fields=dataclasses.asdict(one))
        raise Mismatch(f"address space {mm} is not listed")

    def do_server_info(self, step: Step) -> Answer:
        return Answer(fields=dataclasses.asdict(self._client(step).inspect.server_info()))

    def do_workers(self, step: Step) -> Answer:
        return _rows(self._client(step).inspect.workers(), "state")

    def do_slabinfo(self, step: Step) -> Answer:
        return _rows(self._client(step).inspect.slabinfo(), "name")

    def do_vmstat(self, step: Step) -> Answer:
        return Answer(fields=self._client(step).inspect.vmstat())

    def do_participants(self, step: Step) -> Answer:
        return _rows(self._client(step).inspect.participants(), "role")

    def do_layout(self, step: Step) -> Answer:
        return _rows(self._client(step).inspect.layout(), "name")

    def do_wait_locks(self, step: Step) -> Answer:
        def there() -> bool:
            locks = _rows(self._client(step).inspect.locks(), "state")
            try:
                judge(step, locks, self._variables)
            except Mismatch:
                return False
            return True

        _wait("the locks", there)
        return Answer(names=step.get("contains", ()), count=step.get("count", 0))

    def do_fsck(self, step: Step) -> Answer:
        problems = self._client(step).inspect.fsck(stop=step["stop"])
        return Answer(names=problems, count=len(problems))

    def do_health(self, step: Step) -> Answer:
        return Answer(text=self._client(step).inspect.health(step["service"]))

    # --- the lab ---

    def do_list_points(self, step: Step) -> Answer:
        return _rows(self._client(step).lab.points(), "name")

    def do_arm_point(self, step: Step) -> Answer:
        given = {"mm": self._number(step["mm"]), "count": step["calls"]}
        self._client(step).lab.arm(step["point"], **given, hold_s=step["hold_ms"] / 1000)
        return Answer()

    def do_wait_point(self, step: Step) -> Answer:
        timeout_s = step["timeout_ms"] / 1000
        try:
            holders = self._client(step).lab.wait(step["point"], timeout_s=timeout_s)
        except DeadlineExceeded as error:
            if error.reason != "NOBODY_CAME":
                raise
            return Answer()
        return _rows(list(holders), "op")

    def do_release_point(self, step: Step) -> Answer:
        return Answer(value=self._client(step).lab.release(step["point"], disarm=step["disarm"]))

    def do_set_delays(self, step: Step) -> Answer:
        self._client(step).lab.set_delays(**self._arguments(step))
        return Answer()

    def do_get_coverage(self, step: Step) -> Answer:
        return Answer(fields=self._client(step).lab.coverage())

    def do_list_mutants(self, step: Step) -> Answer:
        return _rows(self._client(step).lab.mutants(), "full_name")

    def do_set_mutants(self, step: Step) -> Answer:
        self._client(step).lab.set_mutants(step["names"])
        return Answer()

    def do_get_mutants(self, step: Step) -> Answer:
        on = [one for one in self._client(step).lab.mutants() if one.on]
        return _rows(on, "full_name")

    def do_list_scenarios(self, step: Step) -> Answer:
        return _rows(self._client(step).lab.scenarios(), "name")

    def do_run_scenario(self, step: Step) -> Answer:
        given = self._arguments({name: step[name] for name in step if name != "time_ms"})
        given["time_s"] = step.get("time_ms", 10_000) / 1000
        return Answer(fields=dataclasses.asdict(self._client(step).lab.run(**given)))
