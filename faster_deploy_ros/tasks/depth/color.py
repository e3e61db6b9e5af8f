# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth maps as pictures for people: near is warm, far is cold, unknown is black."""

from functools import lru_cache
from typing import NamedTuple

import cv2
from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.tasks.results import DepthMap, METRIC
import numpy as np
from numpy.typing import NDArray

# 255 is the nearest; in each map that is its warm, or its bright, end.
COLORMAPS = {'turbo': cv2.COLORMAP_TURBO, 'inferno': cv2.COLORMAP_INFERNO}
_SAMPLE = 4             # every so many pixels are looked at for the scale
_OUTLIERS = (2, 98)     # percent; a few wild pixels must not take all the colours
_LEGEND_SIDE = 120      # on a picture with a shorter side nobody could read the legend


class Scale(NamedTuple):
    """The numbers of a depth map that get the warmest and the coldest colour."""

    near: float
    far: float


class DepthColors:
    """
    Paint depth maps.

    :param colormap: a key of COLORMAPS.
    :param farthest_m: where the scale of metric depth ends that begins at 0, so that a colour
        means the same on every picture; 0, or not metric: from each picture.
    :param legend: draw the scale with its numbers into the picture, where there is room.
    :raises BadValue: another colormap, or a negative distance.
    """

    def __init__(self, colormap: str = 'turbo', farthest_m: float = 0.0, *,
                 legend: bool = True) -> None:
        """Check what is asked for."""
        if colormap not in COLORMAPS:
            raise BadValue(
                f"colormap: got '{colormap}', expected one of {', '.join(COLORMAPS)}")
        if not 0 <= farthest_m < np.inf:
            raise BadValue(f'farthest_m: got {farthest_m}, expected metres, 0 or more')
        self._colors = COLORMAPS[colormap]
        self._farthest_m = farthest_m
        self._legend = legend

    def __call__(self, depth_map: DepthMap) -> NDArray[np.uint8]:
        """
        Paint one map.

        :returns: ``(h, w, 3)`` uint8 BGR.

        Thread: any
        """
        depth = depth_map.depth
        scale = self.scale(depth_map)
        warmth = np.subtract(depth, np.float32(scale.far))
        warmth *= np.float32(255 / (scale.near - scale.far))
        np.clip(warmth, 0, 255, out=warmth)
        unknown = np.isnan(warmth)
        levels = np.where(unknown, np.float32(0), warmth).astype(np.uint8)
        picture: NDArray[np.uint8] = cv2.applyColorMap(levels, self._colors)
        picture[unknown] = 0
        if self._legend and min(depth.shape) >= _LEGEND_SIDE:
            self._draw_legend(picture, scale, ' m' if depth_map.kind == METRIC else '')
        return picture

    def scale(self, depth_map: DepthMap) -> Scale:
        """Return the ends of the scale for one map."""
        if depth_map.kind == METRIC and self._farthest_m:
            return Scale(0.0, self._farthest_m)
        sample = depth_map.depth[::_SAMPLE, ::_SAMPLE]
        known = sample[~np.isnan(sample)]
        if not known.size:
            return Scale(0.0, 1.0)
        low, high = (float(end) for end in np.percentile(known, _OUTLIERS))
        if high - low <= 1e-6 * abs(high):   # a flat map: any scale around it
            half = max(abs(high), 1e-3) / 2
            low, high = low - half, high + half
        return Scale(low, high) if depth_map.kind == METRIC else Scale(high, low)

    def _draw_legend(self, picture: NDArray[np.uint8], scale: Scale, unit: str) -> None:
        height, width = picture.shape[:2]
        bar = max(width // 60, 4)
        top, bottom = height // 10, height - height // 10
        right = width - bar
        picture[top:bottom, right - bar:right] = _strip(self._colors, bottom - top)
        size = height / 900
        for value, y in ((scale.near, top), (scale.far, bottom)):
            text = f'{value:.3g}{unit}'
            (across, down), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
            place = (right - 2 * bar - across, y + down // 2)
            for color, thick in ((0, 3), (255, 1)):   # readable on any colour
                cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, (color,) * 3,
                            thick, cv2.LINE_AA)


@lru_cache(maxsize=8)
def _strip(colors: int, length: int) -> NDArray[np.uint8]:
    """Return ``(length, 1, 3)``, warm above."""
    levels = np.linspace(255, 0, length).astype(np.uint8)[:, None]
    strip: NDArray[np.uint8] = cv2.applyColorMap(levels, colors)
    strip.flags.writeable = False
    return strip
