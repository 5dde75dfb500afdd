# SPDX-License-Identifier: Apache-2.0
"""Records and results of blocks as numpy has them."""

from __future__ import annotations

from typing import Final

import numpy as np

from vmalab_client.block import HEADER_WORDS

RESULT: Final = np.dtype([("status", "<i4"), ("info", "<u4"), ("value", "<u8")])


def header(op: int, operands: int, flags: int) -> int:
    """The first word of a record; the second is its address space."""
    return op | (HEADER_WORDS + operands) << 8 | flags << 16
