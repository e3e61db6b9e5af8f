# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One line that tells how a run goes: redrawn on a terminal, repeated now and then in a log."""

import shutil
import sys
import threading
import time
from typing import TextIO

TERMINAL_PERIOD_S = 0.1
LOG_PERIOD_S = 5.0
BAR = 24
EIGHTHS = ' ▏▎▍▌▋▊▉█'
SPINNER = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'


class Progress:
    """
    Draw a bar with a text behind it.

    :param stream: where to; the standard error when None, so that the output stays clean.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        """Draw nothing yet."""
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._due_s = 0.0
        self._drawn = ''
        self._is_deaf = False

    @property
    def is_live(self) -> bool:
        """Whether the line is redrawn in its place."""
        return self._live

    def show(self, done: int, total: int | None, text: str, *, now: bool = False) -> None:
        """Draw the bar if it is time to, or at once; without a total there is no bar."""
        time_s = time.monotonic()
        if time_s < self._due_s and not now:
            return
        self._due_s = time_s + (TERMINAL_PERIOD_S if self._live else LOG_PERIOD_S)
        count = f'{done}/{total}' if total else f'{done}' if done else ''
        line = '  '.join(part for part in (bar(done, total) if total else '', count, text) if part)
        if not self._live:
            if line != self._drawn:
                self._write(f'  {line}\n')
        else:
            width = shutil.get_terminal_size().columns - 3
            self._write(f'\r\x1b[2K  {line[:width]}')
        self._drawn = line

    def clear(self) -> None:
        """Take the line off the terminal."""
        if self._live and self._drawn:
            self._write('\r\x1b[2K')
        self._drawn = ''
        self._due_s = 0.0

    def _write(self, text: str) -> None:
        """Write, as long as somebody reads: nobody's work is to fail for its progress line."""
        try:
            if not self._is_deaf:
                self._stream.write(text)
                self._stream.flush()
        except (OSError, ValueError):   # a closed pipe, a closed file
            self._is_deaf = True


def bar(done: int, total: int) -> str:
    """Draw a bar of fixed width, in eighths of a character."""
    eighths = min(BAR * 8, round(BAR * 8 * done / total)) if total > 0 else 0
    full, part = divmod(eighths, 8)
    filled = EIGHTHS[8] * full + (EIGHTHS[part] if part else '')
    return f'{filled:·<{BAR}}'


class Activity:
    """
    What is being done now and for how long, redrawn by a thread of its own until it ends.

    Leaving the ``with`` takes the line away. ``report`` may be called from any thread.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        """Show nothing yet."""
        self._progress = progress or Progress()
        self._lock = threading.Lock()   # around what is shown, and the showing
        self._ended = threading.Event()
        self._text = self._detail = ''
        self._done = 0
        self._total: int | None = None
        self._began_s = 0.0
        self._thread = threading.Thread(target=self._redraw, name='activity', daemon=True)

    def __enter__(self) -> 'Activity':
        """Begin to redraw."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop redrawing."""
        self._ended.set()
        self._thread.join(1.0)   # a reader that has stopped reading holds it, and not us
        self._progress.clear()

    def report(
            self, text: str, done: int = 0, total: int | None = None, detail: str = '') -> None:
        """
        Say what is being done, and how much of how much where there is something to count.

        :param detail: changes too often for a line of its own in a log.
        """
        with self._lock:
            is_new = text != self._text
            if is_new:
                self._began_s = time.monotonic()
            self._text, self._done, self._total, self._detail = text, done, total, detail
            self._show(now=is_new)

    def _redraw(self) -> None:
        while not self._ended.wait(TERMINAL_PERIOD_S):
            with self._lock:
                if self._text:
                    self._show()

    def _show(self, *, now: bool = False) -> None:
        elapsed_s = time.monotonic() - self._began_s
        clock = f'  {elapsed_s:.0f} s' if elapsed_s >= 1 else ''
        turning = SPINNER[int(elapsed_s / TERMINAL_PERIOD_S) % len(SPINNER)] + '  '
        mark = turning if self._progress.is_live and not self._total else ''
        text = '  '.join(filter(None, (f'{mark}{self._text}{clock}', self._detail)))
        self._progress.show(self._done, self._total, text, now=now)
