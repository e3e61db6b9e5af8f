# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is hard to believe of a metric depth map although nobody knows the truth."""

from faster_deploy_ros.tasks.results import DepthMap, METRIC
import numpy as np

# What lies in the middle of a robot's picture. A wrong unit moves it by ten at least, so that of
# the wrong units the worse ones are seen; an aircraft has a reason to be outside.
NEAREST_M, FARTHEST_M = 0.2, 100.0
NOTHING = (
    'not one pixel of the depth map is known: all are out of min_depth_m and max_depth_m, or '
    'depth_scale and depth_shift are not those of this camera')
_STEP = 16   # every so many pixels of rows and columns are looked at


def doubt(result: DepthMap, unit: str) -> str:
    """
    Say why a map is hard to believe; ``''`` where it is not, or where it has no metres.

    No error: only the truth could tell for sure, which ``faster-deploy evaluate`` asks.

    :param unit: in which the model's numbers were read; ``''`` where they are inverse depth.
    """
    if result.kind != METRIC:
        return ''
    seen = result.depth[::_STEP, ::_STEP]
    seen = seen[np.isfinite(seen)]
    if not seen.size:
        return '' if np.isfinite(result.depth).any() else NOTHING
    median = float(np.median(seen))
    if NEAREST_M <= median <= FARTHEST_M:
        return ''
    remedy = (
        f'is its unit {unit} (card.output.unit)' if unit
        else 'are scale and shift those of this camera')
    return (
        f'the depth in the middle of all pixels is {median:.3g} m, which few cameras see '
        f'(expected {NEAREST_M:g} to {FARTHEST_M:g} m): {remedy}?')
