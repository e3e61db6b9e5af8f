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
    calibration,
    depth_of,
    DepthRig,
    K,
    metres,
    metric_net,
    points_of,
    relative_net,
)
from faster_deploy_ros.nodes import depth_node
from image_messages import encoded, gradient
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from rig import MOCK, Rig
from sensor_msgs.msg import CompressedImage, Image

pytestmark = [pytest.mark.ros, pytest.mark.core]

FAILURE, SUCCESS = TransitionCallbackReturn.FAILURE, TransitionCallbackReturn.SUCCESS
GREY = float(metres(90))   # of the rig's images
BLACK = array('B', bytes(48 * 192))
WHITE = array('B', b'\xff' * (48 * 192))   # of which the net says NaN


@pytest.fixture
def depth_rig(ros, tmp_path):
    """Return a maker of rigs, of the metric net unless a model is given."""
    made = []

    def make(topic='depth/image_rect', **parameters):
        parameters.setdefault('model', metric_net(tmp_path / 'metric.onnx'))
        made.append(DepthRig(topic, **parameters))
        return made[-1]

    yield make
    for one in made:
        one.close()


def colourful(**fields):
    """Return the fields of a smooth picture in which no two corners are alike."""
    return {'data': array('B', gradient().tobytes()), **fields}


def complaints(capfd, words):
    return [line for line in capfd.readouterr().err.splitlines() if words in line]


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


@pytest.mark.parametrize(('message', 'cause'), [
    (None, 'no camera_info has arrived; 1 publishers on'),
    (calibration([0.0] * 9), 'K and P are zero: the camera is not calibrated'),
    (calibration([float('nan'), *K[1:]]), 'P has focal lengths nan and 80'),
    (calibration([-70.0, *K[1:]]), 'P has focal lengths -70 and 80'),
    (calibration((*K[:6], 0.0, 0.0, 0.0)), 'P is no projection of a pinhole'),
    (calibration(width=640, height=480), 'belongs to images of 640x480, and the image is 64x48'),
    (calibration(width=0, height=0), 'the image is 0x0, expected at least 1x1'),
], ids=['none', 'zero', 'nan', 'negative', 'no pinhole', 'another size', 'no size'])
def test_without_a_calibration_that_fits_depth_goes_out_and_the_cause_is_named(
        depth_rig, capfd, message, cause):
    bench = depth_rig(diagnostics_period_s=0.1)
    bench.start()
    if message is not None:
        bench.calibrate(message)
    bench.serve(1)
    bench.until(lambda: cause in str(bench.message('camera_info')))
    assert bench.message('camera_info')[0] == b'\x00', 'nobody misses anything yet'
    assert not complaints(capfd, 'no depth/camera_info')
    bench.listen('points')
    bench.listen('depth/camera_info')
    bench.serve(5)
    bench.until(lambda: bench.message('camera_info')[0] == b'\x01')
    assert len(bench.results) == 6
    assert (bench.clouds, bench.infos) == ([], [])
    said = complaints(capfd, 'no depth/camera_info')
    assert len(said) == 1, said
    assert cause.partition(';')[0] in said[0]
    assert bench.node.road.health.failed == 0
    bench.calibrate()
    bench.serve(1)
    assert len(bench.clouds) == len(bench.infos) == 1
    bench.until(lambda: bench.message('camera_info')[0] == b'\x00')


def test_an_image_gets_the_calibration_of_its_own_stamp_else_the_newest_that_fits(depth_rig):
    bench = depth_rig()
    bench.start()
    bench.listen('depth/camera_info')
    focal = {}
    for number, (k, size) in enumerate([(50.0, (64, 48)), (60.0, (64, 48)), (70.0, (32, 24))], 1):
        message = calibration([k, *K[1:]], *size)
        message.header.stamp.sec, message.header.stamp.nanosec = 5, number
        bench.calibrate(message)
    for stamp, wanted in ((1, 50.0), (2, 60.0), (3, 60.0), (9, 60.0)):
        image = Image(height=48, width=64, encoding='bgr8', step=192, data=BLACK)
        image.header.stamp.sec, image.header.stamp.nanosec = 5, stamp
        bench.camera.publish(image)
        focal[stamp] = wanted
    bench.until(lambda: len(bench.infos) == 4)
    assert {info.header.stamp.nanosec: info.k[0] for info in bench.infos} == focal


@pytest.mark.parametrize(('topic', 'warns'), [('image_raw', True), ('image_rect', False)])
def test_distortion_is_told_once_unless_the_images_are_rectified(ros, tmp_path, capfd, topic,
                                                                 warns):
    class Remapped(depth_node.DepthNode):
        def __init__(self, **kwargs):
            super().__init__(cli_args=['--ros-args', '-r', f'image:=/front/{topic}'], **kwargs)

    class Bent(DepthRig):
        node_type = Remapped

    bench = Bent(model=metric_net(tmp_path / 'metric.onnx'))
    assert bench.node.trigger_configure() == bench.node.trigger_activate() == SUCCESS
    bent = calibration()
    bent.d = [-0.3, 0.1, 0.0, 0.0, 0.0]
    for _ in range(3):
        bench.calibrate(bent)
    assert len(complaints(capfd, 'its camera has distortion')) == int(warns)
    bench.close()


