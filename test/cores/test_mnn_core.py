# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""MNN keeps the promises of all cores, by sessions that are apart."""

import os
import subprocess
import sys

from faster_deploy_ros.cores import devices, open_core
from faster_deploy_ros.cores.contract import CoreContract, refused
from faster_deploy_ros.errors import BlobMismatch, InferFailed, Unsupported
from faster_deploy_ros.tools.convert import to_mnn as converter
from mnn_models import mnn_models_fixture, open_identity_fixture, to_mnn  # noqa: F401
import numpy as np
import pytest
from side_by_side import expect_the_same_alone_and_together, steps_of_python_beside

# Not MNN itself: what it prints as it is imported is ours to hear.
mnn_core = pytest.importorskip(
    'faster_deploy_ros.cores.mnn_core', reason='needs the package MNN')
onnx_helper = pytest.importorskip('onnx.helper', reason='needs the package onnx for its models')

pytestmark = pytest.mark.core
SIDE = 416
THREAD_NUMBER = 4   # what getSessionInfo is asked for


class TestMnnContract(CoreContract):
    """MNN keeps the promises of all cores."""

    @pytest.fixture
    def identity(self, mnn_models):
        return str(mnn_models('identity'))

    @pytest.fixture
    def dynamic_identity(self, open_identity):
        return str(open_identity)

    @pytest.fixture
    def identity_bytes(self, mnn_models):
        return mnn_models('identity').read_bytes()

    @pytest.fixture
    def failing(self):
        return None   # out of range, its Gather gives other numbers without a word


def test_several_inputs_and_outputs_keep_the_models_order(mnn_models):
    """MNN itself would give them by the alphabet."""
    with open_core(mnn_models('two_inputs')) as core, core.lease() as blobs:
        assert list(core.specs) == ['left', 'right', 'total', 'product']
        blobs['left'].data[...] = np.arange(6).reshape(2, 3)
        blobs['right'].data[...] = 10
        core.sync_infer(blobs)
        assert blobs['total'].data.tolist() == [[10, 11, 12], [13, 14, 15]]
        assert blobs['product'].data.tolist() == [[0, 10, 20], [30, 40, 50]]


def test_the_callers_memory_is_read_and_written_by_a_copy(mnn_models):
    left, right = np.full((2, 3), 2, np.float32), np.full((2, 3), 5, np.float32)
    left.flags.writeable = False
    product = np.zeros((2, 3), np.float32)
    with open_core(mnn_models('two_inputs'), seats=1) as core:
        with core.lease() as blobs:
            blobs['left'].bind(left)
            blobs['right'].bind(right)
            blobs['product'].bind(product)
            core.sync_infer(blobs)
            assert (product == 10).all()
        with core.lease() as blobs:
            blobs['left'].data[...] = blobs['right'].data[...] = 3
            core.sync_infer(blobs)
            assert (blobs['product'].data == 9).all()
    assert (product == 10).all()


RNG = np.random.default_rng(5)
WEIGHTS, X = RNG.random((6, 5, 3, 3), np.float32), RNG.random((1, 5, 7, 9), np.float32)
Y = np.einsum('cyxij,ocij->oyx', np.lib.stride_tricks.sliding_window_view(
    X[0], (3, 3), (1, 2)), WEIGHTS)[None]


def convolution(height=7, width=9):
    """Return an ONNX model that makes Y of X."""
    import make_models
    from onnx import numpy_helper
    return make_models.model(
        [onnx_helper.make_node('Conv', ['x', 'w'], ['y'], kernel_shape=[3, 3])],
        [make_models.tensor('x', (1, 5, height, width))],
        [make_models.tensor('y', (1, 6, None, None))],
        weights=[numpy_helper.from_array(WEIGHTS, 'w')])


def test_layouts_with_four_channels_in_one_come_out_plain(mnn_models):
    """A convolution works on blocks of four channels; five in and six out leave gaps in them."""
    with open_core(mnn_models('convolution', convolution())) as core, core.lease() as blobs:
        blobs['x'].data[...] = X
        core.sync_infer(blobs)
        assert np.allclose(blobs['y'].data, Y, atol=1e-4)


