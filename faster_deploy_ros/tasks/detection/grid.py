# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The cells that anchor-free detectors put over their input: one row of the output for each."""

from faster_deploy_ros.tasks.letterbox import Size
import numpy as np
from numpy.typing import NDArray

STRIDES = (8, 16, 32)
STRIDES_P6 = (8, 16, 32, 64)   # of the variants for large images
VARIANTS = (STRIDES, STRIDES_P6)
ANCHORS = 3                    # boxes for each cell of families that have anchors


def count_cells(size: Size, strides: tuple[int, ...] = STRIDES) -> int:
    """Return how many cells grids of these strides have over ``(width, height)`` pixels."""
    width, height = size
    return sum((width // stride) * (height // stride) for stride in strides)


def cells(
        size: Size, strides: tuple[int, ...] = STRIDES
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return ``(n, 2)`` column and row of each cell and ``(n,)`` its stride, in output order."""
    width, height = size
    places, steps = [], []
    for stride in strides:
        rows, columns = np.mgrid[:height // stride, :width // stride]
        places.append(np.stack((columns.ravel(), rows.ravel()), axis=1))
        steps.append(np.full(rows.size, stride))
    return np.concatenate(places).astype(np.float32), np.concatenate(steps).astype(np.float32)
