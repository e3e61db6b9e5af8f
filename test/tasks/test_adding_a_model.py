# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The family that docs/adding_a_model.md adds works as it is written there."""

from pathlib import Path
import re
import sys
from types import ModuleType

from faster_deploy_ros.errors import BlobMismatch, InferFailed
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.registry import Entry
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import MODELS, open_model
import numpy as np
import pytest
from tensor_cores import core_saying

PAGE = (Path(__file__).resolve().parents[2] / 'docs' / 'adding_a_model.md').read_text()
IMAGE = Frame(0, '', np.zeros((64, 96, 3), np.uint8))
CELLS = 12 * 8 + 6 * 4 + 3 * 2 + 2 * 1   # of 96x64 at strides 8 to 64, begun ones too


@pytest.fixture(autouse=True)
def the_page(monkeypatch):
    module = ModuleType('nanodet_plus_of_the_page')
    monkeypatch.setitem(sys.modules, module.__name__, module)
    code = re.search(r'```python\n(.*?)```', PAGE, re.DOTALL)[1]
    exec(compile(code, 'adding_a_model.md', 'exec'), module.__dict__)
    MODELS.add('nanodet_plus', Entry(f'{module.__name__}:NanodetPlus'))
    yield
    del MODELS._entries['nanodet_plus']


def a_box(output, row, scores, sides):
    """Write one row whose sides lie between the two nearest whole numbers of strides."""
    output[0, row, :3] = scores
    output[0, row, 3:] = -50
    for side, steps in enumerate(sides):
        bins = output[0, row, 3 + 8 * side:][:8]
        bins[int(steps)] = np.log(1 - steps % 1)
        if steps % 1:
            bins[int(steps) + 1] = np.log(steps % 1)


def test_the_pages_family_finds_boxes():
    output = np.zeros((1, CELLS, 3 + 32), np.float32)
    a_box(output, 3 * 12 + 5, (0.1, 0.9, 0.2), (1, 2, 2.5, 0.25))   # at (40, 24), stride 8
    a_box(output, 3 * 12 + 6, (0.1, 0.8, 0.2), (2, 2, 1.5, 0.25))   # the same object, weaker
    a_box(output, CELLS - 1, (0.7, 0.1, 0.2), (0.5, 0, 0.25, 1))    # at (64, 0), stride 64
    a_box(output, 20, (0.2, 0.1, 0.2), (1, 1, 1, 1))                # sure of nothing
    with core_saying(output, (96, 64)) as core:
        found = open_model('nanodet_plus', core)(IMAGE, Stopwatch())
    np.testing.assert_allclose(found.xyxy, [[32, 8, 60, 26], [32, 0, 80, 64]], atol=1e-3)
    np.testing.assert_allclose(found.score, [0.9, 0.7])
    assert found.class_id.tolist() == [1, 0]


def test_the_pages_family_sees_what_its_project_feeds():
    image = np.zeros((64, 96, 3), np.uint8)
    image[:] = 255, 128, 0    # blue, green, red
    with core_saying(np.zeros((1, CELLS, 35), np.float32), (96, 64)) as core:
        model = open_model('nanodet_plus', core)
        with core.lease() as blobs:
            model.preprocess(Frame(0, '', image), blobs)
            np.testing.assert_allclose(blobs['in'].data[0, :, 5, 5], [
                (255 - 103.53) / 57.375, (128 - 116.28) / 57.12, -123.675 / 58.395], rtol=1e-6)


def test_the_pages_family_fails_a_frame_of_nonsense():
    with core_saying(np.full((1, CELLS, 35), np.nan, np.float32), (96, 64)) as core:
        with pytest.raises(InferFailed, match='holds NaN'):
            open_model('nanodet_plus', core)(IMAGE, Stopwatch())


def test_the_pages_family_refuses_other_tensors():
    with core_saying(np.zeros((1, 126, 35), np.float32), (96, 64)) as core:
        with pytest.raises(BlobMismatch, match=r'expected float32 .1, 128, classes \+ 32'):
            open_model('nanodet_plus', core)


def test_the_page_names_every_family_of_the_table():
    for family in MODELS:
        assert f'`{family}`' in PAGE or family == 'nanodet_plus'
