# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is said about a model on the command line goes over its card, field by field."""

from argparse import ArgumentParser

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.errors import BadValue, LoadFailed
from faster_deploy_ros.tasks import DetectionOptions, ModelCard
from faster_deploy_ros.tasks.card import InputCard, OutputCard
from faster_deploy_ros.tools.card_words import add_card_arguments, read_card_arguments
import pytest


def said(*words):
    parser = ArgumentParser()
    add_card_arguments(parser)
    return read_card_arguments(parser.parse_args(words))


def test_nothing_said_leaves_the_card_beside_the_model():
    words = said()
    assert (words.family, words.card, words.over, words.labels) == ('auto', None, None, ())


def test_fields_are_said_one_by_one():
    words = said(
        '--set', 'output.unit=dm', '--set', 'input.size=[640, 192]', '--set', 'input.scale=1',
        '--set', 'labels=[a, b c]', '--family', 'yolox')
    assert words.over == ModelCard(
        '', ('a', 'b c'), InputCard(size=(640, 192), scale=1), OutputCard(unit='dm'))
    assert words.family == 'yolox'
    assert words.labels == ('a', 'b c')


@pytest.mark.parametrize(('words', 'reason'), [
    ('output.unit=parsec', r"output\.unit: got 'parsec', expected m or dm or cm or mm"),
    ('output.units=m', "unknown key 'units'"),
    ('unit=m', "unknown key 'unit'"),
    ('output.unit', 'expected field=value'),
    ('=m', 'expected field=value'),
    ('output.=m', 'expected field=value'),
    ('input.size=[640', 'expected a value as in YAML'),
    ('output=m', 'output: got'),
])
def test_a_field_that_is_none_is_refused_in_words(words, reason):
    with pytest.raises(BadValue, match=f'--set.*{reason}'):
        said('--set', words)


@pytest.mark.parametrize('words', [
    ('output.unit=m', 'output.unit=dm'), ('output={unit: m}', 'output.unit=dm'),
    ('output=m', 'output.unit=dm')])
def test_a_field_is_said_once(words):
    with pytest.raises(BadValue, match='it is said twice'):
        said('--set', words[0], '--set', words[1])


def test_a_card_of_its_own_stands_in_for_the_one_beside_the_model(tmp_path):
    card = tmp_path / 'other.yaml'
    card.write_text('family: yolov8\noutput: {unit: cm}\n')
    words = said('--card', str(card), '--set', 'output.unit=dm')
    assert words.card.family == 'yolov8'
    assert words.card.overridden(words.over).output.unit == 'dm'
    with pytest.raises(LoadFailed, match='cannot be read'):
        said('--card', str(tmp_path / 'absent.yaml'))


@pytest.mark.core
def test_a_model_is_opened_as_it_was_said(shapes_model):
    pytest.importorskip('onnxruntime')
    with open_core(str(shapes_model)) as core:
        assert said('--set', 'labels=[x, y, z]').open(core).labels == ('x', 'y', 'z')
        assert said('--set', 'input.color=rgb').open(
            core, DetectionOptions()).pixels.color == 'rgb'
        assert said().family_of(core) == 'yolox'
        assert said('--family', 'yolox_legacy').family_of(core) == 'yolox_legacy'
