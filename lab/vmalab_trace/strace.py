# SPDX-License-Identifier: Apache-2.0
"""Reads the text that strace writes and gives calls, signals and exits, in order of completion.

One line of strace is `[pid] [time] BODY`, where BODY is one of

    name(args) = result [errno (text)] [<seconds>]      a finished call
    name(args <unfinished ...>                          it goes on while another thread is shown
    <... name resumed>rest) = result                    its end
    --- SIGNAL {fields} ---                             a signal arrived
    +++ exited with N +++, +++ killed by SIGNAL +++     the thread is gone

The pid is there with -f, the time with -t, -tt, -ttt or -r, the seconds with -T, the paths behind
file descriptors with -y. A line that is none of these becomes a `Garbage` event: the reader of the
events decides what to do with it, nothing is dropped here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_PID = re.compile(r"^(?:\[pid\s+(\d+)\]|(\d+))\s+(?![\d.]*\s*$)")
_EPOCH = re.compile(r"^(\d+)\.(\d{1,9})\s+")
_CLOCK = re.compile(r"^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?\s+")
_CALL = re.compile(r"^([A-Za-z_][A-Za-z0-9_]*)\(")
_RESUMED = re.compile(r"^<\.\.\. ([A-Za-z_][A-Za-z0-9_]*) resumed>(.*)$", re.DOTALL)
_SIGNAL = re.compile(r"^--- (?:stopped by )?(SIG[A-Z0-9_+]+)(?: (\{.*\}))? ---$")
_STOPPED = re.compile(r"^--- stopped by (SIG[A-Z0-9_+]+) ---$")
_EXITED = re.compile(r"^\+\+\+ exited with (\d+) \+\+\+$")
_KILLED = re.compile(r"^\+\+\+ killed by (SIG[A-Z0-9_+]+)(?: \(core dumped\))? \+\+\+$")
_SUPERSEDED = re.compile(r"^\+\+\+ superseded by execve in pid (\d+) \+\+\+$")
_RESULT = re.compile(
    r"^\s*=\s*(?P<value>\?|-?\d+|0x[0-9a-fA-F]+)"
    r"(?:\s*<(?!\d+\.\d+>)(?P<path>[^>]*)>(?P<gone>\(deleted\))?)?"
    r"(?:\s+(?P<errno>E[A-Z0-9_]+))?"
    r"(?P<lost>\s+\(errno \d+\))?"
    r"(?P<note>(?:\s+\([^()]*(?:\([^()]*\)[^()]*)*\))*)"
    r"(?:\s+<(?P<seconds>\d+\.\d+)>)?\s*$"
)
_FIELD = re.compile(r"(\w+)=([^,{}]+)")
_NOTICE = re.compile(r"^(?:strace: Process \d+ (?:attached|detached)|\[ Process PID=.* \])")
_OTHER_MODE = re.compile(r"^\[ Process PID=(\d+) runs in (?!64 bit)(.*) mode\. \]")
_DIED = re.compile(r"^(?:<\.\.\. )?\?\?\?(?:\(| resumed>)")
"""A thread that was killed at the entry of a call: strace could not read which one."""
_UNFINISHED = re.compile(r"\s*<(?:unfinished|pid changed to \d+) \.\.\.>\s*$")
"""The second when a thread that is not the leader calls execve and takes over the leader's id."""


@dataclass(frozen=True, slots=True)
class Call:
    """One system call from its entry to its result."""

    line: int
    """Line of the entry, counted from 1."""
    end_line: int
    """Line of the result; the same as `line` when nothing was shown in between."""
    pid: int
    """Thread id, 0 when the trace has none."""
    name: str
    args: tuple[str, ...]
    value: int | None
    """None for `?` and for a call that never came back."""
    errno: str = ""
    finished: bool = True
    time_ns: int | None = None
    """When it was entered (the clock of the trace)."""
    end_ns: int | None = None
    shown: str = ""
    """The path behind a descriptor that the call returned, as strace -y prints it."""

    def text(self) -> str:
        """The call as one line, for reports."""
        return f"{self.name}({', '.join(self.args)})"


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal that arrived, or (with `stopped`) a stop it caused."""

    line: int
    pid: int
    name: str
    fields: dict[str, str]
    stopped: bool = False
    time_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Exit:
    """The end of a thread."""

    line: int
    pid: int
    killed_by: str = ""
    status: int = 0
    time_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Superseded:
    """The thread group leader vanished because another thread of it called execve."""

    line: int
    pid: int
    by: int


@dataclass(frozen=True, slots=True)
class Garbage:
    """A line that could not be read."""

    line: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class OtherMode:
    """A process that is no 64-bit program: its calls have other numbers and other answers."""

    line: int
    pid: int
    mode: str


Event = Call | Signal | Exit | Superseded | Garbage | OtherMode


@dataclass(slots=True)
class _Open:
    line: int
    name: str
    text: str
    time_ns: int | None


class ArgumentError(ValueError):
    """The text of a call's arguments has no end."""


