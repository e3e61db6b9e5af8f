# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Parameters are declared once, checked, and never stop a node's start."""

from dataclasses import dataclass, FrozenInstanceError

from faster_deploy_ros.errors import BadParameter
from faster_deploy_ros.nodes.params import DeclaredParameters, parameter
import pytest
from rclpy.parameter import Parameter

pytestmark = pytest.mark.ros


@dataclass(frozen=True, slots=True)
class Knobs:
    threshold: float = parameter(0.25, 'Low scores go.', minimum=0.0, maximum=1.0)
    workers: int = parameter(2, 'Threads.', minimum=1, maximum=64)
    overflow: str = parameter('drop', 'Too many.', choices=('drop', 'block', ''))
    classes: tuple[str, ...] = parameter((), 'Names to keep.')
    quick: bool = parameter(False, 'Hurry.')
    age: float = parameter(0.0, 'Old ones go.', minimum=0.0)
    model: str | tuple[str, ...] = parameter('one', 'One or several.')
    size: tuple[int, ...] = parameter(
        (), 'Pixels.', minimum=1, maximum=99, count=2, name='image.size')
    mean: tuple[float, ...] = parameter((), 'Greys.', count=3, name='image.mean')
    scale: float = parameter(0.0, 'White.', choices=(0.0, 1.0, 255.0), name='image.scale')
    sure: bool | str = parameter('', 'Or not said.', name='image.sure')


@pytest.fixture
def declared(ros):
    nodes = []

    def declare(**overrides):
        node = ros.create_node('knobs', parameter_overrides=[
            Parameter(name, value=value) for name, value in overrides.items()])
        nodes.append(node)
        return node, DeclaredParameters(node, Knobs)

    yield declare
    for node in nodes:
        node.destroy_node()


def test_defaults_come_from_the_dataclass_alone(declared):
    _, parameters = declared()
    assert parameters.read() == Knobs()


def test_what_was_read_is_frozen(declared):
    knobs = declared()[1].read()
    with pytest.raises(FrozenInstanceError):
        knobs.threshold = 1.0


def test_launch_values_reach_the_dataclass_with_their_types(declared):
    _, parameters = declared(threshold=0.5, workers=8, overflow='block', classes=['a', 'b'],
                             quick=True)
    assert parameters.read() == Knobs(0.5, 8, 'block', ('a', 'b'), True)


def test_one_text_or_several_may_be_given_and_changed_into_each_other(declared):
    node, parameters = declared(model=['a', 'b'])
    assert parameters.read().model == ('a', 'b')
    assert node.set_parameters([Parameter('model', value='c')])[0].successful
    assert parameters.read().model == 'c'
    assert node.set_parameters([Parameter('model', value=['d'])])[0].successful
    assert parameters.read().model == ('d',)
    refusal = node.set_parameters([Parameter('model', value=[1, 2])])[0]
    assert not refusal.successful
    assert 'a string or a list of strings' in refusal.reason


def test_an_empty_string_in_a_list_means_nothing(declared):
    assert declared(classes=[''])[1].read().classes == ()


@pytest.mark.parametrize(('name', 'value', 'words'), [
    ('threshold', 1.5, 'got 1.5, expected 0.0 to 1.0'),
    ('threshold', 1, 'expected a number (write 1.0, not 1)'),
    ('threshold', float('nan'), 'got nan, expected 0.0 to 1.0'),
    ('workers', 0, 'got 0, expected 1 to 64'),
    ('workers', 2.0, 'expected an integer'),
    ('overflow', 'explode', "got 'explode', expected one of drop, block"),
    ('classes', [1, 2], 'expected a list of strings'),
    ('classes', 'person', 'expected a list of strings'),
    ('quick', 'yes', 'expected a boolean'),
    ('age', -1.0, 'got -1.0, expected at least 0.0'),
])
def test_a_bad_launch_value_is_told_at_read_and_mended_by_a_good_one(
        declared, name, value, words):
    node, parameters = declared(**{name: value})
    with pytest.raises(BadParameter) as caught:
        parameters.read()
    assert f"parameter '{name}'" in str(caught.value)
    assert words in str(caught.value)
    default = getattr(Knobs(), name)
    good = ['x'] if name == 'classes' else default
    assert node.set_parameters([Parameter(name, value=good)])[0].successful
    assert getattr(parameters.read(), name) == (('x',) if name == 'classes' else default)


def test_an_empty_list_from_a_file_is_an_empty_list(declared):
    # rcl has no type for [] and gives the parameter no value.
    _, parameters = declared(classes=None)
    assert parameters.read().classes == ()


IMAGE = {'image.size': [64, 48], 'image.mean': [0.5, 0.5, 1.0], 'image.scale': 255.0,
         'image.sure': True}


