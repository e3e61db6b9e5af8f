# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What models say about an image, as plain frozen arrays."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

METRIC, RELATIVE, DISPARITY = DEPTH_KINDS = ('metric', 'relative', 'disparity')


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """
    Boxes found in one image, best first; a struct of read-only arrays that own their memory.

    :param xyxy: ``(n, 4)`` float32: left, top, right, bottom in pixels of the source image,
        sub-pixel, measured from the outer corner of the first pixel.
    :param score: ``(n,)`` float32, 0 to 1.
    :param class_id: ``(n,)`` int32, an index into the model's labels.
    :raises ValueError: the shapes disagree, a value is not finite, or a box is inside out.
    """

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    class_id: NDArray[np.int32]

    def __post_init__(self) -> None:
        """Copy, so that nobody else can write what we hold, and check."""
        for name, dtype in (('xyxy', np.float32), ('score', np.float32), ('class_id', np.int32)):
            array: NDArray[Any] = np.array(getattr(self, name), dtype=dtype, order='C')
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        count = len(self)
        for name, shape in (('xyxy', (count, 4)), ('score', (count,)), ('class_id', (count,))):
            if getattr(self, name).shape != shape:
                raise ValueError(
                    f'Detections.{name}: got shape {getattr(self, name).shape}, '
                    f'expected {shape}')
        if count:
            self._check_values()

    @classmethod
    def empty(cls) -> 'Detections':
        """Return the answer for an image with nothing in it."""
        return cls(
            np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32))

    def __len__(self) -> int:
        """How many boxes there are."""
        return int(self.score.shape[0]) if self.score.ndim else 0

    def _check_values(self) -> None:
        if not (np.isfinite(self.xyxy).all() and np.isfinite(self.score).all()):
            raise ValueError('Detections: a box or a score is NaN or infinite')
        if (self.xyxy[:, 2:] < self.xyxy[:, :2]).any():
            raise ValueError('Detections.xyxy: a box ends before it begins; expected x1 <= x2 '
                             'and y1 <= y2')
        if self.class_id.min() < 0:
            raise ValueError(f'Detections.class_id: got {self.class_id.min()}, expected 0 or more')


@dataclass(frozen=True, slots=True, eq=False)
class DepthMap:
    """
    How far away each pixel of an image is; a read-only array that owns its memory.

    An array that is read-only and owns its memory becomes the map's own; any other is copied.

    :param depth: ``(h, w)`` float32, NaN where nothing is known.
    :param kind: what the numbers are. ``'metric'``: metres along the optical axis (REP 118).
        ``'relative'``: inverse depth up to an unknown scale *and* shift, larger is nearer.
        ``'disparity'``: inverse depth up to an unknown scale, larger is nearer.
    :raises ValueError: no image, an infinite value, a metric depth not above 0, another kind.
    """

    depth: NDArray[np.float32]
    kind: str

    def __post_init__(self) -> None:
        """Own the memory, and check."""
        object.__setattr__(self, 'depth', _owned(self.depth))
        if self.kind not in DEPTH_KINDS:
            raise ValueError(
                f"DepthMap.kind: got '{self.kind}', expected one of {', '.join(DEPTH_KINDS)}")
        depth = self.depth
        if depth.ndim != 2 or 0 in depth.shape:
            raise ValueError(f'DepthMap.depth: got shape {depth.shape}, expected (h, w)')
        # As nanmin and nanmax, without their warning where all is NaN.
        low, high = np.fmin.reduce(depth, axis=None), np.fmax.reduce(depth, axis=None)
        if np.isinf(low) or np.isinf(high):
            raise ValueError('DepthMap.depth: a value is infinite, expected NaN where unknown')
        if self.kind == METRIC and low <= 0:
            raise ValueError(f'DepthMap.depth: got {low:.3g} m, expected metres above 0 or NaN')


def _owned(depth: Any) -> NDArray[np.float32]:
    """Return a read-only float32 array that nobody else writes: the same if it is one already."""
    if isinstance(depth, np.ndarray):
        flags = depth.flags
        if depth.dtype == np.float32 and flags.owndata and flags.c_contiguous and not (
                flags.writeable):
            return depth
    copy: NDArray[np.float32] = np.array(depth, np.float32, order='C')
    copy.flags.writeable = False
    return copy
