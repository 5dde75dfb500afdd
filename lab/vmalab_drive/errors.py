# SPDX-License-Identifier: Apache-2.0
"""What a tool could not do, in one line for who called it.

CommandError        it was tried and failed: exit code 1
└── UsageError      what was asked for cannot be done: exit code 2
"""

from __future__ import annotations


class CommandError(Exception):
    """Its text is all that the user needs."""

    exit_code = 1


class UsageError(CommandError):
    """The text says what was wrong, and what would be right."""

    exit_code = 2
