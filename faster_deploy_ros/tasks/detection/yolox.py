# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""YOLOX: rows of cx, cy, w, h, objectness and classes, raw or decoded."""

from typing import Any

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.errors import BlobMismatch, InferFailed
from faster_deploy_ros.tasks.boxes import corners
from faster_deploy_ros.tasks.card import ModelCard
from faster_deploy_ros.tasks.detection.dense import DenseDetector
from faster_deploy_ros.tasks.detection.detector import Candidates
from faster_deploy_ros.tasks.detection.grid import cells, count_cells, VARIANTS
from faster_deploy_ros.tasks.detection.options import DetectionOptions
from faster_deploy_ros.tasks.image_input import InputRules
from faster_deploy_ros.tasks.pixels import YOLOX, YOLOX_LEGACY
import numpy as np
from numpy.typing import NDArray


class Yolox(DenseDetector):
    """
    Models as the YOLOX project exports them: ``[1, n, 5 + classes]``, sigmoids inside.

    A raw row holds the centre as an offset from its grid cell and the logarithm of the size, both
    in cells (the export's default); a decoded one holds pixels (``--decode_in_inference``).
    """

    family = 'yolox'

    def __init__(
            self, core: InferCore, options: DetectionOptions | None = None,
            card: ModelCard | None = None) -> None:
        """Check the tensors and settle whether the boxes are decoded."""
        super().__init__(core, options, card)
        self._cells, self._stride = cells(self.input_size, self._strides)
        self.is_decoded, self._how = self._settle_decoded()

    @property
    def summary(self) -> str:
        """One line for a log, with what was decided about the boxes and why."""
        boxes = 'decoded' if self.is_decoded else 'raw'
        return f'{super().summary}, {boxes} boxes ({self._how})'

    @property
    def page(self) -> dict[str, Any]:
        """What a model card would say of this model, by the card's keys."""
        return {**super().page, 'output': {'decoded': self.is_decoded}}

    def _rules(self) -> InputRules:
        return InputRules(YOLOX, 'corner')

    def _read_output(self, spec: BlobSpec) -> tuple[int, tuple[int, ...]]:
        rows = {count_cells(self.input_size, strides): strides for strides in VARIANTS}
        shape = spec.shape
        if (len(shape) != 3 or shape[0] not in (1, -1) or shape[2] < 6
                or shape[1] not in (*rows, -1)):
            expected = count_cells(self.input_size)
            raise BlobMismatch(
                f'Yolox: got {spec}, expected float32 [1, {expected}, 5 + classes] for an input '
                f'of {self.input_size[0]}x{self.input_size[1]}'
                f'{_other_family(shape, tuple(rows))}')
        count = shape[1] if shape[1] != -1 else count_cells(self.input_size)
        self._strides = rows[count]
        return shape[2] - 5, (1, count, shape[2])

    def _candidates(self, output: NDArray[np.float32]) -> Candidates:
        self._expect_finite(output.min(), output.max())
        rows = output[0]
        threshold = np.float32(self.options.confidence_threshold)
        # The score is objectness times class, and neither is above 1: most rows end here.
        near = np.flatnonzero(rows[:, 4] >= threshold)
        rows = rows.take(near, axis=0)
        class_id = rows[:, 5:].argmax(axis=1)
        score = rows[:, 4] * rows[np.arange(near.size), class_id + 5]
        sure = np.flatnonzero(score >= threshold)
        near, rows = near.take(sure), rows.take(sure, axis=0)
        boxes = rows[:, :4]
        if not self.is_decoded:
            boxes = self._decode(boxes, near)
        return Candidates(corners(boxes), score.take(sure), class_id.take(sure))

    def _decode(self, raw: NDArray[np.float32], rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Turn raw ``(n, 4)`` boxes of these rows into centres and sizes in input pixels."""
        # e^20 cells are no box of any image: what is above is a wrong model, not a rounding.
        if raw.size and raw[:, 2:].max() > 20:
            raise InferFailed(
                f'yolox: a box is e^{raw[:, 2:].max():.3g} cells wide; the output looks decoded '
                f'already, and was taken as raw ({self._how}); '
                "write output: {decoded: true} into the model's card")
        stride = self._stride.take(rows)[:, None]
        centre = (raw[:, :2] + self._cells.take(rows, axis=0)) * stride
        return np.concatenate((centre, np.exp(raw[:, 2:]) * stride), axis=1)

    def _settle_decoded(self) -> tuple[bool, str]:
        """Return whether the boxes are decoded, and who says so."""
        if self.card.output.decoded is not None:
            return self.card.output.decoded, 'by model card'
        said = self.core.metadata.get('decoded', '').lower()
        if said in ('true', 'false'):
            return said == 'true', 'by metadata'
        return self._probe(), 'by a probe'

    def _probe(self) -> bool:
        """
        Infer an empty image once and look where the boxes of all cells are.

        A decoded centre lies near its own cell, so it grows with the cell's place to the width of
        the image; a raw one is an offset of about half a cell everywhere. The two readings differ
        by the size of the image: the smaller median distance, over all cells, is the right one.

        :raises BlobMismatch: scores are outside 0 to 1, so that this is no YOLOX output.
        """
        with self.core.lease() as blobs:
            self.input.write_empty(blobs)
            self.core.sync_infer(blobs)
            rows = self._read(blobs)[0].copy()
        scores = rows[:, 4:]
        if not (scores.min() >= -0.01 and scores.max() <= 1.01):
            raise BlobMismatch(
                f"Yolox: the scores in output '{self._output_name}' reach from {scores.min():.3g} "
                f'to {scores.max():.3g}, expected 0 to 1; export the model with its sigmoids')
        as_raw = np.abs(rows[:, :2] - 0.5)
        as_decoded = np.abs(rows[:, :2] / self._stride[:, None] - self._cells - 0.5)
        return bool(np.median(as_decoded) < np.median(as_raw))


class YoloxLegacy(Yolox):
    """The weights of YOLOX before release 0.2: RGB, 0 to 1, ImageNet mean and deviation."""

    family = 'yolox_legacy'

    def _rules(self) -> InputRules:
        return InputRules(YOLOX_LEGACY, 'corner')


def _other_family(shape: tuple[int, ...], rows: tuple[int, ...]) -> str:
    """Say which family the shape looks like."""
    if len(shape) == 3 and shape[2] in rows and shape[1] >= 5:
        return '; classes before boxes is the layout of family yolov8'
    return '; it is a model of another family or task, or exported for another size'
