# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The docstrings of ROS 2, judged by ament_pep257."""

from pathlib import Path

import pytest

pep257 = pytest.importorskip('ament_pep257.main', reason='ament_pep257 is not installed')

CHECKOUT = Path(__file__).resolve().parent.parent


def test_the_docstrings_keep_the_style_of_ros(capfd: pytest.CaptureFixture[str]) -> None:
    # D401 takes a property for a command; test_flake8 checks it and knows properties.
    status = pep257.main(['--add-ignore', 'D401', '--', *(
        str(CHECKOUT / name) for name in (
            'faster_deploy_ros', 'test', 'benchmark', 'launch', 'setup.py'))])
    assert status == 0, capfd.readouterr().err
