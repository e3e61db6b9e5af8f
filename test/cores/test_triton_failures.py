# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A server that lies, hangs, dies and comes back costs an inference, never the seat."""

import os
import shutil
import subprocess
import sys
import threading
from time import monotonic

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.errors import (
    BlobMismatch,
    FasterDeployError,
    InferFailed,
    LoadFailed,
)
import numpy as np
import pytest

pytest.importorskip('tritonclient', reason="needs the package 'tritonclient[grpc]'")
pytest.importorskip('grpc', reason='needs the package grpcio')

import grpc
from kserve_stand_in import Proxy, StandIn
from triton_checks import fails, infer_later, our_files, wait_for, WITHIN_S

pytest_plugins = ['kserve_fixtures']
pytestmark = pytest.mark.core

SHAPE = (1, 3, 4, 5)


def flatter(response):
    response.outputs[0].shape[:] = [60]


def other_dtype(response):
    response.outputs[0].datatype = 'FP64'


def cut_short(response):
    response.raw_output_contents[0] = response.raw_output_contents[0][:-7]


def nameless(response):
    response.outputs[0].name = 'z'


def empty(response):
    del response.outputs[:]
    del response.raw_output_contents[:]


def no_content(response):
    del response.raw_output_contents[:]


@pytest.mark.parametrize(('spoil', 'error', 'words'), [
    (flatter, BlobMismatch, ['(60,)', str(SHAPE)]),
    (other_dtype, BlobMismatch, ['FP64', 'FP32']),
    (cut_short, InferFailed, ['233 bytes', '240']),
    (nameless, InferFailed, ["'y'", 'it sends z']),
    (empty, InferFailed, ["'y'", 'nothing']),
    (no_content, InferFailed, ['0 bytes', '240'])])
def test_an_answer_that_is_not_as_declared_fails_and_the_seat_stays(server, spoil, error, words):
    with open_core(server.uri('identity', shared_memory='off'), seats=1) as core:
        for infer in (core.sync_infer, infer_later(core)):
            with core.lease(WITHIN_S) as blobs:
                server.spoil = spoil
                with refused(error, 'triton.0 identity', *words):
                    infer(blobs)
                server.spoil = None
                blobs['x'].data[...] = 3
                infer(blobs)
                assert (blobs['y'].data == 3).all()


@pytest.mark.parametrize('spoil', [flatter, other_dtype])
def test_a_wrong_answer_in_shared_memory_fails_too(sharing_server, spoil):
    sharing_server.spoil = spoil
    with open_core(sharing_server.uri('identity'), seats=1) as core, core.lease() as blobs:
        with refused(BlobMismatch, "'y'"):
            core.sync_infer(blobs)


def test_the_servers_own_words_are_told_in_one_line(server):
    with open_core(server.uri('failing')) as core, core.lease() as blobs:
        blobs['x'].data[...] = 100
        with refused(InferFailed, 'refuses', 'it cannot take a hundred'):
            core.sync_infer(blobs)


def test_memory_that_the_caller_binds_goes_beside_the_shared_one(sharing_server):
    with open_core(sharing_server.uri('dynamic_identity')) as core, core.lease() as blobs:
        x, y = np.full((2, 3, 2, 2), 4, np.float32), np.zeros((2, 3, 2, 2), np.float32)
        x.flags.writeable = False
        blobs['x'].bind(x)
        blobs['y'].bind(y)
        core.sync_infer(blobs)
        assert (y == 4).all()
    assert sharing_server.inferences == 1


def test_a_server_that_does_not_answer_fails_the_inference_in_time(server):
    server.gate = threading.Event()
    uri = server.uri('identity', timeout_s=0.2, shared_memory='off')
    with open_core(uri, seats=1) as core:
        for infer in (core.sync_infer, infer_later(core)):
            with core.lease(WITHIN_S) as blobs:
                began = monotonic()
                with refused(InferFailed, 'time-out', 'timeout_s=0.2', str(server.port)):
                    infer(blobs)
                assert 0.15 < monotonic() - began < WITHIN_S / 2
        server.gate.set()
        with core.lease(WITHIN_S) as blobs:
            blobs['x'].data[...] = 5
            core.sync_infer(blobs)
            assert (blobs['y'].data == 5).all()


