# SPDX-License-Identifier: Apache-2.0
"""Types of what C gives out.

A handle is opaque: it is only passed back to C, each kind where it belongs. The fields of structs
and the elements of arrays are known to cffi alone, at run time; no type says them.
"""

from collections.abc import Callable
from typing import Any, NewType

SegmentHandle = NewType("SegmentHandle", object)
"""struct vl_seg *"""
ParticipantHandle = NewType("ParticipantHandle", object)
"""struct participant *"""

CStruct = Any
"""A struct of C or a pointer to one: cffi has its fields as attributes."""
CArray = Any
"""An array of C: cffi indexes it, and slices it."""
Getter = Callable[..., int]
"""A function of C: how many entries there are, or a negative code."""
