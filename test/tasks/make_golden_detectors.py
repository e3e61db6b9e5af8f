# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The recipe of golden_detectors.npz: outputs of imaginary detectors and the boxes they mean.

Run ``python test/tasks/make_golden_detectors.py`` to make the file again. It is computed by
plain loops on Python floats from the published definitions, one box at a time, and shares no code
with the package.
"""

import math
from pathlib import Path
import random

import numpy as np

INPUT = (96, 64)            # width, height
SOURCE = (200, 90)          # resized to 96 x 43, so that the two scales differ
CLASSES = 3
CONFIDENCE, OVERLAP, LIMIT = 0.3, 0.45, 12


def cells():
    for stride in (8, 16, 32):
        for row in range(INPUT[1] // stride):
            for column in range(INPUT[0] // stride):
                yield stride, column, row


def overlap(a, b):
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union if union > 0 else 0.0


def expected(boxes, offset):
    """Return what is left of ``(cx, cy, w, h, score, class)`` in the image's pixels."""
    found = [(cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, score, label)
             for cx, cy, w, h, score, label in boxes if score >= CONFIDENCE]
    found.sort(key=lambda box: -box[4])
    kept = []
    for box in found:
        if len(kept) < LIMIT and all(
                box[5] != other[5] or overlap(box, other) <= OVERLAP for other in kept):
            kept.append(box)
    resized = (96, 43)
    answer = []
    for box in kept:
        place = [
            min(max((box[side] - offset[side % 2]) * SOURCE[side % 2] / resized[side % 2], 0.0),
                float(SOURCE[side % 2])) for side in range(4)]
        if place[2] > place[0] and place[3] > place[1]:
            answer.append((*place, box[4], box[5]))
    return np.array(answer)


def main():
    rng = random.Random(20260101)
    raw, decoded, columns, of_yolox, of_yolov8 = [], [], [], [], []
    for stride, column, row in cells():
        dx, dy = rng.uniform(-0.5, 1.5), rng.uniform(-0.5, 1.5)
        log_w, log_h = rng.uniform(-0.5, 1.5), rng.uniform(-0.5, 1.5)
        objectness = rng.random() ** 2
        scores = [rng.random() for _ in range(CLASSES)]
        box = ((column + dx) * stride, (row + dy) * stride,
               math.exp(log_w) * stride, math.exp(log_h) * stride)
        raw.append([dx, dy, log_w, log_h, objectness, *scores])
        decoded.append([*box, objectness, *scores])
        columns.append([*box, *(score * objectness for score in scores)])
        best = max(range(CLASSES), key=lambda label: scores[label])
        of_yolox.append((*box, objectness * scores[best], best))
        of_yolov8.append((*box, objectness * scores[best], best))
    np.savez_compressed(
        Path(__file__).with_name('golden_detectors.npz'),
        raw=np.array([raw], np.float32), decoded=np.array([decoded], np.float32),
        columns=np.array([columns], np.float32).transpose(0, 2, 1),
        yolox=expected(of_yolox, (0, 0)), yolov8=expected(of_yolov8, (0, 10)))


if __name__ == '__main__':
    main()
