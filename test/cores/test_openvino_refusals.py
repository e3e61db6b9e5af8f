# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO says in one line what it refuses, why, and what to do."""

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.cores.source import pack
from faster_deploy_ros.errors import LoadFailed, Unavailable, Unsupported
import numpy as np
from openvino_models import ir_fixture  # noqa: F401
import pytest

openvino = pytest.importorskip('openvino', reason='needs the package openvino')
onnx_helper = pytest.importorskip('onnx.helper', reason='needs the package onnx for its models')

pytestmark = pytest.mark.core


@pytest.mark.parametrize(('name', 'error', 'words'), [
    ('weights_elsewhere', LoadFailed, ('weights.bin', 'second file')),
    ('unknown_operator', LoadFailed, ('Teleport', 'operator')),
    ('text_input', Unsupported, ('string', 'float32')),
])
def test_a_model_from_elsewhere_is_refused_with_the_remedy(tiny_models, capfd, name, error, words):
    with refused(error, f'{name}.onnx', *words):
        open_core(f'openvino://{tiny_models(name)}')
    assert capfd.readouterr() == ('', '')


def damages(model):
    """Yield (name, bytes) of many ways in which a file can be broken."""
    yield 'a web page', b'<p>404 not found</p>\n' * 20
    yield 'noise', np.random.default_rng(1).bytes(5000)
    yield 'flipped', bytes(255 - byte for byte in model)
    for part in (1, len(model) // 3, len(model) // 2, len(model) - 5):
        yield f'cut at {part}', model[:part]


@pytest.mark.parametrize('kind', ['onnx', 'xml'])
def test_a_damaged_file_is_refused_in_one_line(tiny_models, ir, tmp_path, capfd, kind):
    good = tiny_models('identity') if kind == 'onnx' else ir('identity')
    for number, (_, content) in enumerate(damages(good.read_bytes())):
        path = tmp_path / f'damaged{number}.{kind}'
        path.write_bytes(content)
        path.with_suffix('.bin').write_bytes(b'')
        with refused(LoadFailed, path.name, 'copy it again'):
            open_core(f'openvino://{path}')
        with refused(LoadFailed, 'memory.onnx'):
            open_core('openvino://memory.onnx', source=content)
    assert capfd.readouterr() == ('', '')  # the runtime itself prints nothing


def test_an_ir_without_its_weights_is_refused(ir, tmp_path):
    import make_models
    from onnx import numpy_helper
    weights = numpy_helper.from_array(np.ones((4, 4), np.float32), 'w')
    model = openvino.Core().read_model(make_models.model(
        [onnx_helper.make_node('MatMul', ['x', 'w'], ['y'])],
        [make_models.tensor('x', (1, 4))], [make_models.tensor('y', (1, 4))], weights=[weights]))
    path = tmp_path / 'weights.xml'
    openvino.save_model(model, str(path), compress_to_fp16=False)
    text, content = path.read_bytes(), path.with_suffix('.bin').read_bytes()
    with open_core('openvino://weights', source=pack(text, content)) as core:
        with core.lease() as blobs:
            blobs['x'].data[...] = 2
            core.sync_infer(blobs)
            assert (blobs['y'].data == 8).all()
    with refused(LoadFailed, 'copy both again'):
        open_core('openvino://weights', source=pack(text, content[:10]))
    path.with_suffix('.bin').write_bytes(content[:10])
    with refused(LoadFailed, 'weights.xml', 'copy both again'):
        open_core(path)
    path.with_suffix('.bin').unlink()
    with refused(LoadFailed, 'weights.xml', '.bin'):
        open_core(path)


def test_the_file_of_another_runtime_is_not_called_damaged(tmp_path):
    path = tmp_path / 'model.mnn'
    path.write_bytes(b'\x20\0\0\0' * 99)
    with refused(LoadFailed, "ending is mnn's", 'mnn://', '--to openvino'):
        open_core(f'openvino://{path}')


def test_a_file_of_another_runtime_is_refused_with_the_way_to_convert_it(tmp_path, capfd):
    path = tmp_path / 'model.mnn'
    path.write_bytes(b'\x1c\0\0\0' + bytes(300))
    with refused(LoadFailed, 'model.mnn', 'mnn', 'faster-deploy convert', '--to openvino'):
        open_core(f'openvino://{path}')
    assert capfd.readouterr() == ('', '')


def test_a_device_that_is_not_there_names_those_that_are(ir):
    with refused(Unavailable, 'no device 7', 'openvino.0 (CPU'):
        open_core(f"openvino.7://{ir('identity')}")
