# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A process of ours answers in JSON, and whatever becomes of it is told in one line."""

import os
from pathlib import Path
import signal
import subprocess
import sys

from command_line import is_alive, wait_until
from faster_deploy_ros.errors import FasterDeployError, TimedOut, Unsupported
from faster_deploy_ros.tools.child import Child, Crashed
import pytest

FOLDER = Path(__file__).resolve().parent


@pytest.fixture
def child(monkeypatch):
    monkeypatch.setenv('PYTHONPATH', f"{FOLDER}:{os.environ.get('PYTHONPATH', '')}")
    with Child('odd_child', 'odd') as made:
        yield made


def is_gone(process: int) -> bool:
    return wait_until(lambda: not is_alive(process))


def test_it_answers_one_question_after_another(child):
    for what in ({'a': [1, 2.5, None]}, 'text', list(range(100000))):
        assert child.ask({'do': 'echo', 'what': what}, 30) == what


def test_what_libraries_print_does_not_spoil_the_answers(child):
    assert child.ask({'do': 'print'}, 30) == 'done'
    assert child.ask({'do': 'echo', 'what': 1}, 30) == 1


def test_an_error_of_ours_comes_back_as_itself_and_the_child_lives_on(child):
    with pytest.raises(Unsupported, match=r'^odd: not offered here$'):
        child.ask({'do': 'refuse'}, 30)
    assert child.ask({'do': 'echo', 'what': 1}, 30) == 1


def test_another_error_is_told_with_its_class(child):
    with pytest.raises(FasterDeployError, match=r'^IndexError: list index out of range$'):
        child.ask({'do': 'fail'}, 30)


def test_a_crash_is_told_by_its_signal_and_last_words(child):
    with pytest.raises(Crashed, match=r"^odd: crashed \(SIGSEGV\); .*'the last straw'$"):
        child.ask({'do': 'crash'}, 30)
    with pytest.raises(Crashed):   # and again: nothing hangs on a dead child
        child.ask({'do': 'echo', 'what': 1}, 30)


def test_an_early_end_is_told_by_its_code(child):
    with pytest.raises(Crashed, match=r'^odd: ended with 3$'):
        child.ask({'do': 'leave'}, 30)


def test_a_child_that_hangs_is_ended_in_time(child):
    child.ask({'do': 'echo', 'what': 1}, 30)
    with pytest.raises(TimedOut, match=r'^odd: no answer within 0\.2 s'):
        child.ask({'do': 'hang'}, 0.2)
    assert is_gone(child.process_id)


def test_the_children_of_a_child_end_with_it(child):
    grandchild = child.ask({'do': 'breed'}, 30)
    child.end()
    child.end()
    assert is_gone(grandchild)


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='the kernel cannot do it')
def test_a_child_at_work_ends_when_its_parent_is_killed(monkeypatch):
    monkeypatch.setenv('PYTHONPATH', f"{FOLDER}:{os.environ.get('PYTHONPATH', '')}")
    parent = subprocess.Popen([sys.executable, '-c', (
        'from faster_deploy_ros.tools.child import Child\n'
        "child = Child('odd_child', 'odd')\n"
        "child.ask({'do': 'echo', 'what': 1}, 30)\n"
        "child.send({'do': 'hang'})\n"
        'print(child.process_id, flush=True)\n'
        'input()')], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with parent:
        process = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert is_gone(process)
