# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The style of ROS 2, judged by ament_flake8."""

from pathlib import Path

import pytest

flake8 = pytest.importorskip('ament_flake8.main', reason='ament_flake8 is not installed')

CHECKOUT = Path(__file__).resolve().parent.parent


# flake8's plugins are other people's code, with deprecations of their own.
@pytest.mark.filterwarnings('ignore')
def test_the_code_keeps_the_style_of_ros() -> None:
    paths = [CHECKOUT / name for name in (
        'faster_deploy_ros', 'test', 'benchmark', 'launch', 'setup.py')]
    status, errors = flake8.main_with_errors(argv=[
        '--config', str(CHECKOUT / 'test' / 'ament_flake8.ini'), *map(str, paths)])
    assert status == 0, '\n'.join(errors)
