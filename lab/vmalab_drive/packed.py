# SPDX-License-Identifier: Apache-2.0
"""Results of blocks as numpy has them."""

from __future__ import annotations

from typing import Final

import numpy as np

RESULT: Final = np.dtype([("status", "<i4"), ("info", "<u4"), ("value", "<u8")])
