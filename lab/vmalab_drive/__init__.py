# SPDX-License-Identifier: Apache-2.0
"""What every tool of the lab drives an instance with: where it is, how operations travel, client
processes, and what is printed."""

from vmalab_native import one_thread

one_thread.stay()
