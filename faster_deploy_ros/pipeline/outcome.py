# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How one frame ended, and what to do when there are too many."""

from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum

from faster_deploy_ros.stopwatch import Lap


class Status(Enum):
    """How a frame ended; there is nothing else that it can become."""

    DONE = 'done'
    FAILED = 'failed'
    DROPPED = 'dropped'
    CANCELLED = 'cancelled'


class Overflow(Enum):
    """What happens to a frame that finds the line full."""

    DROP_OLDEST = 'drop_oldest'
    DROP_NEWEST = 'drop_newest'
    BLOCK = 'block'


class Reason:
    """Why a frame was dropped, cancelled or failed without its job's doing."""

    OVERFLOW = 'overflow'
    STALE = 'stale'
    CLOSED = 'closed'
    BROKEN = 'broken'
    HUNG = 'hung'


DROP_REASONS = (Reason.OVERFLOW, Reason.STALE)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """
    How one accepted frame ended.

    :param lane: the lane it was submitted to.
    :param seq: its number in that lane, from 0, without gaps.
    :param value: what the job returned; None unless DONE.
    :param error: what the job raised, or TimedOut; None unless FAILED.
    :param reason: ``'overflow'`` or ``'stale'`` if DROPPED, ``'closed'`` or ``'broken'`` if
        CANCELLED, ``'hung'`` if the watchdog made it FAILED, otherwise empty.
    :param laps: ``wait`` (submit to taken), the job's own, ``hold`` (settled to drained).
    :param worker: the index of the worker that took it, -1 if none did.
    """

    lane: Hashable
    seq: int
    status: Status
    value: object = None
    error: BaseException | None = None
    reason: str = ''
    laps: tuple[Lap, ...] = ()
    worker: int = -1
