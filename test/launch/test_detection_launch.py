# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`ros2 launch` as a user types it: frames in, ordered results out, nothing left behind."""

from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')
pytest.importorskip('launch_ros', reason='launch_ros is not installed (apt, or from source)')

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray
import yaml

ROS2 = shutil.which('ros2') or shutil.which('ros2', path=str(Path(sys.executable).parent))
pytestmark = [
    pytest.mark.ros, pytest.mark.slow,
    pytest.mark.skipif(ROS2 is None, reason='the ros2 command is not installed')]

ROOT = Path(__file__).parents[2]
LAUNCH_FILE = ROOT / 'launch' / 'detection.launch.py'
MARK = 'FASTER_DEPLOY_LAUNCH_TEST'
TIMEOUT_S = 40.0
MOCK = ('model:=mock.0://yolox?size=64x64&classes=3', 'log_level:=info')


@pytest.fixture
def environ(tmp_path, monkeypatch):
    """Install the package as far as launch needs it, and keep to a domain of our own."""
    share = tmp_path / 'share'
    (share / 'ament_index/resource_index/packages').mkdir(parents=True)
    (share / 'ament_index/resource_index/packages/faster_deploy_ros').touch()
    (share / 'faster_deploy_ros').symlink_to(ROOT)
    commands = tmp_path / 'lib' / 'faster_deploy_ros'
    commands.mkdir(parents=True)
    command = commands / 'detection_node'
    command.write_text(
        f'#!{sys.executable}\nimport sys\n'
        'from faster_deploy_ros.nodes.detection_node import main\nsys.exit(main())\n')
    command.chmod(0o755)
    for name, value in {
            'AMENT_PREFIX_PATH': _joined(str(tmp_path), os.environ.get('AMENT_PREFIX_PATH')),
            'PYTHONPATH': _joined(str(ROOT), os.environ.get('PYTHONPATH')),
            'ROS_LOG_DIR': str(tmp_path / 'log'), 'ROS_DOMAIN_ID': str(60 + os.getpid() % 30),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', MARK: str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.fixture
def bench(environ):
    """Return a camera and a listener beside the launched node."""
    rclpy.init()
    made = Bench()
    yield made
    made.executor.shutdown()
    made.node.destroy_node()
    rclpy.try_shutdown()


class Bench:
    """A camera, a listener and a lifecycle manager in one node."""

    def __init__(self):
        self.node = rclpy.create_node('bench')
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.results = []
        self.camera = self.node.create_publisher(Image, '/camera/image_raw', QoSProfile(depth=50))
        self.node.create_subscription(
            Detection2DArray, '/front/detections', self.results.append, QoSProfile(depth=50))
        self.state_of = self.node.create_client(GetState, '/front/detection/get_state')
        self.changer = self.node.create_client(ChangeState, '/front/detection/change_state')

    def until(self, condition, what):
        end = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < end, f'timed out: {what}'
            self.executor.spin_once(timeout_sec=0.1)

    def call(self, client, request):
        self.until(client.service_is_ready, f'service {client.srv_name}')
        future = client.call_async(request)
        self.executor.spin_until_future_complete(future, timeout_sec=TIMEOUT_S)
        assert future.done(), f'timed out: answer of {client.srv_name}'
        return future.result()

    def change(self, transition):
        return self.call(self.changer, ChangeState.Request(
            transition=Transition(id=transition))).success

    def await_state(self, label):
        """Ask until the answer is right; a node that has just died never answers."""
        def reached():
            if not self.state_of.service_is_ready():
                return False
            future = self.state_of.call_async(GetState.Request())
            self.executor.spin_until_future_complete(future, timeout_sec=1.0)
            return future.done() and future.result().current_state.label == label
        self.until(reached, f'state {label}')

    def send(self, count):
        """Publish images one after the other, each when the last one's result is there."""
        self.until(lambda: self.camera.get_subscription_count() == 1
                   and self.node.count_publishers('/front/detections') == 1, 'connections')
        for number in range(len(self.results) + 1, len(self.results) + count + 1):
            image = Image(height=48, width=64, encoding='bgr8', step=192,
                          data=array('B', bytes(48 * 192)))
            image.header.stamp.sec, image.header.frame_id = number, 'camera'
            self.camera.publish(image)
            self.until(lambda n=number: len(self.results) >= n, f'result {number}')


@contextmanager
def launched(*arguments: str) -> Iterator[subprocess.Popen]:
    """Run `ros2 launch` on our file; whatever happens, nothing stays behind."""
    process = subprocess.Popen(
        [ROS2, 'launch', str(LAUNCH_FILE), 'namespace:=front',
         'input_image_topic:=/camera/image_raw', *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        yield process
    finally:
        process.kill()
        for pid in children():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        print(process.stdout.read() if not process.stdout.closed else '')   # shown on failure
        process.stdout.close()
        process.wait(10)


def stop(process: subprocess.Popen) -> tuple[int, str]:
    """Press Ctrl+C: the signal goes to launch and to the node, as a terminal sends it."""
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, output


def children(command: str = '') -> list[int]:
    """Return the processes that carry our mark, of this command, ourselves left out."""
    mark = f'{MARK}={os.environ[MARK]}'.encode()
    found = []
    for folder in Path('/proc').glob('[0-9]*'):
        with suppress(OSError):
            text = (folder / 'cmdline').read_bytes()
            if mark in (folder / 'environ').read_bytes().split(b'\0') \
                    and command.encode() in text and int(folder.name) != os.getpid():
                found.append(int(folder.name))
    return found


def test_one_command_gives_ordered_results_and_ctrl_c_leaves_nothing_behind(bench):
    with launched(*MOCK) as process:
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
    with launched(*MOCK, 'autostart:=false') as process:
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
    with launched(*MOCK) as process:
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
    with launched('model:=/nowhere/yolox.onnx', 'threshold:=0.5') as process:
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
    with launched(*MOCK, f'params_file:={file}', 'threshold:=1', 'use_sim_time:=true') as process:
        bench.await_state('active')
        dump = subprocess.run(
            [ROS2, 'param', 'dump', '/front/detection'], capture_output=True, text=True,
            timeout=TIMEOUT_S, check=True).stdout
        stop(process)
    values = yaml.safe_load(dump)['/front/detection']['ros__parameters']
    expected = {'workers': 3, 'confidence_threshold': 1.0, 'use_sim_time': True,
                'autostart': True, 'max_detections': 300}   # the last as nobody said otherwise
    assert {name: values[name] for name in expected} == expected


def _joined(first: str, rest: str | None) -> str:
    return os.pathsep.join(p for p in (first, rest) if p)
