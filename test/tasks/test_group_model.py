# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One model on unlike cores: whichever serves a frame, the objects are the same."""

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores import CoreGroup, open_core, open_group
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.cores.mock_models import FAKE_BOXES, yolox_output
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.share import share_path
from faster_deploy_ros.sources import open_source
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import open_model
import numpy as np
import pytest


def found_by_each(group, model, frame):
    """Return what the model finds through each core of a group."""
    found = []
    for index in range(len(group.cores)):
        with group.lease_of(index) as blobs:
            geometry = model.preprocess(frame, blobs)
            group.sync_infer(blobs)
            found.append(model.postprocess(blobs, geometry))
    return found


def test_floats_channels_first_and_bytes_channels_last_serve_one_model():
    frame = Frame(0, '', np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8))
    seen = []
    answer = yolox_output((64, 64), 3)

    def npu(blobs):
        seen.append(blobs['pixels'].data.copy())
        np.copyto(blobs['raw'].data, answer)

    board = MockCore('mock.1://yolox', script=npu, specs=[
        BlobSpec('pixels', np.dtype('uint8'), (1, 64, 64, 3), True, 'NHWC'),
        BlobSpec('raw', np.dtype('float32'), answer.shape, False)])
    board.load()
    first = open_core('mock.0://yolox?size=64x64&classes=3')
    with CoreGroup([first, board]) as group:
        model = open_model('yolox', group)
        one, two = found_by_each(group, model, frame)
        assert len(one.score) == len(FAKE_BOXES)
        assert np.array_equal(one.xyxy, two.xyxy)
        assert seen[0].dtype == np.uint8
        assert np.array_equal(seen[0][0, :48], frame.image), 'bytes as the camera sent them'


@pytest.mark.core
def test_two_real_runtimes_find_the_same_objects():
    pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')
    pytest.importorskip('openvino', reason='openvino is not installed')
    path = share_path('models/shapes_yolox.onnx')
    frame = next(iter(open_source('scene', seed=3))).frame
    with open_group([f'onnxruntime.0://{path}', f'openvino.0://{path}'], seats=1) as group:
        model = open_model('auto', group)
        one, two = found_by_each(group, model, frame)
        assert len(one.score) > 2
        assert np.array_equal(one.class_id, two.class_id)
        assert np.abs(one.xyxy - two.xyxy).max() < 0.5
        assert np.abs(one.score - two.score).max() < 0.01
        assert len(model(frame, Stopwatch()).score) == len(one.score), 'and by the road'
