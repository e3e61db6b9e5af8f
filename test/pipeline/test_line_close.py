# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The end of a line: everything accounted for, nobody left waiting."""

import threading
import time

from faster_deploy_ros.errors import Closed, TimedOut
from faster_deploy_ros.pipeline.outcome import Overflow, Status
from line_owner import eventually, settled
import pytest


def test_close_cancels_the_waiting_frames_and_lets_the_running_one_finish(own, held):
    owner = own(depth=2)
    running = held('finished')
    for job in (running, held(), held()):
        owner.line.submit(job)
    running.wait_until_begun()
    threading.Timer(0.02, running.go.set).start()
    assert owner.line.close(finish=False, timeout_s=10.0)
    assert [(o.status, o.reason) for o in owner.drain()] == [
        (Status.DONE, ''), (Status.CANCELLED, 'closed'), (Status.CANCELLED, 'closed')]
    assert owner.outcomes[0].value == 'finished'
    assert settled(owner.line.stats)


def test_close_with_finish_runs_the_waiting_frames_too(own, held):
    owner = own(depth=3)
    first = held(0)
    owner.line.submit(first)
    for number in range(1, 4):
        owner.line.submit(lambda laps, number=number: number)
    threading.Timer(0.02, first.go.set).start()
    assert owner.line.close(finish=True, timeout_s=10.0)
    assert [o.value for o in owner.drain()] == [0, 1, 2, 3]


def test_submit_after_close_is_refused(own):
    owner = own()
    assert owner.line.close(finish=False, timeout_s=10.0)
    with pytest.raises(Closed, match="lane 'left': submit after close"):
        owner.line.submit(print, lane='left')
    assert owner.line.stats.accepted == 0


def test_a_second_close_changes_nothing(own):
    owner = own()
    owner.line.submit(lambda laps: 1)
    owner.collect(1)
    for finish in (True, False, True):
        assert owner.line.close(finish=finish, timeout_s=10.0)
    assert owner.line.stats.done == 1


def test_a_job_that_does_not_end_in_time_fails_its_frame_and_closes_the_account(own, held):
    owner = own(depth=1)
    stuck = held('too late')
    owner.line.submit(stuck)
    owner.line.submit(held())
    stuck.wait_until_begun()
    assert not owner.line.close(finish=True, timeout_s=0.02)
    assert owner.line.stats.running == 0
    failed, cancelled = owner.drain()
    assert failed.status is Status.FAILED
    assert isinstance(failed.error, TimedOut)
    assert 'frame 0' in str(failed.error)
    assert 'line was closed' in str(failed.error)
    assert (cancelled.status, cancelled.reason) == (Status.CANCELLED, 'closed')
    assert settled(owner.line.stats)
    stuck.go.set()
    assert owner.line.close(finish=False, timeout_s=10.0)
    assert owner.drain() == []


@pytest.mark.parametrize('finish', [False, True])
def test_close_wakes_a_blocked_submitter_and_cancels_its_frame(own, held, finish):
    owner = own(workers=1, depth=0, overflow=Overflow.BLOCK)
    running = held()
    owner.line.submit(running)
    running.wait_until_begun()
    numbers = []
    senders = [threading.Thread(target=lambda: numbers.append(owner.line.submit(print)))
               for _ in range(3)]
    for sender in senders:
        sender.start()
    eventually(lambda: owner.line.stats.accepted == 4)
    assert numbers == []
    closed = []
    closer = threading.Thread(
        target=lambda: closed.append(owner.line.close(finish=finish, timeout_s=10.0)))
    closer.start()
    for sender in senders:
        sender.join(10)
        assert not sender.is_alive()
    assert closed == []     # the submitters do not wait for the running job
    running.go.set()
    closer.join(10)
    assert closed == [True]
    assert sorted(numbers) == [1, 2, 3]
    assert [(o.status, o.reason) for o in owner.drain()] == [
        (Status.DONE, '')] + 3 * [(Status.CANCELLED, 'closed')]


def test_two_threads_may_close_at_once(own, held):
    owner = own(workers=3, depth=3, job_timeout_s=60.0)
    running = held()
    owner.line.submit(running)
    running.wait_until_begun()
    answers = []
    closers = [threading.Thread(
        target=lambda: answers.append(owner.line.close(finish=False, timeout_s=10.0)))
        for _ in range(4)]
    for closer in closers:
        closer.start()
    running.go.set()
    for closer in closers:
        closer.join(10)
    assert answers == [True] * 4


def test_a_job_that_closes_its_own_line_fails_and_nothing_hangs(own):
    owner = own(depth=1)
    owner.line.submit(lambda laps: owner.line.close(finish=True, timeout_s=10.0))
    owner.line.submit(lambda laps: 'next')
    failed, done = owner.collect(2)
    assert isinstance(failed.error, RuntimeError)
    assert 'a job called close()' in str(failed.error)
    assert done.value == 'next'


def test_close_needs_no_longer_than_its_work(own):
    owner = own(workers=16, job_timeout_s=60.0)
    began_s = time.monotonic()
    assert owner.line.close(finish=True, timeout_s=60.0)
    assert time.monotonic() - began_s < 10.0


def test_a_line_without_a_watchdog_has_no_thread_but_its_workers(own):
    before = threading.active_count()
    own(workers=3)
    assert threading.active_count() == before + 3
    own(workers=2, job_timeout_s=60.0)
    assert threading.active_count() == before + 6


def test_an_endless_time_out_is_understood(own):
    owner = own(job_timeout_s=float('inf'))
    owner.line.submit(lambda laps: None)
    owner.collect(1)
    assert owner.line.close(finish=True, timeout_s=float('inf'))


def test_threads_that_cannot_be_started_leave_none_behind(own, monkeypatch):
    before = threading.active_count()
    start, started = threading.Thread.start, []

    def refuse_the_third(thread):
        started.append(thread)
        if len(started) == 3:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, 'start', refuse_the_third)
    with pytest.raises(RuntimeError, match='start new thread'):
        own(workers=4)
    assert threading.active_count() == before


def test_threads_and_memory_of_two_hundred_lines_are_given_back(own):
    before = threading.active_count()
    for _ in range(200):
        owner = own(workers=2, depth=2, job_timeout_s=60.0)
        for _ in range(4):
            owner.line.submit(lambda laps: None)
        owner.collect(4)
        assert owner.line.close(finish=False, timeout_s=10.0)
    assert threading.active_count() == before
