# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where the rays of an image's pixels go: a pinhole without distortion."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Pinhole:
    """
    The projection of points onto a rectified image of one size.

    ``u = (fx x + tx) / z + cx`` and ``v = (fy y + ty) / z + cy`` with x right, y down, z forward
    (the optical frame of REP 103); integer pixel coordinates are pixel centres, as in OpenCV. It
    is the matrix P of sensor_msgs/CameraInfo; tx and ty are 0 but for the second camera of a pair.

    :param width: columns of the image.
    :param height: rows of the image.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    tx: float = 0.0
    ty: float = 0.0

    @property
    def size(self) -> tuple[int, int]:
        """``(width, height)`` of the image."""
        return self.width, self.height

    def cropped(self, left: int, top: int, width: int, height: int) -> 'Pinhole':
        """Return the projection onto a rectangle of the image."""
        return replace(self, width=width, height=height, cx=self.cx - left, cy=self.cy - top)

    def resized(self, size: tuple[int, int]) -> 'Pinhole':
        """
        Return the projection onto the whole image at another size, ``(width, height)``.

        What scales is the distance from the image's edge, and pixel 0 begins half a pixel before
        its centre: ``cx' = (cx + 0.5) s - 0.5``, as ``cv2.resize`` moves the pixels.
        """
        x, y = size[0] / self.width, size[1] / self.height
        return Pinhole(
            *size, self.fx * x, self.fy * y, (self.cx + 0.5) * x - 0.5, (self.cy + 0.5) * y - 0.5,
            self.tx * x, self.ty * y)

    def rays(self, stride: int = 1) -> 'Rays':
        """Return the way back for every ``stride``-th column and row from the first one on."""
        return _rays(self, stride)


class Rays(NamedTuple):
    """
    ``x = columns z - shift_x`` and ``y = rows z - shift_y`` for the pixels of a grid.

    :ivar columns: ``(w,)`` float32, read-only.
    :ivar rows: ``(h, 1)`` float32, read-only.
    """

    columns: NDArray[np.float32]
    rows: NDArray[np.float32]
    shift_x: np.float32
    shift_y: np.float32


@lru_cache(maxsize=16)
def _rays(camera: Pinhole, stride: int) -> Rays:
    columns = (np.arange(0, camera.width, stride) - camera.cx) / camera.fx
    rows = (np.arange(0, camera.height, stride) - camera.cy) / camera.fy
    made = Rays(columns.astype(np.float32), rows.astype(np.float32)[:, None],
                np.float32(camera.tx / camera.fx), np.float32(camera.ty / camera.fy))
    made.columns.flags.writeable = made.rows.flags.writeable = False
    return made
