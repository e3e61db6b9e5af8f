# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What detectors share whose network chooses its boxes itself: few come, each on purpose."""

from abc import abstractmethod
from typing import Any

from faster_deploy_ros.blobs import BlobsBuffer
from faster_deploy_ros.errors import BlobMismatch, InferFailed
from faster_deploy_ros.tasks.boxes import best_first, suppress
from faster_deploy_ros.tasks.detection.detector import Candidates, Detector, take
from faster_deploy_ros.tasks.letterbox import Letterbox
from faster_deploy_ros.tasks.results import Detections
import numpy as np
from numpy.typing import NDArray

NOT_SCORES = 'the model was exported without its sigmoid, or is of another family'
_ROUNDING = 1.0    # pixels that a right side may lie left of its left side in half precision
_FURTHEST = 1e6    # pixels: such numbers come from an overflow
_FRACTIONS = 1.5   # boxes that all end before this many pixels are fractions of the image


class SparseDetector(Detector):
    """
    Base of the families that need no suppression.

    One object may come under several classes; only with ``class_agnostic`` the best of them stays.
    A family checks its outputs' shapes in ``_read_outputs`` and gives the boxes over the threshold
    in ``_candidates``. What it gives is checked here once more, as such outputs carry their
    classes as numbers: read in a wrong order they are garbage that looks like boxes.
    """

    @abstractmethod
    def _candidates(self, blobs: BlobsBuffer) -> Candidates:
        """
        Read the outputs of one frame.

        :raises InferFailed: NaN, infinity, or scores no detector has.
        :raises BlobMismatch: an output of open shape came in a shape that is not this family's.
        """

    def postprocess(self, blobs: BlobsBuffer, geometry: Letterbox) -> Detections:
        """
        Read the output blobs; boxes are in source-image pixels, cut at the image's edges.

        :raises InferFailed: the outputs hold NaN or infinity, scores no detector has, classes
            that have no label, or boxes that are none.
        :raises BlobMismatch: an output of open shape came in a shape that is not this family's.
        """
        found = self._candidates(blobs)
        if not found.score.size:
            return Detections.empty()
        self._expect_boxes(found.xyxy)
        found = self._of_wanted_classes(found)
        found = take(found, best_first(found.score, self._most))
        if self.options.class_agnostic:
            found = take(found, suppress(
                found.xyxy, self.options.nms_threshold, self.options.max_detections))
        return self._in_image(found, geometry)

    @property
    def _most(self) -> int:
        """How many of the best boxes are looked at."""
        options = self.options
        return options.max_candidates if options.class_agnostic else options.max_detections

    def _numbers(self, blobs: BlobsBuffer, name: str, ndim: int) -> NDArray[Any]:
        """
        Return an output without its batch axis, where it has one; a view.

        :raises BlobMismatch: an output of open shape came with other dimensions.
        :raises InferFailed: it holds NaN or infinity.
        """
        values: NDArray[Any] = blobs[name].data
        if values.ndim == ndim + 1 and values.shape[0] == 1:
            values = values[0]
        if values.ndim != ndim:
            raise self._other_shape(name, values.shape, f'{ndim} dimensions after a batch of 1')
        if not np.isfinite(values).all():
            raise self._overflowed(name)
        return values

    def _other_shape(self, name: str, shape: tuple[int, ...], expected: str) -> BlobMismatch:
        """Return the error of an output of open shape that came in another family's."""
        return BlobMismatch(
            f"{self.family}: output '{name}' came as {shape}, expected {expected}; the model is "
            'of another family, or was exported for several images')

    def _classes(self, numbers: NDArray[Any]) -> NDArray[np.intp]:
        """
        Return class numbers, which many exports write as floats.

        :raises InferFailed: one is no whole number, or has no label.
        """
        if not numbers.size:
            return numbers.astype(np.intp)
        odd = numbers != np.rint(numbers)
        if odd.any():
            raise InferFailed(
                f'{self.family}: a class is {numbers[odd][0]:.4g}, expected a whole number; the '
                'model says its boxes in another order, or is of another family')
        for number in (numbers.min(), numbers.max()):
            if not 0 <= number < len(self.labels):
                raise InferFailed(
                    f'{self.family}: the model found class {number:.0f}, expected 0 to '
                    f'{len(self.labels) - 1}, as there are {len(self.labels)} labels; set the '
                    'parameter labels, or labels in the model card, to one for each class')
        return numbers.astype(np.intp)

    def _expect_boxes(self, xyxy: NDArray[np.float32]) -> None:
        """
        Check ``(n, 4)`` boxes, n > 0, in pixels of the input.

        :raises InferFailed: one ends before it begins, one is nowhere near the image, or all are
            fractions of it.
        """
        furthest = np.abs(xyxy).max()
        if furthest > _FURTHEST:
            raise InferFailed(
                f'{self.family}: a box is at {furthest:.3g} pixels, expected places in the image; '
                'the model overflows on this device: try a higher precision, or another runtime')
        inside_out = (xyxy[:, :2] - xyxy[:, 2:]).max()
        if inside_out > _ROUNDING:
            raise InferFailed(
                f'{self.family}: a box ends {inside_out:.4g} pixels before it begins, expected '
                'corners x1, y1, x2, y2; the model says its boxes otherwise, or is of another '
                'family')
        if furthest <= _FRACTIONS:
            raise InferFailed(
                f'{self.family}: no box reaches further than {furthest:.3g}, expected pixels; '
                'export the model with boxes in pixels, not in fractions of the image')
