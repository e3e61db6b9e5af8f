# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""``faster-deploy convert``: all files or none, a card one can read, numbers that agree."""

import hashlib
import json
import os
from pathlib import Path
import re
import shutil
import signal
import subprocess
import sys

from command_line import environ, is_alive, wait_until
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.errors import BadValue, BlobMismatch, ConvertFailed, LoadFailed, Unsupported
from faster_deploy_ros.tasks import card_beside, open_model
from faster_deploy_ros.tools.convert import delivery, parity
from faster_deploy_ros.tools.convert.conduct import convert
from faster_deploy_ros.tools.convert.orders import Orders
from faster_deploy_ros.tools.convert.table import CONVERTERS, ENDINGS
from faster_deploy_ros.tools.inputs import load_frames
from faster_deploy_ros.tools.progress import Activity, Progress
import numpy as np
import planted_converters
import pytest
import yaml

PLANTED = Path(planted_converters.__file__)


@pytest.fixture
def activity(tmp_path_factory):
    log = tmp_path_factory.mktemp('log') / 'progress'
    with log.open('w') as stream, Activity(Progress(stream)) as made:
        yield made


@pytest.fixture
def run(activity, monkeypatch):
    """Return a function that converts by a planted converter."""
    rows = dict(CONVERTERS.entries)

    def go(name, model, **how):
        monkeypatch.setattr(CONVERTERS, '_entries', dict(rows))
        planted_converters.plant(name)
        return convert(Orders(Path(model), 'onnxruntime', **how), activity)

    return go


@pytest.fixture
def folder(tmp_path):
    """Return the folder for results; the models are elsewhere."""
    made = tmp_path / 'results'
    made.mkdir()
    return made


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# -- what comes out ------------------------------------------------------------------------------

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
    assert page['description'] == 'target=x', "the converter's word comes last"
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
    assert (card.family, card.decoded, card.input.size) == ('yolox', False, (320, 256))
    assert card.input.color == 'bgr'
    with open_core(result.files[0]) as core:
        assert open_model('auto', core).labels == open_model('yolox', core).labels


def test_a_model_of_no_known_family_is_compared_on_noise_and_the_note_says_so(
        run, tiny_models, folder):
    result = run('right', tiny_models('two_inputs'), output=folder)
    assert result.parity.inputs == '4 times noise'
    assert [each['name'] for each in result.parity.outputs] == ['total', 'product']
    assert result.parity.faults == ()
    assert any('no family' in note for note in result.notes)
    assert card_beside(result.files[0]).family == ''


def test_without_an_output_the_result_lies_beside_the_model(run, shapes_model, tmp_path):
    model = tmp_path / 'my.onnx'
    shutil.copyfile(shapes_model, model)
    assert run('right', model, precision='fp16', check=False).files[0] == (
        tmp_path / 'my_onnxruntime_fp16.onnx')


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


# -- what goes wrong -----------------------------------------------------------------------------

@pytest.mark.parametrize(('name', 'error', 'said'), [
    ('failing', ConvertFailed, 'RuntimeError: no such operator'),
    ('unsupported', Unsupported, 'fp32 is not offered here'),
    ('full_disk', ConvertFailed, 'No space left on device'),
    ('crashing', ConvertFailed, r'crashed \(SIGSEGV\)'),
    ('forgetful', ConvertFailed, r"'\w+.bin', and the file is not there"),
    ('empty', ConvertFailed, 'the file is empty'),
    ('astray', ConvertFailed, 'says that it wrote other.onnx'),
    ('calibrated', Unsupported, 'give --images'),
])
def test_a_converter_that_fails_leaves_nothing(name, error, said, run, shapes_model, folder):
    with pytest.raises(error, match=said):
        run(name, shapes_model, output=folder)
    assert names(folder) == []


@pytest.mark.parametrize(('name', 'fault'), [
    ('wrong', r"output 'output': cosine 0\.\d+, expected 0.9999 or more for fp32"),
    ('overflowing', 'NaN or infinite'),
    ('unloadable', 'refuses the model'),
])
def test_a_result_with_other_numbers_stays_and_is_suspect(name, fault, run, shapes_model, folder):
    seen = run(name, shapes_model, output=folder).parity
    assert len(names(folder)) == 2
    assert any(re.search(fault, each) for each in seen.faults), seen.faults


def test_a_result_is_judged_by_its_precision():
    figures = [{'name': 'y', 'bad': 0, 'cosine': 0.9995, 'peak': 0.97}]
    judge = parity._faults
    assert judge(figures, 'fp32')
    assert judge(figures, 'fp16') == []
    collapsed = [{'name': 'y', 'bad': 0, 'cosine': 0.99999, 'peak': 0.0}]
    assert "its channels reach 0% of the original's range" in judge(collapsed, 'int8')[0]


