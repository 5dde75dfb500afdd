# SPDX-License-Identifier: Apache-2.0
"""Who keeps an address space or a file alive on behalf of the clients of this worker."""

from __future__ import annotations

import threading
from collections import Counter

from vmalab_native.core import Participant
from vmalab_native.errors import InvalidArgument, NativeError, NoSuchMm


class LeaseKeeper:
    """Holds one lease of the core for each address space that at least one stream names.

    The lease dies with the worker. So that a client whose worker was killed has time to go to
    another one, each address space held is also kept (mm_keep) for `grace_ns`, and this is renewed
    by a thread twice in that time. A file has a time alone, renewed in the same way.
    """

    def __init__(self, participant: Participant, *, grace_ns: int) -> None:
        self._participant = participant
        self._grace_ns = grace_ns
        self._lock = threading.Lock()
        self._held: Counter[int] = Counter()
        self._files: Counter[int] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="leases", daemon=True)
        self._thread.start()

    def add(self, mm: int) -> bool:
        """One more hold; False if there is no such address space."""
        with self._lock:
            try:
                if mm not in self._held:
                    self._participant.mm_get(mm)
                self._participant.mm_keep(mm, self._grace_ns)
            except NoSuchMm:
                return False
            self._held[mm] += 1
            return True

    def drop(self, mm: int) -> None:
        """One hold less. After the last one the address space lives for the grace time."""
        with self._lock:
            if self._held[mm] > 1:
                self._held[mm] -= 1
                return
            if self._held.pop(mm, 0):
                self._let_go(mm)

    def add_file(self, file: int) -> bool:
        """One more hold; False if nobody has it open."""
        with self._lock:
            try:
                self._participant.file_keep(file, self._grace_ns)
            except InvalidArgument:
                return False
            self._files[file] += 1
            return True

    def drop_file(self, file: int) -> None:
        """One hold less. After the last one the file stays open for the grace time."""
        with self._lock:
            self._keep_file(file)
            self._files[file] -= 1
            if self._files[file] <= 0:
                del self._files[file]

    def _let_go(self, mm: int) -> None:
        try:
            self._participant.mm_keep(mm, self._grace_ns)
            self._participant.mm_put(mm)
        except NoSuchMm:
            return  # it has exited meanwhile, and its leases with it

    def _keep_file(self, file: int) -> None:
        try:
            self._participant.file_keep(file, self._grace_ns)
        except InvalidArgument:
            return  # it is closed

    def _keep(self, mm: int) -> None:
        try:
            self._participant.mm_keep(mm, self._grace_ns)
        except NoSuchMm:
            return  # its holder is told by the calls it makes

    def _renew(self) -> None:
        while not self._stop.wait(self._grace_ns / 2e9):
            with self._lock:
                try:
                    for mm in self._held:
                        self._keep(mm)
                    for file in self._files:
                        self._keep_file(file)
                except NativeError:
                    return  # the segment is broken; the supervisor says so

    def close(self) -> None:
        """Let everything go."""
        self._stop.set()
        self._thread.join()
        with self._lock:
            for mm in self._held:
                self._let_go(mm)
            for file in self._files:
                self._keep_file(file)
            self._held.clear()
            self._files.clear()
