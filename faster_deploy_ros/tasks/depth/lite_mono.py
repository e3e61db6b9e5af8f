# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Lite-Mono, Monodepth2 and their like: a sigmoid that stands for inverse depth."""

import math

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.errors import BlobMismatch, InferFailed
from faster_deploy_ros.tasks.depth.depth_model import DepthModel
from faster_deploy_ros.tasks.depth.meaning import Meaning
from faster_deploy_ros.tasks.depth.plane import is_plane
from faster_deploy_ros.tasks.image_input import InputRules
from faster_deploy_ros.tasks.letterbox import STRETCH
from faster_deploy_ros.tasks.pixels import ULTRALYTICS as RGB_TO_ONE
from faster_deploy_ros.tasks.results import DISPARITY

NEAREST, FARTHEST = 0.1, 100.0   # of the nets' own unit of length, which is unknown
_ROUNDING = 0.01                 # a sigmoid of half precision may leave 0 to 1 by a hair


class LiteMono(DepthModel):
    """
    Self-supervised nets: ``[1, 1, h, w]``, 0 to 1, larger is nearer; often several scales of it.

    ``1 / FARTHEST + (1 / NEAREST - 1 / FARTHEST) * value`` is inverse depth up to the scale that
    one camera cannot know (Monodepth2, Godard et al. 2019, appendix). The nets take off their
    mean and deviation themselves.
    """

    family = 'lite_mono'

    def _rules(self) -> InputRules:
        return InputRules(RGB_TO_ONE, STRETCH)

    def _own_meaning(self) -> Meaning:
        self._expect_kind(DISPARITY)
        return Meaning(
            DISPARITY, gain=(1 / NEAREST - 1 / FARTHEST) * self._gain, offset=1 / FARTHEST)

    def _output_spec(self) -> BlobSpec:
        """Return the finest of the maps."""
        maps = [spec for spec in self.core.specs.values() if not spec.is_input and is_plane(spec)]
        if len(maps) < 2:
            return self._one(is_input=False) if not maps else maps[0]
        sizes = [math.prod(spec.shape) if -1 not in spec.shape else 0 for spec in maps]
        if min(sizes) == 0 or sizes.count(max(sizes)) > 1:
            raise BlobMismatch(
                f"LiteMono: cannot tell the finest of {', '.join(map(str, maps))}; export the "
                'model with scale 0 alone, or with fixed sizes')
        return maps[sizes.index(max(sizes))]

    def _expect_values(self, low: float, high: float) -> None:
        low, high = low * self._gain, high * self._gain
        if low < -_ROUNDING or high > 1 + _ROUNDING:
            raise InferFailed(
                f"lite_mono: output '{self._output.name}' goes from {low:.3g} to {high:.3g}, "
                "expected a sigmoid's 0 to 1; the model was exported with its conversion to "
                'depth, without its sigmoid, or is of another family')
