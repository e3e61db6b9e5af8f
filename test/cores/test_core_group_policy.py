# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The policies in a world without threads: a clock that jumps from event to event."""

from heapq import heappop, heappush
from itertools import pairwise
from math import inf

from faster_deploy_ros.cores import open_core
from faster_deploy_ros.cores.group.health import HealthRules
from faster_deploy_ros.cores.group.member import HANG_FACTOR, Member
from faster_deploy_ros.cores.group.policy import by_latency, by_throughput, MARGIN
from faster_deploy_ros.cores.group.times import ENOUGH, ServiceTimes, WINDOW
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

FAST_S, SLOW_S = 0.007, 0.060


class Device:
    """A core that does one thing at a time on one seat, in exactly its time."""

    def __init__(self, service_s, known=True):
        self.service_s = service_s
        self.known = known
        self.due_s = None
        self.served = 0

    @property
    def free(self):
        return 1 if self.due_s is None else 0

    @property
    def in_use(self):
        return 1 - self.free

    def expected_s(self):
        return self.service_s if self.known else None

    expected_after_s = expected_s

    def frees_s(self, now_s):
        return [] if self.due_s is None else [abs(self.due_s - now_s)]


def play(policy, devices, arrivals):
    """Serve frames by a policy; return when each would be published, in order."""
    events = [(at_s, 0, number) for number, at_s in enumerate(arrivals)]
    line, finished = [], {}
    while events:
        now_s, kind, what = heappop(events)
        if kind == 0:
            line.append(what)
        elif kind == 1:
            device, frame = what
            devices[device].due_s = None
            devices[device].known = True
            finished[frame] = now_s
        ahead = 0
        for frame in list(line):
            device, recheck_s = policy(devices, ahead, now_s)
            if device is None:
                ahead += 1
                if recheck_s < inf:
                    heappush(events, (now_s + max(recheck_s, 1e-4), 2, -1))
                continue
            line.remove(frame)
            device.due_s = now_s + device.service_s
            device.served += 1
            heappush(events, (device.due_s, 1, (devices.index(device), frame)))
    published, latest_s = [], 0.0
    for frame in range(len(arrivals)):
        latest_s = max(latest_s, finished[frame])
        published.append(latest_s)
    return published


def ages(policy, devices, arrivals):
    return [out - at for out, at in zip(play(policy, devices, arrivals), arrivals)]


def npus_and_a_slow_core():
    return [Device(SLOW_S), Device(FAST_S), Device(FAST_S), Device(FAST_S)]


def test_throughput_lets_no_core_idle_while_frames_wait():
    devices = npus_and_a_slow_core()
    published = play(by_throughput, devices, [0.0] * 900)
    own_rates = 3 / FAST_S + 1 / SLOW_S
    assert 900 / published[-1] > 0.98 * own_rates
    assert devices[0].served > 0.9 * published[-1] / SLOW_S


def test_throughput_takes_the_fastest_free_core():
    devices = npus_and_a_slow_core()
    ages(by_throughput, devices, [n * 0.010 for n in range(100)])
    assert devices[0].served == 0


@pytest.mark.parametrize('fps', [30, 200, 400])
def test_latency_makes_no_frame_older_than_the_fast_cores_alone_would(fps):
    arrivals = [n / fps for n in range(400)]
    alone = ages(by_latency, npus_and_a_slow_core()[1:], arrivals)
    devices = npus_and_a_slow_core()
    together = ages(by_latency, devices, arrivals)
    assert max(together) <= max(alone) + 1e-9
    assert devices[0].served == 0, 'below the rate of the fast cores the slow one only holds up'


def test_latency_uses_the_slow_core_when_the_queue_is_longer_than_it_is_slow():
    devices = npus_and_a_slow_core()
    flood = [0.0] * 100
    alone = play(by_latency, devices[1:], flood)
    devices = npus_and_a_slow_core()
    together = play(by_latency, devices, flood)
    assert devices[0].served > 0
    assert together[-1] < alone[-1]
    assert all(a <= b + MARGIN * 0.1 * SLOW_S for a, b in zip(together, alone))


@settings(max_examples=150, deadline=None)
@given(
    services=st.lists(st.integers(1, 80), min_size=1, max_size=5),
    gaps=st.lists(st.integers(0, 30), min_size=1, max_size=60))
def test_under_latency_every_core_more_makes_the_line_no_later(services, gaps):
    """Whatever the cores and the arrivals, beside the fastest core alone, but for the margin."""
    arrivals, now = [], 0
    for gap in gaps:
        now += gap
        arrivals.append(now / 1e3)
    alone = play(by_latency, [Device(min(services) / 1e3)], arrivals)
    together = play(by_latency, [Device(each / 1e3) for each in services], arrivals)
    slack_s = (MARGIN - 1) * max(services) / 1e3 + 1e-6
    for sooner, later in zip(together, alone):
        assert sooner <= later + slack_s
    assert all(a <= b for a, b in pairwise(together))


