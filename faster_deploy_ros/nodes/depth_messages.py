# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth maps and pictures as sensor_msgs/Image."""

from array import array
from typing import Any

from faster_deploy_ros.errors import BadParameter
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header

FLOAT_METRES, MILLIMETRES = ENCODINGS = ('32FC1', '16UC1')
MM_PER_M = np.float32(1000)
TOO_FAR_MM = np.float32(65535.5)   # what no longer rounds to a uint16


def depth_message(header: Header, depth: NDArray[np.float32], encoding: str) -> Image:
    """
    Make the image of a depth map as REP 118 wants it.

    :param depth: ``(h, w)`` float32 metres (or what else ``32FC1`` is to hold), NaN where unknown.
    :param encoding: ``'32FC1'``: the numbers themselves. ``'16UC1'``: whole millimetres, 0 where
        unknown, which is also what is nearer than half of one or farther than 65.535 m.
    :raises BadParameter: another encoding.

    Thread: any
    """
    if encoding == FLOAT_METRES:
        return image_message(header, depth.astype('<f4', copy=False), encoding)
    if encoding == MILLIMETRES:
        return image_message(header, _millimetres(depth), encoding)
    raise BadParameter(
        f"depth_encoding: got '{encoding}', expected one of {', '.join(ENCODINGS)}")


def image_message(header: Header, pixels: NDArray[Any], encoding: str) -> Image:
    """
    Make a message of ``(h, w)`` or ``(h, w, channels)`` little-endian pixels, with one copy.

    Thread: any
    """
    pixels = np.ascontiguousarray(pixels)
    data = array('B')
    data.frombytes(memoryview(pixels).cast('B'))
    message = Image(
        header=header, height=pixels.shape[0], width=pixels.shape[1], encoding=encoding,
        is_bigendian=0, step=pixels.nbytes // pixels.shape[0])
    message.data = data   # which the constructor would copy twice
    return message


def _millimetres(depth: NDArray[np.float32]) -> NDArray[np.uint16]:
    mm = depth * MM_PER_M
    mm[~(mm < TOO_FAR_MM)] = 0   # NaN is not smaller either
    np.rint(mm, out=mm)
    return mm.astype('<u2')
