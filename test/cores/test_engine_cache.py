# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Engines are kept whole or not at all, and only the one that was meant comes back."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
import os
from pathlib import Path
import subprocess
import sys
from threading import Event

from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.cores.tensorrt import engine_cache
from faster_deploy_ros.cores.tensorrt.engine_cache import (
    default_folder,
    EngineCache,
    EngineKey,
    unwrap,
)
from faster_deploy_ros.errors import LoadFailed
import pytest

KEY = EngineKey('a' * 64, '10.3.0', 'NVIDIA Orin', '8.7', 'fp16', 'x:1x3..2x3..4x3', ('b' * 64,))
ENGINE = bytes(range(256)) * 40


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / 'engines', KEY, '/models/yolo nano.v2.onnx')


def test_what_was_kept_comes_back(cache):
    assert cache.read().engine is None
    assert cache.read().reason == ''
    assert cache.write(ENGINE)
    assert cache.read().engine == ENGINE
    assert [path.name for path in cache.folder.iterdir()] == [cache.path.name]
    assert cache.path.name.startswith('yolo_nano_v2-aaaaaaaaaaaa-')


def test_a_file_says_what_it_is(cache):
    cache.write(ENGINE)
    header, engine = unwrap('it', cache.path.read_bytes())
    assert engine == ENGINE
    assert {name: header[name] for name in KEY.header()} == KEY.header()
    assert (header['precision'], header['device']) == ('fp16', 'NVIDIA Orin')


OTHER = {'model_sha256': 'c' * 64, 'tensorrt': '11.4.0', 'device': 'NVIDIA Thor',
         'capability': '11.0', 'precision': 'fp32', 'shapes': '', 'plugins': (),
         'workspace_mb': 512, 'tf32': True}


@pytest.mark.parametrize('name', [field.name for field in fields(EngineKey)])
def test_an_engine_of_another_key_never_comes_back(cache, name):
    cache.write(ENGINE)
    other = EngineCache(cache.folder, replace(KEY, **{name: OTHER[name]}), 'yolo nano.v2.onnx')
    assert other.path != cache.path
    assert other.read().engine is None
    other.folder.joinpath(other.path.name).write_bytes(cache.path.read_bytes())  # a copied file
    assert other.read().engine is None
    assert name in other.read().reason
    assert 'built anew' in other.read().reason


@pytest.mark.parametrize(('name', 'value'), [
    ('tensorrt', '8.6.1'), ('device', 'NVIDIA Xavier'), ('capability', '7.2')])
def test_an_engine_that_became_stale_is_told_with_what_has_changed(cache, name, value):
    EngineCache(cache.folder, replace(KEY, **{name: value}), 'yolo nano.v2.onnx').write(ENGINE)
    reason = cache.read().reason
    assert f'{name} {value}, here {KEY.header()[name]}' in reason


def test_an_engine_for_another_wish_is_not_called_stale(cache):
    EngineCache(cache.folder, replace(KEY, precision='fp32'), 'yolo nano.v2.onnx').write(ENGINE)
    assert cache.read().reason == ''


@pytest.mark.parametrize('cut', [0, 1, 20, 60, 300, 2000, -1])
def test_a_file_cut_short_anywhere_is_no_engine(cache, cut):
    cache.write(ENGINE)
    cache.path.write_bytes(cache.path.read_bytes()[:cut])
    assert cache.read().engine is None
    assert 'built anew' in cache.read().reason


def test_each_changed_byte_is_noticed(cache):
    cache.write(ENGINE)
    whole = cache.path.read_bytes()
    for at in range(0, len(whole), 97):
        broken = bytearray(whole)
        broken[at] ^= 0x10
        cache.path.write_bytes(broken)
        assert cache.read().engine is None, at


@pytest.mark.parametrize('data', [b'', b'ftrt', engine_cache.MAGIC, engine_cache.MAGIC + b'{}',
                                  engine_cache.MAGIC + b'[]\n', engine_cache.MAGIC + b'{}\nrest'])
