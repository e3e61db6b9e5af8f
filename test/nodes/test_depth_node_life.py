# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A depth node that is asked for what cannot be: faults, kinds of depth, parameters, its life."""

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')
pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
pytest.importorskip('onnx', reason='onnx is not installed')

from depth_rig import BLACK, complaints, depth_of, GREY, metric_net, relative_net, WHITE
from faster_deploy_ros.nodes import depth_node
from faster_deploy_ros.registry import Entry
from faster_deploy_ros.tasks import DepthMap, MODELS
from faster_deploy_ros.tasks.depth.metric_depth import MetricDepth
from rclpy.lifecycle import TransitionCallbackReturn
from rig import MOCK, Rig

pytestmark = [pytest.mark.ros, pytest.mark.core]

FAILURE = TransitionCallbackReturn.FAILURE


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
    ({'output_width': 16384, 'output_height': 16384},
     "parameters 'output_width', 'output_height': got 16384 and 16384, expected 67108864 pixels"),
    ({'depth_shift': 0.1}, "parameters 'depth_scale', 'depth_shift', 'min_depth_m'"),
    ({'min_depth_m': 5.0, 'max_depth_m': 2.0}, 'expected more than min_depth_m'),
    ({'depth_encoding': '64FC1'}, 'expected one of 32FC1, 16UC1'),
    ({'debug_colormap': 'jet'}, 'expected one of turbo, inferno'),
    ({'points_stride': 0}, "parameter 'points_stride': got 0, expected 1 to 64"),
    ({'model': MOCK}, "of the family 'yolox', which is one of detection, expected one of depth"),
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


class Fickle(MetricDepth):
    """A family whose maps are sometimes of another kind than it says."""

    def postprocess(self, blobs, geometry):
        found = super().postprocess(blobs, geometry)
        return found if found.depth.max() < 9 else DepthMap(found.depth, 'relative')


class Speechless(MetricDepth):
    """A family that does not say what kind of depth it gives."""

    kind = None


@pytest.fixture
def families():
    """Add the two families, as another package would."""
    for one in (Fickle, Speechless):
        MODELS.add(one.__name__.lower(), Entry(f'{__name__}:{one.__name__}'))
    yield
    for one in (Fickle, Speechless):
        del MODELS._entries[one.__name__.lower()]


def test_a_map_of_another_kind_fails_its_frame_and_is_not_published_as_metres(
        depth_rig, families):
    bench = depth_rig(family='fickle')
    bench.start()
    bench.serve(1)
    bench.serve(1, data=BLACK)
    bench.serve(1)
    assert bench.order == [1, 3]
    assert bench.node.road.health.failed == 1
    assert 'gave a map that is relative, expected metric' in bench.node.road.health.last_error


def test_a_model_that_does_not_say_its_kind_is_refused(depth_rig, families, capfd):
    bench = depth_rig(family='speechless')
    assert bench.node.trigger_configure() == FAILURE
    (line,) = complaints(capfd, 'configure')
    assert 'gives no depth' in line


def test_a_depth_model_in_a_detection_node_is_refused_by_name(ros, tmp_path, capfd):
    bench = Rig(model=metric_net(tmp_path / 'metric.onnx'), family='auto')
    assert bench.node.trigger_configure() == FAILURE
    (line,) = complaints(capfd, 'configure')
    assert "of the family 'metric_depth', which is one of depth" in line
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
