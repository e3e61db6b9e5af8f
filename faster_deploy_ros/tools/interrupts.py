# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What asks a command to end, made one exception; and moments that it must not fall into."""

from collections.abc import Iterator
from contextlib import contextmanager
import signal
import threading
from types import FrameType
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """
    Raise KeyboardInterrupt for SIGTERM and SIGHUP too, once: what cleans up is left in peace.

    Thread: main; elsewhere nothing is changed, for no signal is handled there.
    """

    def end(number: int, frame: FrameType | None) -> None:
        for each in ENDING:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    with _handled_by(end):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let no signal interrupt a short block; one that came meanwhile ends us after it."""
    waiting: list[int] = []

    def keep(number: int, frame: FrameType | None) -> None:
        waiting.append(number)

    with _handled_by(keep):
        yield
    if waiting:
        signal.raise_signal(waiting[0])


@contextmanager
def _handled_by(handler: Any) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Those ignored already stay so: nohup means it.
    former = {each: signal.getsignal(each) for each in ENDING}
    try:
        for each, old in former.items():
            if old is not signal.SIG_IGN:
                signal.signal(each, handler)
        yield
    finally:
        for each, old in former.items():
            signal.signal(each, old if old is not None else signal.SIG_DFL)
