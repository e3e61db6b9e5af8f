# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""AP50 of published objects against the scene's truth."""

from collections.abc import Sequence

from faster_deploy_ros.sources import Box
from faster_deploy_ros.tools.average_precision import ALL, annotations_of, judge, xywh
from faster_deploy_ros.tools.demo.record import Found


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
    results = [
        {'image_id': image, 'category_id': classes[one.label], 'bbox': xywh(one.xyxy),
         'score': one.score}
        for image, objects in enumerate(found) for one in objects if one.label in classes]
    value = judge(
        range(len(truths)),
        [record for image, boxes in enumerate(truths)
         for record in annotations_of(image, boxes, classes)],
        [{'id': number, 'name': label} for label, number in classes.items()],
        results, overlaps=[0.5], areas=ALL).ap()
    return None if value is None else round(value, 4)
