# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Brings a map in the model's output back to the pixels of the image."""

from functools import lru_cache
import math
from typing import NamedTuple

import cv2
from faster_deploy_ros.tasks.letterbox import Letterbox, Size
import numpy as np
from numpy.typing import NDArray

_NEAR_WHOLE = 1e-6   # of a pixel


def to_image(
        plane: NDArray[np.float32], geometry: Letterbox, size: Size) -> NDArray[np.float32]:
    """
    Cut the padding off a map and resize it, linearly and about pixel centres.

    Pixels of the map whose centre lies outside the image have no part in the result; beyond the
    centres of the outermost others it goes on as it is there.

    :param plane: ``(h, w)`` float32, any scale of the model's input, covering all of it.
    :param geometry: where the image lies in the input.
    :param size: ``(width, height)`` of the result.
    :returns: ``(height, width)``, memory of its own.
    """
    height, width = plane.shape
    (x, y), (resized_width, resized_height) = geometry.offset, geometry.resized_size
    across = _span(x, resized_width, geometry.input_size[0], width)
    down = _span(y, resized_height, geometry.input_size[1], height)
    if across.is_whole and down.is_whole:
        inside = plane[round(down.start):round(down.end), round(across.start):round(across.end)]
        resized: NDArray[np.float32] = cv2.resize(inside, size, interpolation=cv2.INTER_LINEAR)
        return resized
    return _interpolate(plane, _taps(across, size[0]), _taps(down, size[1]))


class _Span(NamedTuple):
    """What the image covers of one axis of the map, from pixel edge to pixel edge."""

    start: float
    end: float

    @property
    def is_whole(self) -> bool:
        """Whether both ends lie between two pixels, and not within one."""
        return all(abs(edge - round(edge)) < _NEAR_WHOLE for edge in self)


class _Taps(NamedTuple):
    """For each pixel of the result: two neighbours in the map, and the share of the second."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    share: NDArray[np.float32]


def _span(offset: int, length: int, whole: int, count: int) -> _Span:
    """Carry one axis from input pixels to the map's."""
    return _Span(offset * count / whole, (offset + length) * count / whole)


@lru_cache(maxsize=64)
def _taps(span: _Span, count: int) -> _Taps:
    centres = span.start + (np.arange(count) + 0.5) * ((span.end - span.start) / count) - 0.5
    # Pixels whose centre lies outside are mostly padding: nobody looks at them.
    lowest = math.ceil(span.start - 0.5 - _NEAR_WHOLE)
    highest = math.floor(span.end - 0.5 + _NEAR_WHOLE)
    if lowest > highest:   # the whole image lies in one pixel, beside its centre
        lowest = highest = math.floor((span.start + span.end) / 2)
    centres = np.clip(centres, lowest, highest)
    first = np.floor(centres).astype(np.intp)
    share = (centres - first).astype(np.float32)
    return _Taps(first, np.minimum(first + 1, highest), share)


def _interpolate(
        plane: NDArray[np.float32], across: _Taps, down: _Taps) -> NDArray[np.float32]:
    """Interpolate along the rows of the small map first, then between them."""
    rows = plane.take(across.first, axis=1)
    rows += (plane.take(across.second, axis=1) - rows) * across.share
    upper = rows.take(down.first, axis=0)
    result = rows.take(down.second, axis=0)
    result -= upper
    result *= down.share[:, None]
    result += upper
    return result
