# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A level pinhole camera looking slightly down, and its rays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class PinholeCamera:
    """
    A pinhole camera at the origin of a world with x right, y down, z forward.

    The camera frame is the world turned by the pitch about x (the optical frame of REP-103).
    A pixel's integer coordinates are its centre, as in OpenCV and ``sensor_msgs/CameraInfo``.

    :param width: columns of the image.
    :param height: rows of the image.
    :param focal: focal length in pixels, the same for both axes.
    :param pitch: how far the camera looks down, in radians.
    """

    width: int
    height: int
    focal: float
    pitch: float

    @property
    def centre(self) -> tuple[float, float]:
        """The principal point (cx, cy) in pixels."""
        return (self.width - 1) / 2, (self.height - 1) / 2

    @cached_property
    def matrix(self) -> Array:
        """The (3, 3) intrinsic matrix K, float64."""
        cx, cy = self.centre
        return np.array([[self.focal, 0, cx], [0, self.focal, cy], [0, 0, 1]], np.float64)

    @cached_property
    def rotation(self) -> Array:
        """The (3, 3) rotation from world to camera, float64."""
        cos, sin = math.cos(self.pitch), math.sin(self.pitch)
        return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]], np.float64)

    @cached_property
    def columns(self) -> Array:
        """Horizontal slope, x / z, of each column's rays, (w,) float32."""
        return ((np.arange(self.width) - self.centre[0]) / self.focal).astype(np.float32)

    @cached_property
    def rows(self) -> Array:
        """Vertical slope, y / z, of each row's rays, (h, 1) float32."""
        ys = (np.arange(self.height) - self.centre[1]) / self.focal
        return ys.astype(np.float32)[:, None]

    def to_camera(self, world: Array) -> Array:
        """Turn world points or directions (..., 3) into the camera frame."""
        turned: Array = world @ self.rotation.T
        return turned

    def project(self, points: Array) -> Array:
        """Project camera-frame points (n, 3) with z > 0 to pixels (n, 2)."""
        pixels: Array = points[:, :2] / points[:, 2:] * self.focal + self.centre
        return pixels


@dataclass(frozen=True)
class Window:
    """
    The rays of a rectangle of pixels; a ray is (x, y, 1) in the camera frame.

    :param x0: first column in the image.
    :param y0: first row in the image.
    :param x: x / z of its columns, (w,) float32.
    :param y: y / z of its rows, (h, 1) float32.
    """

    x0: int
    y0: int
    x: Array
    y: Array

    @classmethod
    def around(cls, camera: PinholeCamera, outline: Array, margin: int = 2) -> Window | None:
        """Open the window around pixels (n, 2), or None if it would be outside the image."""
        low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - margin, 0)
        high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + margin + 1,
                          (camera.width, camera.height))
        if np.any(high - low < 1):
            return None
        return cls(int(low[0]), int(low[1]), camera.columns[low[0]:high[0]],
                   camera.rows[low[1]:high[1]])

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.y.shape[0], self.x.shape[0]

    @property
    def region(self) -> tuple[slice, slice]:
        """The same pixels as an index of the whole image."""
        rows, columns = self.shape
        return slice(self.y0, self.y0 + rows), slice(self.x0, self.x0 + columns)

    def dot(self, vector: Array) -> Array:
        """Multiply every ray with a camera-frame vector (3,): (h, w) float32."""
        a, b, c = (np.float32(value) for value in vector)
        product: Array = self.x * a + (self.y * b + c)
        return product
