# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""``faster-deploy convert``: files, a card one can read, numbers that agree."""

import hashlib
import shutil

from command_line import names
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.errors import Unsupported
from faster_deploy_ros.tasks import card_beside, open_model
from faster_deploy_ros.tools.convert.table import CONVERTERS, ENDINGS
from faster_deploy_ros.tools.inputs import load_frames
import numpy as np
import pytest
import yaml


def test_a_model_becomes_its_files_and_a_card_that_tells_everything(run, shapes_model, folder):
    result = run('right', shapes_model, output=folder, options={'target': 'x'})
    assert names(folder) == [
        'shapes_yolox_onnxruntime.bin', 'shapes_yolox_onnxruntime.onnx',
        'shapes_yolox_onnxruntime.yaml']
    assert [path.suffix for path in result.files] == ['.onnx', '.bin', '.yaml']
    assert result.notes == ('nothing was rewritten',)
    page = yaml.safe_load(result.files[-1].read_text())
    original = yaml.safe_load(shapes_model.with_suffix('.yaml').read_text())
    for key in ('name', 'family', 'labels', 'input', 'output', 'licence', 'source'):
        assert page[key] == original[key]
    assert page['description'] == 'yolox target=x', "the converter's word comes last"
    assert page['sha256'] == hashlib.sha256(result.files[0].read_bytes()).hexdigest()
    how = page['converted']
    assert how['from']['model'] == 'shapes_yolox.onnx'
    assert how['from']['sha256'] == original['sha256']
    assert how['from']['accuracy'] == original['accuracy']
    assert 'accuracy' not in page, 'nobody has measured the result'
    assert (how['to'], how['precision']) == ('onnxruntime', 'fp32')
    assert how['by']['copier'] == '1.2'


def test_the_two_agree_and_the_figures_say_so(run, shapes_model, folder):
    seen = run('right', shapes_model, output=folder).parity
    assert (seen.reason, seen.faults) == ('', ())
    assert seen.inputs == '4 pictures as Yolox prepares them'
    (figures,) = seen.outputs
    assert figures['name'] == 'output'
    assert (figures['max_abs'], figures['cosine']) == (0, pytest.approx(1))


def test_a_card_is_made_of_what_the_model_itself_tells(run, shapes_model, folder, tmp_path):
    model = tmp_path / 'bare.onnx'
    shutil.copyfile(shapes_model, model)   # no card: family, size and decoding are found out
    result = run('right', model, output=folder, check=False)
    card = card_beside(result.files[0])
    assert (card.family, card.output.decoded, card.input.size) == ('yolox', False, (320, 256))
    assert card.input.color == 'bgr'
    told = yaml.safe_load(result.files[-1].read_text())['description']
    assert told == 'yolox', 'the converter knows it too'
    with open_core(result.files[0]) as core:
        assert open_model('auto', core).labels == open_model('yolox', core).labels


def test_a_model_of_no_known_family_is_compared_on_noise_and_the_note_says_so(
        run, tiny_models, folder):
    result = run('right', tiny_models('two_inputs'), output=folder)
    assert result.parity.inputs == '4 times noise'
    assert [each['name'] for each in result.parity.outputs] == ['total', 'product']
    assert result.parity.faults == ()
    assert any('is not known, so the card does not say it' in note for note in result.notes)
    assert card_beside(result.files[0]).family == ''


def test_without_an_output_the_result_lies_beside_the_model(run, shapes_model, tmp_path):
    model = tmp_path / 'my.onnx'
    shutil.copyfile(shapes_model, model)
    assert run('right', model, precision='fp16', check=False).files[0] == (
        tmp_path / 'my_onnxruntime_fp16.onnx')


def test_an_output_without_an_ending_is_a_folder_which_is_made(run, shapes_model, folder):
    result = run('right', shapes_model, output=folder / 'robot', check=False)
    assert result.files[0].parent == folder / 'robot'
    assert result.files[0].is_file()


def test_an_open_shape_is_closed_in_a_copy_alone(run, tiny_models, folder):
    model = tiny_models('dynamic_identity')
    before = model.read_bytes()
    result = run('right', model, output=folder, shapes={'x': (1, 3, 8, 6)})
    assert result.parity.faults == ()
    assert model.read_bytes() == before
    with open_core(result.files[0]) as core:
        assert core.specs['x'].shape == core.specs['y'].shape == (1, 3, 8, 6)
    page = yaml.safe_load(result.files[-1].read_text())
    assert page['converted']['from']['shapes'] == {'x': [1, 3, 8, 6]}


def test_an_open_shape_that_stays_open_is_not_compared_and_the_reason_says_how(
        run, tiny_models, folder):
    seen = run('right', tiny_models('dynamic_identity'), output=folder).parity
    assert '--shape x=1x3x640x640' in seen.reason
    assert seen.faults == ()


def test_calibration_images_are_what_the_family_itself_makes_of_them(run, shapes_model, folder):
    result = run('calibrated', shapes_model, output=folder, precision='int8', images='scene',
                 max_images=3, check=False)
    tensors = np.load(result.files[1])
    assert tensors.shape == (3, 3, 256, 320)
    with open_core(shapes_model) as core, core.lease() as blobs:
        open_model('auto', core).preprocess(load_frames('scene', 1)[0], blobs)
        assert np.array_equal(tensors[:1], blobs['images'].data)
    assert '3 images are few to calibrate on' in result.warnings[0]
    page = yaml.safe_load(result.files[-1].read_text())
    assert page['converted']['calibration'] == '3 images'


def test_enough_images_are_no_warning(run, shapes_model, folder):
    assert run('calibrated', shapes_model, output=folder, precision='int8', images='scene',
               max_images=20, check=False).warnings == ()


def test_calibration_needs_a_family_and_a_mere_check_does_not(run, tiny_models, folder):
    with pytest.raises(Unsupported, match='Write a card beside the model'):
        run('calibrated', tiny_models('two_inputs'), output=folder, images='scene',
            precision='int8')
    assert names(folder) == []
    result = run('right', tiny_models('two_inputs'), output=folder, images='scene')
    assert result.parity.inputs == '4 times noise'


def test_each_runtime_has_a_converter_with_an_ending():
    assert set(CONVERTERS) >= {'mnn', 'ncnn', 'openvino', 'rknn', 'tensorrt'}
    for name in ('mnn', 'ncnn', 'openvino', 'rknn', 'tensorrt'):
        assert ENDINGS[name]


def test_what_has_the_same_word_for_its_size_is_closed_with_it(tmp_path):
    make_models, onnx = pytest.importorskip('make_models'), pytest.importorskip('onnx')
    from faster_deploy_ros.tools.convert.original import closed_copy, read_original
    source = tmp_path / 'sum.onnx'
    source.write_bytes(make_models.model(
        [onnx.helper.make_node('Add', ['left', 'right'], ['total'])],
        [make_models.tensor(name, ('rows', 3)) for name in ('left', 'right')],
        [make_models.tensor('total', ('rows', 3))]))
    (tmp_path / 'sum.yaml').write_text(
        f'name: sum\nsha256: "{hashlib.sha256(source.read_bytes()).hexdigest()}"\n')
    (tmp_path / 'closed').mkdir()
    closed = closed_copy(read_original(source), {'left': (5, 3)}, tmp_path / 'closed')
    assert yaml.safe_load(closed.path.with_suffix('.yaml').read_text()) == {'name': 'sum'}
    assert closed.inputs == {'left': (5, 3), 'right': (5, 3)}
    (total,) = onnx.load(closed.path).graph.output
    assert [size.dim_value for size in total.type.tensor_type.shape.dim] == [5, 3]
