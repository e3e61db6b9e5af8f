# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs/CompressedImage to Frame: whole JPEGs and PNGs, and nothing that only looks so."""

import cv2
from faster_deploy_ros.errors import BadFrame
from faster_deploy_ros.nodes.compressed import check_compressed
from faster_deploy_ros.nodes.convert import compressed_to_frame
from hypothesis import given, settings
from hypothesis import strategies as st
from image_messages import compressed_message, encoded, gradient, grey, wide, with_alpha
import numpy as np
import pytest

PICTURE = gradient(120, 160)
JPEG = encoded(PICTURE, '.jpg')
PROGRESSIVE = encoded(PICTURE, '.jpg', cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
RESTARTS = encoded(PICTURE, '.jpg', cv2.IMWRITE_JPEG_RST_INTERVAL, 4)
PNG = encoded(PICTURE, '.png')
FORMATS = ('jpeg', 'jpg', 'JPEG', '', 'bgr8; jpeg compressed bgr8', 'rgb8; jpeg compressed bgr8',
           'bayer_rggb8; jpeg compressed bgr8', 'jpeg compressed')


def exif(jpeg, orientation):
    """Put an orientation into a JPEG, as a camera held upright does."""
    entry = b'\x12\x01' + b'\x03\x00' + b'\x01\x00\x00\x00' + bytes([orientation, 0, 0, 0])
    tiff = b'II*\x00\x08\x00\x00\x00' + b'\x01\x00' + entry + b'\x00\x00\x00\x00'
    body = b'Exif\x00\x00' + tiff
    return jpeg[:2] + b'\xff\xe1' + (len(body) + 2).to_bytes(2, 'big') + body + jpeg[2:]


def wrong_by(frame, wanted):
    return int(np.abs(frame.image.astype(int) - wanted.astype(int)).max())


@pytest.mark.parametrize('jpeg', [JPEG, PROGRESSIVE, RESTARTS], ids=['base', 'progr', 'restart'])
def test_a_jpeg_has_its_colours_in_bgr(jpeg):
    frame = compressed_to_frame(compressed_message(jpeg))
    assert frame.encoding == 'bgr8'
    assert wrong_by(frame, PICTURE) <= 8


@pytest.mark.parametrize('form', FORMATS)
def test_the_data_decides_and_not_the_format_field(form):
    assert wrong_by(compressed_to_frame(compressed_message(JPEG, form)), PICTURE) <= 8
    assert wrong_by(compressed_to_frame(compressed_message(PNG, form)), PICTURE) == 0


def test_a_grey_jpeg_has_three_equal_channels():
    frame = compressed_to_frame(compressed_message(encoded(grey(PICTURE), '.jpg')))
    assert wrong_by(frame, np.repeat(PICTURE[..., 1:2], 3, axis=2)) <= 4


@pytest.mark.parametrize('make', [wide, with_alpha, lambda p: wide(with_alpha(p))],
                         ids=['16 bit', 'alpha', '16 bit alpha'])
def test_a_png_of_any_depth_becomes_three_channels_of_8_bits(make):
    frame = compressed_to_frame(compressed_message(encoded(make(PICTURE), '.png'), 'png'))
    assert wrong_by(frame, PICTURE) == 0


def test_a_16_bit_grey_png_keeps_its_full_scale():
    frame = compressed_to_frame(compressed_message(encoded(wide(grey(PICTURE)), '.png'), 'png'))
    assert wrong_by(frame, np.repeat(PICTURE[..., 1:2], 3, axis=2)) <= 1


@pytest.mark.parametrize('orientation', range(1, 9))
def test_boxes_stay_in_sensor_pixels_whatever_the_exif_orientation(orientation):
    turned = exif(JPEG, orientation)
    if orientation == 6:   # the tag is one that OpenCV would obey
        assert cv2.imdecode(np.frombuffer(turned, np.uint8), 1).shape[:2] == (160, 120)
    assert wrong_by(compressed_to_frame(compressed_message(turned)), PICTURE) <= 8


@pytest.mark.parametrize('tail', [b'\0', bytes(4096), b'\n', JPEG[:500]],
                         ids=['zero', 'page', 'newline', 'another'])
def test_what_a_camera_appends_to_a_whole_image_does_no_harm(tail):
    assert wrong_by(compressed_to_frame(compressed_message(JPEG + tail)), PICTURE) <= 8
    assert wrong_by(compressed_to_frame(compressed_message(PNG + tail, 'png')), PICTURE) == 0


def test_an_image_as_rosbags_gives_it_is_read():
    message = compressed_message(JPEG)
    data = np.frombuffer(JPEG, np.uint8)
    message = type('Bag', (), {'header': message.header, 'format': 'jpeg', 'data': data})
    assert wrong_by(compressed_to_frame(message), PICTURE) <= 8


def test_a_jpeg_with_a_thumbnail_that_ends_is_still_truncated():
    thumbnail = encoded(gradient(12, 16), '.jpg')
    body = b'JFXX\0' + thumbnail
    jpeg = JPEG[:2] + b'\xff\xe0' + (len(body) + 2).to_bytes(2, 'big') + body + JPEG[2:]
    assert wrong_by(compressed_to_frame(compressed_message(jpeg)), PICTURE) <= 8
    with pytest.raises(BadFrame, match='truncated'):
        compressed_to_frame(compressed_message(jpeg[:-len(JPEG) // 3]))


@pytest.mark.parametrize('whole', [JPEG, PROGRESSIVE, RESTARTS, PNG],
                         ids=['base', 'progr', 'restart', 'png'])
def test_every_truncation_is_seen_before_it_is_decoded(whole):
    # OpenCV 4 decodes a cut JPEG to an image that is half grey, without an error.
    check_compressed(whole, '', 'image')
    for length in range(len(whole)):
        with pytest.raises(BadFrame):
            check_compressed(whole[:length], '', 'image')


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_damage_ends_in_a_frame_or_a_bad_frame_and_nothing_else(data):
    whole = bytearray(data.draw(st.sampled_from([JPEG, PROGRESSIVE, PNG])))
    for _ in range(data.draw(st.integers(1, 4))):
        # Mostly in the header, where damage does most.
        at = data.draw(st.integers(0, 700) | st.integers(0, len(whole) - 1)) % len(whole)
        whole[at:at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    try:
        frame = compressed_to_frame(compressed_message(whole))
    except BadFrame:
        return
    assert frame.image.ndim == 3


def test_a_header_that_asks_for_gigabytes_is_refused_before_they_are_allocated():
    at = JPEG.index(b'\xff\xc0') + 5
    bomb = JPEG[:at] + (30000).to_bytes(2, 'big') * 2 + JPEG[at + 4:]
    with pytest.raises(BadFrame, match='asks for 30000x30000'):
        compressed_to_frame(compressed_message(bomb))


@pytest.mark.parametrize('name', ['bus.jpg', 'zidane.jpg', 'dog.jpg'])
def test_a_photograph_decodes_to_what_opencv_reads(name, shared_data):
    path = shared_data / 'images' / name
    frame = compressed_to_frame(compressed_message(path.read_bytes()))
    assert np.array_equal(
        frame.image, cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION))
