# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How close is close enough: one row for each precision a model may run in."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from faster_deploy_ros.errors import UnknownName


@dataclass(frozen=True, slots=True)
class Tolerance:
    """
    What two models may differ by and still agree.

    :param name: the preset, ``--tolerance``.
    :param iou: least overlap (intersection over union) of two boxes that agree.
    :param score: most difference of their scores.
    :param agreement: least share of the detections of both sides that agree.
    :param cosine: least cosine between the tensors, where these can be compared.
    :param peak: least share that a channel's spread keeps, median over the channels.
    :param depth: most difference of nearly all pixels of a depth map, as a share.
    :param correlation: least correlation between two depth maps.
    """

    name: str
    iou: float
    score: float
    agreement: float
    cosine: float
    peak: float
    depth: float
    correlation: float


# Tightest first. fp32 is what the package promises of every float runtime; the others are what
# the rounding of these formats costs a healthy detector (docs/comparing.md says on what).
TOLERANCES: Mapping[str, Tolerance] = MappingProxyType({each.name: each for each in (
    Tolerance('same', iou=0.999, score=0.001, agreement=1.0, cosine=0.9999999, peak=0.999,
              depth=0.001, correlation=0.999999),
    Tolerance('fp32', iou=0.99, score=0.01, agreement=1.0, cosine=0.9999, peak=0.95,
              depth=0.01, correlation=0.9999),
    Tolerance('fp16', iou=0.97, score=0.03, agreement=0.99, cosine=0.999, peak=0.9,
              depth=0.03, correlation=0.999),
    Tolerance('bf16', iou=0.90, score=0.1, agreement=0.95, cosine=0.98, peak=0.8,
              depth=0.1, correlation=0.98),
    Tolerance('int8', iou=0.80, score=0.15, agreement=0.85, cosine=0.96, peak=0.5,
              depth=0.15, correlation=0.96),
)})
SAME, FP32 = TOLERANCES['same'], TOLERANCES['fp32']
LOOSEST = TOLERANCES['int8']


def tolerance(name: str) -> Tolerance:
    """
    Return a preset.

    :raises UnknownName: there is none of that name.
    """
    if name not in TOLERANCES:
        raise UnknownName(
            f"compare: no tolerance is named '{name}', expected one of {', '.join(TOLERANCES)}")
    return TOLERANCES[name]


def looser(than: Tolerance) -> tuple[Tolerance, ...]:
    """Return the presets below one in the table, tightest first."""
    names = list(TOLERANCES)
    return tuple(TOLERANCES[name] for name in names[names.index(than.name) + 1:])
