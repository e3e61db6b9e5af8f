# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in a conversion leaves nothing; what is there already stays."""

import fcntl
import os
import re
import shutil
import threading

from command_line import names
from faster_deploy_ros.errors import (
    BadValue,
    BlobMismatch,
    ConvertFailed,
    LoadFailed,
    UnknownName,
    Unsupported,
)
from faster_deploy_ros.tools.convert import delivery, parity
import pytest


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


def test_a_model_that_is_quantised_already_is_named_as_the_reason(run, folder, tmp_path):
    import make_models
    from onnx import helper
    path = tmp_path / 'quantised.onnx'
    path.write_bytes(make_models.model(
        [helper.make_node('DynamicQuantizeLinear', ['x'], ['q', 'scale', 'zero']),
         helper.make_node('DequantizeLinear', ['q', 'scale', 'zero'], ['y'])],
        [make_models.tensor('x', (4,))], [make_models.tensor('y', (4,))]))
    with pytest.raises(ConvertFailed, match=r'already \(DynamicQuantizeLinear\): convert'):
        run('failing', path, output=folder)


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
    figures = [{'name': 'y', 'bad': 0, 'cosine': 0.9995, 'peak': 0.97, 'relative': 0.0}]
    judge = parity._faults
    assert judge(figures, 'fp32')
    assert judge(figures, 'fp16') == []
    spike = [{**figures[0], 'cosine': 0.99999, 'relative': 0.07}]   # boxes hide scores
    assert 'off by 7.0% of its range' in judge(spike, 'fp32')[0]
    assert judge(spike, 'fp16') == []
    collapsed = [{'name': 'y', 'bad': 0, 'cosine': 0.99999, 'peak': 0.0}]
    assert "its channels reach 0% of the original's range" in judge(collapsed, 'int8')[0]


@pytest.mark.parametrize(('name', 'said'), [
    ('unknown_operator', r"unknown_operator.onnx' is not valid ONNX: .*Teleport"),
    ('future_ir', r"future_ir.onnx' is not valid ONNX: .*Export it again"),
    ('weights_elsewhere', r"in the file 'weights.bin', and that is not beside it; copy both"),
])
def test_a_model_that_is_not_whole_is_refused_before_anything_is_done(
        name, said, run, tiny_models, folder):
    with pytest.raises(LoadFailed, match=said):
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


def test_an_option_that_no_converter_reads_is_refused(run, shapes_model, folder):
    with pytest.raises(UnknownName, match="takes no option 'colour'"):
        run('wrong', shapes_model, output=folder, options={'colour': 'red'})
    assert names(folder) == []


def test_a_delivery_waits_for_another_one_into_the_same_folder(tmp_path, folder):
    made, scratch = tmp_path / 'm.onnx', tmp_path / 'scratch'
    made.write_bytes(b'model')
    scratch.mkdir()
    other = os.open(folder, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)   # another process is in the middle of its moves
    thread = threading.Thread(
        target=delivery.deliver, args=([made], folder, scratch), kwargs={'force': False})
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    assert names(folder) == []
    os.close(other)
    thread.join(20)
    assert names(folder) == ['m.onnx']
