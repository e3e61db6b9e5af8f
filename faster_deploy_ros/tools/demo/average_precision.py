# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""AP50 of published objects against the scene's truth, by pycocotools."""

from collections.abc import Sequence
from contextlib import redirect_stdout
import io

from faster_deploy_ros.sources import Box
from faster_deploy_ros.tools.demo.record import Found
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

BEST_OF_IMAGE = 100   # COCO's limit of objects per image


def ap50(truths: Sequence[Sequence[Box]], found: Sequence[Sequence[Found]],
         labels: Sequence[str]) -> float | None:
    """
    Return the average precision at an overlap (IoU) of 0.5, the mean over the classes.

    101-point interpolation as in COCO (https://cocodataset.org/#detection-eval).

    :param truths: the objects that are on each image; those not judged are neither right nor
        wrong to find.
    :param found: the objects that were found on each image, in the same order.
    :param labels: the classes that count; objects of other classes are left out.
    :return: None where the truth has no object at all.
    """
    classes = {label: number for number, label in enumerate(labels, start=1)}
    judged = [(image, classes[box.label], box, 0)
              for image, boxes in enumerate(truths) for box in boxes if box.judged]
    # COCO's crowd: what lies in it is neither right nor wrong
    ignored = [(image, number, box, 1) for image, boxes in enumerate(truths)
               for box in boxes if not box.judged for number in classes.values()]
    annotations = [
        {'id': number, 'image_id': image, 'category_id': category, 'bbox': _xywh(box.xyxy),
         'area': _area(box.xyxy), 'iscrowd': crowd}
        for number, (image, category, box, crowd) in enumerate(judged + ignored, start=1)]
    results = [
        {'image_id': image, 'category_id': classes[one.label], 'bbox': _xywh(one.xyxy),
         'score': one.score}
        for image, objects in enumerate(found) for one in objects if one.label in classes]
    if not judged:
        return None
    if not results:
        return 0.0
    with redirect_stdout(io.StringIO()):   # pycocotools prints its progress
        truth = COCO()
        truth.dataset = {
            'images': [{'id': image} for image in range(len(truths))],
            'annotations': annotations,
            'categories': [{'id': number, 'name': label} for label, number in classes.items()],
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), 'bbox')
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ['all']
        evaluation.params.maxDets = [BEST_OF_IMAGE]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval['precision']
    return round(float(precision[precision > -1].mean()), 4)


def _xywh(xyxy: Sequence[float]) -> list[float]:
    left, top, right, bottom = xyxy
    return [left, top, right - left, bottom - top]


def _area(xyxy: Sequence[float]) -> float:
    left, top, right, bottom = xyxy
    return (right - left) * (bottom - top)
