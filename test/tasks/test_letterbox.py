# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The letterbox is undone exactly, for any sizes."""

import cv2
from faster_deploy_ros.tasks.letterbox import letterbox, stretch
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

SIZES = st.tuples(st.integers(1, 4000), st.integers(1, 4000))
INPUTS = st.sampled_from([(416, 416), (640, 640), (640, 384), (320, 640), (96, 64)])
PLACEMENT = st.sampled_from(['corner', 'center'])


@st.composite
def boxes_in(draw, size):
    xs = sorted(draw(st.tuples(*[st.floats(0, size[0])] * 2)))
    ys = sorted(draw(st.tuples(*[st.floats(0, size[1])] * 2)))
    return np.array([[xs[0], ys[0], xs[1], ys[1]]])


@settings(deadline=None)
@given(st.data(), SIZES, INPUTS, PLACEMENT)
def test_to_image_undoes_to_input_for_every_box_in_the_image(data, source, target, placement):
    box = data.draw(boxes_in(source))
    geometry = letterbox(source, target, placement)
    back = geometry.to_image(geometry.to_input(box))
    np.testing.assert_allclose(back, box, atol=1e-9 * max(source), rtol=0)


@settings(deadline=None)
@given(SIZES, INPUTS, PLACEMENT)
def test_the_image_lies_inside_the_input_and_fills_one_side(source, target, placement):
    geometry = letterbox(source, target, placement)
    left, top, right, bottom = geometry.pad
    assert min(left, top, right, bottom) >= 0
    assert left + right == 0 or top + bottom == 0
    assert left + geometry.resized_size[0] + right == target[0]
    assert top + geometry.resized_size[1] + bottom == target[1]
    if placement == 'corner':
        assert (left, top) == (0, 0)
    else:
        assert right - left in (0, 1)
        assert bottom - top in (0, 1)


@settings(deadline=None)
@given(SIZES, INPUTS)
def test_the_sides_keep_their_proportion_to_half_a_pixel(source, target):
    geometry = letterbox(source, target)
    scale = min(target[0] / source[0], target[1] / source[1])
    for side, resized in zip(source, geometry.resized_size):
        assert abs(resized - max(side * scale, 1)) <= 0.5 + 1e-9


@settings(max_examples=40, deadline=None)
@given(st.tuples(st.integers(8, 700), st.integers(8, 700)), INPUTS, PLACEMENT)
def test_the_scales_are_those_that_opencv_resizes_with(source, target, placement):
    geometry = letterbox(source, target, placement)
    columns = np.arange(source[0], dtype=np.float32) + 0.5   # each pixel holds where it is
    rows = np.arange(source[1], dtype=np.float32) + 0.5
    where = np.dstack(np.meshgrid(columns, rows))
    seen = cv2.resize(where, geometry.resized_size, interpolation=cv2.INTER_LINEAR)
    width, height = geometry.resized_size
    x, y = width // 2, height // 2
    inner = np.array([[x + 0.5, y + 0.5] * 2]) + geometry.offset * 2
    # One step of OpenCV's fixed weights is 1/2048 of a source pixel's neighbour.
    np.testing.assert_allclose(geometry.to_image(inner)[0, :2], seen[y, x], atol=0.02)


def test_boxes_are_cut_at_the_edges_of_the_image():
    geometry = letterbox((640, 480), (416, 416), 'center')
    whole = geometry.to_image(np.array([[-50.0, -50.0, 900.0, 900.0]]))
    np.testing.assert_array_equal(whole, [[0, 0, 640, 480]])


def test_an_odd_pixel_of_padding_goes_to_the_right_and_below():
    assert letterbox((300, 101), (640, 640), 'center').pad == (0, 212, 0, 213)


def test_the_result_of_no_boxes_is_no_boxes():
    geometry = letterbox((640, 480), (416, 416))
    assert geometry.to_image(np.empty((0, 4))).shape == (0, 4)
    assert geometry.to_input(np.empty((0, 4))).shape == (0, 4)


def test_stretch_uses_its_own_scale_in_each_direction():
    geometry = stretch((640, 480), (320, 320))
    assert geometry.scale == (0.5, 320 / 480)
    assert geometry.pad == (0, 0, 0, 0)


def test_an_unknown_placement_is_named():
    with pytest.raises(ValueError, match="got placement 'middle', expected one of"):
        letterbox((4, 4), (4, 4), 'middle')
