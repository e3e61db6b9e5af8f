# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT on the stand-in: which devices there are, and why not."""

import logging

from fake_machine import Machine
from faster_deploy_ros.cores import devices, open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.errors import Unsupported
import numpy as np
from nvidia_stand_in import fixtures, robot, saved_engine
import pytest

make_models = pytest.importorskip('make_models', reason='needs the package onnx')

X = np.arange(60, dtype=np.float32).reshape(1, 3, 4, 5)

cache, each_version, stand_in = fixtures()


def reasons():
    return [each for each in devices() if each.scheme == 'tensorrt']


def test_each_gpu_is_told_with_its_name_memory_and_versions_on_the_stand_in():
    machine = Machine((('NVIDIA Orin', (8, 7)), ('NVIDIA RTX 4090', (8, 9))), memory=8 << 30)
    with robot('8.6.1', machine=machine):
        orin, rtx = reasons()
        assert str(orin) == 'tensorrt.0 (NVIDIA Orin, compute capability 8.7, 8.0 GiB)'
        assert str(rtx) == 'tensorrt.1 (NVIDIA RTX 4090, compute capability 8.9, 8.0 GiB)'
        assert orin.guid != rtx.guid
        assert rtx.capabilities.versions == {
            'tensorrt': '8.6.1', 'cuda driver': '12.6', 'pycuda': '2026.1'}


def test_the_second_gpu_is_where_its_model_runs_on_the_stand_in(tiny_models):
    machine = Machine((('NVIDIA Orin', (8, 7)), ('NVIDIA RTX 4090', (8, 9))))
    with robot('10.3.0', machine=machine):
        with open_core(f"tensorrt.1://{tiny_models('identity')}") as core, core.lease() as blobs:
            core.sync_infer(blobs)
            assert {device for _, device in machine.blocks.values()} == {1}
        assert machine.calls['retain'] == 1
        with open_core(f"tensorrt.1://{tiny_models('identity')}"):
            pass
        assert machine.calls['retain'] == 1, 'the context is kept, not made again'


@pytest.mark.parametrize('missing', ['tensorrt', 'pycuda'])
def test_a_missing_package_is_named_on_the_stand_in(missing):
    with robot(missing=(missing, 'pycuda.driver') if missing == 'pycuda' else (missing,)):
        found, = reasons()
        assert missing in found.reason
        assert 'JetPack' in found.reason


def test_a_missing_gpu_is_named_on_the_stand_in():
    machine = Machine()
    with robot(machine=machine):
        machine.no_driver = 'no CUDA-capable device is detected'
        assert 'no CUDA-capable device' in reasons()[0].reason
        assert 'nvidia-smi' in reasons()[0].reason
        machine.no_driver = ''
        machine.gpus = []
        assert 'lists no GPU' in reasons()[0].reason
        assert machine.calls.total() == 0, 'something of CUDA was touched before there is a device'


def test_a_lean_runtime_says_so_runs_engines_and_refuses_to_build_on_the_stand_in(
        tiny_models, tmp_path):
    with robot('10.3.0'):
        path = saved_engine(tmp_path, tiny_models('identity'))
    with robot('10.3.0', lean=True):
        assert 'lean' in str(reasons()[0])
        with open_core(path) as core, core.lease() as blobs:
            blobs['x'].data[...] = X
            core.sync_infer(blobs)
            assert np.array_equal(blobs['y'].data, X)
        with refused(Unsupported, 'lean', 'convert'):
            open_core(f"tensorrt://{tiny_models('identity')}?engine_cache_dir={tmp_path / 'no'}")


def test_what_tensorrt_chatters_goes_to_the_log_of_python_on_the_stand_in(
        stand_in, tiny_models, caplog):
    with caplog.at_level(logging.DEBUG, 'faster_deploy_ros'):
        with open_core(f"tensorrt://{tiny_models('identity')}"):
            pass
    assert any('Local timing cache' in each.message for each in caplog.records)
