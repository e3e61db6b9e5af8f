# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The frames that wait, lane by lane in turn, and the frames that are ready to go out."""

from collections import deque
from collections.abc import Callable, Hashable
from threading import Lock
from time import monotonic_ns

from faster_deploy_ros.pipeline.outcome import Outcome, Status
from faster_deploy_ros.stopwatch import Lap, Stopwatch

Job = Callable[[Stopwatch], object]


class Ticket:
    """One accepted frame, from submit to drain; guarded by the executor's lock."""

    __slots__ = ('error', 'gate', 'job', 'lane', 'laps', 'reason', 'seq', 'settled_ns',
                 'stamp_ns', 'status', 'value', 'watch', 'worker')

    def __init__(self, job: Job, lane: 'Lane', seq: int, stamp_ns: int | None) -> None:
        """Start the frame's stopwatch."""
        self.job: Job | None = job
        self.stamp_ns = stamp_ns
        self.lane = lane
        self.seq = seq
        self.watch = Stopwatch()
        self.gate: Lock | None = None
        self.status: Status | None = None
        self.value: object = None
        self.error: BaseException | None = None
        self.reason = ''
        self.laps: tuple[Lap, ...] = ()
        self.settled_ns = 0
        self.worker = -1

    def settle(self, status: Status, value: object, error: BaseException | None,
               reason: str) -> Job | None:
        """Fix how the frame ended; return its job, to be let go of outside the lock."""
        job, self.job = self.job, None
        if self.worker < 0:
            self.watch.lap('wait')
        self.status = status
        self.value = value
        self.error = error
        self.reason = reason
        self.laps = tuple(self.watch.laps)
        self.settled_ns = monotonic_ns()
        return job

    def outcome(self, status: Status, reason: str) -> Outcome:
        """Describe the settled frame, the time on the shelf included."""
        hold = Lap('hold', self.settled_ns, monotonic_ns())
        value = self.value if status is Status.DONE else None
        return Outcome(self.lane.key, self.seq, status, value, self.error, reason,
                       (*self.laps, hold), self.worker)


class Lane:
    """One camera: its frames in the order they came, and those of them that still wait."""

    __slots__ = ('accepted', 'key', 'order', 'waiting')

    def __init__(self, key: Hashable) -> None:
        """Begin empty, at number 0."""
        self.key = key
        self.accepted = 0
        self.order: deque[Ticket] = deque()
        self.waiting: deque[Ticket] = deque()

    def accept(self, job: Job, stamp_ns: int | None) -> Ticket:
        """Give a frame its number and a place at the end of the order."""
        ticket = Ticket(job, self, self.accepted, stamp_ns)
        self.accepted += 1
        self.order.append(ticket)
        return ticket


class Line:
    """The waiting frames of all lanes; the lanes that have any take turns."""

    __slots__ = ('_turn', 'length')

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self.length = 0
        self._turn: deque[Lane] = deque()

    def push(self, ticket: Ticket) -> None:
        """Add a frame at the end of its lane."""
        lane = ticket.lane
        if not lane.waiting:
            self._turn.append(lane)
        lane.waiting.append(ticket)
        self.length += 1

    def take(self) -> Ticket | None:
        """Take the oldest frame of the lane whose turn it is, if any frame waits."""
        if not self._turn:
            return None
        lane = self._turn.popleft()
        ticket = lane.waiting.popleft()
        self.length -= 1
        if lane.waiting:
            self._turn.append(lane)
        return ticket

    def keep_turn(self, lane: Lane) -> None:
        """Give a lane its turn back: what was taken from it was not worth a worker."""
        if lane.waiting:
            self._turn.remove(lane)
            self._turn.appendleft(lane)

    def push_out(self, newcomer: Ticket) -> Ticket | None:
        """
        Add a frame and take out the oldest of the longest lane, in a tie of the newcomer's own.

        :return: the frame taken out, or None if nobody waits: then the newcomer is not added.
        """
        if not self._turn:
            return None
        lane = max(self._turn, key=lambda one: (len(one.waiting), one is newcomer.lane))
        self.push(newcomer)   # before the other goes, so that its lane does not lose its turn
        victim = lane.waiting.popleft()
        self.length -= 1
        if not lane.waiting:
            self._turn.remove(lane)
        return victim


class Shelf:
    """The settled frames that nothing older of their lane holds back."""

    __slots__ = ('_lanes',)

    def __init__(self) -> None:
        """Begin empty."""
        self._lanes: deque[Lane] = deque()

    def __bool__(self) -> bool:
        """Whether a frame can go out."""
        return bool(self._lanes)

    def put(self, ticket: Ticket) -> None:
        """Note that a frame is settled; it can go out at once if it leads its lane."""
        if ticket.lane.order[0] is ticket:
            self._lanes.append(ticket.lane)

    def take(self) -> Ticket | None:
        """Take one lane's oldest frame, the lanes in turn, if any can go out."""
        if not self._lanes:
            return None
        lane = self._lanes.popleft()
        ticket = lane.order.popleft()
        if lane.order and lane.order[0].status is not None:
            self._lanes.append(lane)
        return ticket
