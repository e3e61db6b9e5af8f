# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A settled frame lets go of its input, an error of the call frames behind it."""

from functools import partial
import gc
import sys
import traceback
import weakref

from faster_deploy_ros.pipeline.outcome import Status
from line_owner import eventually, Owner
import pytest


class Image:
    """Something that can be watched to be freed."""


def succeed(image, laps):
    return 'done'


def succeed_at_once(laps):
    return 'done'


def fail(image, laps):
    local = image
    raise ValueError(f'not {type(local).__name__}')


def fail_with_a_cause(image, laps):
    try:
        fail(image, laps)
    except ValueError as error:
        raise RuntimeError('decode failed') from error


def fail_while_failing(image, laps):
    try:
        fail(image, laps)
    finally:
        raise RuntimeError('and again')


def fail_twice(image, laps):
    errors = []
    for _ in range(2):
        try:
            fail(image, laps)
        except ValueError as error:
            errors.append(error)
    raise ExceptionGroup('both', errors)   # noqa: F821 (from Python 3.11)


def submit_image(line, job):
    """Submit as the node does; return a weak reference to the input."""
    image = Image()
    line.submit(partial(job, image))
    return weakref.ref(image)


@pytest.fixture(autouse=True)
def without_the_collector():
    """Show that reference counts alone free the images: no robot waits for a collection."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize('job', [succeed, fail, fail_with_a_cause, fail_while_failing])
def test_a_settled_job_lets_go_of_its_input_before_it_is_drained(own, job):
    owner = own()
    watched = submit_image(owner.line, job)
    eventually(lambda: owner.calls)
    assert watched() is None
    assert len(owner.drain()) == 1


def test_an_error_keeps_its_traceback_but_not_the_image(own):
    owner = own()
    watched = submit_image(owner.line, fail_with_a_cause)
    outcome, = owner.collect(1)
    text = ''.join(traceback.format_exception(outcome.error))
    assert 'in fail_with_a_cause' in text
    assert 'ValueError: not Image' in text
    assert 'in fail\n' in text
    assert watched() is None


@pytest.mark.skipif(sys.version_info < (3, 11), reason='ExceptionGroup came with Python 3.11')
def test_the_errors_of_a_group_let_go_too(own):
    owner = own()
    watched = submit_image(owner.line, fail_twice)
    outcome, = owner.collect(1)
    assert len(outcome.error.exceptions) == 2
    assert watched() is None


def test_a_drained_result_belongs_to_the_caller_alone(own):
    owner = own(workers=2)
    owner.line.submit(lambda laps: Image())
    assert owner.ready.wait(10)
    outcome, = owner.line.drain()
    watched = weakref.ref(outcome.value)
    assert watched() is not None
    del outcome
    assert watched() is None


def test_a_cancelled_frame_lets_go_of_its_input(own, held):
    owner = own(depth=1)
    running = held()
    owner.line.submit(running)
    watched = submit_image(owner.line, succeed)
    running.go.set()
    owner.line.close(finish=False, timeout_s=10.0)
    assert watched() is None
    assert {o.status for o in owner.drain()} <= {Status.DONE, Status.CANCELLED}


def test_a_stale_frame_lets_go_of_its_input_while_the_workers_sleep(own):
    owner = own(max_age_ns=1)
    image = Image()
    watched = weakref.ref(image)
    owner.line.submit(partial(succeed, image), stamp_ns=0)
    del image
    eventually(lambda: owner.calls)
    eventually(lambda: watched() is None)
    assert owner.drain()[0].reason == 'stale'


def test_nothing_keeps_a_closed_line_alive(held):
    owner = Owner(workers=2, depth=1, job_timeout_s=60.0)
    owner.line.submit(succeed_at_once)
    owner.collect(1)
    assert owner.line.close(finish=False, timeout_s=10.0)
    watched = weakref.ref(owner.line)
    del owner
    gc.collect()
    assert watched() is None


def test_a_hung_job_lets_go_of_its_input_when_it_returns_at_last(own, held):
    owner = own(job_timeout_s=0.03)
    gate = held()

    def hang(image, laps):
        gate(laps)

    watched = submit_image(owner.line, hang)
    owner.collect(1)
    assert watched() is not None      # a running call cannot be robbed of its arguments
    gate.go.set()
    eventually(lambda: watched() is None)
