# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A node can be configured and cleaned up for ever: nothing is left behind."""

import importlib.util
import json
import os
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest

from rig import MOCK  # isort: skip

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.timeout(400)]
CYCLES = int(os.environ.get('FASTER_DEPLOY_CYCLES', '200'))
SHIPPED = 'package://faster_deploy_ros/models/shapes_yolox.onnx'
# Runtime -> what its model is made with, and the ending of that.
CONVERTED = {'ncnn': ('pnnx', '.param'), 'mnn': ('MNN', '.mnn'), 'openvino': ('openvino', '.xml')}
FEW = 30
MODEL_MIB = 1.5   # of weights, about


@pytest.fixture
def live(ros):
    """Return a function that runs cycles in a fresh process, whose memory is theirs alone."""
    def run(cycles, **parameters):
        words = [f'{name}={value}' for name, value in parameters.items()]
        done = subprocess.run(
            [sys.executable, Path(__file__).with_name('run_cycles.py'), str(cycles), *words],
            capture_output=True, text=True, timeout=390, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.mark.parametrize('model', [MOCK, SHIPPED], ids=['mock', 'onnxruntime'])
def test_two_hundred_cycles_leave_memory_threads_and_files_as_they_were(
        live, model, record_property):
    seen = live(CYCLES, model=model, family='yolox' if model == MOCK else 'auto')
    rss, threads, files = seen['rss_mib'], seen['threads'], seen['files']
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
    assert seen['workers'] == []


@pytest.mark.core
@pytest.mark.parametrize('runtime', CONVERTED)
def test_no_runtime_keeps_a_model_a_thread_or_a_file(live, runtime, tmp_path):
    package, ending = CONVERTED[runtime]
    for each in (runtime if runtime != 'mnn' else 'MNN', package, 'onnx'):
        if importlib.util.find_spec(each) is None:
            pytest.skip(f'needs the package {each}')
    subprocess.run(
        [sys.executable, '-m', 'faster_deploy_ros.tools', 'convert', SHIPPED, '--to', runtime,
         '--output', tmp_path, '--no-check', '--json'],
        check=True, capture_output=True, timeout=100)
    seen = live(FEW, model=tmp_path / f'shapes_yolox_{runtime}{ending}', family='auto')
    third = FEW // 3
    assert seen['threads'][-1] <= seen['threads'][third], seen
    assert seen['files'][-1] <= seen['files'][third], seen
    # Allocators breathe by some MiB; a model that is kept each time adds up to more.
    rss = seen['rss_mib']
    grown = np.median(rss[-third:]) - np.median(rss[third:2 * third])
    assert grown < third * MODEL_MIB, rss
