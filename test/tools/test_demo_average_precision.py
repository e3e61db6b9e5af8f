# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""AP50 as the demo counts it, on cases that can be worked out by hand."""

from faster_deploy_ros.sources import Box
from faster_deploy_ros.tools.demo.record import Found
import pytest

pytest.importorskip('pycocotools')
ap50 = pytest.importorskip('faster_deploy_ros.tools.demo.average_precision').ap50
LABELS = ('sphere', 'cube')
HERE, THERE = (10.0, 10.0, 50.0, 50.0), (100.0, 100.0, 160.0, 140.0)


def found(xyxy=HERE, label='cube', score=0.9):
    return Found(xyxy, score, label)


def test_all_found_is_one():
    assert ap50([[Box('cube', HERE), Box('sphere', THERE)]],
                [[found(), found(THERE, 'sphere')]], LABELS) == pytest.approx(1.0)


def test_half_of_the_objects_of_a_class_is_about_a_half():
    truth = [[Box('cube', HERE)], [Box('cube', HERE)]]
    assert ap50(truth, [[found()], []], LABELS) == pytest.approx(51 / 101, abs=1e-3)


def test_each_class_counts_the_same():
    truth = [[Box('cube', HERE), Box('sphere', THERE)]]
    assert ap50(truth, [[found()]], LABELS) == pytest.approx(0.5)


def test_a_surer_false_alarm_costs_precision():
    truth = [[Box('cube', HERE)]]
    assert ap50(truth, [[found(THERE, score=0.95), found()]], LABELS) == pytest.approx(0.5)


def test_the_overlap_must_be_a_half():
    truth = [[Box('cube', (0.0, 0.0, 30.0, 10.0))]]
    assert ap50(truth, [[found((0.0, 0.0, 16.0, 10.0))]], LABELS) == pytest.approx(1.0)
    assert ap50(truth, [[found((0.0, 0.0, 14.0, 10.0))]], LABELS) == 0.0


def test_an_object_that_is_hardly_seen_is_neither_right_nor_wrong_to_find():
    truth = [[Box('cube', HERE), Box('', THERE, judged=False)]]
    sure = found(THERE, 'cube', 0.99)
    assert ap50(truth, [[found(), sure]], LABELS) == pytest.approx(1.0)
    assert ap50(truth, [[found()]], LABELS) == pytest.approx(1.0)


def test_the_right_place_on_the_wrong_picture_is_wrong():
    assert ap50([[Box('cube', HERE)], []], [[], [found()]], LABELS) == 0.0


def test_nothing_found_is_zero_and_no_truth_is_none(capsys):
    assert ap50([[Box('cube', HERE)]], [[]], LABELS) == 0.0
    assert ap50([[]], [[found()]], LABELS) is None
    assert ap50([[Box('cube', HERE)]], [[found(label='person')]], LABELS) == 0.0
    assert capsys.readouterr().out == '', 'pycocotools is kept quiet'
