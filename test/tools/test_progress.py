# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The progress line: a bar on a terminal, a line now and then in a log."""

import io
import threading

from command_line import wait_until
from faster_deploy_ros.tools.progress import Activity, bar, Progress, SPINNER
import pytest


class Terminal(io.StringIO):
    """Says that it is one."""

    def isatty(self):
        return True


class Deaf(io.StringIO):
    """Breaks at the first word."""

    def write(self, text):
        raise BrokenPipeError


@pytest.mark.parametrize(('done', 'total', 'full', 'empty'), [
    (0, 4, 0, 24), (1, 4, 6, 18), (4, 4, 24, 0), (9, 4, 24, 0)])
def test_a_bar_is_as_full_as_the_work_is_done(done, total, full, empty):
    assert bar(done, total) == '█' * full + '·' * empty


def test_in_a_log_each_new_activity_is_a_line_and_details_are_not():
    log = io.StringIO()
    with Activity(Progress(log)) as activity:
        activity.report('loading', 0, 2, 'the first')
        activity.report('loading', 1, 2, 'the second')
        activity.report('measuring')
    lines = log.getvalue().splitlines()
    assert [line.split()[-1] for line in lines] == ['first', 'measuring']
    assert '0/2' in lines[0]
    assert not set(SPINNER) & set(log.getvalue()), 'a log has no use for it'


def test_on_a_terminal_the_line_is_redrawn_by_itself_and_taken_away_at_the_end():
    screen = Terminal()
    with Activity(Progress(screen)) as activity:
        activity.report('waiting for nothing')
        drawn = len(screen.getvalue())
        assert wait_until(lambda: len(screen.getvalue()) > drawn), 'nobody redraws'
        assert wait_until(lambda: len({mark for mark in SPINNER if mark in screen.getvalue()}) > 2)
    assert screen.getvalue().endswith('\r\x1b[2K')
    assert '\n' not in screen.getvalue()
    assert not any(thread.name == 'activity' for thread in threading.enumerate())


def test_a_line_is_never_wider_than_the_terminal(monkeypatch):
    monkeypatch.setenv('COLUMNS', '40')
    screen = Terminal()
    Progress(screen).show(1, 2, 'x' * 100, now=True)
    assert len(screen.getvalue().removeprefix('\r\x1b[2K')) < 40


def test_work_goes_on_when_nobody_reads_the_progress():
    with Activity(Progress(Deaf())) as activity:
        activity.report('one')
        activity.report('two')
