# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What all box detectors share: an image in, labels, filters, and the way back to the image."""

from abc import abstractmethod
from typing import Any, NamedTuple

from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.errors import InferFailed, Unsupported
from faster_deploy_ros.tasks.card import ModelCard
from faster_deploy_ros.tasks.detection.options import DetectionOptions
from faster_deploy_ros.tasks.image_model import ImageModel
from faster_deploy_ros.tasks.labels import COCO, find_classes, labels_from_metadata, resolve_labels
from faster_deploy_ros.tasks.letterbox import Letterbox
from faster_deploy_ros.tasks.results import Detections
import numpy as np
from numpy.typing import NDArray


class Candidates(NamedTuple):
    """
    Boxes over the threshold, in pixels of the model's input.

    :param xyxy: ``(n, 4)`` float32.
    :param score: ``(n,)`` float32.
    :param class_id: ``(n,)`` integers.
    """

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    class_id: NDArray[np.integer[Any]]


class Detector(ImageModel[Detections]):
    """
    Base of the families that find boxes.

    :param core: a loaded core.
    :param options: thresholds, filters, labels.
    :param card: what the model's card says, where it has one.
    :raises BlobMismatch: the core's tensors are not those of this family.
    :raises Unsupported: the model's metadata says another task than detection.
    :raises UnknownName: ``options.classes`` names a class that the model has not.
    """

    options_type = DetectionOptions

    def __init__(
            self, core: InferCore, options: DetectionOptions | None = None,
            card: ModelCard | None = None) -> None:
        """Check the core's tensors and decide everything that does not depend on a frame."""
        task = core.metadata.get('task', 'detect')
        if task != 'detect':
            raise Unsupported(
                f"{type(self).__name__}: the model's metadata says task '{task}', expected "
                "'detect'; export a detection model")
        super().__init__(core, card)
        self.options = options or DetectionOptions()
        count = self._read_outputs()
        self.labels = resolve_labels(count, {
            'the parameter labels': self.options.labels,
            "the model's metadata": labels_from_metadata(core.metadata),
            'the model card': self.card.labels})
        # Boxes that come with their classes do not tell how many classes there are.
        self._assumes_coco = not self.labels
        if self._assumes_coco:
            self.labels = COCO
        wanted = find_classes(self.options.classes, self.labels)
        self._wanted: NDArray[np.bool_] | None = None
        if wanted:
            self._wanted = np.isin(np.arange(len(self.labels)), list(wanted))

    @abstractmethod
    def _read_outputs(self) -> int | None:
        """
        Check the outputs' shapes; return the number of classes, None where they do not tell.

        :raises BlobMismatch: they are not those of this family.
        """

    @property
    def summary(self) -> str:
        """One line for a log: what the model sees and says."""
        labels = ', '.join(self.labels[:3])
        more = ', ...' if len(self.labels) > 3 else ''
        why = ", taken to be COCO's as nothing names them" if self._assumes_coco else ''
        return (f'{self.family}: {self.input.summary}, {len(self.labels)} classes '
                f'({labels}{more}){why}')

    @property
    def page(self) -> dict[str, Any]:
        """What a model card would say of this model, by the card's keys."""
        return {'family': self.family, 'labels': list(self.labels), 'input': self.input.page}

    def _of_wanted_classes(self, found: Candidates) -> Candidates:
        """Leave out what the user has not asked for."""
        if self._wanted is None:
            return found
        return take(found, np.flatnonzero(self._wanted[found.class_id]))

    def _expect_scores(
            self, highest: np.floating[Any] | float, remedy: str,
            lowest: np.floating[Any] | float = 0.0) -> None:
        """
        Check the extreme scores.

        :raises InferFailed: no detector has them.
        """
        # a rounded sigmoid may pass 1 by a hair
        wrong = highest if highest > 1.01 else lowest if lowest < -0.01 else None
        if wrong is not None:
            raise InferFailed(
                f'{self.family}: a score is {wrong:.3g}, expected 0 to 1; {remedy}')

    def _overflowed(self, output: str) -> InferFailed:
        """Return the error of an output with NaN or infinity in it."""
        return InferFailed(
            f"{self.family}: output '{output}' holds NaN or infinity; the model overflows on "
            'this device: try a higher precision, or another runtime')

    def _in_image(self, found: Candidates, geometry: Letterbox) -> Detections:
        """Carry boxes in input pixels, best first, to the image, cut at its edges."""
        xyxy = geometry.to_image(found.xyxy).astype(np.float32)
        seen = (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)   # the others lie in the padding
        return Detections(
            xyxy[seen], np.minimum(found.score[seen], np.float32(1)),
            found.class_id[seen].astype(np.int32))


def take(found: Candidates, indices: NDArray[np.intp]) -> Candidates:
    """Return some of the candidates, in the order of the indices."""
    return Candidates(
        found.xyxy.take(indices, axis=0), found.score.take(indices), found.class_id.take(indices))
