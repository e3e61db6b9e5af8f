# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""YOLOv10, YOLO26, exports with the suppression inside: rows of corners, score and class."""

from faster_deploy_ros.blobs import BlobsBuffer, BlobSpec
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tasks.detection.detector import Candidates
from faster_deploy_ros.tasks.detection.sparse import NOT_SCORES, SparseDetector
from faster_deploy_ros.tasks.image_input import expect_floats, InputRules
from faster_deploy_ros.tasks.pixels import ULTRALYTICS
import numpy as np

_FIELDS = 6


class YoloEnd2End(SparseDetector):
    """
    Models that answer with finished boxes: ``[1, n, 6]``, ``[n, 6]``, or the same transposed.

    Corners are in input pixels; rows that say nothing have the score 0. Such are the exports of
    YOLOv10 and YOLO26 (``end2end``, n = 300, see docs.ultralytics.com/guides/end2end-detection),
    and those of YOLOv8 to YOLO12 made with ``nms=True``. Formats without a top-k (ncnn, RKNN) get
    YOLO26's other head from its exporter, which is of family yolov8.

    No suppression of ours follows, unless ``class_agnostic`` asks for one over the classes.
    The shape does not tell how many classes there are: the labels do, by metadata or card.
    """

    family = 'yolo_end2end'

    def _rules(self) -> InputRules:
        return InputRules(ULTRALYTICS, 'center')

    def _read_outputs(self) -> None:
        spec = self._one(is_input=False)
        expect_floats(type(self).__name__, spec)
        self._output_name = spec.name
        self._rows_last = self._settle_rows(spec)

    def _settle_rows(self, spec: BlobSpec) -> bool:
        """Return whether the boxes lie along the last axis: ``[6, n]``."""
        shape = spec.shape
        if len(shape) == 3 and shape[0] in (1, -1):
            shape = shape[1:]
        if len(shape) == 2:
            if shape[1] == _FIELDS or (shape[1] == -1 and shape[0] != _FIELDS):
                return False
            if shape[0] == _FIELDS:
                return True
        raise BlobMismatch(
            f'YoloEnd2End: got {spec}, expected float32 [1, n, 6] with x1, y1, x2, y2, score and '
            f'class of n boxes{_remedy(shape)}')

    def _candidates(self, blobs: BlobsBuffer) -> Candidates:
        rows = self._numbers(blobs, self._output_name, 2)
        if self._rows_last:
            rows = rows.T
        if rows.shape[1] != _FIELDS:
            raise self._other_shape(
                self._output_name, blobs[self._output_name].shape, f'{_FIELDS} numbers a box')
        score = rows[:, 4]
        if score.size:
            self._expect_scores(score.max(), NOT_SCORES, score.min())
        threshold = np.float32(self.options.confidence_threshold)
        # A score of 0 is no box but padding, whatever the threshold is.
        rows = rows[(score >= threshold) & (score > 0)]
        return Candidates(rows[:, :4], rows[:, 4], self._classes(rows[:, 5]))


def _remedy(shape: tuple[int, ...]) -> str:
    """Say what the shape looks like; ``shape`` is without the batch axis."""
    if len(shape) == 2 and 7 in shape:
        return ('; seven numbers are those of a turned box, or begin with the image in a batch: '
                'export a plain detection model for one image')
    if len(shape) == 2 and max(shape) > 1000:
        return '; so many boxes come without a suppression: that is family yolov8 or yolov5'
    return '; it is a model of another family or task'
