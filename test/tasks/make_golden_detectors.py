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
    return in_image(kept, offset, (96, 43))


def chosen(boxes, offset, resized):
    """Return the best of ``(x1, y1, x2, y2, score, class)``, unsuppressed, in the image."""
    found = sorted((box for box in boxes if box[4] >= CONFIDENCE), key=lambda box: -box[4])
    return in_image(found[:LIMIT], offset, resized)


def in_image(boxes, offset, resized):
    """Carry boxes from the input to the image and cut them at its edges."""
    answer = []
    for box in boxes:
        place = [
            min(max((box[side] - offset[side % 2]) * SOURCE[side % 2] / resized[side % 2], 0.0),
                float(SOURCE[side % 2])) for side in range(4)]
        if place[2] > place[0] and place[3] > place[1]:
            answer.append((*place, box[4], box[5]))
    return np.array(answer)


def anchored():
    """Return rows of YOLOv5 and the boxes they mean: three to a cell."""
    rng = random.Random(20260102)
    rows, boxes = [], []
    for stride, column, row in cells():
        for _ in range(3):
            box = ((column + rng.uniform(-0.5, 1.5)) * stride,
                   (row + rng.uniform(-0.5, 1.5)) * stride,
                   rng.uniform(0.5, 4) * stride, rng.uniform(0.5, 4) * stride)
            objectness = rng.random() ** 3
            scores = [rng.random() for _ in range(CLASSES)]
            rows.append([*box, objectness, *scores])
            best = max(range(CLASSES), key=lambda label: scores[label])
            boxes.append((*box, objectness * scores[best], best))
    return rows, boxes


def finished():
    """Return rows of an end-to-end model, best first, the last ones padding."""
    rng = random.Random(20260103)
    rows = []
    for _ in range(30):
        x, y = rng.uniform(-5, 90), rng.uniform(-5, 60)
        rows.append([x, y, x + rng.uniform(2, 40), y + rng.uniform(2, 40), rng.random(),
                     rng.randrange(CLASSES)])
    rows.sort(key=lambda row: -row[4])
    return rows + [[0.0] * 6] * 10


def queries():
    """Return boxes as fractions, their logits, and each class of each query as a box."""
    rng = random.Random(20260104)
    boxes, logits, pairs = [], [], []
    for _ in range(25):
        box = [rng.random(), rng.random(), rng.uniform(0.02, 0.5), rng.uniform(0.02, 0.5)]
        values = [rng.gauss(-2, 2) for _ in range(CLASSES)]
        boxes.append(box)
        logits.append(values)
        cx, cy, w, h = box
        for label, value in enumerate(values):
            pairs.append((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2,
                          1 / (1 + math.exp(-value)), label))
    pairs.sort(key=lambda pair: -pair[4])
    return boxes, logits, pairs


def more():
    """Return the arrays of the families without a grid of their own, by name."""
    rows, anchors = anchored()
    ends = finished()
    boxes, logits, pairs = queries()
    pixels = [(x1 * INPUT[0], y1 * INPUT[1], x2 * INPUT[0], y2 * INPUT[1], score, label)
              for x1, y1, x2, y2, score, label in pairs]
    return {
        'anchored': np.array([rows], np.float32), 'yolov5': expected(anchors, (0, 10)),
        'finished': np.array([ends], np.float32),
        'yolo_end2end': chosen(ends, (0, 10), (96, 43)),
        'query_boxes': np.array([boxes], np.float32),
        'query_logits': np.array([logits], np.float32), 'pairs': np.array(pairs, np.float32),
        'rtdetr': chosen(pixels, (0, 0), INPUT),
        'rtdetr_center': chosen(pixels, (0, 10), (96, 43))}


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
        yolox=expected(of_yolox, (0, 0)), yolov8=expected(of_yolov8, (0, 10)), **more())


if __name__ == '__main__':
    main()
