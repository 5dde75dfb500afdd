# SPDX-License-Identifier: Apache-2.0
"""The process from which all others of a run are forked: it has imported what they need.

`python -m vmalab_crash.zygote SOCKET BOARD LOG`: numbers of descriptors. It never maps a
segment itself, so that no lock of a child is one of its own. It answers each command of the socket
with one message; for each process that it forks with one, which carries the process's pidfd and its
end of a socket.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
from typing import Final

from vmalab_crash.actor import Actor
from vmalab_crash.board import Board, Doing, State
from vmalab_crash.mix import Stock
from vmalab_crash.recoverer import Recoverer
from vmalab_crash.talk import Birth
from vmalab_native import lifeline
from vmalab_native.core import Participant, Segment
from vmalab_native.errors import NoParticipantSlot

MESSAGE_BYTES: Final = 1 << 16
ACCOUNTS: Final = 5
NICE: Final = 4
"""Of those who work all the time, so that those who kill, fork and recover need not wait."""


def _joined(segment: Segment) -> Participant:
    """A slot. One may stay taken for a while: a dead thread's whose retired pages nobody had room
    for. Who waits for this process ends it when that takes too long."""
    while True:
        try:
            me = segment.participant("client", comm="crash")
            me.account(f"client {me.index % ACCOUNTS}")
            me.share_new(shared=True)  # a recoverer closes what the dead had open
            return me
        except NoParticipantSlot:
            time.sleep(0.01)


def _act(board: Board, segment: Segment, row: int, stock: Stock, seed: str, kind: str) -> None:
    with _joined(segment) as me:
        Actor(board, row, me, stock, seed, kind).live()
    board.rows[row]["state"] = State.LEFT


def _thread(
    failed: list[str],
    board: Board,
    segment: Segment,
    row: int,
    stock: Stock,
    seed: str,
    kind: str,
) -> None:
    try:
        _act(board, segment, row, stock, seed, kind)
    except BaseException:
        failed.append(traceback.format_exc())
        sys.stderr.write(failed[-1])
        sys.stderr.flush()
        os._exit(3)


def _live(board: Board, stock: Stock, birth: Birth, pipe: socket.socket) -> None:
    """The life of a child."""
    if birth.kind != "recoverer":
        os.nice(NICE)
    rows = birth.rows
    for row in rows:
        board.rows[row]["pid"] = os.getpid()
        board.rows[row]["doing"] = Doing.JOIN
    with Segment.attach(birth.instance) as segment:
        kind, seed = birth.kind, birth.seed
        if kind == "recoverer":
            with segment.participant("supervisor", comm="crash-rec") as me:
                Recoverer(board, rows[0], me, pipe).live()
            board.rows[rows[0]]["state"] = State.LEFT
        elif len(rows) == 1:
            _act(board, segment, rows[0], stock, seed, kind)
        else:
            failed: list[str] = []
            threads = [
                threading.Thread(
                    target=_thread,
                    args=(failed, board, segment, row, stock, f"{seed}/{row}", kind),
                )
                for row in rows
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()


class Zygote:
    """Does what the socket says."""

    def __init__(self, control: socket.socket, board: Board, log: int) -> None:
        self._control, self._board, self._log = control, board, log
        self._stock: Stock | None = None

    def serve(self) -> None:
        while True:
            said = self._control.recv(MESSAGE_BYTES)
            if not said:
                return
            told = json.loads(said)
            match told["do"]:
                case "session":
                    if self._stock is None:
                        self._stock = Stock.make(told["seed"], frozenset(told["without"]))
                    self._control.send(b"{}")
                case "files":
                    assert self._stock is not None
                    self._stock.name_files(told["files"])
                    gc.collect()
                    gc.freeze()  # a child that collects would copy all pages
                    self._control.send(b"{}")
                case "fork":
                    self._fork(Birth(**told["birth"]))
                case "reap":
                    self._control.send(json.dumps(self._reap()).encode())

    def _fork(self, birth: Birth) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._child(birth, parent, ours, theirs)
        pidfd = os.pidfd_open(pid)
        theirs.close()
        socket.send_fds(self._control, [json.dumps({"pid": pid}).encode()], [pidfd, ours.fileno()])
        os.close(pidfd)
        ours.close()

    def _child(self, birth: Birth, parent: int, ours: socket.socket, theirs: socket.socket) -> None:
        status = 3
        try:
            lifeline.end_with_parent(parent)
            self._control.close()
            ours.close()
            assert self._stock is not None
            _live(self._board, self._stock, birth, theirs)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _reap(self) -> list[tuple[int, int]]:
        gone: list[tuple[int, int]] = []
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return gone
                gone.append((pid, os.waitstatus_to_exitcode(status)))
        except ChildProcessError:
            return gone


def main() -> None:
    control, board, log = map(int, sys.argv[1:4])
    lifeline.end_with_parent(int(sys.argv[4]))
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # it ends with its parent, and they with it
    os.dup2(log, 2)
    Zygote(socket.socket(fileno=control), Board(board), log).serve()


if __name__ == "__main__":
    main()
