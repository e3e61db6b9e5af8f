# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a .rknn file says about itself is read, and nothing is made of what it does not say."""

from fake_rknnlite import write_rknn
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.cores.rknn.file import FileTensor, read_rknn, RknnFile
from faster_deploy_ros.errors import LoadFailed
import pytest


@pytest.fixture(scope='session')
def real_file(shared_data):
    path = shared_data / 'models' / 'multiple_input_demo_rk3588.rknn'
    if not path.is_file():
        pytest.skip(f'the sample is absent: {path}')
    return path


def test_a_real_file_of_toolkit_1_3_tells_its_tensors(real_file):
    found = read_rknn('test', real_file)
    assert (found.container, found.targets, found.is_dynamic) == (2, ('rk3588',), False)
    assert found.toolkit.startswith('1.3.4')
    assert [(each.name, each.shape) for each in found.inputs] == [
        ('input.1', (1, 1, 128, 128)), ('input', (1, 3, 128, 128))]
    (output,) = found.outputs
    assert (output.name, output.shape, output.dtype) == ('8', (1, 8, 128, 128), 'float32')
    assert output.limits == pytest.approx((-612.1233, 444.1822), abs=1e-3)


def test_a_real_file_cut_anywhere_is_cut_short(real_file):
    content = real_file.read_bytes()
    for size in (4, 5, 24, 63, 64, 1000, 28_000, 28_424, len(content) - 1):
        with refused(LoadFailed, 'cut short', str(size)):
            read_rknn('test', content[:size])


def test_a_real_file_with_any_damage_is_refused_or_read_but_never_a_surprise(real_file):
    content = bytearray(real_file.read_bytes())
    readable = 0
    for at in [*range(4, 64, 3), *range(64, 900, 7), *range(28_350, len(content), 11)]:
        damaged = bytearray(content)
        damaged[at] ^= 0xFF
        try:
            assert isinstance(read_rknn('test', bytes(damaged)), RknnFile)
            readable += 1
        except LoadFailed:
            pass
    assert readable > 100


def test_the_order_is_that_of_the_graph_and_not_of_the_page(tmp_path):
    path = write_rknn(
        tmp_path / 'm.rknn', {'b': (1, 3, 4, 4), 'a': (1, 2)}, {'z': (1, 5), 'y': (1, 6)})
    content = path.read_bytes()
    swapped = content.replace(b'"left_tensor_id": 0', b'"left_tensor_id": 9')
    found = read_rknn('test', swapped)
    assert [each.name for each in found.inputs] == ['a', 'b']
    assert [each.name for each in found.outputs] == ['y', 'z']


def test_the_literal_in_the_body_tells_dtypes_normalization_and_ranges(tmp_path):
    path = write_rknn(
        tmp_path / 'm.rknn', {'x': (1, 3, 4, 4), 'n': (1, 2)}, {'y': (1, 5), 'w': (3,), 'v': (3,)},
        table={'attrs': {'x': {'dtype': 'float32', 'mean': [0, 1, 2], 'std': [255] * 3},
                         'n': {'dtype': 'int64', 'mean': []}},
               'quant_tab': {'y': {'min': [-1.0], 'max': [1.0]},
                             'w': {'min': [0.0, 0.0], 'max': [1.0, 2.0]},
                             'v': {'min': [2.0], 'max': [2.0]}}})
    found = read_rknn('test', path)
    assert found.inputs == (
        FileTensor('x', (1, 3, 4, 4), 'float32', (0.0, 1.0, 2.0), (255.0, 255.0, 255.0)),
        FileTensor('n', (1, 2), 'int64'))
    # Neither a range for each channel nor one without any width says what a step is worth.
    assert [each.limits for each in found.outputs] == [(-1.0, 1.0), None, None]


@pytest.mark.parametrize('table', [
    {'no_attrs': {}}, {'attrs': {'x': 5}}, {'attrs': []}, {'attrs': {'x': {'mean': 'none'}}}])
def test_a_literal_that_holds_something_else_says_nothing(tmp_path, table):
    path = write_rknn(tmp_path / 'm.rknn', {'x': (1, 3, 4, 4)}, {'y': (1, 5)}, table=table)
    found = read_rknn('test', path)
    assert found.inputs == (FileTensor('x', (1, 3, 4, 4)),)


def test_a_literal_is_read_and_never_run(tmp_path):
    marker = tmp_path / 'marker'
    path = write_rknn(
        tmp_path / 'm.rknn', {'x': (1, 3, 4, 4)}, {'y': (1, 5)},
        table={'attrs': {'x': {'dtype': 'x' * 200}}})
    content = path.read_bytes()
    call = f'open({str(marker)!r},"w")'.encode()
    start = content.index(b"'" + b'x' * 200)
    evil = content[:start] + call.ljust(202, b' ') + content[start + 202:]
    assert len(evil) == len(content)
    assert read_rknn('test', evil).inputs == (FileTensor('x', (1, 3, 4, 4)),)
    assert not marker.exists()


def test_a_later_container_is_not_said_to_be_damaged(tmp_path):
    path = write_rknn(tmp_path / 'm.rknn', {'x': (1, 3, 4, 4)}, {'y': (1, 5)}, container=9)
    assert read_rknn('test', path).inputs[0].name == 'x'   # it still looks the same
    cut = path.read_bytes()[:100]
    assert read_rknn('test', cut) == RknnFile(9)           # or it is another layout
