# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every kind of caller at once, for a while."""

import random
import threading

from faster_deploy_ros.errors import Closed
from faster_deploy_ros.pipeline.outcome import Overflow, Status
from line_owner import Owner, PATIENCE_S, settled
import pytest

FRAMES = 2000


@pytest.mark.parametrize('overflow', Overflow)
@pytest.mark.parametrize('workers', [1, 4, 16])
def test_a_crowd_of_submitters_one_drain_and_curious_readers(overflow, workers):
    before = set(threading.enumerate())
    owner = Owner(workers=workers, depth=4, overflow=overflow, job_timeout_s=60.0)
    over = threading.Event()
    torn = []

    def job(number):
        def run(laps):
            if number % 97 == 0:
                raise ValueError(number)
            return number
        return run

    def send(lane):
        for number in range(FRAMES):
            owner.line.submit(job(number), lane=lane)

    def read():
        while not over.is_set():
            stats = owner.line.stats
            ended = stats.done + stats.failed + sum(stats.dropped.values()) + stats.cancelled
            if stats.accepted != ended + stats.in_flight:
                torn.append(stats)
            over.wait(0.0005)

    threads = [threading.Thread(target=send, args=(lane,)) for lane in range(3)]
    reader = threading.Thread(target=read)
    for thread in (*threads, reader):
        thread.start()
    owner.collect(3 * FRAMES)
    over.set()
    for thread in (*threads, reader):
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    assert torn == []
    assert settled(owner.line.stats)
    for lane in range(3):
        outcomes = [o for o in owner.outcomes if o.lane == lane]
        assert [o.seq for o in outcomes] == list(range(FRAMES))
        assert all(o.value == o.seq for o in outcomes if o.status is Status.DONE)
    if overflow is Overflow.BLOCK:
        assert owner.line.stats.failed == 3 * len(range(0, FRAMES, 97))
    assert owner.line.close(finish=False, timeout_s=PATIENCE_S)
    assert set(threading.enumerate()) <= before


def test_lines_that_are_opened_and_closed_under_fire_lose_nothing():
    before = set(threading.enumerate())
    dice = random.Random(7)
    for _ in range(60):
        owner = Owner(workers=dice.randint(1, 8), depth=dice.randint(0, 3),
                      overflow=dice.choice(list(Overflow)))
        sent = []

        def send(line=owner.line, sent=sent):
            try:
                while True:
                    sent.append(line.submit(lambda laps: None))
            except Closed:
                pass

        sender = threading.Thread(target=send)
        sender.start()
        owner.collect(dice.randint(0, 50))
        assert owner.line.close(finish=dice.random() < 0.5, timeout_s=PATIENCE_S)
        sender.join(PATIENCE_S)
        owner.drain()
        assert [o.seq for o in owner.outcomes] == sent
        assert settled(owner.line.stats)
    assert set(threading.enumerate()) <= before
