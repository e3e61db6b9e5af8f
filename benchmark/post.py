# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""From a model's output to boxes: ours against decoding everything and OpenCV's suppression."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
import sys
from typing import Any

from benchmark.alternate import alternate, over, Work
from benchmark.figures import machine, table, write_json
import cv2
from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks import DetectionOptions, ModelCard, open_model
from faster_deploy_ros.tasks.boxes import suppress
from faster_deploy_ros.tasks.card import OutputCard
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Suppression = Callable[[Array, Array, Array], Array]
OURS, CONFIDENCE, OVERLAP, CLASSES = 'ours', 0.25, 0.45, 80
MODELS = {'yolox': (416, 3549), 'yolov8': (640, 8400)}
OBJECTS = (0, 8, 40)        # in the image; each has about six boxes around it
CROWDS = (30, 300, 1000)    # boxes for the suppression alone
COLUMNS = {'work': '', 'size': '.0f', 'way': '', 'ms': '.3f', 'times ours': '.2f'}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON; return the exit code."""
    parser = argparse.ArgumentParser(prog='benchmark post', description=__doc__)
    parser.add_argument('--json', type=Path, metavar='FILE')
    parser.add_argument('--rounds', type=int, default=30, help='turns; medians are shown')
    options = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = []
    for family in MODELS:
        for count in OBJECTS:
            rows += _rows(f'{family}, objects', count, _whole(family, count), options.rounds)
    for count in CROWDS:
        rows += _rows('suppression, boxes', count, _suppressions(count), options.rounds)
    print(table(COLUMNS, rows))
    if options.json:
        write_json(options.json, {'machine': machine(), 'cases': rows})
    return 0


def _rows(work: str, size: int, ways: dict[str, Work], rounds: int) -> list[dict[str, Any]]:
    times = alternate(ways, rounds)
    return [{'work': work, 'size': size, 'way': way, 'ms': median(times[way]),
             'times ours': over(times, way, OURS)} for way in ways]


def _whole(family: str, objects: int) -> dict[str, Work]:
    """Return ways to read one whole output, checked to find as many boxes."""
    side, rows = MODELS[family]
    cxcywh, scores = _picture(side, rows, objects)
    if family == 'yolox':
        objectness = np.where(scores.max(axis=1, keepdims=True) > CONFIDENCE, 0.97, 0.05)
        output = np.concatenate((cxcywh, objectness, scores), axis=1)[None]
    else:
        output = np.ascontiguousarray(np.concatenate((cxcywh, scores), axis=1).T[None])
    f4 = np.dtype(np.float32)
    core = MockCore(specs=[
        BlobSpec('images', f4, (1, 3, side, side), True),
        BlobSpec('output', f4, output.shape, False)], script=lambda blobs: None)
    core.load()
    card = ModelCard(output=OutputCard(decoded=True))
    model = open_model(family, core, DetectionOptions(CONFIDENCE, OVERLAP), card=card)
    blobs = core.lease().__enter__()   # for the life of the process
    geometry = model.preprocess(Frame(0, '', np.zeros((side, side, 3), np.uint8)), blobs)
    blobs['output'].data[:] = output

    def usual(suppression: Suppression) -> Work:
        return lambda: _usual(family, blobs['output'].data, suppression)

    ways: dict[str, Callable[[], Any]] = {
        OURS: lambda: model.postprocess(blobs, geometry),
        'decode all, NMSBoxesBatched': usual(_opencv), 'decode all, numpy': usual(_numpy)}
    found = {way: len(work()) for way, work in ways.items()}
    if len(set(found.values())) != 1 or found[OURS] < objects:
        raise AssertionError(f'{family}: the ways find {found} boxes of {objects} objects')
    return ways


def _usual(family: str, output: Array, suppression: Suppression) -> Array:
    """Read an output as scripts do: everything first, the threshold last."""
    rows = output[0] if family == 'yolox' else output[0].T
    scores = rows[:, 5:] * rows[:, 4:5] if family == 'yolox' else rows[:, 4:]
    class_id, score = scores.argmax(axis=1), scores.max(axis=1)
    half = rows[:, 2:4] / 2
    xyxy = np.concatenate((rows[:, :2] - half, rows[:, :2] + half), axis=1)
    sure = score >= CONFIDENCE
    xyxy, score, class_id = xyxy[sure], score[sure], class_id[sure]
    kept: Array = xyxy[suppression(xyxy, score, class_id)]
    return kept


def _suppressions(count: int) -> dict[str, Work]:
    """Return ways to suppress boxes of 10 classes, each the same ones."""
    rng = np.random.default_rng(count)
    corner = rng.random((count, 2)) * 25 * count ** 0.5
    xyxy = np.concatenate((corner, corner + 50), axis=1).astype(np.float32)
    score = np.sort(rng.random(count).astype(np.float32))[::-1] * 0.5 + 0.5
    class_id = rng.integers(0, 10, count)
    ways: dict[str, Work] = {
        OURS: lambda: suppress(xyxy, OVERLAP, count, class_id),
        'NMSBoxesBatched': lambda: _opencv(xyxy, score, class_id),
        'numpy': lambda: _numpy(xyxy, score, class_id)}
    expected = np.asarray(ways[OURS]())
    for way, work in ways.items():
        np.testing.assert_array_equal(np.sort(np.asarray(work())), np.sort(expected), way)
    return ways


def _opencv(xyxy: Array, score: Array, class_id: Array) -> Array:
    xywh: Any = np.concatenate((xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]), axis=1)
    scores: Any = score
    classes: Any = class_id
    return np.asarray(cv2.dnn.NMSBoxesBatched(xywh, scores, classes, 0.0, OVERLAP), np.intp)


def _numpy(xyxy: Array, score: Array, class_id: Array) -> Array:
    """Suppress class by class with the loop that most packages have."""
    kept: list[int] = []
    area = (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
    for label in np.unique(class_id):
        order = np.flatnonzero(class_id == label)
        order = order[np.argsort(-score[order], kind='stable')]
        while order.size:
            best, order = order[0], order[1:]
            kept.append(int(best))
            low = np.maximum(xyxy[best, :2], xyxy[order, :2])
            high = np.minimum(xyxy[best, 2:], xyxy[order, 2:])
            shared = np.clip(high - low, 0, None).prod(axis=1)
            order = order[shared / (area[best] + area[order] - shared) <= OVERLAP]
    return np.array(kept, np.intp)


def _picture(side: int, rows: int, objects: int) -> tuple[Array, Array]:
    """Return ``(rows, 4)`` boxes and ``(rows, classes)`` scores with so many objects."""
    rng = np.random.default_rng(objects)
    cxcywh = rng.random((rows, 4)) * side / 4
    scores = rng.random((rows, CLASSES)) ** 4 * 0.2
    for number in range(objects):
        near = rng.choice(rows, 6, replace=False)
        place = rng.random(2) * side
        cxcywh[near] = rng.normal((*place, side / 10, side / 8), 1, (6, 4))
        scores[near, number % CLASSES] = rng.uniform(0.3, 0.95, 6)
    return cxcywh.astype(np.float32), scores.astype(np.float32)


if __name__ == '__main__':
    sys.exit(main())