def test_after_a_size_that_mnn_cannot_run_the_last_one_works_again(mnn_models):
    path = mnn_models('open_convolution', convolution('h', 'w'))
    with open_core(path, seats=1) as core, core.lease() as blobs:
        for _ in range(2):
            blobs['x'].reshape(X.shape)
            blobs['x'].data[...] = X
            core.sync_infer(blobs)
            assert np.allclose(blobs['y'].data, Y, atol=1e-4)
            blobs['x'].reshape((1, 5, 1, 1))   # smaller than the kernel
            with refused(InferFailed, 'MNN cannot run at (1, 5, 1, 1)'):
                core.sync_infer(blobs)


def test_weights_in_a_file_beside_the_model_are_found_by_every_seat(tmp_path, monkeypatch):
    monkeypatch.setattr(converter, 'STORAGE', {'fp32': ['--saveExternalData']})
    source, path = tmp_path / 'm.onnx', tmp_path / 'm.mnn'
    source.write_bytes(convolution())
    to_mnn(source, path, tmp_path)
    assert (tmp_path / 'm.mnn.weight').stat().st_size >= WEIGHTS.nbytes
    with open_core(path, seats=2) as core, core.lease() as one, core.lease() as two:
        for blobs in (one, two):
            blobs['x'].data[...] = X
            core.sync_infer(blobs)
            assert np.allclose(blobs['y'].data, Y, atol=1e-4)


@pytest.mark.parametrize(('dtype', 'becomes'), [
    ('float32', 'float32'), ('int32', 'int32'), ('uint8', 'uint8'), ('int64', 'int32')])
def test_every_dtype_that_mnn_has_goes_through(mnn_models, dtype, becomes):
    import make_models
    content = make_models.identity((2, 3), dtype)
    with open_core(mnn_models(f'identity_{dtype}', content)) as core, core.lease() as blobs:
        assert core.specs['x'].dtype.name == becomes   # MNN keeps whole numbers in 32 bits
        blobs['x'].data[...] = np.arange(6).reshape(2, 3)
        core.sync_infer(blobs)
        assert blobs['y'].data.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_metadata_comes_through_the_converter(mnn_models):
    with open_core(mnn_models('with_metadata')) as core:
        assert core.metadata == {'names': "{0: 'cone', 1: 'ball'}", 'stride': '32'}
    with open_core(mnn_models('identity')) as core:
        assert core.metadata == {}


def test_a_shape_at_which_the_model_cannot_run_costs_nothing(mnn_models):
    import make_models
    content = make_models.model(
        [onnx_helper.make_node('Add', ['x', 'z'], ['y'])],
        [make_models.tensor('x', (1, 3, 'h', 'w')), make_models.tensor('z', (1, 3, 'h', 'w'))],
        [make_models.tensor('y', (1, 3, 'h', 'w'))])
    with open_core(mnn_models('two_open', content), seats=1) as core, core.lease() as blobs:
        for size, other in ((4, 4), (4, 6), (4, 6), (8, 8), (4, 4)):
            blobs['x'].reshape((1, 3, 4, size))
            blobs['z'].reshape((1, 3, 4, other))
            blobs['x'].data[...] = 2
            blobs['z'].data[...] = 3
            if size == other:
                core.sync_infer(blobs)
                assert blobs['y'].data.shape == (1, 3, 4, size)
                assert (blobs['y'].data == 5).all()
            else:
                with refused(InferFailed, '(1, 3, 4, 6)'):
                    core.sync_infer(blobs)
        blobs['y'].bind(np.zeros((1, 3, 2, 2), np.float32))
        with refused(BlobMismatch, "'y'", '(1, 3, 4, 4)'):
            core.sync_infer(blobs)


def test_a_code_that_mnn_returns_is_an_error_and_the_seat_stays(mnn_models):
    with open_core(mnn_models('identity'), seats=1) as core:
        for code, words in ((0, ()), (3, ('3', 'size')), (1, ('1', 'memory')), (0, ())):
            with core.lease() as blobs:
                blobs.request.interpreter = Ends(blobs.request.interpreter, code)
                blobs['x'].data[...] = 4
                if code:
                    with refused(InferFailed, *words):
                        core.sync_infer(blobs)
                else:
                    core.sync_infer(blobs)
                    assert (blobs['y'].data == 4).all()
                blobs.request.interpreter = blobs.request.interpreter.real


