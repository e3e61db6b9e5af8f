# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""ONNX to .rknn: what the toolkit is told, what comes of its failures, what is not let through."""

import json
from pathlib import Path
import shutil
import sys

from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.cores.rknn import board as rknn_board
from faster_deploy_ros.cores.rknn.file import read_rknn
from faster_deploy_ros.errors import (
    BadValue,
    ConvertFailed,
    Unavailable,
    UnknownName,
    Unsupported,
)
from faster_deploy_ros.tasks import ModelCard
from faster_deploy_ros.tasks.card import card_beside, InputCard
import numpy as np
import pytest

onnx = pytest.importorskip('onnx', reason='needs the package onnx')
pytest.importorskip('onnxruntime', reason='needs the package onnxruntime')

HERE = Path(__file__).resolve().parent
SIZE = 16
NOISE = np.random.default_rng(2)


@pytest.fixture
def toolkit(tmp_path):
    """Return a Python that seems to have the toolkit; its folder says how it behaves."""
    place = tmp_path / 'toolkit'
    (place / 'rknn').mkdir(parents=True)
    (place / 'rknn' / '__init__.py').touch()
    shutil.copy(HERE / 'fake_rknn_toolkit.py', place / 'rknn' / 'api.py')
    info = place / 'rknn_toolkit2-2.5.0.dist-info'
    info.mkdir()
    (info / 'METADATA').write_text('Metadata-Version: 2.1\nName: rknn-toolkit2\nVersion: 2.5.0\n')
    python = place / 'python'
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH={place} FAKE_RKNN_WRITER={HERE.parent / "cores"} '
        f'exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    behave(python)
    return python


def behave(python, **how):
    (python.parent / 'rknn' / 'behave.json').write_text(json.dumps(how))


def calls(python):
    """Return what the toolkit was asked for: the last call of each name."""
    text = (python.parent / 'rknn' / 'calls.jsonl').read_text()
    return dict(map(json.loads, text.splitlines()))


@pytest.fixture
def model(tmp_path):
    """Return a tiny detector head: a convolution, and scores beside numbers in the thousands."""
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    weights = onnx.numpy_helper.from_array(
        np.random.default_rng(1).normal(size=(4, 3, 1, 1)).astype(np.float32), 'w')
    graph = helper.make_graph(
        [helper.make_node('Conv', ['images', 'w'], ['features']),
         helper.make_node('Sigmoid', ['features'], ['scores']),
         helper.make_node('Concat', ['features', 'scores'], ['output'], axis=1)],
        'head', [helper.make_tensor_value_info('images', floats, [1, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info('output', floats, [1, 8, SIZE, SIZE])], [weights])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)
    path = tmp_path / 'head.onnx'
    onnx.save(made, path)
    return path


@pytest.fixture
def job(tmp_path, model, toolkit):
    """Return a function that makes a job for the stand-in."""
    from faster_deploy_ros.tools.convert.job import ConvertJob
    said = []

    def make(precision='fp16', card=None, images=None, path=None, **options):
        scratch = tmp_path / f'scratch{len(list(tmp_path.iterdir()))}'
        scratch.mkdir()
        calibration = None if images is None else lambda: iter(images)
        return ConvertJob(
            path or model, tmp_path / 'head_rknn.rknn', precision, card or ModelCard(),
            calibration, scratch, lambda *what: said.append(what),
            {'target': 'rk3588', 'python': str(toolkit), **options})

    make.said = said
    return make


def convert(job):
    from faster_deploy_ros.tools.convert.to_rknn import convert
    return convert(job)


IMAGENET = ModelCard(input=InputCard(
    color='rgb', scale=1, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)))


def test_the_scaling_of_the_card_goes_into_the_model_and_leaves_the_new_card(job, toolkit):
    made = convert(job(card=IMAGENET))
    said = calls(toolkit)
    assert np.allclose(said['config']['mean'], [[123.675, 116.28, 103.53]])
    assert np.allclose(said['config']['std'], [[58.395, 57.12, 57.375]])
    assert said['config']['target'] == 'rk3588'
    assert said['build'] == {'quantised': False, 'images': []}
    assert made.files[0].name == 'head_rknn.rknn'
    assert made.versions == {'rknn-toolkit2': '2.5.0'}
    assert made.card == {'input': {
        'color': 'rgb', 'scale': None, 'mean': None, 'std': None, 'size': [SIZE, SIZE]}}
    assert any('bytes' in note for note in made.notes)
    assert any('cosine 1.00000' in note for note in made.notes)   # the simulator was asked
    assert said['inference'] == {'shape': [1, SIZE, SIZE, 3], 'dtype': 'uint8'}
    assert [each.name for each in read_rknn('test', made.files[0]).inputs] == ['images']


