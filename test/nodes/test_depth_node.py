# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The depth node over real DDS: maps, calibrations and points that belong to their image."""

from array import array

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
pytest.importorskip('onnx', reason='onnx is not installed')

from depth_rig import (
    BLACK,
    calibration,
    colourful,
    depth_of,
    GREY,
    K,
    metres,
    metric_net,
    points_of,
)
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.nodes import depth_node
from faster_deploy_ros.nodes.depth_outlet import Wanted
from faster_deploy_ros.scenes import SceneRenderer
from faster_deploy_ros.tasks import DepthMap
from image_messages import encoded, gradient
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage

pytestmark = [pytest.mark.ros, pytest.mark.core]

SUCCESS = TransitionCallbackReturn.SUCCESS


def test_an_image_becomes_metres_points_and_a_calibration_of_the_same_stamp(depth_rig):
    bench = depth_rig()
    bench.start()
    for topic in ('depth/camera_info', 'points', 'debug_image'):
        bench.listen(topic)
    bench.calibrate()
    bench.serve(3, **colourful())
    assert bench.order == [1, 2, 3]
    for kind in (bench.results, bench.infos, bench.clouds, bench.pictures):
        assert [one.header for one in kind] == [one.header for one in bench.results]
        assert kind[0].header.frame_id == 'camera'
        assert (kind[0].width, kind[0].height) == (64, 48)
    # In this order, frame by frame, as far as one topic can be ordered against another.
    assert [stamp for topic, stamp in bench.heard if topic == 'points'] == [1, 2, 3]
    depth, points = depth_of(bench.results[0]), points_of(bench.clouds[0])
    assert bench.results[0].encoding == '32FC1'
    np.testing.assert_allclose(depth, metres(gradient().mean(axis=2)), rtol=0.03)
    np.testing.assert_array_equal(points['z'], depth)
    matrix = np.reshape(bench.infos[0].p, (3, 4))
    v, u = np.mgrid[0:48, 0:64]
    np.testing.assert_allclose(
        points['x'] / points['z'] * matrix[0, 0] + matrix[0, 2], u, atol=1e-3)
    np.testing.assert_allclose(
        points['y'] / points['z'] * matrix[1, 1] + matrix[1, 2], v, atol=1e-3)
    bits = points['rgb'].copy().view(np.uint32)
    bgr = np.stack([bits & 255, bits >> 8 & 255, bits >> 16 & 255], axis=-1)
    np.testing.assert_array_equal(bgr, gradient())
    assert bench.pictures[0].encoding == 'bgr8'
    bench.stop()


def test_what_nobody_listens_to_is_not_made(depth_rig, monkeypatch):
    made = []

    def spied(name):
        real = getattr(depth_node, name)

        def make(*args):
            made.append(name)
            return real(*args)
        return make

    for name in ('point_cloud', 'camera_info_message', 'depth_message', 'image_message'):
        monkeypatch.setattr(depth_node, name, spied(name))
    bench = depth_rig()
    bench.start()
    bench.calibrate()
    bench.serve(2)
    assert made == ['depth_message'] * 2
    bench.listen('points')
    bench.serve(1)
    assert made[2:] == ['depth_message', 'point_cloud']
    bench.leave('points')
    bench.listen('depth/camera_info')
    bench.listen('debug_image')
    bench.serve(1)
    assert made[4:] == ['depth_message', 'camera_info_message', 'image_message']
    frame = Frame(0, 'camera', np.zeros((48, 64, 3), np.uint8))
    metres = DepthMap(np.ones((48, 64), np.float32), 'metric')
    assert bench.node.encode(frame, metres, Wanted(*[False] * 4))[:4] == (None,) * 4
    assert len(made) == 7
    assert (len(bench.clouds), len(bench.infos), len(bench.pictures)) == (1, 1, 1)
    assert bench.node.road.health.published == 4


def test_millimetres_are_whole_and_unknown_is_nought(depth_rig):
    bench = depth_rig(depth_encoding='16UC1', max_depth_m=8.0)
    bench.start()
    bench.serve(1)
    bench.serve(1, data=BLACK)
    assert [one.encoding for one in bench.results] == ['16UC1'] * 2
    assert set(depth_of(bench.results[0]).ravel()) == {round(1000 * GREY)}
    assert set(depth_of(bench.results[1]).ravel()) == {0}, 'black is farther than 8 m'


