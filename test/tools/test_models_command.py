# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""``faster-deploy models`` as a user runs it: processes, a terminal, a full disk, Ctrl-C."""

import hashlib
import json
import os
from pathlib import Path
import pty
import signal
import subprocess
import sys
import threading

from command_line import environ, names, wait_until
from faster_deploy_ros.tools.models.zoo import ZOO
from model_server import ModelServer, stalls, status
from planted_models import CONTENT, SHA256
import pytest

HERE = Path(__file__).resolve().parent
HALF = len(CONTENT) // 2
PLANTED = str(HERE / 'planted_models.py')
PART = '.shapes.onnx.part'
LIMIT_S = 60


@pytest.fixture
def server():
    with ModelServer(CONTENT) as made:
        yield made


@pytest.fixture
def start(server, folder, monkeypatch):
    """Return a function that starts the command with a zoo of the one model of the server."""
    monkeypatch.setenv('FASTER_DEPLOY_MODELS', str(folder))
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    started = []

    def go(*words, licence='MIT', sha256=SHA256, **how):
        how = {'stdin': subprocess.DEVNULL, **how}
        started.append(subprocess.Popen(
            [sys.executable, PLANTED, f'{server.url}/m.onnx', sha256, str(len(CONTENT)), licence,
             *map(str, words)], env={**environ(), **how.pop('env', {})}, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, **how))
        return started[-1]

    yield go
    for process in started:
        process.kill()
        process.wait(LIMIT_S)
        process.stdout.close()
        process.stderr.close()


@pytest.fixture
def models(start):
    """Return a function that runs the command to its end: code, output, errors."""
    def go(*words, **how):
        process = start(*words, **how)
        said = process.communicate(timeout=LIMIT_S)
        return (process.returncode, *said)

    return go


def test_fetch_prints_where_it_is_and_how_to_use_it(models, folder):
    code, out, errors = models('fetch', 'shapes')
    assert code == 0
    assert 'shapes: fetched, its checksum is right; MIT' in out
    path = folder / 'shapes.onnx'
    assert f'ros2 launch faster_deploy_ros detection.launch.py model:={path}' in out
    assert f'scripts/demo --model {path}' in out
    assert 'kB of shapes' in errors
    assert names(folder) == ['shapes.onnx', 'shapes.yaml']


def test_fetch_as_json_is_json_alone(models, folder):
    code, out, _ = models('fetch', 'shapes', '--json')
    page, = json.loads(out)
    assert code == 0
    assert page['path'] == str(folder / 'shapes.onnx')
    assert page['card'] == str(folder / 'shapes.yaml')
    assert (page['was_there'], page['sha256'], page['licence']) == (False, SHA256, 'MIT')
    again, = json.loads(models('fetch', 'shapes', '--json')[1])
    assert again['was_there']


def test_another_folder_is_made_and_used(models, folder, tmp_path):
    there = tmp_path / 'robot' / 'models'
    assert models('fetch', 'shapes', '--output', there)[0] == 0
    assert names(there) == ['shapes.onnx', 'shapes.yaml']
    assert names(folder) == []


def test_nothing_is_fetched_if_one_of_the_names_is_wrong(models, server, folder):
    code, out, errors = models('fetch', 'shapes', 'shape')
    assert (code, out) == (2, '')
    assert "Did you mean 'shapes'?" in errors
    assert (server.requests, names(folder)) == ([], [])


def test_ctrl_c_keeps_what_came_and_the_next_run_goes_on(start, models, server, folder):
    go_on = threading.Event()
    server.plan = [stalls(HALF, go_on)]
    process = start('fetch', 'shapes')
    try:
        part = folder / PART
        assert wait_until(lambda: part.exists() and part.stat().st_size == HALF)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=LIMIT_S)
    finally:
        go_on.set()
    assert process.returncode == 130
    assert 'the same command goes on from there' in errors
    assert 'Traceback' not in errors
    assert names(folder) == [PART]
    assert models('fetch', 'shapes')[0] == 0
    assert server.ranges == [None, f'bytes={HALF}-']
    assert (folder / 'shapes.onnx').read_bytes() == CONTENT


def test_a_second_process_waits_and_finds_what_the_first_has_fetched(
        start, server, folder):
    go_on = threading.Event()
    server.plan = [stalls(HALF, go_on)]
    first = start('fetch', 'shapes')
    try:
        assert wait_until((folder / PART).exists)
        assert wait_until(lambda: (folder / PART).stat().st_size == HALF)
        second = start('fetch', 'shapes')
        assert 'another process is fetching shapes' in second.stderr.readline()
    finally:
        go_on.set()
    assert 'shapes: fetched' in first.communicate(timeout=LIMIT_S)[0]
    assert 'shapes: was there already' in second.communicate(timeout=LIMIT_S)[0]
    assert len(server.requests) == 1
    assert names(folder) == ['shapes.onnx', 'shapes.yaml']