def test_a_fault_of_the_model_is_counted_and_the_next_image_served(depth_rig):
    bench = depth_rig(diagnostics_period_s=0.1)
    bench.start()
    bench.listen('points')
    bench.calibrate()
    bench.serve(1)
    bench.serve(1, data=WHITE)
    bench.serve(1)
    assert bench.order == [1, 3]
    assert [cloud.header.stamp.nanosec for cloud in bench.clouds] == [1, 3]
    health = bench.node.road.health
    assert (health.published, health.failed) == (2, 1)
    assert 'NaN, infinity' in health.last_error


def test_a_fault_in_one_message_publishes_none_of_the_frame(depth_rig, monkeypatch):
    real = depth_node.point_cloud

    def faulty(header, *args):
        if header.stamp.nanosec == 2:
            raise MemoryError('no room for points')
        return real(header, *args)
    monkeypatch.setattr(depth_node, 'point_cloud', faulty)
    bench = depth_rig()
    bench.start()
    bench.listen('points')
    bench.calibrate()
    bench.serve(3)
    assert bench.order == [1, 3]
    assert bench.node.road.health.failed == 1
    assert 'no room for points' in bench.node.road.health.last_error


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


def test_relative_depth_has_a_topic_of_its_own_and_no_points(depth_rig, tmp_path, capfd):
    bench = depth_rig('depth/relative', model=relative_net(tmp_path / 'midas.onnx'),
                      diagnostics_period_s=0.1)
    bench.start()
    bench.listen('points')
    bench.calibrate()
    bench.serve(4)
    assert bench.order == [1, 2, 3, 4]
    assert {one.encoding for one in bench.results} == {'32FC1'}
    np.testing.assert_allclose(depth_of(bench.results[0]), GREY, rtol=1e-5)
    topics = {name for name, _ in bench.node.get_publisher_names_and_types_by_node('depth', '/')}
    assert '/depth/relative' in topics
    assert not topics & {'/depth/image_rect', '/depth/camera_info', '/depth/disparity'}
    assert bench.clouds == []
    said = complaints(capfd, 'its scale is unknown')
    assert len(said) == 1
    assert "output '/points'" in said[0]
    bench.until(lambda: bench.counts('camera_info').get('kind') == 'relative')


def test_relative_depth_with_a_scale_is_metric(depth_rig, tmp_path):
    bench = depth_rig(model=relative_net(tmp_path / 'midas.onnx'), depth_scale=0.1,
                      depth_shift=0.2)
    bench.start()
    bench.listen('points')
    bench.calibrate()
    bench.serve(1)
    np.testing.assert_allclose(
        depth_of(bench.results[0]), 1 / (0.1 * GREY + 0.2), rtol=1e-5)
    assert len(bench.clouds) == 1


@pytest.mark.parametrize(('parameters', 'words'), [
    ({'output_width': 320}, "parameters 'output_width', 'output_height': got 320 and 0"),
    ({'depth_shift': 0.1}, "parameters 'depth_scale', 'depth_shift', 'min_depth_m'"),
    ({'min_depth_m': 5.0, 'max_depth_m': 2.0}, 'expected more than min_depth_m'),
    ({'depth_encoding': '64FC1'}, 'expected one of 32FC1, 16UC1'),
    ({'debug_colormap': 'jet'}, 'expected one of turbo, inferno'),
    ({'points_stride': 0}, "parameter 'points_stride': got 0, expected 1 to 64"),
    ({'model': MOCK}, "of the family 'yolox', which takes DetectionOptions"),
    ({'model': 'RELATIVE', 'depth_encoding': '16UC1'},
     "parameter 'depth_encoding': got '16UC1', which is millimetres, for a model whose depth is"),
    ({'model': 'RELATIVE', 'max_depth_m': 3.0}, 'limits in metres for relative depth'),
], ids=lambda value: ' '.join(value) if isinstance(value, dict) else '')
def test_parameters_that_contradict_fail_configure_in_one_line(
        depth_rig, tmp_path, capfd, parameters, words):
    if parameters.get('model') == 'RELATIVE':
        parameters = {**parameters, 'model': relative_net(tmp_path / 'midas.onnx')}
    bench = depth_rig(**parameters)
    assert bench.node.trigger_configure() == FAILURE
    lines = complaints(capfd, 'configure')
    assert len(lines) == 1, lines
    assert words in lines[0]
    assert 'unexpected' not in lines[0]


def test_a_depth_model_in_a_detection_node_is_refused_by_name(ros, tmp_path, capfd):
    bench = Rig(model=metric_net(tmp_path / 'metric.onnx'), family='auto')
    assert bench.node.trigger_configure() == FAILURE
    (line,) = complaints(capfd, 'configure')
    assert "of the family 'metric_depth', which takes DepthOptions" in line
    bench.close()


def test_configure_to_cleanup_again_and_again_leaves_no_entity(depth_rig):
    bench = depth_rig()
    entities = []
    for cycle in range(4):
        bench.start()
        bench.calibrate()
        bench.listen('points')
        bench.serve(2)
        assert len(bench.results) == len(bench.clouds) == 2 * (cycle + 1)
        bench.leave('points')
        bench.stop()
        entities.append((len(list(bench.node.publishers)), len(list(bench.node.subscriptions)),
                         len(list(bench.node.timers)), len(list(bench.node.guards))))
    assert len(set(entities)) == 1, entities
    assert bench.calibrations.get_subscription_count() == 0


def test_calibrations_of_another_life_are_forgotten(depth_rig):
    bench = depth_rig()
    bench.start()
    bench.calibrate()
    assert bench.node.trigger_deactivate() == bench.node.trigger_activate() == SUCCESS
    bench.connect()
    bench.listen('points')
    bench.serve(1)
    assert bench.clouds == []
    assert len(bench.results) == 1


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
