# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What detectors with one tensor of dense predictions share: candidates and their suppression."""

from abc import abstractmethod
from typing import Any

from faster_deploy_ros.blobs import BlobsBuffer, BlobSpec
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tasks.boxes import best_first, suppress
from faster_deploy_ros.tasks.detection.detector import Candidates, Detector, take
from faster_deploy_ros.tasks.image_input import expect_floats
from faster_deploy_ros.tasks.letterbox import Letterbox
from faster_deploy_ros.tasks.results import Detections
import numpy as np
from numpy.typing import NDArray


class DenseDetector(Detector):
    """
    Base of the families with one image in and one tensor of dense predictions out.

    A family checks the output's shape in ``_read_output`` and turns it into candidates.
    """

    @abstractmethod
    def _read_output(self, spec: BlobSpec) -> tuple[int, tuple[int, ...]]:
        """
        Check the output's shape; return the number of classes and the concrete shape.

        :raises BlobMismatch: it is not one of this family.
        """

    @abstractmethod
    def _candidates(self, output: NDArray[np.float32]) -> Candidates:
        """
        Read one output of the checked shape.

        :raises InferFailed: by ``_expect_finite``, for any number in the output.
        """

    def _output_spec(self) -> BlobSpec:
        """Return the output that holds the predictions."""
        return self._one(is_input=False)

    def _read_outputs(self) -> int:
        output = self._output_spec()
        self._output_name = output.name
        expect_floats(type(self).__name__, output)
        count, self._output_shape = self._read_output(output)
        return count

    def postprocess(self, blobs: BlobsBuffer, geometry: Letterbox) -> Detections:
        """
        Read the output blob; boxes are in source-image pixels, cut at the image's edges.

        :raises InferFailed: the output holds NaN or infinity, or scores no detector has.
        :raises BlobMismatch: an output of open shape came in a shape that is not this family's.
        """
        output = self._read(blobs)
        return self._finish(self._candidates(output), geometry)

    def _read(self, blobs: BlobsBuffer) -> NDArray[np.float32]:
        """
        Return the output of a seat, in the shape that was checked.

        :raises BlobMismatch: an output of open shape came in another one.
        """
        output: NDArray[np.float32] = blobs[self._output_name].data
        if output.shape != self._output_shape:
            raise BlobMismatch(
                f"{self.family}: output '{self._output_name}' came as {output.shape}, expected "
                f'{self._output_shape} for an input of {blobs.inputs[0].shape}')
        return output

    def _expect_finite(self, low: np.floating[Any], high: np.floating[Any]) -> None:
        """
        Check the extremes of an output: they are NaN where anything is, and cost one pass each.

        A comparison with the threshold would quietly drop a NaN, and a frame of them is no
        empty frame.

        :raises InferFailed: the output holds NaN or infinity.
        """
        if not (low > -np.inf and high < np.inf):
            raise self._overflowed(self._output_name)

    def _finish(self, found: Candidates, geometry: Letterbox) -> Detections:
        """Filter, bound, suppress and carry back to the image."""
        found = self._of_wanted_classes(found)
        if not found.score.size:
            return Detections.empty()
        self._expect_scores(
            found.score.max(),
            'the model was exported without its sigmoid, or is of another family')
        options = self.options
        found = take(found, best_first(found.score, options.max_candidates))
        found = take(found, suppress(
            found.xyxy, options.nms_threshold, options.max_detections,
            None if options.class_agnostic else found.class_id))
        return self._in_image(found, geometry)