def test_a_scale_calibrates_and_a_limit_makes_unknown(depth_rig):
    bench = depth_rig(depth_scale=2.0, max_depth_m=16.0)
    bench.start()
    bench.listen('points')
    bench.calibrate()
    bench.serve(1)
    np.testing.assert_allclose(depth_of(bench.results[0]), 2 * GREY, rtol=1e-5)
    bench.serve(1, data=BLACK)
    assert np.isnan(depth_of(bench.results[1])).all()
    points = points_of(bench.clouds[1])
    assert all(np.isnan(points[axis]).all() for axis in 'xyz')
    assert not bench.clouds[1].is_dense
    assert bench.node.road.health.failed == 0


@pytest.mark.parametrize('size', [(128, 96), (40, 20)], ids=['larger', 'smaller'])
def test_results_of_a_size_of_their_own_still_agree(depth_rig, size):
    width, height = size
    bench = depth_rig(output_width=width, output_height=height)
    bench.start()
    bench.listen('points')
    bench.listen('depth/camera_info')
    bench.calibrate()
    bench.serve(1, **colourful())
    (depth,), (info,), (cloud,) = bench.results, bench.infos, bench.clouds
    for one in (depth, info, cloud):
        assert (one.width, one.height) == size
    points = points_of(cloud)
    matrix = np.reshape(info.p, (3, 4))
    u = points['x'] / points['z'] * matrix[0, 0] + matrix[0, 2]
    np.testing.assert_allclose(u, np.broadcast_to(np.arange(width), u.shape), atol=1e-3)
    assert matrix[0, 0] == pytest.approx(K[0] * width / 64)
    bgr = points['rgb'].copy().view(np.uint8).reshape(height, width, 4)[..., :3]
    resized = cv2.resize(gradient(), size, interpolation=(
        cv2.INTER_LINEAR if width > 64 else cv2.INTER_AREA))
    np.testing.assert_array_equal(bgr, resized)


def test_points_may_be_fewer_and_without_colour(depth_rig):
    bench = depth_rig(points_color=False, points_stride=5)
    bench.start()
    bench.listen('points')
    bench.calibrate()
    bench.serve(1, **colourful())
    cloud = bench.clouds[0]
    points = points_of(cloud)
    assert (cloud.width, cloud.height, cloud.point_step) == (13, 10, 12)
    assert points.dtype.names == ('x', 'y', 'z')
    np.testing.assert_array_equal(points['z'], depth_of(bench.results[0])[::5, ::5])


def test_a_compressed_image_has_depth_too(depth_rig):
    bench = depth_rig(image_transport='compressed')
    camera = bench.bench.create_publisher(CompressedImage, 'image/compressed', 10)
    assert bench.node.trigger_configure() == bench.node.trigger_activate() == SUCCESS
    bench.until(lambda: camera.get_subscription_count() == 1
                and bench.bench.count_publishers('depth/image_rect') == 1)
    bench.listen('points')
    bench.calibrate()
    message = CompressedImage(format='png', data=array('B', encoded(gradient(), '.png')))
    message.header.frame_id, message.header.stamp.nanosec = 'camera', 7
    camera.publish(message)
    bench.until(lambda: bench.order == [7] and len(bench.clouds) == 1)
    assert points_of(bench.clouds[0]).shape == (48, 64)


def test_many_workers_keep_the_order_of_every_topic(depth_rig):
    bench = depth_rig(workers=4)
    bench.start()
    bench.listen('points')
    bench.listen('depth/camera_info')
    bench.calibrate()
    bench.serve(24)
    bench.until(lambda: len(bench.results) == len(bench.infos) == len(bench.clouds) == 24)
    expected = list(range(1, 25))
    assert bench.order == expected
    for topic in ('depth/camera_info', 'points'):
        assert [stamp for heard, stamp in bench.heard if heard == topic] == expected


