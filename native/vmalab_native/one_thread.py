# SPDX-License-Identifier: Apache-2.0
"""A process of participants that is to have one thread, before it imports numpy.

numpy's BLAS starts a thread for each CPU when it is imported. In a process with threads every read
section of RCU, and every entry into the core, runs a fence of its own
(`participant_fence_if_threaded`). Nothing here multiplies matrices.
"""

import os


def stay() -> None:
    """Keeps BLAS from starting threads; for the head of a package whose modules import numpy."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
