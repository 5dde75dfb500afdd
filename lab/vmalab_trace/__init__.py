# SPDX-License-Identifier: Apache-2.0
"""Recording real programs, and replaying what they did."""
