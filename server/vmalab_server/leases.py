# SPDX-License-Identifier: Apache-2.0
"""Who keeps an address space alive on behalf of the clients of this worker."""

from __future__ import annotations

import threading

from vmalab_native.core import Participant
from vmalab_native.errors import NativeError, NoSuchMm


class LeaseKeeper:
    """Holds one lease of the core for each address space that at least one stream names.

    The lease dies with the worker. So that a client whose worker was killed has time to go to
    another one, each address space held is also kept (mm_keep) for `grace_ns`, and this is renewed
    by a thread twice in that time.
    """

    def __init__(self, participant: Participant, *, grace_ns: int) -> None:
        self._participant = participant
        self._grace_ns = grace_ns
        self._lock = threading.Lock()
        self._held: dict[int, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="leases", daemon=True)
        self._thread.start()

    def add(self, mm: int) -> bool:
        """One more hold; False if there is no such address space."""
        with self._lock:
            if mm in self._held:
                try:
                    self._participant.mm_keep(mm, self._grace_ns)
                except NoSuchMm:
                    return False
                self._held[mm] += 1
                return True
            try:
                self._participant.mm_get(mm)
                self._participant.mm_keep(mm, self._grace_ns)
            except NoSuchMm:
                return False
            self._held[mm] = 1
            return True

    def drop(self, mm: int) -> None:
        """One hold less. After the last one the address space lives for the grace time."""
        with self._lock:
            count = self._held.get(mm, 0)
            if count > 1:
                self._held[mm] = count - 1
                return
            if count == 0:
                return
            del self._held[mm]
            self._let_go(mm)

    def _let_go(self, mm: int) -> None:
        try:
            self._participant.mm_keep(mm, self._grace_ns)
            self._participant.mm_put(mm)
        except NoSuchMm:
            return  # it has exited meanwhile, and its leases with it

    def _renew(self) -> None:
        while not self._stop.wait(self._grace_ns / 2e9):
            with self._lock:
                for mm in list(self._held):
                    try:
                        self._participant.mm_keep(mm, self._grace_ns)
                    except NoSuchMm:
                        continue  # its holder is told by the calls it makes
                    except NativeError:
                        return  # the segment is broken; the supervisor says so

    def close(self) -> None:
        """Let everything go."""
        self._stop.set()
        self._thread.join()
        with self._lock:
            for mm in self._held:
                self._let_go(mm)
            self._held.clear()
