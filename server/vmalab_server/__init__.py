# SPDX-License-Identifier: Apache-2.0
"""The vmalab service: supervisor, workers, handlers and the ``vmalab`` command.

``vmalab_server.embedded.EmbeddedServer`` starts a whole instance from a Python program.
"""

from __future__ import annotations

__all__ = ["version"]


def version() -> str:
    """The installed version of vmalab; "0" when it runs from a tree that is not installed."""
    from importlib import metadata

    try:
        return metadata.version("vmalab")
    except metadata.PackageNotFoundError:
        return "0"
