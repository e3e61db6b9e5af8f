# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What every model does with a frame: lease a seat, write, infer, read."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

from faster_deploy_ros.blobs import BlobsBuffer, BlobSpec
from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch

R = TypeVar('R')


class Model(ABC, Generic[R]):
    """
    One family's meaning of a core's tensors; any number of threads may call it at once.

    A family checks the core's specs once, in its constructor, and keeps what it needs in
    attributes that never change: all that belongs to one frame lies in its seat or its geometry.

    :param core: a loaded core.
    :cvar options_type: of what its constructor takes second; each task has its own.
    """

    options_type: ClassVar[type[Any]] = object

    chosen = ''   # of which family it is and why, where the caller had not said it

    def __init__(self, core: InferCore) -> None:
        """Keep the core; families check its specs after that."""
        self.core = core

    @property
    @abstractmethod
    def summary(self) -> str:
        """One line for a log: what the model sees and says, and how that was decided."""

    @property
    def introduction(self) -> str:
        """The summary, and who says of which family the model is."""
        return f'{self.summary}; {self.chosen}' if self.chosen else self.summary

    @property
    def page(self) -> dict[str, Any]:
        """What a model card would say of this model, by the card's keys."""
        return {}

    @abstractmethod
    def preprocess(self, frame: Frame, blobs: BlobsBuffer) -> Any:
        """Write the frame into the input blobs and return the geometry that undoes it."""

    @abstractmethod
    def postprocess(self, blobs: BlobsBuffer, geometry: Any) -> R:
        """
        Read the output blobs; the result holds no memory of theirs.

        :raises BlobMismatch: the outputs are not what this family's outputs can be.
        """

    def __call__(self, frame: Frame, laps: Stopwatch) -> R:
        """
        Carry one frame from pixels to result: laps lease, preprocess, infer, postprocess.

        :raises FasterDeployError: this frame failed; the model and its seat are usable.
        """
        with self.core.lease() as blobs:
            laps.lap('lease')
            geometry = self.preprocess(frame, blobs)
            laps.lap('preprocess')
            self.core.sync_infer(blobs)
            laps.lap('infer')
            result = self.postprocess(blobs, geometry)
            laps.lap('postprocess')
        return result

    def _one(self, is_input: bool) -> BlobSpec:
        """
        Return the model's only input or output.

        :raises BlobMismatch: it has another number of them.
        """
        found = [spec for spec in self.core.specs.values() if spec.is_input is is_input]
        if len(found) != 1:
            kind = 'input' if is_input else 'output'
            raise BlobMismatch(
                f'{type(self).__name__}: the model has {len(found)} {kind}s '
                f"({'; '.join(map(str, found)) or 'none'}), expected 1 {kind}; "
                'it is of another family or task, set the parameter family')
        return found[0]
