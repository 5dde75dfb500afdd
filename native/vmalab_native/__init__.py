# SPDX-License-Identifier: Apache-2.0
"""The native core of vmalab: segments, participants, and the primitives they are made of.

`vmalab_native.core` is the only module that touches the C library; `errors` has its exceptions,
`records` what it reports about itself, `primitives` the locks for library users.
"""
