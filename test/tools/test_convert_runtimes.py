# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""From ONNX to each runtime by the command itself, and what a node then sees."""

import json

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.errors import FasterDeployError
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import open_model
from faster_deploy_ros.tools.convert.table import ENDINGS, find_converter
from faster_deploy_ros.tools.inputs import load_frames
import numpy as np
import pytest

pytestmark = pytest.mark.core
RUNTIMES = ('mnn', 'ncnn', 'openvino')
PROGRAMS_MISSING = 'is not installed'


@pytest.fixture(scope='module')
def converted(shapes_model, tmp_path_factory):
    """Return a function from a runtime to its converted model and what the command said."""
    made = {}

    def convert(runtime, run):
        if runtime not in made:
            try:
                find_converter(runtime)
            except FasterDeployError as error:
                pytest.skip(str(error))
            folder = tmp_path_factory.mktemp(runtime)
            done = run('convert', shapes_model, '--to', runtime, '--output', folder, '--json')
            if done.returncode == 2 and PROGRAMS_MISSING in done.stderr:
                pytest.skip(done.stderr.splitlines()[-1])
            made[runtime] = done, folder / f'shapes_yolox_{runtime}{ENDINGS[runtime][0]}'
        return made[runtime]

    return convert


@pytest.mark.parametrize('runtime', RUNTIMES)
def test_the_shipped_model_becomes_one_that_agrees(runtime, converted, faster_deploy):
    done, model = converted(runtime, faster_deploy)
    assert done.returncode == 0, done.stderr + done.stdout
    page = json.loads(done.stdout)
    assert page['files'][0] == str(model)
    assert page['versions'], 'the card is to say what made it'
    assert page['parity']['checked'], page['parity']['reason']
    assert page['parity']['agrees'] is True
    assert page['parity']['outputs'][0]['cosine'] > 0.999999


@pytest.mark.parametrize('runtime', RUNTIMES)
def test_the_folders_may_have_any_name(runtime, faster_deploy, shapes_model, tmp_path):
    folder = tmp_path / 'a b%20c?x=1#é'
    folder.mkdir()
    for each in (shapes_model, shapes_model.with_suffix('.yaml')):
        (folder / each.name).write_bytes(each.read_bytes())
    done = faster_deploy('convert', folder / shapes_model.name, '--to', runtime, '--json')
    if done.returncode == 2 and PROGRAMS_MISSING in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr
    made = folder / f'shapes_yolox_{runtime}{ENDINGS[runtime][0]}'
    with open_core(made) as core:
        assert core.device.scheme == runtime


@pytest.mark.parametrize('runtime', RUNTIMES)
def test_the_result_is_a_detector_without_being_told(runtime, converted, faster_deploy,
                                                     shapes_model):
    _, model = converted(runtime, faster_deploy)
    (frame,) = load_frames('scene', 1)
    found = []
    for path in (shapes_model, model):
        with open_core(path, seats=1) as core:
            detector = open_model('auto', core)
            assert detector.labels == ('sphere', 'cube', 'cone')
            found.append(detector(frame, Stopwatch()))
    original, other = found
    assert len(original.score) > 0
    assert np.allclose(original.xyxy, other.xyxy, atol=0.1)
    assert np.allclose(original.score, other.score, atol=0.001)
    assert np.array_equal(original.class_id, other.class_id)


def test_bench_runs_what_convert_has_made(converted, faster_deploy, shapes_model):
    models = [shapes_model, *(converted(each, faster_deploy)[1] for each in RUNTIMES)]
    done = faster_deploy('bench', *models, '--seats', '1', '--seconds', '0.4', '--rounds', '2',
                         '--json')
    page = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout
    assert [row['about']['runtime'] for row in page['rows']] == [
        'onnxruntime.0', *(f'{each}.0' for each in RUNTIMES)]
    assert {row['about']['input'] for row in page['rows']} == {
        '8 pictures as Yolox prepares them'}
