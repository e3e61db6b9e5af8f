# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which calibration an image gets, and what is said where it gets none."""

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
pytest.importorskip('onnx', reason='onnx is not installed')

from depth_rig import BLACK, calibration, complaints, DepthRig, K, metric_net
from faster_deploy_ros.nodes import camera_feed
from faster_deploy_ros.nodes.depth_node import DepthNode
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import Image

pytestmark = [pytest.mark.ros, pytest.mark.core]

SUCCESS = TransitionCallbackReturn.SUCCESS


@pytest.mark.parametrize(('message', 'cause'), [
    (None, "no camera_info has arrived on '/camera_info', expected one beside each image; remap"),
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
    assert cause in said[0]
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
    for number, (k, size) in enumerate([
            (50.0, (64, 48)), (55.0, (64, 48)), (60.0, (64, 48)), (70.0, (32, 24))], 1):
        message = calibration([k, *K[1:]], *size)
        message.header.stamp.sec, message.header.stamp.nanosec = 5, number
        bench.calibrate(message)
    for stamp, wanted in ((1, 50.0), (2, 55.0), (3, 60.0), (4, 60.0), (9, 60.0)):
        image = Image(height=48, width=64, encoding='bgr8', step=192, data=BLACK)
        image.header.stamp.sec, image.header.stamp.nanosec = 5, stamp
        bench.camera.publish(image)
        focal[stamp] = wanted
    bench.until(lambda: len(bench.infos) == 5)
    assert {info.header.stamp.nanosec: info.k[0] for info in bench.infos} == focal


def test_of_the_calibrations_of_a_long_life_only_the_newest_are_kept(depth_rig):
    bench = depth_rig()
    bench.start()
    cameras = bench.node.cameras
    for number in range(100):
        message = calibration([50.0 + number, *K[1:]])
        message.header.stamp.nanosec = number
        cameras._on_info(message)
    assert cameras.received == 100
    kept = [one.stamp_ns for one in cameras._kept]
    assert kept == list(range(100 - camera_feed.KEPT, 100))


@pytest.mark.parametrize(('topic', 'warns'), [('image_raw', True), ('image_rect', False)])
def test_distortion_is_told_once_unless_the_images_are_rectified(ros, tmp_path, capfd, topic,
                                                                 warns):
    class Remapped(DepthNode):

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
