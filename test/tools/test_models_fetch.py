# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a fetch leaves in a folder: the model, its card, and nothing else; and what it refuses."""

from dataclasses import replace
import os
from types import SimpleNamespace

from command_line import names
from faster_deploy_ros.errors import BadValue, LoadFailed, Unavailable, Unsupported
from faster_deploy_ros.tasks.card import card_beside, read_card
from faster_deploy_ros.tools.cli import main
from faster_deploy_ros.tools.models import fetch as fetching
from faster_deploy_ros.tools.models import zoo as table
from faster_deploy_ros.tools.models.fetch import fetch
from planted_models import CARD, CONTENT, QUICK, row
import pytest

NAME = 'shapes.onnx'


def test_a_model_comes_whole_with_a_card_that_a_node_reads(zoo, folder):
    done = zoo.get(zoo.row)
    assert (done.path, done.was_there) == (folder / NAME, False)
    assert done.path.read_bytes() == CONTENT
    assert done.path.stat().st_mode & 0o777 == 0o644
    assert card_beside(done.path).family == 'yolox', 'with the checksum of this very file'
    assert read_card(done.card).input == CARD.input
    text = done.card.read_text()
    assert 'licence: MIT' in text
    assert 'source: https://example.org/shapes' in text
    assert f'sha256: {zoo.row.asset.sha256}' in text
    assert names(folder) == [NAME, 'shapes.yaml']
    assert zoo.server.requests == [('/a/shapes.onnx', None)]


def test_progress_is_told_in_kilobytes_of_the_whole(zoo):
    zoo.get(zoo.row)
    texts = {told[0] for told in zoo.told}
    assert texts == {'kB of shapes'}
    done, total = zip(*(told[1:3] for told in zoo.told))
    assert done[0] == 0
    assert done[-1] == len(CONTENT) // 1000
    assert list(done) == sorted(done)
    assert len(set(done)) > 3
    assert set(total) == {len(CONTENT) // 1000}


def test_what_is_there_is_not_fetched_again(zoo):
    zoo.get(zoo.row)
    assert zoo.get(zoo.row).was_there
    assert len(zoo.server.requests) == 1


def test_a_full_disk_is_seen_before_anything_comes(zoo, monkeypatch):
    monkeypatch.setattr(
        fetching.shutil, 'disk_usage', lambda _: SimpleNamespace(free=len(CONTENT) - 1))
    with pytest.raises(Unavailable, match=r'no room.*are free; free some'):
        zoo.get(zoo.row)
    assert zoo.server.requests == []


def test_a_folder_that_is_a_file_is_refused_with_the_remedy(zoo, tmp_path):
    in_the_way = tmp_path / 'models'
    in_the_way.write_text('')
    with pytest.raises(BadValue, match=r'cannot be written \(File exists\).*FASTER_DEPLOY_MODELS'):
        fetch(zoo.row, in_the_way, lambda *_: None, patience=QUICK)


def test_another_file_of_that_name_is_replaced_by_force_only(zoo, folder):
    (folder / NAME).write_bytes(b'mine')
    with pytest.raises(BadValue, match=r'is another file.*--force replaces it'):
        zoo.get(zoo.row)
    assert (folder / NAME).read_bytes() == b'mine'
    zoo.server.content = b'\x08 not this'
    with pytest.raises(LoadFailed):
        zoo.get(zoo.row, force=True)
    assert (folder / NAME).read_bytes() == b'mine', 'it stays until there is a right one'
    zoo.server.content = CONTENT
    assert zoo.get(zoo.row, force=True).path.read_bytes() == CONTENT


def test_a_file_that_was_brought_by_hand_gets_its_card_without_a_network(zoo, folder):
    (folder / NAME).write_bytes(CONTENT)
    done = zoo.get(zoo.row)
    assert done.was_there
    assert read_card(done.card).family == 'yolox'
    assert zoo.server.requests == []


def test_a_card_that_the_user_changed_stays(zoo):
    done = zoo.get(zoo.row)
    done.card.write_text('family: yolov8\n')
    assert read_card(zoo.get(zoo.row).card).family == 'yolov8'


def test_a_model_that_nobody_publishes_as_onnx_says_how_to_export_it(zoo):
    with pytest.raises(Unsupported, match=r'not published as ONNX: do this \(https'):
        zoo.get(replace(zoo.row, asset=None, export='do this'))


def test_a_card_of_the_users_own_is_not_written_over_without_a_word(zoo, folder):
    card = folder / 'shapes.yaml'
    card.write_text('family: mine\n')
    with pytest.raises(BadValue, match=r'shapes\.yaml. is there .* --force replaces it'):
        zoo.get(zoo.row)
    assert card.read_text() == 'family: mine\n'
    assert zoo.server.requests == []
    assert read_card(zoo.get(zoo.row, force=True).card).family == 'yolox'


def test_a_card_of_ours_that_a_broken_run_left_is_written_anew(zoo, folder):
    (zoo.get(zoo.row).path).unlink()
    assert not zoo.get(zoo.row).was_there


@pytest.mark.parametrize('name', ['.shapes.onnx.part', 'shapes.onnx', 'shapes.yaml'])
def test_what_a_planted_link_leads_to_is_not_written(zoo, folder, name):
    """In a folder that others can write, as /tmp."""
    victim = folder.parent / 'victim'
    victim.write_bytes(b'precious')
    (folder / name).symlink_to(victim)
    with pytest.raises(BadValue):
        zoo.get(zoo.row)
    if name == 'shapes.onnx':
        zoo.get(zoo.row, force=True)
        assert not (folder / name).is_symlink()
    assert victim.read_bytes() == b'precious'


@pytest.mark.parametrize('name', ['.shapes.onnx.part', 'shapes.onnx', 'shapes.yaml'])
def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(zoo, folder, name):
    os.mkfifo(folder / name)
    with pytest.raises((BadValue, LoadFailed)):
        zoo.get(zoo.row)


@pytest.mark.parametrize('words', [
    ('fetch', 'shapes', '--output', '~nobody-of-this-name/models'),
    ('verify', '~nobody-of-this-name/m.onnx'), ('verify', 'x' * 5000)])
def test_a_path_that_cannot_be_is_refused_in_one_line(monkeypatch, words, capsys):
    monkeypatch.setattr(table, 'ZOO', {'shapes': row('https://example.org/m', '0' * 64, 9)})
    assert main(['models', *words]) == 2
    said = capsys.readouterr().err
    assert said.count('\n') == 1
    assert 'not known' in said or 'cannot be read (File name too long)' in said


def test_a_variable_with_the_home_of_nobody_is_refused(monkeypatch, capsys):
    monkeypatch.setenv('FASTER_DEPLOY_MODELS', '~nobody-of-this-name/models')
    assert main(['models', 'list']) == 2
    assert 'home of a user that is not known' in capsys.readouterr().err
