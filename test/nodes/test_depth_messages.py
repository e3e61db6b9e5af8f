# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth images keep to REP 118: metres or millimetres, and what is not known is said."""

from faster_deploy_ros.errors import BadParameter
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

from faster_deploy_ros.nodes.depth_messages import depth_message, image_message
from std_msgs.msg import Header

pytestmark = pytest.mark.ros

NAN = np.nan


def millimetres(*metres):
    message = depth_message(Header(), np.array([metres], np.float32), '16UC1')
    assert (message.encoding, message.step) == ('16UC1', 2 * len(metres))
    return np.frombuffer(message.data, '<u2').tolist()


def test_metres_are_the_numbers_themselves_to_the_last_bit():
    depth = np.random.default_rng(1).uniform(0.1, 80, (5, 7)).astype(np.float32)
    depth[2, 3] = NAN
    header = Header(frame_id='camera')
    message = depth_message(header, depth, '32FC1')
    assert message.header is header
    assert (message.width, message.height, message.step, message.encoding) == (7, 5, 28, '32FC1')
    assert bytes(message.data) == depth.astype('<f4').tobytes()


def test_millimetres_are_rounded_to_the_nearest():
    assert millimetres(1.0, 1.2344, 1.2346, 0.0016) == [1000, 1234, 1235, 2]


def test_what_is_not_known_too_near_or_too_far_for_millimetres_is_nought():
    assert millimetres(NAN, 0.0004, 65.6, 1e6, np.inf) == [0] * 5


def test_the_farthest_millimetre_is_still_there():
    assert millimetres(65.535, 65.5354, 65.536) == [65535, 65535, 0]


def test_a_depth_map_is_only_read():
    depth = np.full((2, 2), 70.0, np.float32)
    depth.flags.writeable = False
    depth_message(Header(), depth, '16UC1')
    assert (depth == 70).all()


def test_another_encoding_is_refused():
    with pytest.raises(BadParameter, match="got '8UC1', expected one of 32FC1, 16UC1"):
        depth_message(Header(), np.ones((2, 2), np.float32), '8UC1')


@pytest.mark.parametrize('shape', [(1, 1), (3, 1), (1, 3), (4, 5)])
def test_the_step_is_that_of_a_row_whatever_the_shape(shape):
    message = image_message(Header(), np.zeros((*shape, 3), np.uint8), 'bgr8')
    assert message.step == shape[1] * 3
    assert len(message.data) == shape[0] * shape[1] * 3


def test_a_part_of_a_picture_is_made_whole():
    whole = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    message = image_message(Header(), whole[1:3, 1:4], 'bgr8')
    assert bytes(message.data) == whole[1:3, 1:4].tobytes()
