# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a model is loaded from, before any runtime sees it."""

from faster_deploy_ros.cores.source import guess_layout, one_line, pack, unpack
import pytest


@pytest.mark.parametrize(('shape', 'layout'), [
    ((1, 3, 416, 416), 'NCHW'), ((1, 416, 416, 3), 'NHWC'), ((1, 1, 28, 28), 'NCHW'),
    ((-1, -1, -1, 1), 'NHWC'), ((1, 3, 8, 3), 'NCHW'), ((-1, 3, -1, -1), 'NCHW'),
    ((1, 4, 8, 8), ''), ((1, 64, 64, 64), ''), ((1, -1, -1, -1), ''), ((3, 8, 8), ''), ((), '')])
def test_an_image_input_is_told_by_its_one_or_three_channels(shape, layout):
    assert guess_layout(shape) == layout


def test_a_model_of_two_files_is_the_same_two_again():
    weights = bytes(range(256)) * 3   # with zeros of their own
    assert unpack(pack(b'<net/>', weights)) == (b'<net/>', weights)
    assert unpack(pack(b'<net/>', b'')) == (b'<net/>', b'')
    assert unpack(b'<net/>') == (b'<net/>', b'')


def test_an_error_without_words_is_called_by_its_class():
    assert one_line(RuntimeError('two\n  lines ')) == 'two lines'
    assert one_line(KeyError()) == 'KeyError'
