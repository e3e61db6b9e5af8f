# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Triton keeps the promises of all cores, on a real server that the tests start and stop."""

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import CoreContract, refused
from faster_deploy_ros.errors import (
    BlobMismatch,
    InferFailed,
    LoadFailed,
    Unsupported,
)
import numpy as np
import pytest

pytest.importorskip('tritonclient', reason="needs the package 'tritonclient[grpc]'")
pytest.importorskip('grpc', reason='needs the package grpcio')

pytest_plugins = ['triton_server']
# The first test may have to install the server.
pytestmark = [pytest.mark.core, pytest.mark.slow, pytest.mark.timeout(600)]

WAYS = pytest.mark.parametrize('shared_memory', ['on', 'off'])


class OnTriton(CoreContract):
    """The models of the contract, as the server has them."""

    options = {}

    @pytest.fixture
    def identity(self, triton_server):
        return triton_server.uri('identity', **self.options)

    @pytest.fixture
    def dynamic_identity(self, triton_server):
        return triton_server.uri('dynamic_identity', **self.options)

    @pytest.fixture
    def identity_bytes(self):
        return b'a model'

    @pytest.fixture
    def failing(self, triton_server):
        return triton_server.uri('failing', **self.options)


class TestTritonWireContract(OnTriton):
    """Triton keeps the promises of all cores over the wire."""

    options = {'shared_memory': 'off'}


class TestTritonSharedMemoryContract(OnTriton):
    """Triton keeps the promises of all cores through shared memory."""

    options = {'shared_memory': 'on'}


# -- what the server says of its models -----------------------------------------------------------


def test_the_device_names_server_version_and_way(triton_server):
    with open_core(triton_server.uri('identity')) as core:
        version = core.device.capabilities.versions['triton']
        assert version[0].isdigit()
        assert core.device.name == (
            f'triton {version} at 127.0.0.1:{triton_server.port}, shared memory')


def test_parameters_of_the_configuration_are_the_models_metadata(triton_server):
    with open_core(triton_server.uri('identity')) as core:
        assert core.metadata['names'] == "{0: 'cone', 1: 'ball'}"
        assert core.metadata['stride'] == '32'
        assert core.specs['x'].layout == 'NCHW'


@WAYS
def test_the_implicit_batch_is_an_open_axis_up_to_the_servers_limit(
        triton_server, shared_memory):
    with open_core(triton_server.uri('batched', shared_memory=shared_memory)) as core:
        assert core.specs['x'].shape == core.specs['y'].shape == (-1, 3, 4, 5)
        for batch in (1, 4, 2):
            with core.lease() as blobs:
                blobs['x'].reshape((batch, 3, 4, 5))
                blobs['x'].data[...] = np.arange(batch * 60).reshape(batch, 3, 4, 5)
                core.sync_infer(blobs)
                assert blobs['y'].shape == (batch, 3, 4, 5)
                assert np.array_equal(blobs['y'].data, blobs['x'].data)
        with core.lease() as blobs:
            blobs['x'].reshape((5, 3, 4, 5))
            with refused(InferFailed, 'batch-size must be <= 4'):
                core.sync_infer(blobs)


def test_the_version_is_the_one_in_the_uri_or_the_latest(triton_server):
    for version, answer in (('1', 1), ('3', 3), ('', 3)):
        options = {'version': version} if version else {}
        with open_core(triton_server.uri('versions', **options)) as core, core.lease() as blobs:
            core.sync_infer(blobs)
            assert (blobs['y'].data == answer).all()


def test_a_wrong_version_or_model_is_refused_with_those_there_are(triton_server):
    with refused(LoadFailed, "'versions'", 'version 2', 'versions version 1', 'version 3'):
        open_core(triton_server.uri('versions', version=2))
    with refused(LoadFailed, "'yolo'", 'identity version 1', 'two_inputs version 1'):
        open_core(triton_server.uri('yolo'))
    with refused(LoadFailed, "'versions'", 'latest'):
        open_core(triton_server.uri('versions', version='latest'))


def test_texts_are_refused_by_their_type(triton_server):
    with refused(Unsupported, "input 'x'", 'BYTES', 'FP32'):
        open_core(triton_server.uri('words'))


@WAYS
def test_several_inputs_and_outputs_keep_their_names(triton_server, shared_memory):
    uri = triton_server.uri('two_inputs', shared_memory=shared_memory)
    with open_core(uri) as core, core.lease() as blobs:
        blobs['left'].data[...] = 3
        blobs['right'].bind(np.full((2, 3), 4, np.float32))   # one bound, one ours
        total = np.zeros((2, 3), np.float32)
        blobs['total'].bind(total)
        core.sync_infer(blobs)
        assert (total == 7).all()
        assert (blobs['product'].data == 12).all()


@WAYS
def test_an_output_of_open_shape_is_as_large_as_what_was_found(triton_server, shared_memory):
    uri = triton_server.uri('nonzero', shared_memory=shared_memory)
    with open_core(uri, seats=1) as core, core.lease() as blobs:
        for found in ([1, 4], [], [0, 1, 2, 3, 4, 5, 6, 7], [7]):
            blobs['x'].data[...] = 0
            blobs['x'].data[found] = 1
            core.sync_infer(blobs)
            assert blobs['y'].data.tolist() == [found]


@WAYS
@pytest.mark.parametrize('lie', [1, 2])
def test_an_answer_that_is_not_as_declared_fails(triton_server, shared_memory, lie):
    uri = triton_server.uri('liar', shared_memory=shared_memory)
    with open_core(uri, seats=1) as core, core.lease() as blobs:
        blobs['x'].data[...] = lie
        with refused((BlobMismatch, InferFailed), 'triton.0 liar', "'y'"):
            core.sync_infer(blobs)
        blobs['x'].data[...] = 0
        core.sync_infer(blobs)
        assert (blobs['y'].data == 0).all()


def test_the_blobs_own_memory_is_what_the_server_reads_and_writes(triton_server):
    with open_core(triton_server.uri('identity'), seats=1) as core, core.lease() as blobs:
        x, y = blobs['x'].data, blobs['y'].data
        for number in range(3):
            x[...] = number
            core.sync_infer(blobs)
            assert (y == number).all()
        assert blobs['x'].data is x
        assert blobs['y'].data is y
        assert len(blobs.request.message(blobs)) < 400 < x.nbytes + y.nbytes


def test_a_real_detector_gives_what_it_gives_in_this_process(triton_server, shared_data):
    pytest.importorskip('onnxruntime', reason='needs the package onnxruntime')
    image = np.random.default_rng(0).random((1, 3, 416, 416), np.float32) * 255
    answers = []
    for uri in (
            str(shared_data / 'models' / 'yolox_nano.onnx'),
            triton_server.uri('yolox_nano', shared_memory='on'),
            triton_server.uri('yolox_nano', shared_memory='off')):
        with open_core(uri, seats=1) as core, core.lease() as blobs:
            blobs['images'].data[...] = image
            core.sync_infer(blobs)
            answers.append(blobs['output'].data.copy())
    assert np.array_equal(answers[1], answers[2])
    assert np.abs(answers[0] - answers[1]).max() < 1e-3   # two versions of onnxruntime
