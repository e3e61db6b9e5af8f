# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The seats of one core, leased one by one."""

from collections import deque
from collections.abc import Callable
import threading
from time import monotonic
from types import TracebackType

from faster_deploy_ros.blobs.buffer import BlobsBuffer
from faster_deploy_ros.errors import Closed, TimedOut


class Lease:
    """One loan of a seat: ``with pool.lease() as blobs``; leaving the block returns it."""

    __slots__ = ('_buffer', '_pool', '_timeout_s')

    def __init__(self, pool: 'BufferPool', timeout_s: float | None) -> None:
        """Remember the wish; the seat is taken on entering."""
        self._pool = pool
        self._timeout_s = timeout_s
        self._buffer: BlobsBuffer | None = None

    def __enter__(self) -> BlobsBuffer:
        """Take a seat, waiting for one where all are out."""
        self._buffer = self._pool._acquire(self._timeout_s)
        return self._buffer

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        """Give the seat back, however the block ended."""
        buffer, self._buffer = self._buffer, None
        if buffer is not None:
            self._pool._release(buffer)


class _Waiter:
    """One thread in the line; it is given a seat, the right to make one, or bad news."""

    __slots__ = ('buffer', 'closed', 'ready', 'thread')

    def __init__(self) -> None:
        self.thread = threading.current_thread().name
        self.ready = threading.Event()
        self.buffer: BlobsBuffer | None = None
        self.closed = False


