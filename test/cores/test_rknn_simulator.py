# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The whole chain without the board: ONNX, Rockchip's toolkit, its simulator, our boxes."""

import json
import os
from pathlib import Path
import subprocess

import cv2
from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.cores.rknn.file import read_rknn
from faster_deploy_ros.cores.rknn.tensors import input_specs
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import ModelCard, open_model
from faster_deploy_ros.tasks.card import OutputCard
from faster_deploy_ros.tools.convert.program import run_program
from faster_deploy_ros.tools.convert.to_rknn import CLEAN, TOOLKIT
import numpy as np
import pytest

ASKED = 'FASTER_DEPLOY_RKNN'
CHECKOUT = Path(__file__).resolve().parents[2]
# What README and data/README.md say of images/bus.jpg with yolox_nano.
EXPECTED = [('bus', 0.903, (14, 231, 801, 733)), ('person', 0.858, (50, 395, 216, 898)),
            ('person', 0.808, (220, 402, 347, 855)), ('person', 0.696, (685, 454, 810, 874))]

pytestmark = [
    pytest.mark.core, pytest.mark.slow, pytest.mark.timeout(900),
    pytest.mark.skipif(
        os.environ.get(ASKED) != '1',
        reason=f'{ASKED}=1 installs the toolkit of Rockchip (scripts/side_venv) and runs this')]


@pytest.fixture(scope='module')
def toolkit_python():
    made = subprocess.run(
        [CHECKOUT / 'scripts' / 'side_venv', 'rknn'], capture_output=True, text=True, timeout=800,
        check=False)
    if made.returncode:
        pytest.skip(f'the toolkit cannot be installed: {made.stderr.strip()[-300:]}')
    return made.stdout.strip()


@pytest.fixture(scope='module')
def yolox(shared_data):
    path = shared_data / 'models' / 'yolox_nano.onnx'
    if not path.is_file():
        pytest.skip(f'the model is absent: {path}')
    return path


class Npu:
    """The model's family on tensors as the NPU has them; the simulator answers."""

    def __init__(self, folder):
        self.folder, self.seen, self.answer = folder, None, None
        self.core = MockCore(specs=[
            BlobSpec('images', np.dtype(np.uint8), (1, 416, 416, 3), True, 'NHWC'),
            BlobSpec('output', np.dtype(np.float32), (1, 3549, 85), False)], script=self._run)
        self.core.load()
        self.model = open_model(
            'yolox', self.core, card=ModelCard(output=OutputCard(decoded=False)))

    def _run(self, blobs):
        self.seen = blobs.inputs[0].data.copy()
        if self.answer is not None:
            np.copyto(blobs.outputs[0].data, self.answer)

    def bytes_of(self, image):
        """Return ``(1, 416, 416, 3)``: what the node would write into the NPU's input."""
        self.answer = None
        with self.core.lease() as blobs:
            self.model.preprocess(Frame(0, '', image, 'bgr8'), blobs)
            return blobs.inputs[0].data.copy()

    def boxes_of(self, image, answer):
        self.answer = answer
        found = self.model(Frame(0, '', image, 'bgr8'), Stopwatch())
        return [(self.model.labels[kind], float(score), box)
                for box, score, kind in zip(found.xyxy, found.score, found.class_id)]


def simulate(python, folder, model, image, images=(), algorithm='normal'):
    """Build for the RK3588 and simulate; return our boxes, and the description in the file."""
    npu = Npu(folder)
    np.save(folder / 'check0.npy', npu.bytes_of(image))
    listed = []
    for number, each in enumerate(images):
        path = folder / f'image{number}.npy'
        np.save(path, npu.bytes_of(each).transpose(0, 3, 1, 2).astype(np.float32))
        listed.append(f'{path}\n')
    (folder / 'dataset.txt').write_text(''.join(listed))
    order = {
        'model': str(model), 'output': str(folder / 'm.rknn'), 'target': 'rk3588',
        'mean': [[0.0] * 3], 'std': [[1.0] * 3], 'algorithm': algorithm, 'level': 3,
        'float_tail': True, 'dataset': str(folder / 'dataset.txt') if listed else '',
        'checks': ['check0.npy']}
    (folder / 'order.json').write_text(json.dumps(order))
    run_program([python, TOOLKIT, folder / 'order.json'], folder=folder, timeout_s=600,
                environ=CLEAN)
    with np.load(folder / 'check0_answer.npz') as answers:
        answer = answers['arr_0']
    return npu.boxes_of(image, answer), read_rknn('test', folder / 'm.rknn')


def overlap(one, two):
    low, high = np.maximum(one[:2], two[:2]), np.minimum(one[2:], two[2:])
    common = np.prod(np.maximum(high - low, 0))
    areas = [np.prod(np.subtract(each[2:], each[:2])) for each in (one, two)]
    return common / (sum(areas) - common)


def matched(found, expected):
    """Return for each expected box its best found one's overlap and the score's difference."""
    rows = []
    for label, score, box in expected:
        same = [(overlap(np.array(box, float), np.array(each[2], float)), each[1] - score)
                for each in found if each[0] == label]
        rows.append(max(same, default=(0.0, 0.0)))
    return rows


@pytest.fixture(scope='module')
def bus(shared_data):
    return cv2.imread(str(shared_data / 'images' / 'bus.jpg'))


def test_the_fp16_model_finds_the_same_boxes_in_the_simulator(
        toolkit_python, tmp_path, yolox, bus):
    found, described = simulate(toolkit_python, tmp_path, yolox, bus)
    print(*found, sep='\n')
    rows = matched(found, EXPECTED)
    assert len(found) == len(EXPECTED)
    assert min(iou for iou, _ in rows) > 0.97
    assert max(abs(off) for _, off in rows) < 0.01
    # What the core makes of that file is what the family was given here.
    assert (described.container, described.targets) == (6, ('rk3588',))
    assert [str(spec) for spec in input_specs('test', (), described)] == [
        "input 'images' uint8 [1, 416, 416, 3]"]
    assert [(each.name, each.shape) for each in described.outputs] == [('output', (1, 3549, 85))]
    assert described.inputs[0].mean is not None


def test_the_int8_model_still_finds_people_with_scores_and_boxes_near(
        toolkit_python, tmp_path, yolox, bus, shared_data):
    paths = sorted((shared_data / 'coco_subset').rglob('*.jpg'))
    found, described = simulate(
        toolkit_python, tmp_path, yolox, bus, [cv2.imread(str(path)) for path in paths],
        algorithm='kl_divergence')
    print(*found, sep='\n')
    rows = matched(found, EXPECTED)
    assert sum(iou > 0.8 and abs(off) < 0.25 for iou, off in rows) >= 2
    assert described.targets == ('rk3588',)
