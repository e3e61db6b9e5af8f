# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`ros2 launch` as a user types it: frames in, ordered results out, nothing left behind."""

import os
import signal
import subprocess
import time

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')
pytest.importorskip('launch_ros', reason='launch_ros is not installed (apt, or from source)')

from launched import children, launched, ROS2, stop, TIMEOUT_S
from lifecycle_msgs.msg import Transition
from vision_msgs.msg import Detection2DArray
import yaml

pytestmark = [
    pytest.mark.ros, pytest.mark.slow,
    pytest.mark.skipif(ROS2 is None, reason='the ros2 command is not installed')]

MOCK = ('model:=mock.0://yolox?size=64x64&classes=3', 'log_level:=info')


@pytest.fixture
def bench(make_bench):
    return make_bench('detection', Detection2DArray, '/front/detections')


def test_one_command_gives_ordered_results_and_ctrl_c_leaves_nothing_behind(bench):
    with launched('detection', *MOCK) as process:
        bench.await_state('active')
        bench.send(10)
        assert [r.header.stamp.sec for r in bench.results] == list(range(1, 11))
        assert {r.header.frame_id for r in bench.results} == {'camera'}
        code, output = stop(process)
        assert children() == []
    assert code == 0, output
    assert 'process has finished cleanly' in output, output
    assert 'transport: ' in output


def test_without_autostart_a_manager_leads_it_through_its_life(bench):
    with launched('detection', *MOCK, 'autostart:=false') as process:
        bench.await_state('unconfigured')
        assert bench.change(Transition.TRANSITION_CONFIGURE)
        assert bench.change(Transition.TRANSITION_ACTIVATE)
        bench.send(3)
        assert bench.change(Transition.TRANSITION_DEACTIVATE)
        assert bench.change(Transition.TRANSITION_CLEANUP)
        bench.await_state('unconfigured')
        code, output = stop(process)
        assert children() == []
    assert code == 0, output


def test_a_node_that_dies_is_started_again(bench):
    with launched('detection', *MOCK) as process:
        bench.await_state('active')
        first, = children('lib/faster_deploy_ros/detection_node')
        os.kill(first, signal.SIGKILL)
        bench.until(lambda: children('lib/faster_deploy_ros/detection_node') not in ([], [first]),
                    'a new process')
        bench.await_state('active')
        bench.send(2)
        code, output = stop(process)
        assert children() == []
    assert code == 0, output
    assert 'detection: ended with -9, starts again' in output


def test_a_wrong_model_leaves_the_node_unconfigured_and_says_why(bench):
    with launched('detection', 'model:=/nowhere/yolox.onnx', 'threshold:=0.5') as process:
        bench.await_state('unconfigured')
        time_out = time.monotonic() + 2.0
        bench.until(lambda: time.monotonic() > time_out, 'a moment, in which it might respawn')
        bench.await_state('unconfigured')
        code, output = stop(process)
        assert children() == []
    assert code == 0, output
    assert '/nowhere/yolox.onnx' in output
    assert 'starts again' not in output


def test_the_arguments_reach_the_parameters(bench, tmp_path):
    file = tmp_path / 'mine.yaml'
    file.write_text('/**:\n  ros__parameters:\n    workers: 3\n    confidence_threshold: 0.1\n')
    with launched('detection', *MOCK, f'params_file:={file}', 'threshold:=1',
                  'use_sim_time:=true') as process:
        bench.await_state('active')
        dump = subprocess.run(
            [ROS2, 'param', 'dump', '/front/detection'], capture_output=True, text=True,
            timeout=TIMEOUT_S, check=True).stdout
        stop(process)
    values = yaml.safe_load(dump)['/front/detection']['ros__parameters']
    expected = {'workers': 3, 'confidence_threshold': 1.0, 'use_sim_time': True,
                'autostart': True, 'max_detections': 300}   # the last as nobody said otherwise
    assert {name: values[name] for name in expected} == expected
