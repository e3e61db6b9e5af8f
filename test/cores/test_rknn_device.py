# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The real NPU: every core runs, the contexts overlap, and failures leave no context behind."""

from concurrent.futures import ThreadPoolExecutor
import os
from time import monotonic

from faster_deploy_ros.cores import CORES, open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.errors import FasterDeployError, LoadFailed
import numpy as np
import pytest

pytestmark = pytest.mark.core
MODEL = 'FASTER_DEPLOY_RKNN_MODEL'


@pytest.fixture(scope='module')
def npu():
    """Return the devices of the real runtime, or skip with what it says."""
    try:
        return CORES.resolve('rknn').devices()
    except FasterDeployError as error:
        pytest.skip(f'no Rockchip NPU here: {error}')


@pytest.fixture(scope='module')
def model(npu, shared_data):
    """Return a model for this chip: the one in FASTER_DEPLOY_RKNN_MODEL, else the sample."""
    path = os.environ.get(MODEL) or str(
        shared_data / 'models' / 'multiple_input_demo_rk3588.rknn')
    try:
        open_core(f'rknn://{path}', seats=1).unload()
    except LoadFailed as error:
        if MODEL in os.environ:
            raise
        pytest.skip(f'the sample does not run here ({error}); name a model in {MODEL}')
    return path


def fill(blobs):
    noise = np.random.default_rng(5)
    for blob in blobs.inputs:
        blob.data[...] = noise.integers(0, 255, blob.shape).astype(blob.dtype)


def answers(uri, seats=1):
    with open_core(uri, seats=seats) as core, core.lease() as blobs:
        fill(blobs)
        core.sync_infer(blobs)
        return [blob.data.copy() for blob in blobs.outputs]


def test_each_core_gives_the_same_answer(npu, model):
    first = answers(f'rknn.{npu[0].index}://{model}')
    for array in first:
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
    for device in npu[1:]:
        for ours, theirs in zip(answers(f'rknn.{device.index}://{model}'), first):
            assert np.array_equal(ours, theirs)


def test_seats_on_several_cores_are_faster_than_one(npu, model):
    cores = npu[0].capabilities.max_in_flight
    if cores == 1:
        pytest.skip('this NPU has one core')
    with open_core(f'rknn://{model}', seats=cores) as core:

        def work(count):
            with core.lease() as blobs:
                fill(blobs)
                for _ in range(count):
                    core.sync_infer(blobs)

        with ThreadPoolExecutor(cores) as threads:
            list(threads.map(work, [20] * cores))          # every seat is made and warm
            began = monotonic()
            work(60)
            alone_s = monotonic() - began
            began = monotonic()
            list(threads.map(work, [60] * cores))
            together_s = monotonic() - began
    assert together_s < 0.7 * cores * alone_s, 'the contexts wait for each other'


def test_contexts_come_and_go_without_a_leak_that_ends_them(npu, model):
    for _ in range(20):
        answers(f'rknn://{model}')


def test_a_damaged_model_is_refused_and_the_npu_still_works(npu, model, tmp_path):
    with open(model, 'rb') as stream:
        content = bytearray(stream.read())
    content[200:len(content) // 2] = bytes(len(content) // 2 - 200)
    broken = tmp_path / 'broken.rknn'
    broken.write_bytes(content)
    with refused((LoadFailed,), 'broken.rknn'):
        open_core(f'rknn://{broken}')
    answers(f'rknn://{model}')
