# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The converter to OpenVINO: the same numbers, the same names, the program's own words."""

from importlib.util import find_spec
import os
import subprocess
import sys

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.errors import ConvertFailed, Unavailable, Unsupported
from faster_deploy_ros.tasks import ModelCard
from faster_deploy_ros.tools.convert import to_openvino
from faster_deploy_ros.tools.convert.job import ConvertJob
import numpy as np
import pytest

for package in ('openvino', 'onnx', 'onnxruntime'):
    if find_spec(package) is None:
        pytest.skip(f'needs the package {package}', allow_module_level=True)

pytestmark = pytest.mark.core


@pytest.fixture
def job(tmp_path):
    """Return a function that makes a job of a model."""
    def make(model, precision='fp32', calibration=None):
        scratch = tmp_path / 'scratch'
        scratch.mkdir(exist_ok=True)
        return ConvertJob(
            model=model, output=tmp_path / f'{model.stem}_{precision}.xml', precision=precision,
            card=ModelCard(), calibration=calibration, scratch=scratch,
            report=lambda *_: None)

    return make


def noise(spec):
    """Return an image of noise, 0 to 255, that stays the same."""
    image = np.random.default_rng(0).random(spec.shape, np.float32) * 255
    return image.astype(spec.dtype)


def largest_difference(model, uri):
    """Run both on the same noise; return the largest difference of all outputs."""
    results = []
    for each in (model, uri):
        with open_core(each, seats=1) as core, core.lease() as blobs:
            for blob in blobs.inputs:
                blob.data[...] = noise(blob.spec)
            core.sync_infer(blobs)
            results.append({blob.spec.name: blob.data.copy() for blob in blobs.outputs})
    assert list(results[0]) == list(results[1]), 'other names, or another order'
    return max(float(np.abs(results[0][name] - results[1][name]).max()) for name in results[0])


@pytest.mark.parametrize(('precision', 'limit'), [('fp32', 1e-3), ('fp16', 2.0)])
def test_yolox_nano_gives_what_onnxruntime_gives(job, shared_data, precision, limit):
    """Raw boxes and scores on noise: 2e-5 seen in fp32, 0.5 with the weights in half precision."""
    model = shared_data / 'models' / 'yolox_nano.onnx'
    made = to_openvino.convert(job(model, precision))
    assert [path.suffix for path in made.files] == ['.xml', '.bin']
    assert made.versions['openvino'][:2] == '20'
    difference = largest_difference(model, made.files[0])
    assert difference < limit
    assert (difference > 1e-2) == (precision == 'fp16')   # it really is in half
    assert bool(made.notes) == (precision == 'fp16')


def test_the_shipped_model_gives_what_onnxruntime_gives(job, checkout):
    model = checkout / 'models' / 'shapes_yolox.onnx'
    made = to_openvino.convert(job(model))
    assert largest_difference(model, made.files[0]) < 1e-3


def test_half_precision_is_half_the_size(job, shared_data):
    model = shared_data / 'models' / 'yolox_nano.onnx'
    full, half = (to_openvino.convert(job(model, precision)) for precision in ('fp32', 'fp16'))
    assert half.files[1].stat().st_size < 0.6 * full.files[1].stat().st_size


def test_metadata_and_names_are_kept(job, tiny_models):
    made = to_openvino.convert(job(tiny_models('with_metadata')))
    with open_core(made.files[0]) as core:
        assert core.metadata['names'] == "{0: 'cone', 1: 'ball'}"
        assert core.metadata['stride'] == '32'
        assert list(core.specs) == ['x', 'y']
    made = to_openvino.convert(job(tiny_models('two_inputs')))
    with open_core(made.files[0]) as core:
        assert list(core.specs) == ['left', 'right', 'total', 'product']


def test_open_dimensions_stay_open(job, tiny_models):
    made = to_openvino.convert(job(tiny_models('dynamic_identity')))
    with open_core(made.files[0]) as core:
        assert core.specs['x'].shape == (-1, 3, -1, -1)


@pytest.mark.parametrize(('name', 'words'), [
    ('unknown_operator', ('Teleport', 'No conversion rule')),
    ('weights_elsewhere', ('weights.bin',)),
])
def test_what_it_cannot_convert_is_told_in_its_own_words(job, tiny_models, name, words):
    with refused(ConvertFailed, 'ovc', *words):
        to_openvino.convert(job(tiny_models(name)))


def test_a_file_that_is_no_onnx_is_told_in_its_own_words(job, tmp_path):
    path = tmp_path / 'noise.onnx'
    path.write_bytes(np.random.default_rng(1).bytes(3000))
    with refused(ConvertFailed, 'ovc', 'Cannot recognize input model'):
        to_openvino.convert(job(path))


def test_the_program_reports_to_nobody(job, tiny_models, tmp_path, monkeypatch):
    """It would keep an id and a count of its uses in the home folder."""
    home = tmp_path / 'home'
    home.mkdir()
    monkeypatch.setenv('HOME', str(home))
    monkeypatch.delenv('CI', raising=False)
    to_openvino.convert(job(tiny_models('identity')))
    assert list(home.rglob('*')) == []
    subprocess.run(
        [sys.executable, '-c', 'import faster_deploy_ros.cores.openvino_core'],
        env=dict(os.environ), timeout=60, check=True)
    assert list(home.rglob('*')) == []


def test_int8_without_its_library_or_images_is_refused_before_anything_is_done(
        job, tiny_models, monkeypatch):
    order = job(tiny_models('identity'), 'int8')
    monkeypatch.setattr(to_openvino, 'find_spec', lambda name: None)
    with refused(Unavailable, 'pip install nncf', 'fp16'):
        to_openvino.convert(order)
    monkeypatch.setattr(to_openvino, 'find_spec', lambda name: name)
    with refused(Unsupported, '--images'):
        to_openvino.convert(order)
    assert not order.output.exists()


@pytest.mark.slow
def test_int8_keeps_the_best_score_of_a_real_picture(job, shared_data):
    if find_spec('nncf') is None:
        pytest.skip('needs the package nncf, which is not part of this environment')
    cv2 = pytest.importorskip('cv2')
    model = shared_data / 'models' / 'yolox_nano.onnx'

    def images():
        for path in sorted((shared_data / 'coco_subset').rglob('*.jpg'))[:8]:
            picture = cv2.resize(cv2.imread(str(path)), (416, 416))
            yield np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)

    made = to_openvino.convert(job(model, 'int8', images))
    assert '8 images' in made.notes[0]
    assert made.versions['nncf']
    scores = []
    for path in (model, made.files[0]):
        with open_core(path, seats=1) as core, core.lease() as blobs:
            blobs['images'].data[...] = next(images())
            core.sync_infer(blobs)
            output = blobs['output'].data[0]
            scores.append((output[:, 4:5] * output[:, 5:]).max())
    assert scores[1] == pytest.approx(scores[0], abs=0.15)
    assert made.files[1].stat().st_size < 1.5e6   # 3.6 MB in fp32
