# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Points, depth and camera_info agree: every point is seen again at its own pixel."""

from faster_deploy_ros.frame import Frame
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')
pytest.importorskip('onnx', reason='onnx is not installed')

from depth_rig import calibration, points_of
from faster_deploy_ros.nodes.camera_info import camera_info_message, read_camera_info
from faster_deploy_ros.nodes.point_cloud import point_cloud
from faster_deploy_ros.pinhole import Pinhole
from std_msgs.msg import Header

pytestmark = pytest.mark.ros

NAN = np.nan


@st.composite
def calibrations(draw):
    """Return what a driver might publish: P or K alone, the second of a pair, binned or not."""
    width, height = draw(st.integers(4, 200)), draw(st.integers(4, 200))
    fx, fy = (draw(st.floats(0.2, 4.0)) * side for side in (width, height))
    cx, cy = (draw(st.floats(-0.3, 1.3)) * side for side in (width, height))
    p, k = [0.0] * 12, [fx, 0, cx, 0, fy, cy, 0, 0, 1]
    if draw(st.booleans()):
        tx, ty = (draw(st.sampled_from([0.0, -0.1 * focal])) for focal in (fx, fy))
        p = [fx, 0, cx, tx, 0, fy, cy, ty, 0, 0, 1, 0]
        k = [2.0 * fx, 0, 1, 0, 3.0 * fy, 1, 0, 0, 1]   # of the raw image: must not be looked at
    return calibration(
        k, width, height, p, binning_x=draw(st.sampled_from([0, 1, 2])),
        binning_y=draw(st.sampled_from([0, 2])))


def depth_map(size, seed):
    rng = np.random.default_rng(seed)
    depth = np.exp(rng.uniform(np.log(0.05), np.log(100), size[::-1])).astype(np.float32)
    depth[rng.random(depth.shape) < 0.1] = NAN
    return depth


@settings(max_examples=150, deadline=None)
@given(calibrations(), st.sampled_from([1.0, 0.5, 0.37, 2.0, 3.3]), st.integers(1, 4),
       st.integers(0, 1 << 30))
def test_every_point_is_seen_by_camera_info_at_its_own_depth_pixel(info, scale, stride, seed):
    original = read_camera_info(info)
    size = tuple(max(round(side * scale), 1) for side in original.size)
    pinhole = original.resized(size)
    depth = depth_map(size, seed)
    cloud = point_cloud(Header(), depth, pinhole, stride=stride)
    published = camera_info_message(Header(), pinhole)
    assert (published.width, published.height) == size
    points = points_of(cloud)
    expected = depth[::stride, ::stride]
    np.testing.assert_array_equal(points['z'], expected)
    known = ~np.isnan(expected)
    for axis in 'xyz':
        np.testing.assert_array_equal(np.isnan(points[axis]), ~known)
    xyz1 = np.stack([points['x'], points['y'], points['z'], np.ones_like(expected)])
    u, v, w = np.einsum('ij,jhw->ihw', np.reshape(published.p, (3, 4)), xyz1.astype(float))
    rows, columns = np.indices(expected.shape) * stride
    np.testing.assert_allclose((u / w)[known], columns[known], atol=1e-3)
    np.testing.assert_allclose((v / w)[known], rows[known], atol=1e-3)


def test_the_axes_are_those_of_the_optical_frame():
    camera = Pinhole(5, 5, 4.0, 4.0, 2.0, 2.0)
    points = points_of(point_cloud(Header(), np.full((5, 5), 8.0, np.float32), camera))
    assert points[2, 2].tolist() == (0.0, 0.0, 8.0)
    assert points[2, 4].tolist() == (4.0, 0.0, 8.0), 'to the right is x'
    assert points[4, 2].tolist() == (0.0, 4.0, 8.0), 'down is y'


def test_a_scene_is_found_again_in_metres():
    # A wall 3 m away that is 2 m wide, seen by a camera of 90 degrees.
    camera = Pinhole(600, 400, 300.0, 300.0, 299.5, 199.5)
    points = points_of(point_cloud(Header(), np.full((400, 600), 3.0, np.float32), camera))
    assert points['x'][0, 400] - points['x'][0, 200] == pytest.approx(2.0)


@pytest.mark.parametrize('encoding', ['bgr8', 'rgb8'])
def test_a_colour_is_packed_as_rviz_and_pcl_read_it(encoding):
    pixels = np.zeros((3, 4, 3), np.uint8)
    pixels[1, 2] = (30, 20, 10) if encoding == 'bgr8' else (10, 20, 30)
    camera = Pinhole(4, 3, 4.0, 4.0, 1.5, 1.0)
    cloud = point_cloud(
        Header(), np.ones((3, 4), np.float32), camera, Frame(0, '', pixels, encoding))
    assert [(field.name, field.offset) for field in cloud.fields] == [
        ('x', 0), ('y', 4), ('z', 8), ('rgb', 12)]
    assert cloud.point_step == 16
    bits = points_of(cloud)['rgb'].copy().view(np.uint32)
    assert bits[1, 2] == 10 << 16 | 20 << 8 | 30
    assert bits[0, 0] == 0


def test_an_image_of_another_size_colours_the_points_where_they_are():
    left_red = np.zeros((80, 120, 3), np.uint8)
    left_red[:, :60, 2] = 255
    camera = Pinhole(30, 20, 30.0, 30.0, 14.5, 9.5)
    cloud = point_cloud(
        Header(), np.ones((20, 30), np.float32), camera, Frame(0, '', left_red), stride=2)
    bits = points_of(cloud)['rgb'].copy().view(np.uint32)
    assert bits.shape == (10, 15)
    assert set(bits[:, :7].ravel()) == {255 << 16}
    assert set(bits[:, 8:].ravel()) == {0}


def test_the_header_and_the_flags_are_said():
    header = Header(frame_id='camera')
    cloud = point_cloud(header, np.full((2, 3), NAN, np.float32), Pinhole(3, 2, 1, 1, 1, 1))
    assert cloud.header is header
    assert (cloud.is_dense, cloud.is_bigendian, cloud.height, cloud.width) == (False, False, 2, 3)
