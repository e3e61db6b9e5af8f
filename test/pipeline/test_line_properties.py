# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The laws of the line on real threads: any schedule, any fault, any end, no frame unaccounted."""

from collections import Counter
from dataclasses import dataclass
import threading
import time

from faster_deploy_ros.errors import Closed, TimedOut
from faster_deploy_ros.pipeline.outcome import Overflow, Status
from hypothesis import example, given, HealthCheck, settings
from hypothesis import strategies as st
from line_owner import Owner, PATIENCE_S, settled

JOB_TIMEOUT_S = 0.05
MAX_AGE_NS = 10**12
MOST = 50
KINDS = ('quick', 'quick', 'slow', 'fail', 'exit', 'stale', 'grows_old')


@dataclass(frozen=True)
class Frame:
    """One frame of a schedule: what its job will do."""

    lane: int
    kind: str
    delay_s: float
    drains: bool


@dataclass(frozen=True)
class Schedule:
    """One life of a line."""

    workers: int
    depth: int
    overflow: Overflow
    frames: tuple[Frame, ...]
    watched: bool
    max_hung: int
    on_ready_fails: bool
    finish: bool


@st.composite
def schedules(draw, hangs=False):
    """Draw a life with up to 60 frames; with ``hangs``, a watchdog and a few jobs that hang."""
    kinds = (*KINDS, 'hang') if hangs else KINDS
    frame = st.builds(
        Frame, lane=st.integers(0, 3), kind=st.sampled_from(kinds),
        delay_s=st.sampled_from([0.0, 0.0, 0.0002, 0.001]), drains=st.booleans())
    return draw(st.builds(
        Schedule, workers=st.integers(1, 16), depth=st.integers(0, 5),
        overflow=st.sampled_from(Overflow),
        frames=st.lists(frame, max_size=15 if hangs else 60).map(tuple),
        watched=st.just(hangs), max_hung=st.integers(0, 4), on_ready_fails=st.booleans(),
        finish=st.booleans()))


class Life:
    """Live through a schedule and remember what each job did."""

    def __init__(self, schedule):
        self.schedule = schedule
        self.skew_ns = 0                  # added to the clock by frames that grow old
        self.gate = threading.Event()     # where hanging jobs hang
        self.runs = Counter()
        self.at_once = 0
        self.most_at_once = 0
        self.lock = threading.Lock()
        self.closed = False
        self.late_calls = 0
        self.sent = {lane: [] for lane in range(4)}
        self.owner = Owner(
            workers=schedule.workers, depth=schedule.depth, overflow=schedule.overflow,
            max_age_ns=MAX_AGE_NS, now_ns=lambda: time.monotonic_ns() + self.skew_ns,
            on_ready=self.on_ready, max_hung=schedule.max_hung,
            job_timeout_s=JOB_TIMEOUT_S if schedule.watched else None)

    def on_ready(self):
        self.late_calls += self.closed
        self.owner.wake_up()
        if self.schedule.on_ready_fails:
            raise RuntimeError('the guard condition is destroyed')

    def job(self, number, frame):
        def run(laps):
            with self.lock:
                self.runs[number] += 1
                self.at_once += frame.kind != 'hang'
                self.most_at_once = max(self.most_at_once, self.at_once)
            try:
                return self.act(number, frame)
            finally:
                with self.lock:
                    self.at_once -= frame.kind != 'hang'
        return run

    def act(self, number, frame):
        if frame.delay_s:
            time.sleep(frame.delay_s)
        if frame.kind == 'slow':
            time.sleep(0.002)
        if frame.kind == 'fail':
            raise ValueError(number)
        if frame.kind == 'exit':
            raise SystemExit(number)
        if frame.kind == 'hang':
            assert self.gate.wait(PATIENCE_S)
        return number

    def live(self):
        """Send all frames, close in the middle of their work, drain what is left."""
        line = self.owner.line
        for number, frame in enumerate(self.schedule.frames):
            stamp_ns = time.monotonic_ns() + self.skew_ns
            if frame.kind == 'stale':
                stamp_ns -= 2 * MAX_AGE_NS
            lane = self.sent[frame.lane]
            assert line.submit(
                self.job(number, frame), lane=frame.lane, stamp_ns=stamp_ns) == len(lane)
            lane.append((number, frame))
            if frame.kind == 'grows_old':
                self.skew_ns += 2 * MAX_AGE_NS    # it, and all that are on their way
            self.check_bounds()
            if frame.drains:
                self.owner.drain()
        ended = line.close(finish=self.schedule.finish, timeout_s=0.3)
        self.closed = True
        self.owner.drain()
        self.gate.set()
        assert line.close(finish=False, timeout_s=PATIENCE_S)
        assert not self.owner.drain()
        return ended

    def check_bounds(self):
        stats = self.owner.line.stats
        limit = self.schedule.workers + self.schedule.depth
        if self.schedule.overflow is not Overflow.BLOCK and not self.owner.line.broken:
            assert stats.live <= limit
        assert stats.waiting + stats.running <= limit
        ended = stats.done + stats.failed + sum(stats.dropped.values()) + stats.cancelled
        assert stats.accepted == ended + stats.in_flight


