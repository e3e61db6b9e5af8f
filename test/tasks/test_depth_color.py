# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth is painted so that near is warm, and unknown is nothing."""

from faster_deploy_ros.errors import BadValue
from faster_deploy_ros.tasks.depth.color import COLORMAPS, DepthColors, Scale
from faster_deploy_ros.tasks.results import DepthMap
import numpy as np
import pytest

PLAIN = DepthColors(legend=False)


def slope(kind='metric', near=1.0, far=5.0):
    """Return a map that goes from ``near`` at the left to ``far`` at the right."""
    return DepthMap(np.tile(np.linspace(near, far, 200, dtype=np.float32), (150, 1)), kind)


def warmth(picture):
    """Return red less blue, the same for all rows."""
    return picture[0, :, 2].astype(int) - picture[0, :, 0]


@pytest.mark.parametrize('colormap', COLORMAPS)
@pytest.mark.parametrize(('kind', 'near', 'far'), [
    ('metric', 1.0, 5.0), ('relative', 900.0, -20.0), ('disparity', 0.9, 0.1)])
def test_near_is_warmer_than_far_whatever_the_kind(colormap, kind, near, far):
    picture = DepthColors(colormap, legend=False)(slope(kind, near, far))
    assert picture.shape == (150, 200, 3)
    assert picture.dtype == np.uint8
    assert warmth(picture)[30] > 60 > warmth(picture)[170]


def test_what_is_not_known_is_black_and_nothing_else_is():
    depth = slope().depth.copy()
    depth[40:60, 50:70] = np.nan
    picture = PLAIN(DepthMap(depth, 'metric'))
    black = (picture == 0).all(axis=2)
    np.testing.assert_array_equal(black, np.isnan(depth))


def test_with_a_farthest_distance_a_colour_means_the_same_on_every_picture():
    colors = DepthColors(farthest_m=10.0, legend=False)
    one = colors(slope(near=2.0, far=4.0))
    other = colors(slope(near=2.0, far=9.0))
    assert (one[0, 0] == other[0, 0]).all()
    assert (colors(slope(near=20.0, far=30.0)) == colors(slope(near=12.0, far=12.0))).all()


def test_without_one_a_few_wild_pixels_do_not_take_all_the_colours():
    depth = slope().depth.copy()
    depth[0, 0], depth[8, 8] = 5000.0, 0.001
    scale = PLAIN.scale(DepthMap(depth, 'metric'))
    assert scale.near == pytest.approx(1.0, abs=0.2)
    assert scale.far == pytest.approx(5.0, abs=0.2)


@pytest.mark.parametrize('kind', ['metric', 'relative', 'disparity'])
@pytest.mark.parametrize('value', [3.0, np.nan, 1e-3])
def test_a_map_without_a_slope_can_be_painted(kind, value):
    picture = DepthColors()(DepthMap(np.full((130, 140), value, np.float32), kind))
    inside = picture[20:110, 20:60]
    assert (inside == inside[0, 0]).all()
    assert (inside[0, 0] == 0).all() == np.isnan(value)


def test_the_legend_says_both_ends_where_there_is_room():
    bare, told = PLAIN(slope()), DepthColors()(slope())
    changed = (bare != told).any(axis=2)
    assert changed.any()
    assert not changed[:, :100].any(), 'it stays at the right'
    assert (told[15:-15, -6] == told[15:-15, -5]).all()
    strip = told[15:135, -5].astype(int)
    assert strip[0, 2] - strip[0, 0] > strip[-1, 2] - strip[-1, 0], 'warm is above'
    small = DepthMap(slope().depth[:100], 'metric')
    np.testing.assert_array_equal(DepthColors()(small), PLAIN(small))


def test_the_scale_runs_the_other_way_where_larger_is_nearer():
    assert PLAIN.scale(slope('disparity', 0.9, 0.1)).near > PLAIN.scale(
        slope('disparity', 0.9, 0.1)).far
    assert DepthColors(farthest_m=7.0).scale(slope()) == Scale(0.0, 7.0)


@pytest.mark.parametrize(('arguments', 'words'), [
    (('jet',), "got 'jet', expected one of turbo, inferno"),
    (('turbo', -1.0), 'got -1.0, expected metres'),
    (('turbo', float('nan')), 'got nan, expected metres'),
])
def test_what_cannot_be_painted_is_refused(arguments, words):
    with pytest.raises(BadValue, match=words):
        DepthColors(*arguments)
