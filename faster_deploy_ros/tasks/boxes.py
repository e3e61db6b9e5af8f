# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Arithmetic on many boxes at once: corners, the best k, non-maximum suppression."""

import numpy as np
from numpy.typing import NDArray

_BLOCK = 64   # boxes compared with each other at once; larger wastes work, smaller wastes calls


def corners(cxcywh: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn ``(n, 4)`` centres and sizes into left, top, right, bottom."""
    half = cxcywh[:, 2:] * np.float32(0.5)
    return np.concatenate((cxcywh[:, :2] - half, cxcywh[:, :2] + half), axis=1)


def best_first(score: NDArray[np.float32], limit: int) -> NDArray[np.intp]:
    """Return the indices of the ``limit`` highest scores, best first, ties in their order."""
    return np.argsort(-score, kind='stable')[:limit]


def suppress(
        xyxy: NDArray[np.float32], threshold: float, limit: int,
        class_id: NDArray[np.integer] | None = None) -> NDArray[np.intp]:
    """
    Greedy non-maximum suppression of boxes that come best first.

    A box goes when it overlaps a kept one by more than ``threshold``. Computed in float64, so
    that the answer is the textbook's to the last box.

    :param xyxy: ``(n, 4)`` corners, best first, ``x1 <= x2`` and ``y1 <= y2``.
    :param threshold: intersection over union, 0 to 1.
    :param limit: how many are kept at most.
    :param class_id: ``(n,)``; boxes of different classes leave each other alone. None: they
        do not.
    :return: indices of the kept boxes, best first.
    """
    count = xyxy.shape[0]
    if class_id is None or count <= _BLOCK:
        return _keep(xyxy, threshold, limit, class_id)
    # Many boxes class by class, each class best first: most pairs are never looked at.
    order = np.argsort(class_id, kind='stable')
    kept = _keep(xyxy[order], threshold, count, class_id[order])
    return np.sort(order[kept])[:limit]


def _keep(
        xyxy: NDArray[np.float32], threshold: float, limit: int,
        class_id: NDArray[np.integer] | None) -> NDArray[np.intp]:
    """
    Do what ``suppress`` does, block by block: with what earlier ones have kept, then in itself.

    More than one block with classes must be sorted by class.
    """
    sides = np.ascontiguousarray(xyxy.T, dtype=np.float64)
    area = (sides[2] - sides[0]) * (sides[3] - sides[1])
    count = xyxy.shape[0]
    kept: list[int] = []
    for start in range(0, count, _BLOCK):
        block = np.arange(start, min(start + _BLOCK, count))
        if kept:
            rivals = np.array(kept)
            if class_id is not None:   # those of the classes before are done with
                rivals = rivals[class_id[rivals] >= class_id[start]]
            hit = _overlap(sides, area, class_id, rivals, block, threshold).any(axis=0)
            block = block[~hit]
        alive = np.ones(block.size, np.bool_)
        clear = ~_overlap(sides, area, class_id, block, block, threshold)
        for place, index in enumerate(block.tolist()):
            if alive[place]:
                kept.append(index)
                if len(kept) == limit:
                    return np.array(kept, np.intp)
                alive &= clear[place]
    return np.array(kept, np.intp)


def _overlap(
        sides: NDArray[np.float64], area: NDArray[np.float64],
        class_id: NDArray[np.integer] | None, some: NDArray[np.intp], others: NDArray[np.intp],
        threshold: float) -> NDArray[np.bool_]:
    """Return ``(some, others)``: whether the two overlap by more than ``threshold``."""
    left, top, right, bottom = sides[:, some, None]
    other_left, other_top, other_right, other_bottom = sides[:, others]
    width = np.minimum(right, other_right)
    width -= np.maximum(left, other_left)
    height = np.minimum(bottom, other_bottom)
    height -= np.maximum(top, other_top)
    shared = np.maximum(width, 0.0, out=width)
    shared *= np.maximum(height, 0.0, out=height)
    union = area[some, None] + area[others]
    union -= shared
    union *= threshold   # compared by multiplication: two boxes of no area divide by zero
    over: NDArray[np.bool_] = shared > union
    if class_id is not None:
        over &= class_id[some, None] == class_id[others]
    return over
