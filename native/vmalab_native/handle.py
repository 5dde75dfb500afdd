# SPDX-License-Identifier: Apache-2.0
"""C handles of segments and participants."""

from typing import Generic, Self, TypeVar

from vmalab_native.cdata import ParticipantHandle, SegmentHandle
from vmalab_native.errors import HandleClosed

_H = TypeVar("_H", SegmentHandle, ParticipantHandle)


class Handle(Generic[_H]):
    """A C handle that ends once: None afterwards, so that nothing stale reaches C."""

    _handle: _H | None

    def _open(self) -> _H:
        if self._handle is None:
            raise HandleClosed(repr(self))
        return self._handle

    @property
    def closed(self) -> bool:
        return self._handle is None

    def __enter__(self) -> Self:
        return self
