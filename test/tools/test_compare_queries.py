# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Compare on detectors that choose their boxes themselves: the order of rows means nothing."""

import importlib
import shutil

from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks import ModelCard
from faster_deploy_ros.tools.compare.comparison import compare, Request
from faster_deploy_ros.tools.compare.measure import measure
from faster_deploy_ros.tools.compare.reading import open_readable
from faster_deploy_ros.tools.compare.report import text
from faster_deploy_ros.tools.compare.side import side_of
from faster_deploy_ros.tools.compare.tolerance import SAME, tolerance
from faster_deploy_ros.tools.compare.verdict import judge
import numpy as np
import pytest
from tensor_cores import core_saying
import yaml

pytestmark = [pytest.mark.core, pytest.mark.timeout(240)]
CARD = {'family': 'rtdetr'}
THRESHOLD = 0.25, 0.45
FP32 = tolerance('fp32')


@pytest.fixture(scope='module')
def images(shared_data):
    return str(shared_data / 'images')


@pytest.fixture(scope='module')
def detr(shared_data, tmp_path_factory):
    """Return a real detection transformer with its card."""
    pytest.importorskip('onnxruntime')
    path = tmp_path_factory.mktemp('detr') / 'detr.onnx'
    shutil.copyfile(shared_data / 'models' / 'deimv2_atto_coco_fp32.onnx', path)
    path.with_suffix('.yaml').write_text(yaml.safe_dump(CARD), encoding='utf-8')
    return path


@pytest.fixture
def planted(detr, tmp_path):
    """Return a function that edits the model: ``(edit, card) -> path``."""
    onnx = pytest.importorskip('onnx')
    mistakes = importlib.import_module('planted_mistakes')

    def plant(edit, card=CARD):
        model = edit(onnx.load(str(detr)), mistakes)
        return mistakes.write(model, tmp_path / 'candidate.onnx', card)

    return plant


def ask(reference, candidate, images, **how):
    return compare(Request(str(reference), str(candidate), images, **how))


def mixed_rows(model, mistakes):
    """Give the rows of all outputs in another order, the same for all."""
    helper = mistakes.helper
    order = np.random.default_rng(0).permutation(300)
    model.graph.initializer.append(mistakes.constant('order', order, np.int64))
    for output in model.graph.output:
        for node in model.graph.node:
            node.output[:] = [f'{output.name}_raw' if each == output.name else each
                              for each in node.output]
            node.input[:] = [f'{output.name}_raw' if each == output.name else each
                             for each in node.input]
        model.graph.node.append(helper.make_node(
            'Gather', [f'{output.name}_raw', 'order'], [output.name], axis=1))
    return model


def test_a_runtime_that_is_right_says_the_same(detr, images):
    pytest.importorskip('openvino')
    found = ask(detr, f'openvino.0://{detr}', images)
    assert found.verdict.word == 'same'
    assert found.figures.boxes.objects > 15
    assert found.figures.boxes.ties == 0
    assert [each.name for each in found.figures.tensors] == ['scores']
    assert 'boxes finished by the model' in ' '.join(text(found).split())


def test_rows_in_another_order_are_the_same_detections(detr, planted, images):
    found = ask(detr, planted(mixed_rows), images)
    assert found.verdict.word == 'same'
    assert found.figures.boxes.min_iou == 1
    assert found.figures.tensors[0].max_abs == 0


def test_colours_that_were_exchanged_are_found(detr, planted, images):
    found = ask(detr, planted(lambda model, mistakes: mistakes.other_colours(model)), images)
    assert found.verdict.word == 'differs'
    assert found.diagnosis.name == 'colour order'


def test_a_scale_that_is_applied_twice_is_found(detr, planted, images):
    found = ask(detr, planted(lambda model, mistakes: mistakes.scaled(model, 1 / 255)), images)
    assert found.diagnosis.name == 'scale'


def test_a_picture_that_lies_otherwise_is_found(detr, planted, images):
    candidate = planted(
        lambda model, _: model, {**CARD, 'input': {'letterbox': 'corner'}})
    found = ask(detr, candidate, images)
    assert found.verdict.word == 'differs'
    assert found.diagnosis.name == 'letterbox'
    assert 'write input: {letterbox: stretch}' in found.diagnosis.remedy


