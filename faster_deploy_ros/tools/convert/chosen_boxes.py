# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Compares models that choose their boxes themselves box by box: rows of equal scores may swap."""

from collections.abc import Sequence
from typing import Any

from faster_deploy_ros.blobs import BlobsBuffer
from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks import DetectionOptions, Detections, open_model
from faster_deploy_ros.tasks.detection.sparse import SparseDetector
from faster_deploy_ros.tools.compare.boxes import match
from faster_deploy_ros.tools.inputs import Feed, Pictures
import numpy as np
from numpy.typing import NDArray

FOUND = 0.05      # the least score of a box that has to be in the result
PARTNER = 0.02    # its partner may have so little: no rounding takes more away
MISSED = 0.25     # a box of such a score without a partner is a fault

Pair = tuple[str, NDArray[Any], NDArray[Any]]


class ChosenBoxes:
    """
    The boxes of the original and the result on the same pictures.

    :param model: of the original; the result is read as it is.
    :param frames: the pictures.
    """

    def __init__(
            self, model: SparseDetector, frames: Sequence[Frame], one: InferCore,
            two: InferCore) -> None:
        """Open both with a threshold so low that partners are found."""
        self._model = model
        self._one, self._two = (
            open_model(model.family, core, DetectionOptions(
                confidence_threshold=least, labels=model.labels), card=model.card)
            for core, least in ((one, FOUND), (two, PARTNER)))
        self._frames = frames

    def pairs(
            self, ours: BlobsBuffer, theirs: BlobsBuffer, number: int
            ) -> tuple[Sequence[Pair], Sequence[str]]:
        """
        Return corners and scores of the boxes that both have, and what only the original has.

        :param number: of the picture that both have seen.
        """
        frame = self._frames[number % len(self._frames)]
        geometry = self._model.input.lie((frame.width, frame.height))
        expected: Detections = self._one.postprocess(ours, geometry)
        found: Detections = self._two.postprocess(theirs, geometry)
        matched = match(expected, found)
        rows, columns = [row for row, _, _ in matched], [column for _, column, _ in matched]
        alone = np.setdiff1d(np.flatnonzero(expected.score >= MISSED), rows)
        faults = [
            f'picture {number + 1}: the result has no box of class '
            f"'{self._model.labels[expected.class_id[index]]}' near "
            f'{expected.xyxy[index].round()}, the original has one with '
            f'{expected.score[index]:.2f}' for index in alone.tolist()]
        if not matched:
            return (), faults
        return (
            ('boxes', expected.xyxy[rows], found.xyxy[columns]),
            ('scores', expected.score[rows, None], found.score[columns, None])), faults


def chosen_boxes(feed: Feed, one: InferCore, two: InferCore) -> ChosenBoxes | None:
    """Return what compares two models by their boxes; None where their tensors can be compared."""
    if isinstance(feed, Pictures) and isinstance(feed.model, SparseDetector):
        return ChosenBoxes(feed.model, feed.frames, one, two)
    return None
