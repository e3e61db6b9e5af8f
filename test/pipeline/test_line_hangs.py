# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A job that hangs: its frame fails, its worker is replaced, so often and no more."""

import threading

from faster_deploy_ros.errors import TimedOut
from faster_deploy_ros.pipeline.outcome import Overflow, Status
from line_owner import eventually, settled
import pytest

SOON_S = 0.03


def test_a_hanging_job_fails_its_frame_and_the_next_one_is_carried(own, held):
    owner = own(depth=2, job_timeout_s=SOON_S)
    owner.line.submit(held('never seen'))
    owner.line.submit(lambda laps: 'next')
    hung, done = owner.collect(2)
    assert (hung.status, hung.reason, hung.value) == (Status.FAILED, 'hung', None)
    assert isinstance(hung.error, TimedOut)
    assert (done.value, done.worker) == ('next', 0)
    assert owner.line.stats.hung == 1
    assert owner.line.stats.workers == 1
    assert not owner.line.broken


def test_the_error_says_how_long_where_and_what_was_done(own, held):
    owner = own(job_timeout_s=SOON_S, max_hung=2)
    owner.line.submit(held(), lane='left')
    outcome, = owner.collect(1)
    text = str(outcome.error)
    assert "lane 'left', frame 0: the job has been running for 0." in text
    assert 'on worker 0' in text
    assert 'threading.py:' in text      # where it hangs: in Event.wait
    assert 'job_timeout_s is 0.03; its worker was replaced (1 of at most 2)' in text


def test_the_late_result_of_a_hung_job_is_ignored_and_its_thread_ends(own, held):
    before = threading.active_count()
    owner = own(job_timeout_s=SOON_S)
    late = held('late')
    owner.line.submit(late)
    owner.collect(1)
    eventually(lambda: threading.active_count() == before + 3)   # two workers, one watchdog
    late.go.set()
    eventually(lambda: threading.active_count() == before + 2)
    owner.line.submit(lambda laps: 'next')
    assert [o.value for o in owner.collect(2)] == [None, 'next']


def test_a_hang_holds_back_no_other_worker(own, held):
    owner = own(workers=2, depth=20, job_timeout_s=0.5)
    owner.line.submit(held(), lane='stuck')
    for _ in range(20):
        owner.line.submit(lambda laps: 'on time', lane='well')
    owner.collect(20)
    assert {o.value for o in owner.outcomes} == {'on time'}
    owner.collect(21)
    assert owner.outcomes[20].reason == 'hung'


def test_too_many_hangs_break_the_line_and_say_why(own, held):
    owner = own(depth=10, job_timeout_s=SOON_S, max_hung=2)
    for _ in range(3):
        owner.line.submit(held())
    for _ in range(2):
        owner.line.submit(lambda laps: None)
    owner.collect(5)
    assert [(o.status, o.reason) for o in owner.outcomes] == (
        3 * [(Status.FAILED, 'hung')] + 2 * [(Status.CANCELLED, 'broken')])
    assert '3 jobs did not come back within 0.03 s, at most 2' in owner.line.broken
    assert 'Restart the process' in owner.line.broken
    assert settled(owner.line.stats)


def test_a_broken_line_still_accounts_for_what_it_is_given(own, held):
    owner = own(depth=1, job_timeout_s=SOON_S, max_hung=0)
    owner.line.submit(held())
    owner.collect(1)
    assert owner.line.broken
    for lane in 'aab':
        owner.line.submit(print, lane=lane)
    owner.collect(4)
    assert [(o.lane, o.seq, o.status, o.reason) for o in owner.outcomes[1:]] == [
        ('a', 0, Status.CANCELLED, 'broken'), ('b', 0, Status.CANCELLED, 'broken'),
        ('a', 1, Status.CANCELLED, 'broken')]


def test_a_broken_line_wakes_its_blocked_submitters(own, held):
    owner = own(overflow=Overflow.BLOCK, job_timeout_s=0.1, max_hung=0)
    owner.line.submit(held())
    assert owner.line.submit(print) == 1     # blocked until the watchdog gives up
    assert owner.line.broken
    owner.collect(2)
    assert (owner.outcomes[1].status, owner.outcomes[1].reason) == (Status.CANCELLED, 'broken')


def test_a_replaced_worker_makes_room_for_a_blocked_submitter(own, held):
    owner = own(overflow=Overflow.BLOCK, job_timeout_s=SOON_S)
    owner.line.submit(held())
    owner.line.submit(lambda laps: 'after the hang')
    assert [o.value for o in owner.collect(2)] == [None, 'after the hang']


def test_close_tells_of_a_hung_thread_that_has_not_ended(own, held):
    owner = own(job_timeout_s=SOON_S)
    stuck = held()
    owner.line.submit(stuck)
    owner.collect(1)
    assert not owner.line.close(finish=True, timeout_s=0.05)
    stuck.go.set()
    assert owner.line.close(finish=True, timeout_s=10.0)


def test_close_with_finish_survives_a_hang_in_the_line(own, held):
    owner = own(depth=5, job_timeout_s=SOON_S)
    stuck = held()
    owner.line.submit(stuck)
    for number in range(5):
        owner.line.submit(lambda laps, number=number: number)
    assert not owner.line.close(finish=True, timeout_s=1.0)
    assert [o.value for o in owner.drain()] == [None, 0, 1, 2, 3, 4]


def test_a_worker_that_cannot_be_replaced_breaks_the_line(own, held, monkeypatch):
    owner = own(depth=1, job_timeout_s=SOON_S)

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, 'start', refuse)
    owner.line.submit(held())
    owner.line.submit(print)
    owner.collect(2)
    assert "cannot be replaced: can't start new thread" in owner.line.broken
    assert owner.outcomes[1].reason == 'broken'


@pytest.mark.parametrize('workers', [1, 4])
def test_jobs_in_good_time_are_never_taken_for_hung(own, workers):
    owner = own(workers=workers, depth=50, job_timeout_s=2.0)
    for _ in range(50):
        owner.line.submit(lambda laps: None)
    owner.collect(50)
    assert owner.line.stats.hung == 0
