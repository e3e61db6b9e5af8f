# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""From figures to one word, with the reasons."""

from collections.abc import Sequence
from dataclasses import dataclass

from faster_deploy_ros.tools.compare.boxes import BoxFigures
from faster_deploy_ros.tools.compare.depths import DepthFigures
from faster_deploy_ros.tools.compare.side import BOXES
from faster_deploy_ros.tools.compare.tensors import TensorFigures
from faster_deploy_ros.tools.compare.tolerance import SAME, Tolerance

SAME_WORD, AGREES, DIFFERS = 'same', 'agrees', 'differs'


@dataclass(frozen=True, slots=True)
class Figures:
    """
    All that was measured between two models.

    :param tensors: empty where the tensors cannot be compared.
    :param boxes: of detectors; None where one of the models gave no answer.
    :param failure: why it gave none.
    :param depth: of depth models.
    """

    tensors: tuple[TensorFigures, ...]
    boxes: BoxFigures | None
    failure: str = ''
    depth: DepthFigures | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    Whether a candidate can stand in for the reference.

    :param word: 'same', 'agrees' or 'differs'.
    :param reasons: what is out of tolerance; empty unless it differs.
    """

    word: str
    reasons: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether the candidate may be used in place of the reference."""
        return self.word != DIFFERS


def judge(figures: Figures, exact: Figures, tolerance: Tolerance) -> Verdict:
    """
    Give the verdict.

    :param figures: boxes judged by the tolerance.
    :param exact: the same, boxes judged by the preset 'same'.
    """
    reasons = _reasons(figures, tolerance)
    if reasons:
        return Verdict(DIFFERS, tuple(reasons))
    return Verdict(AGREES if _reasons(exact, SAME) else SAME_WORD)


def agrees(figures: Figures, tolerance: Tolerance) -> bool:
    """Tell whether the figures are within a tolerance."""
    return not _reasons(figures, tolerance)


def _reasons(figures: Figures, tolerance: Tolerance) -> list[str]:
    if figures.failure:
        return [figures.failure]
    if figures.depth is not None:
        return _reasons_of_depth(figures.depth, tolerance)
    if figures.boxes is None:
        return ['nothing was compared']
    # What a cell without an object says about a box means nothing, and most cells have none.
    judged = [
        each for each in figures.tensors
        if each.name != BOXES or not figures.boxes.objects or each.bad]
    return _reasons_of_boxes(figures.boxes, tolerance) + _reasons_of_tensors(judged, tolerance)


def _reasons_of_boxes(boxes: BoxFigures, tolerance: Tolerance) -> list[str]:
    if boxes.agreement >= tolerance.agreement:
        return []
    reasons = [
        f'{boxes.agreement:.1%} of the detections agree, expected {tolerance.agreement:.0%}']
    if boxes.lone:
        reasons.append(f'{len(boxes.lone)} of {boxes.objects} objects are found by one model only')
    if boxes.min_iou < tolerance.iou:
        reasons.append(f'boxes overlap down to IoU {boxes.min_iou:.3f}, expected {tolerance.iou}')
    if boxes.max_score_difference > tolerance.score:
        reasons.append(f'scores differ by up to {boxes.max_score_difference:.3f}, expected '
                       f'{tolerance.score} at most')
    return reasons


def _reasons_of_depth(depth: DepthFigures, tolerance: Tolerance) -> list[str]:
    if not depth.known:
        return ['there is an image of which no pixel is known to both']
    reasons = []
    if depth.nearly_all > tolerance.depth:
        reasons.append(
            f'1 pixel of 100 is off by more than {depth.nearly_all:.2%}, expected '
            f'{tolerance.depth:.1%} at most')
    if depth.correlation < tolerance.correlation:
        reasons.append(f'the maps correlate by {depth.correlation:.5f}, expected '
                       f'{tolerance.correlation} or more')
    if depth.apart > tolerance.depth:
        reasons.append(f'{depth.apart:.1%} of the pixels are known to one model only, expected '
                       f'{tolerance.depth:.1%} at most')
    return reasons


def _reasons_of_tensors(tensors: Sequence[TensorFigures], tolerance: Tolerance) -> list[str]:
    reasons = []
    for each in tensors:
        if each.bad:
            reasons.append(f'{each.name}: {each.bad} numbers are NaN or infinite')
        if each.cosine < tolerance.cosine:
            reasons.append(
                f'{each.name}: cosine {each.cosine:.5f}, expected {tolerance.cosine} or more')
        if not tolerance.peak <= each.peak <= 1 / tolerance.peak:
            reasons.append(f"{each.name}: the channels move by {each.peak:.3g} of the reference's "
                           f'spread, expected {tolerance.peak} to {1 / tolerance.peak:.3g}')
    return reasons
