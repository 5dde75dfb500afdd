# SPDX-License-Identifier: Apache-2.0
"""The command `vmalab`. What the commands need is imported when they run."""

from __future__ import annotations


def main() -> None:
    """Run the command line; a signal ends it clean from here on."""
    from vmalab_native import signals

    with signals.orderly():
        from vmalab_cli.app import run

        run()
