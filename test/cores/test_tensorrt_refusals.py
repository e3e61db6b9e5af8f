# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT on the stand-in: what cannot be built or opened says why, and what to do."""

from dataclasses import fields
from pathlib import Path

from fake_machine import Machine
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.cores.tensorrt.options import read_shapes, TensorRtOptions
from faster_deploy_ros.errors import BadValue, LoadFailed
from nvidia_stand_in import fixtures, opens, robot, saved_engine
import pytest

make_models = pytest.importorskip('make_models', reason='needs the package onnx')

cache, each_version, stand_in = fixtures()


@pytest.mark.parametrize(('model', 'words'), [
    ('unknown_operator', ('Teleport', 'plugins')),
    ('future_opset', ('opset', 'older')),
    ('weights_elsewhere', ("'weights.bin'", 'beside')),
])
def test_a_model_that_cannot_be_read_is_told_with_a_remedy_on_the_stand_in(
        each_version, tiny_models, model, words):
    with refused(LoadFailed, *words):
        open_core(f'tensorrt://{tiny_models(model)}')


def test_what_is_no_model_is_refused_on_the_stand_in(stand_in, tmp_path):
    path = tmp_path / 'm.onnx'
    path.write_bytes(b'no model at all')
    with refused(LoadFailed, 'm.onnx', 'cut short'):
        open_core(f'tensorrt://{path}')
    for ending, runtime in (('.param', 'ncnn'), ('.rknn', 'rknn'), ('.xml', 'openvino')):
        other = tmp_path / f'm{ending}'
        other.write_bytes(b'something')
        with refused(LoadFailed, ending, runtime, '.onnx'):
            open_core(f'tensorrt://{other}')


def test_a_build_that_gives_nothing_says_why_on_the_stand_in(each_version, tiny_models):
    each_version.trt.stand_in.build_fails = (
        'Error Code 10: Internal Error (Could not find any implementation for node {Conv_3})')
    with refused(LoadFailed, 'no engine', 'Conv_3'):
        open_core(f"tensorrt://{tiny_models('identity')}")
    each_version.trt.stand_in.build_fails = ''
    opens(f"tensorrt://{tiny_models('identity')}")


@pytest.mark.parametrize(('options', 'error', 'words'), [
    ('', BadValue, ("'x'", '(-1, 3, -1, -1)', 'shapes=x:')),
    ('?shapes=y:1x3x4x4', BadValue, ("'y'", 'x')),
    ('?shapes=1x4x4x4', BadValue, ("'x'", '(-1, 3, -1, -1)')),
    ('?shapes=1x3x4', BadValue, ("'x'",)),
    ('?shapes=1x3x8x8..1x3x4x4', BadValue, ('least', 'most')),
    ('?shapes=1x3x0x8', BadValue, ('0',)),
    ('?shapes=1x3xNx8', BadValue, ('1x3xNx8', 'least..usual..most')),
    ('?shapes=x:1x3x4x4,x:1x3x4x4', BadValue, ('twice',)),
])
def test_a_range_that_does_not_fit_is_refused_with_the_way_to_write_it_on_the_stand_in(
        stand_in, tiny_models, options, error, words):
    with refused(error, *words):
        open_core(f"tensorrt://{tiny_models('dynamic_identity')}{options}")


def test_a_range_for_a_fixed_model_is_refused_on_the_stand_in(stand_in, tiny_models):
    with refused(BadValue, 'fixed'):
        open_core(f"tensorrt://{tiny_models('identity')}?shapes=1x3x4x5")


def test_an_engine_of_another_version_or_gpu_is_refused_with_a_remedy_on_the_stand_in(
        tiny_models, tmp_path):
    with robot('10.3.0'):
        path = saved_engine(tmp_path, tiny_models('identity'))
        opens(path)
    with robot('8.6.1'), refused(LoadFailed, '10.3.0', '8.6.1', 'rebuild', 'convert'):
        open_core(path)
    with robot('10.3.0', machine=Machine((('NVIDIA Thor', (11, 0)),))):
        with refused(LoadFailed, 'incompatible device', 'NVIDIA Thor', 'convert'):
            open_core(path)


def test_what_is_no_engine_is_refused_and_never_built_on_the_stand_in(stand_in, tmp_path):
    for name in ('m.engine', 'm.plan'):
        path = tmp_path / name
        path.write_bytes(b'no engine at all')
        with refused(LoadFailed, name, 'Magic tag'):
            open_core(path)
    assert stand_in.machine.calls['build'] == 0


def test_an_engine_opens_from_bytes_whatever_its_name_and_out_of_the_cache_on_the_stand_in(
        stand_in, tiny_models, tmp_path, cache):
    path = saved_engine(tmp_path, tiny_models('identity'))
    opens('tensorrt://m.engine', source=path.read_bytes())
    opens('tensorrt://somewhere', source=path.read_bytes())
    opens('tensorrt://somewhere', source=make_models.identity())
    kept, = cache.glob('*.engine')
    opens(f'tensorrt://{kept}')
    kept.write_bytes(kept.read_bytes()[:-3])
    with refused(LoadFailed, 'cut short'):
        open_core(f'tensorrt://{kept}')


@pytest.mark.parametrize('option', ['precision=fp16', 'shapes=1x3', 'tf32=1', 'build=never'])
def test_what_is_built_into_an_engine_cannot_be_asked_of_it_on_the_stand_in(
        stand_in, tiny_models, tmp_path, option):
    path = saved_engine(tmp_path, tiny_models('identity'))
    with refused(BadValue, option.partition('=')[0], 'ONNX'):
        open_core(f'{path}?{option}')


def test_the_models_metadata_comes_through_on_the_stand_in(stand_in, tiny_models):
    for _ in range(2):   # built, and out of the cache
        core = opens(f"tensorrt://{tiny_models('with_metadata')}")
        assert core.metadata == {'names': "{0: 'cone', 1: 'ball'}", 'stride': '32'}


def test_the_source_of_a_build_is_not_touched_on_the_stand_in(stand_in, tiny_models):
    path = Path(tiny_models('identity'))
    before = path.read_bytes(), sorted(path.parent.iterdir())
    opens(f'tensorrt://{path}')
    assert (path.read_bytes(), sorted(path.parent.iterdir())) == before


def test_the_page_about_it_has_every_option_with_its_default(checkout):
    page = (checkout / 'docs' / 'tensorrt.md').read_text()
    rows = [line.split('|') for line in page.splitlines() if line.startswith('| `')]
    told = {row[1].strip(' `'): row[2].strip(' `') for row in rows}
    known = {each.name: str(each.default).lower() for each in fields(TensorRtOptions)}
    known.update(plugins='', engine_cache_dir="the user's cache")
    assert told == known
    example = next(row[3] for row in rows if '`shapes`' in row[1]).split('`')[1]
    assert str(read_shapes(example)['images']) == example.partition(':')[2]
