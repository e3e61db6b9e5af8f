# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The encodings of sensor_msgs/Image that we read, and how each becomes three channels of 8 bits.

Names: sensor_msgs/include/sensor_msgs/image_encodings.hpp. 16-bit samples are taken as full scale,
65535 becomes 255, as in cv_bridge: a camera that puts 10 or 12 bits into the low end of 16 looks
dark, and its driver has to shift them up.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]
U8 = np.dtype(np.uint8)
U16 = np.dtype(np.uint16)

# BT.601 with video range, as cv2.COLOR_YUV2BGR_NV21 has it: 16..235 luma, 16..240 chroma.
# Rows: b, g, r; columns: y, u, v, constant.
BT601 = np.array([
    [1.164, 2.018, 0.0, -1.164 * 16 - 2.018 * 128],
    [1.164, -0.391, -0.813, -1.164 * 16 + (0.391 + 0.813) * 128],
    [1.164, 0.0, 1.596, -1.164 * 16 - 1.596 * 128]])


@dataclass(frozen=True, slots=True)
class Encoding:
    """
    How the bytes of one encoding are laid out.

    :param channels: samples per pixel in a row.
    :param dtype: of one sample.
    :param to_bgr: the conversion to bgr8; none where the message's own bytes are the image.
    :param order: the order of the channels of such a view.
    :param width_multiple: of what number the width has to be a multiple.
    :param height_multiple: the same of the height.
    :param smallest: the shortest side that the conversion can read.
    :param half_rows: half the rows of data for each row of image; 2 unless there are planes.
    """

    channels: int
    dtype: np.dtype[Any] = U8
    to_bgr: Callable[[Samples], Samples] | None = None
    order: str = 'bgr8'
    width_multiple: int = 1
    height_multiple: int = 1
    smallest: int = 1
    half_rows: int = 2

    @property
    def pixel_bytes(self) -> int:
        """Bytes of one pixel in a row."""
        return self.channels * self.dtype.itemsize

    def rows(self, height: int) -> int:
        """Rows of data that an image of ``height`` rows has, all planes together."""
        return height * self.half_rows // 2


def _coded(code: int, samples: Samples) -> Samples:
    """Let OpenCV convert; 16-bit samples become 8-bit ones first."""
    return cv2.cvtColor(_to_8_bits(samples), code)


def _to_8_bits(samples: Samples) -> Samples:
    if samples.dtype == U8:
        return samples
    native = samples.astype(U16, copy=False)   # OpenCV knows no foreign byte order
    return cv2.convertScaleAbs(native, alpha=255.0 / 65535.0)


def _nv24_to_bgr(planes: Samples) -> Samples:
    """Convert a plane of Y and one of U, V pairs, all of full size: OpenCV has no code for it."""
    height = planes.shape[0] // 3
    chroma = planes[height:].reshape(height, -1, 2)
    return cv2.transform(cv2.merge([planes[:height], chroma]), BT601)


def _by_code(channels: int, code: int, **layout: Any) -> Encoding:
    return Encoding(channels, to_bgr=partial(_coded, code), **layout)


def _bayer(code: int, dtype: np.dtype[Any] = U8) -> Encoding:
    # Under 3x3 there is no neighbourhood to interpolate, and OpenCV returns black.
    return _by_code(1, code, dtype=dtype, width_multiple=2, height_multiple=2, smallest=4)


_VIEW = Encoding(3)
_GREY = _by_code(1, cv2.COLOR_GRAY2BGR)
_GREY16 = _by_code(1, cv2.COLOR_GRAY2BGR, dtype=U16)
_UYVY = _by_code(2, cv2.COLOR_YUV2BGR_UYVY, width_multiple=2)
_YUYV = _by_code(2, cv2.COLOR_YUV2BGR_YUYV, width_multiple=2)
_420 = {'width_multiple': 2, 'height_multiple': 2, 'half_rows': 3}

# OpenCV names a Bayer pattern by the four pixels in the middle, ROS by those in the corner.
ENCODINGS: Mapping[str, Encoding] = MappingProxyType({
    'bgr8': _VIEW,
    'rgb8': Encoding(3, order='rgb8'),
    '8UC3': _VIEW,
    'bgra8': _by_code(4, cv2.COLOR_BGRA2BGR),
    'rgba8': _by_code(4, cv2.COLOR_RGBA2BGR),
    '8UC4': _by_code(4, cv2.COLOR_BGRA2BGR),
    'mono8': _GREY,
    '8UC1': _GREY,
    'mono16': _GREY16,
    '16UC1': _GREY16,
    'bgr16': Encoding(3, U16, to_bgr=_to_8_bits),
    'rgb16': _by_code(3, cv2.COLOR_RGB2BGR, dtype=U16),
    'bgra16': _by_code(4, cv2.COLOR_BGRA2BGR, dtype=U16),
    'rgba16': _by_code(4, cv2.COLOR_RGBA2BGR, dtype=U16),
    'bayer_rggb8': _bayer(cv2.COLOR_BayerBG2BGR),
    'bayer_bggr8': _bayer(cv2.COLOR_BayerRG2BGR),
    'bayer_gbrg8': _bayer(cv2.COLOR_BayerGR2BGR),
    'bayer_grbg8': _bayer(cv2.COLOR_BayerGB2BGR),
    'bayer_rggb16': _bayer(cv2.COLOR_BayerBG2BGR, U16),
    'bayer_bggr16': _bayer(cv2.COLOR_BayerRG2BGR, U16),
    'bayer_gbrg16': _bayer(cv2.COLOR_BayerGR2BGR, U16),
    'bayer_grbg16': _bayer(cv2.COLOR_BayerGB2BGR, U16),
    'yuv422': _UYVY,
    'uyvy': _UYVY,
    'yuv422_yuy2': _YUYV,
    'yuyv': _YUYV,
    'nv12': _by_code(1, cv2.COLOR_YUV2BGR_NV12, **_420),
    'nv21': _by_code(1, cv2.COLOR_YUV2BGR_NV21, **_420),
    'nv24': Encoding(1, to_bgr=_nv24_to_bgr, half_rows=6),
})
