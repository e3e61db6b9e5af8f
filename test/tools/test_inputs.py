# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the commands try a model on: pictures where its family is known, else noise."""

from argparse import ArgumentTypeError

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.tools.inputs import load_frames, Noise, open_feed, read_shape
import numpy as np
import pytest

DETECTOR = 'mock.0://yolox?size=64x32'


@pytest.fixture(scope='module')
def frames():
    return load_frames('scene', 2)


def shown(core, feed, number):
    """Return the inputs of one inference by name."""
    with core.lease() as blobs:
        feed.fill(blobs, number)
        return {blob.spec.name: blob.data.copy() for blob in blobs.inputs}


def test_a_known_family_is_shown_pictures_in_turn_and_any_other_model_noise(frames):
    with open_core(DETECTOR) as core:
        feed = open_feed(core, frames)
        assert feed.says == '2 pictures as Yolox prepares them'
        first, second, third = (shown(core, feed, number)['images'] for number in range(3))
        assert not np.array_equal(first, second)
        assert np.array_equal(first, third)
        assert isinstance(open_feed(core, []), Noise), 'no pictures'
    with open_core('mock.0://identity') as core:
        assert isinstance(open_feed(core, frames), Noise)
        with pytest.raises(BlobMismatch):
            open_feed(core, frames, family='yolox')


@pytest.mark.parametrize('images', [True, False])
@pytest.mark.parametrize(('shapes', 'words'), [
    ({'images': (1, 3, 64, 64)}, r'input .images.: got shape \(1, 3, 64, 64\)'),
    ({'image': (1, 3, 32, 64)}, "no input 'image', expected one of images")])
def test_a_shape_that_the_model_has_not_is_refused_whatever_it_is_tried_on(
        frames, images, shapes, words):
    with open_core(DETECTOR) as core, pytest.raises(BlobMismatch, match=words):
        open_feed(core, frames if images else [], shapes=shapes)


def test_an_open_shape_is_closed_for_noise_or_asked_for():
    specs = [BlobSpec('x', 'f4', (1, 3, -1, -1), True), BlobSpec('y', 'f4', (1,), False)]
    core = MockCore(specs=specs)
    core.load()
    with core:
        with pytest.raises(BlobMismatch, match='--shape x=1x3x640x640, for example'):
            open_feed(core, [])
        feed = open_feed(core, [], shapes={'x': (1, 3, 4, 6)})
        assert shown(core, feed, 0)['x'].shape == (1, 3, 4, 6)


@pytest.mark.parametrize(('dtype', 'least', 'most'), [
    ('f4', 0.9, 1.0), ('f2', 0.9, 1.0), ('u1', 250, 255), ('i8', 1, 1), ('i4', 1, 1)])
def test_noise_is_of_the_inputs_own_kind_and_the_same_for_the_same_number(dtype, least, most):
    core = MockCore(specs=[BlobSpec('x', dtype, (50, 50), True), BlobSpec('y', 'f4', (1,), False)])
    core.load()
    with core:
        feed = open_feed(core, [])
        first, again, other = (shown(core, feed, number)['x'] for number in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.min() <= 0.1
    assert least <= first.max() <= most


def test_a_shape_is_read_from_the_command_line():
    assert read_shape('images=1x3x640x640') == ('images', (1, 3, 640, 640))
    assert read_shape('a=b=7') == ('a=b', (7,))
    for text in ('images', '=1x3', 'images=1x0', 'images=1x', 'images=1x-1', 'images=axb'):
        with pytest.raises(ArgumentTypeError, match='images=1x3x640x640'):
            read_shape(text)
