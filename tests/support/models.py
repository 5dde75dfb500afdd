# SPDX-License-Identifier: Apache-2.0
"""The lock model that a run of the tests is on: VMALAB_MODEL of the environment, else the default.

Tests of the core take every model in one run (each_model); those of the service, the client and the
tools take this one, and `make test-models` runs them on each.
"""

from vmalab_native import cores

MODEL = cores.default_model()
LAYOUT = cores.default_layout()
VMA_BYTES = {"mmap-lock": 144, "split-rwsem": 160, "refcount": 192}.get(MODEL, 256)
"""Of the default layout."""
FAULT_COUNTER = "mmap_lock_faults" if MODEL == "mmap-lock" else "vma_lock_success"
"""What counts faults that found their lock free."""
