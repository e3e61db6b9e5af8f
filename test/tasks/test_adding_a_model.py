# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The family that docs/adding_a_model.md adds works as it is written there."""

from pathlib import Path
import re
import sys
from types import ModuleType

from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.registry import Entry
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import MODELS, open_model
from faster_deploy_ros.tasks.card import read_card
import numpy as np
import pytest
from tensor_cores import core_saying

PAGE = (Path(__file__).resolve().parents[2] / 'docs' / 'adding_a_model.md').read_text()
IMAGE = Frame(0, '', np.zeros((64, 96, 3), np.uint8))


@pytest.fixture(autouse=True)
def the_page(monkeypatch):
    module = ModuleType('yolov5_of_the_page')
    monkeypatch.setitem(sys.modules, module.__name__, module)
    code = re.search(r'```python\n(.*?)```', PAGE, re.DOTALL)[1]
    exec(compile(code, 'adding_a_model.md', 'exec'), module.__dict__)
    MODELS.add('yolov5', Entry(f'{module.__name__}:Yolov5'))
    yield
    del MODELS._entries['yolov5']


def test_the_pages_family_finds_boxes():
    output = np.zeros((1, 3 * 126, 8), np.float32)
    output[0, 7] = 40, 30, 20, 10, 0.9, 0.1, 1.0, 0.2
    output[0, 8] = 41, 30, 20, 10, 0.8, 0.1, 1.0, 0.2    # the same object, weaker
    output[0, 200] = 70, 50, 10, 10, 0.9, 0.2, 0.1, 0.2  # not sure enough of any class
    with core_saying(output, (96, 64)) as core:
        found = open_model('yolov5', core)(IMAGE, Stopwatch())
    np.testing.assert_allclose(found.xyxy, [[30, 25, 50, 35]])
    assert (found.score.tolist(), found.class_id.tolist()) == ([np.float32(0.9)], [1])


def test_the_pages_family_refuses_other_tensors():
    with core_saying(np.zeros((1, 126, 8), np.float32), (96, 64)) as core:
        with pytest.raises(BlobMismatch, match=r'expected float32 .1, 378, 5 \+ classes'):
            open_model('yolov5', core)


def test_the_pages_card_can_be_read(tmp_path):
    path = tmp_path / 'model.yaml'
    path.write_text(re.search(r'```yaml\n(.*?)```', PAGE, re.DOTALL)[1])
    card = read_card(path)
    assert (card.family, card.labels, card.input.size, card.output.decoded) == (
        'yolox', ('sphere', 'cube'), (320, 256), False)


def test_the_page_names_every_family_of_the_table():
    for family in MODELS:
        assert f'`{family}`' in PAGE or family == 'yolov5'
