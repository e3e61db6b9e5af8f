# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A depth map says its kind, is read-only, and holds nothing that is no depth."""

import dataclasses

from faster_deploy_ros.tasks import DepthMap
import numpy as np
import pytest

SOME = np.array([[1.5, np.nan], [2, 3]], np.float32)


def test_a_map_keeps_no_memory_of_what_it_is_made_from():
    array = SOME.copy()
    found = DepthMap(array, 'metric')
    array[:] = 9
    np.testing.assert_array_equal(found.depth, SOME)
    whole = np.arange(8, dtype=np.float32).reshape(2, 4) + 1
    view = whole[:, :3]
    view.flags.writeable = False      # read-only here, and written by its owner there
    found = DepthMap(view, 'metric')
    whole[:] = 9
    assert found.depth.tolist() == [[1, 2, 3], [5, 6, 7]]


def test_an_array_that_is_given_away_is_not_copied():
    array = SOME.copy()
    array.flags.writeable = False
    assert DepthMap(array, 'metric').depth is array


@pytest.mark.parametrize('array', [
    SOME.tolist(), SOME.astype(np.float64), np.asfortranarray(SOME), SOME[:, ::-1]])
def test_any_other_array_becomes_a_plain_one(array):
    depth = DepthMap(array, 'relative').depth
    assert (depth.dtype, depth.shape) == (np.float32, (2, 2))
    assert depth.flags.c_contiguous
    assert depth.flags.owndata


def test_a_map_cannot_be_changed():
    found = DepthMap(SOME, 'metric')
    with pytest.raises(ValueError, match='read-only'):
        found.depth[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.kind = 'relative'


@pytest.mark.parametrize('kind', ['metric', 'relative', 'disparity'])
def test_a_map_of_which_nothing_is_known_is_one_without_a_warning(kind):
    assert np.isnan(DepthMap(np.full((3, 4), np.nan), kind).depth).all()


@pytest.mark.parametrize('values', [[[0.0, -2.0]], [[0.0, 0.0]], [[5.0, np.nan]]])
def test_relative_and_disparity_may_be_any_number(values):
    for kind in ('relative', 'disparity'):
        np.testing.assert_array_equal(DepthMap(values, kind).depth, np.float32(values))


@pytest.mark.parametrize(('depth', 'kind', 'message'), [
    (SOME, 'inverse', "got 'inverse', expected one of metric, relative, disparity"),
    (SOME, '', "kind: got ''"),
    (SOME[None], 'metric', r'got shape \(1, 2, 2\), expected \(h, w\)'),
    (SOME[0], 'metric', r'got shape \(2,\)'), (np.empty((0, 4)), 'metric', r'shape \(0, 4\)'),
    ([[1, np.inf]], 'metric', 'is infinite, expected NaN where unknown'),
    ([[1, -np.inf]], 'relative', 'is infinite'),
    ([[1, 0, np.nan]], 'metric', 'got 0 m, expected metres above 0 or NaN'),
    ([[1, -2]], 'metric', 'got -2 m'),
])
def test_what_is_no_depth_map_is_refused(depth, kind, message):
    with pytest.raises(ValueError, match=message):
        DepthMap(depth, kind)
