# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Finds the one map in an output, whichever axes of length 1 lie around it."""

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tasks.letterbox import Size
import numpy as np
from numpy.typing import NDArray

FORMS = '[1, 1, h, w], [1, h, w, 1], [1, h, w] or [h, w]'


def is_plane(spec: BlobSpec) -> bool:
    """Whether an output can be one map, as far as its shape tells."""
    return _axes(spec.shape, (1, -1)) is not None


def expect_plane(who: str, spec: BlobSpec, input_size: Size) -> None:
    """
    Refuse an output that cannot be one map of the image; what it leaves open is checked per frame.

    :param input_size: ``(width, height)`` of the model's input.
    :raises BlobMismatch: it cannot.
    """
    axes = _axes(spec.shape, (1, -1))
    if axes is None:
        raise BlobMismatch(
            f'{who}: got {spec}, expected one map, {FORMS}; it is a model of another family or '
            'task, or exported for several images')
    height, width = (spec.shape[axis] for axis in axes)
    if -1 not in (height, width):
        _expect_proportions(f'{who}: got {spec}', (width, height), input_size)


def plane_of(
        who: str, name: str, output: NDArray[np.float32], input_size: Size) -> NDArray[np.float32]:
    """
    Return the ``(h, w)`` map in an output, a view of it.

    :param input_size: ``(width, height)`` of the model's input, whose proportions it must have.
    :raises BlobMismatch: it is no map, or one of something else.
    """
    came = f"{who}: output '{name}' came as {output.shape}"
    axes = _axes(output.shape, (1,))
    if axes is None:
        raise BlobMismatch(f'{came}, expected one map, {FORMS}')
    plane: NDArray[np.float32] = output.reshape([output.shape[axis] for axis in axes])
    _expect_proportions(came, (plane.shape[1], plane.shape[0]), input_size)
    return plane


def _expect_proportions(came: str, size: Size, input_size: Size) -> None:
    (width, height), (input_width, input_height) = size, input_size
    # Half a pixel of rounding on either side is usual, a map lying on its side is not.
    is_alike = abs(width * input_height - height * input_width) < input_width + input_height
    if not is_alike or min(size) < 2:
        raise BlobMismatch(
            f'{came}, a map of {width}x{height}, expected the proportions of the input, '
            f'{input_width}x{input_height}; it is lying on its side, no map of the image, or of '
            'an export that runs at another size only')


def _axes(shape: tuple[int, ...], one: tuple[int, ...]) -> tuple[int, int] | None:
    """Return the places of height and width; ``one`` is what an axis of length 1 may say."""
    count = len(shape)
    if count == 2:
        return 0, 1
    if count not in (3, 4) or shape[0] not in one:
        return None
    if count == 3:
        return 1, 2
    if shape[1] in one:
        return 2, 3
    return (1, 2) if shape[3] in one else None
