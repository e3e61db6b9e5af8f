# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""YOLOv8, YOLO11 and their like: columns of cx, cy, w, h and classes, in input pixels."""

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tasks.boxes import corners
from faster_deploy_ros.tasks.detection.dense import DenseDetector
from faster_deploy_ros.tasks.detection.detector import Candidates
from faster_deploy_ros.tasks.detection.grid import count_cells, VARIANTS
from faster_deploy_ros.tasks.image_input import InputRules
from faster_deploy_ros.tasks.pixels import ULTRALYTICS
import numpy as np
from numpy.typing import NDArray


class Yolov8(DenseDetector):
    """
    Anchor-free models without objectness: ``[1, 4 + classes, n]``, or the same transposed.

    Boxes are decoded and sigmoids done inside the model; the suppression is not.
    """

    family = 'yolov8'

    def _rules(self) -> InputRules:
        return InputRules(ULTRALYTICS, 'center')

    def _read_output(self, spec: BlobSpec) -> tuple[int, tuple[int, ...]]:
        counts = [count_cells(self.input_size, strides) for strides in VARIANTS]
        shape = spec.shape
        if len(shape) == 3 and shape[0] in (1, -1):
            _, first, second = shape
            # The number of boxes follows from the input's size, so that it tells the layout.
            if first >= 5 and second in (*counts, -1):
                self._boxes_last = True
                return first - 4, (1, first, counts[0] if second == -1 else second)
            if second >= 5 and first in (*counts, -1):
                self._boxes_last = False
                return second - 4, (1, counts[0] if first == -1 else first, second)
        raise BlobMismatch(
            f'Yolov8: got {spec}, expected float32 [1, 4 + classes, {counts[0]}] or transposed '
            f'for an input of {self.input_size[0]}x{self.input_size[1]}{_remedy(shape)}')

    def _candidates(self, output: NDArray[np.float32]) -> Candidates:
        threshold = np.float32(self.options.confidence_threshold)
        if self._boxes_last:
            # Whole rows at a time: the highest class first, which class only for the few.
            best = output[0, 4:].max(axis=0)
            self._expect_finite(output.min(), np.maximum(best.max(), output[0, :4].max()))
            near = np.flatnonzero(best >= threshold)
            rows = output[0].take(near, axis=1).T
        else:
            self._expect_finite(output.min(), output.max())
            # A maximum along short rows is slow; finding the few high values is not.
            hits = np.flatnonzero(output[0, :, 4:] >= threshold)
            near = np.unique(hits // (output.shape[2] - 4))
            rows = output[0].take(near, axis=0)
        class_id = rows[:, 4:].argmax(axis=1)
        score = rows[np.arange(near.size), class_id + 4]
        return Candidates(corners(rows[:, :4]), score, class_id)


def _remedy(shape: tuple[int, ...]) -> str:
    """Say what the shape looks like."""
    if len(shape) == 3 and shape[2] == 6:
        return '; this one has the suppression inside: that is family yolo_end2end'
    return '; it is a model of another family or task, or exported for another size'
