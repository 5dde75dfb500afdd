# SPDX-License-Identifier: Apache-2.0
"""`vmalab crash`: processes that use a segment are killed in bursts, and what is left is judged.

`run` carries it out: `plan` says what happens when, from the seed; `zygote` forks the processes,
whose lives are in `actor`, `proof`, `mix` and `recoverer`; `company` kills them and knows how each
died; `watch` reads the segment from outside of the core; `board` is the page on which the processes
say how far they are; `table` has the results. `serving` is the same over gRPC.
"""
