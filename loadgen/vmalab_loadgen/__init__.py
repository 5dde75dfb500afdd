# SPDX-License-Identifier: Apache-2.0
"""Record, replay, load and measure: everything that drives a vmalab instance from outside."""

from vmalab_native import one_thread

one_thread.stay()
