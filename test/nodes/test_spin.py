# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The process starts by itself, ends by a signal, and says how it went."""

import os
import signal
import subprocess
import sys
import threading
from time import monotonic, sleep

import pytest

from rig import MOCK  # isort: skip

pytestmark = pytest.mark.ros
NODE = [sys.executable, '-m', 'faster_deploy_ros.nodes.detection_node', '--ros-args']


class Process:
    """A node process whose log can be waited for."""

    def __init__(self, *parameters):
        arguments = [part for name in parameters for part in ('-p', name)]
        self.process = subprocess.Popen(
            NODE + arguments, stderr=subprocess.PIPE, text=True,
            env={**os.environ, 'RCUTILS_LOGGING_BUFFERED_STREAM': '0'})
        self.lines = []
        self._news = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self._news:
                self.lines.append(line)
                self._news.notify_all()

    def wait_for(self, words, timeout_s=30):
        with self._news:
            assert self._news.wait_for(
                lambda: any(words in line for line in self.lines), timeout_s), self.lines

    def end(self, sign):
        self.process.send_signal(sign)
        return self.process.wait(timeout=20)


@pytest.fixture
def process(monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', '39')
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    made = []

    def start(*parameters):
        made.append(Process(*parameters))
        return made[-1]

    yield start
    for one in made:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait(timeout=20)
        one.reader.join(20)
        one.process.stderr.close()


@pytest.mark.parametrize('sign', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_an_active_node_in_good_order(process, sign):
    node = process(f'model:={MOCK}', 'family:=yolox', 'autostart:=true')
    node.wait_for('active')
    assert node.end(sign) == 0
    assert not any('Traceback' in line for line in node.lines), node.lines


def test_the_same_wish_sent_twice_is_one(process):
    node = process(f'model:={MOCK}', 'family:=yolox', 'autostart:=true')
    node.wait_for('active')
    node.process.send_signal(signal.SIGTERM)   # as systemd does, and launch a moment later
    assert node.end(signal.SIGINT) == 0


@pytest.mark.parametrize('sign', [signal.SIGINT, signal.SIGTERM])
def test_the_same_wish_sent_again_and_again_until_the_end_is_one(process, sign):
    """Python itself needs a third of a second to end, when nobody of ours listens any more."""
    node = process(f'model:={MOCK}', 'family:=yolox', 'autostart:=true')
    node.wait_for('active')
    until_s = monotonic() + 3   # within which signals mean the same
    while node.process.poll() is None and monotonic() < until_s:
        node.process.send_signal(sign)
        sleep(0.01)
    assert node.process.wait(timeout=20) == 0


def test_a_second_wish_ends_a_node_that_takes_too_long():
    code = (
        'import time\n'
        'from faster_deploy_ros.nodes import spin\n'
        'spin.SAME_WISH_S = 0.0\n'
        'asked = spin._on_signal(lambda: None)\n'
        'print("ready", flush=True)\n'
        'asked.wait()\n'
        'print("asked", flush=True)\n'
        'time.sleep(60)\n')
    with subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True) as slow:
        assert slow.stdout.readline() == 'ready\n'
        slow.send_signal(signal.SIGINT)
        assert slow.stdout.readline() == 'asked\n'
        slow.send_signal(signal.SIGINT)
        assert slow.wait(timeout=20) == 128 + signal.SIGINT


def test_a_bad_model_at_autostart_leaves_a_living_unconfigured_node(process):
    node = process('model:=absent.onnx', 'autostart:=true')
    node.wait_for('absent.onnx')
    assert node.process.poll() is None
    assert node.end(signal.SIGINT) == 0


def test_a_bad_parameter_at_the_start_leaves_a_living_node(process):
    node = process(f'model:={MOCK}', 'workers:=-1', 'autostart:=true')
    node.wait_for("parameter 'workers': got -1, expected 0 to 64")
    assert node.process.poll() is None
    assert node.end(signal.SIGTERM) == 0
