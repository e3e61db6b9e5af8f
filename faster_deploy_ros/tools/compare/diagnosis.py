# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Why two models differ: the statistics that tell, and the reading under which they agree."""

from dataclasses import dataclass
import math

from faster_deploy_ros.tools.compare.depths import DepthFigures
from faster_deploy_ros.tools.compare.measure import Measured
from faster_deploy_ros.tools.compare.search import Found, Patient
from faster_deploy_ros.tools.compare.side import SCORES
from faster_deploy_ros.tools.compare.tensors import TensorFigures
from faster_deploy_ros.tools.compare.tolerance import FP32, looser, Tolerance, TOLERANCES
from faster_deploy_ros.tools.compare.verdict import agrees, Figures

COLLAPSE, OVERFLOW, QUANTISATION = 'collapsed scores', 'overflow', 'quantisation'
FAILURE, UNKNOWN = 'failure', 'unknown'
FLAT, FACTOR = 'collapsed depth', 'scale of the depth'
COLLAPSED_PEAK = 0.2    # scores that reach less than this share of the reference's have collapsed
BYTE = 256              # distinct values of 8 bits
ALIKE = 0.99            # maps that correlate by so much show the same scene
FACTOR_OFF = 1.05       # more is no rounding
LIKE_FACTOR = 1.25      # a multiple's range is a multiple too, its ends a little apart
DAMAGED_COSINE = 0.9    # from here down it is no longer the same model with rounding errors


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """
    A cause, what to do about it, and how it was found.

    :param name: which mistake, one word or two.
    """

    name: str
    cause: str
    remedy: str
    evidence: str


def explain(patient: Patient, measured: Measured | None, tolerance: Tolerance) -> Diagnosis:
    """
    Find the cause by trying; what no other reading undoes, the statistics must tell.

    :param measured: the figures of all images; None where the candidate could not be read at all.
    """
    found = patient.search(measured, tolerance)
    if found is not None:
        return _by_trial(found, tolerance)
    if measured is None:
        return Diagnosis(
            UNKNOWN, 'the candidate cannot be read as what the reference is, nor in any way that '
            'was tried', 'convert the model that the reference is', '')
    milder = next(
        (each for each in looser(tolerance) if agrees(measured.figures(each), each)), None)
    return _by_statistics(measured.figures(tolerance), milder)


def hidden(patient: Patient, measured: Measured, tolerance: Tolerance) -> Diagnosis | None:
    """
    Look whether a loose tolerance has hidden a mistake; None where it has not.

    A robust model finds much the same with red and blue exchanged, so that int8 lets it pass.
    """
    if agrees(measured.figures(FP32), FP32):
        return None
    found = patient.search_single(measured, tolerance)
    return None if found is None else _by_trial(found, tolerance)


def _by_trial(found: Found, tolerance: Tolerance) -> Diagnosis:
    figures = found.measured.figures(found.limit)
    evidence = _agreement(figures)
    names = list(TOLERANCES)
    if names.index(found.limit.name) > names.index(tolerance.name):
        evidence += f', as {found.limit.name}: what remains looks like its rounding'
    trial = found.trial
    return Diagnosis(' and '.join(trial.mistakes), trial.cause, trial.remedy, evidence)


def _agreement(figures: Figures) -> str:
    boxes, depth = figures.boxes, figures.depth
    if depth is not None:
        return (f'read so, it agrees on the {depth.images} images that differ most: 99 of 100 '
                f'pixels within {depth.nearly_all:.2%}, correlation {depth.correlation:.5f}')
    assert boxes is not None
    return (f'read so, it agrees on the {boxes.images} images that differ most: '
            f'{boxes.objects} objects, IoU >= {boxes.min_iou:.3f}, scores within '
            f'{boxes.max_score_difference:.3f}')


