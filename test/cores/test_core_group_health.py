# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A core of a group that fails is left out, asked again and taken back; nothing else is lost."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
import threading
from threading import Event
import time

from faster_deploy_ros.cores import CoreGroup, open_core
from faster_deploy_ros.cores.contract import refused
from faster_deploy_ros.cores.group.health import HealthRules
from faster_deploy_ros.errors import InferFailed, Unavailable
from faster_deploy_ros.pipeline.ordered import OrderedExecutor
from faster_deploy_ros.pipeline.outcome import Overflow, Status
from group_cores import (
    all_leased,
    fail_until_out,
    HANGS,
    infer,
    know,
    mock,
    NEVER,
    PATIENCE_S,
    QUICK,
    states,
    until,
)
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest


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


def test_what_a_hanging_inference_took_is_not_taken_for_the_cores_time():
    now, steps = [0.0], [0.01, 1000.0]

    def script(blobs):
        now[0] += steps.pop(0)   # the probe finds none left, and fails

    with CoreGroup([mock(0, script=script)], rules=HealthRules(), clock=lambda: now[0]) as group:
        for _ in range(2):
            with group.lease(PATIENCE_S) as blobs:
                group.sync_infer(blobs)
        assert states(group) == ['out']
        assert group.members[0].service_ms is None, 'the first one is never counted'
        assert '1000.0 s' in group.take_events()[0].text


def test_a_core_that_is_out_is_not_probed_beside_an_inference_that_hangs():
    gate, calls = Event(), []

    def script(blobs):
        calls.append(1)
        if len(calls) == 1:
            gate.wait(PATIENCE_S)
        raise RuntimeError('no')

    hanging, other = mock(0, '&devices=2', seats=2, script=script), mock(1)
    with CoreGroup([hanging, other], rules=HANGS) as group, ThreadPoolExecutor(1) as threads:
        stuck = threads.submit(_infer_on, group, 0)
        until(lambda: calls)
        other.broken.set()
        for index in (0, 1):
            for _ in range(HANGS.failures):
                with refused(InferFailed):
                    _infer_on(group, index)
        seen = len(calls)
        until(lambda: group._members[1].health.failed_probes > 3)   # it is probed all the time
        assert len(calls) == seen
        gate.set()
        with refused(InferFailed):
            stuck.result(PATIENCE_S)
        until(lambda: len(calls) > seen)


def _infer_on(group, index):
    with group.lease_of(index) as blobs:
        group.sync_infer(blobs)


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
