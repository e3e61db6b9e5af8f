# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""YOLOv5 and its like: rows of cx, cy, w, h in input pixels, objectness and classes."""

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tasks.boxes import corners
from faster_deploy_ros.tasks.detection.dense import DenseDetector
from faster_deploy_ros.tasks.detection.detector import Candidates
from faster_deploy_ros.tasks.detection.grid import ANCHORS, count_cells, VARIANTS
from faster_deploy_ros.tasks.image_input import InputRules
from faster_deploy_ros.tasks.pixels import ULTRALYTICS
import numpy as np
from numpy.typing import NDArray

_RAW = ('; these are the raw maps of its strides: export it with its decoding inside (YOLOv5: '
        'export.py as it is, not --train; YOLOv7: --grid)')


class Yolov5(DenseDetector):
    """
    Models with three anchors for each cell: ``[1, n, 5 + classes]``, or the same transposed.

    YOLOv5 itself, with strides 8 to 32 or 8 to 64 (the P6 variants), YOLOv3 of the same
    repository, and YOLOv7 exported with ``--grid``. Sigmoids are done and boxes decoded inside
    the model; the score is objectness times class. The weights called ``yolov5u`` have no
    anchors: they are of family yolov8. Older exports put out the raw maps as well as the decoded
    boxes; the maps are left alone.
    """

    family = 'yolov5'

    def _rules(self) -> InputRules:
        return InputRules(ULTRALYTICS, 'center')

    def _output_spec(self) -> BlobSpec:
        outputs = [spec for spec in self.core.specs.values() if not spec.is_input]
        maps = [spec for spec in outputs if len(spec.shape) in (4, 5)]
        decoded = [spec for spec in outputs if len(spec.shape) == 3]
        if maps and len(maps) == len(outputs):
            raise BlobMismatch(
                f"Yolov5: got {'; '.join(map(str, maps))}, expected one output "
                f'[1, n, 5 + classes]{_RAW}')
        if len(decoded) == 1 and len(decoded) + len(maps) == len(outputs):
            return decoded[0]
        return self._one(is_input=False)

    def _read_output(self, spec: BlobSpec) -> tuple[int, tuple[int, ...]]:
        counts = [ANCHORS * count_cells(self.input_size, strides) for strides in VARIANTS]
        shape = spec.shape
        if len(shape) == 3 and shape[0] in (1, -1):
            _, first, second = shape
            # The number of boxes follows from the input's size, so that it tells the layout.
            if second >= 6 and first in (*counts, -1):
                self._boxes_last = False
                return second - 5, (1, counts[0] if first == -1 else first, second)
            if first >= 6 and second in (*counts, -1):
                self._boxes_last = True
                return first - 5, (1, first, counts[0] if second == -1 else second)
        raise BlobMismatch(
            f'Yolov5: got {spec}, expected float32 [1, {counts[0]}, 5 + classes] or transposed '
            f'for an input of {self.input_size[0]}x{self.input_size[1]}'
            f'{_remedy(shape, self.input_size)}')

    def _candidates(self, output: NDArray[np.float32]) -> Candidates:
        self._expect_finite(output.min(), output.max())
        threshold = np.float32(self.options.confidence_threshold)
        # The score is objectness times class, and neither is above 1: most rows end here.
        if self._boxes_last:
            rows = output[0].take(np.flatnonzero(output[0, 4] >= threshold), axis=1).T
        else:
            rows = output[0].take(np.flatnonzero(output[0, :, 4] >= threshold), axis=0)
        class_id = rows[:, 5:].argmax(axis=1)
        score = rows[:, 4] * rows[np.arange(class_id.size), class_id + 5]
        sure = np.flatnonzero(score >= threshold)
        return Candidates(
            corners(rows[:, :4].take(sure, axis=0)), score.take(sure), class_id.take(sure))


def _remedy(shape: tuple[int, ...], size: tuple[int, int]) -> str:
    """Say what the shape looks like."""
    if any(count_cells(size, strides) in shape for strides in VARIANTS):
        return '; one box for each cell is the layout of families yolov8 and yolox'
    if len(shape) == 3 and shape[2] == 6:
        return '; this one may have the suppression inside: that is family yolo_end2end'
    return '; it is a model of another family or task, or exported for another size'
