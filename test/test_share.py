# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Shipped files are found in a checkout and in an installed prefix."""

from pathlib import Path

from faster_deploy_ros import share
from faster_deploy_ros.errors import Unavailable
from faster_deploy_ros.share import resolve_package_url, share_path
import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture
def prefix(tmp_path, monkeypatch):
    """Return a ROS prefix in which the package 'robots' is installed."""
    model = tmp_path / 'share' / 'robots' / 'models' / 'm.onnx'
    model.parent.mkdir(parents=True)
    model.touch()
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'/nowhere:{tmp_path}:')
    return tmp_path


def test_a_file_of_another_package_is_found_in_its_prefix(prefix):
    assert share_path('models/m.onnx', 'robots') == prefix / 'share/robots/models/m.onnx'


def test_a_missing_file_is_refused_with_the_places_that_were_searched(prefix):
    with pytest.raises(Unavailable) as refusal:
        share_path('models/other.onnx', 'robots')
    for word in ("'models/other.onnx'", '/nowhere/share/robots', str(prefix), 'full path'):
        assert word in str(refusal.value)


def test_without_a_prefix_the_message_says_so(monkeypatch):
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    with pytest.raises(Unavailable, match='AMENT_PREFIX_PATH is not set'):
        share_path('m.onnx', 'robots')


def test_our_own_files_are_found_in_the_checkout(tmp_path, monkeypatch):
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    package = tmp_path / 'ours' / 'faster_deploy_ros'
    package.mkdir(parents=True)
    monkeypatch.setattr(share, '__file__', str(package / 'share.py'))
    with pytest.raises(Unavailable):
        share_path('config/c.yaml')
    (tmp_path / 'ours' / 'package.xml').touch()
    (tmp_path / 'ours' / 'config').mkdir()
    (tmp_path / 'ours' / 'config' / 'c.yaml').touch()
    assert share_path('config/c.yaml') == tmp_path / 'ours/config/c.yaml'


def test_a_package_url_becomes_a_path_and_keeps_its_options(prefix):
    found = resolve_package_url('package://robots/models/m.onnx?spinning=1&a=b?c')
    assert found == f'{prefix}/share/robots/models/m.onnx?spinning=1&a=b?c'


@pytest.mark.parametrize('text', ['', '/a/b.onnx', 'mock.0://identity', 'packages://x/y'])
def test_any_other_text_stays_as_it_is(text):
    assert resolve_package_url(text) == text


@pytest.mark.parametrize('text', ['package://', 'package://robots', 'package://robots/'])
def test_a_package_url_without_a_file_is_refused(prefix, text):
    with pytest.raises(Unavailable, match='package://<package>/<path>'):
        resolve_package_url(text)


def test_a_package_url_cannot_leave_its_package(prefix):
    (prefix / 'secret').touch()
    with pytest.raises(Unavailable):
        resolve_package_url('package://robots/../../secret')