@pytest.mark.parametrize('name', ['unknown_operator', 'future_ir', 'weights_elsewhere'])
def test_a_model_that_is_not_whole_is_refused_before_anything_is_done(
        name, run, tiny_models, folder):
    with pytest.raises(LoadFailed, match=name):
        run('right', tiny_models(name), output=folder)
    assert names(folder) == []


def test_a_file_that_is_no_model_is_refused(run, folder, tmp_path, shapes_model):
    cut, text, other = tmp_path / 'cut.onnx', tmp_path / 'text.onnx', tmp_path / 'm.pt'
    cut.write_bytes(shapes_model.read_bytes()[:1000])
    text.write_text('version https://git-lfs.github.com/spec/v1')
    other.write_bytes(b'x')
    for path, said in ((cut, 'cut short'), (text, 'git lfs pull'), (other, 'an .onnx file'),
                       (tmp_path / 'none.onnx', 'no such file'), (tmp_path, 'is a folder')):
        with pytest.raises(LoadFailed, match=said):
            run('right', path, output=folder)
    assert names(folder) == []


@pytest.mark.parametrize(('shapes', 'said'), [
    ({'z': (1, 3, 8, 8)}, "no input 'z', expected one of x"),
    ({'x': (1, 4, 8, 8)}, r'declares \?x3x\?x\?'),
    ({'x': (8, 8)}, r'declares \?x3x\?x\?'),
])
def test_a_shape_that_the_model_cannot_have_is_refused(shapes, said, run, tiny_models, folder):
    with pytest.raises(BlobMismatch, match=said):
        run('right', tiny_models('dynamic_identity'), output=folder, shapes=shapes)
    assert names(folder) == []


def test_a_broken_card_is_told(run, shapes_model, tmp_path, folder):
    model = tmp_path / 'm.onnx'
    shutil.copyfile(shapes_model, model)
    model.with_suffix('.yaml').write_text('famly: yolox')
    with pytest.raises(LoadFailed, match='famly'):
        run('right', model, output=folder)
    assert names(folder) == []


# -- where it goes -------------------------------------------------------------------------------

def test_what_is_there_is_not_replaced_unless_forced(run, shapes_model, folder):
    files = run('right', shapes_model, output=folder, check=False).files
    files[1].write_bytes(b'precious')
    with pytest.raises(BadValue, match=r'are there already; --force replaces'):
        run('right', shapes_model, output=folder, check=False)
    assert files[1].read_bytes() == b'precious'
    run('right', shapes_model, output=folder, check=False, force=True)
    assert files[1].read_bytes() == b'weights'
    assert len(names(folder)) == 3


def test_a_file_that_appears_meanwhile_is_not_replaced(run, shapes_model, folder):
    (folder / 'shapes_yolox_onnxruntime.bin').write_bytes(b'precious')   # nobody could foresee it
    with pytest.raises(BadValue, match=r'\.bin. is there already'):
        run('right', shapes_model, output=folder, check=False)
    assert names(folder) == ['shapes_yolox_onnxruntime.bin']


def test_a_disk_that_refuses_in_the_middle_leaves_what_was_there(
        run, shapes_model, folder, monkeypatch):
    before = run('right', shapes_model, output=folder, check=False).files
    before[0].write_bytes(b'the former model')
    moved = []
    real = delivery._move

    def refuse_the_fourth(path, target, done):
        moved.append(path)
        if len(moved) == 4:
            raise OSError(5, 'Input/output error')
        real(path, target, done)

    monkeypatch.setattr(delivery, '_move', refuse_the_fourth)
    with pytest.raises(ConvertFailed, match='nothing there was changed'):
        run('right', shapes_model, output=folder, check=False, force=True)
    assert before[0].read_bytes() == b'the former model'
    assert before[1].read_bytes() == b'weights'
    assert len(names(folder)) == 3


def test_the_card_of_the_original_is_never_replaced(run, shapes_model, tmp_path):
    model = tmp_path / 'm.onnx'
    shutil.copyfile(shapes_model, model)
    shutil.copyfile(shapes_model.with_suffix('.yaml'), model.with_suffix('.yaml'))
    with pytest.raises(BadValue, match=r'choose another name: --output .*m_onnxruntime\.onnx'):
        run('right', model, output=model, force=True)
    assert names(tmp_path) == ['m.onnx', 'm.yaml']


