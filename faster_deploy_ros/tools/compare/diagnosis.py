# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Why two models differ: the statistics that tell, and the reading under which they agree."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from faster_deploy_ros.cores import InferCore
from faster_deploy_ros.errors import FasterDeployError
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tools.compare.measure import Measured, Threshold
from faster_deploy_ros.tools.compare.mistakes import double_trials, Trial, trials
from faster_deploy_ros.tools.compare.reading import Reading
from faster_deploy_ros.tools.compare.side import options, SCORES, Seen, Side
from faster_deploy_ros.tools.compare.tensors import TensorFigures
from faster_deploy_ros.tools.compare.tolerance import looser, LOOSEST, Tolerance
from faster_deploy_ros.tools.compare.verdict import agrees, Figures

COLLAPSE, OVERFLOW, QUANTISATION = 'collapsed scores', 'overflow', 'quantisation'
FAILURE, UNKNOWN = 'failure', 'unknown'
TRIED_ON = 3            # images
COLLAPSED_PEAK = 0.2    # scores that reach less than this share of the reference's have collapsed
BYTE = 256              # distinct values of 8 bits
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


class Patient:
    """
    A candidate that differs, and what it can be tried on.

    :param reference: what it should be like.
    :param core: the candidate's.
    :param reading: how it was read when it differed.
    :param frames: all images.
    """

    def __init__(
            self, reference: Side, core: InferCore, reading: Reading, frames: Sequence[Frame],
            threshold: Threshold) -> None:
        """Keep all; nothing is run yet."""
        self.reference, self.core, self.reading = reference, core, reading
        self._frames, self._threshold = frames, threshold

    def tried(
            self, ways: Iterator[Trial], evidence: Sequence[tuple[Frame, Seen]],
            tolerance: Tolerance) -> list[tuple[Trial, Measured]]:
        """Return the trials under which the candidate agrees on all images, best first."""
        good = []
        for trial in ways:
            measured = self._try(trial.reading, evidence, tolerance)
            if measured is not None:
                good.append((trial, measured))
        return sorted(good, key=lambda each: -_likeness(each[1].figures(tolerance)))

    def _try(
            self, reading: Reading, evidence: Sequence[tuple[Frame, Seen]],
            tolerance: Tolerance) -> Measured | None:
        measured = Measured(self._threshold)
        try:
            side = Side(reading.open(self.core, options(*self._threshold)))
        except (FasterDeployError, ValueError):
            return None
        for frame, seen in evidence:
            measured.add(seen, side.see(frame))
            if not _is_convincing(measured.figures(tolerance), tolerance):
                return None
        return measured

    def telling(self, measured: Measured | None, tolerance: Tolerance) -> list[tuple[Frame, Seen]]:
        """Choose the images that show the difference best, with what the reference says."""
        indices = range(len(self._frames))
        if measured is not None and not measured.failure:
            images = measured.images(tolerance)
            worst = sorted(
                indices, key=lambda index: (
                    -images[index].disagreeing, -len(images[index].pairs)))
            return [(self._frames[index], self.reference.see(self._frames[index]))
                    for index in worst[:TRIED_ON]]
        seen = [(self._frames[index], self.reference.see(self._frames[index]))
                for index in indices[:4 * TRIED_ON]]
        seen.sort(key=lambda each: -(len(each[1].answer.found) if each[1].answer else 0))
        return seen[:TRIED_ON]


def explain(
        patient: Patient, measured: Measured | None, tolerance: Tolerance) -> Diagnosis:
    """
    Find the cause by trying; what no other reading undoes, the statistics must tell.

    :param measured: the figures of all images; None where the candidate could not be read at all.
    """
    evidence = patient.telling(measured, tolerance)
    figures = None if measured is None else measured.figures(tolerance)
    milder = _milder(measured, tolerance)
    for limit in (tolerance,) if milder else (tolerance, LOOSEST):
        for ways in (trials, double_trials):
            found = patient.tried(ways(patient.reading, patient.core), evidence, limit)
            if found:
                return _by_trial(*found[0], limit, tolerance, len(evidence))
    if figures is None:
        return Diagnosis(
            UNKNOWN, 'the candidate cannot be read as what the reference is, nor in any way that '
            'was tried', 'convert the model that the reference is', '')
    return _by_statistics(figures, milder)


def _milder(measured: Measured | None, tolerance: Tolerance) -> Tolerance | None:
    """Return the tightest looser preset under which the candidate agrees as it is."""
    if measured is None:
        return None
    return next(
        (each for each in looser(tolerance) if agrees(measured.figures(each), each)), None)


def _is_convincing(figures: Figures, tolerance: Tolerance) -> bool:
    """Whether models agree, and there was something to agree on."""
    if figures.boxes is None or not agrees(figures, tolerance):
        return False
    return bool(figures.boxes.objects or figures.tensors)


def _likeness(figures: Figures) -> float:
    cosines = [each.cosine for each in figures.tensors]
    return min(cosines, default=0.0) + (figures.boxes.min_iou if figures.boxes else 0.0)


def _by_trial(
        trial: Trial, measured: Measured, limit: Tolerance, wanted: Tolerance,
        images: int) -> Diagnosis:
    boxes = measured.figures(limit).boxes
    assert boxes is not None
    evidence = (f'read so, it agrees on the {images} images that differ most: {boxes.objects} '
                f'objects, IoU >= {boxes.min_iou:.3f}, scores within '
                f'{boxes.max_score_difference:.3f}')
    if limit is not wanted:
        evidence += f' (as {limit.name}: what remains looks like its rounding)'
    return Diagnosis(' and '.join(trial.mistakes), trial.cause, trial.remedy, evidence)


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


def _rounding(figures: Figures) -> str:
    return '; '.join(
        f'{each.name}: cosine {each.cosine:.5f}, off by {each.relative:.2%} of the range at most'
        + (f', only {each.levels} distinct values' if each.levels <= BYTE else '')
        for each in figures.tensors)
