# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the numbers of a depth model mean: one line ``gain * value + offset``, and its unit."""

from dataclasses import dataclass, replace

from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.tasks.depth.options import DepthOptions
from faster_deploy_ros.tasks.results import DISPARITY, METRIC, RELATIVE
import numpy as np
from numpy.typing import NDArray

# What is not above this is 0, or a rounding of it; its reciprocal still is a float32.
_SMALLEST = 1e-30
_NAMES = {RELATIVE: 'relative inverse depth', DISPARITY: 'disparity'}


@dataclass(frozen=True, slots=True)
class Meaning:
    """
    How the numbers of a model become those of a DepthMap.

    :param kind: of the DepthMap: ``'metric'``, ``'relative'`` or ``'disparity'``.
    :param gain: see ``offset``.
    :param offset: ``gain * value + offset`` is metres, or 1 / metres, or the map itself.
    :param inverts: whether that is 1 / metres.
    :param min_depth_m: nearer is not known.
    :param max_depth_m: farther is not known; 0: no limit.
    :param unit: what the model's own numbers are in, where they are metric; else ``''``.
    :param said_by: who says that unit, or that kind.
    """

    kind: str
    gain: float = 1.0
    offset: float = 0.0
    inverts: bool = False
    min_depth_m: float = 0.0
    max_depth_m: float = 0.0
    unit: str = ''
    said_by: str = ''

    def with_options(self, options: DepthOptions) -> 'Meaning':
        """
        Return what the numbers mean to a user who has calibrated them, or limits them.

        :raises BadValue: an option that this kind of depth cannot follow.
        """
        if self.kind == METRIC:
            if options.shift:
                raise BadValue(
                    f'shift: got {options.shift:g} for a model of metric depth, expected 0; '
                    'only inverse depth is shifted')
            meaning = replace(self, gain=self.gain * (options.scale or 1.0))
        elif options.scale:
            meaning = replace(
                self, kind=METRIC, gain=self.gain * options.scale,
                offset=self.offset * options.scale + options.shift, inverts=True)
        elif options.min_depth_m or options.max_depth_m:
            raise BadValue(
                f'min_depth_m, max_depth_m: got limits in metres for {self.kind} depth, which '
                'has none; set scale (and shift) to make it metric')
        else:
            return self
        return replace(
            meaning, min_depth_m=options.min_depth_m, max_depth_m=options.max_depth_m)

    def words(self, options: DepthOptions) -> str:
        """
        Say what the model's own numbers mean, and what the user makes of them.

        :param options: those that ``with_options`` was given.
        """
        by = f' (by {self.said_by})' if self.said_by else ''
        said = f'metric depth in {self.unit}' if self.kind == METRIC else _NAMES[self.kind]
        said += by
        if options.scale and self.kind == METRIC:
            said += f', times {options.scale:g}'
        elif options.scale:
            said += (f', made metric by 1 / m = {options.scale:g} * value '
                     f"{'-' if options.shift < 0 else '+'} {abs(options.shift):g}")
        if options.min_depth_m:
            said += f', from {options.min_depth_m:g} m'
        return said + (f', to {options.max_depth_m:g} m' if options.max_depth_m else '')

    def read(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """
        Return metres, 1 / metres, or the map's own numbers; may be ``values`` itself.

        All three are linear in the values, so this may be done before a linear resize: on the
        model's few pixels and not on the image's many. Inverse depth is resized as such and
        inverted after it: along a plane 1 / Z is linear in the image, and Z is not.
        """
        if self.gain != 1.0:
            values = values * np.float32(self.gain)
        return values + np.float32(self.offset) if self.offset else values

    def finish(
            self, depth: NDArray[np.float32], small: NDArray[np.float32]) -> NDArray[np.float32]:
        """
        Turn what ``read`` gave into the numbers of a DepthMap, in place.

        :param depth: ``(h, w)``, resized and the caller's own.
        :param small: the same before the resize, whose extremes interpolation never leaves: it
            tells cheaply whether there is anything to look for.
        """
        if self.kind != METRIC:
            return depth
        lowest, highest = self.min_depth_m, self.max_depth_m or np.inf
        if self.inverts:
            lowest, highest = 1 / highest, 1 / lowest if lowest else np.inf
        lowest = max(lowest, _SMALLEST)
        if small.min() < lowest:
            depth[depth < np.float32(lowest)] = np.nan
        if small.max() > highest:
            depth[depth > np.float32(highest)] = np.nan
        return np.reciprocal(depth, out=depth) if self.inverts else depth
