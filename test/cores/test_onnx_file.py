# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What an ONNX file says on its outside is read without the package onnx."""

from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.cores.tensorrt import onnx_file
from faster_deploy_ros.errors import LoadFailed
import pytest

make_models = pytest.importorskip('make_models', reason='needs the package onnx')


def test_the_metadata_is_what_onnx_itself_reads(checkout):
    assert onnx_file.metadata(make_models.with_metadata()) == {
        'names': "{0: 'cone', 1: 'ball'}", 'stride': '32'}
    assert onnx_file.metadata(make_models.identity()) == {}
    import onnx
    shipped = checkout / 'models' / 'shapes_yolox.onnx'
    expected = {each.key: each.value for each in onnx.load(shipped).metadata_props}
    assert onnx_file.metadata(shipped.read_bytes()) == expected


def test_metadata_called_location_is_no_file_with_weights():
    model = make_models.identity(location='Berlin')
    assert onnx_file.metadata(model) == {'location': 'Berlin'}
    assert onnx_file.weight_files(model) == ()
    onnx_file.fingerprint('it', model, None)


@pytest.mark.parametrize('data', [b'', b'no model', b'\xff' * 30, b'\x72\xff\xff\xff\xff\x0f'])
def test_what_is_no_model_has_no_metadata(data):
    assert onnx_file.metadata(data) == {}
    assert onnx_file.weight_files(data) == ()


def test_no_cut_of_a_model_is_a_crash():
    model = make_models.with_metadata()
    for cut in range(len(model)):
        onnx_file.metadata(model[:cut])
        onnx_file.weight_files(model[:cut])


def test_weights_in_another_file_are_found_counted_and_missed(tmp_path):
    model = make_models.weights_elsewhere()
    assert onnx_file.weight_files(model) == ('weights.bin',)
    with refused(LoadFailed, "'weights.bin'", 'beside'):
        onnx_file.fingerprint('it', model, tmp_path)
    with refused(LoadFailed, "'weights.bin'", 'beside'):
        onnx_file.fingerprint('it', model, None)
    (tmp_path / 'weights.bin').write_bytes(b'\0' * 64)
    first = onnx_file.fingerprint('it', model, tmp_path)
    assert first == onnx_file.fingerprint('it', model, tmp_path)
    (tmp_path / 'weights.bin').write_bytes(b'\0' * 63 + b'\1')
    assert first != onnx_file.fingerprint('it', model, tmp_path)
    assert onnx_file.fingerprint('it', make_models.identity(), None) != first
