# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How long a core takes for an inference, learned from those it has done."""

from collections import deque
from statistics import median

WINDOW = 9    # inferences; the median of so many forgets a hiccup and follows a change at once
ENOUGH = 3    # fewer values are too few for a median: the least of them is believed


class ServiceTimes:
    """
    Measured times of one core, by ``level``: how many inferences ran on it when one began.

    What a device can do at once shows in the levels by itself: a core that does one thing at a
    time takes twice as long at level 1, a server hardly longer. The first inference of a core's
    life is left out, runtimes prepare themselves in it.
    """

    __slots__ = ('_expected', '_is_warm', '_values')

    def __init__(self) -> None:
        """Know nothing yet."""
        self._is_warm = False
        self._values: dict[int, deque[float]] = {}
        self._expected: dict[int, float] = {}

    def add(self, level: int, elapsed_s: float) -> None:
        """Learn from one inference that has succeeded."""
        if not self._is_warm:
            self._is_warm = True
            return
        values = self._values.setdefault(level, deque(maxlen=WINDOW))
        values.append(elapsed_s)
        self._expected[level] = median(values) if len(values) >= ENOUGH else min(values)

    def expect(self, level: int) -> float | None:
        """
        Return the time at a level in seconds, None when nothing is known.

        From a level that has been seen another is guessed as if the core did one thing at a
        time: an idle core is tried before a second seat of a busy one, and that one is tried,
        and seen, when no core is idle.
        """
        known = self._expected
        if level in known or not known:
            return known.get(level)
        near = max((each for each in known if each < level), default=min(known))
        return known[near] * (level + 1) / (near + 1)

    def forget(self) -> None:
        """Begin anew, after the core was opened again."""
        self._is_warm = False
        self._values.clear()
        self._expected.clear()
