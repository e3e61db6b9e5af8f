# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Detections to vision_msgs and back, the fast way giving what the slow way gives."""

from time import perf_counter

from faster_deploy_ros.errors import BadParameter
from faster_deploy_ros.nodes import detection_messages
from faster_deploy_ros.nodes.convert import (
    detections_to_message,
    label_info_message,
    message_to_detections,
)
from faster_deploy_ros.tasks.results import Detections
from geometry_msgs.msg import PoseWithCovariance
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header
from vision_msgs.msg import (
    BoundingBox2D,
    Detection2D,
    Detection2DArray,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
    Point2D,
    Pose2D,
)

LABELS = ('person', 'ball', 'dog')
corner = st.floats(-1e4, 1e4, width=32)
side = st.floats(0, 1e4, width=32)


def header():
    made = Header(frame_id='camera')
    made.stamp.sec, made.stamp.nanosec = 1700000000, 999999999
    return made


def detections(count):
    rng = np.random.default_rng(count)
    corners = rng.uniform(-5, 1900, (count, 2))
    return Detections(
        np.concatenate([corners, corners + rng.uniform(0, 300, (count, 2))], axis=1),
        rng.uniform(0, 1, count), rng.integers(0, 3, count))


def by_constructors(head, found, names):
    """Build the same message the way its documentation says, slowly."""
    made = []
    for (x1, y1, x2, y2), score, name in zip(
            found.xyxy.astype(float).tolist(), found.score.tolist(), names):
        hypothesis = ObjectHypothesis(class_id=name, score=score)
        centre = Point2D(x=x1 + (x2 - x1) / 2, y=y1 + (y2 - y1) / 2)
        made.append(Detection2D(
            header=head, id='',
            results=[ObjectHypothesisWithPose(hypothesis=hypothesis, pose=PoseWithCovariance())],
            bbox=BoundingBox2D(center=Pose2D(position=centre, theta=0.0),
                               size_x=x2 - x1, size_y=y2 - y1)))
    return Detection2DArray(header=head, detections=made)


@pytest.mark.parametrize('count', [0, 1, 7, 300])
def test_the_message_is_the_one_that_constructors_build_over_the_wire_too(count):
    found = detections(count)
    fast = detections_to_message(header(), found, LABELS)
    slow = by_constructors(header(), found, [str(n) for n in found.class_id])
    assert fast == slow
    assert repr(fast) == repr(slow)
    # Not byte by byte: the padding between the members is whatever lay in memory.
    wire = serialize_message(fast)
    assert len(wire) == len(serialize_message(slow))
    assert deserialize_message(wire, Detection2DArray) == slow


def test_every_detection_carries_the_header_of_the_image():
    message = detections_to_message(header(), detections(3), LABELS)
    assert [d.header for d in message.detections] == [header()] * 3
    assert message.header == header()


def test_nothing_found_is_an_empty_array_with_the_header():
    message = detections_to_message(header(), Detections.empty(), LABELS)
    assert message == Detection2DArray(header=header())


def test_class_id_is_the_number_or_the_name_as_asked():
    found = Detections([[0, 0, 1, 1]] * 4, [0.9, 0.8, 0.7, 0.6], [2, 0, 1, 3])

    def ids(form):
        message = detections_to_message(header(), found, LABELS, form)
        return [d.results[0].hypothesis.class_id for d in message.detections]

    assert ids('index') == ['2', '0', '1', '3']
    assert ids('name') == ['dog', 'person', 'ball', '3']


def test_an_unknown_class_id_format_is_refused():
    with pytest.raises(BadParameter, match="class_id_format: got 'names', expected one of index"):
        detections_to_message(header(), detections(1), LABELS, 'names')


@settings(deadline=None)
@given(st.lists(st.tuples(corner, corner, side, side, st.floats(0, 1, width=32),
                          st.integers(0, 2)), max_size=6), st.sampled_from(['index', 'name']))
def test_over_the_wire_and_back_nothing_changes(rows, form):
    found = Detections(
        np.array([(x, y, x + w, y + h) for x, y, w, h, _, _ in rows], np.float32).reshape(-1, 4),
        [row[4] for row in rows], [row[5] for row in rows])
    message = detections_to_message(header(), found, LABELS, form)
    wire = deserialize_message(serialize_message(message), Detection2DArray)
    back = message_to_detections(wire, LABELS)
    assert np.allclose(back.xyxy, found.xyxy, rtol=1e-6, atol=1e-9)
    assert np.array_equal(back.score, found.score)
    assert np.array_equal(back.class_id, found.class_id)


def test_of_several_hypotheses_the_best_one_is_read():
    message = detections_to_message(header(), detections(1), LABELS)
    best = ObjectHypothesisWithPose(hypothesis=ObjectHypothesis(class_id='dog', score=1.5))
    message.detections[0].results.append(best)
    assert message_to_detections(message, LABELS).class_id.tolist() == [2]


def test_a_class_that_nobody_knows_is_named():
    message = detections_to_message(header(), detections(1), ('cat',) * 3, 'name')
    with pytest.raises(BadParameter, match="got 'cat', expected a number or one of person, ball"):
        message_to_detections(message, LABELS)


def test_a_detection_without_hypothesis_is_refused():
    message = Detection2DArray(header=header(), detections=[Detection2D()])
    with pytest.raises(BadParameter, match='results: it is empty'):
        message_to_detections(message)


def test_label_info_numbers_the_labels_in_order():
    message = label_info_message(header(), LABELS, 0.25)
    assert [(c.class_id, c.class_name) for c in message.class_map] == list(enumerate(LABELS))
    assert message.threshold == 0.25
    assert deserialize_message(serialize_message(message), type(message)) == message


def test_more_labels_than_the_message_can_number_are_refused():
    with pytest.raises(BadParameter, match='got 65537 names, expected at most 65536'):
        label_info_message(header(), ('x',) * 65537, 0.5)


def test_messages_without_the_check_slot_are_filled_too(monkeypatch):
    # Humble has no such slot; there the bare object is complete without it.
    class Older:
        __slots__ = ('_x', '_y')

    point = detection_messages._bare_unchecked(Older)
    point._x, point._y = 1.0, 2.0
    assert (point._x, point._y) == (1.0, 2.0)


def test_the_fast_way_is_several_times_faster_than_the_constructors():
    found, head = detections(100), header()
    names = [str(n) for n in found.class_id]
    fast, slow = [], []
    for _ in range(15):
        begin = perf_counter()
        detections_to_message(head, found, LABELS)
        middle = perf_counter()
        by_constructors(head, found, names)
        fast.append(middle - begin)
        slow.append(perf_counter() - middle)
    assert min(slow) > 4 * min(fast)
