# SPDX-License-Identifier: Apache-2.0
"""`vmalab trace`: what the participants of an instance did, from their rings of events.

`recording` reads the rings for some time, or once; `slices` makes calls, waits and holds of the
events, and finds who released what was waited for; `perfetto`, `folded` and `listing` write that
down. Who waits for whom at the end is the trees of `vmalab_native.waiting`.
"""
