# SPDX-License-Identifier: Apache-2.0
"""Nothing is left behind: processes end with the command that started them."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def end_with_parent(parent: int, *, by: int = signal.SIGKILL) -> None:
    """Let the kernel end this process when its parent dies, however that dies.

    Args:
        parent: its pid, to notice that it died before this call.
        by: the signal that the kernel sends; SIGTERM lets it remove what it made.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, by, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), by)
