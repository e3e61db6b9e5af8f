# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The converter to MNN: the same numbers and names, and nothing installed or reported."""

from importlib.util import find_spec
import os

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.errors import ConvertFailed, Unavailable
from faster_deploy_ros.tasks import ModelCard
from faster_deploy_ros.tools.convert import to_mnn
from faster_deploy_ros.tools.convert.job import ConvertJob
from faster_deploy_ros.tools.convert.program import run_program
import numpy as np
import pytest

for package in ('MNN', 'onnx', 'onnxruntime'):
    if find_spec(package) is None:
        pytest.skip(f'needs the package {package}', allow_module_level=True)

pytestmark = pytest.mark.core


@pytest.fixture
def job(tmp_path):
    """Return a function that makes a job of a model."""
    def make(model, precision='fp32'):
        scratch = tmp_path / 'scratch'
        scratch.mkdir(exist_ok=True)
        return ConvertJob(
            model=model, output=tmp_path / f'{model.stem}_{precision}.mnn', precision=precision,
            card=ModelCard(), calibration=None, scratch=scratch, report=lambda *_: None)

    return make


def run(uri):
    """Return the outputs by name for an image of noise that stays the same."""
    with open_core(uri, seats=1) as core, core.lease() as blobs:
        for blob in blobs.inputs:
            blob.data[...] = np.random.default_rng(0).random(blob.shape, np.float32) * 255
        core.sync_infer(blobs)
        return {blob.spec.name: blob.data.copy() for blob in blobs.outputs}


@pytest.mark.parametrize(('precision', 'limit', 'size'), [
    ('fp32', 5e-3, 3.7e6), ('fp16', 2.0, 1.9e6), ('int8', 6.0, 1.1e6)])
def test_yolox_nano_gives_what_onnxruntime_gives(job, shared_data, precision, limit, size):
    """Raw boxes and scores on noise; fp16 and int8 are how the weights are stored."""
    model = shared_data / 'models' / 'yolox_nano.onnx'
    made = to_mnn.convert(job(model, precision))
    expected, found = run(model), run(made.files[0])
    assert list(found) == list(expected) == ['output']
    difference = np.abs(found['output'] - expected['output']).max()
    assert difference < limit   # 8e-4 seen in fp32
    assert (difference > 1e-2) == (precision != 'fp32')
    assert made.files[0].stat().st_size < size
    assert bool(made.notes) == (precision != 'fp32')
    assert made.versions['MNN'].count('.') == 2


def test_the_note_on_int8_says_that_it_is_storage_only(job, tiny_models):
    made = to_mnn.convert(job(tiny_models('identity'), 'int8'))
    assert 'only the weights' in made.notes[0]
    assert 'no images' in made.notes[0]


def test_the_shipped_model_gives_what_onnxruntime_gives(job, checkout):
    model = checkout / 'models' / 'shapes_yolox.onnx'
    made = to_mnn.convert(job(model))
    expected, found = run(model), run(made.files[0])
    assert list(found) == list(expected)
    for name, output in expected.items():
        assert np.abs(found[name] - output).max() < 5e-3


def test_metadata_names_and_their_order_are_kept(job, tiny_models):
    made = to_mnn.convert(job(tiny_models('with_metadata')))
    with open_core(made.files[0]) as core:
        assert core.metadata == {'names': "{0: 'cone', 1: 'ball'}", 'stride': '32'}
    made = to_mnn.convert(job(tiny_models('two_inputs')))
    with open_core(made.files[0]) as core:
        assert list(core.specs) == ['left', 'right', 'total', 'product']


def test_an_open_batch_becomes_one_and_is_told(job, tiny_models):
    made = to_mnn.convert(job(tiny_models('dynamic_identity')))
    assert any('batch has become 1' in note for note in made.notes)
    with open_core(made.files[0]) as core:
        assert core.specs['x'].shape == (1, 3, -1, -1)


def test_what_it_cannot_convert_is_told_in_its_own_words(job, tiny_models, tmp_path):
    """It ends with 0 all the same."""
    with refused(ConvertFailed, 'mnnconvert', 'Teleport', 'Not Support'):
        to_mnn.convert(job(tiny_models('unknown_operator')))
    path = tmp_path / 'noise.onnx'
    path.write_bytes(np.random.default_rng(1).bytes(3000))
    with refused(ConvertFailed, 'mnnconvert', 'not onnx model'):
        to_mnn.convert(job(path))


def test_the_program_installs_nothing_and_reports_to_nobody(job, tiny_models, tmp_path,
                                                            monkeypatch):
    """The wheel's own script runs pip as it starts; here is a pip that would tell."""
    told = tmp_path / 'pip_was_here'
    pip = tmp_path / 'bin' / 'pip'
    pip.parent.mkdir()
    pip.write_text(f'#!/bin/sh\ntouch {told}\n')
    pip.chmod(0o755)
    monkeypatch.setenv('PATH', f"{pip.parent}{os.pathsep}{os.environ['PATH']}")
    assert run_program(['sh', '-c', 'pip; echo ran'], folder=tmp_path) == 'ran'
    assert told.exists()   # the trap works
    told.unlink()
    made = to_mnn.convert(job(tiny_models('identity')))
    assert made.files[0].is_file()
    assert not told.exists()


def test_without_the_package_it_is_unavailable(job, tiny_models, monkeypatch):
    monkeypatch.setattr(to_mnn, 'find_spec', lambda name: None)
    with refused(Unavailable, 'pip install MNN'):
        to_mnn.convert(job(tiny_models('identity')))
