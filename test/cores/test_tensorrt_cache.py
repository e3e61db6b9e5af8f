# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT on the stand-in: an engine is built once, and told when it no longer fits."""

from concurrent.futures import ThreadPoolExecutor
import logging
from threading import Event

from fake_machine import Machine
from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.cores.tensorrt import engine_cache
from faster_deploy_ros.errors import LoadFailed, Unavailable
from nvidia_stand_in import fixtures, opens, robot, saved_engine
import pytest

make_models = pytest.importorskip('make_models', reason='needs the package onnx')

cache, each_version, stand_in = fixtures()


def test_an_engine_is_built_once_and_found_again_on_the_stand_in(
        each_version, tiny_models, cache, caplog):
    uri = f"tensorrt://{tiny_models('identity')}"
    for _ in range(3):
        opens(uri)
        opens(uri, source=tiny_models('identity').read_bytes())
    assert each_version.machine.calls['build'] == 1
    assert len(list(cache.glob('*.engine'))) == 1
    assert [each.levelname for each in caplog.records if 'can take minutes' in each.message] == [
        'WARNING']


def test_what_changes_the_engine_builds_another_one_on_the_stand_in(
        stand_in, tiny_models, tmp_path):
    model = tiny_models('dynamic_identity')
    copy = tmp_path / 'same name elsewhere' / model.name
    copy.parent.mkdir()
    copy.write_bytes(make_models.identity(('n', 3, 'h', 'w'), doc='another'))
    words = ['shapes=1x3x4x4..1x3x8x8', 'shapes=1x3x4x4..1x3x9x9']
    for number, uri in enumerate((
            f'{model}?{words[0]}', f'{model}?{words[1]}', f'{model}?{words[0]}&precision=fp16',
            f'{model}?{words[0]}&workspace_mb=64', f'{model}?{words[0]}&tf32=1',
            f'{copy}?{words[0]}'), 1):
        for _ in range(2):
            opens(f'tensorrt://{uri}')
        assert stand_in.machine.calls['build'] == number, uri
    opens(f'tensorrt://{model}?{words[0]}&spinning=0&timing_cache=off')
    assert stand_in.machine.calls['build'] == number


def test_the_range_of_a_shape_may_be_written_with_or_without_its_name_on_the_stand_in(
        stand_in, tiny_models):
    model = tiny_models('dynamic_identity')
    for shapes, most in (('1x3x4x4', (1, 3, 4, 4)), ('1x3x4x4..2x3x8x8', (2, 3, 8, 8)),
                         ('x:1x3x4x4..1x3x4x4..3x3x5x5', (3, 3, 5, 5))):
        assert opens(f'tensorrt://{model}?shapes={shapes}').specs['x'].max_shape == most


def test_a_stale_engine_is_rebuilt_and_told_on_the_stand_in(tiny_models, caplog):
    uri = f"tensorrt://{tiny_models('identity')}"
    orin = Machine((('NVIDIA Orin', (8, 7)),))
    with robot('8.6.1', machine=orin):
        opens(uri)
    caplog.clear()
    with robot('10.3.0', machine=orin):
        opens(uri)
    assert 'tensorrt 8.6.1, here 10.3.0' in caplog.text
    caplog.clear()
    with robot('10.3.0', machine=Machine((('NVIDIA Thor', (11, 0)),))):
        opens(uri)
    assert 'device NVIDIA Orin, here NVIDIA Thor' in caplog.text
    caplog.clear()
    with robot('10.3.0', machine=orin):   # its own is still there
        opens(uri)
    assert 'minutes' not in caplog.text


@pytest.mark.parametrize(('spoil', 'word'), [
    (lambda data: data[:-7], 'cut short'),
    (lambda data: data[:-7] + b'garbage', 'corrupt'),
    (lambda data: b'', 'no header'),
    (lambda data: b'ftrt' + data, 'no header'),
])
def test_a_spoilt_engine_is_rebuilt_and_told_on_the_stand_in(
        stand_in, tiny_models, cache, caplog, spoil, word):
    uri = f"tensorrt://{tiny_models('identity')}"
    opens(uri)
    kept, = cache.glob('*.engine')
    whole = kept.read_bytes()
    kept.write_bytes(spoil(whole))
    caplog.clear()
    opens(uri)
    assert word in caplog.text
    assert 'WARNING' in caplog.text
    assert kept.read_bytes() == whole
    opens(uri)
    assert stand_in.machine.calls['build'] == 2


