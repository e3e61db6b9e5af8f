# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs/Image to Frame: every encoding, every layout of the bytes, no needless copy."""

import sys
from types import SimpleNamespace

from faster_deploy_ros.errors import BadFrame
from faster_deploy_ros.nodes import bridge
from faster_deploy_ros.nodes.convert import image_to_frame
from faster_deploy_ros.nodes.encodings import ENCODINGS
from hypothesis import given, settings
from hypothesis import strategies as st
from image_messages import gradient, image_message, pack, PACKERS
import numpy as np
import pytest

VIEWS = ('bgr8', 'rgb8', '8UC3')
EXACT = {'bgr8', 'rgb8', '8UC3', 'bgra8', 'rgba8', '8UC4', 'bgr16', 'rgb16', 'bgra16', 'rgba16'}


def in_bgr(frame):
    return frame.image if frame.encoding == 'bgr8' else frame.image[..., ::-1]


def expected(encoding, bgr):
    grey = 'mono' in encoding or encoding.endswith('UC1')
    return np.repeat(bgr[..., 1:2], 3, axis=2) if grey else bgr


def wrong_by(frame, wanted, margin=0):
    inner = slice(margin, -margin or None)
    away = np.abs(in_bgr(frame).astype(int) - wanted.astype(int))
    return int(away[inner, inner].max())


def test_every_encoding_of_the_table_is_packed_by_the_tests():
    assert set(PACKERS) == set(ENCODINGS)


@pytest.mark.parametrize('padding', [0, 6])
@pytest.mark.parametrize('encoding', ENCODINGS)
def test_an_image_has_its_colours_right_in_every_encoding(encoding, padding):
    bgr = gradient()
    frame = image_to_frame(image_message(pack(bgr, encoding), encoding, bgr.shape[:2], padding))
    # Chroma is shared by neighbours and rounded: up to 6; a swapped channel is off by 50.
    allowed = 0 if encoding in EXACT or 'mono' in encoding or 'UC1' in encoding else 6
    assert frame.image.shape == bgr.shape
    assert wrong_by(frame, expected(encoding, bgr), margin=2 if allowed else 0) <= allowed


@pytest.mark.parametrize('encoding', [name for name in ENCODINGS if '16' in name])
def test_big_endian_16_bit_is_read_as_such(encoding):
    samples = pack(gradient(), encoding)
    little = image_to_frame(image_message(samples, encoding)).image
    other = samples - 100   # multiples of 257 read the same in both orders, these do not
    big = image_to_frame(image_message(other.astype('>u2'), encoding, is_bigendian=1)).image
    assert np.abs(big.astype(int) - little.astype(int)).max() <= 1


def test_the_byte_order_of_8_bit_samples_does_not_matter():
    bgr = gradient()
    assert wrong_by(image_to_frame(image_message(bgr, 'bgr8', is_bigendian=1)), bgr) == 0


def test_16_bit_full_scale_becomes_8_bit_full_scale():
    samples = np.array([[0, 128, 257, 32768, 65407, 65535]], np.uint16)
    frame = image_to_frame(image_message(samples, 'mono16'))
    assert frame.image[0, :, 0].tolist() == [0, 0, 1, 128, 255, 255]


@pytest.mark.parametrize('padding', [0, 1, 64])
@pytest.mark.parametrize('encoding', VIEWS)
def test_three_channels_of_8_bits_are_a_view_of_the_message(encoding, padding):
    message = image_message(gradient(), encoding, padding=padding)
    frame = image_to_frame(message)
    assert np.shares_memory(frame.image, np.frombuffer(message.data, np.uint8))
    message.data[3] ^= 0xFF
    assert frame.image[0, 1, 0] == message.data[3]
    assert frame.encoding == ('rgb8' if encoding == 'rgb8' else 'bgr8')


def test_a_view_cannot_be_written_by_mistake():
    frame = image_to_frame(image_message(gradient(), 'bgr8'))
    with pytest.raises(ValueError, match='read-only'):
        frame.image[0, 0, 0] = 1


@pytest.mark.parametrize('kind', [bytes, bytearray, memoryview, list, tuple, 'ndarray', 'int8'])
@pytest.mark.parametrize('encoding', ['bgr8', 'bayer_gbrg16', 'nv21'])
def test_the_data_may_be_any_buffer_of_bytes(encoding, kind):
    message = image_message(pack(gradient(), encoding), encoding, gradient().shape[:2])
    wanted = image_to_frame(message).image
    array = np.frombuffer(bytes(message.data), np.uint8)
    like = {'ndarray': lambda data: array, 'int8': lambda data: array.view(np.int8)}
    other = SimpleNamespace(
        header=message.header, height=message.height, width=message.width, step=message.step,
        encoding=encoding, is_bigendian=False, data=like.get(kind, kind)(bytes(message.data)))
    assert np.array_equal(image_to_frame(other).image, wanted)


