# SPDX-License-Identifier: Apache-2.0
"""How long a test waits for what should come: until it comes. Only a hang ends a test."""

from typing import Final

HANG_S: Final = 900.0
"""What takes so long hangs, on the slowest machine too."""