def test_a_second_process_takes_over_from_one_that_was_killed(start, server, folder):
    go_on = threading.Event()
    server.plan = [stalls(HALF, go_on)]
    first = start('fetch', 'shapes')
    try:
        assert wait_until((folder / PART).exists)
        assert wait_until(lambda: (folder / PART).stat().st_size == HALF)
        second = start('fetch', 'shapes')
        assert 'another process' in second.stderr.readline()
        first.kill()
        assert 'shapes: fetched' in second.communicate(timeout=LIMIT_S)[0]
    finally:
        go_on.set()
    assert server.ranges == [None, f'bytes={HALF}-']
    assert (folder / 'shapes.onnx').read_bytes() == CONTENT


def test_a_disk_that_takes_no_more_is_said_and_the_rest_comes_later(models, server, folder):
    """A limit of the file size stands for the disk: the kernel refuses in the same call."""
    code, out, errors = models('fetch', 'shapes', env={'FILE_LIMIT': '100000'})
    assert (code, out) == (2, '')
    assert 'the disk is full' in errors
    assert 'goes on from there' in errors
    assert 'Traceback' not in errors
    kept = (folder / PART).read_bytes()
    assert kept == CONTENT[:len(kept)]
    assert 0 < len(kept) <= 100_000
    assert models('fetch', 'shapes')[0] == 0
    assert server.ranges == [None, f'bytes={len(kept)}-']


def test_a_wrong_checksum_is_one_line_and_nothing_is_left(models, folder):
    code, out, errors = models('fetch', 'shapes', sha256='0' * 64)
    assert (code, out) == (2, '')
    assert f'sha256 is {SHA256}, expected {"0" * 64}' in errors.splitlines()[-1]
    assert names(folder) == []


def test_a_server_that_is_gone_is_one_line(models, server):
    server.plan = [status(404)]
    code, _, errors = models('fetch', 'shapes')
    assert code == 2
    assert 'answers 404' in errors.splitlines()[-1]


def test_a_copyleft_licence_is_not_accepted_by_who_cannot_be_asked(models, server):
    code, out, errors = models('fetch', 'shapes', licence='AGPL-3.0')
    assert (code, out) == (2, '')
    assert 'is under AGPL-3.0' in errors
    assert '--accept-licence AGPL-3.0' in errors
    assert server.requests == []


def test_a_script_accepts_a_licence_by_its_name(models, folder):
    wrong = models('fetch', 'shapes', '--accept-licence', 'AGPL', licence='AGPL-3.0')
    assert wrong[0] == 2
    assert "got --accept-licence 'AGPL', expected AGPL-3.0" in wrong[2]
    assert models('fetch', 'shapes', '--accept-licence', 'GPL-3.0', licence='AGPL-3.0')[0] == 2
    assert names(folder) == []
    done = models('fetch', 'shapes', '--accept-licence', 'AGPL-3.0', licence='AGPL-3.0')
    assert done[0] == 0
    assert 'AGPL-3.0' in done[1]
    assert 'licence: AGPL-3.0' in (folder / 'shapes.yaml').read_text()
    assert models('fetch', 'shapes', licence='AGPL-3.0')[0] == 0, 'what is there is not asked for'


@pytest.mark.parametrize(('answer', 'code'), [('y\n', 0), ('n\n', 2), ('\n', 2), ('\x04', 2)])
def test_a_user_at_a_terminal_is_asked(start, answer, code):
    master, slave = pty.openpty()
    try:
        process = start('fetch', 'shapes', licence='AGPL-3.0', stdin=slave)
        os.write(master, answer.encode())
        out, errors = process.communicate(timeout=LIMIT_S)
    finally:
        os.close(slave)
        os.close(master)
    assert 'is under AGPL-3.0 (https://example.org/shapes)' in errors
    assert 'Fetch it? [y/N]' in errors
    assert process.returncode == code
    assert ('shapes: fetched' in out) == (code == 0)
    assert ('was not accepted' in errors) == (code != 0)


