# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A package of somebody else's adds a runtime: it is installed, found, tested and used."""

import json
import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest

EXAMPLE = Path(__file__).resolve().parent.parent / 'examples' / 'opencv_runtime'
TIMEOUT_S = 110

pytestmark = pytest.mark.core


@pytest.fixture(scope='module')
def prefix(tmp_path_factory):
    """Install the example as pip does, into a folder that only these tests see."""
    pytest.importorskip('onnx', reason='the example needs the package onnx')
    place = tmp_path_factory.mktemp('installed')
    source = place / 'source'   # a build writes beside what it builds
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns('__pycache__'))
    done = subprocess.run(
        [sys.executable, '-m', 'pip', 'install', '-q', '--no-deps', '--no-build-isolation',
         '--no-index', '--target', place / 'site', source],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    return place / 'site'


def run(prefix, *words):
    """Run this Python with the package installed; warnings are errors as in all our tests."""
    path = os.pathsep.join([str(prefix), os.environ.get('PYTHONPATH', '')])
    return subprocess.run(
        [sys.executable, '-W', 'error::UserWarning', *words], capture_output=True, text=True,
        timeout=TIMEOUT_S, check=False, env={**os.environ, 'PYTHONPATH': path})


@pytest.mark.timeout(TIMEOUT_S + 10)
def test_its_own_tests_pass_the_contract(prefix):
    done = run(prefix, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', EXAMPLE / 'test')
    assert done.returncode == 0, done.stdout
    assert ' passed' in done.stdout


def test_the_devices_of_this_machine_include_it(prefix):
    done = run(prefix, '-c', 'from faster_deploy_ros.cores import devices\n'
               'print([str(device) for device in devices()])')
    assert done.returncode == 0, done.stderr
    assert 'opencv.0 (CPU)' in done.stdout


def test_without_the_package_the_scheme_is_unknown():
    done = run('', '-c', 'from faster_deploy_ros.cores import open_core\n'
               "open_core('opencv://m.onnx')")
    assert "runtime 'opencv': no such runtime" in done.stderr


def test_the_shipped_detector_finds_on_it_what_it_finds_on_onnxruntime(prefix, checkout):
    model = checkout / 'models' / 'shapes_yolox.onnx'
    program = f"""
import json
import numpy as np
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.sources import open_source
from faster_deploy_ros.tasks import open_model
shot = next(iter(open_source('scene', size=(640, 480))))
found = []
for runtime in ('onnxruntime', 'opencv'):
    with open_core(f'{{runtime}}://{model}') as core:
        found.append(open_model('auto', core)(shot.frame, Stopwatch()))
one, other = found
assert np.array_equal(one.class_id, other.class_id), (one, other)
print(json.dumps([len(one), float(abs(one.xyxy - other.xyxy).max()),
                  float(abs(one.score - other.score).max())]))
"""
    done = run(prefix, '-c', program)
    assert done.returncode == 0, done.stderr
    count, pixels, score = json.loads(done.stdout.splitlines()[-1])
    assert count > 0
    assert pixels < 0.05
    assert score < 1e-3
