# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Log a message at once, and its repetitions as a count every few seconds."""

from collections.abc import Callable
from time import monotonic

KINDS_LIMIT = 32


class Throttle:
    """
    Let each distinct text through once per period, with the number of those held back.

    A text is known by its ``kind``, so that messages that differ in a number only count as one.

    Thread: ROS
    """

    def __init__(self, log: Callable[[str], object], period_s: float = 5.0) -> None:
        """Pass texts on to ``log``."""
        self._log = log
        self._period_s = period_s
        self._kinds: dict[str, tuple[float, int]] = {}

    def __call__(self, text: str, kind: str = '') -> None:
        """Log ``text`` now, or count it when its kind was logged within the period."""
        kind = kind or text
        now_s = monotonic()
        logged_s, held = self._kinds.get(kind, (-self._period_s, 0))
        if now_s - logged_s < self._period_s:
            self._kinds[kind] = (logged_s, held + 1)
            return
        if kind not in self._kinds and len(self._kinds) >= KINDS_LIMIT:
            self._kinds.pop(next(iter(self._kinds)))
        self._kinds[kind] = (now_s, 0)
        self._log(f'{text} (and {held} more like it)' if held else text)
