# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Outputs of detectors to read: drawn ones of any density, and those of real models."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks import open_model
from faster_deploy_ros.tasks.detection.grid import cells, count_cells
from faster_deploy_ros.tasks.letterbox import Letterbox, letterbox, Size
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
CLASSES = 80
SIDES = {'yolox': 416, 'yolov8': 640}
PLACEMENTS = {'yolox': 'corner', 'yolov8': 'center'}
FILES = {'yolox': 'models/yolox_nano.onnx', 'yolov8': 'models/yolov8n_dequant_fp32.onnx'}
PHOTOGRAPHS = ('images/*.jpg', 'coco_subset/**/*.jpg')
PER_FOLDER = 2   # few, so that their outputs stay in the cache as fresh ones do


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """
    What a model said about one image.

    :param family: ``'yolox'`` or ``'yolov8'``.
    :param tensor: ``[1, n, 85]`` raw boxes or ``[1, 84, n]``, float32.
    :param geometry: how the image lay in the input.
    """

    family: str
    tensor: Array
    geometry: Letterbox


@dataclass(frozen=True, slots=True)
class Crowd:
    """
    What is drawn into an output.

    :param objects: in the image.
    :param around: boxes over the threshold around each of them.
    :param lowest: that threshold; all other boxes stay below.
    """

    objects: int
    around: int
    lowest: float


def draw(family: str, crowd: Crowd) -> Output:
    """Draw an output: clusters of overlapping boxes, and below the threshold anything."""
    side = SIDES[family]
    geometry = letterbox((640, 480), (side, side), PLACEMENTS[family])
    rows = count_cells((side, side))
    rng = np.random.default_rng(crowd.objects)
    boxes = rng.random((rows, 4)) * (side, side, side / 4, side / 4)
    scores = rng.random((rows, CLASSES)) ** 4 * crowd.lowest * 0.9
    near = np.sort(rng.choice(rows, crowd.objects * crowd.around, replace=False))
    of, boxes[near] = clusters(rng, near.size, crowd.objects, geometry.resized_size)
    boxes[near, :2] += geometry.offset
    scores[near, of % CLASSES] = rng.uniform(crowd.lowest * 1.1, 0.95, near.size)
    return Output(family, _as_tensor(family, boxes, scores, crowd.lowest), geometry)


def clusters(
        rng: np.random.Generator, count: int, objects: int, area: Size) -> tuple[Array, Array]:
    """
    Throw objects into ``(width, height)`` and boxes around them.

    :return: ``(count,)`` to which object each box belongs, and ``(count, 4)`` cx, cy, w, h.
    """
    middle, size = rng.random((objects, 2)) * area, np.exp(rng.normal(3.4, 0.5, (objects, 2)))
    of = rng.permutation(np.arange(count) % max(objects, 1))
    middle = middle[of] + rng.normal(0, 0.06, (count, 2)) * size[of]
    return of, np.concatenate((middle, size[of] * np.exp(rng.normal(0, 0.1, (count, 2)))), axis=1)


def photographed(family: str, data: Path) -> Sequence[Output]:
    """Show a real model some photographs; none where there is no model or no photograph."""
    photographs = [
        path for pattern in PHOTOGRAPHS for path in sorted(data.glob(pattern))[:PER_FOLDER]]
    if not (data / FILES[family]).exists() or not photographs:
        return []
    with open_core(f'onnxruntime.0://{data / FILES[family]}') as core:
        model = open_model(family, core)
        outputs = []
        for path in photographs:
            frame = Frame(0, '', cv2.imread(str(path)))
            with core.lease() as blobs:
                geometry = model.preprocess(frame, blobs)
                core.sync_infer(blobs)
                outputs.append(Output(family, blobs.outputs[0].data.copy(), geometry))
    return outputs


def _as_tensor(family: str, boxes: Array, scores: Array, lowest: float) -> Array:
    """Code boxes and scores as the family's models do."""
    if family == 'yolov8':
        columns = np.concatenate((boxes, scores), axis=1).T
        return np.ascontiguousarray(columns[None], np.float32)
    side = SIDES[family]
    cell, stride = cells((side, side))
    there = np.where(scores.max(axis=1, keepdims=True) > lowest, 0.97, lowest * 0.5)
    size = np.log(np.maximum(boxes[:, 2:], 1) / stride[:, None])
    rows = np.concatenate(
        (boxes[:, :2] / stride[:, None] - cell, size, there, scores / 0.97), axis=1)
    return np.ascontiguousarray(rows[None], np.float32)
