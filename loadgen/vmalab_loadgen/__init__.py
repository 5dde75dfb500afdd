# SPDX-License-Identifier: Apache-2.0
"""Record, replay, load and measure: everything that drives a vmalab instance from outside."""

import os

# numpy's BLAS would start threads, and in a process with threads every read section of RCU has to
# run a fence of its own. Nothing here multiplies matrices.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
