# SPDX-License-Identifier: Apache-2.0
"""Where the time of a call went in the worker: how a client asks, and what the worker answers.

A unary call with the metadata `vmalab-parts: 1` has trailing metadata of the same key, as
`queue=41000 handler=23000 core=900`. A block of a Batch stream asks with a field of its message.
All are durations of the worker's own clock, so no two clocks are compared.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

KEY: Final = "vmalab-parts"
ASKED: Final = ((KEY, "1"),)
"""The metadata of a call that asks."""
_FORM: Final = re.compile(r"(?:queue=(\d{1,18}) )?handler=(\d{1,18}) core=(\d{1,18})")


class CallParts(NamedTuple):
    """What a worker knows of one call, or of one block; nanoseconds.

    Attributes:
        queue_ns: from the arrival at the worker until the handler begins, which has its message;
            None: the worker does not know when it arrived.
        turn_ns: of a block that the worker has read: until it is its turn.
        handler_ns: in the handler, without the core.
        core_ns: in the core.
    """

    queue_ns: int | None
    turn_ns: int
    handler_ns: int
    core_ns: int

    @property
    def known_ns(self) -> int:
        """All of them together."""
        return (self.queue_ns or 0) + self.turn_ns + self.handler_ns + self.core_ns


def text_of(parts: CallParts) -> str:
    """The value of the trailing metadata; turn_ns is of blocks, and not in it."""
    queue = "" if parts.queue_ns is None else f"queue={parts.queue_ns} "
    return f"{queue}handler={parts.handler_ns} core={parts.core_ns}"


def parts_in(metadata: object) -> CallParts | None:
    """What the trailing metadata of a call say; None: nothing, or nothing that can be."""
    for key, value in metadata if isinstance(metadata, tuple | list) else ():
        if key == KEY and isinstance(value, str) and (found := _FORM.fullmatch(value)):
            queue = None if found[1] is None else int(found[1])
            return CallParts(queue, 0, int(found[2]), int(found[3]))
    return None
