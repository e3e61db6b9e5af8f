# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which files RknnCore takes, and what their tensors are, on a stand-in for RKNNLite."""

import os
from pathlib import Path

from fake_rknnlite import TIMEOUT_S, write_rknn
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.cores.rknn import board as rknn_board
from faster_deploy_ros.errors import BadValue, LoadFailed, Unavailable, Unsupported
import numpy as np
import pytest

PICTURE = {'images': (1, 3, 4, 5)}
RESULT = {'output': (1, 60)}


@pytest.fixture
def board(rknn_board):
    return rknn_board


@pytest.fixture
def model(rknn_model):
    return rknn_model


def test_a_missing_library_says_which_one_and_where_from(board, model, monkeypatch):
    monkeypatch.setattr(rknn_board, 'LIBRARIES', (Path('/nowhere/librknnrt.so'),))
    board.refuse_start = lambda number, mask: -1
    with refused(Unavailable, 'librknnrt.so', '/nowhere'):
        open_core(model)


def test_a_runtime_older_than_the_models_toolkit_is_named(board, tmp_path):
    model = write_rknn(tmp_path / 'm.rknn', PICTURE, RESULT, toolkit='2.6.1')
    board.refuse_start = lambda number, mask: -1
    with refused(LoadFailed, 'toolkit 2.6.1', 'librknnrt is 2.5.0', 'update'):
        open_core(model)


def test_a_model_for_another_chip_says_both(board, tmp_path):
    model = write_rknn(tmp_path / 'm.rknn', PICTURE, RESULT, targets=('rk3566',))
    with refused(LoadFailed, 'rk3566', 'rk3588', 'convert'):
        open_core(model)
    assert board.made == []


@pytest.mark.parametrize(('content', 'said'), [
    (b'\x08\x08\x12\x07pytorch:', ('convert', '--to rknn')), (b'RKCE1234', ('encrypted',)),
    (b'RKNN\0\0', ('cut short', '64'))])
def test_a_file_that_is_none_says_what_to_do(board, tmp_path, content, said):
    path = tmp_path / 'm.rknn'
    path.write_bytes(content)
    with refused(LoadFailed, *said):
        open_core(path)


def test_a_file_that_was_replaced_is_not_mixed_with_the_old_model(board, model, tmp_path):
    with open_core(model, seats=2) as core, core.lease():
        other = write_rknn(tmp_path / 'new.rknn', {'images': (1, 3, 8, 8)}, {'output': (1, 192)})
        os.replace(other, model)
        with refused(LoadFailed, 'has changed', 'open the model again'):
            with core.lease(TIMEOUT_S):
                pass


def test_bytes_lie_in_a_file_of_their_own_while_the_model_is_loaded(
        board, model, monkeypatch, tmp_path):
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    with open_core('rknn:///camera/m.rknn', source=model.read_bytes(), seats=2) as core:
        (copy,) = tmp_path.glob('faster_deploy_*.rknn')
        assert copy.stat().st_mode & 0o777 == 0o600
        with core.lease(), core.lease() as blobs:
            core.sync_infer(blobs)
    assert not copy.exists()
    board.refuse_start = lambda number, mask: -1
    with refused(LoadFailed):
        open_core('rknn:///camera/m.rknn', source=model.read_bytes())
    assert not list(tmp_path.glob('faster_deploy_*.rknn'))


# -- what the tensors are ---------------------------------------------------------------------

def test_a_file_that_tells_nothing_is_described_by_options(board, model, tmp_path):
    content = bytearray(model.read_bytes())
    at = content.rfind(b'"norm_tensor": [')
    content[at:at + 13] = b'"gnat_tensor"'   # a layout of the page that nobody knows here
    path = tmp_path / 'foreign.rknn'
    path.write_bytes(content)
    with refused(LoadFailed, 'inputs=images:uint8:1x416x416x3'):
        open_core(path)
    board.compute = lambda inputs: [inputs[0].reshape(1, 60).astype(np.float32)]
    board.checks_inputs = False   # it has no page either
    with open_core(f'rknn://{path}?inputs=eye:uint8:1x4x5x3&outputs=boxes') as core:
        assert [str(spec) for spec in core.specs.values()] == [
            "input 'eye' uint8 [1, 4, 5, 3]", "output 'boxes' float32 [1, 60]"]
    with open_core(f'rknn://{path}?inputs=eye:uint8:1x4x5x3') as core:
        assert list(core.specs) == ['eye', 'output0']
    with refused(BadValue, '2 names', '1 outputs'):
        open_core(f'rknn://{path}?inputs=eye:uint8:1x4x5x3&outputs=a,b')


