# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A stopwatch tells where the time of one frame went."""

from time import monotonic_ns

from faster_deploy_ros import stopwatch as stopwatch_module
from faster_deploy_ros.stopwatch import Stopwatch
import pytest


@pytest.fixture
def clock(monkeypatch):
    """Set a clock that shows what the test says."""
    times = []
    monkeypatch.setattr(stopwatch_module, 'monotonic_ns', lambda: times.pop(0))
    return times


def test_laps_follow_each_other_without_a_gap(clock):
    clock += [100, 150, 175]
    laps = Stopwatch()
    laps.lap('decode')
    laps.lap('infer')
    assert laps.laps == [('decode', 100, 150), ('infer', 150, 175)]
    assert [lap.elapsed_ns for lap in laps.laps] == [50, 25]


def test_the_first_lap_can_begin_in_the_past(clock):
    clock += [100]
    laps = Stopwatch(40)
    laps.lap('wait')
    assert laps.laps == [('wait', 40, 100)]


def test_a_timed_block_is_one_lap_and_leaves_out_what_was_before(clock):
    clock += [100, 130, 180, 200]
    laps = Stopwatch()
    with laps.timed('infer'):
        pass
    laps.lap('postprocess')
    assert laps.laps == [('infer', 130, 180), ('postprocess', 180, 200)]


def test_a_block_that_raises_is_timed_too(clock):
    clock += [1, 2, 3]
    laps = Stopwatch()
    with pytest.raises(ZeroDivisionError), laps.timed('infer'):
        1 / 0
    assert laps.laps == [('infer', 2, 3)]


def test_the_clock_is_the_monotonic_one():
    before = monotonic_ns()
    laps = Stopwatch()
    laps.lap('nothing')
    assert before <= laps.laps[0].begin_ns <= laps.laps[0].end_ns <= monotonic_ns()
