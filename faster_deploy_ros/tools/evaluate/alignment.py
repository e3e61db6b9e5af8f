# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How predicted depth is brought to the scale of the truth before the two are compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from faster_deploy_ros.tasks.results import DISPARITY, METRIC, RELATIVE
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LEAST = 1e-9   # an inverse depth in 1 / m of what is infinitely far


class Alignment(Enum):
    """
    What an image's own truth is used for before its errors are counted.

    ``MEDIAN``: one factor, the truth's median by the prediction's (Zhou et al., Unsupervised
    Learning of Depth and Ego-Motion from Video, CVPR 2017). ``AFFINE``: factor and offset of
    inverse depth by least squares (Ranftl et al., Towards Robust Monocular Depth Estimation,
    TPAMI 2022, section 5).
    """

    AS_IT_IS = 'as it is'
    MEDIAN = 'median scaled'
    AFFINE = 'scaled and shifted'


# Kind of depth -> what can be compared with metres at all, the strictest first.
ALIGNMENTS: Mapping[str, tuple[Alignment, ...]] = {
    METRIC: (Alignment.AS_IT_IS, Alignment.MEDIAN),
    DISPARITY: (Alignment.MEDIAN, Alignment.AFFINE),
    RELATIVE: (Alignment.AFFINE,)}


@dataclass(frozen=True, slots=True)
class Fit:
    """
    What turns the numbers of one prediction into metres.

    :param kind: of the numbers, as in DepthMap.
    :param scale: a factor of depth; of AFFINE, of inverse depth.
    :param shift: of AFFINE, in 1 / m.
    """

    how: Alignment
    kind: str
    scale: float = 1.0
    shift: float = 0.0

    def metres(self, values: Array) -> Array:
        """Return metres, for numbers of any shape."""
        if self.how is Alignment.AFFINE:
            inverse = 1 / values if self.kind == METRIC else values
            return _reciprocal(self.scale * inverse + self.shift)
        metres = values if self.kind == METRIC else _reciprocal(values)
        return metres * self.scale


def fit(how: Alignment, kind: str, predicted: Array, truth: Array) -> Fit:
    """
    Find what is nearest to the truth.

    :param kind: of the numbers in ``predicted``, as in DepthMap.
    :param predicted: (n,), finite.
    :param truth: (n,) metres above 0, of the same pixels.
    """
    unscaled = Fit(how, kind)
    if how is Alignment.AS_IT_IS:
        return unscaled
    if how is Alignment.MEDIAN:
        scale = float(np.median(truth) / np.median(unscaled.metres(predicted)))
        return Fit(how, kind, scale)
    scale, shift = _line(1 / predicted if kind == METRIC else predicted, 1 / truth)
    return Fit(how, kind, scale, shift)


def _line(values: Array, target: Array) -> tuple[float, float]:
    """Return scale and shift for which ``scale * values + shift`` is nearest to the target."""
    mean, level = values.mean(), target.mean()
    centred = values - mean
    spread = float(centred @ centred)
    scale = float(centred @ (target - level)) / spread if spread > 0 else 0.0
    return scale, float(level - scale * mean)


def _reciprocal(inverse: Array) -> Array:
    return 1 / np.maximum(inverse, _LEAST)