def split_arguments(text: str) -> tuple[tuple[str, ...], str]:
    """Split `a, {b, c}, "d") = 0` at its own commas.

    Returns the arguments and what follows the closing parenthesis.

    Raises:
        ArgumentError: no closing parenthesis.
    """
    args: list[str] = []
    depth = 0
    start = 0
    index = 0
    length = len(text)
    while index < length:
        char = text[index]
        if char == '"':
            index = _string_end(text, index)
        elif char == "<" and _begins_path(text, index):
            index = _path_end(text, index)
        elif text.startswith("/*", index):
            end = text.find("*/", index + 2)
            index = end + 1 if end >= 0 else length
        elif char in "([{":
            depth += 1
        elif char in "]}" or (char == ")" and depth):
            depth -= 1
        elif char == ")":
            last = text[start:index].strip()
            if last or args:
                args.append(last)
            return tuple(args), text[index + 1 :]
        elif char == "," and depth == 0:
            args.append(text[start:index].strip())
            start = index + 1
        index += 1
    raise ArgumentError("no closing parenthesis")


def _string_end(text: str, index: int) -> int:
    """Index of the closing quote of the string that opens at `index`."""
    index += 1
    while index < len(text) and text[index] != '"':
        index += 2 if text[index] == "\\" else 1
    return index


def _begins_path(text: str, index: int) -> bool:
    """Whether a `<` stands behind a descriptor: `3</etc/passwd>`, and not `21<<MAP_HUGE_SHIFT`."""
    return index > 0 and text[index - 1].isalnum() and text[index + 1 : index + 2] != "<"


def _path_end(text: str, index: int) -> int:
    """Index of the `>` that ends a descriptor's path; the index itself if this is no path.

    strace writes a `<` or `>` of the path itself as an octal escape.
    """
    end = text.find(">", index)
    return end if end >= 0 else index


