# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a job that does not come back, and of the worker that waits for it."""

from time import monotonic_ns

from faster_deploy_ros.errors import TimedOut
from faster_deploy_ros.pipeline.crew import Crew, Worker
from faster_deploy_ros.pipeline.ledger import Ledger
from faster_deploy_ros.pipeline.outcome import Reason, Status

NS_PER_S = 1e9


class Hangs:
    """
    Fail the frames of hanging jobs and replace their workers; guarded by the executor's lock.

    :param timeout_s: how long a job may run.
    :param max_hung: how many workers are replaced before the line is broken.
    """

    __slots__ = ('_crew', '_ledger', '_max_hung', '_replaced', '_timeout_s')

    def __init__(self, crew: Crew, ledger: Ledger, timeout_s: float, max_hung: int) -> None:
        """Begin with no hang seen."""
        self._crew = crew
        self._ledger = ledger
        self._timeout_s = timeout_s
        self._max_hung = max_hung
        self._replaced = 0

    def judge(self) -> tuple[list[Worker], float]:
        """
        Look at every running job.

        :return: the replacements, to be started outside the lock, and the seconds until a job
            that runs now could be too late.
        """
        now_ns = monotonic_ns()
        left_ns = limit_ns = self._timeout_s * NS_PER_S
        successors = []
        for worker in list(self._crew.members):
            if worker.ticket is None:
                continue
            running_ns = now_ns - worker.taken_ns
            if running_ns < limit_ns:
                left_ns = min(left_ns, limit_ns - running_ns)
            elif self._replaced < self._max_hung:
                self._replaced += 1
                self.fail(worker, f'job_timeout_s is {self._timeout_s:g}; its worker was replaced '
                                  f'({self._replaced} of at most {self._max_hung})')
                successors.append(self._crew.replace(worker))
            else:
                self.fail(worker, f'job_timeout_s is {self._timeout_s:g} and max_hung '
                                  f'({self._max_hung}) is used up')
                self._ledger.give_up(
                    f'line: {self._replaced + 1} jobs did not come back within '
                    f'{self._timeout_s:g} s, at most {self._max_hung} are borne (max_hung); the '
                    f'last is at {worker.whereabouts()}. Restart the process: a call that hangs '
                    'cannot be ended from outside.')
        return successors, left_ns / NS_PER_S

    def fail(self, worker: Worker, why: str) -> None:
        """Fail the frame that a worker has in hand; what it brings later is ignored."""
        ticket, worker.ticket = worker.ticket, None
        if ticket is None:
            return
        elapsed_s = (monotonic_ns() - worker.taken_ns) / NS_PER_S
        error = TimedOut(
            f'line, lane {ticket.lane.key!r}, frame {ticket.seq}: the job has been running for '
            f'{elapsed_s:.1f} s on worker {worker.index}, at {worker.whereabouts()}; {why}')
        self._ledger.finish(ticket, Status.FAILED, error=error, reason=Reason.HUNG)
