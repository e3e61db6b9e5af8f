# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is probably wrong in how a depth model's numbers are read: their unit, their direction."""

from collections.abc import Sequence
import math

from faster_deploy_ros.tasks.depth.units import METRES
from faster_deploy_ros.tasks.results import METRIC
from faster_deploy_ros.tools.evaluate.alignment import Alignment
from faster_deploy_ros.tools.evaluate.depth_figures import Evaluated
import numpy as np

# How far a factor may be from a unit's, as a factor: a weak model is off by half, and the units
# are ten apart. Feet lie close to the middle between two of them.
NEAR_UNIT, NEAR_FOOT = 1.6, 1.07
SURE = 0.6               # share within 1.25 once scaled, from which a factor is exact enough
FOOT_M = 0.3048
SCALE_OFF = 2.0          # beyond that no honest model errs as a whole
INVERSE, UNRELATED = -0.4, 0.2   # rank correlations below


def diagnose(found: Evaluated, unit: str) -> tuple[str, ...]:
    """
    Say what looks wrong; nothing where nothing does.

    :param unit: in which the model's numbers were read; ``''`` where it has none.
    """
    images = list(found.images.values())
    correlation = float(np.median([one.correlation for one in images]))
    if correlation < INVERSE:
        return (_inverse(found.kind, correlation),)
    if found.kind != METRIC:
        return ()
    if correlation < UNRELATED:
        return ((
            f'far and near do not follow the truth (rank correlation {correlation:.2f}): look at '
            'the colour, the size and the scaling of the input, and at which truth belongs to '
            'which image'),)
    sure = found.mean[Alignment.MEDIAN].delta_1 > SURE
    return _unit([one.ratio for one in images], unit or 'm', is_sure=sure)


def _inverse(kind: str, correlation: float) -> str:
    seen = f'near and far are exchanged (rank correlation {correlation:.2f}): '
    if kind == METRIC:
        return seen + (
            'the numbers look inverse, larger is nearer, and are read as depth; choose a family '
            'of inverse depth (midas, depth_anything: relative; lite_mono: disparity)')
    return seen + (
        f'the numbers look like depth, larger is farther, and are read as {kind}; choose '
        'the family metric_depth, and say its unit: output: {unit: ...} in the card')


def _unit(ratios: Sequence[float], said: str, *, is_sure: bool) -> tuple[str, ...]:
    ratio = float(np.median(ratios))
    if 1 / SCALE_OFF < ratio < SCALE_OFF:
        return ()
    metres = METRES[said] * ratio     # of one of the model's numbers
    seen = f'truth is {_times(ratio)} the prediction'
    for unit, size in METRES.items():
        if unit != said and _apart(metres, size) < NEAR_UNIT:
            return ((
                f'{seen}: the unit looks like {unit}, the card says {said}; write '
                f'output: {{unit: {unit}}} (or --set output.unit={unit}), unless it is the truth '
                'that is read wrong'),)
    if is_sure and _apart(metres, FOOT_M) < NEAR_FOOT:
        return ((
            f'{seen}: the unit looks like feet, the card says {said}; write '
            f'output: {{unit: m, scale: {FOOT_M}}}'),)
    return ((
        f'{seen}, which is no unit: the scale of the truth (--truth-scale, --truth-disparity), '
        'output.scale in the card, or a camera unlike that of the training'),)


def _apart(one: float, other: float) -> float:
    return math.exp(abs(math.log(one / other)))


def _times(ratio: float) -> str:
    return f'{ratio:.3g} times' if ratio >= 1 else f'1/{1 / ratio:.3g} of'
