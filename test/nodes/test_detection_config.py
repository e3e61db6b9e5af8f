# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""config/detection.yaml says what the source says: every parameter, with its default."""

from dataclasses import fields
from pathlib import Path
import re

import pytest
import yaml

pytest.importorskip('rclpy', reason='rclpy is not installed')

from faster_deploy_ros.nodes.detection_node import DetectionParams
from faster_deploy_ros.nodes.params import parameter_name

pytestmark = pytest.mark.ros

FILE = Path(__file__).parents[2] / 'config' / 'detection.yaml'


def flat(page, prefix=''):
    """Yield each parameter by its dotted name, as ROS reads sections."""
    for key, value in page.items():
        if isinstance(value, dict):
            yield from flat(value, f'{prefix}{key}.')
        else:
            yield f'{prefix}{key}', value


PARAMETERS = dict(flat(
    yaml.safe_load(FILE.read_text(encoding='utf-8'))['/**']['ros__parameters']))


def plain(value):
    """Return a list parameter as the tuple it becomes: [''] stands for none."""
    return tuple(v for v in value if v) if isinstance(value, list | tuple) else value


def test_the_file_names_exactly_the_parameters_of_the_node():
    assert set(PARAMETERS) == set(map(parameter_name, fields(DetectionParams)))


@pytest.mark.parametrize('field', fields(DetectionParams), ids=parameter_name)
def test_the_file_has_the_default_of(field):
    written = plain(PARAMETERS[parameter_name(field)])
    assert type(written) is type(field.default)
    assert written == field.default


def test_every_parameter_is_explained_right_above():
    lines = FILE.read_text(encoding='utf-8').splitlines()
    parameters = [i for i, line in enumerate(lines) if re.match(r' {4,}\w+: \S', line)]
    assert len(parameters) == len(PARAMETERS)
    assert [lines[i] for i in parameters if not lines[i - 1].lstrip().startswith('# ')] == []
    assert [line for line in lines if len(line) > 99] == []
