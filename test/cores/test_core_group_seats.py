# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The seats of a group: who gets which, in what order, and that none is lost."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
import threading

from faster_deploy_ros.cores import CoreGroup, open_group
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.cores.group import line as line_module
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.errors import (
    Closed,
    InferFailed,
    TimedOut,
)
from group_cores import (
    PATIENCE_S,
    until,
)
import pytest


def test_the_seats_are_those_of_all_cores_and_the_message_says_who_holds_them():
    with open_group(['mock.0://identity', 'mock.1://identity'], seats=2) as group:
        assert group.seats == 4
        with ExitStack() as leases:
            owners = [leases.enter_context(group.lease()).owner for _ in range(4)]
            assert [owners.count(core) for core in group.cores] == [2, 2]
            with refused(TimedOut, '4 of 4', 'MainThread'):
                with group.lease(0.01):
                    pass
        assert [member.in_use for member in group.members] == [0, 0]


def test_an_idle_core_is_taken_before_a_second_seat_of_a_busy_one():
    with open_group([f'mock.{k}://identity' for k in range(3)], seats=2) as group:
        with group.lease() as one, group.lease() as two, group.lease() as three:
            assert {one.owner, two.owner, three.owner} == set(group.cores)


def test_who_waits_is_served_in_the_order_of_arrival():
    with open_group(['mock.0://identity', 'mock.1://identity'], seats=1) as group:
        served = []

        def wait(number):
            with group.lease(PATIENCE_S):
                served.append(number)

        with ThreadPoolExecutor(6) as threads, group.lease():
            with group.lease():
                for number in range(6):
                    threads.submit(wait, number)
                    until(lambda n=number: group._roster.line.waiting == n + 1)
                assert served == []
            until(lambda: len(served) == 6)   # one seat went from hand to hand
        assert served == list(range(6))


def test_one_overtakes_into_a_seat_that_those_ahead_declined():
    with open_group(['mock.0://identity'], seats=1) as group, ThreadPoolExecutor(2) as threads:
        def only_for_the_second(cores, ahead, now_s):
            return (cores[0] if ahead == 1 and cores[0].free else None), 1000.0

        def only_for_the_first(cores, ahead, now_s):
            return (cores[0] if ahead == 0 and cores[0].free else None), 1000.0

        group._roster._policy = only_for_the_second
        served = []

        def wait(number):
            with group.lease(PATIENCE_S):
                served.append(number)
                group._roster._policy = only_for_the_first

        for number in range(2):
            threads.submit(wait, number)
            until(lambda n=number: group._roster.line.waiting == n + 1 or served)
        until(lambda: len(served) == 2)
        assert served == [1, 0]


def test_closing_tells_those_who_wait_and_waits_for_those_who_hold():
    group = open_group(['mock.0://identity'], seats=1)
    errors = []

    def wait():
        try:
            with group.lease(PATIENCE_S):
                pass
        except Closed as error:
            errors.append(error)

    with group.lease():
        thread = threading.Thread(target=wait)
        thread.start()
        until(lambda: group._roster.line.waiting == 1)
        with refused(TimedOut, 'MainThread'):
            group.unload(0.01)
        thread.join(PATIENCE_S)
        assert len(errors) == 1
    group.unload()


def test_a_lease_that_times_out_leaves_its_place_to_the_next():
    with open_group(['mock.0://identity'], seats=1) as group:
        with group.lease():
            for _ in range(3):
                with refused(TimedOut), group.lease(0.005):
                    pass
            assert group._roster.line.waiting == 0
        with group.lease(0.0):
            assert group.members[0].in_use == 1


def test_a_seat_that_cannot_be_made_fails_its_lease_and_is_not_lost(monkeypatch):
    core = MockCore('mock.0://identity', seats=1)
    core.load()
    allocate, faults = core._allocate, [InferFailed('no device memory')]

    def failing_once():
        if faults:
            raise faults.pop()
        return allocate()

    core._pool._allocate = failing_once
    with CoreGroup([core]) as group:
        with refused(InferFailed, 'no device memory'), group.lease():
            pass
        with group.lease(0.0) as blobs:
            group.sync_infer(blobs)
        assert [(each.done, each.failed) for each in group.members] == [(1, 1)]


def test_an_interrupted_wait_takes_no_seat_with_it(monkeypatch):
    with open_group(['mock.0://identity'], seats=1) as group:
        line = group._roster.line
        with group.lease():
            monkeypatch.setattr(line, '_wait', _interrupted)
            with pytest.raises(KeyboardInterrupt), group.lease():
                pass
            monkeypatch.undo()
        assert line.waiting == 0
        with group.lease(0.0):
            pass


