# SPDX-License-Identifier: Apache-2.0
"""`vmalab bench`: measured comparisons.

One module for each bench: a frozen configuration (`quick()` and `smoke()` are smaller ones),
`run(config, seed=...)` that gives one JSON object, `tables(data)` for people and `plot(data,
path)`. What they share: `base` (the frame of the output), `space` (segments and lock models),
`crew` (worker processes), `records` (blocks), `stats`, `plots`, `machine`, `compiled` (C).

All of them compare things within one run, in turn, in an order that changes from round to round:
the machines are shared and their speed wanders, so a ratio of neighbours in time says something
where a time in ns does not.
"""

from typing import Final

from vmalab_native import one_thread

one_thread.stay()
SEED_MAX: Final = (1 << 32) - 1
