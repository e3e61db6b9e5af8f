# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A vendor's program is run to its end, and ended with all that it has started."""

import os
import signal
import sys
import threading
import time

from command_line import is_alive, wait_until
from faster_deploy_ros.errors import ConvertFailed, Unavailable
from faster_deploy_ros.tools.convert.program import find_program, run_program
import pytest

# Prints the ids of itself and of a child that holds the output open, then does as it is told.
FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
print(os.getpid(), child.pid, flush=True)
"""


def python(text: str) -> list[str]:
    return [sys.executable, '-c', text]


def test_it_returns_what_the_program_printed_and_shows_each_line_as_it_comes(tmp_path):
    seen = []
    text = run_program(
        python("import os, sys; print('one'); print('two', file=sys.stderr); print(os.getcwd())"),
        folder=tmp_path, on_line=seen.append)
    assert sorted(text.splitlines()) == sorted(['one', 'two', str(tmp_path)])
    assert seen == text.splitlines()


def test_a_bar_that_is_redrawn_comes_as_lines(tmp_path):
    seen = []
    run_program(python(r"print('10 %\r20 %\r30 %')"), folder=tmp_path, on_line=seen.append)
    assert seen == ['10 %', '20 %', '30 %']


def test_variables_are_set_beside_ours(tmp_path):
    text = run_program(
        python("import os; print(os.environ['OURS_TOO'], 'PATH' in os.environ)"),
        folder=tmp_path, environ={'OURS_TOO': 'yes'})
    assert text == 'yes True'


def test_a_program_that_fails_shows_its_last_words(tmp_path):
    with pytest.raises(ConvertFailed, match=r'(?s)ended with 3.*\| no such operator'):
        run_program(
            python("import sys; print('no such operator'); sys.exit(3)"), folder=tmp_path)


def test_a_program_that_crashes_is_told_by_its_signal(tmp_path):
    with pytest.raises(ConvertFailed, match=r'crashed \(SIGSEGV\)'):
        run_program(
            python('import os, signal; os.kill(os.getpid(), signal.SIGSEGV)'), folder=tmp_path)


def test_a_program_that_cannot_be_started_is_told(tmp_path):
    script = tmp_path / 'converter'
    script.write_text('no program')
    with pytest.raises(ConvertFailed, match='cannot be started'):
        run_program([script], folder=tmp_path)


def test_a_program_that_takes_too_long_is_ended_with_its_children(tmp_path):
    seen = []
    with pytest.raises(ConvertFailed, match=r'took more than 0\.5 s'):
        run_program(python(FAMILY + 'time.sleep(60)'), folder=tmp_path, timeout_s=0.5,
                    on_line=seen.append)
    if seen:   # on a very slow machine it had no time to say anything
        assert wait_until(lambda: not any(is_alive(int(each)) for each in seen[0].split()))


def test_a_child_that_outlives_the_program_is_ended_and_does_not_hold_us_up(tmp_path):
    began_s = time.monotonic()
    text = run_program(python(FAMILY), folder=tmp_path, timeout_s=50)
    assert time.monotonic() - began_s < 20, 'we waited for the child that holds the output open'
    assert wait_until(lambda: not any(is_alive(int(each)) for each in text.split()))


def test_an_interrupt_ends_the_program_with_its_children(tmp_path):
    seen = []

    def interrupt_once_it_runs(line: str) -> None:
        seen.extend(map(int, line.split()))
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_program(python(FAMILY + 'time.sleep(60)'), folder=tmp_path,
                    on_line=interrupt_once_it_runs)
    assert len(seen) == 2
    assert wait_until(lambda: not any(map(is_alive, seen)))


def test_no_thread_is_left(tmp_path):
    before = threading.active_count()
    run_program(python('pass'), folder=tmp_path)
    assert wait_until(lambda: threading.active_count() <= before)


def test_a_program_beside_our_python_is_found_first(tmp_path, monkeypatch):
    beside = tmp_path / 'bin' / 'converter'
    beside.parent.mkdir()
    beside.write_text('')
    monkeypatch.setattr(sys, 'executable', str(beside.with_name('python')))
    assert find_program('converter', '') == beside


def test_a_missing_program_says_how_to_get_it():
    with pytest.raises(Unavailable, match=r"'no-such-converter' is not installed. Get it: there"):
        find_program('no-such-converter', 'Get it: there.')
