# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What stands in for the ROS thread: an owner that drains, and jobs that wait at gates."""

import threading
import time

from faster_deploy_ros.pipeline.ordered import OrderedExecutor
from faster_deploy_ros.pipeline.outcome import Outcome, Overflow

PATIENCE_S = 20.0


class Owner:
    """One line with its wake-up call, and everything that came out of it."""

    def __init__(self, *, workers=1, depth=0, overflow=Overflow.DROP_OLDEST, **options):
        self.calls = 0
        self.ready = threading.Event()
        self.outcomes: list[Outcome] = []
        self.line = OrderedExecutor(
            workers=workers, depth=depth, overflow=overflow,
            on_ready=options.pop('on_ready', self.wake_up), **options)

    def wake_up(self):
        self.calls += 1
        self.ready.set()

    def drain(self):
        """Take what is there now."""
        fresh = list(self.line.drain())
        self.outcomes += fresh
        return fresh

    def collect(self, count):
        """Wait for the wake-up call and drain, until ``count`` frames are out in all."""
        deadline_s = time.monotonic() + PATIENCE_S
        while len(self.outcomes) < count:
            assert self.ready.wait(deadline_s - time.monotonic()), self.line.stats
            self.ready.clear()
            self.drain()
        return self.outcomes


class Held:
    """A job that says when it has begun and goes on when it is let go."""

    def __init__(self, value=None):
        self.value = value
        self.begun = threading.Event()
        self.go = threading.Event()

    def __call__(self, laps):
        self.begun.set()
        assert self.go.wait(PATIENCE_S)
        laps.lap('work')
        return self.value

    def wait_until_begun(self):
        assert self.begun.wait(PATIENCE_S)
        return self


class Gates:
    """Held jobs by the dozen."""

    def __init__(self):
        self._jobs = []

    def __call__(self, value=None):
        self._jobs.append(Held(value))
        return self._jobs[-1]

    def open_all(self):
        for job in self._jobs:
            job.go.set()


def eventually(condition):
    """Wait for something that another thread is about to do."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.0005)


def settled(stats):
    """Tell whether the account of a line with nothing in flight adds up."""
    ended = stats.done + stats.failed + sum(stats.dropped.values()) + stats.cancelled
    return stats.accepted == ended and not (
        stats.in_flight or stats.live or stats.waiting or stats.running)
