# SPDX-License-Identifier: Apache-2.0
"""The native core of vmalab: segments, participants, and the primitives they are made of.

`vmalab_native.core` is what others import; it calls the C library, as do `lab`, `history`, `measure`,
`loaded` and `convert`, and no other module. `errors` has its exceptions, `records` what it reports
about itself, `primitives` the locks for library users.
"""
