# SPDX-License-Identifier: Apache-2.0
"""The table of operations (ops.toml, uapi.toml), read and checked, and what is made from it.

`model` has the table as typed objects, `writing` what the emitters share. Each emit_ module makes
the files of one kind: a function from the table and the root of the tree to texts by path, whole
files or written ones with a part made again. To make another kind, such as a client in another
language, add such a module and name it in EMITTERS of generate.py.
"""
