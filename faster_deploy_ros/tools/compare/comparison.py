# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One comparison from two URIs to a verdict."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from faster_deploy_ros.cores import InferCore, open_core
from faster_deploy_ros.errors import BadValue, BlobMismatch, FasterDeployError
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks import card_beside, guess_family, ModelCard
from faster_deploy_ros.tools.compare.diagnosis import Diagnosis, explain, hidden
from faster_deploy_ros.tools.compare.measure import measure, Measured
from faster_deploy_ros.tools.compare.pictures import pictures
from faster_deploy_ros.tools.compare.plain import compare_tensors, ROUNDS
from faster_deploy_ros.tools.compare.reading import (
    candidate_reading,
    differences,
    open_readable,
    Readable,
    Reading,
    Threshold,
)
from faster_deploy_ros.tools.compare.search import Patient
from faster_deploy_ros.tools.compare.side import Side, side_of
from faster_deploy_ros.tools.compare.structure import structural, unlike
from faster_deploy_ros.tools.compare.tolerance import SAME, tolerance
from faster_deploy_ros.tools.compare.verdict import (
    DIFFERS,
    Figures,
    judge,
    SAME_WORD,
    Verdict,
)
from faster_deploy_ros.tools.inputs import Shapes

HIDDEN = 'it is within the tolerance only because that is loose: a mistake is hidden in it'
Report = Callable[[int, int, str], None]   # done, of how many, what


