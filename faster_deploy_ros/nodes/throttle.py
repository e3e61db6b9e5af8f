# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Log a message at once, and its repetitions as a count every few seconds."""

from collections.abc import Callable
import re
from time import monotonic

KINDS_LIMIT = 32
OTHERS = ''
NUMBER = re.compile(r'\d+')


class Throttle:
    """
    Let each distinct text through once per period, with the number of those held back.

    A text is known by its ``kind``, its numbers apart: a damaged stream whose messages differ in a
    byte count must not fill the log. Of very many kinds, those over the limit count as one.

    Thread: ROS
    """

    def __init__(self, log: Callable[[str], object], period_s: float = 5.0) -> None:
        """Pass texts on to ``log``."""
        self._log = log
        self._period_s = period_s
        self._kinds: dict[str, tuple[float, int]] = {}

    def __call__(self, text: str, kind: str = '') -> None:
        """Log ``text`` now, or count it when its kind was logged within the period."""
        now_s = monotonic()
        kind = self._known(NUMBER.sub('#', kind or text), now_s)
        logged_s, held = self._kinds.get(kind, (-self._period_s, 0))
        if now_s - logged_s < self._period_s:
            self._kinds[kind] = (logged_s, held + 1)
            return
        self._kinds[kind] = (now_s, 0)
        self._log(f'{text} (and {held} more like it)' if held else text)

    def _known(self, kind: str, now_s: float) -> str:
        """Return the kind under which to count, and forget what is long past to make room."""
        if kind in self._kinds or len(self._kinds) < KINDS_LIMIT:
            return kind
        self._kinds = {known: (logged_s, held) for known, (logged_s, held) in self._kinds.items()
                       if now_s - logged_s < self._period_s}
        return kind if len(self._kinds) < KINDS_LIMIT else OTHERS