@dataclass(slots=True)
class Parser:
    """Feed lines, get events. Calls are given when they finish."""

    line: int = 0
    open_calls: dict[int, _Open] = field(default_factory=dict)

    def feed(self, text: str) -> list[Event]:
        """Read one line. Nothing comes of a line that only opens a call; two events of the death
        of a thread that was in a call."""
        self.line += 1
        body = text.rstrip("\r\n")
        other = _OTHER_MODE.match(body)
        if other:
            return [OtherMode(self.line, int(other.group(1)), other.group(2))]
        if not body.strip() or _NOTICE.match(body):
            return []
        pid, body = _take_pid(body)
        time_ns, body = _take_time(body)
        body = body.strip()
        if _DIED.match(body):
            return []
        if body.startswith("+++"):
            return self._gone(pid, body, time_ns)
        if body.startswith("---"):
            return [self._signal(pid, body, time_ns)]
        if body.startswith("<..."):
            return [self._resume(pid, body, time_ns)]
        event = self._call(pid, body, time_ns)
        return [] if event is None else [event]

    def finish(self) -> list[Event]:
        """The calls that never came back, oldest first."""
        left = sorted(self.open_calls.items(), key=lambda item: item[1].line)
        self.open_calls.clear()
        return [self._unfinished(pid, opened) for pid, opened in left]

    def _unfinished(self, pid: int, opened: _Open) -> Call:
        try:
            args, _ = split_arguments(opened.text + ")")
        except ArgumentError:
            args = (opened.text,)
        return Call(
            line=opened.line,
            end_line=self.line,
            pid=pid,
            name=opened.name,
            args=args,
            value=None,
            finished=False,
            time_ns=opened.time_ns,
        )

    def _gone(self, pid: int, body: str, time_ns: int | None) -> list[Event]:
        superseded = _SUPERSEDED.match(body)
        if superseded:
            by = int(superseded.group(1))
            if by in self.open_calls:
                self.open_calls[pid] = self.open_calls.pop(by)
            return [Superseded(self.line, pid, by)]
        opened = self.open_calls.pop(pid, None)
        before: list[Event] = [self._unfinished(pid, opened)] if opened else []
        exited = _EXITED.match(body)
        if exited:
            return [*before, Exit(self.line, pid, status=int(exited.group(1)), time_ns=time_ns)]
        killed = _KILLED.match(body)
        if killed:
            return [*before, Exit(self.line, pid, killed_by=killed.group(1), time_ns=time_ns)]
        return [*before, Garbage(self.line, body, "unknown +++ line")]

    def _signal(self, pid: int, body: str, time_ns: int | None) -> Event:
        stopped = _STOPPED.match(body)
        if stopped:
            return Signal(self.line, pid, stopped.group(1), {}, True, time_ns)
        match = _SIGNAL.match(body)
        if not match:
            return Garbage(self.line, body, "unknown --- line")
        fields = {key: value.strip() for key, value in _FIELD.findall(match.group(2) or "")}
        return Signal(self.line, pid, match.group(1), fields, False, time_ns)

    def _resume(self, pid: int, body: str, time_ns: int | None) -> Event:
        match = _RESUMED.match(body)
        if not match:
            return Garbage(self.line, body, "unknown <... line")
        opened = self.open_calls.pop(pid, None)
        if opened is None or opened.name != match.group(1):
            return Garbage(self.line, body, "resumes a call that was not open")
        rest = match.group(2)
        return self._finish_call(pid, opened, opened.text + rest, time_ns)

    def _call(self, pid: int, body: str, time_ns: int | None) -> Event | None:
        match = _CALL.match(body)
        if not match:
            return Garbage(self.line, body, "not a call")
        opened = _Open(self.line, match.group(1), body[match.end() :], time_ns)
        cut = _UNFINISHED.search(opened.text)
        if cut:
            opened.text = opened.text[: cut.start()]
            self.open_calls[pid] = opened
            return None
        return self._finish_call(pid, opened, opened.text, None)

    def _finish_call(self, pid: int, opened: _Open, text: str, end_ns: int | None) -> Event:
        try:
            args, rest = split_arguments(text)
        except ArgumentError as error:
            return Garbage(self.line, f"{opened.name}({text}", str(error))
        result = _RESULT.match(rest)
        if not result:
            return Garbage(self.line, f"{opened.name}({text}", "no result")
        # A call that was killed inside has no answer; strace then prints what is in the register.
        unknown = result["value"] == "?" or result["lost"]
        value = None if unknown else int(result["value"], 0)
        errno = result["errno"] or ""
        if end_ns is None and opened.time_ns is not None and result["seconds"]:
            end_ns = opened.time_ns + _nanoseconds(*result["seconds"].split("."))
        return Call(
            line=opened.line,
            end_line=self.line,
            pid=pid,
            name=opened.name,
            args=args,
            value=value,
            errno=errno,
            time_ns=opened.time_ns,
            end_ns=end_ns,
            shown=(result["path"] or "") + (" (deleted)" if result["gone"] else ""),
        )


def _take_pid(body: str) -> tuple[int, str]:
    match = _PID.match(body)
    if not match:
        return 0, body
    return int(match.group(1) or match.group(2)), body[match.end() :]


def _nanoseconds(seconds: str, fraction: str) -> int:
    return int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0")[:9])


def _take_time(body: str) -> tuple[int | None, str]:
    stripped = body.lstrip()
    epoch = _EPOCH.match(stripped)
    if epoch:
        return _nanoseconds(epoch.group(1), epoch.group(2)), stripped[epoch.end() :]
    clock = _CLOCK.match(stripped)
    if clock:
        hours, minutes, seconds = (int(clock.group(i)) for i in (1, 2, 3))
        total = (hours * 60 + minutes) * 60 + seconds
        return _nanoseconds(str(total), clock.group(4) or "0"), stripped[clock.end() :]
    return None, body


def parse(lines: Iterable[str]) -> Iterator[Event]:
    """All events of a trace, calls at the line where they finish."""
    parser = Parser()
    for text in lines:
        yield from parser.feed(text)
    yield from parser.finish()
