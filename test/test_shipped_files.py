# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Each model that the package ships is small, old enough for every runtime, and its card's own."""

import hashlib

from faster_deploy_ros.share import share_path
from faster_deploy_ros.tasks.card import card_beside
import onnx
import pytest

LARGEST = 1_500_000   # bytes


@pytest.fixture(scope='module', params=['shapes_yolox', 'rooms_depth'])
def path(request):
    return share_path(f'models/{request.param}.onnx')


def test_the_card_belongs_to_the_file_beside_it(path):
    assert card_beside(path).sha256 == (hashlib.sha256(path.read_bytes()).hexdigest(),)


def test_the_model_is_small_enough_to_ship(path):
    assert path.stat().st_size < LARGEST


def test_the_model_is_one_that_old_runtimes_read(path):
    model = onnx.load(str(path))
    assert model.ir_version <= 8
    assert [entry.version for entry in model.opset_import if not entry.domain] == [13]
