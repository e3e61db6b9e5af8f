# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth Anything v1 and v2: inverse depth, or metres where the weights were tuned for them."""

from pathlib import PurePath

from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tasks.depth.depth_model import DepthModel
from faster_deploy_ros.tasks.depth.meaning import Meaning
from faster_deploy_ros.tasks.depth.units import unit_said
from faster_deploy_ros.tasks.image_input import InputRules
from faster_deploy_ros.tasks.letterbox import STRETCH
from faster_deploy_ros.tasks.pixels import IMAGENET
from faster_deploy_ros.tasks.results import METRIC, RELATIVE


class DepthAnything(DepthModel):
    """
    Small, base and large: ``[1, h, w]``, patches of 14 pixels, 518x518 where the size is open.

    The relative weights say inverse depth, larger is nearer; the metric ones (indoor to 20 m,
    outdoor to 80 m) have the same tensors and say metres, larger is farther. The model's card or
    its metadata tells them apart.
    """

    family = 'depth_anything'

    def _rules(self) -> InputRules:
        return InputRules(IMAGENET, STRETCH, multiple=14, size=(518, 518))

    def _own_meaning(self) -> Meaning:
        self._expect_kind(RELATIVE, METRIC)
        card = self.card.output
        unit, said_by = unit_said('DepthAnything', card, self.core.metadata)
        if card.kind == RELATIVE:
            return Meaning(RELATIVE, gain=self._gain, said_by='model card')
        if card.kind != METRIC and not unit:
            self._expect_no_hint_at_metres()
            return Meaning(RELATIVE, gain=self._gain)
        if unit not in ('', 'm'):
            raise BlobMismatch(
                f'DepthAnything: the {said_by} says unit {unit}, expected m, which is what its '
                'metric weights say; the family metric_depth takes any unit')
        return Meaning(METRIC, gain=self._gain, unit='m', said_by=said_by or 'model card')

    def _expect_no_hint_at_metres(self) -> None:
        """
        Refuse to read metres as their inverse where the file's name warns of it.

        :raises BlobMismatch: the name says metric, and nobody says the kind.
        """
        name = PurePath(self.core.uri.path).name
        if 'metric' in name.lower():
            raise BlobMismatch(
                f"DepthAnything: the name '{name}' hints at metric weights, and nobody says the "
                'kind; set card.output.kind to metric or relative, or output: {kind: ...} in '
                'the model card')