def test_the_padding_of_the_last_row_may_be_missing():
    message = image_message(gradient(), 'bgr8', padding=10)
    message.data = message.data[:-10]
    assert wrong_by(image_to_frame(message), gradient()) == 0
    message.data = message.data[:-1]
    with pytest.raises(BadFrame, match='cut off'):
        image_to_frame(message)


def test_less_than_one_row_more_is_tolerated_and_a_whole_one_is_not():
    message = image_message(gradient(), 'bgr8')
    message.data.extend([0] * (message.step - 1))
    assert wrong_by(image_to_frame(message), gradient()) == 0
    message.data.append(0)
    with pytest.raises(BadFrame, match='more than the'):
        image_to_frame(message)


def test_stamp_and_frame_id_are_kept_to_the_nanosecond():
    frame = image_to_frame(image_message(gradient(), 'bgr8'))
    assert (frame.stamp_ns, frame.frame_id) == (1700000000123456789, 'camera')


def test_the_latest_stamp_that_a_message_can_hold_is_exact():
    message = image_message(gradient(), 'bgr8')
    message.header.stamp.sec, message.header.stamp.nanosec = 2147483647, 999999999
    assert image_to_frame(message).stamp_ns == 2147483647999999999


@pytest.mark.parametrize(('encoding', 'size'), [
    ('bgr8', (1, 1)), ('mono8', (1, 1)), ('mono16', (1, 1)), ('yuyv', (1, 2)), ('nv12', (2, 2)),
    ('nv24', (1, 1)), ('bayer_rggb8', (4, 4))])
def test_the_smallest_image_of_an_encoding_is_read(encoding, size):
    bgr = np.full((*size, 3), 120, np.uint8)
    frame = image_to_frame(image_message(pack(bgr, encoding), encoding, size))
    assert wrong_by(frame, bgr) <= 3


@settings(deadline=None, max_examples=150)
@given(encoding=st.sampled_from(sorted(ENCODINGS)), width=st.integers(0, 9),
       height=st.integers(0, 9), step=st.integers(0, 80), length=st.integers(0, 800),
       is_bigendian=st.booleans())
def test_any_layout_is_a_frame_of_its_size_or_a_bad_frame(
        encoding, width, height, step, length, is_bigendian):
    message = image_message(
        np.zeros((1, length or 1), np.uint8)[:, :length], encoding, (height, width), step=step,
        is_bigendian=int(is_bigendian))
    try:
        shape = image_to_frame(message).image.shape
    except BadFrame:
        return
    assert shape == (height, width, 3)


class TestWithCvBridge:
    """An encoding outside the table, with and without the package that knows more."""

    @pytest.fixture(autouse=True)
    def fresh(self):
        bridge._bridge.cache_clear()
        yield
        bridge._bridge.cache_clear()

    @staticmethod
    def install(monkeypatch, convert):
        bridge_class = type('CvBridge', (), {'imgmsg_to_cv2': staticmethod(convert)})
        monkeypatch.setitem(sys.modules, 'cv_bridge', SimpleNamespace(CvBridge=bridge_class))

    def test_an_encoding_outside_the_table_is_converted_by_it(self, monkeypatch):
        asked = []

        def convert(message, desired_encoding):
            asked.append((message.encoding, desired_encoding))
            return gradient()

        self.install(monkeypatch, convert)
        frame = image_to_frame(image_message(gradient(), '32SC4'))
        assert asked == [('32SC4', 'bgr8')]
        assert wrong_by(frame, gradient()) == 0

    def test_an_encoding_of_the_table_never_reaches_it(self, monkeypatch):
        self.install(monkeypatch, lambda message, desired_encoding: pytest.fail('was asked'))
        for encoding in ENCODINGS:
            image_to_frame(image_message(
                pack(gradient(), encoding), encoding, gradient().shape[:2]))

    def test_its_refusal_is_a_bad_frame_that_lists_what_is_known(self, monkeypatch):
        def convert(message, desired_encoding):
            raise RuntimeError('[64FC1] is not a color format')

        self.install(monkeypatch, convert)
        with pytest.raises(BadFrame, match=r'64FC1\] is not a color.*Known: bgr8, rgb8'):
            image_to_frame(image_message(gradient(), '64FC1'))

    @pytest.mark.parametrize('answer', [
        np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3), np.float32), 'no image'])
    def test_an_answer_that_is_no_colour_image_is_a_bad_frame(self, monkeypatch, answer):
        self.install(monkeypatch, lambda message, desired_encoding: answer)
        with pytest.raises(BadFrame, match='cv_bridge'):
            image_to_frame(image_message(gradient(), '32SC4'))

    @pytest.mark.parametrize('error', [ImportError, AttributeError, SystemError])
    def test_one_built_for_another_numpy_counts_as_absent(self, monkeypatch, error):
        class Broken:

            def __getattr__(self, name):
                raise error(name)

        monkeypatch.setitem(sys.modules, 'cv_bridge', Broken())
        with pytest.raises(BadFrame, match='install cv_bridge'):
            image_to_frame(image_message(gradient(), '32SC4'))
