# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Time-outs, threads, and a real Triton server that is killed, frozen and started again."""

from concurrent.futures import ThreadPoolExecutor
import os
import signal
import subprocess
import sys
import threading
from time import monotonic

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.errors import InferFailed, LoadFailed, Unavailable
import pytest

pytest.importorskip('tritonclient', reason="needs the package 'tritonclient[grpc]'")
pytest.importorskip('grpc', reason='needs the package grpcio')

from triton_checks import fails, infer_later, our_files, regions_on, wait_for, WITHIN_S
from tritonclient.grpc import service_pb2

pytest_plugins = ['triton_server']
# The first test may have to install the server.
pytestmark = [pytest.mark.core, pytest.mark.slow, pytest.mark.timeout(600)]

WAYS = pytest.mark.parametrize('shared_memory', ['on', 'off'])


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
        for infer in (core.sync_infer, infer_later(core)):
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
        # The abandoned regions go from the server too, not only at the end.
        wait_for(lambda: infer_later(core)(blobs) and len(regions_on(triton_server)) == 2)
    assert not regions_on(triton_server), 'regions are left on the server'


def test_a_model_that_is_unloaded_fails_and_works_again_once_it_is_loaded(make_server):
    server = make_server('--only', 'identity')
    with open_core(server.uri('identity')) as core, core.lease() as blobs:
        core.sync_infer(blobs)
        server.ask('RepositoryModelUnload', service_pb2.RepositoryModelUnloadRequest(
            model_name='identity'))
        wait_for(lambda: fails(core.sync_infer, blobs))
        with refused(InferFailed, 'identity'):
            core.async_infer(blobs).result(WITHIN_S)
        with refused(LoadFailed, "'identity'"):
            open_core(server.uri('identity'))
        server.ask('RepositoryModelLoad', service_pb2.RepositoryModelLoadRequest(
            model_name='identity'))
        blobs['x'].data[...] = 4
        wait_for(lambda: not fails(core.sync_infer, blobs))
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
        wait_for(lambda: not fails(core.sync_infer, blobs))
        core.async_infer(other).result(WITHIN_S)
        assert blobs['y'].data == other['y'].data == 0.125
        assert len(regions_on(server)) == (4 if shared_memory == 'on' else 0)
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
    assert len(regions_on(triton_server, killed.pid)) == len(our_files(killed.pid)) == 2
    with open_core(triton_server.uri('identity', shared_memory='on')) as core:
        with core.lease() as blobs:
            core.sync_infer(blobs)
        assert not regions_on(triton_server, killed.pid)
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
    assert not our_files()
    assert not regions_on(triton_server)
