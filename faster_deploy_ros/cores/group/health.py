# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""When a core of a group is taken out, and when it is asked again."""

from dataclasses import dataclass

from faster_deploy_ros.errors import Closed, InferFailed, TimedOut, Unavailable

GONE = (Unavailable, Closed)              # the device says itself that it is not there
FAILURES = (InferFailed, TimedOut, *GONE)   # others are the caller's mistakes


@dataclass(frozen=True)
class HealthRules:
    """
    How patient a group is with its cores.

    :param failures: so many in a row, and the core is out.
    :param probe_s: the pause before the first probe; it doubles with each that fails.
    :param probe_limit_s: the longest pause.
    :param reopen_after: failed probes after which the core is opened anew before each.
    :param hang_s: an inference that runs longer hangs, if it is also far from the usual time.
    :param refresh_s: an idle core is timed again after so long, so that an estimate that was
        wrong once does not keep it idle for good.
    """

    failures: int = 3
    probe_s: float = 1.0
    probe_limit_s: float = 30.0
    reopen_after: int = 2
    hang_s: float = 1.0
    refresh_s: float = 30.0


class Health:
    """Whether one core is trusted; guarded by the group's lock, times on the group's clock."""

    __slots__ = ('_rules', '_trial', 'failed_probes', 'in_a_row', 'is_in', 'last_error',
                 'out_since_s', 'pause_s', 'probe_at_s')

    def __init__(self, rules: HealthRules) -> None:
        """Begin trusted."""
        self._rules = rules
        self._trial = 0   # successes still owed by a core that has just come back
        self.is_in = True
        self.in_a_row = 0
        self.failed_probes = 0
        self.last_error = ''
        self.out_since_s = 0.0
        self.pause_s = rules.probe_s
        self.probe_at_s = 0.0

    def succeeded(self) -> None:
        """Note an inference that went well."""
        self.in_a_row = 0
        if self._trial:
            self._trial -= 1
            if not self._trial:
                self.pause_s = self._rules.probe_s

    def failed(self, error: BaseException, now_s: float) -> bool:
        """
        Note one that failed; return whether the core goes out for it.

        One that is just back goes out at the first failure, and for longer than before.
        """
        self.in_a_row += 1
        self.last_error = str(error)
        enough = self._trial or self.in_a_row >= self._rules.failures or isinstance(error, GONE)
        if not self.is_in or not enough:
            return False
        if self._trial:
            self._lengthen()
        self.take_out(str(error), now_s, self.pause_s)
        return True

    def take_out(self, why: str, now_s: float, pause_s: float) -> None:
        """Trust it no more; the first probe comes after ``pause_s``."""
        self.is_in = False
        self.last_error = why
        self.out_since_s = now_s
        self.failed_probes = 0
        self.probe_at_s = now_s + pause_s

    def probe_failed(self, why: str, now_s: float) -> None:
        """Note a probe that failed; the next one comes later."""
        self.failed_probes += 1
        self.last_error = why
        self._lengthen()
        self.probe_at_s = now_s + self.pause_s

    def take_in(self) -> None:
        """Trust it again, on trial."""
        self.is_in = True
        self.in_a_row = 0
        self.failed_probes = 0
        self._trial = self._rules.failures

    @property
    def wants_reopening(self) -> bool:
        """Whether inferences alone have been tried often enough."""
        return self.failed_probes >= self._rules.reopen_after

    def _lengthen(self) -> None:
        self.pause_s = min(2 * self.pause_s, self._rules.probe_limit_s)
