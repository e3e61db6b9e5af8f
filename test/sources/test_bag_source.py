# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A bag as a source: raw images of every plain encoding, topics to choose from."""

from faster_deploy_ros.errors import BadFrame, Unsupported
from faster_deploy_ros.sources import open_source
import numpy as np
import pytest
from rosbags.rosbag2 import Writer
from rosbags.typesys import get_typestore, Stores

STORE = get_typestore(Stores.ROS2_HUMBLE)
MESSAGES = STORE.types
IMAGE, TEXT = 'sensor_msgs/msg/Image', 'std_msgs/msg/String'


def header(stamp_ns):
    time = MESSAGES['builtin_interfaces/msg/Time'](*divmod(stamp_ns, 10**9))
    return MESSAGES['std_msgs/msg/Header'](stamp=time, frame_id='lens')


def image(pixels, encoding, stamp_ns=5, padding=0):
    height, width = pixels.shape[:2]
    rows = np.pad(pixels.reshape(height, -1), ((0, 0), (0, padding)))
    return MESSAGES[IMAGE](
        header=header(stamp_ns), height=height, width=width, encoding=encoding, is_bigendian=0,
        step=rows.shape[1], data=rows.reshape(-1))


def write(path, topics):
    """Write a bag of ``{topic: (type, messages)}``."""
    with Writer(path, version=9) as writer:
        for topic, (msgtype, messages) in topics.items():
            connection = writer.add_connection(topic, msgtype, typestore=STORE)
            for number, message in enumerate(messages):
                data = STORE.serialize_cdr(message, msgtype)
                writer.write(connection, 10**9 + number * 10**8, data)
    return str(path)


@pytest.mark.parametrize('padding', [0, 5])
@pytest.mark.parametrize(('encoding', 'channels', 'expected'), [
    ('bgr8', (1, 2, 3), (1, 2, 3)),
    ('8UC3', (1, 2, 3), (1, 2, 3)),
    ('rgb8', (1, 2, 3), (3, 2, 1)),
    ('bgra8', (1, 2, 3, 9), (1, 2, 3)),
    ('rgba8', (1, 2, 3, 9), (3, 2, 1)),
    ('mono8', (7,), (7, 7, 7)),
    ('8UC1', (7,), (7, 7, 7)),
])
def test_every_plain_encoding_becomes_bgr(tmp_path, encoding, channels, expected, padding):
    pixels = np.tile(np.array(channels, np.uint8), (4, 6, 1))
    bag = write(tmp_path / 'bag', {'/image': (IMAGE, [image(pixels, encoding, 77, padding)])})
    (shot,) = open_source(bag)
    assert shot.frame.image.shape == (4, 6, 3)
    assert (shot.frame.image == expected).all()
    assert (shot.frame.stamp_ns, shot.frame.frame_id) == (77, 'lens')


def test_the_topic_with_the_most_images_is_taken_unless_one_is_asked_for(tmp_path):
    dark, light = (image(np.full((4, 6, 3), value, np.uint8), 'bgr8') for value in (10, 200))
    bag = write(tmp_path / 'bag', {
        '/left': (IMAGE, [dark]), '/right': (IMAGE, [light, light]),
        '/words': (TEXT, [MESSAGES[TEXT](data='hello')] * 3)})
    assert [shot.frame.image[0, 0, 0] for shot in open_source(bag)] == [200, 200]
    assert [shot.frame.image[0, 0, 0] for shot in open_source(f'{bag}?topic=/left')] == [10]
    with pytest.raises(BadFrame, match=r"no images on '/words'.*/left, /right"):
        open_source(f'{bag}?topic=/words')


def test_a_bag_without_images_says_so(tmp_path):
    bag = write(tmp_path / 'bag', {'/words': (TEXT, [MESSAGES[TEXT](data='hello')])})
    with pytest.raises(BadFrame, match=r'no images in this bag.*images: none'):
        open_source(bag)


def test_an_encoding_that_is_not_plain_is_refused_with_those_that_are(tmp_path):
    odd = image(np.zeros((4, 6, 2), np.uint8), 'bayer_rggb16')
    bag = write(tmp_path / 'bag', {'/image': (IMAGE, [odd])})
    with pytest.raises(Unsupported, match=r"'bayer_rggb16'.*bgr8"):
        list(open_source(bag))


def test_an_image_with_too_little_data_is_refused(tmp_path):
    short = image(np.zeros((4, 6, 3), np.uint8), 'bgr8')
    short.height = 40
    bag = write(tmp_path / 'bag', {'/image': (IMAGE, [short])})
    with pytest.raises(BadFrame, match='72 bytes with step 18, expected 18 x 40'):
        list(open_source(bag))


def test_a_folder_that_only_looks_like_a_bag_is_refused(tmp_path):
    (tmp_path / 'metadata.yaml').write_text('nothing: here\n')
    with pytest.raises(BadFrame, match='this bag cannot be read'):
        open_source(str(tmp_path))
