# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A core of a group that fails is left out, asked again and taken back; nothing else is lost."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
import threading
from threading import Event
import time

from faster_deploy_ros.cores import CoreGroup, open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.cores.group_health import Health, HealthRules
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.errors import Closed, InferFailed, TimedOut, Unavailable
from faster_deploy_ros.pipeline.ordered import OrderedExecutor
from faster_deploy_ros.pipeline.outcome import Overflow, Status
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

PATIENCE_S = 20.0
QUICK = HealthRules(probe_s=0.01, probe_limit_s=0.02, hang_s=PATIENCE_S)
HANGS = replace(QUICK, hang_s=0.1)
NEVER = HealthRules(probe_s=1000.0, probe_limit_s=2000.0)   # no probe comes by itself


def mock(device=0, options='', seats=1, **wishes):
    core = MockCore(f'mock.{device}://identity?shape=1{options}', seats=seats, **wishes)
    core.load()
    return core


def infer(group, value=1.0):
    """Carry one value through the group; return the core that served it."""
    with group.lease(PATIENCE_S) as blobs:
        blobs['x'].data[...] = value
        group.sync_infer(blobs)
        assert blobs['y'].data[0] == value
        return blobs.owner


def states(group):
    return [member.state for member in group.members]


def fail_until_out(group, device=0):
    """Lease until the broken core is out; return how many inferences failed."""
    failed = 0
    while states(group)[device] == 'in':
        try:
            infer(group)
        except InferFailed:
            failed += 1
    return failed


def know(group):
    """Let the group know its cores' times: a first inference may take its time."""
    for member in group._members:
        for _ in range(2):
            member.times.add(0, 0.0005)


def test_a_core_that_fails_three_times_in_a_row_is_out_and_the_others_go_on():
    broken = mock(0)
    with CoreGroup([broken, mock(1)], rules=NEVER, policy='throughput') as group:
        broken.broken.set()
        assert fail_until_out(group) == NEVER.failures
        assert states(group) == ['out', 'in']
        assert {infer(group) for _ in range(20)} == {group.cores[1]}
        out = group.members[0]
        assert (out.failed, out.in_use) == (3, 0)
        assert 'is gone' in out.last_error
        assert 999 < out.probe_in_s <= 1000


def test_failures_with_successes_between_them_take_nobody_out():
    with CoreGroup([mock(0, '&fail_every=3')], rules=NEVER) as group:
        for _ in range(5):
            infer(group)
            infer(group)
            with refused(InferFailed):
                infer(group)
        assert states(group) == ['in']


def test_a_device_that_says_it_is_gone_is_out_at_once():
    def script(blobs):
        raise Unavailable('the USB stick was pulled')

    with CoreGroup([mock(0, script=script), mock(1)], rules=NEVER) as group:
        assert fail_until_out_of(group, Unavailable) == 1
        assert 'USB stick' in group.members[0].last_error


def fail_until_out_of(group, error):
    failed = 0
    while states(group)[0] == 'in':
        try:
            infer(group)
        except error:
            failed += 1
    return failed


def test_a_mistake_of_the_caller_takes_nobody_out():
    with CoreGroup([mock()], rules=HealthRules(failures=1)) as group:
        with group.lease() as blobs, blobs.in_use:
            with suppress(Exception):
                group.sync_infer(blobs)
        assert states(group) == ['in']
        assert group.members[0].failed == 0


def test_a_core_whose_answers_are_refused_is_out_too():
    with CoreGroup([mock(0), mock(1)], rules=NEVER) as group:
        for _ in range(NEVER.failures):
            with refused(InferFailed, 'NaN'), group.lease_of(0) as blobs:
                group.sync_infer(blobs)
                raise InferFailed('yolox: the output holds NaN')
        assert states(group) == ['out', 'in']
        assert 'NaN' in group.members[0].last_error
        assert group.members[0].failed == 3


def test_one_failure_is_counted_once_though_its_lease_ends_with_it():
    with CoreGroup([mock(0, '&fail_every=1')], rules=NEVER) as group:
        with refused(InferFailed):
            infer(group)
        assert group.members[0].failed == 1


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


def all_leased(group, core):
    """Lease every seat at once: the core's is among them."""
    with group.lease(PATIENCE_S) as one, group.lease(PATIENCE_S) as two:
        return core in (one.owner, two.owner)


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
        until(lambda: states(group) == ['in', 'in'])


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


def test_while_all_are_out_a_lease_fails_at_once_with_all_reasons():
    cores = [mock(0), mock(1)]
    with CoreGroup(cores, rules=NEVER) as group:
        for core in cores:
            core.broken.set()
        with suppress(Unavailable):
            while True:
                with suppress(InferFailed):
                    infer(group)
        assert states(group) == ['out', 'out']
        with refused(Unavailable, 'all cores are out', 'mock.0: ', 'mock.1: '):
            infer(group)
        assert group.has_room(), 'frames come, fail and are counted'


