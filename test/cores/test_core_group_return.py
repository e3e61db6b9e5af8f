# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A core that is left out is asked again, opened again, and taken back by itself."""

from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
import threading
from threading import Event
import time

from faster_deploy_ros.cores import CoreGroup
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.cores.group.health import Health, HealthRules
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.errors import Closed, InferFailed, TimedOut, Unavailable
from group_cores import (
    all_leased,
    fail_until_out,
    infer,
    mock,
    NEVER,
    PATIENCE_S,
    QUICK,
    states,
    until,
)


def test_a_core_comes_back_by_itself_and_says_so():
    broken = mock(0)
    with CoreGroup([broken, mock(1)], rules=QUICK) as group:
        broken.broken.set()
        fail_until_out(group)
        assert [event.is_bad for event in group.take_events()] == [True]
        broken.broken.clear()
        until(lambda: states(group) == ['in', 'in'])
        back = group.take_events()
        assert [event.is_bad for event in back] == [False]
        assert 'mock.0 is back after' in back[0].text
        assert all_leased(group, broken)


def test_a_core_that_is_back_goes_out_again_at_the_first_failure_and_for_longer():
    rules = HealthRules(failures=3, probe_s=1.0, probe_limit_s=4.0)
    health, error = Health(rules), InferFailed('no')
    assert [health.failed(error, 0.0) for _ in range(3)] == [False, False, True]
    assert health.probe_at_s == 1.0
    pauses = []
    for _ in range(4):
        health.take_in()
        health.succeeded()
        assert health.failed(error, 10.0), 'on trial'
        pauses.append(health.probe_at_s - 10.0)
    assert pauses == [2.0, 4.0, 4.0, 4.0]
    health.take_in()
    for _ in range(rules.failures):
        health.succeeded()
    assert [health.failed(error, 0.0) for _ in range(3)] == [False, False, True]
    assert health.probe_at_s == 1.0, 'proven: patience is as at the start'


def test_the_pause_between_probes_grows_to_its_limit():
    health = Health(HealthRules(probe_s=1.0, probe_limit_s=5.0))
    health.take_out('', 0.0, 1.0)
    at = []
    for _ in range(4):
        at.append(health.probe_at_s)
        health.probe_failed('still', health.probe_at_s)
    assert [b - a for a, b in pairwise(at)] == [2.0, 4.0, 5.0]


def test_a_core_is_opened_anew_after_as_many_failed_probes_as_the_rules_say():
    health = Health(HealthRules(reopen_after=2))
    health.take_out('', 0.0, 1.0)
    wishes = []
    for _ in range(3):
        wishes.append(health.wants_reopening)
        health.probe_failed('still', health.probe_at_s)
    assert wishes == [False, False, True]
    health.take_in()
    assert not health.wants_reopening


def test_a_core_whose_inferences_keep_failing_is_opened_again():
    made = []

    def reopen():
        made.append(mock(0))
        return made[-1]

    broken = mock(0)
    broken.broken.set()
    with CoreGroup([broken, mock(1)], rules=QUICK, reopen=[reopen, _never]) as group:
        for _ in range(9):
            group._members[0].times.add(0, 1000.0)
            group._members[1].times.add(0, 1001.0)
        fail_until_out(group)
        until(lambda: states(group) == ['in', 'in'])
        assert (group.members[0].service_ms or 0) < 1000, 'the new one has times of its own'
        assert group.cores[0] is made[0]
        assert len(made) == 1
        assert all_leased(group, made[0])
        with refused(Closed), broken.lease():
            pass


def _never():
    raise AssertionError('nothing is to be opened again here')


def test_a_core_is_not_opened_again_under_somebody_who_holds_a_seat_of_it():
    made = []

    def reopen():
        made.append(mock(0, seats=2))
        return made[-1]

    broken = mock(0, seats=2)
    broken.broken.set()
    with CoreGroup([broken, mock(1)], rules=QUICK, reopen=[reopen, _never]) as group:
        with group.lease_of(0) as held:
            for _ in range(QUICK.failures):
                with refused(InferFailed), group.lease_of(0) as blobs:
                    group.sync_infer(blobs)
            until(lambda: group._members[0].health.failed_probes > QUICK.reopen_after + 1)
            assert not made
            assert held.is_leased
            broken.broken.clear()
            group.sync_infer(held)   # its memory is still there
            until(lambda: states(group) == ['in', 'in'])   # by its other seat
        assert not made


