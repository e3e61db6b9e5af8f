# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How good a detector is on labelled images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
import re
from typing import Any

from faster_deploy_ros.errors import BadValue, FasterDeployError
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import Detections, Model
from faster_deploy_ros.tools.average_precision import ALL, judge, Judged, Record, xywh
from faster_deploy_ros.tools.evaluate.coco_file import Labelled, Truth
from faster_deploy_ros.tools.evaluate.samples import answers, Sample

Report = Callable[[str, int, int | None], None]   # what, how much of it, of how much
# Names that are right seldom take more than a third off the AP50 without names; wrong ones nearly
# all of it.
NAMED_RIGHT, FOUND_AT_ALL = 0.25, 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """
    Figures of a detector.

    :param judged: precision and recall; of the categories that the model knows.
    :param names: of the categories, by id.
    :param objects: the category of each object that was to be found.
    :param results: what was found, as COCO's files of results have it.
    :param images: how many of them there are figures of.
    :param failures: by image, why there is nothing of it.
    :param notes: what a reader of the figures should know.
    :param mistakes: what is probably wrong with the model's labels.
    """

    judged: Judged
    names: Mapping[int, str]
    objects: Sequence[int]
    results: Sequence[Record]
    images: int
    failures: Mapping[str, str]
    notes: tuple[str, ...]
    mistakes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _One:
    """What there is to one image."""

    results: Sequence[Record]
    truth: Sequence[Record]
    failure: str = ''


@dataclass(frozen=True, slots=True)
class _Seen:
    """What there is to all of them."""

    images: list[int] = field(default_factory=list)
    results: list[Record] = field(default_factory=list)
    truth: list[Record] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)


def evaluate(
        model: Model[Any], data: Labelled, *, seats: int, most: int,
        report: Report) -> Evaluated:
    """
    Show the model each image and compare its boxes with the known ones.

    An image that fails counts as one on which nothing was found; one that cannot be read is left
    out. Both are in ``failures``.

    :param most: boxes of an image that count, the best ones.
    :param report: told what is being done, how much of it and of how much.
    :raises BadValue: model and data have no class in common, or there is no figure at all.
    """
    classes, notes = match(model.labels, data.categories)   # type: ignore[attr-defined]
    names = {number: name for name, number in data.categories.items()
             if number in classes.values()}
    seen = _look(model, data, classes, seats, report)
    if len(seen.failures) == len(data.samples):
        raise BadValue(f'no image could be evaluated: {next(iter(seen.failures.values()))}')
    report('comparing boxes', 0, None)
    judged = judge(seen.images, seen.truth, _categories(names), seen.results, most=most)
    if not judged.judged:
        raise BadValue(
            f'{data.title}: there is no object of a class that the model knows '
            f'({_some(tuple(names.values()))}); nothing can be measured')
    objects = [one['category_id'] for one in seen.truth
               if one['category_id'] in names and not one['iscrowd']]
    return Evaluated(
        judged, names, objects, seen.results, len(seen.images), seen.failures,
        (*data.notes, *notes), _mixed_up(judged, seen, most))


def _look(
        model: Model[Any], data: Labelled, classes: Mapping[int, int], seats: int,
        report: Report) -> _Seen:
    """Show the model every image."""
    def work(sample: Sample[Truth]) -> _One:
        frame, known = sample.load()
        truth = [{**one, 'image_id': sample.number} for one in known]
        try:
            found: Detections = model(frame, Stopwatch())
        except FasterDeployError as error:
            return _One([], truth, str(error))
        return _One(_records(sample.number, found, classes), truth)

    seen = _Seen()
    for done, answer in enumerate(answers(data.samples, work, seats), start=1):
        report('images', done, len(data.samples))
        one = answer.value
        failure = answer.failure if one is None else one.failure
        if failure:
            seen.failures[answer.name] = failure
        if one is not None:
            seen.images.append(answer.number)
            seen.results.extend(one.results)
            seen.truth.extend(one.truth)
    return seen


def _mixed_up(judged: Judged, seen: _Seen, most: int) -> tuple[str, ...]:
    """Tell wrong names from wrong boxes: judge once more as if there were one class."""
    named = judged.ap(0.5) or 0.0
    if named > NAMED_RIGHT:
        return ()
    known = set(judged.categories)
    one = [[{**record, 'category_id': 1} for record in records if record['category_id'] in known]
           for records in (seen.truth, seen.results)]
    nameless = judge(seen.images, one[0], _categories({1: 'object'}), one[1], overlaps=[0.5],
                     areas=ALL, most=most).ap() or 0.0
    if nameless < FOUND_AT_ALL or named > NAMED_RIGHT * nameless:
        return ()
    mistake = (
        f'the boxes are right and their names are not: AP50 {named:.3f}, and {nameless:.3f} '
        "without names; the labels are in another order than the model's training had, correct "
        'them in the card or with --set labels=[...]')
    return (mistake,)


def _categories(names: Mapping[int, str]) -> list[Record]:
    return [{'id': number, 'name': name} for number, name in names.items()]


def match(
        labels: Sequence[str], categories: Mapping[str, int]) -> tuple[dict[int, int], list[str]]:
    """
    Match the classes of a model with a data set's categories, by name.

    Capitals, blanks and hyphens do not count: ``pottedplant`` is ``potted plant``.

    :return: class id -> category id, and notes on names that the other side has not.
    :raises BadValue: none matches, or two labels are one category.
    """
    by_name = {_plain(name): (name, number) for name, number in categories.items()}
    matched = {
        index: by_name[_plain(label)] for index, label in enumerate(labels)
        if _plain(label) in by_name}
    if not matched:
        raise BadValue(
            f"the model's classes ({_some(labels)}) and the data set's categories "
            f'({_some(tuple(categories))}) have no name in common; say the names with '
            '--set labels=[...], in the order of the model')
    names = [name for name, _ in matched.values()]
    twice = [name for name in categories if names.count(name) > 1]
    if twice:
        raise BadValue(f"labels: the model has the class '{twice[0]}' twice, expected once")
    notes = []
    strangers = [label for index, label in enumerate(labels) if index not in matched]
    if strangers:
        notes.append(
            f"{len(strangers)} of the model's {len(labels)} classes are no category of the data "
            f'set, what is found of them is left out: {_some(strangers)}')
    unknown = [name for name in categories if name not in names]
    if unknown:
        notes.append(
            f"{len(unknown)} of the data set's {len(categories)} categories are no class of the "
            f'model and are not judged: {_some(unknown)}')
    return {index: number for index, (_, number) in matched.items()}, notes


def _records(image: int, found: Detections, classes: Mapping[int, int]) -> list[Record]:
    """Return the boxes as COCO has them, rounded as in a file, which gives the same figures."""
    return [
        {'image_id': image, 'category_id': classes[kind],
         'bbox': [round(side, 3) for side in xywh(xyxy)], 'score': round(score, 6)}
        for xyxy, score, kind in zip(
            found.xyxy.tolist(), found.score.tolist(), found.class_id.tolist())
        if kind in classes]


def _plain(name: str) -> str:
    return re.sub(r'[\s_-]+', '', name).casefold()


def _some(names: Sequence[str]) -> str:
    return ', '.join(names[:8]) + (f' and {len(names) - 8} more' if len(names) > 8 else '')
