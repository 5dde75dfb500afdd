# SPDX-License-Identifier: Apache-2.0
"""`vmalab scale`: the core on 1 to 255 virtual CPUs, in virtual time, the same each time."""
