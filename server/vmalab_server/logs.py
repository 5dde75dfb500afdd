# SPDX-License-Identifier: Apache-2.0
"""Logging: for people on a terminal, JSON lines otherwise; always to stderr.

A line that is written while a request is served has its id (`request.py`), and the client's name.
No request that is served writes a line by itself, unless the level is debug.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TextIO, cast

import structlog

from vmalab_server.caller import here

if TYPE_CHECKING:
    from structlog.typing import EventDict, FilteringBoundLogger, Processor

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "human", "json"]


def _always(context: Mapping[str, object]) -> Processor:
    """Fields of every line, whichever thread writes it."""

    def add(logger: object, name: str, facts: EventDict) -> EventDict:
        return {**context, **facts}

    return add


def _of_request(logger: object, name: str, facts: EventDict) -> EventDict:
    """Which request the calling thread serves, and for whom."""
    if here.request is not None:
        facts["request_id"] = here.request.id
        if here.caller.name:
            facts["client"] = here.caller.name
    return facts


class _Stderr:
    """Standard error; that it is full or that nobody reads it any more ends nobody."""

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def configure(*, level: Level = "info", form: Format = "auto", **context: object) -> None:
    """Set up structlog for this process.

    Args:
        level: what is below is dropped.
        form: "auto" is human on a terminal, JSON otherwise.
        context: fields of every line, {"worker": 0}.
    """
    human = form == "human" or (form == "auto" and os.isatty(sys.stderr.fileno()))
    renderer: Processor = (
        structlog.dev.ConsoleRenderer() if human else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            _always(context),
            _of_request,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=not human),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, _Stderr())),
        cache_logger_on_first_use=True,
    )


def get() -> FilteringBoundLogger:
    log: FilteringBoundLogger = structlog.get_logger()
    return log