def test_listeners_come_and_go_while_frames_are_on_the_road(depth_rig):
    bench = depth_rig(workers=4)
    bench.start()
    bench.calibrate()
    for _ in range(4):
        bench.send(8)
        bench.listen('points')
        bench.listen('debug_image')
        bench.send(8)
        bench.leave('points')
        bench.leave('debug_image')
    bench.until(lambda: len(bench.results) == 64)
    assert bench.order == list(range(1, 65))
    for topic in ('points', 'debug_image'):
        stamps = [stamp for heard, stamp in bench.heard if heard == topic]
        assert stamps == sorted(set(stamps))
    health = bench.node.road.health
    assert (health.published, health.failed) == (64, 0)


@pytest.mark.parametrize(('farthest_m', 'colours'), [(0.0, 1), (12.0, 2)])
def test_with_a_farthest_distance_debug_colours_compare_between_pictures(
        depth_rig, farthest_m, colours):
    bench = depth_rig(debug_max_m=farthest_m, debug_colormap='inferno')
    bench.start()
    bench.listen('debug_image')
    bench.serve(1)
    bench.serve(1, data=BLACK)
    assert len({bytes(picture.data[:3]) for picture in bench.pictures}) == colours


def test_a_group_of_cores_serves_depth_too(depth_rig, tmp_path):
    model = metric_net(tmp_path / 'metric.onnx')
    bench = depth_rig(model=[model, model], overflow='drop_oldest')
    bench.start()
    bench.listen('points')
    bench.calibrate()
    for _ in range(6):
        bench.serve(1)
    assert len(bench.results) == len(bench.clouds) == 6


def test_a_parameter_that_says_the_unit_goes_over_the_models(depth_rig):
    bench = depth_rig()
    bench.node.set_parameters([Parameter('card.output.unit', value='dm')])
    bench.start()
    bench.serve(1)
    np.testing.assert_allclose(depth_of(bench.results[0]), GREY / 10, rtol=1e-5)


def test_a_street_has_the_depth_and_the_ground_that_it_has(depth_rig, shared_data):
    # The camera of KITTI stands 1.65 m above the road; its left images are camera 0 of the pair.
    bench = depth_rig(model=str(shared_data / 'models' / 'meter_xxs_kitti_192x640.onnx'),
                      family='metric_depth', **{'card.output.unit': 'dm'})
    bench.start()
    bench.listen('points')
    street = cv2.imread(str(shared_data / 'stereo' / 'left.png'), cv2.IMREAD_GRAYSCALE)
    height, width = street.shape
    bench.calibrate(calibration(
        [718.856, 0, 607.19, 0, 718.856, 185.22, 0, 0, 1], width, height))
    bench.serve(1, height=height, width=width, encoding='mono8', step=width,
                data=array('B', street.tobytes()))
    points = points_of(bench.clouds[0])
    assert points.shape == street.shape
    disparity = cv2.imread(
        str(shared_data / 'stereo' / 'disparity.png'), cv2.IMREAD_GRAYSCALE).astype(float)
    known = disparity > 0
    truth = np.median(718.856 * 0.573 / disparity[known])
    assert np.median(points['z'][known]) == pytest.approx(truth, rel=0.03)
    heights = np.median(points['y'][300:, 500:700], axis=1)   # of the road before the car
    np.testing.assert_allclose(heights, 1.65, rtol=0.06)


def test_the_shipped_model_puts_a_rendered_room_where_it_is(depth_rig):
    bench = depth_rig(model=depth_node.DepthParams().model)
    bench.start()
    bench.listen('points')
    scene = SceneRenderer(90212, size=(640, 480)).render(20)   # no room that it was trained on
    bench.calibrate(calibration(scene.camera_matrix.ravel().tolist(), 640, 480))
    bench.serve(1, height=480, width=640, step=1920, data=array('B', scene.image.tobytes()))
    points = points_of(bench.clouds[0])
    v, u = np.mgrid[0:480, 0:640]
    rays = np.linalg.inv(scene.camera_matrix) @ np.stack([u, v, np.ones_like(u)]).reshape(3, -1)
    truth = rays.T.reshape(480, 640, 3) * scene.depth[..., None]
    found = np.stack([points['x'], points['y'], points['z']], axis=-1)
    off = np.linalg.norm(found - truth, axis=-1) / np.linalg.norm(truth, axis=-1)
    assert np.median(off) < 0.08
