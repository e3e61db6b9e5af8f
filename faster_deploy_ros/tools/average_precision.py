# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Average precision of boxes against known ones, by pycocotools."""

from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
import io
from typing import Any

from faster_deploy_ros.sources import Box
import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

Record = Mapping[str, Any]   # an annotation, a result or a category, as COCO's files have them
Array = NDArray[np.float64]

MOST = 100   # COCO's limit of objects per image
OVERLAPS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
# Name -> least and greatest area of an object in square pixels, as COCO has them.
AREAS: Mapping[str, tuple[float, float]] = {
    'all': (0, 1e10), 'small': (0, 32 ** 2), 'medium': (32 ** 2, 96 ** 2),
    'large': (96 ** 2, 1e10)}
ALL = {'all': AREAS['all']}


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """
    Precision and recall of all results; -1 where there is no object to be found.

    :param overlaps: the IoU from which an object counts as found.
    :param categories: ids, in the order of their axis.
    :param areas: names, in the order of their axis.
    :param precision: (overlaps, 101 recalls, categories, areas).
    :param recall: the highest one: (overlaps, categories, areas).
    :param score: at which the precision is reached; shaped as that.
    """

    overlaps: tuple[float, ...]
    categories: tuple[int, ...]
    areas: tuple[str, ...]
    precision: Array
    recall: Array
    score: Array

    def ap(self, overlap: float | None = None, area: str = 'all',
           category: int | None = None) -> float | None:
        """
        Return the average precision; over all overlaps and categories where none is given.

        :return: None where the truth has no such object.
        """
        rows = self.precision[self._overlap(overlap), ..., self.areas.index(area)]
        return _mean(rows[..., self._category(category)])

    def ar(self, area: str = 'all', category: int | None = None) -> float | None:
        """Return the highest recall, the mean over overlaps and categories."""
        return _mean(self.recall[..., self.areas.index(area)][..., self._category(category)])

    def curve(self, overlap: float | None = None, category: int | None = None) -> Array:
        """Return the precision at 101 recalls, 0 to 1, the mean over the categories judged."""
        rows = self.precision[self._overlap(overlap), ..., self.areas.index('all')]
        rows = rows[..., self._category(category)]      # (overlaps, recalls, categories)
        known = rows[..., (rows > -1).all(axis=(0, 1))]
        means: Array = known.mean(axis=(0, 2))
        return means

    @property
    def judged(self) -> tuple[int, ...]:
        """The categories of which the truth has an object."""
        highest = self.recall[..., self.areas.index('all')].max(axis=0).tolist()
        return tuple(one for one, recall in zip(self.categories, highest) if recall > -1)

    def _overlap(self, overlap: float | None) -> slice:
        return slice(None) if overlap is None else _only(self.overlaps.index(overlap))

    def _category(self, category: int | None) -> slice:
        return slice(None) if category is None else _only(self.categories.index(category))


def judge(
        images: Sequence[Any], annotations: Sequence[Record], categories: Sequence[Record],
        results: Sequence[Record], *, overlaps: Sequence[float] = OVERLAPS,
        areas: Mapping[str, tuple[float, float]] = AREAS, most: int = MOST) -> Judged:
    """
    Compare results with the truth, as COCO does (https://cocodataset.org/#detection-eval).

    :param images: their ids.
    :param annotations: the truth; of a crowd (``iscrowd``) it is neither right nor wrong to find
        what lies in it. Their ids are not looked at.
    :param categories: those that are judged; annotations and results of others are left out.
    :param most: results of an image that count, the best ones.
    """
    known = {category['id'] for category in categories}
    # Numbered anew: pycocotools takes an object whose id is 0 for one that was not found.
    truth = [
        {**record, 'id': number} for number, record in enumerate(
            (record for record in annotations if record['category_id'] in known), start=1)]
    found = [dict(record) for record in results if record['category_id'] in known]
    with redirect_stdout(io.StringIO()):   # pycocotools prints its progress
        reference = COCO()
        reference.dataset = {
            'images': [{'id': image} for image in images], 'annotations': truth,
            'categories': [dict(category) for category in categories]}
        reference.createIndex()
        answers = reference.loadRes(found) if found else _nothing(reference)
        evaluation = COCOeval(reference, answers, 'bbox')
        evaluation.params.iouThrs = np.array(overlaps)
        evaluation.params.areaRng = [list(limits) for limits in areas.values()]
        evaluation.params.areaRngLbl = list(areas)
        evaluation.params.maxDets = [most]
        evaluation.evaluate()
        evaluation.accumulate()
    table = evaluation.eval
    return Judged(
        tuple(overlaps), tuple(evaluation.params.catIds), tuple(areas),
        table['precision'][..., 0], table['recall'][..., 0], table['scores'][..., 0])


def xywh(xyxy: Sequence[float]) -> list[float]:
    """Return left, top, width and height of a box given by its corners."""
    left, top, right, bottom = xyxy
    return [left, top, right - left, bottom - top]


def annotations_of(
        image: int, boxes: Sequence[Box], categories: Mapping[str, int]) -> list[Record]:
    """
    Return the known boxes of an image as COCO's files have them.

    :param boxes: one that is not judged becomes a crowd of every category: what lies in it is
        neither right nor wrong to find.
    :param categories: label -> id.
    """
    return [
        _annotation(image, category, box) for box in boxes
        for category in ([categories[box.label]] if box.judged else categories.values())]


def _annotation(image: int, category: int, box: Box) -> Record:
    sides = xywh(box.xyxy)
    return {'image_id': image, 'category_id': category, 'bbox': sides,
            'area': sides[2] * sides[3], 'iscrowd': int(not box.judged)}


def _nothing(reference: Any) -> Any:
    """Return results of which there are none; ``loadRes`` looks at the first one."""
    empty = COCO()
    empty.dataset = {**reference.dataset, 'annotations': []}
    empty.createIndex()
    return empty


def _only(index: int) -> slice:
    return slice(index, index + 1)


def _mean(values: Array) -> float | None:
    known = values[values > -1]
    return float(known.mean()) if known.size else None
