# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The grey around a picture in a tensor, written again only where it is not there yet."""

from functools import lru_cache
from typing import Any
import weakref

from faster_deploy_ros.tasks.letterbox import Letterbox
from numpy.typing import NDArray

Triple = tuple[float, float, float]
_Strips = tuple[tuple[slice, slice], ...]


def paint_padding(
        geometry: Letterbox, values: Triple, tensor: NDArray[Any], planes: NDArray[Any]) -> None:
    """
    Fill what the image leaves free, unless our last picture in this memory has done so.

    Called before the image is written, so that the record is right whatever fails afterwards.

    :param values: of the padding in each channel, as the tensor holds them.
    :param tensor: whose memory it is; the record is kept for this very array object.
    :param planes: the same memory as ``(3, h, w)``.
    """
    strips = _strips(geometry)
    if _painted.get(tensor) == (geometry, values) and _is_intact(planes, strips, values):
        return
    _painted.put(tensor, None)
    for rows, columns in strips:
        for channel, value in enumerate(values):
            planes[channel, rows, columns] = value
    _painted.put(tensor, (geometry, values))


def _is_intact(planes: NDArray[Any], strips: _Strips, values: Triple) -> bool:
    """Look at the ends of the strips: somebody else may have filled the tensor meanwhile."""
    for rows, columns in strips:
        if (planes[0, rows.start, columns.start] != values[0]
                or planes[2, rows.stop - 1, columns.stop - 1] != values[2]):
            return False
    return True


@lru_cache(maxsize=64)
def _strips(geometry: Letterbox) -> _Strips:
    """Return the rows and columns of the padding, in pieces that do not overlap."""
    left, top, right, bottom = geometry.pad
    width, height = geometry.input_size
    middle = slice(top, height - bottom)
    pieces = (
        (slice(0, top), slice(0, width)), (slice(height - bottom, height), slice(0, width)),
        (middle, slice(0, left)), (middle, slice(width - right, width)))
    return tuple(
        (rows, columns) for rows, columns in pieces
        if rows.start < rows.stop and columns.start < columns.stop)


class _Painted:
    """
    What padding lies in which tensor, forgotten with the tensor.

    One record for all models of the process: two that share a core share its seats' memory.
    """

    def __init__(self) -> None:
        self._records: dict[int, tuple[weakref.ref[NDArray[Any]], object]] = {}

    def get(self, tensor: NDArray[Any]) -> object:
        """Return what was put for this very array object, else None."""
        record = self._records.get(id(tensor))
        return record[1] if record is not None and record[0]() is tensor else None

    def put(self, tensor: NDArray[Any], what: object) -> None:
        """Remember what lies in the tensor for as long as the array object lives."""
        key, records = id(tensor), self._records

        def forget(gone: 'weakref.ref[NDArray[Any]]') -> None:
            record = records.get(key)
            if record is not None and record[0] is gone:  # the id may have a new owner already
                del records[key]

        records[key] = (weakref.ref(tensor, forget), what)


_painted = _Painted()
