# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A pinhole that is cropped or resized sees the same things at the same places."""

import cv2
from faster_deploy_ros.pinhole import Pinhole
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

SIDES = st.integers(2, 2000)
SHARES = st.floats(-0.5, 1.5)
FOCAL = st.floats(50.0, 3000.0)


@st.composite
def pinholes(draw):
    width, height = draw(SIDES), draw(SIDES)
    return Pinhole(width, height, draw(FOCAL), draw(FOCAL), draw(SHARES) * width,
                   draw(SHARES) * height, draw(st.floats(-200, 200)), draw(st.floats(-200, 200)))


@st.composite
def points(draw):
    z = draw(st.floats(0.1, 80.0))
    return draw(st.floats(-2.0, 2.0)) * z, draw(st.floats(-2.0, 2.0)) * z, z


def seen(camera, point):
    """Return where a point is on the image, by the definition of P."""
    matrix = np.array([[camera.fx, 0, camera.cx, camera.tx], [0, camera.fy, camera.cy, camera.ty],
                       [0, 0, 1, 0]])
    u, v, w = matrix @ (*point, 1.0)
    return np.array([u / w, v / w])


@given(pinholes(), points(), SIDES, SIDES)
def test_after_a_resize_a_point_is_at_the_same_share_of_the_image(camera, point, width, height):
    before, after = (seen(one, point) for one in (camera, camera.resized((width, height))))
    share = (before + 0.5) / camera.size   # from the outer edge, where pixel 0 begins
    np.testing.assert_allclose((after + 0.5) / (width, height), share, rtol=1e-9, atol=1e-9)


@given(pinholes(), points(), st.integers(0, 50), st.integers(0, 50))
def test_after_a_crop_a_point_is_moved_by_its_corner(camera, point, left, top):
    cropped = camera.cropped(left, top, 7, 9)
    assert cropped.size == (7, 9)
    np.testing.assert_allclose(
        seen(cropped, point), seen(camera, point) - (left, top), rtol=1e-9, atol=1e-6)


@given(pinholes(), st.integers(1, 9), st.floats(0.1, 80.0))
def test_rays_lead_back_to_the_pixels_they_came_from(camera, stride, z):
    rays = camera.rays(stride)
    for column in (0, len(rays.columns) - 1):
        for row in (0, len(rays.rows) - 1):
            point = (rays.columns[column] * z - rays.shift_x, rays.rows[row, 0] * z - rays.shift_y,
                     z)
            np.testing.assert_allclose(
                seen(camera, point), (column * stride, row * stride), atol=5e-3)


@pytest.mark.parametrize('size', [(40, 30), (160, 120), (53, 31)])
def test_pixels_that_opencv_resizes_land_where_the_resized_pinhole_says(size):
    # One bright spot, linear about its centre: its centre of gravity does not move.
    camera = Pinhole(80, 60, 70.0, 75.0, 41.0, 28.5)
    x, y = np.meshgrid(np.arange(80.0), np.arange(60.0))
    spot = np.exp(-((x - 52) ** 2 + (y - 20) ** 2) / 50)
    resized = cv2.resize(spot, size, interpolation=(
        cv2.INTER_LINEAR if size[0] > 80 else cv2.INTER_AREA))
    columns, rows = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    found = np.array([(columns * resized).sum(), (rows * resized).sum()]) / resized.sum()
    point = ((52 - camera.cx) / camera.fx, (20 - camera.cy) / camera.fy, 1.0)
    np.testing.assert_allclose(found, seen(camera.resized(size), point), atol=0.02)


def test_rays_are_made_once_and_nobody_may_write_them():
    camera = Pinhole(8, 6, 5.0, 5.0, 3.5, 2.5)
    assert camera.rays() is camera.rays()
    with pytest.raises(ValueError, match='read-only'):
        camera.rays().columns[0] = 1.0
