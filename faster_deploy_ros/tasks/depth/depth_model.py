# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What all families of monocular depth share: an image in, one map out, back to its pixels."""

from abc import abstractmethod
from typing import Any

from faster_deploy_ros.blobs import BlobsBuffer, BlobSpec
from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.errors import BlobMismatch, InferFailed, Unsupported
from faster_deploy_ros.tasks.card import ModelCard
from faster_deploy_ros.tasks.depth.meaning import Meaning
from faster_deploy_ros.tasks.depth.options import DepthOptions
from faster_deploy_ros.tasks.depth.plane import expect_plane, plane_of
from faster_deploy_ros.tasks.depth.resample import to_image
from faster_deploy_ros.tasks.image_input import expect_floats
from faster_deploy_ros.tasks.image_model import ImageModel
from faster_deploy_ros.tasks.letterbox import Letterbox
from faster_deploy_ros.tasks.results import DepthMap, METRIC
import numpy as np
from numpy.typing import NDArray

TASK = 'depth'    # what the metadata of a depth model says
_LARGEST = 1e30   # no model means more; float32 ends at 3e38


class DepthModel(ImageModel[DepthMap]):
    """
    Base of the families that say how far away each pixel is.

    :param core: a loaded core.
    :param options: the size of the map, a calibration, limits.
    :param card: what the model's card says, where it has one.
    :raises BlobMismatch: the core's tensors, or what its card says, are not those of this family.
    :raises BadValue: an option that this kind of depth cannot follow.
    :raises Unsupported: the model's metadata says another task.
    """

    options_type = DepthOptions

    def __init__(
            self, core: InferCore, options: DepthOptions | None = None,
            card: ModelCard | None = None) -> None:
        """Check the core's tensors and decide everything that does not depend on a frame."""
        who = type(self).__name__
        task = core.metadata.get('task', TASK)
        if task != TASK:
            raise Unsupported(
                f"{who}: the model's metadata says task '{task}', expected '{TASK}'; correct the "
                'family')
        super().__init__(core, card)
        self.options = options or DepthOptions()
        self._output = self._output_spec()
        expect_floats(who, self._output)
        expect_plane(who, self._output, self.input.size)
        self._own = self._own_meaning()
        self.meaning = self._own.with_options(self.options)

    @abstractmethod
    def _own_meaning(self) -> Meaning:
        """
        Return what the model's numbers mean, the user's options left aside.

        :raises BlobMismatch: the card says what this family cannot mean, or not what it must.
        """

    def _output_spec(self) -> BlobSpec:
        """Return the output that is the map."""
        return self._one(is_input=False)

    def _expect_values(self, low: float, high: float) -> None:
        """
        Check the extremes of the numbers as the model says them; they are finite.

        :raises InferFailed: no model of this family says them.
        """
        if self._own.kind == METRIC and high <= 0:
            raise InferFailed(
                f"{self.family}: output '{self._output.name}' goes from {low:.3g} to {high:.3g}, "
                'expected depths above 0; the model fails on this device: try a higher precision '
                'or another runtime; or it is of another family')

    def _expect_kind(self, *kinds: str) -> None:
        """
        Check that the card says what the family can mean.

        :param kinds: those of the family.
        :raises BlobMismatch: it says another kind, or the unit of one that has none.
        """
        output, who = self.card.output, type(self).__name__
        if output.kind is not None and output.kind not in kinds:
            raise BlobMismatch(
                f"{who}: the model card says kind {output.kind}, expected {' or '.join(kinds)}; "
                'correct it (card.output.kind), or the family')
        if output.unit is not None and (METRIC not in kinds or output.kind not in (None, METRIC)):
            raise BlobMismatch(
                f'{who}: the model card says unit {output.unit} for {output.kind or kinds[0]} '
                'depth, which has none; take it out, or correct the family')

    @property
    def _gain(self) -> float:
        """What the card multiplies the model's numbers by before anything else."""
        return self.card.output.scale or 1.0

    @property
    def kind(self) -> str:
        """Of the maps it gives: ``'metric'``, ``'relative'`` or ``'disparity'``."""
        return self.meaning.kind

    @property
    def unit(self) -> str:
        """Of the model's own numbers where they are metric, ``'m'`` to ``'mm'``; else ``''``."""
        return self._own.unit

    @property
    def summary(self) -> str:
        """One line for a log: what the model sees and says, and how that was decided."""
        return f'{self.family}: {self.input.summary}, {self._own.words(self.options)}'

    @property
    def page(self) -> dict[str, Any]:
        """What a model card would say of this model, by the card's keys."""
        output: dict[str, Any] = {'kind': self._own.kind}
        if self.unit:
            output['unit'] = self.unit
        if self.card.output.scale is not None:
            output['scale'] = self.card.output.scale
        return {'family': self.family, 'input': self.input.page, 'output': output}

    def postprocess(self, blobs: BlobsBuffer, geometry: Letterbox) -> DepthMap:
        """
        Read the output blob; the map has the image's size, or ``options.output_size``.

        :raises InferFailed: the output holds NaN or infinity, or numbers that no depth can be.
        :raises BlobMismatch: an output of open shape came in a shape that is no map.
        """
        values = self.meaning.read(self._read(blobs))
        depth = to_image(values, geometry, self.options.output_size or geometry.source_size)
        depth = self.meaning.finish(depth, values)
        depth.flags.writeable = False   # it is the map's now, which need not copy it
        return DepthMap(depth, self.kind)

    def _read(self, blobs: BlobsBuffer) -> NDArray[np.float32]:
        """
        Return the ``(h, w)`` map of a seat, which is finite.

        :raises InferFailed: it is not.
        :raises BlobMismatch: it is no map.
        """
        name = self._output.name
        plane = plane_of(self.family, name, blobs[name].data, self.input.size)
        low, high = float(plane.min()), float(plane.max())   # NaN where anything is
        if not (low > -_LARGEST and high < _LARGEST):
            raise InferFailed(
                f"{self.family}: output '{name}' holds NaN, infinity or more than {_LARGEST:g}; "
                'the model overflows on this device: try a higher precision, or another runtime')
        self._expect_values(low, high)
        return plane
