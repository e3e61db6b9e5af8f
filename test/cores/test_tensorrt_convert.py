# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""``convert --to tensorrt`` on the stand-in: an engine for this GPU, or the reason why not."""

from dataclasses import replace
import json
import subprocess
import sys

from fake_machine import Machine
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.errors import (
    BadValue,
    LoadFailed,
    Unavailable,
    UnknownName,
    Unsupported,
)
from faster_deploy_ros.tasks import ModelCard
from faster_deploy_ros.tools.cli import main
from faster_deploy_ros.tools.convert.job import ConvertJob
from faster_deploy_ros.tools.convert.to_tensorrt import convert
import numpy as np
from nvidia_stand_in import fixtures, opens, robot
import pytest

make_models = pytest.importorskip('make_models', reason='needs the package onnx')

cache, each_version, stand_in = fixtures()


@pytest.fixture
def told():
    return []


@pytest.fixture
def job(tiny_models, tmp_path, told):
    return ConvertJob(
        model=tiny_models('identity'), output=tmp_path / 'identity.engine', precision='fp32',
        card=ModelCard(), calibration=None, scratch=tmp_path,
        report=lambda *words: told.append(words))


def test_the_engine_runs_and_says_what_it_is_for_on_the_stand_in(each_version, job, told):
    made = convert(job)
    version = each_version.trt.__version__
    assert made.files == (job.output,)
    assert made.versions['tensorrt'] == version
    assert version in made.notes[0]
    assert 'Stand-in GPU' in made.notes[0]
    assert told
    assert job.output.read_bytes().startswith(b'ftrt'), 'not a plain engine, as trtexec takes it'
    opens(job.output)
    assert each_version.machine.calls['build'] == 1


def test_what_the_user_orders_reaches_the_build_on_the_stand_in(stand_in, job, tmp_path):
    timings = tmp_path / 'timings'
    convert(replace(job, options={
        'workspace_mb': '32', 'tf32': '1', 'timing_cache': str(timings)}))
    built = stand_in.trt.stand_in.builds[-1]
    assert built['limits'] == {'WORKSPACE': 32 << 20}
    assert built['flags'] == ['TF32']
    assert timings.read_bytes() == b'timings 10.3.0+1'


def test_open_shapes_want_a_range_on_the_stand_in(stand_in, job, tiny_models):
    job = replace(job, model=tiny_models('dynamic_identity'))
    with refused(BadValue, "'x'", 'shapes'):
        convert(job)
    convert(replace(job, options={'shapes': '1x3x4x4..1x3x8x8'}))
    assert opens(job.output).specs['x'].max_shape == (1, 3, 8, 8)


def test_int8_learns_from_the_images_or_is_refused_on_the_stand_in(each_version, job):
    with refused(Unsupported, 'int8', 'QuantizeLinear'):
        convert(replace(job, precision='int8'))
    job = replace(job, precision='int8', calibration=lambda: (
        np.full((1, 3, 4, 5), value, np.float32) for value in (1, 2)))
    if each_version.trt.__version__ == '11.4.0':
        with refused(Unsupported, 'int8', 'QuantizeLinear', '11.4.0'):
            convert(job)
        assert not job.output.exists()
        return
    convert(job)
    built = each_version.trt.stand_in.builds[-1]
    assert built['batches'] == [60.0, 120.0]
    assert 'INT8' in built['flags']


def test_the_engine_is_for_the_gpu_that_was_named_on_the_stand_in(job):
    machine = Machine((('NVIDIA Orin', (8, 7)), ('NVIDIA Thor', (11, 0))))
    with robot('10.3.0', machine=machine) as made:
        assert 'NVIDIA Thor' in convert(replace(job, options={'device': '1'})).notes[0]
        assert made.trt.stand_in.builds[-1]['gpu'][0] == 'NVIDIA Thor'
        with refused(LoadFailed, 'incompatible', 'NVIDIA Orin'):
            opens(job.output)
        opens(f'tensorrt.1://{job.output}')
        with refused(Unavailable, 'GPU 7', 'NVIDIA Thor'):
            convert(replace(job, options={'device': '7'}))


def test_what_is_missing_and_what_is_unknown_is_named_on_the_stand_in(job):
    with robot(missing=('tensorrt',)), refused(Unavailable, 'tensorrt', 'JetPack'):
        convert(job)
    with robot(lean=True), refused(Unsupported, 'lean'):
        convert(job)
    with robot(), refused(UnknownName, 'workspace', 'workspace_mb'):
        convert(replace(job, options={'workspace': '1'}))


def test_the_command_writes_the_engine_and_its_card_on_the_stand_in(stand_in, job, capsys):
    code = main(['convert', str(job.model), '--to', 'tensorrt', '--output', str(job.output),
                 '--no-check', '--json'])   # the check is a process of its own, with no stand-in
    told = json.loads(capsys.readouterr().out)
    assert code == 0, told
    assert told['versions']['tensorrt'] == '10.3.0'
    assert 'Stand-in GPU' in ' '.join(told['notes'])
    assert job.output.with_suffix('.yaml').is_file()
    opens(job.output)


def test_the_converter_imports_no_vendor():
    code = ('import sys, faster_deploy_ros.tools.convert.to_tensorrt; '
            'sys.exit(any(name in sys.modules for name in ("tensorrt", "pycuda")))')
    assert subprocess.run([sys.executable, '-c', code], check=False, timeout=60).returncode == 0
