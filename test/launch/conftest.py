# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""An installed package as far as launch needs it, and a bench beside the launched node."""

import os
from pathlib import Path
import sys

import pytest

ROOT = Path(__file__).parents[2]
MARK = 'FASTER_DEPLOY_LAUNCH_TEST'   # in the environment of what a test starts


@pytest.fixture
def environ(tmp_path, monkeypatch):
    """Install the package as far as launch needs it, and keep to a domain of our own."""
    share = tmp_path / 'share'
    (share / 'ament_index/resource_index/packages').mkdir(parents=True)
    (share / 'ament_index/resource_index/packages/faster_deploy_ros').touch()
    (share / 'faster_deploy_ros').symlink_to(ROOT)
    commands = tmp_path / 'lib' / 'faster_deploy_ros'
    commands.mkdir(parents=True)
    for name in ('depth_node', 'detection_node'):
        command = commands / name
        command.write_text(
            f'#!{sys.executable}\nimport sys\n'
            f'from faster_deploy_ros.nodes.{name} import main\nsys.exit(main())\n')
        command.chmod(0o755)
    for name, value in {
            'AMENT_PREFIX_PATH': _joined(str(tmp_path), os.environ.get('AMENT_PREFIX_PATH')),
            'PYTHONPATH': _joined(str(ROOT), os.environ.get('PYTHONPATH')),
            'ROS_LOG_DIR': str(tmp_path / 'log'), 'ROS_DOMAIN_ID': str(60 + os.getpid() % 30),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', MARK: str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.fixture
def make_bench(environ):
    """Return a maker of a camera and a listener beside a launched node."""
    from launched import Bench
    import rclpy
    made = []

    def make(*about):
        rclpy.init()
        made.append(Bench(*about))
        return made[-1]

    yield make
    for one in made:
        one.executor.shutdown()
        one.node.destroy_node()
    rclpy.try_shutdown()


def _joined(first: str, rest: str | None) -> str:
    return os.pathsep.join(p for p in (first, rest) if p)
