# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime says in one line what it refuses, why, and what to do."""

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.errors import InferFailed, LoadFailed, Unavailable, UnknownName, Unsupported
import numpy as np
import pytest

onnxruntime = pytest.importorskip('onnxruntime', reason='needs the package onnxruntime')
pytest.importorskip('onnx', reason='needs the package onnx to make its models')

pytestmark = pytest.mark.core


@pytest.mark.parametrize(('name', 'words'), [
    ('future_opset', ('opset', 'older opset')),
    ('future_ir', ('IR version', 'older IR')),
    ('weights_elsewhere', ('weights.bin', 'second file')),
    ('unknown_operator', ('Teleport', 'operator')),
])
def test_a_model_from_elsewhere_is_refused_with_the_remedy(tiny_models, capfd, name, words):
    with refused(LoadFailed, f'{name}.onnx', *words):
        open_core(tiny_models(name))
    assert capfd.readouterr() == ('', '')  # the runtime itself prints nothing


def _cut_short(path, model):
    path.write_bytes(model[:len(model) // 2])


def _not_onnx(path, model):
    path.write_text('<html>404 not found</html>\n' * 20)


def _random(path, model):
    path.write_bytes(np.random.default_rng(1).bytes(5000))


def _flipped(path, model):
    path.write_bytes(bytes(255 - byte for byte in model))


def test_the_file_of_another_runtime_is_not_called_damaged(tmp_path):
    path = tmp_path / 'model.mnn'
    path.write_bytes(b'\x20\0\0\0' * 99)
    with refused(LoadFailed, "ending is mnn's", 'mnn://', 'the ONNX model'):
        open_core(f'onnxruntime://{path}')


@pytest.mark.parametrize('damage', [_cut_short, _not_onnx, _random, _flipped])
def test_a_damaged_file_is_refused_in_one_line(tiny_models, tmp_path, capfd, damage):
    path = tmp_path / 'damaged.onnx'
    damage(path, tiny_models('identity').read_bytes())
    with refused(LoadFailed, 'damaged.onnx', 'copy it again'):
        open_core(path)
    assert capfd.readouterr() == ('', '')


def test_a_missing_an_empty_and_a_folders_path_are_told_apart(tmp_path, monkeypatch):
    (tmp_path / 'empty.onnx').touch()
    (tmp_path / 'folder.onnx').mkdir()
    monkeypatch.chdir(tmp_path)
    with refused(LoadFailed, 'missing.onnx', 'no such file', str(tmp_path)):
        open_core('missing.onnx')
    with refused(LoadFailed, 'empty.onnx', 'is empty'):
        open_core('empty.onnx')
    with refused(LoadFailed, 'folder.onnx', 'is a folder'):
        open_core(tmp_path / 'folder.onnx')
    with refused(LoadFailed, 'no bytes'):
        open_core('onnxruntime://nothing', source=b'')


def test_texts_are_unsupported(tiny_models):
    with refused(Unsupported, "'x'", 'string', 'float32'):
        open_core(tiny_models('text_input'))


def test_a_failure_inside_the_runtime_says_what_the_runtime_said(tiny_models, capfd):
    with open_core(tiny_models('gather')) as core, core.lease() as blobs:
        blobs['x'].data[...] = 9
        with refused(InferFailed, 'gather.onnx', 'Gather', 'out of data bounds'):
            core.sync_infer(blobs)
        blobs['x'].data[...] = 0, 1, 2, 1
        core.sync_infer(blobs)
        assert blobs['y'].data.tolist() == [0, 10, 20, 10]
    assert capfd.readouterr() == ('', '')


def test_a_provider_that_is_not_there_is_never_replaced_by_the_cpu(tiny_models):
    absent = 'CUDA' if 'CUDAExecutionProvider' not in onnxruntime.get_available_providers() \
        else 'CoreML'
    for providers in (absent, f'{absent},CPU'):
        with refused(Unavailable, absent, 'CPU'):
            open_core(f"onnxruntime://{tiny_models('identity')}?providers={providers}")
    with refused(UnknownName, 'Abacus', 'CPU'):
        open_core(f"onnxruntime://{tiny_models('identity')}?providers=Abacus")


def test_a_provider_that_the_session_leaves_out_is_unavailable(tiny_models, monkeypatch):
    monkeypatch.setattr(
        onnxruntime, 'get_available_providers',
        lambda: ['CUDAExecutionProvider', 'CPUExecutionProvider'])
    real = onnxruntime.InferenceSession

    def falls_back(*args, providers, **kwargs):
        return real(*args, providers=['CPUExecutionProvider'], **kwargs)

    monkeypatch.setattr(onnxruntime, 'InferenceSession', falls_back)
    with refused(Unavailable, 'left out CUDA', 'would run on CPU'):
        open_core(f"onnxruntime://{tiny_models('identity')}?providers=CUDA,CPU")
