# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a node can say of itself: counts, rates, times by stage."""

from dataclasses import dataclass, field

from faster_deploy_ros.nodes.arrivals import Arrivals
from faster_deploy_ros.pipeline.outcome import Outcome, Status
from faster_deploy_ros.pipeline.stats import StageStats


@dataclass(slots=True)
class Health:
    """
    Counts since the node was activated; all of them add up.

    received = published + failed + dropped + cancelled + in flight, at every moment. Frames that
    were overwritten or lost before they were received are counted by the arrivals.

    Thread: ROS
    """

    arrivals: Arrivals = field(default_factory=Arrivals)
    stages: StageStats = field(default_factory=StageStats)
    published: int = 0
    failed: int = 0
    cancelled: int = 0
    zero_stamps: int = 0
    dropped: dict[str, int] = field(default_factory=lambda: {'overflow': 0, 'stale': 0})
    last_error: str = ''

    @property
    def in_flight(self) -> int:
        """Frames accepted and not yet ended."""
        ended = self.published + self.failed + self.cancelled + sum(self.dropped.values())
        return self.arrivals.received - ended

    def count(self, outcome: Outcome) -> None:
        """Count how one frame ended."""
        if outcome.status is Status.DONE:
            self.published += 1
        elif outcome.status is Status.FAILED:
            self.failed += 1
            self.last_error = str(outcome.error)
        elif outcome.status is Status.CANCELLED:
            self.cancelled += 1
        else:
            self.dropped[outcome.reason] = self.dropped.get(outcome.reason, 0) + 1
        self.stages.add(outcome)
