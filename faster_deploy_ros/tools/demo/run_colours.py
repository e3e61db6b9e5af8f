# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth as colours: near is warm and far is dark, with a scale that says what is what."""

import cv2
from faster_deploy_ros.tasks.results import METRIC
from faster_deploy_ros.tools.demo.depth_maps import FloatArray
from faster_deploy_ros.tools.demo.pictures import FONT, Image, NIGHT, NORMAL_SIDE, WHITE
import numpy as np

ENDS = (2, 98)   # percentiles of a run that get the last colours
FIRST, LAST = 14, 236   # the ends of TURBO are nearly black


class RunColours:
    """
    One range of colours for all maps of a run, where the node's debug_image has one for each.

    Metres are spread by their logarithm: a step of colour is a share of the distance, as near
    as far. Relative depth and disparity are inverse already and are spread as they are.

    :param kind: metric, relative or disparity.
    :param values: known values from all over the run; none where nothing is known.
    """

    def __init__(self, kind: str, values: FloatArray) -> None:
        self._is_metric = kind == METRIC
        low, high = np.percentile(values, ENDS).tolist() if values.size else (0.5, 10.0)
        self._far, self._near = (high, low) if self._is_metric else (low, high)

    def picture(self, depth: FloatArray, size: tuple[int, int], emphasis: float = 1.0) -> Image:
        """
        Colour one map.

        :param depth: (h, w), NaN where unknown.
        :param size: (width, height) of the picture.
        :param emphasis: how much larger than usual the scale is.
        """
        known = np.isfinite(depth).astype(np.uint8)
        levels = FIRST + np.where(known, self._nearness(depth), 0) * (LAST - FIRST)
        grey = cv2.resize(levels.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
        picture: Image = cv2.applyColorMap(np.round(grey).astype(np.uint8), cv2.COLORMAP_TURBO)
        if not known.all():
            picture[cv2.resize(known, size, interpolation=cv2.INTER_NEAREST) == 0] = NIGHT
        self._add_scale(picture, emphasis)
        return picture

    def _nearness(self, depth: FloatArray) -> FloatArray:
        """Return 0 for far to 1 for near."""
        far, near, value = self._far, self._near, depth
        if self._is_metric:
            with np.errstate(invalid='ignore'):
                value = np.log(depth)
            far, near = np.log(far), np.log(near)
        span = near - far or 1.0
        share: FloatArray = np.clip((value - far) / span, 0, 1)
        return share

    def _add_scale(self, picture: Image, emphasis: float) -> None:
        """Put a bar of the colours into the lower right corner, with its ends in words."""
        scale = emphasis * max(0.6, max(picture.shape[:2]) / NORMAL_SIDE)
        ends = (f'{self._near:.1f} m', f'{self._far:.1f} m') if self._is_metric else (
            'near', 'far')
        sizes = [cv2.getTextSize(text, FONT, 0.42 * scale, 1)[0] for text in ends]
        pad, bar, high = round(7 * scale), round(120 * scale), round(9 * scale)
        wide = bar + sizes[0][0] + sizes[1][0] + 4 * pad
        tall = sizes[0][1] + 2 * pad
        patch = picture[-tall:, -wide:]
        patch[:] = patch // 4
        x, base = picture.shape[1] - wide + pad, picture.shape[0] - pad
        cv2.putText(picture, ends[0], (x, base), FONT, 0.42 * scale, WHITE, 1, cv2.LINE_AA)
        x += sizes[0][0] + pad
        levels = np.linspace(LAST, FIRST, bar).astype(np.uint8)[None]
        top = picture.shape[0] - (tall + high) // 2
        picture[top:top + high, x:x + bar] = cv2.applyColorMap(levels, cv2.COLORMAP_TURBO)
        cv2.putText(picture, ends[1], (x + bar + pad, base), FONT, 0.42 * scale, WHITE, 1,
                    cv2.LINE_AA)
