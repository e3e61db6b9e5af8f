# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The files in config/ say what the source says: every parameter, with its default."""

from dataclasses import fields
from pathlib import Path
import re

import pytest
import yaml

pytest.importorskip('rclpy', reason='rclpy is not installed')

from faster_deploy_ros.nodes.depth_node import DepthParams
from faster_deploy_ros.nodes.detection_node import DetectionParams
from faster_deploy_ros.nodes.params import parameter_name

pytestmark = pytest.mark.ros

CONFIG = Path(__file__).parents[2] / 'config'
FILES = {'detection.yaml': DetectionParams, 'depth.yaml': DepthParams}
each_file = pytest.mark.parametrize(('name', 'params'), FILES.items(), ids=list(FILES))


def flat(page, prefix=''):
    """Yield each parameter by its dotted name, as ROS reads sections."""
    for key, value in page.items():
        if isinstance(value, dict):
            yield from flat(value, f'{prefix}{key}.')
        else:
            yield f'{prefix}{key}', value


def lines_of(name):
    return (CONFIG / name).read_text(encoding='utf-8').splitlines()


def parameters_of(name):
    page = yaml.safe_load('\n'.join(lines_of(name)))
    return dict(flat(page['/**']['ros__parameters']))


def plain(value):
    """Return a list parameter as the tuple it becomes: [''] stands for none."""
    return tuple(v for v in value if v) if isinstance(value, list | tuple) else value


@each_file
def test_the_file_names_exactly_the_parameters_of_the_node(name, params):
    assert set(parameters_of(name)) == set(map(parameter_name, fields(params)))


@each_file
def test_the_file_has_the_default_of_every_parameter(name, params):
    written = {key: plain(value) for key, value in parameters_of(name).items()}
    defaults = {parameter_name(field): field.default for field in fields(params)}
    assert written == defaults
    assert [key for key, value in written.items() if type(value) is not type(defaults[key])] == []


@each_file
def test_every_parameter_is_explained_right_above(name, params):
    lines = lines_of(name)
    parameters = [i for i, line in enumerate(lines) if re.match(r' {4,}\w+: \S', line)]
    assert len(parameters) == len(fields(params))
    assert [lines[i] for i in parameters if not lines[i - 1].lstrip().startswith('# ')] == []
    assert [line for line in lines if len(line) > 99] == []


@each_file
def test_the_file_is_about_its_own_node(name, params):
    node = name.removesuffix('.yaml')
    text = '\n'.join(lines_of(name))
    assert f'Every parameter of {node}_node' in text
    assert set(re.findall(r'ros2 (?:lifecycle|param) set /(\w+)', text)) == {node}
