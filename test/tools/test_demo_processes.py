# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The demo's processes: heard, ended in good order, never left behind."""

import os
from pathlib import Path
import signal
import subprocess
import sys
import textwrap
import time

from faster_deploy_ros.tools.demo import processes
from faster_deploy_ros.tools.demo.cli import main
from faster_deploy_ros.tools.demo.processes import Crew, Stopped
import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
TALKER = """
    import json, os, signal, sys, time
    def end(number, frame):   # may come in the middle of a print, which cannot be entered twice
        os.write(1, (json.dumps({'event': 'last', 'number': number}) + chr(10)).encode())
        sys.exit(3)
    signal.signal(signal.SIGINT, end)
    print('INFO talker: about to begin', file=sys.stderr, flush=True)
    print(json.dumps({'event': 'ready', 'words': sys.argv[1:]}), flush=True)
    time.sleep(60)
"""
STUBBORN = """
    import json, signal, time
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    print(json.dumps({'event': 'ready'}), flush=True)
    time.sleep(60)
"""
ENDS = """
    import sys
    print('ERROR node: the model is gone', file=sys.stderr)
    print('not json')
    sys.exit(4)
"""
LOUD = """
    import json
    for number in range(20000):
        print(json.dumps({'event': 'line', 'number': number}))
"""


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Make modules of the texts above, and an environment that finds them."""
    for name, text in (('talker', TALKER), ('stubborn', STUBBORN), ('ends', ENDS),
                       ('loud', LOUD)):
        (tmp_path / f'{name}.py').write_text(textwrap.dedent(text))
    return {**os.environ, 'PYTHONPATH': str(tmp_path)}


@pytest.fixture
def heard():
    return []


@pytest.fixture
def crew(tmp_path, programs, heard):
    with Crew(tmp_path / 'logs', programs, lambda *said: heard.append(said)) as crew:
        yield crew


def pump_until(crew, done, timeout_s=20.0):
    deadline_s = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline_s, 'it never came'
        crew.pump()


def test_what_a_process_says_and_logs_is_taken(crew, heard, tmp_path):
    child = crew.start('one', 'talker', ['a', 'b c'])
    pump_until(crew, lambda: heard and child.last_line)
    assert heard == [('one', {'event': 'ready', 'words': ['a', 'b c']})]
    assert (tmp_path / 'logs' / 'one.log').read_text() == 'INFO talker: about to begin\n'
    assert child.errors == []


def test_a_process_is_asked_to_end_and_its_last_words_are_heard(crew, heard):
    crew.start('one', 'talker', [])
    pump_until(crew, lambda: heard)
    assert crew.end('one') == 3
    assert heard[-1] == ('one', {'event': 'last', 'number': signal.SIGINT})


def test_errors_and_stray_lines_go_to_the_log(crew, tmp_path):
    child = crew.start('one', 'ends', [])
    pump_until(crew, lambda: child.process.poll() is not None)
    assert crew.end('one') == 4
    assert child.errors == ['node: the model is gone']
    log = (tmp_path / 'logs' / 'one.log').read_text().splitlines()
    assert set(log) == {'ERROR node: the model is gone', 'not json'}


def test_not_one_of_many_lines_is_lost(crew, heard):
    child = crew.start('one', 'loud', [])
    pump_until(crew, lambda: child.process.poll() is not None)
    crew.end('one')
    assert [event['number'] for _, event in heard] == list(range(20000))


def test_a_process_that_will_not_end_is_killed(crew, heard, monkeypatch):
    monkeypatch.setattr(processes, 'PATIENCE_S', 0.2)
    monkeypatch.setattr(processes, 'HARDNESS_S', 0.2)
    child = crew.start('one', 'stubborn', [])
    pump_until(crew, lambda: heard)
    assert crew.end('one') == -signal.SIGKILL
    assert child.errors == ['one: killed, it did not end by itself']


def test_leaving_ends_whatever_still_lives(tmp_path, programs, heard):
    with pytest.raises(RuntimeError, match='in the middle'):  # noqa: PT012  the exit is tested
        with Crew(tmp_path / 'logs', programs, lambda *said: heard.append(said)) as crew:
            children = [crew.start(name, 'talker', []) for name in ('one', 'two')]
            pump_until(crew, lambda: len(heard) == 2)
            raise RuntimeError('in the middle')
    assert [child.process.poll() for child in children] == [3, 3]


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_stops_the_next_pump_and_the_handlers_come_back(
        tmp_path, programs, number, heard):
    before = signal.getsignal(number)
    with pytest.raises(Stopped):  # noqa: PT012  the exit is tested
        with Crew(tmp_path / 'logs', programs, lambda *said: heard.append(said)) as crew:
            child = crew.start('one', 'talker', [])
            pump_until(crew, lambda: heard)
            os.kill(os.getpid(), number)
            crew.pump()
    assert child.process.poll() == 3
    assert signal.getsignal(number) is before


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='prctl is Linux only')
def test_the_processes_end_with_a_parent_that_is_killed(tmp_path, programs):
    parent = """
        import sys
        from pathlib import Path
        from faster_deploy_ros.tools.demo.processes import Crew
        import os
        crew = Crew(Path(sys.argv[1]), os.environ, lambda *said: heard.append(said))
        heard = []
        with crew:
            child = crew.start('one', 'talker', [])
            while not heard:
                crew.pump()
            print(child.process.pid, flush=True)
            while True:
                crew.pump()
    """
    environ = {**programs, 'PYTHONPATH': os.pathsep.join([programs['PYTHONPATH'], str(CHECKOUT)])}
    process = subprocess.Popen(
        [sys.executable, '-c', textwrap.dedent(parent), str(tmp_path / 'logs')], env=environ,
        stdout=subprocess.PIPE, text=True)
    try:
        orphan = int(process.stdout.readline())
        assert Path(f'/proc/{orphan}').exists()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    deadline_s = time.monotonic() + 10
    while alive(orphan):
        assert time.monotonic() < deadline_s, 'the child outlived its parent'
        time.sleep(0.01)


def alive(pid):
    """Tell whether a process runs; one that has ended and is not yet waited for does not."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_full_disk_does_not_keep_a_process_from_being_ended(tmp_path):
    """Its log cannot be written then; /dev/full is such a disk."""
    talker = tmp_path / 'talker.py'
    talker.write_text(textwrap.dedent(TALKER))
    (tmp_path / 'logs').mkdir()
    (tmp_path / 'logs' / 'one.log').symlink_to('/dev/full')
    environ = {**os.environ, 'PYTHONPATH': str(tmp_path)}
    heard = []
    with Crew(tmp_path / 'logs', environ, lambda name, event: heard.append(event)) as crew:
        child = crew.start('one', 'talker', [])
        until_s = time.monotonic() + 30
        while not (heard and child.last_line) and time.monotonic() < until_s:
            crew.pump()
        other = crew.start('two', 'talker', [])
    assert 'about to begin' in child.last_line, 'what it said is known all the same'
    assert (child.process.poll(), other.process.poll() is None) == (3, False)


def test_a_place_that_cannot_be_written_is_one_line(capsys):
    assert main(['--out', '/dev/null/place', '--frames', '3']) == 2
    said = capsys.readouterr().err
    assert said == "demo: '/dev/null/place' cannot be written: Not a directory\n"
