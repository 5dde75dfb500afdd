# SPDX-License-Identifier: Apache-2.0
"""`vmalab lin`: histories of free-running processes, checked against a sequential address space."""

from vmalab_native import one_thread

one_thread.stay()