def test_a_connection_that_died_in_silence_is_left_after_one_time_out(server):
    proxy = Proxy(server.port)
    try:
        uri = f'triton.0://127.0.0.1:{proxy.port}/identity?timeout_s=0.6&shared_memory=off'
        with open_core(uri, seats=2) as core, core.lease() as blobs, core.lease() as other:
            core.sync_infer(blobs)
            assert proxy.connections == 1
            proxy.freeze()
            futures = []
            late = threading.Timer(0.3, lambda: futures.append(core.async_infer(other)))
            late.start()
            with refused(InferFailed, 'time-out'):
                core.sync_infer(blobs)
            late.join()
            blobs['x'].data[...] = 6
            core.sync_infer(blobs)   # while another request still waits on the old connection
            assert (blobs['y'].data == 6).all()
            assert not futures[0].done()
            with refused(InferFailed, 'time-out'):
                futures[0].result(WITHIN_S)
            assert proxy.connections == 2
            wait_for(lambda: proxy.ended == 1)   # with its last request it is closed
            core.sync_infer(other)
            assert proxy.connections == 2
    finally:
        proxy.close()


def test_a_server_that_was_away_for_long_is_found_within_a_second_or_so(server):
    with open_core(server.uri('identity', shared_memory='off'), seats=1) as core:
        with core.lease() as blobs:
            server.stop()
            away = monotonic() + 3
            wait_for(lambda: fails(core.sync_infer, blobs) and monotonic() > away)
            server.start()
            began = monotonic()
            wait_for(lambda: not fails(core.sync_infer, blobs))
            assert monotonic() - began < 1.6


@pytest.mark.parametrize('shared_memory', ['on', 'off'])
def test_a_server_that_was_started_anew_is_found_again(sharing_server, shared_memory):
    uri = sharing_server.uri('identity', shared_memory=shared_memory)
    with open_core(uri, seats=1) as core, core.lease() as blobs:
        for number in range(3):
            blobs['x'].data[...] = number
            wait_for(lambda: not fails(core.sync_infer, blobs))
            assert (blobs['y'].data == number).all()
            sharing_server.stop()   # it forgets all regions
            began = monotonic()
            with refused(InferFailed, 'not available', 'tries again'):
                core.sync_infer(blobs)
            with refused(InferFailed, 'not available'):
                core.async_infer(blobs).result(WITHIN_S)
            assert monotonic() - began < 2
            sharing_server.start()
        blobs['x'].data[...] = 9
        wait_for(lambda: not fails(infer_later(core), blobs))
        assert (blobs['y'].data == 9).all()


def test_a_region_that_the_server_forgot_is_registered_again_without_an_error(sharing_server):
    with open_core(sharing_server.uri('identity'), seats=1) as core, core.lease() as blobs:
        for infer in (core.sync_infer, infer_later(core)):
            core.sync_infer(blobs)
            assert len(sharing_server.regions) == 2
            sharing_server.regions = {}
            blobs['x'].data[...] += 1
            infer(blobs)
            assert np.array_equal(blobs['x'].data, blobs['y'].data)
            assert len(sharing_server.regions) == 2


def test_a_registration_whose_answer_was_lost_is_no_error(sharing_server):
    register = sharing_server.SystemSharedMemoryRegister
    lost = []

    def lose(request, context):
        answer = register(request, context)
        if len(lost) < 2:
            lost.append(request.name)
            context.abort(grpc.StatusCode.UNAVAILABLE, 'going away')
        return answer

    with open_core(sharing_server.uri('identity', retries=2), seats=1) as core:
        sharing_server.SystemSharedMemoryRegister = lose
        with core.lease() as blobs:
            core.sync_infer(blobs)
            assert len(lost) == 2


