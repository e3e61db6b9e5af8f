# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A node can be configured and cleaned up for ever: nothing is left behind."""

import gc
import importlib.util
import os
import subprocess
import sys
import threading

import numpy as np
import psutil
import pytest

from rig import MOCK  # isort: skip

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.timeout(400)]
CYCLES = int(os.environ.get('FASTER_DEPLOY_CYCLES', '200'))
SHIPPED = 'package://faster_deploy_ros/models/shapes_yolox.onnx'
# Runtime -> what its model is made with, and the ending of that.
CONVERTED = {'ncnn': ('pnnx', '.param'), 'mnn': ('MNN', '.mnn'), 'openvino': ('openvino', '.xml')}
FEW = 30
MODEL_MIB = 1.5   # of weights, about


@pytest.mark.parametrize('model', [MOCK, SHIPPED], ids=['mock', 'onnxruntime'])
def test_two_hundred_cycles_leave_memory_threads_and_files_as_they_were(
        rig, model, record_property):
    bench = rig(model=model, family='yolox' if model == MOCK else 'auto')
    process = psutil.Process()
    rss, threads, files = [], [], []
    for cycle in range(CYCLES):
        bench.start()
        bench.send(5)
        bench.until(lambda: len(bench.results) == 5)
        bench.stop()
        assert bench.order == list(range(5 * cycle + 1, 5 * cycle + 6))
        bench.results.clear()   # what the test keeps must not look like a leak
        bench.health.clear()
        gc.collect()
        rss.append(process.memory_info().rss / 2**20)
        threads.append(process.num_threads())
        files.append(process.num_fds())
    warm = CYCLES // 4   # allocators and the middleware take their share first
    late = np.arange(warm, CYCLES)
    slope = float(np.polyfit(late, rss[warm:], 1)[0]) if CYCLES >= 40 else 0.0
    record_property('rss_kib_per_cycle', slope * 1024)
    print(f'\n{CYCLES} cycles: RSS {rss[warm]:.1f} -> {rss[-1]:.1f} MiB '
          f'({slope * 1024:.1f} KiB per cycle), threads {threads[warm]} -> {threads[-1]}, '
          f'files {files[warm]} -> {files[-1]}')
    assert threads[-1] <= threads[warm], threads
    assert files[-1] <= files[warm], files
    assert slope * 1024 < 20, f'{slope * 1024:.1f} KiB per cycle'
    assert not [one.name for one in threading.enumerate() if 'worker' in one.name]


@pytest.mark.core
@pytest.mark.parametrize('runtime', CONVERTED)
def test_no_runtime_keeps_a_model_a_thread_or_a_file(rig, runtime, tmp_path):
    package, ending = CONVERTED[runtime]
    for each in (runtime if runtime != 'mnn' else 'MNN', package, 'onnx'):
        if importlib.util.find_spec(each) is None:
            pytest.skip(f'needs the package {each}')
    subprocess.run(
        [sys.executable, '-m', 'faster_deploy_ros.tools', 'convert', SHIPPED, '--to', runtime,
         '--output', tmp_path, '--no-check', '--json'],
        check=True, capture_output=True, timeout=100)
    bench = rig(model=str(tmp_path / f'shapes_yolox_{runtime}{ending}'))
    process = psutil.Process()
    rss, threads, files = [], [], []
    for _ in range(FEW):
        bench.start()
        bench.send(5)
        bench.until(lambda: len(bench.results) == 5)
        bench.stop()
        bench.results.clear()
        bench.health.clear()
        gc.collect()
        rss.append(process.memory_info().rss / 2**20)
        threads.append(process.num_threads())
        files.append(process.num_fds())
    third = FEW // 3
    assert threads[-1] <= threads[third], threads
    assert files[-1] <= files[third], files
    # Allocators breathe by some MiB; a model that is kept each time adds up to more.
    grown = np.median(rss[-third:]) - np.median(rss[third:2 * third])
    assert grown < third * MODEL_MIB, rss
