# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Each field of a model card is a parameter of every perception node, and says nothing unset."""

from dataclasses import fields

from faster_deploy_ros.tasks.card import InputCard, ModelCard, OutputCard
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

from faster_deploy_ros.nodes.card_params import CardParams
from faster_deploy_ros.nodes.params import DeclaredParameters, parameter_name
from rclpy.parameter import Parameter

pytestmark = pytest.mark.ros

SAID = {
    'card.input.size': [64, 48], 'card.input.color': 'rgb', 'card.input.scale': 1.0,
    'card.input.mean': [0.0, 0.0, 0.0], 'card.input.std': [0.5, 0.5, 1.0],
    'card.input.letterbox': 'stretch', 'card.input.pad': 0, 'card.input.layout': 'NHWC',
    'card.output.decoded': False, 'card.output.kind': 'metric', 'card.output.unit': 'dm',
    'card.output.scale': 0.5}


@pytest.fixture
def card_of(ros):
    nodes = []

    def card_of(**values):
        node = ros.create_node('reader', parameter_overrides=[
            Parameter(name, value=value) for name, value in values.items()])
        nodes.append(node)
        return DeclaredParameters(node, CardParams).read().card

    yield card_of
    for node in nodes:
        node.destroy_node()


def test_every_field_of_a_card_is_a_parameter_of_its_name():
    names = [f'card.{section}.{field.name}'
             for section, page in (('input', InputCard), ('output', OutputCard))
             for field in fields(page)]
    assert sorted(map(parameter_name, fields(CardParams))) == sorted(names) == sorted(SAID)


def test_unset_parameters_say_nothing(card_of):
    assert card_of() == ModelCard()


def test_all_of_them_reach_the_card(card_of):
    assert card_of(**SAID) == ModelCard(
        input=InputCard((64, 48), 'rgb', 1.0, (0, 0, 0), (0.5, 0.5, 1), 'stretch', 0, 'NHWC'),
        output=OutputCard(False, 'metric', 'dm', 0.5))


@pytest.mark.parametrize('name', SAID)
def test_one_alone_goes_over_its_field_and_leaves_the_others(card_of, name):
    own = ModelCard(
        'yolox', ('a',),
        InputCard((32, 32), 'bgr', 255, (1, 2, 3), (4, 5, 6), 'corner', 9, 'NCHW'),
        OutputCard(True, 'relative', 'mm', 7.0))
    _, section, field = name.split('.')
    seen = own.overridden(card_of(**{name: SAID[name]}))
    value = getattr(getattr(seen, section), field)
    assert (list(value) if isinstance(value, tuple) else value) == SAID[name]
    back = seen.overridden(ModelCard(**{
        section: type(getattr(own, section))(**{field: getattr(getattr(own, section), field)})}))
    assert back == own