def _by_statistics(figures: Figures, milder: Tolerance | None) -> Diagnosis:
    tensors = {each.name: each for each in figures.tensors}
    bad = sum(each.bad for each in tensors.values())
    if bad:
        return Diagnosis(
            OVERFLOW, f'{bad} numbers of the candidate are NaN or infinite',
            'convert or open it with more precision: fp32 or bf16 in place of fp16',
            figures.failure)
    scores = tensors.get(SCORES)
    if scores is not None and _has_collapsed(scores):
        return _collapse(scores)
    if figures.depth is not None and (found := _of_depth(figures.depth)) is not None:
        return found
    if milder is not None:
        return Diagnosis(
            QUANTISATION, f'the candidate is as exact as {milder.name}: its errors are small and '
            'everywhere', f'compare it with --tolerance {milder.name} if that is what it should '
            'be; otherwise convert and open it with more precision', _rounding(figures))
    if figures.failure:
        return Diagnosis(
            FAILURE, figures.failure, 'run the candidate alone; convert it again', '')
    if scores is not None and (scores.cosine >= DAMAGED_COSINE or scores.levels <= BYTE):
        return Diagnosis(
            QUANTISATION, 'the candidate is the same model with large errors: its rounding has '
            'damaged it', "calibrate it with more images of the robot's own camera, leave its "
            'last layers in float, or use fp16', _rounding(figures))
    return Diagnosis(
        UNKNOWN, 'no mistake that is known explains it: other weights, or an operator that this '
        'runtime computes otherwise', 'convert it again from the very file of the reference and '
        'without optimisation', _rounding(figures))


def _of_depth(depth: DepthFigures) -> Diagnosis | None:
    """Tell a map that is one number's multiple of the other, or flat; None where it is neither."""
    is_multiple = depth.factor > 0 and 1 / LIKE_FACTOR < depth.spread / depth.factor < LIKE_FACTOR
    if is_multiple and depth.correlation >= ALIKE and (
            max(depth.factor, 1 / depth.factor) > FACTOR_OFF):
        return Diagnosis(
            FACTOR, f"the candidate's depth is {depth.factor:.4g} times the reference's, "
            'everywhere', 'if that is how it was converted, write output: {scale: '
            f'{1 / depth.factor:.4g}}} into its card; else convert it again', _of_maps(depth))
    if depth.spread < COLLAPSED_PEAK:
        return Diagnosis(
            FLAT, 'the candidate does not tell near from far any more: its depth moves by '
            f"{depth.spread:.2g} of the reference's", 'calibrate it with real images, leave its '
            'last layers in float, or use fp16', _of_maps(depth))
    return None


def _has_collapsed(scores: TensorFigures) -> bool:
    return scores.flat > scores.channels / 2 or scores.peak < COLLAPSED_PEAK


def _collapse(scores: TensorFigures) -> Diagnosis:
    low, high = scores.candidate_range
    return Diagnosis(
        COLLAPSE, f'the candidate does not tell objects any more: {scores.flat} of '
        f"{scores.channels} scores never move, the others by {scores.peak:.2g} of the reference's",
        'in 8 bits, boxes (hundreds) and scores (0 to 1) must not share one scale: leave the last '
        'Concat in float or give them an output each; then calibrate with real images',
        f'scores {low:.3g} to {high:.3g}, the reference {scores.reference_range[0]:.3g} to '
        f'{scores.reference_range[1]:.3g}; {scores.levels} distinct values in an image')


def _of_maps(depth: DepthFigures) -> str:
    ends = (*depth.candidate_range, *depth.reference_range)
    low, high, own_low, own_high = (f'{end:.3g}' for end in ends)
    factor = f', {depth.factor:.4g} times its numbers' if math.isfinite(depth.factor) else ''
    return f'{low} to {high}, the reference {own_low} to {own_high}{factor}'


def _rounding(figures: Figures) -> str:
    if figures.depth is not None:
        return _of_maps(figures.depth)
    return '; '.join(
        f'{each.name}: cosine {each.cosine:.5f}, off by {each.relative:.2%} of the range at most'
        + (f', only {each.levels} distinct values' if each.levels <= BYTE else '')
        for each in figures.tensors)
