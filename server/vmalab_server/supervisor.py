# SPDX-License-Identifier: Apache-2.0
"""The supervisor: makes the segment, keeps the ports, starts and watches the workers.

One thread, one loop over descriptors and times. It imports neither grpc nor generated code: it must
not have what a worker's death could break, and it starts processes, which grpc does not like.

What it waits for:

* signals (SIGTERM, SIGINT, SIGHUP stop; a second one stops at once),
* the life line: standard input of an embedded instance, closed when the parent ends,
* a pidfd for each worker and for every other process in the segment: at a death it calls recover()
  and mm_reap() at once,
* what workers say when they are ready,
* times: who takes part (100 ms), expired address spaces (250 ms), who waits for too long (1 s),
  workers to start again.

Whatever it asks of the machine can be refused for a while: descriptors, processes, memory, room for
the roster. It says so once, serves on with what it has, and tries again (`troubles.py`). Some
descriptors are kept in reserve, so that the workers can be started again however many processes
there are to be watched.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vmalab_native import lab, on_broken, signals, waiting
from vmalab_native.core import Participant, Segment
from vmalab_native.errors import (
    InvalidArgument,
    NativeError,
    RecoveryBusy,
    SegmentBroken,
    SegmentTooBig,
)
from vmalab_native.segment_file import SegmentFile
from vmalab_native.view import SegmentView
from vmalab_server import instance, logs, roster, troubles, version
from vmalab_server.caller import Tokens
from vmalab_server.config import (
    ConfigError,
    ServerConfig,
    is_wildcard,
    join_address,
    split_address,
)
from vmalab_server.guard import CRASHES, Guard
from vmalab_server.hung import HungTasks
from vmalab_server.launch import WorkerLaunch
from vmalab_server.lock_waits import LockWaits
from vmalab_server.ports import AddressInUse, PortReservation, PortWatch, UnixPathReservation
from vmalab_server.recoveries import Recoveries
from vmalab_server.secure_files import check_authority, check_pair, read_text
from vmalab_server.troubles import Spare, Troubles
from vmalab_server.watch import ProcessWatch, Seen
from vmalab_server.workers import WorkerSlot, choose_cpus

SCAN_S = 0.1
PORT_LOOK_S = 5.0
REAP_S = 0.25
RECOVER_AGAIN_S = 0.05
PUBLISH_AGAIN_S = 0.5
_KILL_MARGIN_S = 3.0


class StartError(Exception):
    """The instance did not come up; one line that says why."""


class InstanceBrokenError(StartError):
    """The instance was served, and its segment broke; the text says why. Its segment stays."""


EXIT_BROKEN = 3
"""Exit code of a server whose segment broke, and of a worker that found it."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Where an instance that has come up can be reached."""

    instance: str
    pid: int
    model: str
    layout: str
    address: str
    workers: tuple[roster.WorkerEntry, ...]
    metrics_address: str
    secure: bool


