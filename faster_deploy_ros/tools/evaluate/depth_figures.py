# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How far off predicted depth is, image by image."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
from faster_deploy_ros.errors import BadFrame, BadValue
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import DepthMap, Model
from faster_deploy_ros.tasks.results import METRIC
from faster_deploy_ros.tools.evaluate.alignment import Alignment, ALIGNMENTS, Fit, fit
from faster_deploy_ros.tools.evaluate.depth_errors import (
    Array,
    Errors,
    errors,
    mean_of,
    rank_correlation,
)
from faster_deploy_ros.tools.evaluate.depth_truth import Measured, Metres
from faster_deploy_ros.tools.evaluate.samples import answers, Sample
import numpy as np
from numpy.typing import NDArray

RANKED = 20_000   # pixels of an image of which the order is compared


@dataclass(frozen=True, slots=True)
class Range:
    """
    What is judged; predictions are cut to it, as papers do (monodepth2, evaluate_depth.py).

    The far end is KITTI's usual one; NYU is judged to 10 m.
    """

    least_m: float = 0.001
    most_m: float = 80.0

    def __post_init__(self) -> None:
        """Refuse what is no range."""
        if not 0 < self.least_m < self.most_m:
            raise BadValue(
                f'--min-depth, --max-depth: got {self.least_m:g} and {self.most_m:g}, expected '
                'metres above 0, the second greater')

    def judged(self, truth: Metres) -> NDArray[np.bool_]:
        """Tell which pixels have a truth of this range."""
        with np.errstate(invalid='ignore'):
            inside: NDArray[np.bool_] = (truth >= self.least_m) & (truth <= self.most_m)
        return inside

    def cut(self, metres: Array) -> Array:
        """Bring metres into the range."""
        return np.clip(metres, self.least_m, self.most_m)


@dataclass(frozen=True, slots=True)
class Difference:
    """
    How one image's prediction differs from its truth.

    :param errors: by how the prediction was aligned.
    :param fits: what the alignments found.
    :param ratio: median of truth by prediction, both metres; 0 where the kind is not metric.
    :param correlation: of the ranks of depth: 1 where the order of far and near is right.
    :param covered: share of the judged pixels for which there is a prediction.
    :param pixels: judged.
    """

    errors: Mapping[Alignment, Errors]
    fits: Mapping[Alignment, Fit]
    ratio: float
    correlation: float
    covered: float
    pixels: int


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """
    One image, its truth, and what the model says of it.

    :param predicted: (h, w), resized to the truth.
    """

    frame: Frame
    truth: Metres
    predicted: DepthMap


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """
    Figures of a depth model.

    :param kind: of its maps.
    :param mean: over the images, by alignment.
    :param images: by name, in order.
    :param failures: by image, why there is nothing of it.
    """

    kind: str
    mean: Mapping[Alignment, Errors]
    images: Mapping[str, Difference]
    failures: Mapping[str, str]

    @property
    def strictest(self) -> Alignment:
        """The alignment by which images are ordered."""
        return next(iter(self.mean))

    @property
    def ranked(self) -> list[str]:
        """The names of the images, the best first."""
        return sorted(
            self.images, key=lambda name: self.images[name].errors[self.strictest].abs_rel)


def evaluate(
        model: Model[Any], data: Measured, limits: Range, *, seats: int,
        report: Callable[[int], None]) -> Evaluated:
    """
    Show the model each image and compare its depth with the truth.

    Images that fail are left out and are in ``failures``.

    :param report: told how many images are done.
    :raises BadValue: there is no figure at all.
    """
    def work(sample: Sample[Metres]) -> tuple[str, Difference]:
        told = tell(model, sample)
        return told.predicted.kind, difference(told, limits)

    kind = ''
    images: dict[str, Difference] = {}
    failures: dict[str, str] = {}
    for done, answer in enumerate(answers(data.samples, work, seats), start=1):
        report(done)
        if answer.value is None:
            failures[answer.name] = answer.failure
        else:
            kind, images[answer.name] = answer.value
    if not images:
        reason = next(iter(failures.values()), 'there is none')
        raise BadValue(f'no image could be evaluated: {reason}')
    mean = {how: mean_of([one.errors[how] for one in images.values()])
            for how in ALIGNMENTS[kind]}
    return Evaluated(kind, mean, images, failures)


def tell(model: Model[Any], sample: Sample[Metres]) -> Told:
    """
    Show the model one image.

    :raises FasterDeployError: image or truth cannot be read, or the model fails.
    """
    frame, truth = sample.load()
    found: DepthMap = model(frame, Stopwatch())
    height, width = truth.shape
    if found.depth.shape != truth.shape:
        found = DepthMap(
            cv2.resize(found.depth, (width, height), interpolation=cv2.INTER_LINEAR), found.kind)
    return Told(frame, truth, found)


def difference(told: Told, limits: Range) -> Difference:
    """
    Compare where both are known.

    :raises BadFrame: nowhere.
    """
    judged = limits.judged(told.truth)
    both = judged & np.isfinite(told.predicted.depth)
    pixels, known = int(judged.sum()), int(both.sum())
    if not known:
        raise BadFrame(
            f'no pixel has both a prediction and a truth between {limits.least_m:g} and '
            f'{limits.most_m:g} m; see --truth-scale and --max-depth')
    truth = told.truth[both].astype(np.float64)
    predicted = told.predicted.depth[both].astype(np.float64)
    kind = told.predicted.kind
    fits = [fit(how, kind, predicted, truth) for how in ALIGNMENTS[kind]]
    found = {one.how: errors(limits.cut(one.metres(predicted)), truth) for one in fits}
    few = slice(None, None, -(-known // RANKED))
    depth = predicted[few] if kind == METRIC else -predicted[few]
    ratio = float(np.median(truth / predicted)) if kind == METRIC else 0.0
    return Difference(
        found, {one.how: one for one in fits}, ratio,
        rank_correlation(depth, truth[few]), known / pixels, known)


def pick(found: Evaluated) -> Mapping[str, str]:
    """Return the names of the images that tell most: worst, median, best; fewer of few."""
    ranked: Sequence[str] = found.ranked
    if len(ranked) == 1:
        return {'only': ranked[0]}
    picked = {'worst': ranked[-1], 'median': ranked[len(ranked) // 2], 'best': ranked[0]}
    seen: dict[str, str] = {}
    for word, name in picked.items():
        if name not in seen.values():
            seen[word] = name
    return seen
