# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A calibration of numbers that no lens has is refused: its points would be infinite."""

from faster_deploy_ros.errors import BadFrame
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

from faster_deploy_ros.nodes.camera_info import read_camera_info
from sensor_msgs.msg import CameraInfo

pytestmark = pytest.mark.ros

P = (480.0, 0.0, 322.0, -48.0, 0.0, 490.0, 241.0, 3.0, 0.0, 0.0, 1.0, 0.0)
PLACES = {'fx': 0, 'cx': 2, 'tx': 3, 'fy': 5, 'cy': 6, 'ty': 7}


def calibrated(place, value):
    p = list(P)
    p[PLACES[place]] = value
    return CameraInfo(width=640, height=480, p=p)


@pytest.mark.parametrize(('place', 'value'), [
    *((place, value) for place in PLACES for value in (1e9, 1e308)),
    *((place, -1e300) for place in ('cx', 'cy', 'tx', 'ty')),
    ('fx', 1e-320), ('fy', 1e-30)])
def test_a_number_that_no_lens_has_is_refused(place, value):
    with pytest.raises(BadFrame, match=r'of less than 1e\+09 pixels, the focal lengths at'):
        read_camera_info(calibrated(place, value))


@pytest.mark.parametrize(('place', 'value'), [
    *((place, value) for place in PLACES for value in (9e8,)), ('fx', 1e-3), ('fy', 1e-3),
    ('tx', -9e8)])
def test_the_rays_of_what_is_let_through_are_finite(place, value):
    rays = read_camera_info(calibrated(place, value)).rays()
    assert all(np.isfinite(part).all() for part in rays)
