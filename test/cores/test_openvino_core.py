# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO keeps the promises of all cores, and copies nothing."""

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import CoreContract, refused, TIMEOUT_S
from faster_deploy_ros.cores.source import pack
from faster_deploy_ros.errors import BlobMismatch, InferFailed
import numpy as np
from onnx_contract import OnnxContract
from openvino_models import (  # noqa: F401
    failing_model_fixture,
    ir_fixture,
    SIDE,
    yolox_nano_of_onnxruntime,
)
import pytest
from side_by_side import expect_the_same_alone_and_together, steps_of_python_beside

openvino = pytest.importorskip('openvino', reason='needs the package openvino')
onnx_helper = pytest.importorskip('onnx.helper', reason='needs the package onnx for its models')

pytestmark = pytest.mark.core


class TestOpenVinoContract(CoreContract):
    """OpenVINO keeps the promises of all cores with an IR."""

    @pytest.fixture
    def identity(self, ir):
        return f"openvino://{ir('identity')}"

    @pytest.fixture
    def dynamic_identity(self, ir):
        return f"openvino://{ir('dynamic_identity')}"

    @pytest.fixture
    def identity_bytes(self, ir):
        path = ir('identity')
        return pack(path.read_bytes(), path.with_suffix('.bin').read_bytes())

    @pytest.fixture
    def failing(self, failing_model):
        return f'openvino://{failing_model}'


class TestOpenVinoContractWithOnnx(OnnxContract):
    """OpenVINO keeps the promises of all cores with an ONNX model as it is."""

    scheme = 'openvino'

    @pytest.fixture
    def failing(self, failing_model):
        return f'openvino://{failing_model}'


def test_the_runtime_reads_and_writes_the_blobs_own_memory(tiny_models):
    with open_core(f"openvino://{tiny_models('two_inputs')}", seats=1) as core:
        with core.lease() as blobs:
            blobs['left'].data[...] = np.arange(6).reshape(2, 3)
            blobs['right'].data[...] = 10
            core.sync_infer(blobs)
            request = blobs.request.infer_request
            for number, name in enumerate(('left', 'right')):
                address = request.get_input_tensor(number).data.ctypes.data
                assert address == blobs[name].data.ctypes.data
            for number, name in enumerate(('total', 'product')):
                address = request.get_output_tensor(number).data.ctypes.data
                assert address == blobs[name].data.ctypes.data
            assert blobs['total'].data.tolist() == [[10, 11, 12], [13, 14, 15]]
            assert blobs['product'].data.tolist() == [[0, 10, 20], [30, 40, 50]]


def test_nothing_is_bound_again_while_shapes_and_memory_stay(tiny_models):
    with open_core(f"openvino://{tiny_models('two_inputs')}", seats=1) as core:
        with core.lease() as blobs:
            core.sync_infer(blobs)
            blobs.request.infer_request = OnlyInfers(blobs.request.infer_request)
        for number in range(5):
            with core.lease() as blobs:
                blobs['left'].data[...] = number
                blobs['right'].data[...] = 3
                core.sync_infer(blobs)
                assert (blobs['product'].data == 3 * number).all()


class OnlyInfers:
    """A request that can be run and not changed."""

    def __init__(self, real):
        self.start_async, self.wait = real.start_async, real.wait


def test_read_only_memory_is_an_input_without_a_copy(tiny_models):
    frozen = np.arange(60, dtype=np.float32).reshape(1, 3, 4, 5)
    frozen.flags.writeable = False
    with open_core(f"openvino://{tiny_models('identity')}") as core, core.lease() as blobs:
        blobs['x'].bind(frozen)
        core.sync_infer(blobs)
        assert np.array_equal(blobs['y'].data, frozen)
        tensor = blobs.request.infer_request.get_input_tensor(0)
        assert tensor.data.ctypes.data == frozen.ctypes.data
        assert not frozen.flags.writeable


def test_an_output_of_open_shape_is_as_large_as_what_was_found(tiny_models):
    with open_core(f"openvino://{tiny_models('nonzero')}", seats=1) as core:
        kept = []
        with core.lease() as blobs:
            for found in ([1, 4], [], [0, 1, 2, 3, 4, 5, 6, 7], [7]):
                blobs['x'].data[...] = 0
                blobs['x'].data[found] = 1
                core.sync_infer(blobs)
                assert blobs['where'].data.tolist() == [found]
                kept.append((blobs['where'].data, found))
            # The arrays of earlier inferences are memory of their own.
            assert all(array.tolist() == [found] for array, found in kept)


def test_an_output_of_open_shape_goes_to_bound_memory_of_that_shape_only(tiny_models):
    with open_core(f"openvino://{tiny_models('dynamic_identity')}", seats=1) as core:
        with core.lease() as blobs:
            external = np.zeros((1, 3, 2, 2), np.float32)
            blobs['y'].bind(external)
            blobs['x'].reshape((1, 3, 2, 2))
            blobs['x'].data[...] = 5
            core.sync_infer(blobs)
            assert (external == 5).all()
            blobs['x'].reshape((1, 3, 1, 2))
            blobs['x'].data[...] = 6
            for infer in (core.sync_infer, lambda b: core.async_infer(b).result(TIMEOUT_S)):
                with refused(BlobMismatch, "'y'", '(1, 3, 1, 2)', '(1, 3, 2, 2)'):
                    infer(blobs)
            blobs['x'].reshape((1, 3, 8, 8))
            with refused(InferFailed):
                core.sync_infer(blobs)
            blobs['y'].reset()
            blobs['x'].data[...] = 7
            core.sync_infer(blobs)
            assert blobs['y'].data.shape == (1, 3, 8, 8)
            assert (blobs['y'].data == 7).all()


