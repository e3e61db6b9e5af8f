# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The camera node: the pictures of its source, each once, stamped in order, at its rate."""

import json
from time import monotonic

import cv2
from faster_deploy_ros.scenes import SceneRenderer
import numpy as np
import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

camera_node = pytest.importorskip('faster_deploy_ros.nodes.camera_node')
pytestmark = pytest.mark.ros


class Viewer:
    """A camera and somebody who looks, on one thread."""

    def __init__(self, **parameters):
        self.node = camera_node.CameraNode(parameter_overrides=[
            Parameter(name, value=value) for name, value in parameters.items()])
        self.eye = Node('eye')
        self.seen = []
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.executor.add_node(self.eye)

    def look(self):
        self.eye.create_subscription(Image, 'image_raw', self.seen.append, QoSProfile(
            depth=100, reliability=ReliabilityPolicy.RELIABLE))

    def until(self, condition, timeout_s=20.0):
        end_s = monotonic() + timeout_s
        while not condition():
            assert monotonic() < end_s, f'not within {timeout_s} s; seen: {len(self.seen)}'
            self.executor.spin_once(timeout_sec=0.05)

    def close(self):
        self.node.end()
        self.executor.shutdown()
        self.node.destroy_node()
        self.eye.destroy_node()


@pytest.fixture
def viewer(ros):
    made = []

    def make(**parameters):
        made.append(Viewer(**parameters))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def folder(tmp_path):
    """Make three pictures, the last one of another size."""
    for number, size in enumerate(((48, 64), (48, 64), (24, 32))):
        picture = np.random.default_rng(number).integers(0, 255, (*size, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f'{number}.png'), picture)
    return tmp_path


def pixels(message):
    return np.array(message.data, np.uint8).reshape(message.height, message.width, 3)


def stamps(messages):
    return [message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
            for message in messages]


def test_every_picture_arrives_once_whole_and_in_order(viewer, folder):
    one = viewer(source=str(folder), fps=50.0, wait_for_subscribers=1)
    one.look()
    one.until(lambda: one.node.exit_code == 0)
    one.until(lambda: len(one.seen) == 3)
    for number, message in enumerate(one.seen):
        np.testing.assert_array_equal(
            pixels(message), cv2.imread(str(folder / f'{number}.png')))
        assert message.encoding == 'bgr8'
        assert message.step == message.width * 3
        assert message.header.frame_id == 'camera'
    assert stamps(one.seen) == sorted(set(stamps(one.seen)))


def test_a_scene_says_how_each_of_its_rooms_was_projected(viewer):
    one = viewer(source='scene', width=64, height=48, fps=200.0, frames=51, seed=4,
                 wait_for_subscribers=1)
    infos = []
    one.eye.create_subscription(CameraInfo, 'camera_info', infos.append, QoSProfile(
        depth=100, reliability=ReliabilityPolicy.RELIABLE))
    one.until(lambda: one.eye.count_publishers('camera_info') == 1)
    one.look()
    one.until(lambda: len(one.seen) == len(infos) == 51)
    assert stamps(infos) == stamps(one.seen)
    for index, room in ((0, 4), (49, 4), (50, 5)):
        matrix = SceneRenderer(room, size=(64, 48)).camera_matrix
        np.testing.assert_array_equal(infos[index].k, matrix.ravel())
        np.testing.assert_array_equal(infos[index].p, np.c_[matrix, np.zeros(3)].ravel())
        assert (infos[index].width, infos[index].height) == (64, 48)
        assert infos[index].header.frame_id == 'camera'


def test_a_source_that_does_not_know_its_projection_has_no_camera_info(viewer, folder):
    one = viewer(source=str(folder), fps=50.0)
    assert one.node.count_publishers('camera_info') == 0


def test_the_first_picture_waits_for_somebody_who_looks(viewer, folder):
    one = viewer(source=str(folder), fps=200.0, wait_for_subscribers=1)
    end_s = monotonic() + 0.5
    while monotonic() < end_s:
        one.executor.spin_once(timeout_sec=0.05)
    assert one.node.sent == 0
    one.look()
    one.until(lambda: len(one.seen) == 3)


def test_the_stamps_are_a_period_apart(viewer):
    one = viewer(source='scene', width=64, height=48, fps=40.0, frames=21,
                 wait_for_subscribers=1)
    one.look()
    one.until(lambda: len(one.seen) == 21)
    gaps_ms = np.diff(stamps(one.seen)) / 1e6
    assert np.median(gaps_ms) == pytest.approx(25.0, abs=5.0)


def test_a_loop_goes_on_until_the_asked_number(viewer, folder):
    one = viewer(source=str(folder), fps=200.0, frames=8, loop=True, wait_for_subscribers=1)
    one.look()
    one.until(lambda: len(one.seen) == 8)
    assert [message.height for message in one.seen] == [48, 48, 24, 48, 48, 24, 48, 48]


def test_the_report_tells_the_stamp_of_every_picture(viewer, folder, capfd):
    one = viewer(source=str(folder), fps=200.0, report=True, wait_for_subscribers=1)
    one.look()
    one.until(lambda: len(one.seen) == 3)
    said = []

    def done():
        said.extend(json.loads(line) for line in capfd.readouterr().out.splitlines()
                    if line.startswith('{'))
        return said and said[-1] == {'event': 'done', 'sent': 3}
    one.until(done)
    assert [event['stamp_ns'] for event in said[:-1]] == stamps(one.seen)
    assert [event['index'] for event in said[:-1]] == [0, 1, 2]
    assert one.node.exit_code is None, 'it stays for the reader of the report'


def test_kept_pictures_are_those_that_were_sent(viewer, folder, tmp_path):
    kept = tmp_path / 'kept'
    one = viewer(source=str(folder), fps=200.0, keep=str(kept))
    one.until(lambda: one.node.exit_code == 0)
    assert sorted(path.name for path in kept.iterdir()) == [
        '000000.jpg', '000001.jpg', '000002.jpg']


@pytest.mark.parametrize(('parameters', 'words'), [
    ({'source': '/no/such/film.mp4'}, "source '/no/such/film.mp4': there is no such file"),
    ({'fps': -1.0}, "parameter 'fps': got -1.0, expected 0.0 to 1000.0"),
    ({'fps': 30}, "parameter 'fps': got 30, expected a number (write 1.0, not 1)"),
    ({'qos': 'BEST'}, "parameter 'qos': got 'BEST', expected one of DEFAULT"),
])
def test_a_wrong_parameter_is_one_line_and_an_exit_code(viewer, capfd, parameters, words):
    one = viewer(**parameters)
    assert one.node.exit_code == 2
    fatal = [line for line in capfd.readouterr().err.splitlines() if 'FATAL' in line]
    assert len(fatal) == 1
    assert words in fatal[0]


def test_a_source_that_breaks_in_the_middle_ends_the_camera(viewer, folder, capfd):
    (folder / '1.png').write_bytes(b'no picture')
    one = viewer(source=str(folder), fps=200.0, wait_for_subscribers=1)
    one.look()
    one.until(lambda: one.node.exit_code is not None)
    assert one.node.exit_code == 2
    assert '1.png' in capfd.readouterr().err
    assert one.node.sent == 1
