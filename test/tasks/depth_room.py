# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The golden room as outputs of models, and a way to ask a family about one."""

from pathlib import Path

from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import DepthOptions, ModelCard, open_model
from faster_deploy_ros.tasks.card import InputCard, OutputCard
from make_golden_depth import INPUT, LENGTH, SCALE, SHIFT, SOURCE
import numpy as np
from tensor_cores import core_saying

GOLDEN = np.load(Path(__file__).with_name('golden_depth.npz'))
UNITS = ('m', 'dm', 'cm', 'mm')
# Case: family, key of its output, what its card says of the output, what makes it metric.
METRIC_CASES = {
    f'metric {unit}': ('metric_depth', f'metric_{unit}', {'unit': unit}, {}) for unit in UNITS}
INVERSE_CASES = {
    'midas': ('midas', 'relative', {}, {'scale': SCALE, 'shift': SHIFT}),
    'depth anything': ('depth_anything', 'relative', {}, {'scale': SCALE, 'shift': SHIFT}),
    'lite mono': ('lite_mono', 'sigmoid', {}, {'scale': 1 / LENGTH}),
}
CASES = METRIC_CASES | INVERSE_CASES | {
    'metric depth anything': ('depth_anything', 'metric_m', {'kind': 'metric'}, {})}
PICTURE = Frame(0, '', np.zeros((SOURCE[1], SOURCE[0], 3), np.uint8))
PATCHES = 98, 70   # multiples of 14 for depth_anything, of nearly the same proportions


def ask(family, output, said=None, *, placement=None, metadata=None, frame=PICTURE,
        output_shape=None, **options):
    """Return the DepthMap of a model of that family whose output is that."""
    card = ModelCard(input=InputCard(letterbox=placement), output=OutputCard(**said or {}))
    size = PATCHES if family == 'depth_anything' else INPUT
    with core_saying(output, size, metadata, output_shape) as core:
        return open_model(family, core, DepthOptions(**options), card=card)(frame, Stopwatch())


def room(case, **options):
    """Return the DepthMap of a golden case, made metric where that needs a calibration."""
    family, key, said, calibration = CASES[case]
    return ask(family, GOLDEN[key][None, None], said, **calibration | options)