def test_verify_tells_right_from_wrong_from_absent(models, folder):
    assert models('verify')[:2] == (0, f"No model of the zoo lies in '{folder}'.\n")
    code, out, _ = models('verify', 'shapes')
    assert code == 1
    assert 'absent' in out
    models('fetch', 'shapes')
    code, out, _ = models('verify')
    assert code == 0
    assert 'is shapes of the zoo' in out
    (folder / 'shapes.onnx').write_bytes(CONTENT[:-5])
    code, out, _ = models('verify')
    assert code == 1
    assert 'WRONG' in out
    assert f'has {len(CONTENT) - 5} bytes, expected {len(CONTENT)};' in out


def test_verify_holds_a_file_against_its_card(models, tmp_path):
    model, card = tmp_path / 'mine.onnx', tmp_path / 'mine.yaml'
    model.write_bytes(b'mine')
    code, out, _ = models('verify', model)
    assert code == 1
    assert 'not known' in out
    card.write_text(f'family: yolox\nsha256: {hashlib.sha256(b"mine").hexdigest()}\n')
    page, = json.loads(models('verify', model, '--json')[1])
    assert (page['status'], page['remark']) == ('right', 'as mine.yaml says')
    model.write_bytes(b'changed')
    code, out, _ = models('verify', model)
    assert code == 1
    assert 'mine.yaml is of another file' in out
    card.write_text('sha256: none\n')
    code, _, errors = models('verify', model)
    assert code == 2
    assert 'mine.yaml' in errors


def test_verify_knows_a_model_of_the_zoo_without_a_card(models, tmp_path):
    (tmp_path / 'from_a_stick.onnx').write_bytes(CONTENT)
    code, out, _ = models('verify', tmp_path / 'from_a_stick.onnx')
    assert code == 0
    assert 'is shapes of the zoo' in out


def test_verify_refuses_what_is_neither_a_name_nor_a_file(models, tmp_path):
    code, _, errors = models('verify', 'shape')
    assert code == 2
    assert "Did you mean 'shapes'? Nor is it a file" in errors
    code, out, _ = models('verify', tmp_path / 'none.onnx')
    assert code == 1
    assert 'there is no such file' in out


def test_the_shipped_models_are_what_their_cards_say(faster_deploy, checkout):
    shipped = sorted((checkout / 'models').glob('*.onnx'))
    done = faster_deploy('models', 'verify', *shipped)
    assert (done.returncode, done.stderr) == (0, '')
    assert len(shipped) > 1
    for path in shipped:
        assert f'as {path.stem}.yaml says' in done.stdout


def test_list_shows_copyleft_only_when_asked(faster_deploy, tmp_path, monkeypatch):
    monkeypatch.setenv('FASTER_DEPLOY_MODELS', str(tmp_path))
    (tmp_path / 'yolox_nano.onnx').write_bytes(b'')
    usual, everything = (
        json.loads(faster_deploy('models', 'list', '--json', *more).stdout)
        for more in ((), ('--all',)))
    assert not any(row['copyleft'] for row in usual)
    assert {row['licence'] for row in everything if row['copyleft']} == {'AGPL-3.0'}
    assert [row['name'] for row in everything] == list(ZOO)
    first = everything[0]
    assert first['path'] == str(tmp_path / 'yolox_nano.onnx')
    assert (first['size'], first['sha256'][:8]) == (3_659_407, 'c789161e')
    text = faster_deploy('models', 'list').stdout
    assert 'Apache-2.0' in text
    assert 'yolov8n' not in text
    assert '2 more are under copyleft licences' in text
    assert 'lite_mono (MIT): its authors publish PyTorch weights' in text
    assert '2 more' not in faster_deploy('models', 'list', '--all').stdout


def test_what_is_not_published_as_onnx_says_how_to_make_it(faster_deploy):
    done = faster_deploy('models', 'fetch', 'lite_mono')
    assert (done.returncode, done.stdout) == (2, '')
    assert 'lite_mono is not published as ONNX' in done.stderr
    assert 'https://github.com/noahzn/Lite-Mono' in done.stderr


def test_the_cache_is_the_users_own(faster_deploy, tmp_path, monkeypatch):
    monkeypatch.delenv('FASTER_DEPLOY_MODELS', raising=False)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    done = faster_deploy('models', 'verify')
    assert done.stdout == f"No model of the zoo lies in '{tmp_path}/faster_deploy_ros/models'.\n"
    monkeypatch.setenv('XDG_CACHE_HOME', 'not/absolute')
    monkeypatch.setenv('HOME', str(tmp_path))
    assert f'{tmp_path}/.cache/faster_deploy_ros/models' in faster_deploy('models', 'list').stdout
