# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What one subscription received, and what the middleware lost before it."""

from collections.abc import Mapping
from typing import Any

GID_LIMIT = 64   # publishers remembered; a flood of restarting publishers must not grow us


class Arrivals:
    """
    Count messages and the gaps in their publisher's sequence numbers.

    A gap is frames lost on the wire or in a history, or, where images were left to the middleware
    because there was no room (``passed_over``), frames that a newer one has overwritten. Where the
    middleware gives no sequence numbers nothing can be counted, and ``counts_losses`` says so.

    Thread: ROS
    """

    def __init__(self) -> None:
        """Start with nothing received."""
        self.received = 0
        self.lost_in_transport = 0
        self.first_sequence = 0
        self.last_sequence = 0
        self.overwritten = 0
        self.passed_over = False   # whether images were left to the middleware since the last one
        self.counts_losses = False
        self._last: dict[Any, int] = {}

    def count(self, info: Mapping[str, Any]) -> None:
        """Count one message by its message info."""
        self.received += 1
        passed_over, self.passed_over = self.passed_over, False
        sequence = info.get('publication_sequence_number')
        if not sequence:
            return
        self.counts_losses = True
        publisher = _key(info.get('publisher_gid'))
        last = self._last.get(publisher)
        if last is None:
            if len(self._last) >= GID_LIMIT:
                self._last.pop(next(iter(self._last)))
        elif sequence > last:
            missing = sequence - last - 1
            if passed_over:
                self.overwritten += missing
            else:
                self.lost_in_transport += missing
        else:
            self.lost_in_transport -= bool(self.lost_in_transport)   # it came late: not lost
            return
        self.first_sequence = self.first_sequence or sequence
        self.last_sequence = sequence
        self._last[publisher] = sequence


def _key(gid: Any) -> Any:
    """Make a publisher's id hashable, whatever form this distribution gives it."""
    if isinstance(gid, Mapping):
        gid = gid.get('data', gid.get('gid', b''))
    return bytes(gid) if gid is not None else b''
