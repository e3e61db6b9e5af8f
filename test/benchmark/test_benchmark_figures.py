# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark counts right: what it says is the product's claim to speed."""

import json
import math
import os
import time

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

from benchmark.figures import Figures, figures_of, medians, record, table
from benchmark.observer import _count, Arrival
from benchmark.processes import BenchmarkFailed, Child
from benchmark.ratios import ratios_of
from geometry_msgs.msg import PoseWithCovariance
from rclpy.serialization import serialize_message
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

pytestmark = pytest.mark.ros
MS = 1_000_000


def test_only_the_window_counts_and_a_late_result_is_not_lost():
    stamps = [10 * MS * i for i in range(10)]                 # 0 to 90 ms
    arrivals = [Arrival(s, s + 15 * MS, 2) for s in stamps if s != 40 * MS]
    figures = figures_of(arrivals, stamps, begin_ns=20 * MS, end_ns=70 * MS, cpu_s=0.008,
                         publisher_cpu=0.1)
    assert (figures.sent, figures.lost, figures.out_of_order) == (5, 1, 0)
    assert figures.fps == pytest.approx(4 / 0.05)             # received at 25, 35, 45 and 65 ms
    assert figures.cpu_ms == pytest.approx(2.0)
    assert figures.age_p50_ms == figures.age_max_ms == pytest.approx(15.0)
    assert figures.objects == 2.0


def test_a_result_behind_a_later_one_is_out_of_order():
    arrivals = [Arrival(stamp, 50, 0) for stamp in (1, 3, 2, 4)]
    assert figures_of(arrivals, [1, 2, 3, 4], 0, 100, 0.0, 0.0).out_of_order == 1


def test_a_window_without_results_is_no_crash_and_no_invented_figure():
    figures = figures_of([], [1, 2], 0, 10, 0.5, 0.0)
    assert (figures.fps, figures.sent, figures.lost) == (0.0, 2, 2)
    assert math.isnan(figures.age_p50_ms)
    assert math.isnan(figures.cpu_ms)
    assert json.dumps(record({'case': 'none'}, [figures]), allow_nan=False)


def test_disorder_in_one_round_is_not_hidden_by_a_median():
    rounds = [Figures(fps=f, out_of_order=o) for f, o in ((1.0, 0), (2.0, 3), (9.0, 0))]
    assert (medians(rounds).fps, medians(rounds).out_of_order) == (2.0, 3)


def test_ratios_compare_neighbours_in_time_not_averages():
    slow_then_fast = [10.0, 20.0, 100.0]
    cases = {(name, rate): [Figures(fps=f * factor, age_p50_ms=f * factor, cpu_ms=f)
                            for f in slow_then_fast]
             for rate in ('saturation', '15 Hz', '30 Hz')
             for name, factor in (('raw limit', 1.0), ('executor', 0.96), ('node', 0.9),
                                  ('callback', 0.45), ('callback 1 thread', 0.6))}
    ratios = ratios_of(cases)
    assert ratios['executor_over_raw'] == pytest.approx(0.96)
    assert ratios['node_over_callback'] == pytest.approx(2.0)
    assert ratios['node_over_same_threads'] == pytest.approx(1.5)
    assert ratios['cpu_node_over_callback'] == pytest.approx(1.0)
    assert ratios['age15_ms_over_same_threads'] == pytest.approx(20 * 0.3)


@pytest.mark.parametrize('frame_id', ['', 'a', 'camera', 'camera_optical_frame'])
@pytest.mark.parametrize('objects', [0, 1, 3])
def test_the_observer_reads_the_number_of_objects_from_the_bytes(frame_id, objects):
    hypothesis = ObjectHypothesisWithPose(pose=PoseWithCovariance(covariance=np.zeros(36)))
    message = Detection2DArray(header=Header(frame_id=frame_id), detections=[
        Detection2D(results=[hypothesis]) for _ in range(objects)])
    assert _count(serialize_message(message)) == objects


def test_a_header_alone_holds_no_objects():
    assert _count(serialize_message(Header(frame_id='camera'))) == 0


def test_a_table_sets_text_left_and_numbers_right_and_leaves_unknown_cells_empty():
    text = table({'case': '', 'fps': '.1f'}, [
        {'case': 'a', 'fps': 10.0}, {'case': 'long name', 'fps': float('nan')}])
    assert text.splitlines() == ['case        fps', 'a          10.0', 'long name']


def test_a_child_that_dies_is_an_error_with_its_last_words(tmp_path):
    (tmp_path / 'broken.py').write_text('raise RuntimeError("no such model")\n')
    environ = {**os.environ, 'PYTHONPATH': str(tmp_path)}
    with Child('broken', [], environ) as child:
        with pytest.raises(BenchmarkFailed, match='no such model'):
            child.answer(20.0)


def test_the_cpu_clock_of_a_child_counts_its_work_and_not_its_sleep(tmp_path):
    (tmp_path / 'busy.py').write_text(
        'import sys, time\n'
        'while time.process_time() < 0.3: pass\n'
        'print("{}", flush=True)\n'
        'sys.stdin.read()\n')
    environ = {**os.environ, 'PYTHONPATH': str(tmp_path)}
    with Child('busy', [], environ) as child:
        child.answer(20.0)
        used_s = child.cpu_s()
        assert used_s >= 0.3
        time.sleep(0.2)
        assert child.cpu_s() - used_s < 0.1
