# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The usual ways from a detector's output to boxes in the image, as scripts write them."""

from collections.abc import Callable
from typing import Any, NamedTuple

from benchmark.outputs import Output
import cv2
from faster_deploy_ros.tasks import DetectionOptions
from faster_deploy_ros.tasks.detection.grid import cells
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
# Boxes, scores, classes, overlap, how many are looked at: indices of those that stay, any order.
Suppression = Callable[[Array, Array, Array, float, int], Array]


class Found(NamedTuple):
    """Boxes in the image, best first: ``(n, 4)``, ``(n,)``, ``(n,)``."""

    xyxy: Array
    score: Array
    class_id: Array


def read_as_usual(output: Output, options: DetectionOptions, suppression: Suppression) -> Found:
    """Read an output: decode everything, the threshold last, then suppress and carry back."""
    rows = output.tensor[0] if output.family == 'yolox' else output.tensor[0].T
    if output.family == 'yolox':
        cell, stride = cells(output.geometry.input_size)
        middle = (rows[:, :2] + cell) * stride[:, None]
        half = np.exp(rows[:, 2:4]) * stride[:, None] / 2
        scores = rows[:, 5:] * rows[:, 4:5]
    else:
        middle, half, scores = rows[:, :2], rows[:, 2:4] / 2, rows[:, 4:]
    class_id, score = scores.argmax(axis=1), scores.max(axis=1)
    xyxy = np.concatenate((middle - half, middle + half), axis=1)
    sure = score >= options.confidence_threshold
    xyxy, score, class_id = xyxy[sure], score[sure], class_id[sure]
    kept = suppression(xyxy, score, class_id, options.nms_threshold, options.max_candidates)
    kept = kept[np.argsort(-score[kept], kind='stable')][:options.max_detections]
    return _in_image(output, Found(xyxy[kept], score[kept], class_id[kept]))


def by_opencv(
        xyxy: Array, score: Array, class_id: Array, overlap: float, looked_at: int) -> Array:
    """Suppress with OpenCV's function for boxes of several classes."""
    xywh: Any = np.concatenate((xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]), axis=1)
    scores: Any = score
    classes: Any = class_id
    kept = cv2.dnn.NMSBoxesBatched(xywh, scores, classes, 0.0, overlap, top_k=looked_at)
    return np.asarray(kept, np.intp).ravel()


def by_numpy(
        xyxy: Array, score: Array, class_id: Array, overlap: float, looked_at: int) -> Array:
    """Suppress class by class with the loop that most packages have."""
    kept: list[int] = []
    best = np.argsort(-score, kind='stable')[:looked_at]
    area = (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
    for label in np.unique(class_id):
        order = best[class_id[best] == label]
        while order.size:
            first, order = order[0], order[1:]
            kept.append(int(first))
            low = np.maximum(xyxy[first, :2], xyxy[order, :2])
            high = np.minimum(xyxy[first, 2:], xyxy[order, 2:])
            shared = np.clip(high - low, 0, None).prod(axis=1)
            order = order[shared / (area[first] + area[order] - shared) <= overlap]
    return np.array(kept, np.intp)


def _in_image(output: Output, found: Found) -> Found:
    """Undo the letterbox and leave out what lies in the padding."""
    geometry = output.geometry
    xyxy = (found.xyxy - np.tile(geometry.offset, 2)) / np.tile(geometry.scale, 2)
    xyxy = np.clip(xyxy, 0, np.tile(geometry.source_size, 2)).astype(np.float32)
    seen = (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)
    return Found(xyxy[seen], found.score[seen], found.class_id[seen])
