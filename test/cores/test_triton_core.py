# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Triton keeps the promises of all cores, on a real server that the tests start and stop."""

from concurrent.futures import ThreadPoolExecutor
import os
import signal
import subprocess
import sys
import threading
from time import monotonic

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import CoreContract, refused
from faster_deploy_ros.errors import (
    BlobMismatch,
    InferFailed,
    LoadFailed,
    Unavailable,
    Unsupported,
)
import numpy as np
import pytest

pytest.importorskip('tritonclient', reason="needs the package 'tritonclient[grpc]'")
pytest.importorskip('grpc', reason='needs the package grpcio')

from tritonclient.grpc import service_pb2

pytest_plugins = ['triton_server']   # its fixtures
# The first test may have to install the server.
pytestmark = [pytest.mark.core, pytest.mark.slow, pytest.mark.timeout(600)]

WITHIN_S = 20.0
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


# -- time, threads, and a server that goes away ---------------------------------------------------


@WAYS
def test_two_seats_in_two_threads_work_side_by_side(triton_server, shared_memory):
    uri = triton_server.uri('slow', shared_memory=shared_memory)
    with open_core(uri, seats=2) as core:
        together = threading.Barrier(3, timeout=WITHIN_S)
        turns = 0

        def work():
            with core.lease() as blobs:
                blobs['x'].data[...] = 1.0
                together.wait()
                core.sync_infer(blobs)

        with ThreadPoolExecutor(2) as threads:
            futures = [threads.submit(work) for _ in range(2)]
            together.wait()
            began = monotonic()
            while not all(future.done() for future in futures):
                turns += 1   # only where the others have let the GIL go
                threading.Event().wait(0.01)
            assert 0.8 < monotonic() - began < 1.9
            assert [future.result() for future in futures] == [None, None]
        assert turns > 20


def test_a_late_answer_is_not_written_into_the_next_inferences_memory(triton_server):
    uri = triton_server.uri('slow', shared_memory='on', timeout_s=0.3)
    with open_core(uri, seats=1) as core, core.lease() as blobs:
        core.sync_infer(blobs)
        first = blobs['y'].data
        for infer in (core.sync_infer, lambda blobs: core.async_infer(blobs).result(WITHIN_S)):
            abandoned = blobs['y'].data
            blobs['x'].data[...] = 1.0   # seconds
            began = monotonic()
            with refused(InferFailed, 'time-out', 'timeout_s=0.3'):
                infer(blobs)
            assert monotonic() - began < 0.9
            blobs['x'].data[...] = 0
            core.sync_infer(blobs)
            wait_for(lambda abandoned=abandoned: (abandoned == 1).all())  # it comes, and late
            assert (blobs['y'].data == 0).all()
        assert blobs['y'].data is not first
    assert not ours_on(triton_server), 'regions are left on the server'


def test_a_model_that_is_unloaded_fails_and_works_again_once_it_is_loaded(make_server):
    server = make_server('--only', 'identity')
    with open_core(server.uri('identity')) as core, core.lease() as blobs:
        core.sync_infer(blobs)
        server.ask('RepositoryModelUnload', service_pb2.RepositoryModelUnloadRequest(
            model_name='identity'))
        wait_for(lambda: fails(core, blobs))
        with refused(InferFailed, 'identity'):
            core.async_infer(blobs).result(WITHIN_S)
        with refused(LoadFailed, "'identity'"):
            open_core(server.uri('identity'))
        server.ask('RepositoryModelLoad', service_pb2.RepositoryModelLoadRequest(
            model_name='identity'))
        blobs['x'].data[...] = 4
        wait_for(lambda: not fails(core, blobs))
        assert (blobs['y'].data == 4).all()