def test_a_seat_given_to_one_who_is_interrupted_goes_to_the_next_at_once(monkeypatch):
    monkeypatch.setattr(line_module, 'LOOK_S', 1000.0)   # nobody looks by himself
    with (open_group(['mock.0://identity'], seats=1) as group,
          ThreadPoolExecutor(1) as threads):
        line, held, next_one = group._roster.line, group.lease(), []
        wait, me = line._wait, threading.current_thread()

        def interrupted(waiter, deadline_s, timeout_s):
            if threading.current_thread() is not me:
                return wait(waiter, deadline_s, timeout_s)
            next_one.append(threads.submit(_lease_once, group))
            until(lambda: line.waiting == 2)
            held.__exit__(None, None, None)
            assert waiter.turn is not None
            raise KeyboardInterrupt

        held.__enter__()
        monkeypatch.setattr(line, '_wait', interrupted)
        with pytest.raises(KeyboardInterrupt), group.lease():
            pass
        assert next_one[0].result(PATIENCE_S / 2)   # not by looking when its time is up


def _lease_once(group):
    with group.lease(PATIENCE_S) as blobs:
        return blobs.is_leased


def _interrupted(*_):
    raise KeyboardInterrupt


def test_room_is_told_once_after_it_was_missing():
    with open_group(['mock.0://identity'], seats=1) as group:
        calls = []
        group.call_on_room(lambda: calls.append(1))
        assert group.has_room()
        with group.lease():
            pass
        assert calls == [], 'nobody had missed it'
        with group.lease():
            assert not group.has_room()
        assert calls == [1]
        with group.lease():
            pass
        assert calls == [1]


def test_a_reserved_seat_is_that_of_the_jobs_first_lease():
    with open_group(['mock.0://identity', 'mock.1://identity'], seats=1) as group:
        one, two = group.reserve(), group.reserve()
        assert group.reserve() is None
        assert not group.has_room()
        assert [member.in_use for member in group.members] == [1, 1]

        def job(number):
            with group.lease(0.0) as blobs:
                group.sync_infer(blobs)
                return number, blobs.owner

        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(two.carry, job, 2).result() == (2, group.cores[1])
            assert threads.submit(one.carry, job, 1).result() == (1, group.cores[0])
        assert [member.in_use for member in group.members] == [0, 0]


def test_a_reservation_that_was_not_used_goes_back_once():
    with open_group(['mock.0://identity'], seats=1) as group:
        calls = []
        group.call_on_room(lambda: calls.append(1))
        seat = group.reserve()
        assert not group.has_room()
        with pytest.raises(ZeroDivisionError):
            seat.carry(lambda: 1 / 0)   # a bad image: the job never came to its lease
        assert calls == [1]
        seat.cancel()
        with group.lease(0.0):
            seat.cancel()
            assert group.members[0].in_use == 1
        never_run = group.reserve()
        never_run.cancel()
        assert group.has_room()


def test_a_second_lease_of_a_job_is_one_like_any_other():
    with open_group(['mock.0://identity', 'mock.1://identity'], seats=1) as group:
        def job():
            with group.lease(0.0) as one, group.lease(0.0) as two:
                return {one.owner, two.owner}

        assert group.reserve().carry(job) == set(group.cores)


def test_a_job_whose_reserved_core_has_gone_out_is_served_by_another():
    with open_group(['mock.0://identity', 'mock.1://identity'], seats=1) as group:
        seat = group.reserve()
        group._members[0].health.take_out('pulled', 0.0, 1e9)

        def job():
            with group.lease(0.0) as blobs:
                return blobs.owner

        assert seat.carry(job) is group.cores[1]
        assert [member.in_use for member in group.members] == [0, 0]


def test_nobody_reserves_past_those_who_wait():
    with open_group(['mock.0://identity'], seats=1) as group, ThreadPoolExecutor(1) as threads:
        def reserve_inside():
            with group.lease(PATIENCE_S):
                return group.reserve()

        with group.lease():
            waiter = threads.submit(reserve_inside)
            until(lambda: group._roster.line.waiting == 1)
            assert group.reserve() is None
        assert waiter.result(PATIENCE_S) is None
        group.reserve().cancel()


def test_no_thread_of_a_group_is_left():
    before = set(threading.enumerate())
    group = open_group(['mock.0://identity', 'mock.1://identity'])
    assert len(set(threading.enumerate()) - before) <= 1
    group.unload()
    assert set(threading.enumerate()) <= before
