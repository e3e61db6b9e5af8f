# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One of the two models: what it says about an image, as a result and as tensors."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace

from faster_deploy_ros.blobs import BlobsBuffer
from faster_deploy_ros.errors import FasterDeployError
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks import DepthMap, Detections, open_model
from faster_deploy_ros.tasks.depth.depth_model import DepthModel
from faster_deploy_ros.tasks.detection.dense import DenseDetector
from faster_deploy_ros.tasks.detection.detector import Detector
from faster_deploy_ros.tasks.letterbox import Letterbox
from faster_deploy_ros.tools.compare.boxes import Answer
from faster_deploy_ros.tools.compare.reading import Readable, reading_of
import numpy as np
from numpy.typing import NDArray

BOXES, SCORES = 'boxes', 'scores'   # the parts of a detector's output
PROPOSED = 3000  # boxes looked at before the suppression
RANKED = 100     # best scores of a model that chooses its boxes itself
Parts = Mapping[str, NDArray[np.float32]]
Lies = tuple[Letterbox, bool | None]


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What a model says about one image.

    :param answer: its detections or its depth; None where it failed.
    :param parts: its output as ``(n, channels)``, in parts whose numbers are of one kind.
    :param lies: where the image lay in the input, and how boxes are coded: tensors of two models
        can be compared where these are equal.
    :param failure: why there is no answer.
    """

    answer: Answer | DepthMap | None
    parts: Parts
    lies: Lies | None
    failure: str = ''


class Side(ABC):
    """
    A model that can be asked.

    :param model: stays the caller's, as its core.
    """

    def __init__(self, model: Readable) -> None:
        """Keep the model, and how it is read."""
        self.model = model
        self.reading = reading_of(model)

    def see(self, frame: Frame) -> Seen:
        """Show one image; a failure is an answer too."""
        core = self.model.core
        parts: Parts = {}
        lies = None
        try:
            with core.lease() as blobs:
                geometry = self.model.preprocess(frame, blobs)
                lies = self._lies(geometry)
                core.sync_infer(blobs)
                parts = self._parts(blobs, geometry)
                answer = self._answer(blobs, geometry)
        except FasterDeployError as error:
            return Seen(None, parts, lies, str(error))
        return Seen(answer, parts, lies)

    def _lies(self, geometry: Letterbox) -> Lies | None:
        return geometry, self.reading.card.output.decoded

    @abstractmethod
    def _parts(self, blobs: BlobsBuffer, geometry: Letterbox) -> Parts:
        """Return the tensors that can be compared number by number."""

    @abstractmethod
    def _answer(self, blobs: BlobsBuffer, geometry: Letterbox) -> Answer | DepthMap:
        """Return what the model has found."""


def side_of(model: Readable) -> Side:
    """Return how a model of that kind is asked."""
    if isinstance(model, DepthModel):
        return _DepthSide(model)
    return _DenseSide(model) if isinstance(model, DenseDetector) else _SparseSide(model)


class _DenseSide(Side):
    """A detector that is asked below its threshold and before its suppression too."""

    def __init__(self, model: DenseDetector) -> None:
        """Open the same once more, without its suppression."""
        super().__init__(model)
        self._detector = model
        unsuppressed = replace(
            model.options, nms_threshold=1.0, max_detections=PROPOSED, max_candidates=PROPOSED)
        self._proposes = open_model(
            self.reading.family, model.core, unsuppressed, card=self.reading.card)
        self._output = next(
            spec.name for spec in model.core.specs.values() if not spec.is_input)

    def _answer(self, blobs: BlobsBuffer, geometry: Letterbox) -> Answer:
        return Answer(
            self._detector.postprocess(blobs, geometry),
            self._proposes.postprocess(blobs, geometry))

    def _parts(self, blobs: BlobsBuffer, geometry: Letterbox) -> Parts:
        """Cut boxes, which are pixels or cells, from scores, which are 0 to 1."""
        rows = blobs[self._output].data[0]
        classes = len(self._detector.labels)
        if rows.shape[1] not in (classes + 4, classes + 5):
            rows = rows.T
        return {BOXES: rows[:, :4].copy(), SCORES: rows[:, 4:].copy()}


class _SparseSide(Side):
    """
    A detector that chooses its boxes itself.

    The order of what it has chosen is that of its scores, in which any rounding exchanges rows:
    number by number only the sorted scores can be compared. There is no suppression, so no tie.
    """

    def __init__(self, model: Detector) -> None:
        """Open the same once more, without a threshold."""
        super().__init__(model)
        self._detector = model
        self._ranks = open_model(
            self.reading.family, model.core,
            replace(model.options, confidence_threshold=0.0, max_detections=RANKED),
            card=self.reading.card)

    def _answer(self, blobs: BlobsBuffer, geometry: Letterbox) -> Answer:
        return Answer(self._detector.postprocess(blobs, geometry), Detections.empty())

    def _parts(self, blobs: BlobsBuffer, geometry: Letterbox) -> Parts:
        scores = np.zeros((RANKED, 1), np.float32)
        found = np.sort(self._ranks.postprocess(blobs, geometry).score)[::-1]
        scores[:found.size, 0] = found
        return {SCORES: scores}


class _DepthSide(Side):
    """A model of depth; its maps are compared in the image's pixels, not its tensors."""

    def __init__(self, model: DepthModel) -> None:
        """Keep the model."""
        super().__init__(model)
        self._depth = model

    def _lies(self, geometry: Letterbox) -> None:
        return None

    def _answer(self, blobs: BlobsBuffer, geometry: Letterbox) -> DepthMap:
        return self._depth.postprocess(blobs, geometry)

    def _parts(self, blobs: BlobsBuffer, geometry: Letterbox) -> Parts:
        return {}
