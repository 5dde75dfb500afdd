# SPDX-License-Identifier: Apache-2.0
"""Records and results of blocks as numpy has them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from vmalab_client.block import HEADER_WORDS

RESULT: Final = np.dtype([("status", "<i4"), ("info", "<u4"), ("value", "<u8")])
Results = npt.NDArray[np.void]
"""Rows of RESULT."""
Statuses = npt.NDArray[np.int32]


def header(op: int, operands: int, flags: int) -> int:
    """The first word of a record; the second is its address space."""
    return op | (HEADER_WORDS + operands) << 8 | flags << 16
