# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO computes in what was asked for, on the device that was asked for."""

import os
from types import SimpleNamespace

from faster_deploy_ros.cores import devices, open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.errors import Unsupported
import numpy as np
from openvino_models import ir_fixture, yolox_nano_of_onnxruntime  # noqa: F401
import pytest

openvino = pytest.importorskip('openvino', reason='needs the package openvino')
onnx_helper = pytest.importorskip('onnx.helper', reason='needs the package onnx for its models')

pytestmark = pytest.mark.core


def precisions_of_this_cpu():
    return set(openvino.Core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES'))


def test_the_default_is_full_precision_and_one_thread_for_each_seat(ir):
    with open_core(ir('identity'), seats=1) as core:
        said = {name: core._model.get_property(name) for name in (
            'INFERENCE_PRECISION_HINT', 'INFERENCE_NUM_THREADS', 'NUM_STREAMS',
            'ENABLE_CPU_PINNING', 'EXECUTION_MODE_HINT')}
    assert said == {
        'INFERENCE_PRECISION_HINT': openvino.Type.f32, 'INFERENCE_NUM_THREADS': 1,
        'NUM_STREAMS': 1, 'ENABLE_CPU_PINNING': False,
        'EXECUTION_MODE_HINT': openvino.properties.hint.ExecutionMode.ACCURACY}


def test_a_compiled_model_is_kept_where_the_option_says(ir, tmp_path):
    folder = tmp_path / 'compiled'
    for _ in range(2):
        with open_core(f"{ir('identity')}?cache_dir={folder}", seats=1):
            pass
        (kept,) = folder.glob('*.blob')   # the second time it is the same one
        assert kept.stat().st_size


def test_a_precision_that_the_cpu_would_replace_is_refused(ir):
    can = precisions_of_this_cpu()
    refusals = 0
    for precision, word in (('bf16', 'BF16'), ('fp16', 'FP16')):
        uri = f"openvino://{ir('identity')}?precision={precision}"
        if word in can:
            with open_core(uri) as core:
                hint = core._model.get_property('INFERENCE_PRECISION_HINT').get_type_name()
                assert hint == {'bf16': 'bf16', 'fp16': 'f16'}[precision]
        else:
            refusals += 1
            with refused(Unsupported, f'precision={precision}', 'CPU', 'fp32'):
                open_core(uri)
    assert refusals or can >= {'BF16', 'FP16'}


def test_half_precision_differs_and_full_precision_does_not(shared_data):
    if 'BF16' not in precisions_of_this_cpu():
        pytest.skip('this CPU has no bfloat16')
    image, expected = yolox_nano_of_onnxruntime(shared_data)
    path = shared_data / 'models' / 'yolox_nano.onnx'
    differences = {}
    for precision in ('fp32', 'bf16'):
        with open_core(f'openvino://{path}?precision={precision}') as core:
            with core.lease() as blobs:
                blobs['images'].data[...] = image
                core.sync_infer(blobs)
                differences[precision] = np.abs(blobs['output'].data - expected).max()
    assert differences['fp32'] < 1e-3 < 1e-2 < differences['bf16']


def test_threads_reach_the_runtime_as_far_as_there_are_cores(ir, monkeypatch):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda _: set(range(8)))
    with open_core(ir('identity'), seats=1) as core:
        asked = core._configuration('CPU')
        assert (asked['NUM_STREAMS'], asked['INFERENCE_NUM_THREADS']) == (1, 1)
    for query, seats, streams, threads in (
            ('threads=1', 2, 2, 2), ('threads=2', 3, 3, 6), ('threads=4', 3, 2, 8),
            ('threads=0', 2, 1, 8), ('threads=99', 2, 1, 8)):
        with open_core(f"{ir('identity')}?{query}", seats=seats) as core:
            asked = core._configuration('CPU')
            assert (asked['NUM_STREAMS'], asked['INFERENCE_NUM_THREADS']) == (streams, threads)
    with open_core(f"{ir('identity')}?threads=2") as core:
        with refused(Unsupported, 'threads', 'GPU.0'):
            core._configuration('GPU.0')


def test_the_cpu_is_the_first_device_with_its_name_and_versions():
    first = next(device for device in devices() if device.scheme == 'openvino')
    assert first.index == 0
    assert first.name.startswith('CPU: ')
    versions = first.capabilities.versions
    assert openvino.__version__.startswith(versions['openvino'])
    assert 'openvino_intel_cpu_plugin' in versions or len(versions) > 1
    assert first.capabilities.native_async


class Plugins:
    """OpenVINO's core on a machine with accelerators, as far as ``devices`` asks."""

    available_devices = ('CPU', 'GPU.0', 'GPU.1', 'HPU', 'NPU')

    def get_property(self, name, key):
        if key == 'SUPPORTED_PROPERTIES':
            return {'NPU_DRIVER_VERSION': 'RO'} if name == 'NPU' else {}
        if key == 'NPU_DRIVER_VERSION':
            return 1688
        if key == 'DEVICE_UUID' and name.startswith('GPU'):
            return f'8680a756-{name[-1]}'
        if name == 'HPU' or key != 'FULL_DEVICE_NAME':
            raise RuntimeError('Unsupported configuration key: FULL_DEVICE_NAME')
        return {'CPU': 'Intel(R) Core(TM)  Ultra 7 ', 'GPU.0': 'Intel(R) Arc(TM) (iGPU)',
                'GPU.1': 'Intel(R) Arc(TM) A770 (dGPU)', 'NPU': 'Intel(R) AI Boost'}[name]

    def get_versions(self, name):
        return {name: SimpleNamespace(description=f'plugin of {name}', build_number='7')}


def test_accelerators_are_numbered_after_the_cpu(monkeypatch):
    from faster_deploy_ros.cores import openvino_core
    monkeypatch.setattr(openvino_core, '_core', Plugins)
    found = openvino_core.OpenVinoCore.devices()
    assert [str(device) for device in found] == [
        'openvino.0 (CPU: Intel(R) Core(TM) Ultra 7)',
        'openvino.1 (GPU.0: Intel(R) Arc(TM) (iGPU))',
        'openvino.2 (GPU.1: Intel(R) Arc(TM) A770 (dGPU))',
        'openvino.3 (NPU: Intel(R) AI Boost)',
        'openvino.4 (HPU)']
    assert [device.guid for device in found] == ['', '8680a756-0', '8680a756-1', '', '']
    assert found[3].capabilities.versions['driver'] == '1688'
    assert [device.capabilities.dynamic_shape for device in found] == [
        True, True, True, False, True]


def test_a_compiled_model_is_kept_in_the_cache_folder(tmp_path, shared_data):
    path = shared_data / 'models' / 'yolox_nano.onnx'
    loaded_from_cache = []
    for _ in range(2):
        with open_core(f'openvino://{path}?cache_dir={tmp_path}/cache') as core:
            loaded_from_cache.append(core._model.get_property('LOADED_FROM_CACHE'))
            assert list(core.specs) == ['images', 'output']
            with core.lease() as blobs:
                core.sync_infer(blobs)
    assert loaded_from_cache == [False, True]
