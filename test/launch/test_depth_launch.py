# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`ros2 launch` of the depth node: it finds the calibration beside the images by itself."""

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')
pytest.importorskip('launch_ros', reason='launch_ros is not installed (apt, or from source)')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
pytest.importorskip('onnx', reason='onnx is not installed')

from launched import children, launched, ROS2, stop
import make_models
from onnx import helper
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

pytestmark = [
    pytest.mark.ros, pytest.mark.slow, pytest.mark.core,
    pytest.mark.skipif(ROS2 is None, reason='the ros2 command is not installed')]


@pytest.fixture
def model(tmp_path):
    """Write a net that says one metre of black."""
    path = tmp_path / 'metric.onnx'
    path.write_bytes(make_models.model(
        [helper.make_node('ReduceSum', ['image'], ['sum'], keepdims=0, axes=[1]),
         helper.make_node('Exp', ['sum'], ['depth'])],
        [make_models.tensor('image', (1, 3, 32, 64))], [make_models.tensor('depth', (1, 32, 64))],
        opset=11, family='metric_depth', unit='m'))
    return path


def test_points_come_with_the_calibration_beside_the_images(make_bench, model):
    bench = make_bench('depth', Image, '/front/depth/image_rect')
    clouds = []
    bench.node.create_subscription(PointCloud2, '/front/points', clouds.append, 10)
    info = CameraInfo(width=64, height=48, p=[50.0, 0, 31.5, 0, 0, 50, 23.5, 0, 0, 0, 1, 0])
    infos = bench.node.create_publisher(CameraInfo, '/camera/camera_info', 10)
    with launched('depth', f'model:={model}', 'depth_encoding:=16UC1') as process:
        bench.await_state('active')
        bench.until(lambda: infos.get_subscription_count() == 1, 'a listener to the calibration')
        infos.publish(info)
        bench.send(5)
        bench.until(lambda: clouds, 'points')
        code, output = stop(process)
        assert children() == []
    assert code == 0, output
    assert [one.header.stamp.sec for one in bench.results] == [1, 2, 3, 4, 5]
    assert bench.results[0].encoding == '16UC1'
    assert (clouds[0].width, clouds[0].height) == (64, 48)
