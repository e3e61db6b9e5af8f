# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A map whose unit is hard to believe says so; what cannot be told is left alone."""

from depth_room import ask, GOLDEN, UNITS
from faster_deploy_ros.tasks import DepthMap
from faster_deploy_ros.tasks.depth.doubt import doubt
import numpy as np
import pytest


@pytest.mark.parametrize('wrong', UNITS)
@pytest.mark.parametrize('right', UNITS)
def test_a_room_in_a_unit_a_hundred_apart_is_doubted_and_in_its_own_never(right, wrong):
    said = doubt(ask('metric_depth', GOLDEN[f'metric_{right}'], {'unit': wrong}), wrong)
    apart = abs(UNITS.index(right) - UNITS.index(wrong))
    if apart == 0:
        assert said == ''
    if apart >= 2:
        assert f'is its unit {wrong} (card.output.unit)?' in said


def test_a_wrong_calibration_of_inverse_depth_is_doubted():
    found = ask('midas', GOLDEN['relative'], scale=4.0, shift=30.0)
    assert doubt(found, '').endswith(': are scale and shift those of this camera?')


@pytest.mark.parametrize(('values', 'kind'), [
    (1e6, 'relative'), (1e6, 'disparity'), (np.nan, 'relative'), (0.2, 'metric'),
    (99.0, 'metric')])
def test_what_has_no_metres_or_believable_ones_is_not_doubted(values, kind):
    assert doubt(DepthMap(np.full((5, 40), values, np.float32), kind), 'm') == ''


def test_a_sky_that_a_net_puts_anywhere_is_not_doubted():
    depth = np.full((64, 64), 3, np.float32)
    depth[:16] = 1e6
    assert doubt(DepthMap(depth, 'metric'), 'm') == ''


def test_a_map_without_a_known_pixel_is_doubted_and_one_with_a_single_one_is_not():
    depth = np.full((64, 64), np.nan, np.float32)
    assert 'not one pixel' in doubt(DepthMap(depth, 'metric'), 'm')
    depth[1, 1] = 3   # between those that are looked at
    assert doubt(DepthMap(depth, 'metric'), 'm') == ''


def test_what_is_not_known_does_not_count():
    depth = np.full((64, 64), np.nan, np.float32)
    depth[:, 32:] = 500
    assert 'is 500 m' in doubt(DepthMap(depth, 'metric'), 'm')