def test_a_core_that_cannot_be_opened_again_is_tried_until_it_can():
    tries = []

    def reopen():
        tries.append(1)
        if len(tries) < 3:
            raise Unavailable('no such device yet')
        return mock(0)

    broken = mock(0)
    broken.broken.set()
    with CoreGroup([broken, mock(1)], rules=QUICK, reopen=[reopen, _never]) as group:
        fail_until_out(group)
        until(lambda: 'no such device yet' in group.members[0].last_error)
        until(lambda: states(group) == ['in', 'in'])
        assert len(tries) == 3


def test_another_model_behind_the_same_uri_is_not_taken_in():
    others = []

    def reopen():
        others.append(MockCore('mock.0://identity?shape=2'))
        others[-1].load()
        return others[-1]

    broken = mock(0)
    broken.broken.set()
    with CoreGroup([broken, mock(1)], rules=QUICK, reopen=[reopen, _never]) as group:
        fail_until_out(group)
        until(lambda: 'one model in several forms' in group.members[0].last_error)
        assert states(group) == ['out', 'in']
        with refused(Closed), others[0].lease():
            pass


def test_a_prober_that_is_stopped_in_the_middle_of_its_look_ends():
    class StopsNow(threading.Event):
        """Whoever clears it is stopped by another thread at this very moment."""

        def clear(self):
            prober._ended = True
            self.set()
            super().clear()

    with CoreGroup([mock(0)], rules=NEVER) as group:
        prober = group._roster.prober
        first, prober._wake = prober._wake, StopsNow()
        first.set()
        prober._thread.join(PATIENCE_S)
        assert not prober._thread.is_alive()


def test_a_probe_that_hangs_holds_unload_up_and_says_so():
    gate = Event()
    core = mock(0, gate=gate)
    core.broken.set()
    gate.set()
    group = CoreGroup([core, mock(1)], rules=QUICK)
    fail_until_out(group)
    gate.clear()
    until(lambda: group.members[0].in_use == 1)
    with refused(TimedOut, 'probe', 'unload'):
        group.unload(0.01)
    gate.set()
    group.unload(PATIENCE_S)
    assert not [each for each in threading.enumerate() if 'probes' in each.name]


def test_probes_have_the_shapes_of_the_frames():
    seen = []
    core = MockCore('mock.0://identity?shape=-1,3', seats=1)
    core.load()
    core._script = lambda blobs: (
        seen.append((blobs['x'].shape, blobs['x'].data.any())), blobs['y'].reshape((1, 3)))
    with CoreGroup([core], rules=QUICK) as group:
        with group.lease() as blobs:
            blobs['x'].reshape((5, 3))
            group.sync_infer(blobs)
        core.broken.set()
        while states(group) == ['in']:
            with suppress(InferFailed, Unavailable), group.lease() as blobs:
                blobs['x'].reshape((5, 3))
                blobs['x'].data[...] = 7
                group.sync_infer(blobs)
        seen.clear()
        core.broken.clear()
        until(lambda: states(group) == ['in'])
        assert seen == [((5, 3), False)]


def test_an_idle_core_is_timed_again_so_that_one_bad_time_is_not_for_good():
    rules = replace(NEVER, refresh_s=0.02)
    with CoreGroup([mock(0), mock(1)], rules=rules) as group:
        slow = group._members[1]
        for _ in range(3):
            slow.times.add(0, 10.0)
        group._members[0].times.add(0, 0.0001)
        group._members[0].times.add(0, 0.0001)
        deadline_s = time.monotonic() + PATIENCE_S
        while group.members[1].service_ms > 1000:
            assert infer(group) is group.cores[0] or group.members[1].service_ms < 1000
            assert time.monotonic() < deadline_s
        assert group.members[1].done == 0, 'no frame was given for it'


def test_idle_cores_are_left_alone_while_nobody_works():
    now_s = [1000.0]
    with CoreGroup([mock(0), mock(1)], rules=NEVER, clock=lambda: now_s[0]) as group:
        prober = group._roster.prober
        now_s[0] += 10 * NEVER.refresh_s
        assert prober._next()[0] is None
        group._members[0].used_s = now_s[0]
        assert prober._next()[0] is group._members[1]
