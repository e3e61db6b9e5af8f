# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Percentiles and rates over a sliding window."""

from timeit import timeit

from faster_deploy_ros.pipeline.outcome import Outcome, Status
from faster_deploy_ros.pipeline.stats import quantile, StageStats, Window
from faster_deploy_ros.stopwatch import Lap
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

S = 10**9


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50), st.floats(0, 1))
def test_a_quantile_is_numpys_linear_one(values, share):
    expected = np.percentile(values, share * 100)
    assert quantile(sorted(values), share) == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_the_window_orders_its_values():
    window = Window()
    for value in (5, 1, 4, 2, 3):
        window.add(value, at_ns=0)
    found = window.percentiles(now_ns=0)
    assert (found.count, found.p50, found.max) == (5, 3, 5)
    assert found.p90 == pytest.approx(4.6)
    assert found.p99 == pytest.approx(4.96)


def test_an_empty_window_has_no_percentiles_and_no_rate():
    assert Window().percentiles(now_ns=0) is None
    assert Window().per_second(now_ns=0) == 0.0


def test_values_older_than_the_horizon_are_left_out():
    window = Window(horizon_s=2.0)
    window.add(100, at_ns=0)
    window.add(1, at_ns=1 * S)
    assert window.percentiles(now_ns=2 * S).max == 100
    assert window.percentiles(now_ns=2 * S + 1).max == 1
    assert window.percentiles(now_ns=4 * S) is None


def test_the_window_never_grows_beyond_its_size():
    window = Window(size=3)
    for value in range(10):
        window.add(value, at_ns=value)
    found = window.percentiles(now_ns=10)
    assert (found.count, found.p50) == (3, 8)


def test_the_rate_is_that_of_a_steady_flow():
    window = Window()
    for number in range(31):
        window.add(0, at_ns=number * S // 30)
    assert window.per_second(now_ns=S) == pytest.approx(30.0, rel=1e-6)


def test_the_rate_falls_when_the_flow_stops():
    window = Window(horizon_s=10.0)
    for number in range(31):
        window.add(0, at_ns=number * S // 30)
    assert window.per_second(now_ns=4 * S) == pytest.approx(7.5, rel=1e-6)
    assert window.per_second(now_ns=20 * S) == 0.0


def outcome(status=Status.DONE, **stages_ns):
    laps = tuple(Lap(name, 0, elapsed) for name, elapsed in stages_ns.items())
    return Outcome(0, 0, status, laps=laps)


def test_stages_are_told_apart_and_only_done_frames_count():
    stats = StageStats()
    for elapsed in (1, 2, 3):
        stats.add(outcome(infer=elapsed, encode=10 * elapsed))
    stats.add(outcome(Status.FAILED, infer=10**9))
    stats.add(outcome(Status.DROPPED, wait=10**9))
    found = stats.percentiles()
    assert sorted(found) == ['encode', 'infer']
    assert (found['infer'].count, found['infer'].p50, found['infer'].max) == (3, 2, 3)
    assert found['encode'].p50 == 20


def test_the_age_is_a_stage_of_its_own():
    stats = StageStats()
    stats.add_age(7)
    assert stats.percentiles()['age'].max == 7
    assert stats.fps == 0.0


def test_an_outcome_is_added_in_microseconds():
    stats = StageStats()
    sample = outcome(wait=1, decode=1, lease=1, preprocess=1, infer=1, postprocess=1, encode=1,
                     hold=1)
    rounds = [timeit(lambda: stats.add(sample), number=500) / 500 for _ in range(20)]
    assert min(rounds) < 10e-6    # about 1.5 here; the bound is for a busy machine