def test_int8_is_calibrated_on_bytes_and_keeps_what_follows_the_last_weights_in_float(
        job, toolkit):
    raw = [NOISE.integers(0, 256, (1, 3, SIZE, SIZE)) for _ in range(3)]
    mean, std = (np.array(each)[:, None, None] for each in (
        IMAGENET.input.mean, IMAGENET.input.std))
    seen = [((each / 255 - mean) / std).astype(np.float32) for each in raw]
    made = convert(job('int8', card=IMAGENET, images=seen))
    said = calls(toolkit)
    assert said['step1']['images'] == [
        [float(each.min()), float(each.max()), [1, 3, SIZE, SIZE]] for each in raw]
    assert said['step2']['table'].split() == [
        'custom_quantize_layers:', 'output:', 'float16', 'scores:', 'float16']
    assert any('2 tensors' in note for note in made.notes)


def test_the_whole_model_is_int8_where_the_user_says_so(job, toolkit):
    image = NOISE.random((1, 3, SIZE, SIZE), np.float32) * 255
    convert(job('int8', images=[image], tail='int8', algorithm='mmse'))
    said = calls(toolkit)
    assert said['build']['quantised']
    assert said['config']['algorithm'] == 'mmse'
    assert 'step1' not in said


def test_without_a_card_and_a_family_the_user_is_told_and_can_say_the_scaling(job, toolkit):
    made = convert(job())
    assert calls(toolkit)['config']['std'] == [[1.0, 1.0, 1.0]]
    assert any('unscaled' in note for note in made.notes)
    assert 'color' not in made.card['input']
    made = convert(job(mean='10', std='2,4,8'))
    assert calls(toolkit)['config']['mean'] == [[10.0] * 3]
    assert calls(toolkit)['config']['std'] == [[2.0, 4.0, 8.0]]
    assert not any('unscaled' in note for note in made.notes)


def test_the_toolkits_steps_and_bars_are_shown(job):
    convert(job())
    assert ('reading the model',) in job.said
    assert ('toolkit: Building', 2, 2) in job.said
    assert ('simulating', 0, 4) in job.said


@pytest.mark.parametrize(('how', 'words'), [
    ({'load_onnx': -1}, ('load_onnx has failed with -1',)),
    ({'config': -1}, ('config has failed with -1',)),
    ({'build': 'raise'}, ('IndexError: list index out of range', 'level=2')),
    ({'export_rknn': -1}, ('export_rknn has failed',)),
    ({'init_runtime': -1}, ('init_runtime has failed',)),
    ({'inference': -1}, ('simulator gives no result',))])
def test_what_the_toolkit_could_not_do_is_said(job, toolkit, how, words):
    behave(toolkit, **how)
    with pytest.raises(ConvertFailed) as error:
        convert(job())
    first = str(error.value).splitlines()[0]
    assert all(word in first for word in words), first
    assert 'rknn-toolkit2' in first


def test_a_table_of_another_toolkit_is_not_overwritten(job, toolkit):
    behave(toolkit, table='layers: []')
    with pytest.raises(ConvertFailed, match='tail=int8'):
        convert(job('int8', images=[np.zeros((1, 3, SIZE, SIZE), np.float32)]))


def test_a_toolkit_that_hangs_is_ended(job, toolkit):
    behave(toolkit, build='hang')
    with pytest.raises(ConvertFailed, match='took more than 3 s'):
        convert(job(timeout_s='3'))


def test_a_model_that_has_lost_its_scores_is_not_let_through(job, toolkit):
    behave(toolkit, factor=-1)
    with refused(ConvertFailed, 'not the original any more', 'cosine -1', 'check=0'):
        convert(job())
    assert any('bytes' in note for note in convert(job(check='0')).notes)


def test_scores_lost_in_the_scale_of_boxes_are_missed_though_the_cosine_is_high(
        job, toolkit):
    behave(toolkit, flat_from=4)   # what one scale of 8 bits leaves of 0 to 1 beside thousands
    image = NOISE.random((1, 3, SIZE, SIZE), np.float32) * 255
    with refused(ConvertFailed, 'cosine 0.99', '33% of them are dead', 'tail=fp16'):
        convert(job('int8', images=[image] * 2))


