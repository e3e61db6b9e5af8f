# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""MiDaS and DPT: inverse depth up to a scale and a shift."""

from faster_deploy_ros.tasks.depth.depth_model import DepthModel
from faster_deploy_ros.tasks.depth.meaning import Meaning
from faster_deploy_ros.tasks.image_input import InputRules
from faster_deploy_ros.tasks.letterbox import STRETCH
from faster_deploy_ros.tasks.pixels import IMAGENET
from faster_deploy_ros.tasks.results import RELATIVE


class Midas(DepthModel):
    """
    MiDaS v2.1 (256 small, 384 large), v3 and v3.1: ``[1, h, w]``, larger is nearer.

    Exports of the plain network, as torch.hub gives it, see RGB less mean by deviation. The ONNX
    files of MiDaS's own release v2.1 have that inside (its ``tf/make_onnx_model.py``): their card
    says mean 0 and std 1.
    """

    family = 'midas'

    def _rules(self) -> InputRules:
        return InputRules(IMAGENET, STRETCH)

    def _own_meaning(self) -> Meaning:
        self._expect_kind(RELATIVE)
        return Meaning(RELATIVE, gain=self._gain)
