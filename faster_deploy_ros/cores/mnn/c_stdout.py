# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What C code prints to the standard output: kept off it, and listened to where it matters."""

from collections.abc import Iterator
from contextlib import contextmanager
import ctypes
from functools import cache
import threading
from typing import Any

_lock = threading.RLock()   # one listener at a time


@contextmanager
def listen() -> Iterator[list[str]]:
    """
    Collect what C code prints by ``printf`` meanwhile, on any thread, instead of showing it.

    :returns: the lines, filled in when the block ends, also by an exception.
    """
    lines: list[str] = []
    stdout = _variable('stdout')
    if stdout is None:
        yield lines
        return
    with _lock:
        listener = _listener()
        listener.heard()
        _libc().fflush(None)
        before, stdout.value = stdout.value, listener.stream
        try:
            yield lines
        finally:
            stdout.value = before
            lines += listener.heard()


def keep_stdout_clean() -> None:
    """
    Let C's ``printf`` write to the standard error from now on, in the whole process.

    The file descriptors stay as they are: Python's own ``print``, and children, still write to
    the standard output. Only the C library's idea of ``stdout`` becomes its ``stderr``.
    """
    stdout, stderr = _variable('stdout'), _variable('stderr')
    if stdout is not None and stderr is not None:
        with _lock:
            _libc().fflush(None)
            stdout.value = stderr.value


class _Listener:
    """One stream in memory for the process's life: a late ``printf`` never meets a closed one."""

    def __init__(self) -> None:
        self._text, self._size = ctypes.c_void_p(), ctypes.c_size_t()
        _libc().open_memstream.restype = ctypes.c_void_p
        self.stream: int = _libc().open_memstream(
            ctypes.byref(self._text), ctypes.byref(self._size))
        self._read = 0

    def heard(self) -> list[str]:
        """Return the lines since the last call."""
        _libc().fflush(ctypes.c_void_p(self.stream))
        start, self._read = self._read, self._size.value
        if self._text.value is None or self._read <= start:
            return []
        found = ctypes.string_at(self._text.value + start, self._read - start)
        return found.decode(errors='replace').splitlines()


@cache
def _libc() -> Any:
    return ctypes.CDLL(None)


@cache
def _listener() -> _Listener:
    return _Listener()


def _variable(name: str) -> Any:
    """Return the C library's variable ``stdout`` or ``stderr``; None where it is no variable."""
    try:
        return ctypes.c_void_p.in_dll(_libc(), name)
    except ValueError:   # not glibc
        return None
