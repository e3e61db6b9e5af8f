# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Image messages for tests, packed here in numpy, independently of what unpacks them."""

from array import array

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image


def gradient(height=48, width=64):
    """Return a smooth bgr picture in which no two channels and no two corners are alike."""
    y, x = np.mgrid[0:height, 0:width]
    blue, green = 20 + 160 * x / width, 60 + 120 * y / height
    red = 230 - 90 * x / width - 80 * y / height
    return np.stack([blue, green, red], axis=-1).round().astype(np.uint8)


def image_message(rows, packed_as, size=None, padding=0, is_bigendian=0, **fields):
    """Return the message of rows of samples, each followed by ``padding`` bytes of rubbish."""
    height, width = size or rows.shape[:2]
    flat = np.ascontiguousarray(rows).view(np.uint8).reshape(rows.shape[0], -1)
    padded = np.full((len(flat), flat.shape[1] + padding), 0xA5, np.uint8)
    padded[:, :flat.shape[1]] = flat
    message = Image(height=height, width=width, encoding=packed_as, is_bigendian=is_bigendian,
                    step=padded.shape[1])
    message.header.frame_id = 'camera'
    message.header.stamp.sec, message.header.stamp.nanosec = 1700000000, 123456789
    message.data = array('B', padded.tobytes())
    for name, value in fields.items():
        setattr(message, name, value)
    return message


def compressed_message(data, form='jpeg'):
    """Return a CompressedImage of these bytes."""
    message = CompressedImage(format=form)
    message.header.frame_id = 'camera'
    message.data = array('B', bytes(data))
    return message


def encoded(image, suffix='.jpg', *flags):
    """Return the bytes of a JPEG or PNG."""
    done, data = cv2.imencode(suffix, image, list(flags))
    assert done
    return data.tobytes()


def yuv(bgr):
    """Return full-size Y, U and V in BT.601 with video range."""
    b, g, r = (bgr[..., i].astype(float) for i in range(3))
    y = 16 + 0.257 * r + 0.504 * g + 0.098 * b
    u = 128 - 0.148 * r - 0.291 * g + 0.439 * b
    v = 128 + 0.439 * r - 0.368 * g - 0.071 * b
    return tuple(plane.round().astype(np.uint8) for plane in (y, u, v))


def packed_422(bgr, order):
    """Return ``(h, w, 2)`` samples, chroma shared by two columns; order 'uyvy' or 'yuyv'."""
    y, u, v = yuv(bgr)
    out = np.empty((*y.shape, 2), np.uint8)
    luma = order.index('y')
    out[..., luma] = y
    out[:, 0::2, 1 - luma] = u[:, 0::2]
    out[:, 1::2, 1 - luma] = v[:, 0::2]
    return out


def planes_420(bgr, order):
    """Return Y and below it the chroma of every 2x2 block; order 'uv' or 'vu'."""
    y, u, v = yuv(bgr)
    chroma = {'u': u[::2, ::2], 'v': v[::2, ::2]}
    pairs = np.stack([chroma[order[0]], chroma[order[1]]], axis=-1)
    return np.concatenate([y, pairs.reshape(y.shape[0] // 2, -1)])


def planes_444(bgr):
    """Return Y and below it a U, V pair per pixel, two rows of bytes for each row of pixels."""
    y, u, v = yuv(bgr)
    return np.concatenate([y, np.stack([u, v], axis=-1).reshape(-1, y.shape[1])])


def mosaic(bgr, pattern):
    """Return one sample per pixel, chosen by a pattern such as 'rggb'."""
    out = np.empty(bgr.shape[:2], np.uint8)
    for place, colour in enumerate(pattern):
        rows, columns = slice(place // 2, None, 2), slice(place % 2, None, 2)
        out[rows, columns] = bgr[rows, columns, 'bgr'.index(colour)]
    return out


def with_alpha(pixels):
    """Append an opaque channel."""
    return np.dstack([pixels, np.full(pixels.shape[:2], 255, pixels.dtype)])


def wide(samples):
    """Return 16-bit samples of the same full scale."""
    return samples.astype(np.uint16) * 257


def grey(bgr):
    """Return the green channel as a grey picture."""
    return np.ascontiguousarray(bgr[..., 1])


def pack(bgr, encoding):
    """Return the rows of samples that ``encoding`` has for a picture."""
    rgb = bgr[..., ::-1]
    return PACKERS[encoding](bgr, rgb)


PACKERS = {
    'bgr8': lambda bgr, rgb: bgr,
    '8UC3': lambda bgr, rgb: bgr,
    'rgb8': lambda bgr, rgb: rgb,
    'bgra8': lambda bgr, rgb: with_alpha(bgr),
    '8UC4': lambda bgr, rgb: with_alpha(bgr),
    'rgba8': lambda bgr, rgb: with_alpha(rgb),
    'mono8': lambda bgr, rgb: grey(bgr),
    '8UC1': lambda bgr, rgb: grey(bgr),
    'mono16': lambda bgr, rgb: wide(grey(bgr)),
    '16UC1': lambda bgr, rgb: wide(grey(bgr)),
    'bgr16': lambda bgr, rgb: wide(bgr),
    'rgb16': lambda bgr, rgb: wide(rgb),
    'bgra16': lambda bgr, rgb: wide(with_alpha(bgr)),
    'rgba16': lambda bgr, rgb: wide(with_alpha(rgb)),
    'yuv422': lambda bgr, rgb: packed_422(bgr, 'uyvy'),
    'uyvy': lambda bgr, rgb: packed_422(bgr, 'uyvy'),
    'yuv422_yuy2': lambda bgr, rgb: packed_422(bgr, 'yuyv'),
    'yuyv': lambda bgr, rgb: packed_422(bgr, 'yuyv'),
    'nv12': lambda bgr, rgb: planes_420(bgr, 'uv'),
    'nv21': lambda bgr, rgb: planes_420(bgr, 'vu'),
    'nv24': lambda bgr, rgb: planes_444(bgr),
}
for _pattern in ('rggb', 'bggr', 'gbrg', 'grbg'):
    PACKERS[f'bayer_{_pattern}8'] = lambda bgr, rgb, p=_pattern: mosaic(bgr, p)
    PACKERS[f'bayer_{_pattern}16'] = lambda bgr, rgb, p=_pattern: wide(mosaic(bgr, p))