def test_a_foreign_file_is_no_engine(cache, data):
    cache.folder.mkdir()
    cache.path.write_bytes(data)
    assert cache.read().engine is None
    assert str(cache.path) in cache.read().reason
    with refused(LoadFailed, 'it'):
        unwrap('it', data)


def test_a_folder_in_place_of_the_file_is_told_and_not_a_crash(cache):
    cache.path.mkdir(parents=True)
    assert 'cannot be read' in cache.read().reason
    assert not cache.write(ENGINE)


def test_a_folder_that_cannot_be_written_is_told_aloud(tmp_path, caplog):
    (tmp_path / 'engines').write_text('a file where the folder should be')
    cache = EngineCache(tmp_path / 'engines', KEY, 'm.onnx')
    with cache.building(lambda: pytest.fail('nobody else builds')):
        assert not cache.write(ENGINE)
    assert 'engine_cache_dir' in caplog.text
    assert str(tmp_path / 'engines') in caplog.text


def test_a_write_that_fails_leaves_the_old_engine_and_no_rubbish(cache, monkeypatch):
    cache.write(ENGINE)

    def full(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    assert not cache.write(b'new')
    monkeypatch.undo()
    assert cache.read().engine == ENGINE
    assert len(list(cache.folder.iterdir())) == 1


def test_who_builds_second_waits_and_finds_the_engine(cache):
    waiting, seen = Event(), []

    def second():
        other = EngineCache(cache.folder, KEY, 'yolo nano.v2.onnx')
        with other.building(waiting.set):
            seen.append(other.read().engine)

    with ThreadPoolExecutor(1) as threads:
        with cache.building(lambda: pytest.fail('nobody else builds')):
            future = threads.submit(second)
            assert waiting.wait(20)
            assert seen == []
            cache.write(ENGINE)
        future.result(20)
    assert seen == [ENGINE]


def test_a_builder_that_dies_lets_go_of_the_right_to_build(cache):
    code = (
        'import sys, os, pathlib\n'
        'from faster_deploy_ros.cores.tensorrt.engine_cache import *\n'
        'key = EngineKey("a" * 64, "10.3.0", "NVIDIA Orin", "8.7", "fp16", "x:1x3..2x3..4x3",'
        ' ("b" * 64,))\n'
        'cache = EngineCache(pathlib.Path(sys.argv[1]), key, "yolo nano.v2.onnx")\n'
        'with cache.building(lambda: None):\n'
        '    print(cache.path.name, flush=True); sys.stdin.read(1); os._exit(9)\n')
    child = subprocess.Popen(
        [sys.executable, '-c', code, str(cache.folder)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout.readline().strip() == cache.path.name
        waited = []

        def end_it():
            waited.append(True)
            child.stdin.write('x')
            child.stdin.flush()

        with cache.building(end_it):
            assert waited == [True]
    assert child.returncode == 9


def test_readers_and_writers_never_see_a_part(cache):
    engines = [bytes([number]) * 200_000 for number in range(4)]

    def write(engine):
        for _ in range(10):
            assert cache.write(engine)

    cache.write(engines[0])
    with ThreadPoolExecutor(4) as threads:
        writing = [threads.submit(write, engine) for engine in engines]
        while not all(each.done() for each in writing):
            assert cache.read().engine in engines
        for each in writing:
            each.result()
    assert len(list(cache.folder.iterdir())) == 1


def test_the_folder_is_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert default_folder() == tmp_path / 'faster_deploy_ros' / 'engines'
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    for relative in ('', 'not/absolute'):      # which the XDG rules say to ignore
        monkeypatch.setenv('XDG_CACHE_HOME', relative)
        assert default_folder() == tmp_path / 'home' / '.cache' / 'faster_deploy_ros' / 'engines'


def test_the_cache_knows_no_runtime():
    assert 'tensorrt' not in [
        line.split()[1] for line in Path(engine_cache.__file__).read_text().splitlines()
        if line.startswith(('import ', 'from '))]
