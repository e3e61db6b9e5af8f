# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""OpenCV DNN as a core: the contract of all cores, and a real picture's worth of numbers."""

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import CoreContract
from faster_deploy_ros.errors import LoadFailed
import numpy as np
from onnx import helper, TensorProto
import pytest

SHAPE = (1, 3, 4, 5)


def onnx_model(*nodes, shape=SHAPE):
    tensors = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ('x', 'y')]
    graph = helper.make_graph(list(nodes), 'tiny', tensors[:1], tensors[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)])
    model.ir_version = 8
    return model.SerializeToString()


class TestOpenCvContract(CoreContract):

    @pytest.fixture
    def identity(self, tmp_path):
        path = tmp_path / 'identity.onnx'
        path.write_bytes(onnx_model(helper.make_node('Identity', ['x'], ['y'])))
        return f'opencv://{path}'

    @pytest.fixture
    def dynamic_identity(self):
        return None   # OpenCV wants fixed shapes

    @pytest.fixture
    def identity_bytes(self):
        return onnx_model(helper.make_node('Identity', ['x'], ['y']))

    @pytest.fixture
    def failing(self):
        return None


def test_the_net_computes(tmp_path):
    path = tmp_path / 'tanh.onnx'
    path.write_bytes(onnx_model(helper.make_node('Tanh', ['x'], ['y'])))
    x = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    with open_core(f'opencv://{path}') as core, core.lease() as blobs:
        blobs['x'].data[...] = x
        core.sync_infer(blobs)
        assert np.allclose(blobs['y'].data, np.tanh(x), atol=1e-6)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    path = tmp_path / 'text.onnx'
    path.write_text('no model')
    with pytest.raises(LoadFailed, match='cannot be loaded'):
        open_core(f'opencv://{path}')
