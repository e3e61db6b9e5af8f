# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Models and fixtures for the tests of OpenVINO."""

from faster_deploy_ros.cores import open_core
import numpy as np
import pytest

SIDE = 416


def gather_elements():
    """Return ``y = [0, 10, 20, 30][x]``, which fails in the runtime when x is out of range."""
    import make_models
    from onnx import helper, numpy_helper
    table = numpy_helper.from_array(np.array([0, 10, 20, 30], np.float32), 'table')
    return make_models.model(   # and not Gather, which gives 0 there, without a word
        [helper.make_node('GatherElements', ['table', 'x'], ['y'])],
        [make_models.tensor('x', (4,), 'int64')], [make_models.tensor('y', (4,))],
        weights=[table])


@pytest.fixture(scope='session', name='ir')
def ir_fixture(tiny_models, tmp_path_factory):
    """Return a function from the name of a tiny model to its path as IR: .xml, beside a .bin."""
    folder = tmp_path_factory.mktemp('ir')

    def path_of(name):
        path = folder / f'{name}.xml'
        if not path.exists():
            import openvino
            model = openvino.Core().read_model(str(tiny_models(name)))
            openvino.save_model(model, str(path), compress_to_fp16=False)
        return path

    return path_of


@pytest.fixture(scope='session', name='failing_model')
def failing_model_fixture(tmp_path_factory):
    """Return the path of a model whose inference fails when its input is filled with 100."""
    path = tmp_path_factory.mktemp('failing') / 'failing.onnx'
    path.write_bytes(gather_elements())
    return path


def yolox_nano_of_onnxruntime(shared_data):
    """Return an image and what onnxruntime makes of it."""
    image = np.random.default_rng(0).random((1, 3, SIDE, SIDE), np.float32) * 255
    path = shared_data / 'models' / 'yolox_nano.onnx'
    with open_core(path, seats=1) as core, core.lease() as blobs:
        blobs['images'].data[...] = image
        core.sync_infer(blobs)
        return image, blobs['output'].data.copy()
