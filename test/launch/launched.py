# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`ros2 launch` as a user types it, and who looks at what it starts."""

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

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

ROS2 = shutil.which('ros2') or shutil.which('ros2', path=str(Path(sys.executable).parent))
ROOT = Path(__file__).parents[2]
MARK = 'FASTER_DEPLOY_LAUNCH_TEST'   # see conftest.py
TIMEOUT_S = 40.0


class Bench:
    """A camera, a listener and a lifecycle manager in one node, for a node called ``name``."""

    def __init__(self, name, message_type, topic):
        self.topic = topic
        self.node = rclpy.create_node('bench')
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.results = []
        self.camera = self.node.create_publisher(Image, '/camera/image_raw', QoSProfile(depth=50))
        self.node.create_subscription(
            message_type, topic, self.results.append, QoSProfile(depth=50))
        self.state_of = self.node.create_client(GetState, f'/front/{name}/get_state')
        self.changer = self.node.create_client(ChangeState, f'/front/{name}/change_state')

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
                   and self.node.count_publishers(self.topic) == 1, 'connections')
        for number in range(len(self.results) + 1, len(self.results) + count + 1):
            image = Image(height=48, width=64, encoding='bgr8', step=192,
                          data=array('B', bytes(48 * 192)))
            image.header.stamp.sec, image.header.frame_id = number, 'camera'
            self.camera.publish(image)
            self.until(lambda n=number: len(self.results) >= n, f'result {number}')


@contextmanager
def launched(name: str, *arguments: str) -> Iterator[subprocess.Popen]:
    """Run `ros2 launch` on one of our files; whatever happens, nothing stays behind."""
    process = subprocess.Popen(
        [ROS2, 'launch', str(ROOT / 'launch' / f'{name}.launch.py'), 'namespace:=front',
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
