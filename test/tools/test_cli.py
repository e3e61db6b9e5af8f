# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The command ``faster-deploy``: names, exit codes, help, interrupts, pipes."""

import os
import signal
import subprocess
import sys
import threading
import types

from command_line import environ
from faster_deploy_ros.errors import Unavailable
from faster_deploy_ros.tools import cli
from faster_deploy_ros.tools.interrupts import ended_by_signals, undisturbed
import pytest


@pytest.fixture
def command(monkeypatch):
    """Return a function that puts a command named ``devices`` in place of the real one."""
    def put(run):
        def add_arguments(parser):
            parser.add_argument('--json', action='store_true')

        module = types.SimpleNamespace(add_arguments=add_arguments, run=run)
        monkeypatch.setattr(cli, 'import_module', lambda name: module)

    return put


def raising(error):
    def run(arguments):
        raise error
    return run


def test_without_a_word_the_commands_are_listed_and_the_code_says_refused(capsys):
    assert cli.main([]) == 2
    text = capsys.readouterr().out
    assert all(name in text for name in ('bench', 'compare', 'convert', 'devices'))


def test_asked_for_help_it_is_no_refusal(capsys):
    assert cli.main(['--help']) == 0
    assert 'usage: faster-deploy COMMAND' in capsys.readouterr().out


def test_the_version_is_the_package_s(capsys):
    assert cli.main(['--version']) == 0
    assert capsys.readouterr().out.startswith('faster-deploy ')


def test_a_misspelled_command_is_guessed(capsys):
    assert cli.main(['convrt']) == 2
    assert "Did you mean 'convert'?" in capsys.readouterr().err


@pytest.mark.parametrize('name', cli.COMMANDS)
def test_every_command_tells_what_it_takes_in_lines_that_fit(name, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '100')
    with pytest.raises(SystemExit) as ended:
        cli.main([name, '--help'])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert '--json' in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize('code', [0, 1])
def test_the_code_of_a_command_is_the_program_s(code, command):
    command(lambda arguments: code)
    assert cli.main(['devices']) == code


def test_an_error_of_ours_is_one_line_and_refused(command, capsys):
    command(raising(Unavailable('devices: there are none; buy some')))
    assert cli.main(['devices']) == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == ('', 'faster-deploy devices: there are none; buy some\n')


def test_a_fault_of_ours_keeps_its_traceback(command):
    command(raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(['devices'])


def test_a_missing_package_of_the_extra_says_what_to_install(command, capsys):
    command(raising(ModuleNotFoundError('no', name='tabulate')))
    assert cli.main(['devices']) == 2
    assert 'pip install onnx tabulate' in capsys.readouterr().err


def test_another_missing_module_is_a_fault(command):
    command(raising(ModuleNotFoundError('no', name='faster_deploy_ros.nowhere')))
    with pytest.raises(ModuleNotFoundError):
        cli.main(['devices'])


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_signal_that_ends_us_lets_a_command_clean_up(number, command, capsys):
    cleaned = []

    def run(arguments):
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(number)   # an impatient second one does not cut it short
            cleaned.append(True)

    before = signal.getsignal(number)
    command(run)
    assert cli.main(['devices']) == 130
    assert cleaned
    assert capsys.readouterr().err == 'faster-deploy devices: interrupted\n'
    assert signal.getsignal(number) is before


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_by_signals():
            signal.raise_signal(signal.SIGHUP)   # nohup
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_undisturbed_block_is_left_at_its_end():
    done = []

    def work():
        with undisturbed():
            signal.raise_signal(signal.SIGTERM)
            done.append('block')
        done.append('after')

    with ended_by_signals(), pytest.raises(KeyboardInterrupt):
        work()
    assert done == ['block']


def test_threads_may_use_undisturbed_blocks():
    done = []

    def work():
        with undisturbed():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert done


def test_a_reader_that_has_seen_enough_is_no_error():
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(
        [sys.executable, '-m', 'faster_deploy_ros.tools', 'devices', 'mock', '--json'],
        stdout=write, stderr=subprocess.PIPE, env=environ(), text=True, timeout=60, check=False)
    os.close(write)
    assert (process.returncode, process.stderr) == (0, '')


@pytest.mark.parametrize('closed', ['<&-', '>&-', '2>&-', '<&- >&- 2>&-'])
def test_a_closed_stream_is_no_error(closed):
    done = subprocess.run(
        ['sh', '-c', f'exec "$0" -m faster_deploy_ros.tools devices mock {closed}',
         sys.executable], env=environ(), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, '')


def test_a_closed_stream_is_taken_by_no_file(tmp_path):
    code = ('from faster_deploy_ros.tools import cli; cli.main(["--version"]); '
            'number = open("model", "wb").fileno(); open("answer", "w").write(str(number))')
    done = subprocess.run(
        ['sh', '-c', 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, code], env=environ(),
        cwd=tmp_path, timeout=60, check=False)
    assert done.returncode == 0
    assert int((tmp_path / 'answer').read_text()) > 2


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='there is no /dev/full')
def test_a_full_disk_behind_the_output_is_told_in_one_line():
    with open('/dev/full', 'w') as full:
        done = subprocess.run(
            [sys.executable, '-m', 'faster_deploy_ros.tools', 'devices', 'mock', '--json'],
            stdout=full, stderr=subprocess.PIPE, env=environ(), text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        'faster-deploy devices: nothing more can be written: No space left on device\n')


def test_the_script_of_the_checkout_runs_it(checkout):
    done = subprocess.run(
        [checkout / 'scripts' / 'faster-deploy', '--version'], capture_output=True, text=True,
        timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('faster-deploy ')
