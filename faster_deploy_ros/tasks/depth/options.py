# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a user may choose about depth maps; the one place of the defaults."""

from dataclasses import dataclass

from faster_deploy_ros.tasks.letterbox import Size


@dataclass(frozen=True, slots=True)
class DepthOptions:
    """
    Settings of a depth model.

    :param output_size: ``(width, height)`` of the depth map; None: the image's own.
    :param scale: metric: what its metres are multiplied by, a calibration. Relative and disparity:
        ``1 / metres = scale * value + shift`` makes them metric; 0: they stay what they are.
    :param shift: see ``scale``; in 1 / m.
    :param min_depth_m: nearer than this is not known (NaN).
    :param max_depth_m: farther than this is not known (NaN); 0: no limit.
    :raises BadValue: a value out of range.
    """

    output_size: Size | None = None
    scale: float = 0.0
    shift: float = 0.0
    min_depth_m: float = 0.0
    max_depth_m: float = 0.0