class BufferPool:
    """
    Up to ``size`` seats, made when first needed.

    The seat that came back last goes out first (its memory is still in the caches), and threads
    that wait are served in the order they came. Safe for any thread.

    :param allocate: makes one seat; called outside the pool's lock, it may be slow.
    :param size: how many seats there are at most.
    :param name: how messages call the pool.
    :param free: takes one seat apart when the pool closes.
    """

    def __init__(
            self, allocate: Callable[[], BlobsBuffer], size: int, *, name: str = 'pool',
            free: Callable[[BlobsBuffer], None] = BlobsBuffer.free) -> None:
        """Make no seat yet."""
        if size < 1:
            raise ValueError(f'BufferPool: got size {size}, expected at least 1')
        self._allocate = allocate
        self._free = free
        self._size = size
        self._name = name
        self._lock = threading.Lock()
        self._all_back = threading.Condition(self._lock)
        self._idle: list[BlobsBuffer] = []
        self._made = 0
        self._holders: dict[BlobsBuffer | _Waiter, str] = {}
        self._waiters: deque[_Waiter] = deque()
        self._closed = False

    @property
    def size(self) -> int:
        """How many seats there are at most."""
        return self._size

    @property
    def leased(self) -> int:
        """How many seats are out now."""
        return len(self._holders)

    @property
    def is_closed(self) -> bool:
        """Whether no seat is given any more."""
        return self._closed

    def lease(self, timeout_s: float | None = None) -> Lease:
        """
        Return a context manager that takes a seat on entering and returns it on leaving.

        :param timeout_s: how long entering may wait; None: until a seat comes back.
        :raises TimedOut: on entering; the message says who holds the seats.
        :raises Closed: on entering, also when the pool is closed while waiting.
        """
        return Lease(self, timeout_s)

    def close(self, timeout_s: float = 0.0) -> bool:
        """
        Give no seat any more: who waits gets Closed, and the seats that are out are waited for.

        :returns: True when every seat is back and freed; False when some are still out: call
            again, and keep what they use alive until then.
        """
        deadline = monotonic() + timeout_s
        with self._lock:
            self._closed = True
            while self._waiters:
                waiter = self._waiters.popleft()
                waiter.closed = True
                waiter.ready.set()
            while self._holders:
                left_s = deadline - monotonic()
                if left_s <= 0 or not self._all_back.wait(left_s):
                    break
            if self._holders:
                return False
            idle, self._idle = self._idle, []
            self._made = 0
        for buffer in idle:
            self._free(buffer)
        return True

    def holders(self) -> tuple[str, ...]:
        """Names of the threads that hold a seat."""
        with self._lock:
            return tuple(self._holders.values())

    def __repr__(self) -> str:
        with self._lock:
            state = 'closed' if self._closed else 'open'
            return (f'<BufferPool {self._name}: {state}, {self._made} of {self._size} seats made, '
                    f'{len(self._holders)} leased, {len(self._waiters)} waiting>')

    def _acquire(self, timeout_s: float | None) -> BlobsBuffer:
        """Take an idle seat, make one, or stand in line."""
        with self._lock:
            if self._closed:
                raise self._closed_error()
            if self._idle:
                return self._hand_out(self._idle.pop(), threading.current_thread().name)
            waiter = _Waiter()
            may_make = self._made < self._size
            if may_make:
                self._grant(waiter)
            else:
                self._waiters.append(waiter)
        if not may_make:
            self._wait(waiter, timeout_s)
        if waiter.buffer is not None:
            return waiter.buffer
        return self._make(waiter)

    def _wait(self, waiter: _Waiter, timeout_s: float | None) -> None:
        """Wait in line until the waiter has a seat or the right to make one."""
        try:
            waiter.ready.wait(timeout_s)
        except BaseException:  # an interrupt must not take a seat out of the world
            self._give_up(waiter)
            raise
        with self._lock:
            if not waiter.ready.is_set():
                self._waiters.remove(waiter)
                raise TimedOut(
                    f"{self._name}: the thread '{waiter.thread}' waited {timeout_s} s for a seat; "
                    f'{len(self._holders)} of {self._size} are leased, by '
                    f"{', '.join(self._holders.values())}; {len(self._waiters)} others wait. "
                    'Return seats sooner, or open the model with more seats')
        if waiter.closed:
            raise self._closed_error()

    def _make(self, waiter: _Waiter) -> BlobsBuffer:
        """Make a seat; on a failure somebody else may try."""
        try:
            buffer = self._allocate()
        except BaseException:
            with self._lock:
                self._revoke(waiter)
            raise
        with self._lock:
            del self._holders[waiter]
            return self._hand_out(buffer, waiter.thread)

    def _release(self, buffer: BlobsBuffer) -> None:
        """Clean a seat and give it to the one who waits longest, or put it on the stack."""
        buffer.is_leased = False
        buffer.settle()
        buffer.reset()
        with self._lock:
            self._put_back(buffer)

    def _put_back(self, buffer: BlobsBuffer) -> None:
        del self._holders[buffer]
        if self._waiters:
            waiter = self._waiters.popleft()
            waiter.buffer = self._hand_out(buffer, waiter.thread)
            waiter.ready.set()
            return
        self._idle.append(buffer)
        if not self._holders:
            self._all_back.notify_all()

    def _hand_out(self, buffer: BlobsBuffer, thread: str) -> BlobsBuffer:
        self._holders[buffer] = thread
        buffer.is_leased = True
        return buffer

    def _grant(self, waiter: _Waiter) -> None:
        """Let the waiter make a seat; it counts as leased from now on."""
        self._made += 1
        self._holders[waiter] = waiter.thread

    def _revoke(self, waiter: _Waiter) -> None:
        """Take the right to make a seat back, and pass it on."""
        self._made -= 1
        del self._holders[waiter]
        if self._waiters:
            following = self._waiters.popleft()
            self._grant(following)
            following.ready.set()
        elif not self._holders:
            self._all_back.notify_all()

    def _give_up(self, waiter: _Waiter) -> None:
        """Leave the line, passing on what the waiter may already have been given."""
        with self._lock:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            elif waiter.buffer is not None:
                waiter.buffer.is_leased = False
                self._put_back(waiter.buffer)
            elif waiter in self._holders:
                self._revoke(waiter)

    def _closed_error(self) -> Closed:
        return Closed(f'{self._name}: closed, no seat is given any more; open the model again')
