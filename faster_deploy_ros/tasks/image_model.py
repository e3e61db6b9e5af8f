# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What all models of one image share, whatever they say about it: the picture's way in."""

from abc import abstractmethod
from typing import ClassVar

from faster_deploy_ros.blobs import BlobsBuffer, BlobSpec
from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks.base import Model, R
from faster_deploy_ros.tasks.card import ModelCard
from faster_deploy_ros.tasks.image_input import ImageInput, InputRules
from faster_deploy_ros.tasks.letterbox import Letterbox, Size
from faster_deploy_ros.tasks.pixels import PixelFormat


class ImageModel(Model[R]):
    """
    Base of the tasks that look at one image.

    :param core: a loaded core.
    :param card: what the model's card says, where it has one.
    :raises BlobMismatch: the core's input, or what its card says, is not that of this family.
    """

    family: ClassVar[str]

    def __init__(self, core: InferCore, card: ModelCard | None) -> None:
        """Check the input."""
        super().__init__(core)
        self.card = card or ModelCard()
        self.input = ImageInput(
            type(self).__name__, self._image_spec(), self._rules(), self.card.input,
            core.metadata)

    def _image_spec(self) -> BlobSpec:
        """Return the input that takes the image."""
        return self._one(is_input=True)

    @abstractmethod
    def _rules(self) -> InputRules:
        """Return what the model wants to see where its card says nothing else."""

    @property
    def input_size(self) -> Size:
        """``(width, height)`` of the model's input."""
        return self.input.size

    @property
    def pixels(self) -> PixelFormat:
        """What the model wants to see."""
        return self.input.pixels

    def preprocess(self, frame: Frame, blobs: BlobsBuffer) -> Letterbox:
        """Write the frame into the input blob and return where it lies there."""
        return self.input.write(frame, blobs)