def test_other_labels_are_found_before_any_picture_is_shown(detr, planted, images):
    found = ask(detr, planted(lambda model, _: model, {**CARD, 'labels': ['one', 'two']}), images)
    assert found.verdict.word == 'differs'
    assert found.diagnosis.name == 'class count'


def test_eight_bits_that_have_damaged_the_model_are_no_mistake_of_its_input(
        detr, shared_data, images):
    """The shared int8 sample lost three quarters of its AP; its outputs lack the batch axis."""
    found = ask(detr, shared_data / 'models' / 'deimv2_atto_coco_int8.onnx', images)
    assert found.verdict.word == 'differs'
    assert found.figures.boxes is not None
    assert found.diagnosis.name in ('unknown', 'quantisation')


def test_a_dense_detector_is_compared_with_one_of_queries_by_its_boxes(
        detr, shared_data, images):
    """They are other models, so they differ: but neither is it a crash, nor a matter of shapes."""
    found = ask(detr, shared_data / 'models' / 'yolox_nano.onnx', images, family='auto')
    assert found.verdict.word == 'differs'


# -- without a real model -----------------------------------------------------------------------

ROWS = np.array([
    (10, 10, 40, 40, 0.9, 1), (50, 10, 90, 60, 0.5, 2), (20, 30, 60, 60, 0.5, 1),
    (22, 30, 60, 60, 0.45, 1), (0, 0, 20, 20, 0.06, 0)], np.float32)


def side(rows):
    """Return an end-to-end detector that always finds these boxes."""
    core = core_saying(np.asarray(rows, np.float32)[None], (96, 64))
    return side_of(open_readable('yolo_end2end', core, THRESHOLD, ModelCard()))


def judged(one, two):
    """Compare what two models always say; return figures and verdict."""
    picture = Frame(0, '', np.zeros((64, 96, 3), np.uint8))
    measured = measure(side(one), side(two), [picture], THRESHOLD)
    found = measured.figures(FP32)
    return found, judge(found, measured.figures(SAME), FP32)


def test_the_order_of_rows_and_what_lies_deep_below_the_threshold_mean_nothing():
    found, verdict = judged(ROWS, ROWS[[3, 1, 4, 0, 2]])
    assert verdict.word == 'same'
    assert found.boxes.pairs == 4


def test_a_box_less_is_a_difference_and_never_a_tie():
    """Two boxes of a class overlap by 0.95: a suppression would have chosen, this has not."""
    found, verdict = judged(ROWS, ROWS[[0, 1, 2, 4]])
    assert verdict.word == 'differs'
    assert (found.boxes.ties, len(found.boxes.lone)) == (0, 1)
    assert found.boxes.lone[0].score == pytest.approx(0.45)


@pytest.mark.parametrize(('change', 'word'), [
    ((0, 0, 0, 0, 0.005, 0), 'agrees'), ((0, 0, 0, 0, 0.02, 0), 'differs'),
    ((3, 0, 3, 0, 0, 0), 'differs')])
def test_scores_and_places_are_judged(change, word):
    moved = ROWS.copy()
    moved[:3] += np.array(change, np.float32)
    assert judged(ROWS, moved)[1].word == word


def test_scores_are_compared_where_nothing_is_found():
    faint = ROWS * np.array([1, 1, 1, 1, 0.05, 1], np.float32)
    assert judged(faint, faint)[1].word == 'same'
    other = faint * np.array([1, 1, 1, 1, 0.5, 1], np.float32)
    found, verdict = judged(faint, other)
    assert found.boxes.objects == 0
    assert verdict.word == 'differs'
    assert 'scores' in verdict.reasons[0]


def test_numbers_that_are_none_are_a_failure():
    broken = ROWS.copy()
    broken[0, 4] = np.nan
    found, verdict = judged(ROWS, broken)
    assert found.boxes is None
    assert verdict.word == 'differs'
    assert 'NaN' in verdict.reasons[0]
