# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Nets that say how far away each pixel is, in a unit that somebody has to tell."""

from faster_deploy_ros.errors import BlobMismatch, InferFailed
from faster_deploy_ros.tasks.card import UNITS
from faster_deploy_ros.tasks.depth.depth_model import DepthModel
from faster_deploy_ros.tasks.depth.meaning import Meaning
from faster_deploy_ros.tasks.depth.units import METRES, unit_said
from faster_deploy_ros.tasks.image_input import InputRules
from faster_deploy_ros.tasks.letterbox import STRETCH
from faster_deploy_ros.tasks.pixels import PixelFormat
from faster_deploy_ros.tasks.results import METRIC

RGB_TO_ONE = PixelFormat(color='rgb', scale=1.0)


class MetricDepth(DepthModel):
    """
    One map of depths along the optical axis, larger is farther, 0 or below where unknown.

    No unit is assumed: of two nets of one paper, one says decimetres and the other centimetres.
    """

    family = 'metric_depth'

    def _rules(self) -> InputRules:
        return InputRules(RGB_TO_ONE, STRETCH, multiple=1)

    def _own_meaning(self) -> Meaning:
        self._expect_kind(METRIC)
        output = self.card.output
        unit, said_by = unit_said(type(self).__name__, output, self.core.metadata)
        if not unit:
            raise BlobMismatch(
                f'MetricDepth: nobody says the unit of {self._output}, expected one of '
                f"{', '.join(UNITS)}; set the parameter card.output.unit, or "
                'output: {unit: ...} in the model card')
        return Meaning(
            METRIC, gain=METRES[unit] * (output.scale or 1.0), unit=unit, said_by=said_by)

    def _expect_values(self, low: float, high: float) -> None:
        if high <= 0:
            raise InferFailed(
                f"{self.family}: output '{self._output.name}' goes from {low:.3g} to {high:.3g}, "
                'expected depths above 0; the model fails on this device: try a higher precision '
                'or another runtime; or it is of another family')
