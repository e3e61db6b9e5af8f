# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A frame holds an image that a model can read, and nothing else."""

from faster_deploy_ros.frame import Frame
import numpy as np
import pytest


def test_a_frame_keeps_a_view_and_tells_its_size():
    image = np.zeros((4, 6, 3), np.uint8)
    frame = Frame(1_700_000_000_123_456_789, 'camera', image)
    assert frame.image is image
    assert (frame.height, frame.width) == (4, 6)
    assert frame.stamp_ns == 1_700_000_000_123_456_789
    assert frame.encoding == 'bgr8'


def test_a_view_with_padded_rows_is_an_image_too():
    padded = np.zeros((4, 8, 3), np.uint8)[:, :6]
    assert Frame(0, '', padded).width == 6


def test_a_frame_cannot_be_changed():
    frame = Frame(0, 'camera', np.zeros((1, 1, 3), np.uint8))
    with pytest.raises(AttributeError):
        frame.stamp_ns = 1


@pytest.mark.parametrize(('image', 'words'), [
    (np.zeros((4, 6), np.uint8), r'uint8 \(4, 6\), expected uint8 \(h, w, 3\)'),
    (np.zeros((4, 6, 4), np.uint8), r'\(4, 6, 4\)'),
    (np.zeros((4, 6, 3), np.float32), 'float32'),
    (np.zeros((0, 6, 3), np.uint8), 'empty'),
])
def test_what_no_model_could_read_is_refused(image, words):
    with pytest.raises(ValueError, match=words):
        Frame(0, '', image)


def test_an_unknown_encoding_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'mono8'.*bgr8.*rgb8"):
        Frame(0, '', np.zeros((1, 1, 3), np.uint8), 'mono8')
