# SPDX-License-Identifier: Apache-2.0
"""`vmalab diff`: random programs of memory operations, run for real and on an instance, compared.

A program (`program`) is a list of operations of a table (`operations`); `generate` makes one from a
seed; `real` runs it in a child process of this machine's kernel, `emulated` on an instance;
`compare` finds the first difference, `shrink` the shortest program that still has it; `printing`
and `trace` write that down as C, as one line, and as a trace folder. `run` is the loop around all.
"""
