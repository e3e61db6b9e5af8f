# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO runs on its own threads, and every future settles."""

from concurrent.futures import ThreadPoolExecutor
import threading
from threading import Event

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused, TIMEOUT_S
from faster_deploy_ros.errors import InferFailed
from openvino_models import failing_model_fixture  # noqa: F401
import pytest

openvino = pytest.importorskip('openvino', reason='needs the package openvino')
onnx_helper = pytest.importorskip('onnx.helper', reason='needs the package onnx for its models')

pytestmark = pytest.mark.core


def test_asynchronous_inferences_run_on_no_thread_of_ours(tiny_models):
    with open_core(f"openvino://{tiny_models('two_inputs')}", seats=2) as core:
        with core.lease() as one, core.lease() as two:
            one['left'].data[...] = two['right'].data[...] = 3
            one['right'].data[...] = two['left'].data[...] = 4
            futures = [core.async_infer(one), core.async_infer(two)]
            assert [future.result(TIMEOUT_S) for future in futures] == [one, two]
            assert (one['product'].data == 12).all()
            assert (two['total'].data == 7).all()
        assert core._threads is None   # the base's threads, for runtimes that are synchronous


def test_success_is_told_by_the_callback_and_failure_by_who_waits(failing_model):
    with open_core(f'openvino://{failing_model}', seats=1) as core:
        for value in (2, 100, 1, 3, 100, 100, 0):
            with core.lease() as blobs:
                blobs['x'].data[...] = value
                future = core.async_infer(blobs)
                if value == 100:
                    with refused(InferFailed, 'GatherElement', 'exceed'):
                        future.result(TIMEOUT_S)
                else:
                    assert future.result(TIMEOUT_S) is blobs
                    assert blobs['y'].data.tolist() == [10 * value] * 4


def test_many_asynchronous_inferences_mixed_with_synchronous_ones_all_settle(failing_model):
    """Requests are started again at once, also out of the callback of the last one."""
    with open_core(f'openvino://{failing_model}', seats=3) as core:

        def work(number):
            right = 0
            for turn in range(60):
                with core.lease(TIMEOUT_S) as blobs:
                    is_bad = (turn + number) % 5 == 0
                    blobs['x'].data[...] = 100 if is_bad else turn % 4
                    try:
                        if turn % 3:
                            core.async_infer(blobs).result(TIMEOUT_S)
                        else:
                            core.sync_infer(blobs)
                    except InferFailed:
                        right += is_bad
                    else:
                        right += not is_bad and (blobs['y'].data == 10 * (turn % 4)).all()
            return right

        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(work, range(4))) == [60] * 4


def test_leaving_the_lease_waits_for_a_failing_asynchronous_inference_too(failing_model):
    with open_core(f'openvino://{failing_model}', seats=1) as core:
        with core.lease() as blobs:
            blobs['x'].data[...] = 100
            future = core.async_infer(blobs)
        assert not blobs.in_use.locked()
        assert isinstance(future.exception(TIMEOUT_S), InferFailed)


def test_a_request_that_does_not_even_start_is_not_waited_for(tiny_models):
    class Refuses:

        def set_callback(self, *_):
            raise RuntimeError('no resources')

    with open_core(f"openvino://{tiny_models('identity')}", seats=1) as core:
        with core.lease() as blobs:
            core.sync_infer(blobs)
            blobs.request.infer_request, real = Refuses(), blobs.request.infer_request
            with refused(InferFailed, 'no resources'):
                core.async_infer(blobs)
            assert not core._ends._running
            blobs.request.infer_request = real
            assert core.async_infer(blobs).result(TIMEOUT_S) is blobs


def test_the_thread_that_waits_for_all_ends_with_the_model(tiny_models):
    before = set(threading.enumerate())
    with open_core(f"openvino://{tiny_models('identity')}", seats=1) as core:
        with core.lease() as blobs:
            core.async_infer(blobs).result(TIMEOUT_S)
        assert [each.name for each in set(threading.enumerate()) - before] == ['openvino-ends']
    assert set(threading.enumerate()) <= before


def test_what_a_callback_of_a_future_raises_costs_nothing(tiny_models):
    called = Event()
    with open_core(f"openvino://{tiny_models('identity')}", seats=1) as core:
        for _ in range(3):
            called.clear()
            with core.lease() as blobs:
                core.async_infer(blobs).add_done_callback(lambda _: called.set())
                assert called.wait(TIMEOUT_S)
