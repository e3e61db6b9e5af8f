# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One ONNX detector, converted by the command, says the same on every runtime."""

from faster_deploy_ros.errors import Unavailable
from faster_deploy_ros.share import share_path
from faster_deploy_ros.tools.compare.comparison import compare, Request
from faster_deploy_ros.tools.convert.conduct import convert
from faster_deploy_ros.tools.convert.orders import Orders
from faster_deploy_ros.tools.progress import Activity
import pytest

pytestmark = [pytest.mark.core, pytest.mark.timeout(300)]

# What is promised of every runtime in fp32 (acceptance line 4 of the issue).
LEAST_IOU, MOST_SCORE = 0.99, 0.01
RUNTIMES = ('mnn', 'ncnn', 'openvino')


@pytest.fixture(scope='module')
def photographs(shared_data, tmp_path_factory):
    """Return a function from n to a folder: three photographs and each n-th of COCO's."""
    def folder_of(step):
        folder = tmp_path_factory.mktemp('photographs')
        chosen = sorted((shared_data / 'images').glob('*.jpg'))
        chosen += sorted((shared_data / 'coco_subset' / 'images').glob('*.jpg'))[::step]
        for path in chosen:
            (folder / path.name).symlink_to(path)
        return str(folder)

    return folder_of


def compared(model, runtime, folder, images):
    """Convert a model as the command does and compare the result with it."""
    pytest.importorskip('onnxruntime')
    try:
        made = convert(Orders(model, runtime, folder, check=False), Activity())
    except Unavailable as error:
        pytest.skip(str(error))
    return compare(Request(str(model), str(made.files[0]), images))


def expect_the_same(found, objects):
    """Check what was promised, and that there was something to check it on."""
    boxes = found.figures.boxes
    assert found.verdict.is_good, found.verdict.reasons
    assert boxes.lone == ()
    assert boxes.min_iou >= LEAST_IOU
    assert boxes.max_score_difference <= MOST_SCORE
    assert boxes.pairs >= objects
    assert boxes.ties == 0    # nothing was excused


@pytest.mark.parametrize('runtime', RUNTIMES)
def test_the_shipped_model_is_the_same_on_every_runtime(runtime, tmp_path):
    found = compared(share_path('models/shapes_yolox.onnx'), runtime, tmp_path, None)
    expect_the_same(found, objects=40)


@pytest.mark.parametrize('runtime', RUNTIMES)
def test_yolox_nano_is_the_same_on_every_runtime(runtime, shared_data, photographs, tmp_path):
    model = shared_data / 'models' / 'yolox_nano.onnx'
    expect_the_same(compared(model, runtime, tmp_path, photographs(2)), objects=100)


@pytest.mark.parametrize('runtime', RUNTIMES)
def test_yolov8n_is_the_same_on_every_runtime(runtime, shared_data, photographs, tmp_path):
    model = shared_data / 'models' / 'yolov8n_dequant_fp32.onnx'
    expect_the_same(compared(model, runtime, tmp_path, photographs(6)), objects=40)
