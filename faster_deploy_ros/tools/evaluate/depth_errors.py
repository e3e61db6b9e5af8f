# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The errors of predicted depth, as papers report them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Errors:
    """
    Of one image, or the mean of many.

    With z the truth and p the prediction in metres (Eigen, Puhrsch and Fergus, Depth Map
    Prediction from a Single Image using a Multi-Scale Deep Network, NIPS 2014, section 4):

    :param abs_rel: mean of ``|p - z| / z``.
    :param sq_rel: mean of ``(p - z)^2 / z``, in metres.
    :param rmse: root of the mean of ``(p - z)^2``, in metres.
    :param rmse_log: root of the mean of ``(ln p - ln z)^2``.
    :param delta_1: share of pixels of which ``max(p / z, z / p)`` is below 1.25.
    :param delta_2: below 1.25 squared.
    :param delta_3: below 1.25 cubed.
    """

    abs_rel: float
    sq_rel: float
    rmse: float
    rmse_log: float
    delta_1: float
    delta_2: float
    delta_3: float


def errors(predicted: Array, truth: Array) -> Errors:
    """Compare (n,) metres above 0 with (n,) metres above 0."""
    off = predicted - truth
    squares = off * off
    ratio = predicted / truth
    apart = np.abs(np.log(ratio))
    return Errors(
        float(np.mean(np.abs(off) / truth)), float(np.mean(squares / truth)),
        float(np.sqrt(np.mean(squares))), float(np.sqrt(np.mean(apart * apart))),
        *(float(np.mean(apart < power * np.log(1.25))) for power in (1, 2, 3)))


def mean_of(all_errors: Sequence[Errors]) -> Errors:
    """Return the mean over images: each counts the same, however many pixels have a truth."""
    return Errors(*(
        float(np.mean([getattr(one, field.name) for one in all_errors]))
        for field in fields(Errors)))


def rank_correlation(first: Array, second: Array) -> float:
    """
    Return Spearman's coefficient: 1 where both rise together, -1 where one falls.

    Correlation of ranks, equal values sharing their mean rank (Spearman, The Proof and
    Measurement of Association between Two Things, 1904); 0 where one is constant.
    """
    ranks = [_ranks(first), _ranks(second)]
    centred = [rank - rank.mean() for rank in ranks]
    norm = float(np.sqrt((centred[0] @ centred[0]) * (centred[1] @ centred[1])))
    return float(centred[0] @ centred[1]) / norm if norm > 0 else 0.0


def _ranks(values: Array) -> Array:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    middle: Array = (ends - (counts - 1) / 2)[inverse.reshape(-1)]
    return middle