class Ends:
    """An interpreter whose sessions end with a code of ours."""

    def __init__(self, real, code):
        self.real = real
        self.code = code

    def runSession(self, session):
        return self.code or self.real.runSession(session)


# -- devices and options ---------------------------------------------------------------------


def test_the_cpu_is_the_device_with_its_name_and_version():
    found = [device for device in devices() if device.scheme == 'mnn']
    assert [device.index for device in found] == [0]
    assert found[0].name.startswith('CPU')
    assert found[0].capabilities.versions == {'MNN': mnn_core.MNN.version()}
    assert not found[0].capabilities.external_blobs   # it copies


def test_half_precision_is_refused_where_the_cpu_would_compute_in_full(mnn_models, monkeypatch):
    path = mnn_models('identity')
    monkeypatch.setattr(mnn_core, 'banner', ['The device supports: i8sdot:1, fp16:0, i8mm: 0'])
    with refused(Unsupported, 'fp16', 'leave it out'):
        open_core(f'{path}?precision=fp16')
    monkeypatch.setattr(mnn_core, 'banner', ['The device supports: i8sdot:1, fp16:1, i8mm: 0'])
    with open_core(f'{path}?precision=fp16') as core, core.lease() as blobs:
        blobs['x'].data[...] = 2
        core.sync_infer(blobs)
        assert (blobs['y'].data == 2).all()


# -- threads and lives -----------------------------------------------------------------------

@pytest.mark.parametrize(('option', 'threads'), [('', 1), ('?threads=2', 2), ('?threads=0', None)])
def test_the_threads_reach_the_session(mnn_models, option, threads):
    with open_core(f"{mnn_models('convolution', convolution())}{option}") as core:
        with core.lease() as blobs:
            seat = blobs.request
            said = seat.interpreter.getSessionInfo(seat.session, THREAD_NUMBER)
    # MNN writes a whole number where Python reads a float.
    assert np.float32(said).view(np.int32) == (threads or os.cpu_count())


@pytest.mark.parametrize('threads', [1, 2])
def test_two_seats_in_two_threads_give_what_one_gives(shared_data, threads):
    images = [
        np.random.default_rng(seed).random((1, 3, SIDE, SIDE), np.float32) * 255
        for seed in range(4)]
    path = shared_data / 'models' / 'yolox_nano.mnn'
    with open_core(f'{path}?threads={threads}', seats=2) as core:
        expect_the_same_alone_and_together(core, images)


def test_another_thread_runs_python_while_the_runtime_works(shared_data):
    with open_core(shared_data / 'models' / 'yolox_nano.mnn', seats=1) as core:
        with core.lease() as blobs:
            core.sync_infer(blobs)
            assert min(steps_of_python_beside(lambda: core.sync_infer(blobs))) > 100


def test_a_real_detector_gives_what_onnxruntime_gives(shared_data):
    pytest.importorskip('onnxruntime', reason='needs the package onnxruntime to compare with')
    image = np.random.default_rng(0).random((1, 3, SIDE, SIDE), np.float32) * 255
    outputs = []
    for name in ('yolox_nano.onnx', 'yolox_nano.mnn'):
        with open_core(shared_data / 'models' / name) as core, core.lease() as blobs:
            blobs['images'].data[...] = image
            core.sync_infer(blobs)
            outputs.append(blobs['output'].data.copy())
    assert np.abs(outputs[0] - outputs[1]).max() < 5e-3   # 8e-4 seen, of values up to 10


def test_a_process_that_unloads_nothing_ends_in_order_and_prints_nothing(mnn_models):
    """MNN prints at its import, at each session and at each fault."""
    code = (
        'import sys\n'
        'from faster_deploy_ros.cores import open_core\n'
        'from faster_deploy_ros.errors import LoadFailed\n'
        f"core = open_core({str(mnn_models('two_inputs'))!r})\n"
        'seat = core.lease().__enter__()\n'
        'core.sync_infer(seat)\n'
        'try:\n'
        "    open_core('mnn://bad', source=b'bad' * 100)\n"
        'except LoadFailed:\n'
        "    print('{}')\n"
        'from faster_deploy_ros.cores import mnn_core\n'
        "sys.exit(not any('fp16:' in line for line in mnn_core.banner))\n")
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, '{}\n'), done.stderr
