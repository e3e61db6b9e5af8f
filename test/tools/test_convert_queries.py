# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Models that choose their boxes are compared box by box: the order of rows means nothing."""

import json

from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks import open_model
from faster_deploy_ros.tools.convert import parity
from faster_deploy_ros.tools.convert.chosen_boxes import chosen_boxes
from faster_deploy_ros.tools.inputs import Noise, Pictures
import numpy as np
import pytest
from tensor_cores import core_saying

ROWS = np.array([
    (10, 10, 40, 40, 0.9, 1), (50, 10, 90, 60, 0.5, 2), (20, 30, 60, 60, 0.5, 1),
    (0, 0, 20, 20, 0.06, 0)], np.float32)
FRAMES = [Frame(0, '', np.full((64, 96, 3), grey, np.uint8)) for grey in (0, 255)]


def saying(rows):
    """Return a loaded end-to-end detector that always finds these boxes."""
    return core_saying(np.asarray(rows, np.float32)[None], (96, 64))


def compared(original, result):
    with saying(original) as one, saying(result) as two:
        feed = Pictures(open_model('yolo_end2end', one), FRAMES)
        tallies, faults = parity._compare(one, two, feed, None)
        return {tally.name: tally.figures() for tally in tallies}, faults


def test_rows_in_another_order_agree():
    figures, faults = compared(ROWS, ROWS[[2, 1, 3, 0]])
    assert faults == []
    assert {name: one.max_abs for name, one in figures.items()} == {'boxes': 0, 'scores': 0}


def test_moved_boxes_and_other_scores_are_measured():
    moved = ROWS + np.array([1, 0, 0, 0, -0.02, 0], np.float32)
    figures, faults = compared(ROWS, moved)
    assert faults == []
    assert figures['boxes'].max_abs == pytest.approx(1, abs=1e-4)
    assert figures['scores'].max_abs == pytest.approx(0.02, abs=1e-5)


@pytest.mark.parametrize('result', [
    ROWS[[1, 2, 3]], ROWS + np.array([[0, 0, 0, 0, 0, 1], *[[0] * 6] * 3], np.float32),
    ROWS + np.array([[50, 20, 50, 20, 0, 0], *[[0] * 6] * 3], np.float32)])
def test_a_box_that_is_missing_or_of_another_class_or_elsewhere_is_a_fault(result):
    _, faults = compared(ROWS, result)
    assert faults == [
        f"picture {number}: the result has no box of class 'bicycle' near [10. 10. 40. 40.], "
        'the original has one with 0.90' for number in range(1, 5)]


def test_a_box_that_hardly_counts_may_be_missing():
    assert compared(ROWS, ROWS[:3])[1] == []


def test_two_models_that_find_nothing_have_not_been_compared():
    with pytest.raises(BlobMismatch, match='nothing to compare; give --images with objects'):
        compared(ROWS * 0, ROWS * 0)


def test_noise_is_compared_by_tensor():
    with saying(ROWS) as one, saying(ROWS) as two:
        assert chosen_boxes(Noise(one, {}), one, two) is None


@pytest.mark.core
def test_a_real_query_model_is_converted_to_mnn_and_agrees(shared_data, tmp_path, faster_deploy):
    for package in ('MNN', 'onnx', 'onnxruntime'):
        pytest.importorskip(package)
    done = faster_deploy(
        'convert', shared_data / 'models' / 'deimv2_atto_coco_fp32.onnx', '--to', 'mnn',
        '--output', tmp_path, '--images', shared_data / 'images', '--shape',
        'images=1x3x320x320', '--shape', 'orig_target_sizes=1x2', '--json')
    assert done.returncode == 0, done.stderr
    page = json.loads(done.stdout)
    assert page['parity']['agrees'] is True
    assert [each['name'] for each in page['parity']['outputs']] == ['boxes', 'scores']
    assert page['parity']['outputs'][1]['max_abs'] < 0.001