@dataclass(frozen=True)
class Request:
    """
    What is to be compared.

    :param reference: URI or path of the model that is right.
    :param candidate: URI or path of the one that should be the same.
    :param images: a folder; None: rendered rooms and noise.
    :param family: of both; ``'auto'``: as the reference tells.
    :param most: images at most.
    :param confidence: score from which a detection counts.
    :param nms: overlap of the suppression.
    :param tolerance: a row of TOLERANCES.
    :param shapes: of open inputs by name, for models whose family is not known.
    """

    reference: str
    candidate: str
    images: str | None = None
    family: str = 'auto'
    most: int = 64
    confidence: float = 0.25
    nms: float = 0.45
    tolerance: str = 'fp32'
    shapes: Shapes = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what is out of range before a model is opened."""
        tolerance(self.tolerance)
        for name in ('confidence', 'nms'):
            if not 0 <= getattr(self, name) <= 1:
                raise BadValue(f'compare: got {name} {getattr(self, name)}, expected 0 to 1')

    @property
    def threshold(self) -> Threshold:
        """Confidence and suppression."""
        return self.confidence, self.nms


@dataclass(frozen=True)
class Comparison:
    """
    What a comparison has shown.

    :param reference: where the reference ran, and what it sees.
    :param candidate: the same.
    :param figures: None where the candidate could not be asked.
    :param diagnosis: why they differ; None where they do not.
    :param labels: of the reference, by class id.
    :param notes: what a reader of the figures must know.
    """

    request: Request
    reference: str
    candidate: str
    images: str
    figures: Figures | None
    verdict: Verdict
    diagnosis: Diagnosis | None
    labels: tuple[str, ...]
    notes: tuple[str, ...]


def compare(request: Request, report: Report = lambda done, of, what: None) -> Comparison:
    """
    Open both, show them the same images, judge, and look for the cause if they differ.

    :raises FasterDeployError: a model cannot be opened by its runtime, or an image cannot be read.
    """
    report(0, 0, 'opening both models')
    with open_core(request.reference, seats=1) as first, \
            open_core(request.candidate, seats=1) as second:
        model = _open_reference(request, first)
        if isinstance(model, str):
            return _of_tensors(request, first, second, model)
        report(0, 0, 'reading the images')
        frames, described = pictures(request.images, request.most)
        return _Run(request, side_of(model), second, frames, described, report).result()


def _open_reference(request: Request, core: InferCore) -> Readable | str:
    """Return the reference as what it is; if nobody says that, why it is not known."""
    card = card_beside(core.uri.path) or ModelCard()
    try:
        family = guess_family(core, card) if request.family == 'auto' else request.family
        model = open_readable(family, core, request.threshold, card)
    except BlobMismatch as error:
        if request.family != 'auto' or card.family:
            raise
        return str(error)
    return model or f"the family '{family}' is neither of detectors nor of depth"


def _of_tensors(
        request: Request, reference: InferCore, candidate: InferCore, why: str) -> Comparison:
    limit = tolerance(request.tolerance)
    figures, notes = compare_tensors(reference, candidate, request.shapes)
    verdict = judge(figures, figures, limit)
    notes.append(
        'what the tensors of the reference mean is not known: they are compared as they are, on '
        f'noise from 0 to 1; which mistake there is, if any, is not looked for ({why})')
    return Comparison(
        request, _title(reference, 'tensors only'), _title(candidate, 'tensors only'),
        f'{ROUNDS} times noise', figures, verdict, None, (), tuple(notes))


class _Run:
    """One comparison under way, with both models open."""

    def __init__(
            self, request: Request, reference: Side, core: InferCore, frames: Sequence[Frame],
            described: str, report: Report) -> None:
        self._request, self._reference, self._core = request, reference, core
        self._frames, self._described, self._report = frames, described, report
        self._notes: list[str] = []
        self._title = str(core.uri)

    def result(self) -> Comparison:
        """Look at the structure, then at the figures, then for the cause."""
        reading = self._reading()
        structure = structural(self._reference.model, self._core, reading)
        if structure is not None:
            return self._end(None, Verdict(DIFFERS, (structure.cause,)), structure)
        try:
            side = side_of(reading.open(self._core, self._request.threshold))
        except FasterDeployError as error:
            return self._unreadable(reading, error)
        structure = unlike(self._reference.model, side.model)
        if structure is not None:
            return self._end(None, Verdict(DIFFERS, (structure.cause,)), structure)
        self._title = _title(self._core, self._read_otherwise(side.reading))
        measured = measure(
            self._reference, side, self._frames, self._request.threshold,
            lambda done: self._report(done, len(self._frames), 'showing the images to both'))
        limit = tolerance(self._request.tolerance)
        figures = measured.figures(limit)
        verdict = judge(figures, measured.figures(SAME), limit)
        self._note_figures(figures, measured)
        if verdict.word == SAME_WORD:
            return self._end(figures, verdict, None)
        if verdict.word == DIFFERS:
            return self._end(figures, verdict, self._explain(side.reading, measured))
        self._report(0, 0, 'looking for what the tolerance may hide')
        diagnosis = hidden(self._patient(side.reading), measured, limit)
        return self._end(
            figures, verdict if diagnosis is None else Verdict(DIFFERS, (HIDDEN,)), diagnosis)

    def _reading(self) -> Reading:
        reference = self._reference.model
        reading, has_card = candidate_reading(self._core, reference)
        if not has_card and self._reference.model.card.family:
            self._notes.append(
                'the candidate has no card beside it: it was read like the reference; on a robot '
                'it needs one')
        if self._request.family != 'auto':
            reading = replace(reading, family=self._request.family)
        names = [spec.name for core in (reference.core, self._core)
                 for spec in core.specs.values() if not spec.is_input]
        if len(names) == 2 and names[0] != names[1]:
            self._notes.append(f"output '{names[0]}' is '{names[1]}' in the candidate")
        return reading

    def _unreadable(self, reading: Reading, error: FasterDeployError) -> Comparison:
        """Look for another reading in which the candidate is a detector after all."""
        if not isinstance(error, BlobMismatch):
            raise error
        diagnosis = self._explain(reading, None)
        verdict = Verdict(DIFFERS, (f'the candidate cannot be read: {error}',))
        return self._end(None, verdict, diagnosis)

    def _explain(self, reading: Reading, measured: Measured | None) -> Diagnosis:
        self._report(0, 0, 'they differ: looking for the cause')
        return explain(
            self._patient(reading), measured, tolerance(self._request.tolerance))

    def _patient(self, reading: Reading) -> Patient:
        return Patient(
            self._reference, self._core, reading, self._frames, self._request.threshold)

    def _read_otherwise(self, reading: Reading) -> str:
        found = differences(reading, self._reference.reading)
        return f"read with {', '.join(found)}" if found else 'read like the reference'

    def _note_figures(self, figures: Figures, measured: Measured) -> None:
        if not measured.lies_the_same:
            self._notes.append(
                'the tensors are not compared: the image lies differently in the two inputs, or '
                'only one of them decodes its boxes')
        if figures.boxes is not None and not figures.boxes.objects:
            self._notes.append(
                'neither model finds anything on these images, so that only the tensors speak: '
                'give --images DIR with images that it knows')
        if figures.boxes is not None and figures.boxes.ties:
            self._notes.append(
                f'{figures.boxes.ties} objects are left out: both models propose the same boxes '
                'there, and the suppression had two equal choices')

    def _end(
            self, figures: Figures | None, verdict: Verdict,
            diagnosis: Diagnosis | None) -> Comparison:
        return Comparison(
            self._request, _title(self._reference.model.core, self._reference.model.summary),
            self._title, self._described, figures, verdict, diagnosis,
            getattr(self._reference.model, 'labels', ()), tuple(self._notes))


def _title(core: InferCore, read: str) -> str:
    return f'{core.uri}\n{core.device}, {read}'
