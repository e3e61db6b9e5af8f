# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Depth nets by ``convert``, and what of their meaning the card of the result keeps."""

import json
import shutil

import cv2
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.errors import FasterDeployError
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import open_model
from faster_deploy_ros.tasks.card import read_card
from faster_deploy_ros.tasks.model_digest import model_sha256
from faster_deploy_ros.tools.convert.table import ENDINGS, find_converter
import numpy as np
import pytest

pytestmark = [pytest.mark.core, pytest.mark.timeout(240)]


@pytest.fixture(scope='module')
def meter(shared_data, tmp_path_factory):
    """Return a real metric net, which says decimetres, with its card."""
    path = tmp_path_factory.mktemp('meter') / 'meter.onnx'
    shutil.copyfile(shared_data / 'models' / 'meter_xxs_kitti_192x640.onnx', path)
    path.with_suffix('.yaml').write_text(
        'family: metric_depth\noutput: {kind: metric, unit: dm}\n')
    return path


@pytest.fixture(scope='module')
def spoken(tmp_path_factory):
    """Return a tiny net without a card, whose metadata say what its numbers are."""
    make = pytest.importorskip('make_models', reason='needs the package onnx')
    rng = np.random.default_rng(3)
    weights = [
        make.numpy_helper.from_array(rng.random((1, 3, 2, 2), np.float32), 'weight'),
        make.numpy_helper.from_array(np.array([0.5], np.float32), 'bias')]
    path = tmp_path_factory.mktemp('spoken') / 'spoken.onnx'
    path.write_bytes(make.model(
        [make.helper.make_node('Conv', ['image', 'weight', 'bias'], ['depth'], strides=[2, 2])],
        [make.tensor('image', (1, 3, 48, 64))], [make.tensor('depth', (1, 1, 24, 32))],
        weights=weights, task='depth', unit='mm'))
    return path


def depth_of(uri, picture):
    """Return the depth of a picture by the model and whatever card lies beside it."""
    with open_core(str(uri), seats=1) as core:
        return open_model('auto', core)(Frame(0, '', picture, 'bgr8'), Stopwatch())


def converted(faster_deploy, model, runtime, folder):
    """Convert by the command; return what it says and the new file."""
    try:
        find_converter(runtime)
    except FasterDeployError as error:
        pytest.skip(str(error))
    done = faster_deploy('convert', model, '--to', runtime, '--output', folder, '--json')
    if done.returncode == 2 and 'is not installed' in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout), folder / f'{model.stem}_{runtime}{ENDINGS[runtime][0]}'


@pytest.mark.parametrize('runtime', ['mnn', 'openvino'])
def test_a_real_net_gives_the_same_metres(runtime, meter, shared_data, faster_deploy, folder):
    page, result = converted(faster_deploy, meter, runtime, folder)
    assert page['parity']['agrees'] is True
    card = read_card(result.with_suffix('.yaml'))
    assert (card.family, card.output.kind, card.output.unit) == ('metric_depth', 'metric', 'dm')
    assert card.sha256 == (model_sha256(result),), 'of the result, not of the original'
    picture = cv2.imread(str(shared_data / 'stereo' / 'left.png'))
    before, after = depth_of(meter, picture), depth_of(result, picture)
    assert after.kind == before.kind == 'metric'
    assert 10 < np.median(after.depth) < 20, 'metres'
    np.testing.assert_allclose(after.depth, before.depth, rtol=2e-3)


def test_a_net_without_a_unit_is_converted_and_the_note_asks_for_the_unit_alone(
        shared_data, faster_deploy, folder):
    page, _ = converted(
        faster_deploy, shared_data / 'models' / 'meter_xxs_kitti_192x640.onnx', 'mnn', folder)
    note, = page['notes']
    assert 'the card does not say it: write it there' in note
    assert 'output: {unit: ...}' in note
    assert 'yolox' not in note


@pytest.mark.parametrize('runtime', ['mnn', 'ncnn', 'openvino'])
def test_what_metadata_said_is_on_the_card_of_a_format_that_has_none(
        runtime, spoken, faster_deploy, folder):
    _, result = converted(faster_deploy, spoken, runtime, folder)
    assert read_card(result.with_suffix('.yaml')).output.unit == 'mm'
    picture = np.random.default_rng(1).integers(0, 256, (96, 128, 3), np.uint8)
    before, after = depth_of(spoken, picture), depth_of(result, picture)
    assert 0.0005 < np.median(after.depth) < 0.02, 'millimetres as metres'
    np.testing.assert_allclose(after.depth, before.depth, rtol=1e-3)


def test_what_ncnn_cannot_do_is_one_line_and_leaves_nothing(meter, faster_deploy, folder):
    try:
        find_converter('ncnn')
    except FasterDeployError as error:
        pytest.skip(str(error))
    done = faster_deploy('convert', meter, '--to', 'ncnn', '--output', folder)
    if 'is not installed' in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    assert done.returncode == 2
    assert 'ncnn has no layer for' in done.stderr.splitlines()[-1]
    assert list(folder.iterdir()) == []


def test_a_model_that_wants_more_than_images_is_not_calibrated_on_them(run, shared_data, folder):
    model = shared_data / 'models' / 'deimv2_atto_coco_fp32.onnx'
    with pytest.raises(FasterDeployError, match='wants orig_target_sizes too'):
        run('calibrated', model, output=folder, precision='int8', images='scene')
    assert list(folder.iterdir()) == []
