# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Over the limit: who is dropped, who waits, and that the line stays short."""

import threading
import weakref

from faster_deploy_ros.pipeline.outcome import Overflow, Status
from line_owner import eventually
import pytest


def ends(owner, lane=0):
    return [(o.seq, o.status.value, o.reason) for o in owner.outcomes if o.lane == lane]


class Image:
    """Something that can be watched to be freed."""


def busy(own, held, **options):
    """Make a line whose one worker is busy, on lane 'x'."""
    owner = own(**options)
    job = held()
    owner.line.submit(job, lane='x')
    job.wait_until_begun()
    return owner, job


def test_the_oldest_waiting_frame_gives_way_to_the_newcomer(own, held):
    owner, job = busy(own, held, depth=2)
    for _ in range(4):
        owner.line.submit(lambda laps: None)
    job.go.set()
    owner.collect(5)
    assert ends(owner) == [(0, 'dropped', 'overflow'), (1, 'dropped', 'overflow'),
                           (2, 'done', ''), (3, 'done', '')]


def test_the_newcomer_is_dropped_where_the_oldest_are_kept(own, held):
    owner, job = busy(own, held, depth=2, overflow=Overflow.DROP_NEWEST)
    for _ in range(4):
        owner.line.submit(lambda laps: None)
    job.go.set()
    owner.collect(5)
    assert ends(owner) == [(0, 'done', ''), (1, 'done', ''),
                           (2, 'dropped', 'overflow'), (3, 'dropped', 'overflow')]


def test_the_newcomer_is_dropped_if_nobody_waits(own, held):
    owner, job = busy(own, held)
    owner.line.submit(lambda laps: None)
    assert ends(owner) == []
    assert [o.status for o in owner.drain()] == [Status.DROPPED]
    job.go.set()
    owner.collect(2)


def test_a_dropped_newcomer_that_leads_its_lane_is_announced_from_submit(own, held):
    owner, job = busy(own, held)
    owner.line.submit(lambda laps: None)
    assert owner.calls == 1
    job.go.set()
    owner.collect(2)


def test_the_longest_lane_pays_for_the_newcomer_of_another(own, held):
    owner, job = busy(own, held, depth=4)
    for lane in 'aaab':
        owner.line.submit(lambda laps: None, lane=lane)
    owner.line.submit(lambda laps: None, lane='b')
    assert owner.line.stats.waiting == 4
    job.go.set()
    owner.collect(6)
    assert [end[1] for end in ends(owner, 'a')] == ['dropped', 'done', 'done']
    assert [end[1] for end in ends(owner, 'b')] == ['done', 'done']


@pytest.mark.parametrize('lane', ['a', 'b'])
def test_of_equally_long_lanes_the_newcomers_own_pays(own, held, lane):
    owner, job = busy(own, held, depth=4)
    for waiting in 'aabb':
        owner.line.submit(lambda laps: None, lane=waiting)
    owner.line.submit(lambda laps: None, lane=lane)
    job.go.set()
    owner.collect(6)
    assert [end[1] for end in ends(owner, lane)] == ['dropped', 'done', 'done']
    other = 'b' if lane == 'a' else 'a'
    assert [end[1] for end in ends(owner, other)] == ['done', 'done']


def test_a_lane_that_replaces_its_only_waiting_frame_keeps_its_turn(own, held):
    owner, job = busy(own, held, depth=3)
    begun = []
    for lane in 'bab':      # it is the turn of b, then of a
        owner.line.submit(lambda laps, lane=lane: begun.append(lane), lane=lane)
    for _ in range(4):      # b is the longest lane, then both are equal
        owner.line.submit(lambda laps: begun.append('b'), lane='b')
    job.go.set()
    owner.collect(8)
    assert begun == ['b', 'a', 'b']


def test_a_fast_camera_does_not_starve_because_its_frames_are_replaced(own, held):
    owner, job = busy(own, held, depth=2)
    begun = []
    for lane in 'ab':
        owner.line.submit(lambda laps, lane=lane: begun.append(lane), lane=lane)
    for _ in range(3):
        owner.line.submit(lambda laps: begun.append('a'), lane='a')
    job.go.set()
    owner.collect(6)
    assert begun == ['a', 'b']


def test_frames_that_nobody_drains_count_against_the_limit(own):
    owner = own(workers=2, depth=1)
    for _ in range(3):
        owner.line.submit(lambda laps: None)
    eventually(lambda: not (owner.line.stats.waiting or owner.line.stats.running))
    owner.line.submit(lambda laps: None)
    assert owner.line.stats.live == 3
    owner.drain()
    assert [o.status.value for o in owner.outcomes] == ['done', 'done', 'done', 'dropped']
    owner.line.submit(lambda laps: None)
    assert owner.collect(5)[4].status is Status.DONE


def test_a_dropped_frame_lets_go_of_its_image_at_once(own, held):
    owner, job = busy(own, held, depth=1)
    image = Image()
    watched = weakref.ref(image)
    owner.line.submit(lambda laps, image=image: None)
    del image
    assert watched() is not None
    owner.line.submit(lambda laps: None)
    assert watched() is None
    assert owner.outcomes == []
    job.go.set()
    owner.collect(3)


def test_freeing_a_dropped_image_may_ask_the_line_for_its_stats(own, held):
    owner, job = busy(own, held, depth=1)
    seen = []
    image = Image()
    weakref.finalize(image, lambda: seen.append(owner.line.stats.accepted))
    owner.line.submit(lambda laps, image=image: None)
    del image
    owner.line.submit(lambda laps: None)
    assert seen == [3]
    job.go.set()
    owner.collect(3)


def test_block_waits_for_a_worker_and_never_for_the_drain(own, held):
    owner = own(workers=1, depth=1, overflow=Overflow.BLOCK)
    gates = [held(number) for number in range(4)]
    sent = []

    def send():
        for gate in gates:
            sent.append(owner.line.submit(gate))

    sender = threading.Thread(target=send)
    sender.start()
    gates[0].wait_until_begun()
    eventually(lambda: owner.line.stats.accepted == 3)   # the third is accepted and waits
    assert sent == [0, 1]
    gates[0].go.set()
    gates[1].wait_until_begun()
    eventually(lambda: sent == [0, 1, 2])                # and nothing has been drained
    gates[1].go.set()
    gates[2].wait_until_begun()
    sender.join(10)
    assert not sender.is_alive()
    gates[2].go.set()
    gates[3].go.set()
    assert [o.value for o in owner.collect(4)] == [0, 1, 2, 3]


def test_blocked_submitters_go_in_in_the_order_they_came(own, held):
    owner = own(workers=1, depth=0, overflow=Overflow.BLOCK)
    first = held()
    owner.line.submit(first)
    first.wait_until_begun()
    ran = []
    senders = []
    for number in range(5):
        senders.append(threading.Thread(
            target=owner.line.submit, args=(lambda laps, number=number: ran.append(number),)))
        senders[-1].start()
        eventually(lambda number=number: owner.line.stats.accepted == number + 2)
    first.go.set()
    owner.collect(6)
    for sender in senders:
        sender.join(10)
        assert not sender.is_alive()
    assert ran == [0, 1, 2, 3, 4]
