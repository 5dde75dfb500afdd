# SPDX-License-Identifier: Apache-2.0
"""Record, replay, load and measure: everything that drives a vmalab instance from outside."""
