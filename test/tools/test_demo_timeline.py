# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The demo's timeline: spans that follow each other from the picture to the subscriber."""

import cv2
from faster_deploy_ros.tools.demo.record import Published, Record, Timing
import pytest

pytest.importorskip('matplotlib')
timeline = pytest.importorskip('faster_deploy_ros.tools.demo.timeline')

SECOND_NS = 10**9
STAGES = {'wait': (0.1, 0.4), 'decode': (0.4, 0.5), 'infer': (0.5, 7.5), 'hold': (7.6, 8.0)}


def record_of(count, published=None):
    """Record frames that reach the node after 2 ms, and their subscriber after 11."""
    record = Record()
    for index in range(count):
        stamp_ns = SECOND_NS + index * 33_000_000
        record.sent[stamp_ns] = index
        record.timings.append(Timing(
            stamp_ns, f'worker {index % 2}', stamp_ns + 2_000_000, STAGES))
        if published is None or index in published:
            record.published.append(Published(stamp_ns, stamp_ns + 11_000_000, ()))
    return record


def test_the_frames_are_in_a_row_from_the_middle_of_the_run():
    assert [road.number for road in timeline.roads(record_of(100), count=4)] == [48, 49, 50, 51]
    assert [road.number for road in timeline.roads(record_of(3))] == [0, 1, 2]
    assert [road.number for road in timeline.roads(record_of(5, published={1, 3}))] == [1, 3]


def test_the_spans_lead_from_the_picture_to_the_subscriber():
    road = timeline.roads(record_of(1))[0]
    names, begins, ends = zip(*road.spans)
    assert names == ('to the node', 'wait', 'decode', 'infer', 'hold', 'to the subscriber')
    assert begins == pytest.approx((0.0, 2.1, 2.4, 2.5, 9.6, 10.0))
    assert ends == pytest.approx((2.1, 2.4, 2.5, 9.5, 10.0, 11.0))


def test_a_run_without_timing_has_no_timeline():
    record = record_of(4)
    record.timings.clear()
    assert timeline.roads(record) == []


def test_the_plot_is_drawn_in_the_colours_of_the_stages(tmp_path):
    path = tmp_path / 'timeline.png'
    timeline.draw_timeline(timeline.roads(record_of(20)), path, 'twenty frames')
    plot = cv2.imread(str(path))
    red, green, blue = (int(timeline.COLOURS['infer'][at:at + 2], 16) for at in (1, 3, 5))
    share = (plot == (blue, green, red)).all(axis=2).mean()
    assert share > 0.1, 'most of the time is inference'