@pytest.mark.parametrize(('output', 'said'), [
    ('no/such/folder/m.onnx', 'make it first'),
    ('m.param', 'ends in .onnx'),
    ('m', 'ends in .onnx'),
])
def test_an_output_that_cannot_be_is_refused(output, said, run, shapes_model, folder):
    with pytest.raises(BadValue, match=said):
        run('right', shapes_model, output=folder / output)
    assert names(folder) == []


@pytest.mark.skipif(os.geteuid() == 0, reason='root writes into every folder')
def test_a_folder_that_cannot_be_written_is_told(run, shapes_model, folder):
    folder.chmod(0o555)
    with pytest.raises(BadValue, match=r'cannot be written \(Permission denied\)'):
        run('right', shapes_model, output=folder)


def test_a_folder_that_is_no_place_for_scratch_is_told(
        run, shapes_model, folder, monkeypatch):
    def refuse(**how):
        raise OSError(30, 'Read-only file system')

    monkeypatch.setattr(delivery.tempfile, 'TemporaryDirectory', refuse)
    with pytest.raises(BadValue, match=r'cannot be written \(Read-only file system\)'):
        run('right', shapes_model, output=folder)


def test_each_runtime_has_a_converter_with_an_ending():
    assert set(CONVERTERS) >= {'mnn', 'ncnn', 'openvino', 'rknn', 'tensorrt'}
    for name in ('mnn', 'ncnn', 'openvino', 'rknn', 'tensorrt'):
        assert ENDINGS[name]


# -- as a command --------------------------------------------------------------------------------

def start(name, model, *words):
    return subprocess.Popen(
        [sys.executable, str(PLANTED), name, str(model), *map(str, words)], env=environ(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def finish(process):
    with process:
        out, said = process.communicate(timeout=100)
    return process.returncode, out, said


def test_json_is_json_alone(shapes_model, folder):
    code, out, said = finish(start('right', shapes_model, '--output', folder, '--json'))
    page = json.loads(out)
    assert code == 0, said
    assert page['files'][0].endswith('shapes_yolox_onnxruntime.onnx')
    assert page['parity']['agrees'] is True
    assert 'comparing with the original' in said


def test_a_suspect_result_is_code_1_and_says_what_to_do(shapes_model, folder):
    code, out, _ = finish(start('wrong', shapes_model, '--output', folder))
    assert code == 1
    assert "SUSPECT: output 'output': cosine" in out
    assert 'faster-deploy compare' in out


def test_a_conversion_without_the_check_says_so(shapes_model, folder):
    code, out, _ = finish(start('wrong', shapes_model, '--output', folder, '--no-check'))
    assert code == 0
    assert 'Not checked here: not asked for' in out


def test_a_failed_conversion_is_code_2(shapes_model, folder):
    code, out, said = finish(start('failing', shapes_model, '--output', folder))
    assert (code, out) == (2, '')
    assert said.splitlines()[-1].startswith('faster-deploy convert: the converter has failed')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_in_the_middle_leaves_no_file_and_no_process(
        number, shapes_model, folder):
    process = start('slow', shapes_model, '--output', folder)
    said = []
    with process:
        for line in process.stderr:
            said.append(line)
            if 'at work' in line:
                break
        own = Path(f'/proc/{process.pid}/task')
        children = [int(each) for task in own.iterdir()
                    for each in (task / 'children').read_text().split()]
        assert any(map(is_alive, children)), 'the program is at work'
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert names(folder) == []
    assert wait_until(lambda: not any(map(is_alive, children)))


def test_an_interrupt_of_our_own_work_leaves_no_file(shapes_model, folder):
    code, out, said = finish(start('interrupted', shapes_model, '--output', folder))
    assert (code, out) == (130, '')
    assert said.splitlines()[-1] == 'faster-deploy convert: interrupted'
    assert names(folder) == []


def test_two_conversions_into_the_same_output_do_not_clash(shapes_model, folder):
    words = ('--output', folder, '--no-check')
    ends = [finish(each) for each in [start('right', shapes_model, *words) for _ in range(2)]]
    codes = sorted(code for code, _, _ in ends)
    assert codes == [0, 2], ends
    assert 'there already' in next(said for code, _, said in ends if code == 2)
    assert len(names(folder)) == 3


def test_two_forced_conversions_both_succeed_and_leave_one_whole_result(shapes_model, folder):
    words = ('--output', folder, '--no-check', '--force')
    ends = [finish(each) for each in [start('right', shapes_model, *words) for _ in range(2)]]
    assert [code for code, _, _ in ends] == [0, 0], ends
    assert len(names(folder)) == 3
    page = yaml.safe_load((folder / 'shapes_yolox_onnxruntime.yaml').read_text())
    assert page['sha256'] == hashlib.sha256(
        (folder / 'shapes_yolox_onnxruntime.onnx').read_bytes()).hexdigest()
