# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""on_ready: when there is something, once until it is fetched, never after close."""

import threading

from faster_deploy_ros.pipeline.outcome import Status
from line_owner import eventually
import pytest


def idle(owner):
    stats = owner.line.stats
    return not (stats.waiting or stats.running)


def test_many_settled_frames_are_one_wake_up_call(own):
    owner = own(workers=2, depth=20)
    for _ in range(20):
        owner.line.submit(lambda laps: None)
    eventually(lambda: idle(owner) and owner.calls)
    assert owner.calls == 1
    assert len(owner.drain()) == 20


def test_after_a_drain_the_next_frame_calls_again(own):
    owner = own()
    for number in range(1, 6):
        owner.line.submit(lambda laps: None)
        owner.collect(number)
        assert owner.calls == number


def test_a_frame_behind_a_slow_one_calls_nobody(own, held):
    owner = own(workers=2)
    slow = held()
    owner.line.submit(slow)
    slow.wait_until_begun()
    owner.line.submit(lambda laps: None)
    eventually(lambda: owner.line.stats.running == 1 and not owner.line.stats.waiting)
    assert owner.calls == 0
    slow.go.set()
    owner.collect(2)
    assert owner.calls == 1


def test_a_frame_that_settles_during_a_drain_is_given_by_it_or_announced(own, held):
    owner = own(workers=2, depth=2)
    slow = held('during')
    owner.line.submit(lambda laps: 'before')
    owner.line.submit(slow)
    owner.line.submit(held())
    eventually(lambda: owner.calls)
    draining = owner.line.drain()
    assert next(draining).value == 'before'
    slow.go.set()
    eventually(lambda: owner.line.stats.running + owner.line.stats.waiting == 1)
    assert next(draining).value == 'during'
    assert next(draining, None) is None
    held.open_all()
    owner.collect(1)


def test_a_drain_leaves_frames_accepted_meanwhile_to_the_next_one(own):
    owner = own(depth=3)
    owner.line.submit(lambda laps: 0)
    eventually(lambda: idle(owner) and owner.calls)
    draining = owner.line.drain()
    for number in range(1, 4):      # a submitter as fast as the drain cannot trap it
        owner.outcomes += [o for o in [next(draining, None)] if o]
        owner.line.submit(lambda laps, number=number: number)
        eventually(lambda: idle(owner))
    assert next(draining, None) is None
    assert [o.value for o in owner.outcomes] == [0]
    assert [o.value for o in owner.drain()] == [1, 2, 3]


def test_what_a_broken_off_drain_leaves_is_announced_again(own):
    owner = own(depth=2)
    for _ in range(3):
        owner.line.submit(lambda laps: None)
    eventually(lambda: idle(owner) and owner.calls)
    for outcome in owner.line.drain():
        owner.outcomes.append(outcome)
        break
    assert owner.calls == 2
    assert len(owner.collect(3)) == 3


def test_a_broken_off_drain_that_leaves_nothing_calls_nobody_but_the_next_frame_does(own):
    owner = own()
    owner.line.submit(lambda laps: None)
    eventually(lambda: idle(owner) and owner.calls)
    for outcome in owner.line.drain():
        owner.outcomes.append(outcome)
        break
    assert owner.calls == 1
    owner.line.submit(lambda laps: None)
    owner.collect(2)
    assert owner.calls == 2


def test_on_ready_may_use_the_line(own):
    seen = []

    def fetch():
        seen.extend(owner.line.drain())
        assert owner.line.stats.accepted

    owner = own(on_ready=fetch)
    owner.line.submit(lambda laps: 'fetched on the worker')
    eventually(lambda: seen)
    assert seen[0].value == 'fetched on the worker'


@pytest.mark.parametrize('error', [RuntimeError, SystemExit])
def test_an_on_ready_that_raises_is_logged_and_called_again(own, caplog, error):
    calls = []

    def refuse():
        calls.append(1)
        raise error('destroyed')

    owner = own(depth=3, on_ready=refuse)
    for _ in range(3):
        before = len(calls)
        owner.line.submit(lambda laps: None)
        eventually(lambda before=before: len(calls) > before and idle(owner))
    assert 'on_ready raised' in caplog.text
    assert 'destroyed' in caplog.text
    assert [o.status for o in owner.drain()] == [Status.DONE] * 3


def test_close_forgets_on_ready(own, held):
    owner = own()
    job = held()
    owner.line.submit(job)
    job.wait_until_begun()
    assert not owner.line.close(finish=False, timeout_s=0.01)
    calls = owner.calls
    job.go.set()
    assert owner.line.close(finish=False, timeout_s=10.0)
    assert owner.calls == calls
    assert len(owner.drain()) == 1


def test_close_waits_for_an_on_ready_in_progress(own):
    begun, go, over = threading.Event(), threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert go.wait(10)
        over.set()

    owner = own(on_ready=slow)
    owner.line.submit(lambda laps: None)
    assert begun.wait(10)
    threading.Timer(0.02, go.set).start()
    assert owner.line.close(finish=False, timeout_s=10.0)
    assert over.is_set()


def test_close_says_false_when_on_ready_does_not_return(own):
    begun, go = threading.Event(), threading.Event()

    def stuck():
        begun.set()
        go.wait(10)

    owner = own(on_ready=stuck)
    owner.line.submit(lambda laps: None)
    assert begun.wait(10)
    assert not owner.line.close(finish=False, timeout_s=0.02)
    go.set()
    assert owner.line.close(finish=False, timeout_s=10.0)


def test_close_waits_for_an_on_ready_that_a_submitter_is_in(own, held):
    begun, go = threading.Event(), threading.Event()

    def stuck():
        begun.set()
        assert go.wait(10)

    owner = own(on_ready=stuck)
    job = held()
    owner.line.submit(job, lane='busy')
    job.wait_until_begun()
    submitter = threading.Thread(target=owner.line.submit, args=(print,))
    submitter.start()        # dropped, and the head of its lane: the submitter announces it
    assert begun.wait(10)
    job.go.set()
    eventually(lambda: not owner.line.stats.running)
    assert not owner.line.close(finish=False, timeout_s=0.02)
    go.set()
    submitter.join(10)
    assert owner.line.close(finish=False, timeout_s=10.0)


def test_a_drain_broken_off_after_close_calls_nobody(own):
    owner = own(depth=2)
    for _ in range(3):
        owner.line.submit(lambda laps: None)
    assert owner.line.close(finish=True, timeout_s=10.0)
    calls = owner.calls
    for outcome in owner.line.drain():
        owner.outcomes.append(outcome)
        break
    assert owner.calls == calls
    assert len(owner.drain()) == 2