def test_an_engine_that_tensorrt_refuses_is_rebuilt_once_and_told_on_the_stand_in(
        stand_in, tiny_models, cache, caplog):
    uri = f"tensorrt://{tiny_models('identity')}"
    opens(uri)
    kept, = cache.glob('*.engine')
    header, engine = engine_cache.unwrap('', kept.read_bytes())
    kept.write_bytes(engine_cache.wrap(header, b'not an engine at all'))
    caplog.clear()
    opens(uri)
    assert 'Magic tag does not match' in caplog.text
    assert engine_cache.unwrap('', kept.read_bytes())[1] == engine
    assert stand_in.machine.calls['build'] == 2


def test_a_robot_that_must_not_build_says_what_is_missing_on_the_stand_in(
        stand_in, tiny_models, cache):
    uri = f"tensorrt://{tiny_models('identity')}"
    with refused(LoadFailed, 'build=never', 'never built', 'convert'):
        open_core(f'{uri}?build=never')
    assert stand_in.machine.calls['build'] == 0
    opens(uri)
    opens(f'{uri}?build=never')
    kept, = cache.glob('*.engine')
    kept.write_bytes(kept.read_bytes()[:-1])
    with refused(LoadFailed, 'build=never', 'cut short'):
        open_core(f'{uri}?build=never')


def test_two_who_want_the_same_engine_build_it_once_on_the_stand_in(stand_in, tiny_models):
    uri = f"tensorrt://{tiny_models('identity')}"
    inside, waiting = Event(), Event()

    class Ear(logging.Handler):

        def emit(self, record):
            if 'another process builds' in record.getMessage():
                waiting.set()

    ear = Ear()
    logging.getLogger('faster_deploy_ros').addHandler(ear)
    stand_in.trt.stand_in.during_build = lambda: (inside.set(), waiting.wait(20))
    try:
        with ThreadPoolExecutor(2) as threads:
            first = threads.submit(opens, uri)
            assert inside.wait(20)
            second = threads.submit(opens, uri)
            first.result(20), second.result(20)
    finally:
        logging.getLogger('faster_deploy_ros').removeHandler(ear)
    assert waiting.is_set()
    assert stand_in.machine.calls['build'] == 1
    del first, second


def test_a_cache_that_cannot_be_written_costs_a_warning_and_no_crash_on_the_stand_in(
        stand_in, tiny_models, tmp_path, caplog):
    (tmp_path / 'file').touch()
    for number in (1, 2):
        opens(f"tensorrt://{tiny_models('identity')}?engine_cache_dir={tmp_path / 'file'}")
        assert stand_in.machine.calls['build'] == number
    assert 'engine_cache_dir' in caplog.text


def test_an_engine_too_large_for_the_memory_is_not_built_anew_on_the_stand_in(
        stand_in, tiny_models, cache):
    uri = f"tensorrt://{tiny_models('identity')}"
    opens(uri)
    stand_in.trt.stand_in.memory_is_full = True
    with refused(Unavailable, 'memory', 'OutOfMemory', 'other programs'):
        open_core(uri)
    stand_in.trt.stand_in.memory_is_full = False
    opens(uri)
    assert stand_in.machine.calls['build'] == 1


def test_an_engine_of_a_gpu_like_this_one_opens_and_is_told_on_the_stand_in(
        tiny_models, tmp_path, caplog):
    with robot(machine=Machine((('NVIDIA RTX 4090', (8, 9)),))):
        path = saved_engine(tmp_path, tiny_models('identity'))
    caplog.clear()
    with robot(machine=Machine((('NVIDIA RTX 4060', (8, 9)),))):
        opens(path)
        assert 'different models of devices' in caplog.text
        assert 'WARNING' in caplog.text
        assert opens(f"tensorrt://{tiny_models('identity')}")   # the cache keeps them apart
        assert 'device NVIDIA RTX 4090' not in caplog.text