@pytest.mark.parametrize('dtype', [
    'float32', 'float64', 'float16', 'int8', 'uint8', 'int32', 'int64', 'bool'])
def test_every_dtype_goes_through_unchanged(dtype):
    import make_models
    x = np.arange(6).reshape(2, 3).astype(dtype)
    with open_core('openvino://tiny', source=make_models.identity((2, 3), dtype)) as core:
        with core.lease() as blobs:
            blobs['x'].data[...] = x
            core.sync_infer(blobs)
            assert blobs['y'].data.dtype == x.dtype
            assert np.array_equal(blobs['y'].data, x)


def test_a_scalar_goes_through():
    import make_models
    with open_core('openvino://scalar', source=make_models.identity(())) as core:
        with core.lease() as blobs:
            blobs['x'].data[...] = 2.5
            core.sync_infer(blobs)
            assert blobs['y'].data.shape == ()
            assert blobs['y'].data == 2.5


def test_metadata_comes_through_from_onnx_and_from_ir(tiny_models, ir):
    expected = {'names': "{0: 'cone', 1: 'ball'}", 'stride': '32'}
    with open_core(f"openvino://{tiny_models('with_metadata')}") as core:
        assert core.metadata == expected
    with open_core(ir('with_metadata')) as core:
        assert expected.items() <= core.metadata.items()   # and the version that has written it
    with open_core(f"openvino://{tiny_models('identity')}") as core:
        assert core.metadata == {}


def test_the_layout_is_what_the_model_says_or_what_its_shape_tells(tmp_path):
    import make_models
    for shape, layout in (((1, 3, 8, 9), 'NCHW'), ((1, 8, 9, 3), 'NHWC'), ((4, 4), '')):
        with open_core('openvino://m', source=make_models.identity(shape)) as core:
            assert core.specs['x'].layout == layout
    model = openvino.Core().read_model(make_models.identity((1, 8, 9, 4)))
    model.inputs[0].node.layout = openvino.Layout('NHWC')   # four channels: no guess
    openvino.save_model(model, str(tmp_path / 'said.xml'))
    with open_core(tmp_path / 'said.xml') as core:
        assert core.specs['x'].layout == 'NHWC'


def test_tensors_with_several_names_or_none_have_one(tmp_path):
    from openvino import opset13 as ops
    nameless = ops.parameter([2], np.float32, name='in')
    many = ops.parameter([2], np.float32, name='second')
    many.output(0).set_names({'zebra', 'second', 'ant'})
    total = ops.add(nameless, many, name='sum')
    total.output(0).set_names({'b', 'a'})
    half = ops.multiply(total, np.float32(0.5), name='half')
    model = openvino.Model([ops.result(total), ops.result(half)], [nameless, many], 'names')
    openvino.save_model(model, str(tmp_path / 'names.xml'), compress_to_fp16=False)
    with open_core(tmp_path / 'names.xml') as core, core.lease() as blobs:
        assert list(core.specs)[:3] == ['in', 'second', 'a']
        assert len(core.specs) == 4
        blobs['in'].data[...] = 1
        blobs['second'].data[...] = 2
        core.sync_infer(blobs)
        assert [blob.data.tolist() for blob in blobs.outputs] == [[3, 3], [1.5, 1.5]]


def test_a_real_detector_gives_what_onnxruntime_gives(shared_data):
    pytest.importorskip('onnxruntime', reason='needs the package onnxruntime to compare with')
    image, expected = yolox_nano_of_onnxruntime(shared_data)
    with open_core(f"openvino://{shared_data / 'models' / 'yolox_nano.onnx'}") as core:
        assert {name: spec.shape for name, spec in core.specs.items()} == {
            'images': (1, 3, SIDE, SIDE), 'output': (1, 3549, 85)}
        with core.lease() as blobs:
            blobs['images'].data[...] = image
            core.sync_infer(blobs)
            assert np.abs(blobs['output'].data - expected).max() < 2e-4   # 2e-5 seen


def test_two_seats_in_two_threads_give_what_one_gives(shared_data):
    images = [
        np.random.default_rng(seed).random((1, 3, SIDE, SIDE), np.float32) * 255
        for seed in range(4)]
    with open_core(
            f"openvino://{shared_data / 'models' / 'yolox_nano.onnx'}", seats=2) as core:
        expect_the_same_alone_and_together(core, images)


def test_another_thread_runs_python_while_the_runtime_works(shared_data):
    with open_core(
            f"openvino://{shared_data / 'models' / 'yolox_nano.onnx'}", seats=1) as core:
        with core.lease() as blobs:
            core.sync_infer(blobs)
            assert min(steps_of_python_beside(lambda: core.sync_infer(blobs))) > 100
