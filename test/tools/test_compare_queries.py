# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Compare on detectors that choose their boxes themselves: the order of rows means nothing."""

import importlib
import shutil

from faster_deploy_ros.tools.compare.comparison import compare, Request
from faster_deploy_ros.tools.compare.report import text
import numpy as np
import pytest
import yaml

pytestmark = [pytest.mark.core, pytest.mark.timeout(240)]
CARD = {'family': 'rtdetr'}


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
