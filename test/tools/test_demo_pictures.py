# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The demo's pictures: boxes where they belong, sheets and films that hold what they should."""

import cv2
from faster_deploy_ros.tools.demo.pictures import (
    badge,
    caption_of,
    chosen,
    contact_sheet,
    Film,
    Painter,
)
from faster_deploy_ros.tools.demo.record import Found, Published
import numpy as np
import pytest


def grey(width=640, height=480):
    return np.full((height, width, 3), 90, np.uint8)


def message(*objects, age_ms=5.0):
    return Published(10**9, 10**9 + round(age_ms * 1e6), objects)


def test_a_box_is_drawn_on_its_edges_and_nowhere_else():
    image = grey()
    painter = Painter(('cube', 'sphere'))
    drawn = painter.objects(image, [Found((200.0, 150.0, 400.0, 350.0), 0.9, 'cube')])
    colour = painter.colour('cube')
    for y, x in ((250, 200), (250, 400), (350, 300)):
        assert tuple(drawn[y, x]) == colour
    assert (drawn[160:340, 210:390] == 90).all()
    assert (drawn[:120] == 90).all()
    assert (drawn[360:] == 90).all()
    assert (image == 90).all(), 'the picture itself is not drawn on'


@pytest.mark.parametrize('xyxy', [
    (-20.0, -30.0, 50.0, 60.0), (600.0, 0.0, 700.0, 90.0), (0.0, 0.0, 640.0, 480.0),
    (630.0, 470.0, 639.0, 479.0), (3.0, 3.0, 3.0, 3.0)])
def test_objects_at_the_border_are_drawn_with_their_label_inside(xyxy):
    drawn = Painter().objects(grey(), [Found(xyxy, 0.5, 'a label of some length')])
    assert drawn.shape == (480, 640, 3)
    assert (drawn == 255).any(), 'the label is written on the picture'


def test_a_class_has_one_colour_and_different_classes_different_ones():
    painter = Painter(('a', 'b', 'c'))
    assert len({painter.colour(label) for label in 'abc'}) == 3
    assert Painter().colour('person') == Painter(('x',) * 80).colour('person')


def test_the_badge_says_which_frame_and_how_old():
    assert caption_of(7, message(age_ms=12.34)) == 'frame 7   12.3 ms'
    drawn = badge(grey(), 'frame 7')
    assert (drawn[-8:, :8] == 30).all()
    assert (drawn[:400] == 90).all()


@pytest.mark.parametrize('count', [1, 3, 4, 12])
def test_a_sheet_shows_every_picture(count):
    tiles = [(np.full((48, 64, 3), 100 + number, np.uint8), f'{number}')
             for number in range(count)]
    sheet = contact_sheet(tiles, 'title', 'subtitle')
    for number in range(count):
        area = (sheet == 100 + number).all(axis=2).sum()
        assert area >= 480 * 360 * 0.99


def test_a_sheet_of_other_shapes_keeps_them():
    wide, high = np.full((30, 90, 3), 150, np.uint8), np.full((90, 30, 3), 200, np.uint8)
    sheet = contact_sheet([(wide, 'wide'), (high, 'high')], 't', 's')
    rows, columns = np.nonzero((sheet == 200).all(axis=2))
    assert np.ptp(rows) + 1 == pytest.approx(3 * (np.ptp(columns) + 1), rel=0.05)


def test_the_chosen_frames_are_spread_and_have_objects_where_there_are_enough():
    empty, full = message(), message(Found((0, 0, 1, 1), 0.5, 'cube'))
    numbers = chosen([empty, full] * 60)
    assert len(numbers) == 12
    assert all(number % 2 for number in numbers)
    assert numbers == sorted(set(numbers))
    assert numbers[0] < 15
    assert numbers[-1] > 105
    assert chosen([empty] * 5) == [0, 1, 2, 3, 4]
    assert len(chosen([empty] * 50 + [full] * 3)) == 12


def test_a_film_has_one_picture_per_frame_and_fits_odd_ones_in(tmp_path):
    path = tmp_path / 'film.mp4'
    film = Film(path, 30.0)
    for size in ((65, 49), (65, 49), (200, 30)):
        film.add(grey(*size))
    film.close()
    if not film.written:
        pytest.skip('this OpenCV writes no mp4v')
    video = cv2.VideoCapture(str(path))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 3
    assert (video.get(cv2.CAP_PROP_FRAME_WIDTH), video.get(cv2.CAP_PROP_FRAME_HEIGHT)) == (64, 48)
    video.release()
