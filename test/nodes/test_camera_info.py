# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""CameraInfo is read as its definition says: matrices, regions, binning, and what is no camera."""

from faster_deploy_ros.errors import BadFrame
from faster_deploy_ros.pinhole import Pinhole
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

from faster_deploy_ros.nodes.camera_info import (
    camera_info_message,
    is_distorted,
    read_camera_info,
)
from sensor_msgs.msg import CameraInfo, RegionOfInterest
from std_msgs.msg import Header

pytestmark = pytest.mark.ros

K = (500.0, 0.0, 319.5, 0.0, 510.0, 239.5, 0.0, 0.0, 1.0)
P = (480.0, 0.0, 322.0, -48.0, 0.0, 490.0, 241.0, 3.0, 0.0, 0.0, 1.0, 0.0)
NAN, INF = float('nan'), float('inf')


def info(k=K, p=P, width=640, height=480, **fields):
    return CameraInfo(width=width, height=height, k=list(k), p=list(p), **fields)


def test_the_projection_of_the_rectified_image_counts():
    assert read_camera_info(info()) == Pinhole(640, 480, 480.0, 490.0, 322.0, 241.0, -48.0, 3.0)


def test_a_driver_that_leaves_p_empty_is_read_by_k():
    assert read_camera_info(info(p=[0.0] * 12)) == Pinhole(640, 480, 500.0, 510.0, 319.5, 239.5)


def test_a_region_of_interest_moves_the_centre_and_is_the_size():
    roi = RegionOfInterest(x_offset=100, y_offset=50, width=200, height=120)
    assert read_camera_info(info(roi=roi)) == Pinhole(
        200, 120, 480.0, 490.0, 222.0, 191.0, -48.0, 3.0)


def test_binning_makes_one_pixel_of_several_whose_centre_lies_between_them():
    # The mean of the columns 2n and 2n + 1 is the column n: (2n + 0.5 + 0.5) / 2 - 0.5 = n.
    binned = read_camera_info(info(binning_x=2, binning_y=4))
    assert binned == Pinhole(320, 120, 240.0, 122.5, 160.75, 59.875, -24.0, 0.75)
    assert read_camera_info(info(binning_x=1, binning_y=1)) == read_camera_info(info())


def test_binning_of_a_size_that_it_does_not_divide_leaves_the_rest_out():
    binned = read_camera_info(info(width=641, binning_x=2, binning_y=2))
    assert binned.size == (320, 240)
    assert binned.fx == 240.0


def test_a_region_is_cut_out_before_it_is_binned():
    roi = RegionOfInterest(x_offset=100, y_offset=50, width=200, height=120)
    binned = read_camera_info(info(roi=roi, binning_x=2, binning_y=2))
    assert binned == Pinhole(100, 60, 240.0, 245.0, 110.75, 95.25, -24.0, 1.5)


@pytest.mark.parametrize(('message', 'words'), [
    (info([0.0] * 9, [0.0] * 12), 'K and P are zero: the camera is not calibrated'),
    (info(p=(NAN, *P[1:])), 'P has focal lengths nan'),
    (info(p=(*P[:3], INF, *P[4:])), 'expected finite numbers'),
    (info(p=(-480.0, *P[1:])), 'P has focal lengths -480'),
    (info(p=(480.0, 0.0, 322.0, 0.0, 0.0, 0.0, *P[6:])), 'focal lengths 480 and 0'),
    (info(p=(480.0, 2.0, *P[2:])), 'P is no projection of a pinhole'),
    (info(p=(*P[:4], 2.0, *P[5:])), 'P is no projection of a pinhole'),
    (info(p=(*P[:10], 2.0, 0.0)), 'P is no projection of a pinhole'),
    (info((500.0, 0.0, 319.5, 0.0, 510.0, 239.5, 0.0, 0.0, 0.0), [0.0] * 12),
     'K is no projection of a pinhole'),
    (info(width=0, height=0), 'the image is 0x0'),
    (info(binning_x=1000), 'the image is 0x480'),
    (info(roi=RegionOfInterest(x_offset=541, width=100, height=100)), 'is not inside'),
    (info(roi=RegionOfInterest(y_offset=381, width=100, height=100)), 'is not inside'),
], ids=lambda value: value if isinstance(value, str) else '')
def test_what_is_no_calibration_is_named(message, words):
    with pytest.raises(BadFrame, match=r'^camera_info ') as caught:
        read_camera_info(message)
    assert words in str(caught.value)
    assert '\n' not in str(caught.value)


def test_the_message_describes_an_image_without_distortion():
    camera = Pinhole(320, 240, 250.0, 255.0, 160.25, 119.5, -25.0, 0.0)
    header = Header(frame_id='camera')
    message = camera_info_message(header, camera)
    assert message.header is header
    assert (message.width, message.height) == (320, 240)
    np.testing.assert_array_equal(
        np.reshape(message.k, (3, 3)), np.reshape(message.p, (3, 4))[:, :3])
    np.testing.assert_array_equal(np.reshape(message.r, (3, 3)), np.eye(3))
    assert list(message.d) == [0.0] * 5
    assert not is_distorted(message)
    assert (message.binning_x, message.binning_y, message.roi.width) == (0, 0, 0)
    assert read_camera_info(message) == camera


def test_a_lens_that_bends_is_noticed():
    assert is_distorted(info(d=[0.0, 0.0, 1e-4, 0.0, 0.0]))
    assert not is_distorted(info(d=[]))
