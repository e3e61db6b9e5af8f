# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Several cores as one keep the promises of one."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
import threading
import time

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores import contract as contract_module
from faster_deploy_ros.cores import CoreGroup, open_group
from faster_deploy_ros.cores.contract import CoreContract, refused
from faster_deploy_ros.cores.group_health import HealthRules
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.errors import (
    BadValue,
    BlobMismatch,
    Closed,
    InferFailed,
    LoadFailed,
    TimedOut,
    UnknownName,
)
import numpy as np
import pytest

PATIENCE_S = 20.0
PATIENT = HealthRules(failures=1000)


class GroupContract(CoreContract):
    """A group of two promises what one core does."""

    @pytest.fixture(autouse=True)
    def a_group_instead_of_a_core(self, monkeypatch):
        def open_two(uri, *, source=None, seats=2):
            assert source is None
            return open_group([uri, uri], seats=max(1, seats // 2), policy='throughput',
                              rules=PATIENT)

        monkeypatch.setattr(contract_module, 'open_core', open_two)

    @pytest.fixture
    def identity_bytes(self):
        return None

    def test_unloading_twice_is_once_and_everything_is_closed_afterwards(self, identity):
        group = open_group([identity, identity])
        with group.lease() as blobs:
            group.sync_infer(blobs)
        group.unload()
        group.unload()
        with refused(Closed), group.lease():
            pass
        with refused(Closed):
            group.sync_infer(blobs)


class TestGroupOfMocks(GroupContract):
    """Two simulated cores."""

    @pytest.fixture
    def identity(self):
        return 'mock.1://identity?shape=1,3,4,5&devices=4'

    @pytest.fixture
    def dynamic_identity(self):
        return 'mock.0://identity?shape=-1,3,-1,-1'

    @pytest.fixture
    def failing(self):
        return 'mock.0://identity?fail_every=1'


@pytest.mark.core
class TestGroupOfOnnxRuntimes(GroupContract):
    """Two real sessions."""

    @pytest.fixture(autouse=True)
    def needs_the_runtime(self):
        pytest.importorskip('onnxruntime', reason='onnxruntime is not installed')

    @pytest.fixture
    def identity(self, tiny_models):
        return f"onnxruntime.0://{tiny_models('identity')}"

    @pytest.fixture
    def dynamic_identity(self, tiny_models):
        return f"onnxruntime.0://{tiny_models('dynamic_identity')}"

    @pytest.fixture
    def failing(self, tiny_models):
        return f"onnxruntime.0://{tiny_models('gather')}"


def mock_with(names, layout='', shape=(1, 3, 4, 5), dtype='float32', output=(1, 2), device=0):
    """Return a loaded core whose output counts in what its input is filled with."""
    x, y = names
    kind = np.dtype(dtype)
    specs = [BlobSpec(x, kind, shape, True, layout),
             BlobSpec(y, np.dtype('float32'), output, False)]
    core = MockCore(f'mock.{device}://identity', specs=specs, seats=1, script=lambda blobs: (
        blobs[y].data.fill(blobs[x].data.flat[0])))
    core.load()
    return core


def test_a_seat_answers_to_the_first_cores_names():
    with CoreGroup([mock_with(('images', 'output')), mock_with(('x', 'y'), device=1)],
                   policy='throughput') as group:
        assert list(group.specs) == ['images', 'output']
        with group.lease() as one, group.lease() as two:
            assert {one.owner, two.owner} == set(group.cores)
            for number, blobs in enumerate((one, two)):
                blobs['images'].data[...] = number + 1
                group.sync_infer(blobs)
                assert blobs['output'].data.tolist() == [[number + 1, number + 1]]
            assert list(two) == ['x', 'y'], 'it keeps its own names'
            assert 'images' in two
            assert two['images'] is two['x']
            with refused(BlobMismatch, 'nonsense', "'x'"):
                two['nonsense']


def test_the_inputs_may_differ_in_layout_and_between_floats_and_bytes():
    first = mock_with(('x', 'y'), 'NCHW', (1, 3, 8, 16))
    other = mock_with(('x', 'y'), 'NHWC', (1, 8, 16, 3), 'uint8')
    with CoreGroup([first, other], policy='throughput') as group:
        with group.lease() as one, group.lease() as two:
            assert [blobs['x'].spec.layout for blobs in (one, two)] == ['NCHW', 'NHWC']
            assert two['x'].spec.dtype == np.uint8
        assert group.specs['x'].layout == 'NCHW'


@pytest.mark.parametrize(('other', 'words'), [
    ({'shape': (1, 3, 4, 6)}, ('[1, 3, 4, 5]', '[1, 3, 4, 6]')),
    ({'output': (1, 3)}, ('[1, 2]', '[1, 3]')),
    ({'dtype': 'float64'}, ('float32', 'float64')),
    ({'shape': (1, 4, 6, 3), 'layout': 'NHWC'}, ('[1, 4, 6, 3] NHWC',)),
], ids=['input shape', 'output shape', 'dtype', 'input size in another layout'])
def test_cores_that_do_not_run_one_model_are_refused_with_both_named(other, words):
    cores = [mock_with(('x', 'y')), mock_with(('x', 'y'), device=1, **other)]
    with refused(BlobMismatch, 'mock.0://', 'mock.1://', *words):
        CoreGroup(cores)


def test_another_number_of_tensors_is_refused():
    with refused(BlobMismatch, "'mock.0://identity'", '1 outputs', '0'):
        CoreGroup([mock_with(('x', 'y')), _blind()])


def _blind():
    core = MockCore('mock.1://identity', specs=[
        BlobSpec('x', np.dtype('float32'), (1, 3, 4, 5), True)], script=lambda blobs: None)
    core.load()
    return core


def test_crossed_names_are_refused():
    with refused(BlobMismatch, "'b'", 'rename'):
        CoreGroup([mock_with(('a', 'b')), mock_with(('b', 'c'))])


def test_a_wrong_policy_and_no_core_are_refused():
    with refused(UnknownName, 'fastest', 'latency', 'throughput'):
        open_group(['mock.0://identity'], policy='fastest')
    with refused(BadValue):
        open_group([])


def test_when_one_model_cannot_be_opened_none_stays_loaded(monkeypatch):
    unloaded = []
    monkeypatch.setattr(MockCore, '_unload', lambda self: unloaded.append(self.uri.device))
    with refused((LoadFailed, UnknownName), 'no_such_model'):
        open_group(['mock.0://identity', 'mock.1://identity', 'mock.2://no_such_model'])
    assert unloaded == [1, 0]


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


def until(condition):
    """Wait for something that another thread is about to do."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.0005)
