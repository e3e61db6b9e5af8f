# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What every test can rely on: a ROS of its own, the shared data, honest skips."""

import importlib.util
import os
from pathlib import Path
import sys

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT / 'test' / 'models'))   # make_models, tensor_cores

# Two test runs on one machine, and the robot in the next room, never hear each other.
os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
# `python -m pytest` in a venv of ROS wheels works without scripts/test as well.
if (Path(sys.prefix) / 'share' / 'ament_index').is_dir():
    os.environ.setdefault('AMENT_PREFIX_PATH', sys.prefix)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, the tests marked `ros` where there is no ROS."""
    if importlib.util.find_spec('rclpy') is not None:
        return
    skip = pytest.mark.skip(reason='rclpy is not importable: source a ROS or use scripts/test')
    for item in items:
        if item.get_closest_marker('ros'):
            item.add_marker(skip)


@pytest.fixture(scope='session')
def checkout() -> Path:
    """Return the root of the checkout: what is not installed is found from here."""
    return CHECKOUT


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """Return the folder with real models, images, video and a bag, or skip the test."""
    place = Path(os.environ.get('FASTER_DEPLOY_DATA', CHECKOUT.parent / 'shared' / 'data'))
    if not place.is_dir():
        pytest.skip(f'the shared test data is absent: {place} (FASTER_DEPLOY_DATA names another)')
    return place


@pytest.fixture(scope='session')
def tiny_models(tmp_path_factory):
    """Return a function from the name of a tiny ONNX model to its path."""
    make_models = pytest.importorskip('make_models', reason='needs the package onnx')
    folder = tmp_path_factory.mktemp('tiny_models')
    paths = {}

    def path_of(name):
        if name not in paths:
            paths[name] = make_models.write(folder, name)
        return paths[name]

    return path_of
