# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A pool lends its seats fairly, and loses none."""

from contextlib import ExitStack
from queue import SimpleQueue
import threading
import time

from faster_deploy_ros.blobs import Blob, BlobsBuffer, BlobSpec, BufferPool
from faster_deploy_ros.errors import Closed, TimedOut
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

WAIT_S = 10.0


def seat():
    return BlobsBuffer([Blob(BlobSpec('x', 'f4', (2,), True))])


class Factory:
    """Makes seats, counts them, fails where it is told to."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.made = 0
        self.freed = []

    def __call__(self):
        if self.failures and self.failures.pop(0):
            raise MemoryError('no memory for a seat')
        self.made += 1
        return seat()

    def free(self, buffer):
        self.freed.append(buffer)


@pytest.fixture
def spawn():
    """Start named threads that are joined at the end."""
    threads = []

    def start(target, name):
        thread = threading.Thread(target=target, name=name, daemon=True)
        threads.append(thread)
        thread.start()
        return thread

    yield start
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()


def until(condition):
    """Wait for a state of another thread that no event tells."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, 'it never happened'
        time.sleep(0.0005)


def waiting(pool):
    return len(pool._waiters)


def test_seats_are_made_when_first_needed_and_not_more_than_asked_for():
    factory = Factory()
    pool = BufferPool(factory, 3)
    assert factory.made == 0
    for _ in range(5):
        with pool.lease():
            pass
    assert factory.made == 1
    with pool.lease(), pool.lease(), pool.lease():
        assert factory.made == 3
        with pytest.raises(TimedOut), pool.lease(0):
            pass
    assert factory.made == 3
    assert repr(pool) == '<BufferPool pool: open, 3 of 3 seats made, 0 leased, 0 waiting>'


def test_the_seat_that_came_back_last_goes_out_first():
    pool = BufferPool(seat, 3)
    with ExitStack() as first, ExitStack() as second:
        a = first.enter_context(pool.lease())
        b = second.enter_context(pool.lease())
        first.close()
        second.close()
        assert a is not b
    with pool.lease() as again:
        assert again is b


def test_those_who_wait_are_served_in_the_order_they_came(spawn):
    pool = BufferPool(seat, 1)
    served = SimpleQueue()

    def worker():
        with pool.lease(WAIT_S):
            served.put(threading.current_thread().name)

    with pool.lease():
        for number in range(5):
            spawn(worker, f'w{number}')
            until(lambda n=number: waiting(pool) == n + 1)
    assert [served.get(timeout=WAIT_S) for _ in range(5)] == ['w0', 'w1', 'w2', 'w3', 'w4']


def test_a_newcomer_does_not_overtake_those_who_wait(spawn):
    pool = BufferPool(seat, 1)
    got, go_on = threading.Event(), threading.Event()

    def patient():
        with pool.lease(WAIT_S):
            got.set()
            go_on.wait(WAIT_S)

    lease = pool.lease()
    lease.__enter__()
    spawn(patient, 'patient')
    until(lambda: waiting(pool) == 1)
    lease.__exit__(None, None, None)
    with pytest.raises(TimedOut), pool.lease(0):
        pass
    assert got.wait(WAIT_S)
    go_on.set()


def test_waiting_too_long_says_who_waits_and_who_holds_the_seats(spawn):
    pool = BufferPool(seat, 1, name='npu.0 yolo')
    holding, go_on = threading.Event(), threading.Event()

    def holder():
        with pool.lease():
            holding.set()
            go_on.wait(WAIT_S)

    spawn(holder, 'worker-7')
    assert holding.wait(WAIT_S)
    with pytest.raises(TimedOut) as refusal, pool.lease(0.01):
        pass
    for word in ('npu.0 yolo', "'MainThread'", '0.01 s', '1 of 1', 'worker-7', 'more seats'):
        assert word in str(refusal.value)
    assert waiting(pool) == 0
    go_on.set()


def test_a_failing_job_gives_its_seat_back():
    pool = BufferPool(seat, 1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), pool.lease(0):
            1 / 0
    assert pool.leased == 0


def test_a_seat_comes_back_clean():
    pool = BufferPool(seat, 1)
    with pool.lease() as blobs:
        blobs['x'].bind(np.ones(2, 'f4'))
        assert blobs.is_leased
    assert not blobs.is_leased
    assert not blobs['x'].is_bound
    with pool.lease() as again:
        assert again is blobs
        assert again['x'].data.tolist() == [0, 0]


