# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""From a photograph to boxes through RknnCore; ONNX Runtime computes for the simulated NPU."""

from concurrent.futures import ThreadPoolExecutor

import cv2
from fake_rknnlite import write_rknn
from faster_deploy_ros.cores import open_core, open_group
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import open_model
import numpy as np
import pytest

onnxruntime = pytest.importorskip('onnxruntime', reason='needs the package onnxruntime')

pytestmark = pytest.mark.core


def see(model, image):
    found = model(Frame(0, '', image, 'bgr8'), Stopwatch())
    return found.xyxy, found.score, found.class_id


@pytest.fixture
def npu_of(rknn_board, tmp_path, shared_data):
    """Return a function that puts one of the shared models onto the simulated NPU."""
    def put(name, mean, std):
        path = shared_data / 'models' / f'{name}.onnx'
        if not path.is_file():
            pytest.skip(f'the model is absent: {path}')
        session = onnxruntime.InferenceSession(path)
        (source,), (output,) = session.get_inputs(), session.get_outputs()

        def compute(inputs):
            pixels = (inputs[0].astype(np.float32) - mean) / np.float32(std)
            return session.run(None, {source.name: np.ascontiguousarray(
                pixels.transpose(0, 3, 1, 2))})

        rknn_board.compute = compute
        return path, write_rknn(
            tmp_path / f'{name}.rknn', {source.name: source.shape}, {output.name: output.shape},
            table={'attrs': {source.name: {
                'dtype': 'float32', 'mean': [mean], 'std': [std]}}})

    return put


@pytest.mark.parametrize(('name', 'mean', 'std'), [
    ('yolox_nano', 0, 1), ('yolov8n_dequant_fp32', 0, 255)])
def test_three_npu_cores_find_what_onnxruntime_finds(npu_of, shared_data, name, mean, std):
    original, path = npu_of(name, mean, std)
    image = cv2.imread(str(shared_data / 'images' / 'bus.jpg'))
    with open_core(original) as floats, open_core(path, seats=3) as npu:
        wanted = see(open_model('auto', floats), image)
        model = open_model('auto', npu)
        assert 'bytes' in model.summary
        with ThreadPoolExecutor(3) as threads:
            answers = list(threads.map(lambda _: see(model, image), range(6)))
    assert len(wanted[0]) >= 4
    for boxes, scores, kinds in answers:
        np.testing.assert_array_equal(kinds, wanted[2])
        np.testing.assert_allclose(scores, wanted[1], atol=1e-3)
        np.testing.assert_allclose(boxes, wanted[0], atol=0.5)


def test_a_model_whose_scaling_was_forgotten_is_refused_before_the_first_frame(npu_of):
    _, path = npu_of('yolov8n_dequant_fp32', 0, 1)
    with open_core(path) as npu, pytest.raises(BlobMismatch, match='std 255/255/255'):
        open_model('auto', npu)


@pytest.mark.parametrize('npu_first', [True, False])
def test_the_npu_and_the_cpu_serve_one_model_together(npu_of, shared_data, npu_first):
    original, path = npu_of('yolov8n_dequant_fp32', 0, 255)
    image = cv2.imread(str(shared_data / 'images' / 'bus.jpg'))
    uris = [path, original] if npu_first else [original, path]
    with open_core(original) as floats:
        wanted = see(open_model('auto', floats), image)
    with open_group(uris, seats=1, policy='throughput') as group:
        model = open_model('auto', group)
        with ThreadPoolExecutor(2) as threads:
            answers = list(threads.map(lambda _: see(model, image), range(6)))
    for boxes, _, kinds in answers:
        np.testing.assert_array_equal(kinds, wanted[2])
        np.testing.assert_allclose(boxes, wanted[0], atol=0.5)
