# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Who is woken for a frame, and when the watchdog looks again."""

from time import monotonic_ns

from faster_deploy_ros.pipeline.crew import Crew
from faster_deploy_ros.pipeline.hangs import Hangs
from faster_deploy_ros.pipeline.ledger import Ledger
from faster_deploy_ros.pipeline.outcome import Overflow
import pytest


@pytest.fixture
def crew():
    """Three workers that were never started, all asleep."""
    crew = Crew(3, lambda worker: None)
    for worker in crew.members:
        crew.rest(worker)
    return crew


def awake(crew):
    return [worker.index for worker in crew.members if not worker.gate.locked()]


def test_a_frame_wakes_the_worker_that_fell_asleep_last(crew):
    crew.wake_for(waiting=1)
    assert awake(crew) == [2]


def test_no_second_worker_is_woken_for_a_frame_that_one_is_coming_for(crew):
    crew.wake_for(waiting=1)
    crew.wake_for(waiting=1)
    assert awake(crew) == [2]
    crew.awake()
    crew.wake_for(waiting=1)
    assert awake(crew) == [1, 2]


def test_two_waiting_frames_wake_two_workers(crew):
    crew.wake_for(waiting=1)
    crew.wake_for(waiting=2)
    assert awake(crew) == [1, 2]


def test_nobody_is_woken_for_nothing(crew):
    crew.wake_for(waiting=0)
    assert awake(crew) == []


def test_all_are_woken_at_the_end(crew):
    crew.wake_for(waiting=1)
    crew.wake_all()
    assert awake(crew) == [0, 1, 2]


@pytest.fixture
def ledger():
    return Ledger(3, Overflow.DROP_OLDEST, None)


def give(crew, ledger, index, running_s):
    """Let a worker have had a job in hand for so long."""
    worker = crew.members[index]
    ledger.accept(print, 0, None)
    worker.ticket = ledger.take(index, 0)
    worker.taken_ns = monotonic_ns() - round(running_s * 1e9)
    return worker


def test_the_watchdog_looks_again_when_the_oldest_job_could_be_too_late(crew, ledger):
    hangs = Hangs(crew, ledger, timeout_s=100.0, max_hung=1)
    assert hangs.judge() == ([], 100.0)
    give(crew, ledger, 0, running_s=30.0)
    give(crew, ledger, 1, running_s=80.0)
    successors, pause_s = hangs.judge()
    assert successors == []
    assert 15.0 < pause_s <= 20.0


def test_only_the_job_that_is_too_late_loses_its_worker(crew, ledger):
    hangs = Hangs(crew, ledger, timeout_s=100.0, max_hung=1)
    young = give(crew, ledger, 0, running_s=30.0)
    old = give(crew, ledger, 1, running_s=101.0)
    successors, pause_s = hangs.judge()
    assert [worker.index for worker in successors] == [1]
    assert crew.members[1] is successors[0] is not old
    assert (young.ticket is not None, old.ticket) == (True, None)
    assert 65.0 < pause_s <= 70.0
    assert not ledger.broken
