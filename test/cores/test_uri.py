# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One line of text names a model, its runtime, its device and its options."""

from dataclasses import dataclass
from pathlib import Path

from faster_deploy_ros.cores import ModelUri
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.cores.options import option
from faster_deploy_ros.errors import BadValue, Unavailable, UnknownName
from faster_deploy_ros.share import share_path
from hypothesis import given
from hypothesis import strategies as st
import pytest

schemes = st.from_regex(r'[a-z][a-z0-9_]{0,8}', fullmatch=True).filter(lambda s: s != 'package')
names = st.from_regex(r'[A-Za-z_][A-Za-z0-9_.-]{0,8}', fullmatch=True)


@given(schemes, st.integers(0, 99), st.text(min_size=1), st.dictionaries(names, st.text()))
def test_what_is_written_is_read_again(scheme, device, path, options):
    uri = ModelUri(scheme, device, path, options)
    again = ModelUri.parse(str(uri))
    assert again == uri
    assert hash(again) == hash(uri)
    assert str(again) == str(uri)
    assert '\n' not in str(uri)


@given(st.text())
def test_any_text_is_read_or_refused_with_what_was_expected(text):
    try:
        uri = ModelUri.parse(text)
    except (BadValue, UnknownName) as refusal:
        words = str(refusal)
    else:
        assert ModelUri.parse(str(uri)) == uri
        return
    assert 'expected' in words or 'twice' in words


@pytest.mark.parametrize(('text', 'scheme', 'device', 'path', 'options'), [
    ('onnxruntime.0:///abs/m.onnx?threads=1&spinning=0',
     'onnxruntime', 0, '/abs/m.onnx', {'threads': '1', 'spinning': '0'}),
    ('tensorrt.1://model.engine', 'tensorrt', 1, 'model.engine', {}),
    ('triton.0://host:8001/yolo?version=1', 'triton', 0, 'host:8001/yolo', {'version': '1'}),
    ('mock://identity', 'mock', 0, 'identity', {}),
    ('/models/a b.onnx', 'onnxruntime', 0, '/models/a b.onnx', {}),
    ('models/M.ONNX?spinning=1', 'onnxruntime', 0, 'models/M.ONNX', {'spinning': '1'}),
    ('onnxruntime:///a%3Fb%25.onnx?note=a%26b', 'onnxruntime', 0, '/a?b%.onnx', {'note': 'a&b'}),
    ('/100%25/m.onnx', 'onnxruntime', 0, '/100%25/m.onnx', {}),
])
def test_a_uri_is_taken_apart(text, scheme, device, path, options):
    uri = ModelUri.parse(text)
    assert (uri.scheme, uri.device, uri.path, dict(uri.options)) == (scheme, device, path, options)


def test_a_path_object_and_a_uri_are_uris_already():
    assert ModelUri.parse(Path('m.onnx')) == ModelUri('onnxruntime', 0, 'm.onnx')
    uri = ModelUri('mock', 3, 'identity')
    assert ModelUri.parse(uri) is uri


@pytest.mark.parametrize(('text', 'words'), [
    ('', ("''", '.onnx')),
    ('   ', ('expected a model',)),
    ('mock://', ('path is empty',)),
    ('Mock.0://x', ("'Mock.0'", 'onnxruntime.0')),
    ('mock.x://x', ("'mock.x'", 'device')),
    ('://x', ("''", "'://'")),
    ('mock.0://x?fast', ("'fast'", 'name=value')),
    ('mock.0://x?=1', ("'=1'", 'name=value')),
    ('mock.0://x?a=1&a=2', ("'a'", 'twice')),
    ('mock.0://x?a b=1', ("'a b'",)),
])
def test_what_is_no_uri_is_refused_with_what_was_expected(text, words):
    with refused(BadValue, 'ModelUri', *words):
        ModelUri.parse(text)


@pytest.mark.parametrize('text', ['model', 'model.docx', 'dir.onnx/'])
def test_a_path_without_a_known_ending_is_refused_with_the_known_ones(text):
    with refused(UnknownName, text, '.onnx', f'onnxruntime://{text}'):
        ModelUri.parse(text)


def test_a_path_object_is_nothing_but_a_path():
    name = 'what?threads=2#50%20.onnx'
    assert ModelUri.parse(Path(name)) == ModelUri('onnxruntime', 0, name)