def test_a_seat_that_cannot_be_made_may_be_made_later():
    pool = BufferPool(Factory(True), 1)
    with pytest.raises(MemoryError), pool.lease(0):
        pass
    assert pool.leased == 0
    with pool.lease(0) as blobs:
        assert blobs.is_leased


def test_a_seat_that_cannot_be_made_lets_the_next_one_try(spawn):
    begun, go_on = threading.Event(), threading.Event()
    failing = [True, False]

    def allocate():
        begun.set()
        assert go_on.wait(WAIT_S)
        if failing.pop(0):
            raise MemoryError('no memory for a seat')
        return seat()

    pool = BufferPool(allocate, 1)
    results = SimpleQueue()

    def worker():
        try:
            with pool.lease(WAIT_S):
                results.put('seat')
        except MemoryError:
            results.put('failed')

    spawn(worker, 'first')
    assert begun.wait(WAIT_S)
    spawn(worker, 'second')
    until(lambda: waiting(pool) == 1)
    go_on.set()
    assert [results.get(timeout=WAIT_S) for _ in range(2)] == ['failed', 'seat']


def test_closing_wakes_those_who_wait_and_refuses_newcomers(spawn):
    factory = Factory()
    pool = BufferPool(factory, 1, free=factory.free)
    ended = SimpleQueue()

    def worker():
        try:
            with pool.lease():
                ended.put('seat')
        except Closed:
            ended.put('closed')

    with pool.lease():
        for number in range(3):
            spawn(worker, f'w{number}')
        until(lambda: waiting(pool) == 3)
        assert pool.close(0.01) is False
        assert [ended.get(timeout=WAIT_S) for _ in range(3)] == ['closed'] * 3
        with pytest.raises(Closed), pool.lease():
            pass
        assert not factory.freed
        assert pool.holders() == ('MainThread',)
    assert pool.close() is True
    assert len(factory.freed) == factory.made == 1
    assert pool.close() is True
    assert len(factory.freed) == 1
    assert 'closed, 0 of 1 seats made' in repr(pool)


def test_closing_waits_for_the_seats_that_are_out(spawn):
    factory = Factory()
    pool = BufferPool(factory, 2, free=factory.free)
    taken, go_on = threading.Event(), threading.Event()

    def worker():
        with pool.lease():
            taken.set()
            go_on.wait(WAIT_S)

    spawn(worker, 'worker')
    assert taken.wait(WAIT_S)
    closed = SimpleQueue()
    spawn(lambda: closed.put(pool.close(WAIT_S)), 'closer')
    until(lambda: pool.is_closed)
    assert closed.empty()
    go_on.set()
    assert closed.get(timeout=WAIT_S) is True
    assert len(factory.freed) == 1


def test_a_pool_without_seats_is_refused():
    with pytest.raises(ValueError, match='at least 1'):
        BufferPool(seat, 0)


@settings(max_examples=30, deadline=None)
@given(
    size=st.integers(1, 4), workers=st.integers(1, 8),
    plan=st.lists(st.sampled_from(['work', 'fail', 'timeout']), min_size=1, max_size=40),
    failures=st.lists(st.booleans(), max_size=6))
def test_no_seat_is_ever_lost_or_lent_twice(size, workers, plan, failures):
    factory = Factory(*failures)
    pool = BufferPool(factory, size, free=factory.free)
    jobs, out, clashes = SimpleQueue(), set(), []
    for job in plan:
        jobs.put(job)
    begin = threading.Barrier(workers)

    def worker():
        begin.wait(WAIT_S)
        while not jobs.empty():
            try:
                job = jobs.get_nowait()
            except Exception:
                return
            try:
                with pool.lease(0.0005 if job == 'timeout' else WAIT_S) as blobs:
                    if id(blobs) in out or len(out) >= size:
                        clashes.append(job)
                    out.add(id(blobs))
                    time.sleep(0)
                    out.discard(id(blobs))
                    if job == 'fail':
                        raise ZeroDivisionError
            except (ZeroDivisionError, TimedOut, MemoryError):
                pass

    threads = [threading.Thread(target=worker) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert not any(thread.is_alive() for thread in threads)
    assert not clashes
    assert (pool.leased, waiting(pool)) == (0, 0)
    assert factory.made <= size
    assert pool.close() is True
    assert len(factory.freed) == factory.made
