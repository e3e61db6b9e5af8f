# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the simulated core pretends to be: an identity, or a detector with fixed boxes."""

import re
from typing import Any, NamedTuple

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.errors import BadValue
import numpy as np
from numpy.typing import NDArray

STRIDES = (8, 16, 32)


class FakeBox(NamedTuple):
    """One box that the fake detector always finds; the corners are fractions of the input."""

    left: float
    top: float
    right: float
    bottom: float
    score: float
    class_id: int


FAKE_BOXES = (
    FakeBox(0.10, 0.20, 0.40, 0.60, 0.90, 0),
    FakeBox(0.55, 0.30, 0.80, 0.90, 0.80, 1),
    FakeBox(0.45, 0.05, 0.60, 0.15, 0.60, 2),
)


def identity_specs(shape: tuple[int, ...], dtype: str) -> tuple[BlobSpec, ...]:
    """Return the tensors of ``y = x``."""
    try:
        kind = np.dtype(dtype)
    except TypeError:
        raise BadValue(
            f"mock: option dtype: got '{dtype}', expected a numpy name as float32") from None
    return BlobSpec('x', kind, shape, True), BlobSpec('y', kind, shape, False)


def yolox_specs(size: tuple[int, int], classes: int) -> tuple[BlobSpec, ...]:
    """Return the tensors of a YOLOX export for an input of ``(width, height)`` pixels."""
    width, height = size
    anchors = sum((width // stride) * (height // stride) for stride in STRIDES)
    f4 = np.dtype(np.float32)
    return (
        BlobSpec('images', f4, (1, 3, height, width), True, 'NCHW'),
        BlobSpec('output', f4, (1, anchors, 5 + classes), False))


def yolox_output(size: tuple[int, int], classes: int) -> NDArray[Any]:
    """
    Return what YOLOX would say if it saw ``FAKE_BOXES``.

    :returns: ``(1, anchors, 5 + classes)`` float32, boxes raw (not decoded) as the official
        export writes them: ``(cx / s - column, cy / s - row, log(w / s), log(h / s))``.
    """
    width, height = size
    output = np.zeros(yolox_specs(size, classes)[1].shape, np.float32)
    stride = STRIDES[0]
    for box in FAKE_BOXES:
        x = (box.left + box.right) / 2 * width / stride
        y = (box.top + box.bottom) / 2 * height / stride
        row = output[0, int(y) * (width // stride) + int(x)]
        row[0:2] = x - int(x), y - int(y)
        row[2] = np.log((box.right - box.left) * width / stride)
        row[3] = np.log((box.bottom - box.top) * height / stride)
        row[4] = box.score
        row[5 + box.class_id % classes] = 1.0
    return output


def read_size(text: str) -> tuple[int, int]:
    """
    Read ``'640x480'`` as width and height.

    :raises BadValue: it is not that, or no multiple of 32.
    """
    match = re.fullmatch(r'(\d+)x(\d+)', text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if min(size) == 0 or size[0] % STRIDES[-1] or size[1] % STRIDES[-1]:
        raise BadValue(
            f"mock: option size: got '{text}', expected <width>x<height>, multiples of 32, as "
            '416x416')
    return size


def read_shape(text: str) -> tuple[int, ...]:
    """
    Read ``'1,3,-1,-1'`` as a shape.

    :raises BadValue: it is not a list of whole numbers.
    """
    try:
        return tuple(int(part) for part in text.split(','))
    except ValueError:
        raise BadValue(
            f"mock: option shape: got '{text}', expected whole numbers as 1,3,4,5") from None
