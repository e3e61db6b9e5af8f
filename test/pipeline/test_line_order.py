# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Order out is order in, per lane; nothing that ends holds back the next."""

from faster_deploy_ros.pipeline.outcome import Overflow, Status
from line_owner import eventually
import pytest


def seqs(outcomes, lane=0):
    return [outcome.seq for outcome in outcomes if outcome.lane == lane]


def test_an_accepted_frame_comes_out_with_its_value(own):
    owner = own()
    assert owner.line.submit(lambda laps: 'a result') == 0
    outcome, = owner.collect(1)
    assert (outcome.lane, outcome.seq, outcome.status) == (0, 0, Status.DONE)
    assert (outcome.value, outcome.error, outcome.reason) == ('a result', None, '')
    assert outcome.worker == 0


def test_a_fast_frame_waits_for_the_slow_one_before_it(own, held):
    owner = own(workers=2)
    slow = held('slow')
    owner.line.submit(slow)
    owner.line.submit(lambda laps: 'fast')
    eventually(lambda: owner.line.stats.running == 1 and not owner.line.stats.waiting)
    assert owner.drain() == []
    assert not owner.ready.is_set()
    slow.go.set()
    assert [outcome.value for outcome in owner.collect(2)] == ['slow', 'fast']


def test_a_slow_frame_holds_back_only_its_own_lane(own, held):
    owner = own(workers=2, depth=2)
    slow = held()
    owner.line.submit(slow, lane='left')
    owner.line.submit(lambda laps: 'fast', lane='right')
    owner.collect(1)
    assert (owner.outcomes[0].lane, owner.outcomes[0].seq) == ('right', 0)
    slow.go.set()
    owner.collect(2)


def test_each_lane_counts_its_own_frames_from_zero(own):
    owner = own(workers=2, depth=8)
    numbers = [owner.line.submit(lambda laps: None, lane=lane) for lane in 'abaab']
    assert numbers == [0, 0, 1, 2, 1]
    owner.collect(5)
    assert seqs(owner.outcomes, 'a') == [0, 1, 2]
    assert seqs(owner.outcomes, 'b') == [0, 1]


def test_a_failed_frame_never_holds_back_the_next(own):
    owner = own(depth=2)

    def fail(laps):
        raise ValueError('no such encoding')

    owner.line.submit(fail)
    owner.line.submit(lambda laps: 'next')
    failed, done = owner.collect(2)
    assert failed.status is Status.FAILED
    assert str(failed.error) == 'no such encoding'
    assert failed.value is None
    assert done.value == 'next'


@pytest.mark.parametrize('error', [SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration])
def test_no_exception_of_a_job_ends_its_worker(own, error):
    owner = own(depth=2)

    def leave(laps):
        raise error

    owner.line.submit(leave)
    owner.line.submit(lambda laps: 'next')
    left, done = owner.collect(2)
    assert (left.status, type(left.error)) == (Status.FAILED, error)
    assert (done.value, done.worker) == ('next', 0)


def test_a_dropped_frame_never_holds_back_the_next(own, held):
    owner = own(depth=1)
    first = held('first')
    owner.line.submit(first)
    first.wait_until_begun()
    owner.line.submit(lambda laps: 'dropped')
    owner.line.submit(lambda laps: 'kept')
    first.go.set()
    assert [o.value for o in owner.collect(3)] == ['first', None, 'kept']
    assert owner.outcomes[1].status is Status.DROPPED


def test_free_workers_take_from_the_lanes_in_turn(own, held):
    owner = own(depth=20)
    begun = []
    first = held()
    owner.line.submit(first, lane='a')
    first.wait_until_begun()
    for lane, count in (('a', 4), ('b', 2), ('c', 3)):
        for _ in range(count):
            owner.line.submit(lambda laps, lane=lane: begun.append(lane), lane=lane)
    first.go.set()
    owner.collect(10)
    assert ''.join(begun) == 'abcabcaca'


def test_many_workers_keep_the_order_of_many_lanes(own):
    owner = own(workers=8, depth=4, overflow=Overflow.BLOCK)
    sent = 0
    for number in range(600):
        lane = number * 7 % 5
        owner.line.submit(lambda laps, number=number: number, lane=lane)
        sent += 1
        owner.drain()
    owner.collect(sent)
    for lane in range(5):
        assert seqs(owner.outcomes, lane) == list(range(120))
        values = [o.value for o in owner.outcomes if o.lane == lane]
        assert values == sorted(values)


def test_the_laps_tell_the_wait_the_work_and_the_hold(own, held):
    owner = own(depth=1)
    first, second = held(), held()
    owner.line.submit(first)
    owner.line.submit(second)
    first.go.set()
    second.go.set()
    for outcome in owner.collect(2):
        assert [lap.name for lap in outcome.laps] == ['wait', 'work', 'hold']
        ends = [moment for lap in outcome.laps for moment in lap[1:]]
        assert ends == sorted(ends)
        assert outcome.laps[0].end_ns == outcome.laps[1].begin_ns
    assert owner.outcomes[1].laps[0].elapsed_ns > 0


def test_a_worker_out_of_range_is_refused_with_its_name():
    from faster_deploy_ros.pipeline.ordered import OrderedExecutor
    good = {'workers': 1, 'depth': 0, 'overflow': Overflow.BLOCK, 'on_ready': print}
    for name, value in (('workers', 0), ('depth', -1), ('max_hung', -1), ('max_age_ns', 0),
                        ('job_timeout_s', 0.0), ('job_timeout_s', float('nan'))):
        with pytest.raises(ValueError, match=f'{name} is {value}'):
            OrderedExecutor(**{**good, name: value})
