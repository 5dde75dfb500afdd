# SPDX-License-Identifier: Apache-2.0
"""What a process does when an invariant breaks in it; by default it aborts, with a core dump."""

from collections.abc import Callable

from vmalab_native._core import ffi, lib
from vmalab_native.cdata import CArray
from vmalab_native.convert import text

_handler: Callable[[str], None] | None = None


@ffi.def_extern()  # type: ignore[untyped-decorator]
def vmalab_when_broken(why: CArray) -> None:
    if _handler is not None:
        _handler(text(why))


def when_broken(handler: Callable[[str], None]) -> None:
    """Call handler(why) in the thread that found it, after the segment was marked broken.

    Args:
        handler: may end the process (`os._exit`); the process aborts when it returns. It must not
            enter the core.
    """
    global _handler
    _handler = handler
    lib.vl_when_broken(lib.vmalab_when_broken)