def test_weights_are_refused_with_what_is_wanted_beside_them():
    with refused(UnknownName, 'm.bin', 'weights', '.param', '.xml'):
        ModelUri.parse('/models/m.bin')


def test_an_option_is_read_as_what_it_is():
    uri = ModelUri.parse('mock.0://m?threads=4&scale=0.5&fast=on&names=a, b&size=3x4')
    assert uri.option('threads', int, 1) == 4
    assert uri.option('scale', float, 1.0) == 0.5
    assert uri.option('fast', bool, False) is True
    assert uri.option('names', tuple, ()) == ('a', 'b')
    assert uri.option('size', str, '') == '3x4'
    assert uri.option('absent', int, 7) == 7


@pytest.mark.parametrize(('kind', 'text'), [
    (int, 'four'), (int, '1.5'), (int, ''), (float, 'fast'), (bool, '2'), (bool, '')])
def test_an_option_that_cannot_be_read_is_refused_with_what_was_expected(kind, text):
    uri = ModelUri('mock', 0, 'm', {'threads': text})
    with refused(BadValue, 'mock', 'threads', f"'{text}'", 'expected'):
        uri.option('threads', kind, None)


def test_an_option_out_of_range_is_refused_with_the_range():
    uri = ModelUri.parse('mock.0://m?threads=-1&level=high&scale=nan')
    with refused(BadValue, 'threads', '-1', 'at least 0'):
        uri.option('threads', int, 1, minimum=0)
    with refused(BadValue, 'scale', 'nan', 'at least 0'):
        uri.option('scale', float, 1.0, minimum=0)
    with refused(BadValue, 'level', "'high'", 'low, mid'):
        uri.option('level', str, 'low', choices=('low', 'mid'))
    with refused(BadValue, 'level', "one of '', low"):   # the empty word can be seen
        uri.option('level', str, '', choices=('', 'low'))


@dataclass(frozen=True)
class Settings:
    """Options of a runtime that does not exist."""

    threads: int = option(2, 'how many', minimum=1)
    fast: bool = option(False, 'whether to hurry')


def test_all_options_become_one_object():
    assert ModelUri.parse('mock.0://m').options_as(Settings) == Settings(2, False)
    assert ModelUri.parse('mock.0://m?fast=yes').options_as(Settings) == Settings(2, True)


def test_an_unknown_option_is_refused_with_the_known_ones_and_a_guess():
    with refused(UnknownName, "'thread'", 'fast, threads', "mean 'threads'"):
        ModelUri.parse('mock.0://m?thread=1').options_as(Settings)


def test_a_uri_cannot_be_changed():
    uri = ModelUri.parse('mock.0://m?a=1')
    with pytest.raises(AttributeError):
        uri.path = 'other'
    with pytest.raises(TypeError):
        uri.options['a'] = '2'


def test_a_package_url_becomes_the_shipped_file():
    uri = ModelUri.parse('package://faster_deploy_ros/pyproject.onnx?spinning=1')
    assert uri.scheme == 'onnxruntime'
    with refused(Unavailable, 'pyproject.onnx'):
        uri.resolved()


def test_a_package_url_after_a_scheme_becomes_the_shipped_file(tmp_path, monkeypatch):
    model = tmp_path / 'share' / 'robots' / 'm.onnx'
    model.parent.mkdir(parents=True)
    model.touch()
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    assert share_path('m.onnx', 'robots') == model
    uri = ModelUri.parse('onnxruntime.0://package://robots/m.onnx?spinning=1').resolved()
    assert uri.path == str(model)
    assert dict(uri.options) == {'spinning': '1'}
    assert ModelUri.parse('package://robots/m.onnx').resolved().path == str(model)


def test_a_home_path_becomes_a_full_one(monkeypatch):
    monkeypatch.setenv('HOME', '/home/robot')
    assert ModelUri.parse('~/m.onnx').resolved().path == '/home/robot/m.onnx'


def test_a_password_is_not_shown_but_where_it_comes_from_is():
    uri = ModelUri.parse('triton://host:8001/yolo?token=geheim&version=1')
    assert uri.shown == 'triton.0://host:8001/yolo?token=...&version=1'
    assert 'geheim' in str(uri)
    named = 'triton.0://h:1/m?token=env:PASS'
    assert ModelUri.parse(named).shown == named