def test_a_core_that_is_not_known_is_tried_at_once_and_never_waited_for():
    new, busy = Device(SLOW_S, known=False), Device(FAST_S)
    busy.due_s = 0.001
    assert by_latency([new, busy], 0, 0.0) == (new, inf)
    new.due_s = 0.0
    busy.due_s, slow = None, Device(SLOW_S)
    assert by_latency([new, slow], 0, 0.0)[0] is slow


def test_what_is_late_is_expected_to_be_as_late_again():
    slow, stalled = Device(SLOW_S), Device(FAST_S)
    stalled.due_s = 0.0
    assert by_latency([slow, stalled], 0, 0.010)[0] is None, 'it may be about to end'
    assert by_latency([slow, stalled], 0, 0.050)[0] is slow, 'it has stalled'


def test_a_cores_seats_are_expected_back_by_its_times_and_late_ones_later_still():
    with open_core('mock.0://identity', seats=2) as core:
        member = Member(core, 'mock.0', None, HealthRules())
        for _ in range(2):
            member.times.add(0, 0.010)
        turn = member.take(100.0)
        assert member.frees_s(100.004) == [pytest.approx(0.006)]
        assert member.expected_s() == pytest.approx(0.020), 'beside another, not seen yet'
        assert member.expected_after_s() == pytest.approx(0.010)
        run = member.begin(turn, 100.005)
        assert member.frees_s(100.005) == [pytest.approx(0.010)], 'it begins only now'
        assert member.frees_s(100.045) == [pytest.approx(0.030)], '30 ms late'
        member.end(turn, run, 100.050)
        assert member.frees_s(100.050) == [0.0]


def test_an_inference_hangs_when_it_is_slow_even_for_its_own_core():
    """A core of 60 ms is not given up after the second that is enough for one of 5 ms."""
    with open_core('mock.0://identity') as core:
        member = Member(core, 'mock.0', None, HealthRules(hang_s=1.0))
        run = member.begin(member.take(100.0), 100.0)
        assert not member.hangs(109.9), 'runtimes prepare themselves in their first inference'
        assert member.hangs(110.1)
        for usual_s, limit_s in ((SLOW_S, HANG_FACTOR * SLOW_S), (FAST_S, 1.0)):
            member.times.forget()
            for _ in range(2):
                member.times.add(run.level, usual_s)
            assert not member.hangs(100.0 + limit_s - 0.01)
            assert member.hangs(100.0 + limit_s + 0.01)


def test_the_time_to_ask_again_is_not_after_the_choice_has_changed():
    slow, stalled = Device(SLOW_S), Device(FAST_S)
    stalled.due_s = 0.005
    now_s, asked = 0.0, 0
    while True:
        device, recheck_s = by_latency([slow, stalled], 0, now_s)
        asked += 1
        if device is slow:
            break
        assert by_latency([slow, stalled], 0, now_s + 0.99 * recheck_s)[0] is None
        now_s += recheck_s + 1e-6
    assert asked <= 4
    assert now_s == pytest.approx(0.005 + SLOW_S / MARGIN - FAST_S, abs=1e-4)


def test_those_ahead_take_the_next_seats_first():
    devices = [Device(0.020), Device(FAST_S)]
    devices[1].due_s = 0.001
    assert by_latency(devices, 0, 0.0)[0] is None      # 8 ms by waiting
    assert by_latency(devices, 1, 0.0)[0] is None      # 15 ms
    assert by_latency(devices, 2, 0.0)[0] is devices[0]


def test_the_first_inference_of_a_core_is_not_learned_from():
    times = ServiceTimes()
    times.add(0, 5.0)
    assert times.expect(0) is None
    times.add(0, 0.007)
    assert times.expect(0) == 0.007


def test_one_slow_inference_changes_no_expectation_and_a_lasting_change_does():
    times = ServiceTimes()
    for elapsed_s in (1.0, *[0.007] * ENOUGH, 0.9):
        times.add(0, elapsed_s)
    assert times.expect(0) == 0.007
    for _ in range(WINDOW // 2 + 1):
        times.add(0, 0.02)
    assert times.expect(0) == 0.02


def test_a_level_that_was_not_seen_is_guessed_from_the_next_lower_one():
    times = ServiceTimes()
    times.add(0, 1.0)
    times.add(1, 0.012)
    assert times.expect(0) == 0.006
    times.add(0, 0.007)
    assert times.expect(1) == 0.012
    assert times.expect(2) == pytest.approx(0.018)
    times.forget()
    assert times.expect(0) is None
    for elapsed_s in (5.0, 0.5):
        times.add(0, elapsed_s)
    assert times.expect(0) == 0.5, 'nothing of the former life counts'
    assert times.expect(1) == 1.0