def test_who_waits_hears_when_the_last_core_goes_out():
    core = mock(0, gate=Event())
    with CoreGroup([core], rules=replace(NEVER, failures=1)) as group:
        with ThreadPoolExecutor(2) as threads:
            holder = threads.submit(infer, group)
            until(lambda: group.members[0].in_use == 1)
            waiter = threads.submit(infer, group)
            until(lambda: group._roster.line.waiting == 1)
            core.broken.set()
            core.gate.set()
            with refused(InferFailed):
                holder.result(PATIENCE_S)
            with refused(Unavailable):
                waiter.result(PATIENCE_S)


def test_a_core_that_hangs_keeps_its_seat_and_the_others_go_on():
    gate = Event()
    hanging = mock(0, seats=2, gate=gate)
    with CoreGroup([hanging, mock(1, '&delay_ms=1', seats=2)], rules=HANGS) as group:
        know(group)
        with ThreadPoolExecutor(1) as threads:
            stuck = threads.submit(infer, group)
            until(lambda: 'hung' in states(group))
            assert {infer(group) for _ in range(20)} == {group.cores[1]}
            assert group.members[0].in_use == 1
            assert group.members[0].since_s > HANGS.hang_s
            assert any('hangs' in event.text for event in group.take_events())
            gate.set()
            assert stuck.result(PATIENCE_S) is hanging
        until(lambda: states(group) == ['in', 'in'])
        assert all_leased(group, hanging)


def test_who_waits_hears_when_the_last_core_hangs():
    gate = Event()
    with CoreGroup([mock(0, gate=gate)], rules=HANGS) as group, ThreadPoolExecutor(2) as threads:
        know(group)
        threads.submit(infer, group)
        until(lambda: group.members[0].in_use == 1)
        waiter = threads.submit(infer, group)
        with refused(Unavailable, 'hangs'):
            waiter.result(PATIENCE_S)
        gate.set()


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


KINDS = st.sampled_from(['ok', 'ok', 'ok', 'slow', 'fail', 'gone'])


@settings(max_examples=40, deadline=None)
@given(
    plans=st.lists(st.lists(KINDS, min_size=1, max_size=12), min_size=1, max_size=4),
    seats=st.integers(1, 2), workers=st.integers(1, 6), frames=st.integers(1, 60),
    policy=st.sampled_from(['latency', 'throughput']))
def test_whatever_fails_every_lease_ends_no_seat_is_lost_and_the_order_is_kept(
        plans, seats, workers, frames, policy):
    group = CoreGroup([_planned(k, plan, seats) for k, plan in enumerate(plans)],
                      rules=replace(QUICK, probe_s=0.001, probe_limit_s=0.002), policy=policy)
    ready = Event()
    line = OrderedExecutor(
        workers=workers, depth=frames, overflow=Overflow.DROP_NEWEST, on_ready=ready.set)

    def job(number, laps):
        with group.lease(PATIENCE_S) as blobs:
            blobs['x'].data[...] = number
            group.sync_infer(blobs)
            return float(blobs['y'].data[0])

    for number in range(frames):
        line.submit(lambda laps, n=number: job(n, laps))
    outcomes, deadline_s = [], time.monotonic() + PATIENCE_S
    while len(outcomes) < frames:
        assert ready.wait(deadline_s - time.monotonic()), (group, line.stats)
        ready.clear()
        outcomes += line.drain()
    assert line.close(finish=True, timeout_s=PATIENCE_S)
    assert [outcome.seq for outcome in outcomes] == list(range(frames))
    for outcome in outcomes:
        if outcome.status is Status.DONE:
            assert outcome.value == outcome.seq
        else:
            assert outcome.status is Status.FAILED
            assert isinstance(outcome.error, InferFailed | Unavailable)
    members = group.members
    held = sum('all cores' not in str(each.error)
               for each in outcomes if each.status is Status.FAILED)
    assert sum(each.failed for each in members) == held, 'failures are those of held frames'
    assert sum(each.done for each in members) == frames - sum(
        each.status is Status.FAILED for each in outcomes)
    group.unload(PATIENCE_S)   # raises if a seat were still out
    assert all(not member.turns and not member.runs for member in group._members)


def _planned(device, plan, seats):
    """Return a core that goes through a plan of fates, then works for good."""
    fates, lock = list(plan), threading.Lock()

    def script(blobs):
        with lock:
            fate = fates.pop(0) if fates else 'ok'
        if fate == 'slow':
            time.sleep(0.002)
        if fate == 'fail':
            raise RuntimeError('by plan')
        if fate == 'gone':
            raise Unavailable('gone by plan')
        np.copyto(blobs['y'].data, blobs['x'].data)

    return mock(device, script=script, seats=seats)


def test_a_simulated_device_is_gone_for_a_while_and_comes_back():
    with open_core('mock.0://identity?fail_after=2&fail_for_s=0.02') as core:
        with core.lease() as blobs:
            core.sync_infer(blobs)
            core.sync_infer(blobs)
            with pytest.raises(InferFailed, match='gone'):
                core.sync_infer(blobs)
            until(lambda: _works(core, blobs))
            core.sync_infer(blobs)


def _works(core, blobs):
    try:
        core.sync_infer(blobs)
    except InferFailed:
        return False
    return True


def until(condition):
    """Wait for something that another thread is about to do."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.0005)
