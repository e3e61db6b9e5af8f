# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Detections as vision_msgs, and back.

The constructor of a generated message makes the default of every member, also of those that are
given: some thirty objects for one Detection2D. Here only the six that differ are made, by filling
the slots of a bare object; the header and the empty pose are shared. That is 16 times faster.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from faster_deploy_ros.errors import BadParameter, Unsupported
from faster_deploy_ros.tasks.results import Detections
from geometry_msgs.msg import PoseWithCovariance
import numpy as np
from std_msgs.msg import Header
from vision_msgs.msg import (
    BoundingBox2D,
    Detection2D,
    Detection2DArray,
    LabelInfo,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
    Point2D,
    Pose2D,
    VisionClass,
)

FORMATS = ('index', 'name')
MAX_LABELS = 1 << 16                # VisionClass.class_id is a uint16
NO_POSE = PoseWithCovariance()      # shared by all hypotheses, written by nobody
CHECKS = '_check_fields'            # since Jazzy a slot that every setter reads
SLOTS: Mapping[type[Any], tuple[str, ...]] = {
    Point2D: ('_x', '_y'),
    Pose2D: ('_position', '_theta'),
    BoundingBox2D: ('_center', '_size_x', '_size_y'),
    ObjectHypothesis: ('_class_id', '_score'),
    ObjectHypothesisWithPose: ('_hypothesis', '_pose'),
    Detection2D: ('_header', '_results', '_bbox', '_id'),
}
for _kind, _slots in SLOTS.items():
    if set(_kind.__slots__) - {CHECKS} != set(_slots):   # tell it at the start, not per frame
        raise Unsupported(
            f'{_kind.__module__}.{_kind.__name__}: has the slots {_kind.__slots__}, expected '
            f'{_slots} as in vision_msgs 4. Install vision_msgs 4 or newer.')


def detections_to_message(header: Header, detections: Detections, labels: Sequence[str],
                          class_id_format: str = 'index') -> Detection2DArray:
    """
    Make the message of one image's detections; an empty array where there are none.

    The parts share ``header`` and one pose: publish the message, do not change it.

    :param header: the image's.
    :param labels: the name of each class id; an id without one keeps its number.
    :param class_id_format: what ``class_id`` holds, ``'index'`` or ``'name'``.
    :raises BadParameter: another format.

    Thread: any
    """
    numbers = detections.class_id.tolist()
    if class_id_format == 'index':
        names = [str(number) for number in numbers]
    elif class_id_format == 'name':
        names = [labels[n] if n < len(labels) else str(n) for n in numbers]
    else:
        raise BadParameter(
            f"class_id_format: got '{class_id_format}', expected one of {', '.join(FORMATS)}")
    message = Detection2DArray(header=header)
    if numbers:
        # In double: the middle of two float32 is exact, and so is the way back.
        corners = detections.xyxy.astype(np.float64)
        sizes = corners[:, 2:] - corners[:, :2]
        centres = corners[:, :2] + 0.5 * sizes
        rows = np.concatenate([centres, sizes], axis=1).tolist()
        message.detections = [
            _detection(header, row, name, score)
            for row, name, score in zip(rows, names, detections.score.tolist())]
    return message


def _detection(header: Header, row: list[float], name: str, score: float) -> Detection2D:
    position = _bare(Point2D)
    position._x, position._y = row[0], row[1]
    centre = _bare(Pose2D)
    centre._position, centre._theta = position, 0.0
    box = _bare(BoundingBox2D)
    box._center, box._size_x, box._size_y = centre, row[2], row[3]
    hypothesis = _bare(ObjectHypothesis)
    hypothesis._class_id, hypothesis._score = name, score
    result = _bare(ObjectHypothesisWithPose)
    result._hypothesis, result._pose = hypothesis, NO_POSE
    detection = _bare(Detection2D)
    detection._header, detection._results = header, [result]
    detection._bbox, detection._id = box, ''
    return detection


def _bare_checked(kind: type[Any]) -> Any:
    message = kind.__new__(kind)
    message._check_fields = False
    return message


def _bare_unchecked(kind: type[Any]) -> Any:
    return kind.__new__(kind)


_bare = _bare_checked if CHECKS in Detection2D.__slots__ else _bare_unchecked


def message_to_detections(message: Detection2DArray, labels: Sequence[str] = ()) -> Detections:
    """
    Read a message back; of several hypotheses the best one counts.

    :param labels: for ``class_id`` as a name; a name that is no number has its index there.
    :raises BadParameter: a detection without hypothesis, or a class that ``labels`` lacks.

    Thread: any
    """
    if not message.detections:
        return Detections.empty()
    known = {name: number for number, name in enumerate(labels)}
    rows, scores, numbers = [], [], []
    for detection in message.detections:
        if not detection.results:
            raise BadParameter(
                'Detection2D.results: it is empty, expected a hypothesis. Is the publisher one '
                'of detections?')
        best = max((result.hypothesis for result in detection.results), key=lambda h: h.score)
        box = detection.bbox
        centre = box.center.position
        rows.append((centre.x, centre.y, box.size_x, box.size_y))
        scores.append(best.score)
        numbers.append(_class_number(best.class_id, known))
    boxes = np.array(rows, np.float64)
    half = 0.5 * boxes[:, 2:]
    xyxy = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
    return Detections(xyxy, np.array(scores), np.array(numbers))


def _class_number(text: str, known: Mapping[str, int]) -> int:
    if text in known:
        return known[text]
    if text.isdecimal():
        return int(text)
    raise BadParameter(
        f"ObjectHypothesis.class_id: got '{text}', expected a number or one of "
        f'{", ".join(known) or "no labels"}. Pass the labels of label_info.')


def label_info_message(header: Header, labels: Sequence[str],
                       threshold: float) -> LabelInfo:
    """
    Tell what each class id means, and below which score nothing is published.

    :raises BadParameter: there are more labels than the message can number.

    Thread: any
    """
    if len(labels) > MAX_LABELS:
        raise BadParameter(
            f'labels: got {len(labels)} names, expected at most {MAX_LABELS}, what '
            'vision_msgs/VisionClass can number')
    class_map = [VisionClass(class_id=number, class_name=name)
                 for number, name in enumerate(labels)]
    return LabelInfo(header=header, class_map=class_map, threshold=float(threshold))
