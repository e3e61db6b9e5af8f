# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A metric depth image as sensor_msgs/PointCloud2."""

from array import array

import cv2
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.pinhole import Pinhole
from faster_deploy_ros.sources.shot import fitted
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

FLOAT_BYTES = 4
TO_BGRA = {'bgr8': cv2.COLOR_BGR2BGRA, 'rgb8': cv2.COLOR_RGB2BGRA}
WITHOUT_ALPHA = np.uint32(0x00FFFFFF)
NAMES = ('x', 'y', 'z', 'rgb')   # rgb: 0x00RRGGBB in the bits of a float, as RViz and PCL read it
FIELDS = [PointField(name=name, offset=FLOAT_BYTES * place, datatype=PointField.FLOAT32, count=1)
          for place, name in enumerate(NAMES)]   # shared by all clouds, written by nobody


def point_cloud(header: Header, depth: NDArray[np.float32], pinhole: Pinhole,
                colors: Frame | None = None, stride: int = 1) -> PointCloud2:
    """
    Return one point for each pixel, organised as the image is, NaN where nothing is known.

    The points are in the optical frame: x right, y down, z forward (REP 103), in metres.

    :param depth: ``(h, w)`` metres along the optical axis.
    :param pinhole: the projection onto an image of that size.
    :param colors: the image that the depth belongs to, at any size; None: no field rgb.
    :param stride: leave out all but every so many-th column and row.

    Thread: any
    """
    z = depth[::stride, ::stride]
    rays = pinhole.rays(stride)
    rows, columns = z.shape
    floats = len(NAMES) if colors is not None else len(NAMES) - 1
    data = array('B', (0,)) * (rows * columns * floats * FLOAT_BYTES)
    points = np.frombuffer(data, '<f4').reshape(rows, columns, floats)   # written in place
    np.multiply(z, rays.columns, out=points[..., 0])
    np.multiply(z, rays.rows, out=points[..., 1])
    if rays.shift_x or rays.shift_y:
        points[..., 0] -= rays.shift_x
        points[..., 1] -= rays.shift_y
    points[..., 2] = z
    if colors is not None:
        _paint(points, colors, depth.shape, stride)
    step = floats * FLOAT_BYTES
    message = PointCloud2(
        header=header, height=rows, width=columns, fields=FIELDS[:floats], is_bigendian=False,
        point_step=step, row_step=columns * step, is_dense=False)
    message.data = data   # which the constructor would copy twice
    return message


def _paint(points: NDArray[np.float32], colors: Frame, shape: tuple[int, ...],
           stride: int) -> None:
    """Write blue, green, red and a zero into the bytes of the fourth float."""
    height, width = shape
    pixels = np.ascontiguousarray(fitted(colors.image, (width, height))[::stride, ::stride])
    words = cv2.cvtColor(pixels, TO_BGRA[colors.encoding]).view('<u4')[..., 0]
    np.bitwise_and(words, WITHOUT_ALPHA, out=points.view('<u4')[..., 3])
