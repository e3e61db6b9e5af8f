# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a user may choose about depth maps; the one place of the defaults."""

from dataclasses import dataclass
import math

from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.tasks.letterbox import Size

_LARGEST = 32768   # a side; more is no picture


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

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        for name in ('scale', 'min_depth_m', 'max_depth_m'):
            self._expect_number(name, 0.0)
        self._expect_number('shift', -math.inf)
        if self.shift and not self.scale:
            raise BadValue(
                f'shift: got {self.shift:g} with scale 0, expected both: 1 / metres = scale * '
                'value + shift; set scale')
        if 0 < self.max_depth_m <= self.min_depth_m:
            raise BadValue(
                f'max_depth_m: got {self.max_depth_m:g}, expected more than min_depth_m '
                f'({self.min_depth_m:g}), or 0 for no limit')
        if self.output_size is not None:
            object.__setattr__(self, 'output_size', self._checked_size())

    def _expect_number(self, name: str, low: float) -> None:
        value: object = getattr(self, name)
        if (isinstance(value, bool) or not isinstance(value, (int, float))
                or not math.isfinite(value) or value < low):
            expected = 'a number' if low else 'a number of 0 or more'
            raise BadValue(f'{name}: got {value!r}, expected {expected}')

    def _checked_size(self) -> Size:
        size: object = self.output_size
        if (isinstance(size, (tuple, list)) and len(size) == 2
                and all(type(side) is int and 0 < side <= _LARGEST for side in size)):
            width, height = size
            return width, height
        raise BadValue(
            f'output_size: got {size!r}, expected (width, height) in pixels, up to {_LARGEST}')
