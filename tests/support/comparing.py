# SPDX-License-Identifier: Apache-2.0
"""What a test that compares with the running kernel requires of the machine, and what could not be
compared.

A test says what it requires by `@pytest.mark.needs("pkeys", ...)` (or `pytestmark`), with names of
`vmalab_native.machine.NEEDS`. On a machine that lacks one of them it does not run. A test that can
compare a part says of the rest `not_compared(reason, times)`, a fixture. Both end up in the lines
`not compared` at the end of the run, by reason, with their number; they are printed also when there
is nothing to say.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Final

import pytest

from vmalab_native import machine

KEY: Final = "not_compared"
KERNEL: Final = ("x86-64", "kernel", "top-down", "no-la57", "overcommit-heuristic", "capabilities")
"""What every comparison of calls with the running kernel requires."""
NotCompared = Callable[[str, int], None]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "needs(name, ...): names of vmalab_native.machine.NEEDS; else it is not compared"
    )


def _record(item: pytest.Item, reason: str, times: int) -> None:
    item.user_properties.append((KEY, (reason, times)))


def needs_of(text: str) -> list[str]:
    """The names in a line `# needs: NAME ...` of a file of calls."""
    found = re.search(r"^# needs: (.*)$", text, re.MULTILINE)
    return found[1].split() if found else []


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    needs = [name for mark in item.iter_markers("needs") for name in mark.args]
    lacking = machine.lacks(dict.fromkeys(needs))
    if lacking:
        _record(item, lacking[0], 1)
        pytest.skip(f"not compared: {lacking[0]}")


@pytest.fixture
def not_compared(request: pytest.FixtureRequest) -> NotCompared:
    """not_compared(reason, times): so many answers of this test could not be compared."""

    def record(reason: str, times: int = 1) -> None:
        if times:
            _record(request.node, reason, times)

    return record


def counted(reports: list[pytest.TestReport]) -> Counter[str]:
    """What the reports of a run say of it. A test has three, each with all that was said so far."""
    last: dict[str, list[tuple[str, int]]] = {}
    for report in reports:
        said: list[tuple[str, int]] = []
        for name, value in report.user_properties:
            if name == KEY and isinstance(value, list | tuple):
                said.append((str(value[0]), int(value[1])))
        if len(said) >= len(last.get(report.nodeid, [])):
            last[report.nodeid] = said
    found: Counter[str] = Counter()
    for said in last.values():
        for reason, times in said:
            found[reason] += times
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [
        one
        for kind in terminalreporter.stats.values()
        for one in kind
        if isinstance(one, pytest.TestReport)
    ]
    found = counted(reports)
    terminalreporter.write_line(f"not compared with the running kernel: {found.total()}")
    for reason, times in sorted(found.items()):
        terminalreporter.write_line(f"not compared: {times}: {reason}")
