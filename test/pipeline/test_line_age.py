# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A frame that is too old is dropped before the work and again before it goes out."""

import threading
import weakref

from faster_deploy_ros.pipeline.outcome import Overflow, Status
from line_owner import eventually
import pytest


class Clock:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now_ns = 1_000_000

    def __call__(self):
        return self.now_ns


class Result:
    """Something that can be watched to be freed."""


@pytest.fixture
def clock():
    return Clock()


def test_a_frame_of_exactly_the_age_bound_is_still_fresh(own, clock):
    owner = own(depth=4, max_age_ns=100, now_ns=clock)
    owner.line.submit(lambda laps: 'fresh', stamp_ns=clock.now_ns - 100)
    owner.line.submit(lambda laps: 'stale', stamp_ns=clock.now_ns - 101)
    fresh, stale = owner.collect(2)
    assert fresh.value == 'fresh'
    assert (stale.status, stale.reason, stale.value) == (Status.DROPPED, 'stale', None)


def test_a_frame_that_grew_old_in_the_line_is_never_run(own, held, clock):
    owner = own(depth=1, max_age_ns=100, now_ns=clock)
    first = held()
    owner.line.submit(first)
    first.wait_until_begun()
    ran = []
    owner.line.submit(ran.append, stamp_ns=clock.now_ns)
    clock.now_ns += 101
    first.go.set()
    owner.collect(2)
    assert (owner.outcomes[1].status, owner.outcomes[1].reason) == (Status.DROPPED, 'stale')
    assert owner.outcomes[1].worker == -1
    assert [lap.name for lap in owner.outcomes[1].laps] == ['wait', 'hold']
    assert ran == []


def test_a_stale_frame_does_not_cost_its_lane_the_turn(own, held, clock):
    owner = own(depth=3, max_age_ns=100, now_ns=clock)
    first = held()
    owner.line.submit(first, lane='x')
    first.wait_until_begun()
    begun = []
    owner.line.submit(print, lane='a', stamp_ns=clock.now_ns)
    clock.now_ns += 101
    for lane in 'ba':
        owner.line.submit(lambda laps, lane=lane: begun.append(lane), lane=lane)
    first.go.set()
    owner.collect(4)
    assert begun == ['a', 'b']


def test_a_frame_that_grew_old_while_it_was_carried_is_dropped_at_release(own, held, clock):
    owner = own(max_age_ns=100, now_ns=clock)
    job = held(Result())
    watched = weakref.ref(job.value)
    owner.line.submit(job, stamp_ns=clock.now_ns)
    job.wait_until_begun()
    clock.now_ns += 101
    job.go.set()
    outcome, = owner.collect(1)
    assert (outcome.status, outcome.reason, outcome.value) == (Status.DROPPED, 'stale', None)
    assert outcome.worker == 0
    job.value = None
    assert watched() is None
    assert owner.line.stats.dropped == {'overflow': 0, 'stale': 1}


def test_a_failure_stays_a_failure_however_old(own, held, clock):
    owner = own(max_age_ns=100, now_ns=clock)

    def fail(laps):
        clock.now_ns += 101
        raise ValueError('broken')

    owner.line.submit(fail, stamp_ns=clock.now_ns)
    assert owner.collect(1)[0].status is Status.FAILED


def test_a_frame_without_a_stamp_is_never_stale(own, held, clock):
    owner = own(max_age_ns=100, now_ns=clock)
    job = held('kept')
    owner.line.submit(job)
    clock.now_ns += 10**12
    job.go.set()
    assert owner.collect(1)[0].value == 'kept'


def test_stale_frames_make_room_for_a_blocked_submitter(own, held, clock):
    owner = own(depth=1, overflow=Overflow.BLOCK, max_age_ns=100, now_ns=clock)
    first = held('first')
    owner.line.submit(first)
    first.wait_until_begun()
    owner.line.submit(lambda laps: 'grows old', stamp_ns=clock.now_ns)
    sender = threading.Thread(target=owner.line.submit, args=(lambda laps: 'blocked',))
    sender.start()
    eventually(lambda: owner.line.stats.accepted == 3)
    clock.now_ns += 101
    first.go.set()
    sender.join(10)
    assert not sender.is_alive()
    assert [o.value for o in owner.collect(3)] == ['first', None, 'blocked']


def test_a_clock_that_fails_breaks_the_line_loudly_and_hangs_nobody(own, caplog):
    def broken_clock():
        raise RuntimeError('no /clock')

    owner = own(max_age_ns=100, now_ns=broken_clock)
    eventually(lambda: owner.line.broken)
    assert 'no /clock' in owner.line.broken
    assert owner.ready.wait(10)
    assert 'died' in caplog.text
    owner.line.submit(lambda laps: None)
    owner.line._now_ns = int
    assert [(o.status, o.reason) for o in owner.drain()] == [(Status.CANCELLED, 'broken')]
