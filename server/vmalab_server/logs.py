# SPDX-License-Identifier: Apache-2.0
"""Logging: for people on a terminal, JSON lines otherwise; always to stderr, never per request."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import TYPE_CHECKING, Literal, TextIO, cast

import structlog

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger, Processor

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "human", "json"]


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
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=not human),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, _Stderr())),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(**context)


def get() -> FilteringBoundLogger:
    log: FilteringBoundLogger = structlog.get_logger()
    return log
