# SPDX-License-Identifier: Apache-2.0
"""Results of blocks as numpy has them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

RESULT: Final = np.dtype([("status", "<i4"), ("info", "<u4"), ("value", "<u8")])
Results = npt.NDArray[np.void]
"""Rows of RESULT."""
Statuses = npt.NDArray[np.int32]