class Supervisor:
    """One instance, from the segment's creation to its end. run() does it all."""

    def __init__(
        self,
        config: ServerConfig,
        *,
        on_ready: Callable[[Ready], None],
        life_line_fd: int = -1,
    ) -> None:
        """Nothing happens before run().

        Args:
            config: what to serve.
            on_ready: called once, when every worker serves.
            life_line_fd: the instance stops when this descriptor reaches its end; -1: none.
        """
        self._config = config
        self._on_ready = on_ready
        self._life_line_fd = life_line_fd
        self._log = logs.get()
        self._selector = selectors.DefaultSelector()
        self._slots: list[WorkerSlot] = []
        self._watch = ProcessWatch(os.getpid())
        self._signals = 0
        self._stopping = False
        self._stop_reason = ""
        self._announced = False
        self._failure = ""
        self._broken_why = ""
        self._warning = ""
        self._recover_due = 0.0
        self._publish_due = 0.0
        self._deadline = 0.0
        self._troubles = Troubles(self._log)
        self._lock_waits = LockWaits()
        self._recoveries = Recoveries()

    # --- making and taking down ---

    def run(self) -> None:
        """Serve until stopped; everything is gone when it returns.

        Raises:
            ConfigError, StartError: it did not come up.
        """
        with contextlib.ExitStack() as stack:
            try:
                self._set_up(stack)
            except OSError as error:
                raise StartError(f"cannot start: {troubles.told(error)}") from None
            stack.callback(self._end_workers)
            self._deadline = time.monotonic() + self._config.start_timeout_s
            for slot in self._slots:
                if not self._stopping:
                    self._spawn(slot)
            self._loop()
        if self._broken_why:
            raise InstanceBrokenError(self._failure)
        if self._failure:
            raise StartError(self._failure)

    def _set_up(self, stack: contextlib.ExitStack) -> None:
        config = self._config
        cert = read_text(config.tls_cert, "tls_cert", secret=False)
        key = read_text(config.tls_key, "tls_key")
        check_pair(config, cert, key)
        client_ca = read_text(config.tls_client_ca, "tls_client_ca", secret=False)
        check_authority(config, client_ca)
        token = read_text(config.token_file, "token_file")
        try:
            Tokens(token)
        except ValueError as error:
            raise ConfigError(f"token_file: {config.token_file}: {error}") from None
        stack.callback(self._selector.close)
        self._spare = Spare()
        stack.callback(self._spare.close)
        try:
            host, port = split_address(config.listen)
            shared = PortReservation(host, port)
            stack.callback(shared.close)
            with signals.held():
                segment, lock_fd = instance.create(
                    config.instance, config.segment(), replace_stale=config.replace_stale
                )
                stack.callback(os.close, lock_fd)
                self._segment: Segment = segment
                stack.callback(self._leave_segment)
        except (AddressInUse, instance.InstanceError) as error:
            raise StartError(str(error)) from None
        except InvalidArgument as error:
            raise ConfigError(error.detail) from None
        self._guard = Guard(segment, lock_fd)
        file = SegmentFile(config.instance, os.dup(lock_fd))
        stack.callback(file.close)
        self._view = SegmentView(file)
        segment.outlive_cut()
        on_broken.when_broken(self._end_at_once)
        self._me: Participant = segment.participant("supervisor", comm="vmalab")
        if config.events == "off" and config.hung_after_s:
            self._log.info("no events are kept: threads that wait for too long are not reported")
        self._hung = HungTasks(
            self._log,
            after_s=config.hung_after_s if config.events == "on" else 0.0,
            measures=bool(config.metrics_listen),
            tasks=self._tasks,
            events=self._last_events,
        )
        self._make_room()
        if config.lab_core:
            lab.set_delays(self._me, seed=1, one_in=0, us_max=0)  # free-running from now on
        stack.callback(self._watch.close)
        try:
            self._roster_path = roster.path_of(config.instance)
            roster.clean()
        except (roster.RosterError, OSError) as error:
            raise StartError(str(error)) from None
        stack.callback(self._roster_path.unlink, missing_ok=True)
        self._advertised = config.advertise_host or shared.host
        if not config.advertise_host and is_wildcard(shared.host):
            self._advertised = socket.gethostname()
        self._address = join_address(self._advertised, shared.port)
        self._ports = PortWatch(shared.host, shared.port)
        self._call_times = self._make_call_times(stack)
        self._make_slots(stack, shared, cert=cert, key=key, client_ca=client_ca, token=token)
        self._metrics_address = self._start_metrics(stack)
        self._listen_to_signals(stack)
        if self._life_line_fd >= 0:
            os.set_blocking(self._life_line_fd, False)
            self._register(self._life_line_fd, self._on_life_line)

    def _make_room(self) -> None:
        """Memory for every thread that will join, now: a slot keeps what it once had.

        Otherwise nobody could look into an instance whose /dev/shm is full.
        """
        count = self._config.participants_least - 1
        try:
            joined = [self._segment.participant("supervisor") for _ in range(count)]
        except SegmentTooBig as error:
            raise StartError(str(error)) from None
        for participant in joined:
            participant.release()

    def _make_slots(
        self,
        stack: contextlib.ExitStack,
        shared: PortReservation,
        *,
        cert: str,
        key: str,
        client_ca: str,
        token: str,
    ) -> None:
        config = self._config
        for index, cpu in enumerate(choose_cpus(config.pin, config.workers)):
            try:
                own = PortReservation(shared.host, 0)
                stack.callback(own.close)
                unix = None
                if config.unix_dir is not None:
                    unix = UnixPathReservation(config.unix_dir / f"worker-{index}.sock")
                    stack.callback(unix.close)
            except AddressInUse as error:
                raise StartError(str(error)) from None
            launch = WorkerLaunch(
                instance=config.instance,
                index=index,
                supervisor_pid=os.getpid(),
                addresses=(shared.address, own.address),
                unix_path=str(unix.path) if unix is not None else "",
                cpu=cpu,
                threads=config.worker_threads,
                bench=config.bench,
                front=config.front,
                capabilities=config.capabilities,
                lab=config.lab_core,
                stop_grace_s=config.stop_grace_s,
                hold_grace_s=config.hold_grace_s,
                ttl_default_s=config.ttl_default_s,
                tls_cert=cert,
                tls_key=key,
                tls_client_ca=client_ca,
                tokens=token,
                share_all=config.share_all,
                roster_path=str(self._roster_path),
                call_times=str(self._call_times or ""),
                slow_call_s=config.hung_after_s,
                ready_fd=-1,
                log_level=config.log_level,
                log_format=config.log_format,
                version=version(),
                limits=config.limits,
            )
            own.host = self._advertised
            self._slots.append(WorkerSlot(launch, own, unix))

    def _make_call_times(self, stack: contextlib.ExitStack) -> Path | None:
        """The folder in which workers count calls for the metrics, empty."""
        if not self._config.metrics_listen:
            return None
        folder = roster.call_times_of(self._config.instance)
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise StartError(f"metrics: {troubles.told(error)}") from None
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _start_metrics(self, stack: contextlib.ExitStack) -> str:
        if self._call_times is None:
            return ""
        from vmalab_server.metrics import MetricsServer, Sources

        host, port = split_address(self._config.metrics_listen)
        sources = Sources(
            segment=self._segment,
            view=self._view,
            workers=self._entries,
            hung=self._hung,
            lock_waits=self._lock_waits,
            recoveries=self._recoveries,
            call_times=self._call_times,
        )
        try:
            server = MetricsServer(host, port, sources)
        except OSError as error:
            where = self._config.metrics_listen
            raise StartError(f"metrics: cannot listen on {where}: {error.strerror}") from None
        stack.callback(server.close)
        return server.address

    def _listen_to_signals(self, stack: contextlib.ExitStack) -> None:
        reader, writer = socket.socketpair()
        for end in (reader, writer):
            end.setblocking(False)
            stack.callback(end.close)
        previous = signal.set_wakeup_fd(writer.fileno())
        stack.callback(signal.set_wakeup_fd, previous)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            old = signal.signal(number, lambda *_: None)
            stack.callback(signal.signal, number, old)
        self._register(reader.fileno(), lambda: self._on_signals(reader.recv(64)))

    # --- the loop ---

    def _register(self, fd: int, callback: Callable[[], None]) -> None:
        self._selector.register(fd, selectors.EVENT_READ, callback)

    def _forget(self, fd: int) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(fd)

    def _loop(self) -> None:
        next_scan = next_reap = next_look = 0.0
        while not (self._stopping and all(slot.process is None for slot in self._slots)):
            now = time.monotonic()
            if now >= next_look:
                next_look = now + PORT_LOOK_S
                self._look_at_port()
            if now >= next_scan:
                next_scan = now + SCAN_S
                if why := self._guard.changed():
                    self._broken(why)
                self._scan()
            if now >= next_reap:
                next_reap = now + REAP_S
                self._reap()
            if self._recover_due and now >= self._recover_due:
                self._recover()
            if self._publish_due and now >= self._publish_due:
                self._publish()
            self._start_again(now)
            self._check_deadline(now)
            due = min([next_scan, next_reap, *self._due_times()])
            for key, _ in self._selector.select(max(0.0, due - time.monotonic())):
                with self._troubles.of("an event could not be handled"):
                    key.data()
        self._reap()

    def _end_workers(self) -> None:
        """None is left, also when something unforeseen ended the loop."""
        for slot in self._slots:
            if slot.process is not None:
                slot.process.kill()
                slot.process.wait()

    def _due_times(self) -> list[float]:
        times = [slot.due_s for slot in self._slots if slot.state == "backoff"]
        return times + [due for due in (self._recover_due, self._publish_due) if due]

    def _check_deadline(self, now: float) -> None:
        if not self._deadline or now < self._deadline:
            return
        self._deadline = 0.0
        if self._stopping:
            self._log.warning("workers did not stop in time and are killed")
            self._signal_workers(signal.SIGKILL)
        elif not self._announced:
            self._fail(f"not every worker was ready after {self._config.start_timeout_s:g} s")

    def _start_again(self, now: float) -> None:
        if self._stopping:
            return
        for slot in self._slots:
            if slot.state == "backoff" and now >= slot.due_s:
                self._spawn(slot)

    # --- workers ---

    def _spawn(self, slot: WorkerSlot) -> None:
        with self._troubles.of(f"worker {slot.launch.index} cannot be started") as refused:
            with self._spare.given_up() as devnull:
                slot.spawn(devnull)
            try:
                self._register(slot.pidfd, lambda: self._on_worker_death(slot))
                self._register(slot.ready_fd, lambda: self._on_worker_word(slot))
            except OSError:
                self._forget(slot.pidfd)
                slot.undo()
                raise
        if refused:
            slot.put_off(troubles.told(refused[0]))
            if not self._announced:
                self._fail(f"worker {slot.launch.index} cannot be started: {slot.error}")
        self._publish()

    def _on_worker_word(self, slot: WorkerSlot) -> None:
        fd = slot.ready_fd
        slot.hear()
        if slot.ready_fd == fd:
            return
        self._forget(fd)
        self._publish()
        if slot.state == "ready" and slot.restarts > 0:
            self._log.info("worker is back", worker=slot.launch.index, pid=slot.pid)
        if not self._announced and all(other.state == "ready" for other in self._slots):
            self._announce()

    def _announce(self) -> None:
        self._announced = True
        self._deadline = 0.0
        self._on_ready(
            Ready(
                instance=self._config.instance,
                pid=os.getpid(),
                model=self._config.model,
                layout=self._config.layout,
                address=self._address,
                workers=self._entries(),
                metrics_address=self._metrics_address,
                secure=self._config.secure,
            )
        )

    def _on_worker_death(self, slot: WorkerSlot) -> None:
        pid, was_ready = slot.pid, slot.state == "ready"
        self._forget(slot.pidfd)
        self._forget(slot.ready_fd)
        code = slot.bury(stopping=self._stopping)
        if code in CRASHES and (why := self._guard.changed() or self._guard.damage()):
            self._broken(why)
        self._recover_from(pid)
        self._publish()
        if self._stopping:
            return
        if not self._announced and not was_ready:
            self._fail(f"worker {slot.launch.index} did not start: {slot.error}")
            return
        self._log.warning(
            "worker died", worker=slot.launch.index, pid=pid, exit_code=code, error=slot.error
        )

    def _fail(self, reason: str) -> None:
        self._failure = reason
        self._stop("start failed")

    def _signal_workers(self, number: int) -> None:
        for slot in self._slots:
            if slot.process is not None:
                with contextlib.suppress(ProcessLookupError):
                    slot.process.send_signal(number)

    def _entries(self) -> tuple[roster.WorkerEntry, ...]:
        return tuple(slot.entry() for slot in self._slots)

    def _publish(self) -> None:
        self._publish_due = 0.0
        trouble = "the list of workers cannot be written"
        with self._troubles.of(trouble) as refused, self._spare.given_up():
            self._write_roster()
        if refused:
            self._publish_due = time.monotonic() + PUBLISH_AGAIN_S

    def _write_roster(self) -> None:
        roster.write(
            roster.Roster(
                instance=self._config.instance,
                supervisor_pid=os.getpid(),
                shared_address=self._address,
                secure=self._config.secure,
                metrics_address=self._metrics_address,
                state="broken"
                if self._broken_why
                else ("stopping" if self._stopping else "serving"),
                why=self._broken_why,
                warning=self._warning,
                shm_device=roster.shm_device(),
                workers=self._entries(),
            ),
            self._roster_path,
        )

    # --- the segment ---

    def _scan(self) -> None:
        if self._broken_why:
            return
        known = {slot.pid for slot in self._slots}
        seen = Seen()
        with self._troubles.of(
            "not every process can be watched, deaths are looked for"
        ) as refused:
            seen = self._watch.update(self._segment.participants(), known=known)
            for fd in seen.gone:
                self._forget(fd)
            for fd in seen.new:
                self._watch_death(fd)
            if seen.unwatched is not None:
                raise seen.unwatched
        if seen.dead or refused:
            self._recover()
        self._hung.look(time.monotonic())

    def _tasks(self) -> list[waiting.Task]:
        """Everybody in the core; what they have waited is added up on the way."""
        view = self._view
        ages = waiting.ages_of(view.since)
        infos = self._segment.participants()
        self._lock_waits.update(infos, view.waits)
        return waiting.tasks(infos, self._segment.locks() + view.noted(infos), ages)

    def _last_events(self, participant: int) -> list[str]:
        return waiting.event_lines(self._view.events(participant))

    def _watch_death(self, fd: int) -> None:
        try:
            self._register(fd, lambda: self._on_foreign_death(fd))
        except OSError:
            self._watch.died(fd)  # it is new again at the next look
            raise

    def _on_foreign_death(self, fd: int) -> None:
        self._forget(fd)
        self._recover_from(self._watch.died(fd))

    def _recover_from(self, pid: int) -> None:
        """Recover from the end of a process, unless it left in order."""
        if self._broken_why:
            return
        if not all(info.alive for info in self._segment.participants()):
            self._log.info("a process has died in the segment", pid=pid)
            self._recover()

    def _recover(self) -> None:
        self._recover_due = 0.0
        if self._broken_why:
            return
        begun_s = time.monotonic()
        try:
            report = self._me.recover()
        except SegmentBroken:
            self._broken(self._guard.reason())
            return
        except RecoveryBusy:
            self._recover_due = time.monotonic() + RECOVER_AGAIN_S
            return
        except NativeError as error:
            self._log.error("recovery has to be tried again", error=str(error))
            self._recover_due = time.monotonic() + RECOVER_AGAIN_S
            return
        self._recoveries.add(report, time.monotonic() - begun_s)
        if report.dead:
            repaired = {name: count for name, count in report.repaired.items() if count}
            self._log.info("recovered", dead=report.dead, repaired=repaired)
        self._reap()

    def _reap(self) -> None:
        if self._broken_why:
            return
        try:
            self._me.mm_reap()
        except SegmentBroken:
            self._broken(self._guard.reason())
        except NativeError as error:
            self._log.error("address spaces could not be reaped", error=str(error))

    def _look_at_port(self) -> None:
        warning = self._ports.look([slot.pid for slot in self._slots])
        if warning == self._warning:
            return
        self._warning = warning
        if warning:
            self._log.warning("the shared port is not ours alone", warning=warning)
        else:
            self._log.info("the shared port is ours alone again")
        self._publish()

    def _broken(self, why: str) -> None:
        """The instance ends, once and for all: nobody may be in its segment any more."""
        if self._broken_why:
            return
        self._broken_why = why
        if not self._guard.cut:
            self._segment.mark_broken(why)
        self._log.error("the segment is broken, the instance stops", why=why)
        name = self._config.instance
        self._failure = (
            f"instance {name!r} is broken: {why}; its segment is kept for a look (vmalab fsck"
            f" --instance {name}), vmalab serve --instance {name} --replace-stale starts it again"
        )
        self._stop("broken")

    def _end_at_once(self, why: str) -> None:
        """An invariant broke in this process, in the middle of the core: there is no way back."""
        self._broken_why = why
        with contextlib.suppress(Exception):
            self._log.error("the segment is broken, the instance ends", why=why)
            self._publish()
        self._signal_workers(signal.SIGTERM)
        for slot in self._slots:
            with contextlib.suppress(Exception):
                if slot.process is not None:
                    slot.process.wait(self._config.stop_grace_s + _KILL_MARGIN_S)
        with contextlib.suppress(Exception):
            self._end_workers()
            for slot in self._slots:
                slot.close()
            self._roster_path.unlink(missing_ok=True)
        os._exit(EXIT_BROKEN)

    def _leave_segment(self) -> None:
        """What is broken stays for a look. What was cut may not even be touched."""
        if self._broken_why and self._guard.cut:
            return
        if not self._broken_why:
            self._segment.unlink()
        self._segment.close()

    # --- stopping ---

    def _on_signals(self, numbers: bytes) -> None:
        for number in numbers:
            if number not in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                continue
            self._signals += 1
            if self._signals == 1:
                self._stop(signal.Signals(number).name)
            else:
                self._signal_workers(signal.SIGKILL)

    def _on_life_line(self) -> None:
        try:
            data = os.read(self._life_line_fd, 4096)
        except BlockingIOError:
            return
        if not data:
            self._forget(self._life_line_fd)
            self._stop("the parent has ended or closed the life line")

    def _stop(self, reason: str) -> None:
        if self._stopping:
            return
        self._stopping = True
        self._log.info("stopping", reason=reason)
        for slot in self._slots:
            slot.state = "stopping"
        self._publish()
        if self._config.lab_core and not self._broken_why:
            lab.open_gates(self._me)  # what is held can finish within the grace
        self._signal_workers(signal.SIGTERM)
        self._deadline = time.monotonic() + self._config.stop_grace_s + _KILL_MARGIN_S