@pytest.mark.parametrize('word', ['images', 'images:uint9:1x3', 'images:uint8:1x', ':uint8:1x3'])
def test_an_input_that_cannot_be_read_shows_how_it_is_written(board, model, word):
    with refused(BadValue, word, 'name:dtype:sizes'):
        open_core(f'rknn://{model}?inputs={word}')


def test_several_inputs_keep_their_order_and_dtypes(board, tmp_path):
    model = write_rknn(
        tmp_path / 'm.rknn', {'image': (1, 3, 2, 2), 'map': (1, 64, 2, 2), 'size': (1, 2)},
        {'a': (1, 12), 'b': (1, 256), 'c': (1, 2)},
        table={'attrs': {'size': {'dtype': 'int64'}}})
    with open_core(model) as core, core.lease() as blobs:
        assert [str(spec) for spec in core.specs.values()] == [
            "input 'image' uint8 [1, 2, 2, 3]", "input 'map' float32 [1, 2, 2, 64]",
            "input 'size' int64 [1, 2]", "output 'a' float32 [1, 12]",
            "output 'b' float32 [1, 256]", "output 'c' float32 [1, 2]"]
        blobs['size'].data[...] = (640, 480)
        core.sync_infer(blobs)
        assert blobs['c'].data.tolist() == [[640, 480]]


def test_raw_8_bit_outputs_are_turned_into_their_values(board, tmp_path):
    model = write_rknn(
        tmp_path / 'm.rknn', PICTURE, {'output': (1, 3)},
        table={'attrs': {}, 'quant_tab': {'output': {'min': [-2.0], 'max': [3.1]}}})
    board.compute = lambda inputs: [np.array([[-128, -28, 127]], np.int8)]
    with open_core(model) as core, core.lease() as blobs:
        core.sync_infer(blobs)
        assert blobs['output'].dtype == np.float32
        assert np.allclose(blobs['output'].data, [[-2.0, 0.0, 3.1]], atol=1e-6)


def test_raw_8_bit_outputs_of_an_unknown_range_are_refused(board, model):
    board.compute = lambda inputs: [np.zeros((1, 3), np.int8)]
    with refused(Unsupported, 'int8', 'range'):
        open_core(model)


def test_half_precision_outputs_come_as_float32(board, model):
    board.compute = lambda inputs: [np.full((1, 60), 0.5, np.float16)[:, ::2]]
    with open_core(model) as core, core.lease() as blobs:
        core.sync_infer(blobs)
        assert blobs['output'].data.dtype == np.float32
        assert blobs['output'].data.flags.c_contiguous
        assert (blobs['output'].data == 0.5).all()


def test_bound_memory_is_read_and_filled_even_though_the_runtime_copies(board, model):
    with open_core(model, seats=1) as core, core.lease() as blobs:
        image, result = np.full((1, 4, 5, 3), 9, np.uint8), np.zeros((1, 60), np.float32)
        blobs['images'].bind(image)
        blobs['output'].bind(result)
        core.sync_infer(blobs)
        assert (result == 9).all()


def test_what_the_file_says_beside_its_tensors_is_metadata(board, tmp_path):
    model = write_rknn(
        tmp_path / 'm.rknn', PICTURE, RESULT,
        table={'attrs': {'images': {'mean': [1, 2, 3], 'std': [255, 255, 255]}}})
    with open_core(model) as core:
        assert core.metadata['input_mean'] == '[1.0, 2.0, 3.0]'
        assert core.metadata['input_std'] == '[255.0, 255.0, 255.0]'
        assert core.metadata['toolkit'] == '2.5.0'
        assert 'API: 2.5.0' in core.metadata['runtime']