def check_life(schedule):
    life = Life(schedule)
    try:
        life.live()
    finally:
        life.gate.set()
        life.owner.line.close(finish=False, timeout_s=PATIENCE_S)
    stats = life.owner.line.stats
    assert settled(stats), stats
    assert stats.accepted == len(schedule.frames) == len(life.owner.outcomes)
    assert life.late_calls == 0
    assert all(count == 1 for count in life.runs.values())
    assert life.most_at_once <= schedule.workers + stats.hung
    for lane, sent in life.sent.items():
        outcomes = [o for o in life.owner.outcomes if o.lane == lane]
        assert [o.seq for o in outcomes] == list(range(len(sent)))
        for outcome, (number, frame) in zip(outcomes, sent):
            check_outcome(schedule, outcome, number, frame, ran=bool(life.runs[number]))


def check_outcome(schedule, outcome, number, frame, ran):
    case = (outcome.status, outcome.reason)
    assert [outcome.laps[0].name, outcome.laps[-1].name] == ['wait', 'hold']
    assert (outcome.worker >= 0) == ran or outcome.reason == 'hung'
    if case == (Status.DONE, ''):
        assert ran
        assert outcome.value == number
        assert frame.kind not in ('stale', 'fail', 'exit', 'hang')
    elif case == (Status.FAILED, ''):
        assert ran
        assert outcome.error.args == (number,)
        assert type(outcome.error) is (ValueError if frame.kind == 'fail' else SystemExit)
    elif case == (Status.FAILED, 'hung'):
        assert isinstance(outcome.error, TimedOut)
    elif case == (Status.DROPPED, 'overflow'):
        assert not ran
        assert schedule.overflow is not Overflow.BLOCK
    elif case == (Status.CANCELLED, 'closed'):
        assert not ran
    elif case == (Status.CANCELLED, 'broken'):
        assert not ran
        assert schedule.watched
    else:
        assert case == (Status.DROPPED, 'stale')
    assert (outcome.value is not None) == (outcome.status is Status.DONE)
    assert (outcome.error is not None) == (outcome.status is Status.FAILED)


def lives(count):
    return settings(
        max_examples=count, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@lives(300)
@given(schedules())
def test_no_frame_is_unaccounted_whatever_the_delays_and_the_faults(schedule):
    check_life(schedule)


@lives(60)
@given(schedules(hangs=True))
@example(Schedule(1, 0, Overflow.BLOCK, 3 * (Frame(0, 'hang', 0.0, False),), True, 0, True, True))
@example(Schedule(16, 5, Overflow.DROP_OLDEST, 6 * (Frame(1, 'hang', 0.0, False),), True, 4,
                  False, True))
def test_no_frame_is_unaccounted_when_jobs_hang(schedule):
    check_life(schedule)


@lives(60)
@given(workers=st.integers(1, 16), depth=st.integers(0, 3), overflow=st.sampled_from(Overflow),
       submitters=st.integers(1, 4), after=st.integers(0, MOST), finish=st.booleans())
def test_a_line_closed_in_the_middle_of_everything_accounts_for_everything(
        workers, depth, overflow, submitters, after, finish):
    owner = Owner(workers=workers, depth=depth, overflow=overflow)
    sent = [0] * submitters
    total = threading.Semaphore(0)

    def send(lane):
        try:
            for _ in range(MOST):
                owner.line.submit(lambda laps: time.sleep(0.0002), lane=lane)
                sent[lane] += 1
                total.release()
        except Closed:
            pass

    senders = [threading.Thread(target=send, args=(lane,)) for lane in range(submitters)]
    for sender in senders:
        sender.start()
    for _ in range(after):
        assert total.acquire(timeout=PATIENCE_S)
        owner.drain()
    assert owner.line.close(finish=finish, timeout_s=PATIENCE_S)
    for sender in senders:
        sender.join(PATIENCE_S)
        assert not sender.is_alive()
    owner.drain()
    assert settled(owner.line.stats)
    for lane in range(submitters):
        seqs = [o.seq for o in owner.outcomes if o.lane == lane]
        assert seqs == list(range(sent[lane]))