def test_a_field_may_be_called_otherwise_as_a_parameter(declared):
    node, parameters = declared(**IMAGE)
    knobs = parameters.read()
    assert (knobs.size, knobs.mean) == ((64, 48), (0.5, 0.5, 1.0))
    assert (knobs.scale, knobs.sure) == (255.0, True)
    assert not node.has_parameter('size')
    assert node.describe_parameter('image.scale').additional_constraints == (
        'one of: 0.0, 1.0, 255.0')


def test_a_list_of_numbers_that_was_given_can_be_taken_back(declared):
    node, parameters = declared(**IMAGE)
    answers = node.set_parameters([
        Parameter('image.size', value=[]), Parameter('image.mean', value=[]),
        Parameter('image.sure', value='')])
    assert all(answer.successful for answer in answers)
    knobs = parameters.read()
    assert (knobs.size, knobs.mean, knobs.sure) == ((), (), '')


def test_a_parameter_cannot_be_removed(declared):
    node, parameters = declared(classes=['a'])
    answer = node.set_parameters([Parameter('classes', value=None)])[0]
    assert (answer.successful, answer.reason) == (
        False, "parameter 'classes': cannot be removed, expected a value")
    assert parameters.read().classes == ('a',)


def test_whole_numbers_are_numbers_in_a_list(declared):
    assert declared(**{'image.mean': [0, 0, 1]})[1].read().mean == (0, 0, 1)


@pytest.mark.parametrize(('name', 'value', 'words'), [
    ('image.size', [64], 'got [64], expected 2 numbers'),
    ('image.size', [64, 0], 'got [64, 0], expected numbers of 1 to 99'),
    ('image.size', [64, 100], 'expected numbers of 1 to 99'),
    ('image.size', [64.0, 48.0], 'expected a list of whole numbers'),
    ('image.size', 64, 'expected a list of whole numbers'),
    ('image.size', ['64', '48'], 'expected a list of whole numbers'),
    ('image.mean', [0.5, 0.5], 'expected 3 numbers'),
    ('image.mean', [True, True, True], 'expected a list of numbers'),
    ('image.mean', [0.5, 0.5, float('nan')], 'expected finite numbers'),
    ('image.mean', [0.5, 0.5, float('inf')], 'expected finite numbers'),
    ('image.scale', 2.0, "got '2.0', expected one of 0.0, 1.0, 255.0"),
    ('image.sure', 'yes', "got 'yes', expected true, false or ''"),
    ('image.sure', 1, "got 1, expected true, false or ''"),
])
def test_a_wrong_value_of_a_section_is_told_at_launch_and_refused_later(
        declared, name, value, words):
    with pytest.raises(BadParameter) as caught:
        declared(**{name: value})[1].read()
    assert str(caught.value).startswith(f"parameter '{name}': got ")
    assert words in str(caught.value)
    node, parameters = declared()
    result = node.set_parameters([Parameter(name, value=value)])[0]
    assert not result.successful
    assert words in result.reason
    assert parameters.read() == Knobs()


def test_a_misspelt_parameter_is_told_with_the_name_that_was_meant(declared, capfd):
    declared(treshold=0.9, somebody_elses=1)
    said = capfd.readouterr().err
    assert "parameter 'treshold': this node has none of that name" in said
    assert "Did you mean 'threshold'?" in said
    assert 'somebody_elses' not in said


def test_every_bad_launch_value_is_told_not_only_the_first(declared):
    _, parameters = declared(threshold=2.0, workers=0)
    with pytest.raises(BadParameter, match=r'threshold.*workers'):
        parameters.read()


def test_a_bad_change_is_refused_with_its_reason_and_changes_nothing(declared):
    node, parameters = declared()
    result = node.set_parameters([Parameter('overflow', value='explode')])[0]
    assert not result.successful
    assert 'expected one of drop, block' in result.reason
    assert parameters.read() == Knobs()


def test_a_locked_set_refuses_changes_with_the_reason_given(declared):
    node, parameters = declared()
    parameters.lock('the node is active')
    result = node.set_parameters([Parameter('workers', value=3)])[0]
    assert not result.successful
    assert 'the node is active' in result.reason
    parameters.lock('')
    assert node.set_parameters([Parameter('workers', value=3)])[0].successful
    assert parameters.read().workers == 3


def test_a_user_sees_description_range_and_choices(declared):
    node, _ = declared()
    threshold = node.describe_parameter('threshold')
    assert threshold.description == 'Low scores go.'
    assert (threshold.floating_point_range[0].from_value,
            threshold.floating_point_range[0].to_value) == (0.0, 1.0)
    assert node.describe_parameter('overflow').additional_constraints == "one of: drop, block, ''"
