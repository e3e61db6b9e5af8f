# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What an evaluation says besides its figures, and the pictures that it is made of."""

import struct

import cv2
from faster_deploy_ros.scenes import SceneRenderer
import numpy as np
import pytest

pytest.importorskip('tabulate')
from faster_deploy_ros.tools.evaluate.findings import Findings
from faster_deploy_ros.tools.evaluate.samples import read_picture, scene_samples


def findings(mistakes=(), failures=None):
    return Findings([('model', 'm')], ['table'], [], {}, (), tuple(mistakes), failures or {})


def test_an_image_that_failed_is_not_sound_and_neither_is_a_mistake():
    assert findings().is_sound
    assert not findings(mistakes=['the unit looks like dm']).is_sound
    assert not findings(failures={'1.png': 'it holds NaN'}).is_sound


def test_a_few_failures_are_said_in_words_and_the_others_counted():
    failures = {f'{number}.png': f'reason {number}' for number in range(40)}
    found = findings(failures=failures)
    assert 'reason 2' in found.text
    assert 'reason 3' not in found.text
    assert 'and 37 images more' in found.text
    assert found.as_json()['failures'] == failures


def test_three_pictures_are_taken_of_each_room_far_apart():
    samples = scene_samples(4, 60_000, (160, 120), lambda scene: scene.depth)
    assert [sample.name for sample in samples] == [
        'room 60000 frame 0', 'room 60000 frame 100', 'room 60000 frame 200',
        'room 60001 frame 0']
    for sample, (seed, index) in zip(samples, ((60_000, 0), (60_000, 100), (60_000, 200),
                                               (60_001, 0))):
        frame, depth = sample.load()
        scene = SceneRenderer(seed, (160, 120)).render(index)
        np.testing.assert_array_equal(frame.image, scene.image)
        np.testing.assert_array_equal(depth, scene.depth)


def test_a_picture_that_says_it_lies_on_its_side_is_read_as_its_labels_are(tmp_path):
    """Labels count the pixels of the file; EXIF's orientation is for people."""
    plain = cv2.imencode('.jpg', np.zeros((6, 10, 3), np.uint8))[1].tobytes()
    orientation = 6   # the only entry: tag 0x0112, of type SHORT
    exif = b'Exif\0\0MM\0*\0\0\0\x08\0\x01' + struct.pack(
        '>HHIHHI', 0x0112, 3, 1, orientation, 0, 0)
    turned = plain[:2] + b'\xff\xe1' + (len(exif) + 2).to_bytes(2, 'big') + exif + plain[2:]
    path = tmp_path / 'turned.jpg'
    path.write_bytes(turned)
    assert cv2.imread(str(path)).shape == (10, 6, 3), 'or the file says nothing'
    assert read_picture(path).shape == (6, 10, 3)
