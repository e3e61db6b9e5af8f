# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A context of its own for every test with ROS."""

import itertools
import os

import pytest

rclpy = pytest.importorskip('rclpy', reason='rclpy is not installed')

DOMAINS = itertools.count(40 + os.getpid() % 20)


@pytest.fixture
def ros(monkeypatch):
    """Initialise rclpy alone on its domain, on this machine only."""
    monkeypatch.setenv('ROS_DOMAIN_ID', str(next(DOMAINS) % 100))
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    rclpy.init()
    yield rclpy
    rclpy.try_shutdown()


@pytest.fixture
def rig(ros):
    """Return a maker of rigs; each is closed at the end of the test."""
    from rig import Rig
    made = []

    def make(**parameters):
        made.append(Rig(**parameters))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def depth_rig(ros, tmp_path):
    """Return a maker of rigs with a depth node, of a metric net unless a model is given."""
    from depth_rig import DepthRig, metric_net
    made = []

    def make(topic='depth/image_rect', **parameters):
        parameters.setdefault('model', metric_net(tmp_path / 'metric.onnx'))
        made.append(DepthRig(topic, **parameters))
        return made[-1]

    yield make
    for one in made:
        one.close()
