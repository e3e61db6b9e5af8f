# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One of the two models: what it says about an image, as boxes and as tensors."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from faster_deploy_ros.errors import FasterDeployError
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks import DetectionOptions, open_model
from faster_deploy_ros.tasks.detection.dense import DenseDetector
from faster_deploy_ros.tasks.letterbox import Letterbox
from faster_deploy_ros.tools.compare.boxes import Answer
from faster_deploy_ros.tools.compare.reading import reading_of
from faster_deploy_ros.tools.compare.tolerance import LOOSEST
import numpy as np
from numpy.typing import NDArray

BOXES, SCORES = 'boxes', 'scores'   # the parts of a detector's output
BEST = 300       # detections looked at in an image
PROPOSED = 3000  # boxes looked at before the suppression
LEAST_SCORE = 0.01


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What a model says about one image.

    :param answer: its detections; None where it failed.
    :param parts: its output as ``(n, channels)``, in parts whose numbers are of one kind.
    :param lies: where the image lay in the input, and how boxes are coded: tensors of two models
        can be compared where these are equal.
    :param failure: why there is no answer.
    """

    answer: Answer | None
    parts: Mapping[str, NDArray[np.float32]]
    lies: tuple[Letterbox, bool | None] | None
    failure: str = ''


class Side:
    """
    A detector that is asked below its threshold and before its suppression too.

    :param model: opened with ``options``; stays the caller's, as its core.
    """

    def __init__(self, model: DenseDetector) -> None:
        """Open the same once more, without its suppression."""
        self.model = model
        self.reading = reading_of(model)
        unsuppressed = replace(
            model.options, nms_threshold=1.0, max_detections=PROPOSED, max_candidates=PROPOSED)
        self._proposes = open_model(
            self.reading.family, model.core, unsuppressed, card=self.reading.card)
        self._output = next(
            spec.name for spec in model.core.specs.values() if not spec.is_input)

    @property
    def title(self) -> str:
        """What the model sees, in words."""
        return self.model.summary

    def see(self, frame: Frame) -> Seen:
        """Show one image; a failure is an answer too."""
        core = self.model.core
        parts: Mapping[str, NDArray[np.float32]] = {}
        lies = None
        try:
            with core.lease() as blobs:
                geometry = self.model.preprocess(frame, blobs)
                lies = geometry, self.reading.card.output.decoded
                core.sync_infer(blobs)
                parts = self._parts(blobs[self._output].data)
                answer = Answer(
                    self.model.postprocess(blobs, geometry),
                    self._proposes.postprocess(blobs, geometry))
        except FasterDeployError as error:
            return Seen(None, parts, lies, str(error))
        return Seen(answer, parts, lies)

    def _parts(self, output: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        """Cut boxes, which are pixels or cells, from scores, which are 0 to 1."""
        rows = output[0]
        classes = len(self.model.labels)
        if rows.shape[1] not in (classes + 4, classes + 5):
            rows = rows.T
        return {BOXES: rows[:, :4].copy(), SCORES: rows[:, 4:].copy()}


def options(confidence: float, nms: float) -> DetectionOptions:
    """Return what both models are opened with: a threshold so low that partners are found."""
    return DetectionOptions(
        confidence_threshold=max(confidence - LOOSEST.score, LEAST_SCORE), nms_threshold=nms,
        max_detections=BEST)
