# SPDX-License-Identifier: Apache-2.0
"""What every tool of the lab drives an instance with: where it is, how operations travel, client
processes, and what is printed."""