@WAYS
def test_a_server_killed_under_a_request_fails_it_and_is_found_when_it_is_back(
        make_server, shared_memory):
    server = make_server('--only', 'slow')
    core = open_core(
        server.uri('slow', shared_memory=shared_memory, timeout_s=WITHIN_S), seats=2)
    with core.lease() as blobs, core.lease() as other:
        blobs['x'].data[...] = 0
        core.sync_infer(blobs)
        blobs['x'].data[...] = other['x'].data[...] = 15   # seconds
        futures = [core.async_infer(other)]
        with ThreadPoolExecutor(1) as threads:
            futures.append(threads.submit(core.sync_infer, blobs))
            threading.Event().wait(0.3)
            assert not any(future.done() for future in futures)
            began = monotonic()
            server.kill()
            for future in futures:
                with refused(InferFailed, 'not available'):
                    future.result(WITHIN_S)
        with refused(InferFailed, 'not available'):
            core.sync_infer(blobs)
        assert monotonic() - began < 3
        server.start()
        blobs['x'].data[...] = other['x'].data[...] = 0.125
        wait_for(lambda: not fails(core, blobs))
        core.async_infer(other).result(WITHIN_S)
        assert blobs['y'].data == other['y'].data == 0.125
        assert len(ours_on(server)) == (4 if shared_memory == 'on' else 0)
    server.signal(signal.SIGSTOP)   # it hangs: not a word, and the connection stays
    began = monotonic()
    core.unload()
    assert monotonic() - began < 3
    server.signal(signal.SIGCONT)


def test_shared_memory_behind_a_token_needs_the_token(make_server, monkeypatch, caplog):
    server = make_server('--only', 'identity', '--token', 'open sesame')
    with refused(Unavailable, 'restricted', 'shared_memory=off'):
        open_core(server.uri('identity', shared_memory='on'))
    with open_core(server.uri('identity')) as core:
        assert core.device.name.endswith('wire')
    assert 'restricted' in caplog.text
    monkeypatch.setenv('TEST_TRITON_TOKEN', 'open sesame')
    for token in ('open sesame', 'env:TEST_TRITON_TOKEN'):
        with open_core(server.uri('identity', shared_memory='on', token=token)) as core:
            with core.lease() as blobs:
                blobs['x'].data[...] = 8
                core.sync_infer(blobs)
                assert (blobs['y'].data == 8).all()


def test_what_a_killed_client_left_does_not_stay(triton_server):
    code = f"""
import os
from faster_deploy_ros.cores import open_core
core = open_core({triton_server.uri('identity', shared_memory='on')!r})
with core.lease() as blobs:
    core.sync_infer(blobs)
    os.kill(os.getpid(), 9)
"""
    killed = subprocess.Popen([sys.executable, '-c', code])
    assert killed.wait(60) == -9
    assert len(ours_on(triton_server, killed.pid)) == len(our_files(killed.pid)) == 2
    with open_core(triton_server.uri('identity', shared_memory='on')) as core:
        with core.lease() as blobs:
            core.sync_infer(blobs)
        assert not ours_on(triton_server, killed.pid)
        assert not our_files(killed.pid)


@WAYS
def test_two_hundred_openings_leave_nothing_behind(triton_server, shared_memory):
    uri = triton_server.uri('identity', shared_memory=shared_memory)

    def cycle():
        with open_core(uri, seats=1) as core, core.lease() as blobs:
            core.sync_infer(blobs)

    def count():
        return (
            len(os.listdir('/proc/self/fd')), len(os.listdir('/proc/self/task')),
            threading.active_count())

    for _ in range(20):
        cycle()
    before = count()
    for _ in range(200):
        cycle()
    # gRPC closes sockets and ends its own threads a little later than it says.
    wait_for(lambda: all(
        now <= then + slack for now, then, slack in zip(count(), before, (2, 4, 0))))
    assert not our_files(os.getpid())
    assert not ours_on(triton_server)


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


def fails(core, blobs):
    """Tell whether an inference fails now."""
    try:
        core.sync_infer(blobs)
    except InferFailed:
        return True
    return False


def ours_on(server, pid=None):
    """Return the regions that this process, or another, has on the server."""
    from faster_deploy_ros.cores.triton_memory import PREFIX
    start = f'{PREFIX}{pid or os.getpid()}_'
    return [name for name in server.regions() if name.startswith(start)]


def our_files(pid):
    """Return the files that a process has in shared memory."""
    from faster_deploy_ros.cores.triton_memory import FOLDER, PREFIX
    return [*FOLDER.glob(f'{PREFIX}{pid}_*')]


def wait_for(condition):
    """Wait for what must happen soon."""
    end = monotonic() + WITHIN_S
    pause = threading.Event()
    while not condition():
        assert monotonic() < end, 'it did not happen'
        pause.wait(0.05)
