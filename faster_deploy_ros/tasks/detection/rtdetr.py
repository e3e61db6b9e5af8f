# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""RT-DETR, RT-DETRv2, D-FINE, DEIM: boxes of queries, finished or as fractions of the image."""

from faster_deploy_ros.blobs import BlobsBuffer, BlobSpec
from faster_deploy_ros.errors import BlobMismatch, InferFailed
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks.boxes import corners
from faster_deploy_ros.tasks.detection.detector import Candidates
from faster_deploy_ros.tasks.detection.queries import find_outputs
from faster_deploy_ros.tasks.detection.sparse import NOT_SCORES, SparseDetector
from faster_deploy_ros.tasks.image_input import InputRules
from faster_deploy_ros.tasks.letterbox import Letterbox, STRETCH
from faster_deploy_ros.tasks.pixels import ULTRALYTICS
import numpy as np
from numpy.typing import NDArray

_SIZES = ('int64', 'int32', 'float32')   # dtypes of orig_target_sizes after the converters
_WIDEST = 2.0   # a fraction of the image that no box reaches; sigmoids end at 1


class RtDetr(SparseDetector):
    """
    Detection transformers with a plain resize and no suppression, in three forms.

    *Finished*: ``labels``, ``boxes`` (corners) and ``scores``, chosen inside the model, scaled to
    the second input ``orig_target_sizes`` = (width, height): the deploy scripts of RT-DETR,
    RT-DETRv2, D-FINE, DEIM and DEIMv2. Outputs may lack the batch axis (some quantisers drop it).
    *Logits*: ``logits`` (or ``pred_logits``) and ``pred_boxes`` as centre and size in fractions
    of the image: ``transformers``, ``optimum``, and RF-DETR (``labels``, ``dets``). Scores are
    sigmoids: the first DETR, with a softmax over a class of nothing, is not of this family.
    *Joined*: one ``[1, n, 4 + classes]`` of such boxes and finished scores: ultralytics' RT-DETR.

    RGB from 0 to 1; models with a DINOv3 backbone (DEIMv2 S to X) and RF-DETR want ImageNet's mean
    and std besides: their card says so. Each class of a query over the threshold is a box, as in
    the projects' own post-processing, so an object may come under several classes; with
    ``class_agnostic`` only the best of them stays.
    """

    family = 'rtdetr'

    @property
    def summary(self) -> str:
        """One line for a log, with the form of the outputs."""
        return f'{super().summary}, {self._queries}'

    def _rules(self) -> InputRules:
        # The sizes that a backbone can take are its own affair (of 14, 16, 32); exports fix them.
        return InputRules(ULTRALYTICS, STRETCH, multiple=1)

    def _image_spec(self) -> BlobSpec:
        inputs = [spec for spec in self.core.specs.values() if spec.is_input]
        images = [spec for spec in inputs if len(spec.shape) == 4]
        sizes = [spec for spec in inputs if spec not in images]
        if len(images) == 1 and (not sizes or (len(sizes) == 1 and _is_size(sizes[0]))):
            self._sizes = sizes[0] if sizes else None
            return images[0]
        raise BlobMismatch(
            f"RtDetr: got {'; '.join(map(str, inputs)) or 'no inputs'}, expected an image and, "
            'for finished boxes, orig_target_sizes int64 [1, 2]; export the model with its '
            "project's own script")

    def _read_outputs(self) -> int | None:
        self._queries = find_outputs(
            [spec for spec in self.core.specs.values() if not spec.is_input])
        return self._queries.class_count

    def preprocess(self, frame: Frame, blobs: BlobsBuffer) -> Letterbox:
        """Write the frame, and the size that the model scales its boxes to: the input's own."""
        geometry = super().preprocess(frame, blobs)
        if self._sizes is not None:
            # The frame's size would be right for a plain resize only, and rounded: our own way
            # back is exact for any placement, and swapped sides do no harm in a square input.
            blob = blobs[self._sizes.name]
            blob.reshape((1, 2)[-len(self._sizes.shape):])
            blob.data[...] = self.input_size
        return geometry

    def _candidates(self, blobs: BlobsBuffer) -> Candidates:
        queries = self._queries
        if queries.labels is not None:
            return self._finished(blobs, queries.labels.name)
        if queries.is_joined:
            rows = self._numbers(blobs, queries.boxes.name, 2)
            return self._by_class(rows[:, :4], rows[:, 4:])
        return self._by_class(
            self._numbers(blobs, queries.boxes.name, 2),
            self._numbers(blobs, queries.scores.name, 2))

    def _finished(self, blobs: BlobsBuffer, labels_name: str) -> Candidates:
        """Read labels, boxes and scores, n each."""
        queries = self._queries
        labels = self._numbers(blobs, labels_name, 1)
        boxes = self._numbers(blobs, queries.boxes.name, 2)
        score = self._numbers(blobs, queries.scores.name, 1)
        if boxes.shape != (labels.size, 4) or score.size != labels.size:
            raise self._other_shape(
                queries.boxes.name, boxes.shape,
                f'({labels.size}, 4) as there are {labels.size} labels and {score.size} scores')
        if score.size:
            self._expect_scores(score.max(), NOT_SCORES, score.min())
        sure = np.flatnonzero(score >= np.float32(self.options.confidence_threshold))
        return Candidates(
            boxes.take(sure, axis=0), score.take(sure), self._classes(labels.take(sure)))

    def _by_class(
            self, boxes: NDArray[np.float32], values: NDArray[np.float32]) -> Candidates:
        """
        Take every class of every query that is over the threshold.

        :param boxes: ``(n, 4)`` centres and sizes, as fractions of the input.
        :param values: ``(n, classes)`` scores or logits.
        """
        if boxes.shape != (values.shape[0], 4) or not values.shape[1]:
            raise self._other_shape(
                self._queries.boxes.name, boxes.shape, f'({values.shape[0]}, 4) and classes')
        if not values.size:
            return Candidates(boxes, values[:, 0], np.empty(0, np.intp))
        threshold = self.options.confidence_threshold
        if self._queries.are_logits:
            self._expect_logits(values)
            threshold = _logit(threshold)
        else:
            self._expect_scores(values.max(), NOT_SCORES, values.min())
        hits = np.flatnonzero(values >= np.float32(threshold))
        limit = self._most
        if hits.size > limit and self._wanted is None:   # what follows is for the best alone
            near = values.reshape(-1).take(hits)
            hits = hits[near >= np.partition(near, -limit)[-limit]]
        query, class_id = np.divmod(hits, values.shape[1])
        score = values[query, class_id]
        if self._queries.are_logits:
            score = np.exp(-np.logaddexp(np.float32(0), -score))   # a sigmoid without overflow
        fractions = boxes.take(query, axis=0)
        if fractions.size and np.abs(fractions).max() > _WIDEST:
            raise InferFailed(
                f'{self.family}: a box is at {np.abs(fractions).max():.4g}, expected fractions '
                'of the image, 0 to 1; the model says its boxes in pixels, or is of another '
                'family')
        size = np.array(self.input_size * 2, np.float32)
        return Candidates(corners(fractions) * size, score, self._known(class_id))

    def _known(self, class_id: NDArray[np.intp]) -> NDArray[np.intp]:
        """Check the classes where the shape has not told how many there are."""
        return class_id if self._queries.class_count else self._classes(class_id)

    def _expect_logits(self, values: NDArray[np.float32]) -> None:
        """
        Refuse scores: read as logits, all would be above one half.

        :raises InferFailed: nothing is below 0, which logits of absent classes always are.
        """
        if values.min() >= 0:
            raise InferFailed(
                f"{self.family}: output '{self._queries.scores.name}' has nothing below 0, "
                'expected logits; the sigmoid is done already: name that output scores')


def _is_size(spec: BlobSpec) -> bool:
    return (spec.dtype.name in _SIZES and len(spec.shape) in (1, 2)
            and spec.shape[-1] in (2, -1) and spec.shape[:-1] in ((), (1,), (-1,)))


def _logit(score: float) -> float:
    """Return what a sigmoid makes the score of; infinite at 0 and 1."""
    with np.errstate(divide='ignore'):
        return float(np.log(score) - np.log1p(-score))
