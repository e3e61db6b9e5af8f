# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""On labelled photographs the models are as good as in the tools they come from, everywhere."""

from contextlib import redirect_stdout
from functools import cache
import io
import json
from pathlib import Path

import pytest

pytest.importorskip('pycocotools')
detection = pytest.importorskip('faster_deploy_ros.tools.evaluate.detection')
orders_module = pytest.importorskip('faster_deploy_ros.tools.evaluate.orders')

pytestmark = pytest.mark.core

# Least AP50 on 64 images, scores over 0.01, suppression at 0.65; an independent script: see the
# README of the data.
FLOORS = {
    'yolox_nano.onnx': (0.49, 0.509), 'yolov8n_dequant_fp32.onnx': (0.56, 0.578),
    'deimv2_atto_coco_fp32.onnx': (0.44, 0.453)}
ELSEWHERE = {
    'openvino.0://yolox_nano.onnx': 'yolox_nano.onnx',
    'mnn.0://yolox_nano.mnn': 'yolox_nano.onnx',
    'ncnn.0://yolox_nano_ncnn/yolox_nano.param?input=1x3x416x416': 'yolox_nano.onnx',
    'ncnn.0://yolov8n_ncnn/yolov8n.ncnn.param?input=1x3x640x640': 'yolov8n_dequant_fp32.onnx'}
PACKAGES = {'mnn': 'MNN'}


@cache
def evaluated(data: Path, uri: str, results: Path | None = None):
    """Return what the command says of a model, as plain data."""
    scheme, _, path = uri.rpartition('://')
    runtime = scheme.partition('.')[0] or 'onnxruntime'
    pytest.importorskip(PACKAGES.get(runtime, runtime))
    orders = orders_module.Orders(
        f"{scheme or 'onnxruntime.0'}://{data / 'models' / path}", orders_module.CardWords(),
        orders_module.Pictures(data / 'coco_subset' / 'images'), results, None, 2)
    words = detection.BoxWords(
        data / 'coco_subset' / 'instances.json', confidence=0.01, nms=0.65, most=100,
        per_class=False)
    found = detection.evaluate_detector(orders, words, lambda *_: None)
    assert found.is_sound, found.text
    return found.page


def slowly(names):
    """Mark what takes long."""
    return [pytest.param(name, marks=pytest.mark.slow if 'yolov8n' in name else ())
            for name in names]


@pytest.mark.parametrize('name', slowly(FLOORS))
def test_the_accuracy_on_coco_images_is_the_models_own(shared_data, name):
    floor, elsewhere = FLOORS[name]
    ap50 = evaluated(shared_data, name)['ap50']
    assert ap50 >= floor
    assert ap50 == pytest.approx(elsewhere, abs=0.005)


@pytest.mark.parametrize('uri', slowly(ELSEWHERE))
def test_the_accuracy_on_another_runtime_is_the_same(shared_data, uri):
    reference = evaluated(shared_data, ELSEWHERE[uri])['ap50']
    assert evaluated(shared_data, uri)['ap50'] == pytest.approx(reference, abs=0.005)


def test_the_file_of_results_gives_the_same_figures_in_pycocotools_itself(shared_data, tmp_path):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
    results = tmp_path / 'results.json'
    page = evaluated(shared_data, 'yolox_nano.onnx', results)
    with redirect_stdout(io.StringIO()):
        truth = COCO(str(shared_data / 'coco_subset' / 'instances.json'))
        judge = COCOeval(truth, truth.loadRes(str(results)), 'bbox')
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    names = ('ap', 'ap50', 'ap75', 'ap_small', 'ap_medium', 'ap_large')
    assert judge.stats[:6] == pytest.approx([page[name] for name in names])
    assert judge.stats[8:12] == pytest.approx(
        [page[name] for name in ('ar', 'ar_small', 'ar_medium', 'ar_large')])
    ids = {one['category_id'] for one in json.loads(results.read_text())}
    assert max(ids) > 80, "COCO's ids, which have gaps, and not the model's"
    assert ids <= set(truth.getCatIds())
