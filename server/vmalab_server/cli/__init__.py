# SPDX-License-Identifier: Apache-2.0
"""The `vmalab` command."""

from __future__ import annotations

from vmalab_server.cli.app import main

__all__ = ["main"]
