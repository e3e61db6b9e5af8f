# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The bounded, ordered line: many workers, one way in, one way out, every frame accounted for."""

from collections.abc import Callable, Hashable, Iterator
import logging
from threading import Lock
import time
from time import monotonic, monotonic_ns

from faster_deploy_ros.errors import Closed
from faster_deploy_ros.pipeline.announcer import Announcer
from faster_deploy_ros.pipeline.crew import Crew, Worker
from faster_deploy_ros.pipeline.hangs import Hangs
from faster_deploy_ros.pipeline.job import perform, release_frames
from faster_deploy_ros.pipeline.lane import Job
from faster_deploy_ros.pipeline.ledger import Ledger
from faster_deploy_ros.pipeline.outcome import Outcome, Overflow, Reason, Status
from faster_deploy_ros.pipeline.stats import ExecutorStats
from faster_deploy_ros.pipeline.watchdog import Watchdog

_logger = logging.getLogger(__name__)


class OrderedExecutor:
    """
    Workers, a bounded line and the order of the frames.

    What is decided is decided under one lock; what is called (jobs, ``on_ready``) is called
    outside it.

    :param workers: how many threads carry frames.
    :param depth: how many frames may be live beyond one per worker.
    :param overflow: what happens to a frame over that limit; BLOCK waits for a worker instead.
    :param on_ready: called from any thread when ``drain`` has something to give; must not wait.
    :param max_age_ns: a frame older than that is dropped as stale; None is no limit.
    :param job_timeout_s: a job that runs longer hangs: its frame fails, its worker is replaced.
    :param max_hung: how many workers may be replaced before the line is ``broken``.
    :param now_ns: the clock of the stamps given to ``submit``.
    :raises ValueError: a number is out of its range.
    """

    def __init__(self, *, workers: int, depth: int, overflow: Overflow,
                 on_ready: Callable[[], None], max_age_ns: int | None = None,
                 job_timeout_s: float | None = None, max_hung: int = 3,
                 now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Start the workers."""
        _require('workers', workers, workers >= 1, 'at least 1')
        _require('depth', depth, depth >= 0, 'at least 0')
        _require('max_hung', max_hung, max_hung >= 0, 'at least 0')
        _require('max_age_ns', max_age_ns, max_age_ns is None or max_age_ns > 0, 'None or > 0')
        _require('job_timeout_s', job_timeout_s, job_timeout_s is None or job_timeout_s > 0,
                 'None or > 0')
        self._now_ns = now_ns
        self._ages = max_age_ns is not None
        self._lock = Lock()
        self._ledger = Ledger(workers + depth, overflow, max_age_ns)
        self._closing = False
        self._announcer = Announcer(on_ready)
        self._crew = Crew(workers, self._work)
        self._hangs = Hangs(self._crew, self._ledger, job_timeout_s or 0.0, max_hung)
        self._watchdog: Watchdog | None = None
        try:
            self._crew.start()
            if job_timeout_s is not None:
                self._watchdog = Watchdog(job_timeout_s, self._look_for_hangs)
        except BaseException:
            self.close(finish=False, timeout_s=1.0)
            raise

    @property
    def broken(self) -> str:
        """Why the line takes no more work; empty while it does."""
        return self._ledger.broken

    @property
    def stats(self) -> ExecutorStats:
        """
        Count at this moment.

        Thread: any
        """
        with self._lock:
            return self._ledger.account.snapshot(
                waiting=self._ledger.waiting, running=self._ledger.running,
                workers=len(self._crew.members))

    def submit(self, job: Job, *, lane: Hashable = 0, stamp_ns: int | None = None) -> int:
        """
        Accept one frame; whatever becomes of it comes out of ``drain``.

        :param job: called on a worker with the frame's stopwatch.
        :param lane: the camera; frames of one lane come out in the order they went in.
        :param stamp_ns: when the image was taken, on the clock ``now_ns``; None is never stale.
        :return: the frame's number in its lane, from 0.
        :raises Closed: ``close`` was called.

        Thread: any but a worker
        """
        with self._lock:
            if self._closing:
                raise Closed(
                    f'line, lane {lane!r}: submit after close, expected an open line. '
                    'Stop the source of the frames before you close the line.')
            ticket = self._ledger.accept(job, lane, stamp_ns)
            let_go, announce = self._decided()
        del let_go
        if announce:
            self._announce()
        if ticket.gate is not None:
            ticket.gate.acquire()
        return ticket.seq

    def drain(self) -> Iterator[Outcome]:
        """
        Give every frame that has ended and has none of its lane before it, in order.

        Frames that are accepted meanwhile are left for the next drain, so that busy submitters
        cannot trap the caller. What a caller leaves when it breaks off is announced again.

        Thread: ROS; one at a time
        """
        with self._lock:
            budget = self._ledger.account.in_flight
        exhausted = False
        try:
            while budget:
                outcome = self._release()
                if outcome is None:
                    exhausted = True
                    return
                budget -= 1
                yield outcome
        finally:
            if not exhausted:
                with self._lock:
                    self._ledger.unannounce()
                    announce = self._ledger.must_announce()
                if announce:
                    self._announce()

    def close(self, *, finish: bool, timeout_s: float) -> bool:
        """
        Take no more frames and end the workers; what has ended can still be drained.

        Running jobs finish. One that does not in time fails its frame, so that the account
        closes; its thread is left behind, and a later ``close`` tells whether it has ended.

        :param finish: run the waiting frames too; otherwise they are CANCELLED.
        :return: whether all threads have ended, those of hung jobs too.
        :raises RuntimeError: a job calls it.

        Thread: any but a worker
        """
        deadline_s = monotonic() + timeout_s
        with self._lock:
            if self._crew.has_current_thread():
                raise RuntimeError('line: a job called close(), expected its owner')
            self._closing = True
            self._ledger.cancel(Reason.CLOSED, waiting=not finish)
            self._crew.wake_all()
            let_go, announce = self._decided()
        del let_go
        if announce:
            self._announce()
        self._crew.join(deadline_s)
        with self._lock:
            self._ledger.cancel(Reason.CLOSED, waiting=True)
            for worker in self._crew.members:
                self._hangs.fail(worker, f'the line was closed and gave it {timeout_s:g} s')
            let_go, _ = self._decided()
        del let_go
        forgotten = self._announcer.forget(deadline_s - monotonic())
        watched = self._watchdog is None or self._watchdog.stop(deadline_s - monotonic())
        return forgotten and watched and self._crew.join(deadline_s)

    def _decided(self) -> tuple[list[Job | None], bool]:
        """
        End a decision, still under the lock: wake a sleeper if one is needed.

        :return: the jobs to free and whether to call on_ready, both outside the lock.
        """
        self._crew.wake_for(self._ledger.line.length)
        return self._ledger.sweep(), self._ledger.must_announce()

    def _announce(self) -> None:
        if not self._announcer.announce():
            with self._lock:
                self._ledger.unannounce()

    def _release(self) -> Outcome | None:
        now_ns = self._stamp_ns()
        with self._lock:
            released = self._ledger.release(now_ns)
        if released is None:
            return None
        ticket, status, reason = released
        return ticket.outcome(status, reason)

    def _stamp_ns(self) -> int:
        """Read the clock of the stamps, if anybody compares with it."""
        return self._now_ns() if self._ages else 0

    def _work(self, worker: Worker) -> None:
        """Carry frames until there will be no more; the thread of a worker."""
        try:
            while self._take(worker) and self._carry(worker):
                pass
        except BaseException as error:   # not a job's: the clock's, or ours
            _logger.exception('line: worker %d died', worker.index)
            self._break(worker, f'line: worker {worker.index} died: {error!r}')

    def _take(self, worker: Worker) -> bool:
        """Take the next frame, asleep until there is one; False when the line is closed."""
        awoken = False
        while True:
            now_ns = self._stamp_ns()
            with self._lock:
                if awoken:
                    self._crew.awake()
                ticket = worker.ticket = self._ledger.take(worker.index, now_ns)
                leaving = ticket is None and self._closing
                if ticket is not None:
                    worker.taken_ns = monotonic_ns()
                elif not leaving:
                    self._crew.rest(worker)
                let_go, announce = self._decided()
            del let_go
            if announce:
                self._announce()
            if ticket is not None or leaving:
                return not leaving
            worker.gate.acquire()
            awoken = True

    def _carry(self, worker: Worker) -> bool:
        """Run the job in hand and settle its frame; False if it came back too late."""
        ticket = worker.ticket
        if ticket is None:
            return False
        ticket.watch.lap('wait')
        value, error = perform(ticket)
        if error is not None:
            release_frames(error)
        with self._lock:
            if worker.ticket is not ticket:
                return False
            worker.ticket = None
            status = Status.DONE if error is None else Status.FAILED
            self._ledger.finish(ticket, status, value, error)
            let_go, announce = self._decided()
        del let_go
        if announce:
            self._announce()
        return True

    def _look_for_hangs(self) -> float:
        """Deal with jobs that hang; return the seconds until the next look."""
        with self._lock:
            successors, pause_s = self._hangs.judge()
            let_go, announce = self._decided()
        del let_go
        for successor in successors:
            self._start(successor)
        if announce:
            self._announce()
        return pause_s

    def _start(self, successor: Worker) -> None:
        try:
            successor.thread.start()
        except RuntimeError as error:   # no more threads to be had
            self._break(successor, f'line: a worker cannot be replaced: {error}')

    def _break(self, worker: Worker, why: str) -> None:
        """Fail what a worker has in hand and take no more work."""
        with self._lock:
            self._hangs.fail(worker, why)
            self._ledger.give_up(why)
            let_go, _ = self._decided()
        del let_go
        self._announce()


def _require(name: str, value: object, fits: bool, expected: str) -> None:
    if not fits:
        raise ValueError(f'line: {name} is {value!r}, expected {expected}')