@pytest.mark.parametrize('retries', [0, 1, 2])
def test_a_connection_that_breaks_under_a_request_is_tried_again_so_often(server, retries):
    calls = []

    def going_away(request, context):
        calls.append(request)
        if len(calls) != 2 * retries + 2:   # all of the first inference, all but the last after
            context.abort(grpc.StatusCode.UNAVAILABLE, 'going away')
        return StandIn.ModelInfer(server, request, context)

    server.ModelInfer = going_away
    uri = server.uri('identity', shared_memory='off', retries=retries)
    with open_core(uri) as core, core.lease() as blobs:
        with refused(InferFailed, 'going away'):
            core.sync_infer(blobs)
        assert len(calls) == retries + 1
        core.sync_infer(blobs)
        assert len(calls) == 2 * retries + 2


def test_unloading_does_not_wait_for_a_dead_server(sharing_server):
    core = open_core(sharing_server.uri('identity'), seats=2)
    with core.lease() as one, core.lease() as two:
        core.sync_infer(one)
        core.sync_infer(two)
    sharing_server.stop()
    began = monotonic()
    core.unload()
    assert monotonic() - began < 2
    assert not our_files()
    sharing_server.start()


def test_an_encrypted_server_is_believed_with_its_certificate_only(tmp_path):
    made = subprocess.run(
        ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
         '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext',
         'subjectAltName=IP:127.0.0.1', '-keyout', tmp_path / 'key', '-out', tmp_path / 'ca'],
        capture_output=True, check=False, timeout=60) if shutil.which('openssl') else None
    if made is None or made.returncode:
        pytest.skip('needs the program openssl to make a certificate')
    key, certificate = (tmp_path / 'key').read_bytes(), (tmp_path / 'ca').read_bytes()
    stand_in = StandIn(
        credentials=grpc.ssl_server_credentials([(key, certificate)])).start()
    try:
        options = {'shared_memory': 'off', 'connect_timeout_s': 0.5}
        with open_core(stand_in.uri(
                'identity', **options, tls=1, tls_ca=tmp_path / 'ca')) as core:
            with core.lease() as blobs:
                core.sync_infer(blobs)
        for wrong in ({'tls': 1}, {}):
            with pytest.raises(FasterDeployError):
                open_core(stand_in.uri('identity', **options, **wrong))
    finally:
        stand_in.stop()


@pytest.mark.parametrize('shared_memory', ['on', 'off'])
def test_opening_and_closing_leaves_nothing_behind(sharing_server, shared_memory):
    uri = sharing_server.uri('identity', shared_memory=shared_memory)

    def cycle():
        with open_core(uri, seats=1) as core, core.lease() as blobs:
            core.sync_infer(blobs)
            core.async_infer(blobs).result(WITHIN_S)
        with refused(LoadFailed):
            open_core(sharing_server.uri('no_such_model'))

    def count():
        ours = [each for each in threading.enumerate() if not each.name.startswith('stand-in')]
        return len(os.listdir('/proc/self/fd')), len(ours)

    for _ in range(3):
        cycle()
    before = count()
    for _ in range(30):
        cycle()
    wait_for(lambda: count()[0] <= before[0] + 2 and count()[1] <= before[1])
    assert not our_files()


def test_grpc_says_nothing_of_its_own(server):
    code = f"""
import os, subprocess
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.errors import FasterDeployError
core = open_core({server.uri('identity', shared_memory='off')!r})
with core.lease() as blobs:
    core.sync_infer(blobs)
    future = core.async_infer(blobs)
    subprocess.run(['true'], check=True)
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    future.result(10)
core.unload()
try:
    open_core('triton.0://127.0.0.1:1/identity?connect_timeout_s=0.2')
except FasterDeployError:
    print('refused')
"""
    ran = subprocess.run(
        [sys.executable, '-W', 'error', '-c', code], capture_output=True, text=True, timeout=60,
        check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, 'refused\n', '')