def test_a_python_that_ends_well_and_does_nothing_is_found_out(job, toolkit):
    toolkit.write_text('#!/bin/sh\nexit 0\n')
    with refused(ConvertFailed, 'no result', 'rknn-toolkit2'):
        convert(job())


def test_a_python_without_the_toolkit_says_how_to_get_one(job, tmp_path):
    for python in (sys.executable, str(tmp_path / 'absent')):
        with refused(Unavailable, python, 'scripts/side_venv rknn'):
            convert(job(python=python))


@pytest.mark.parametrize(('given', 'error', 'words'), [
    ({'precision': 'fp32'}, Unsupported, ('fp16', 'int8')),
    ({'precision': 'int8'}, BadValue, ('--images',)),
    ({'precision': 'int8', 'images': []}, BadValue, ('no image',)),
    ({'target': 'rk9999'}, BadValue, ('rk9999', 'rk3588')),
    ({'tail': 'int4'}, BadValue, ('int4', 'fp16')),
    ({'hybrid': '1'}, UnknownName, ('hybrid', 'algorithm')),
    ({'mean': '1,2'}, BadValue, ("'1,2'", 'three numbers')),
    ({'std': '0'}, BadValue, ("'0'", 'above 0')),
    ({'std': 'a,b,c'}, BadValue, ("'a,b,c'",))])
def test_what_cannot_be_is_refused_before_the_toolkit_starts(job, toolkit, given, error, words):
    with refused(error, *words):
        convert(job(**given))
    assert not (toolkit.parent / 'rknn' / 'calls.jsonl').exists()


def test_the_chip_is_this_boards_own_or_must_be_said(job, toolkit, monkeypatch, tmp_path):
    monkeypatch.setattr(rknn_board, 'COMPATIBLE', tmp_path / 'absent')
    with refused(BadValue, '--option target=rk3588'):
        convert(job(target=''))
    (tmp_path / 'compatible').write_bytes(b'radxa,zero3\0rockchip,rk3566\0')
    monkeypatch.setattr(rknn_board, 'COMPATIBLE', tmp_path / 'compatible')
    convert(job(target=''))
    assert calls(toolkit)['config']['target'] == 'rk3566'


def test_int8_of_several_inputs_is_unsupported_and_fp16_leaves_them_alone(
        job, toolkit, tmp_path):
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node('Add', ['a', 'b'], ['c'])], 'sum',
        [helper.make_tensor_value_info(name, floats, [1, 3, 4, 4]) for name in 'ab'],
        [helper.make_tensor_value_info('c', floats, [1, 3, 4, 4])])
    path = tmp_path / 'sum.onnx'
    onnx.save(helper.make_model(
        graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8), path)
    with refused(Unsupported, 'fp16'):
        convert(job('int8', images=[np.zeros((1, 3, 4, 4), np.float32)], path=path))
    made = convert(job(path=path))
    assert calls(toolkit)['config']['mean'] is None
    assert 'bytes' not in made.notes[0]


# -- from the command line --------------------------------------------------------------------

def test_the_command_writes_the_model_and_a_card_that_the_npu_needs(
        toolkit, checkout, tmp_path, capsys, monkeypatch):
    """Typed in the model's folder: the toolkit runs in another one."""
    from faster_deploy_ros.tools.cli import main
    for name in ('shapes_yolox.onnx', 'shapes_yolox.yaml'):
        shutil.copy(checkout / 'models' / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    words = ['convert', 'shapes_yolox.onnx', '--to', 'rknn', '--json', '--option',
             f'python={toolkit.relative_to(tmp_path)}', '--option', 'target=rk3588']
    assert main(words) == 2
    assert '--precision fp16' in capsys.readouterr().err
    assert main([*words, '--precision', 'fp16']) == 0
    page = json.loads(capsys.readouterr().out)
    result = Path(page['files'][0])
    assert result.suffix == '.rknn'
    card = card_beside(result)
    assert (card.family, card.input.color) == ('yolox', 'bgr')
    assert (card.input.scale, card.input.mean, card.input.std) == (None, None, None)
    assert calls(toolkit)['config']['std'] == [[1.0] * 3]
