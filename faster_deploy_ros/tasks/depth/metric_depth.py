# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Nets that say how far away each pixel is, in a unit that somebody has to tell."""

from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tasks.card import UNITS
from faster_deploy_ros.tasks.depth.depth_model import DepthModel
from faster_deploy_ros.tasks.depth.meaning import Meaning
from faster_deploy_ros.tasks.depth.units import METRES, unit_said
from faster_deploy_ros.tasks.image_input import InputRules
from faster_deploy_ros.tasks.letterbox import STRETCH
from faster_deploy_ros.tasks.pixels import ULTRALYTICS as RGB_TO_ONE
from faster_deploy_ros.tasks.results import METRIC


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
        unit, said_by = unit_said(
            type(self).__name__, self.card.output, self.core.metadata)
        if not unit:
            raise BlobMismatch(
                f'MetricDepth: nobody says the unit of {self._output}, expected one of '
                f"{', '.join(UNITS)}; write output: {{unit: ...}} into the model card, or set "
                'the parameter card.output.unit (evaluate: --set output.unit=...)')
        return Meaning(METRIC, gain=METRES[unit] * self._gain, unit=unit, said_by=said_by)
