# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Bad messages of more than fifty kinds: each is a BadFrame that says what is wrong."""

from collections import Counter
from types import SimpleNamespace

from bad_messages import BAD_COMPRESSED, BAD_IMAGES
from faster_deploy_ros.errors import BadFrame
from faster_deploy_ros.nodes.convert import compressed_to_frame, image_to_frame
from image_messages import gradient, image_message
import numpy as np
import pytest

ALL = tuple((bad, image_to_frame) for bad in BAD_IMAGES) + tuple(
    (bad, compressed_to_frame) for bad in BAD_COMPRESSED)


def refusal(read, message):
    with pytest.raises(BadFrame) as caught:
        read(message)
    return str(caught.value)


def id_of(value):
    return value.kind if hasattr(value, 'kind') else None


def test_there_are_fifty_kinds_and_more():
    assert len({bad.kind for bad, _ in ALL}) == len(ALL) >= 50


@pytest.mark.parametrize(('bad', 'read'), ALL, ids=[bad.kind for bad, _ in ALL])
def test_a_bad_message_is_refused_when(bad, read):
    with pytest.raises(BadFrame, match=bad.says):
        read(bad.make())


@pytest.mark.parametrize(('bad', 'read'), ALL, ids=[bad.kind for bad, _ in ALL])
def test_the_error_says_where_what_was_expected_and_what_to_do_when(bad, read):
    text = refusal(read, bad.make())
    where, _, rest = text.partition(': ')
    assert where.startswith(('image ', 'compressed image '))
    assert "from 'camera'" in where
    assert 'expected' in rest or 'decodes nothing' in rest
    assert '\n' not in text
    assert text[-1] in '.?'
    assert len(text) < 1000, 'no message may fill the log'


def test_no_two_kinds_are_refused_in_the_same_words():
    texts = Counter(refusal(read, bad.make()) for bad, read in ALL)
    assert [text for text, count in texts.items() if count > 1] == []


@pytest.mark.parametrize(('data', 'says'), [
    ([300] * 12, 'no buffer of bytes'),
    ([-1] * 12, 'no buffer of bytes'),
    (['a'] * 12, 'no buffer of bytes'),
    ('a' * 12, 'no buffer of bytes'),
    (np.zeros((4, 9), np.uint8)[:, ::3], 'no buffer of bytes'),
    (np.zeros(12, np.float32), 'more than the 12 expected'),
    ([None] * 12, 'no buffer of bytes'),
    (None, 'no buffer of bytes'),
    (12, 'no buffer of bytes'),
], ids=['over 255', 'negative', 'letters', 'text', 'strided', 'floats', 'objects', 'none', 'int'])
def test_data_that_is_no_bytes_is_refused(data, says):
    good = image_message(gradient(2, 2), 'bgr8')
    message = SimpleNamespace(header=good.header, height=2, width=2, step=6, encoding='bgr8',
                              is_bigendian=0, data=data)
    assert says in refusal(image_to_frame, message)
