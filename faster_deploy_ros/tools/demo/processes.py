# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The processes of a run: started, listened to, ended in good order, never left behind."""

from collections.abc import Callable, Mapping
from contextlib import suppress
import json
import os
from pathlib import Path
import selectors
import signal
import subprocess
import sys
import time
from types import FrameType, TracebackType
from typing import Any, BinaryIO

from faster_deploy_ros.tools.parent import end_with_parent

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SEVERE = ('ERROR ', 'FATAL ')
LOG_FORMAT = '{severity} {name}: {message}'
PATIENCE_S = 8.0    # for an orderly end, then SIGTERM
HARDNESS_S = 2.0    # after SIGTERM, then SIGKILL
PUMP_S = 0.05

OnEvent = Callable[[str, dict[str, Any]], None]


class Stopped(Exception):
    """The user or the system asked the whole run to end."""


class Child:
    """
    One started process, its log and what it complained of.

    :ivar errors: the lines it logged as errors, without their severity.
    :ivar last_line: the last line of its log that was not empty.
    """

    def __init__(self, name: str, process: 'subprocess.Popen[bytes]', log: Path) -> None:
        """Keep the log of a process that has just been started."""
        self.name = name
        self.process = process
        self.log = log
        self.errors: list[str] = []
        self.last_line = ''
        self._log_file = log.open('w', encoding='utf-8')
        self._asked = False

    def say(self, line: str) -> None:
        """Take one line of its log."""
        with suppress(OSError):   # a full disk must not keep us from ending the processes
            self._log_file.write(line + '\n')
            self._log_file.flush()
        if line.strip():
            self.last_line = line.strip()
        if line.startswith(SEVERE):
            self.errors.append(line.split(' ', 1)[1])

    def ask_to_end(self) -> None:
        """Send SIGINT, once: a second one would cut an orderly end short."""
        if not self._asked and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self._asked = True

    def close(self) -> None:
        """Close the log; the process has ended."""
        with suppress(OSError):
            self._log_file.close()


class Crew:
    """
    All processes of a run; leaving the ``with`` ends those that still live.

    An interrupt sets a mark that the next :meth:`pump` raises as ``Stopped``, so that it never
    falls between the start of a process and its entry in our list. Should we be killed without a
    chance to do anything, the kernel ends the children (Linux).

    :param logs: folder for one log per process.
    :param environ: what the processes get as their environment.
    :param on_event: called as ``on_event(name, event)`` for each JSON line on a standard output.
    """

    def __init__(self, logs: Path, environ: Mapping[str, str], on_event: OnEvent) -> None:
        """Start nothing yet."""
        self._logs = logs
        self._environ = {**environ, 'RCUTILS_CONSOLE_OUTPUT_FORMAT': LOG_FORMAT,
                         'RCUTILS_COLORIZED_OUTPUT': '0', 'ROS_LOG_DIR': str(logs / 'ros')}
        self._on_event = on_event
        self._children: dict[str, Child] = {}
        self._selector = selectors.DefaultSelector()
        self._rests: dict[BinaryIO, bytes] = {}
        self._asked = 0
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> 'Crew':
        """Take over the signals that would end us."""
        self._logs.mkdir(parents=True, exist_ok=True)
        for number in ENDING:
            self._handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        """End every process that still lives, then give the signals back."""
        for child in self._children.values():
            child.ask_to_end()
        for name in list(self._children):
            self.end(name)
        self._selector.close()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def __getitem__(self, name: str) -> Child:
        """Return the process started under this name."""
        return self._children[name]

    def start(self, name: str, module: str, arguments: list[str]) -> Child:
        """Start ``python -m module arguments`` under a name."""
        process = subprocess.Popen(
            [sys.executable, '-m', module, *arguments], env=self._environ,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,   # a Ctrl-C is ours alone: we end them one after another
            preexec_fn=end_with_parent(os.getpid()))   # noqa: PLW1509  one system call, no lock
        child = self._children[name] = Child(name, process, self._logs / f'{name}.log')
        for stream, take in ((process.stdout, self._take_event), (process.stderr, self._take_log)):
            assert stream is not None
            self._selector.register(stream, selectors.EVENT_READ, (child, take))
            self._rests[stream] = b''   # type: ignore[index]
        return child

    def pump(self, timeout_s: float = PUMP_S) -> None:
        """
        Take what the processes say within ``timeout_s``.

        :raises Stopped: an interrupt asked us to end.
        """
        self._read(timeout_s)
        if self._asked:
            raise Stopped

    def end(self, name: str) -> int:
        """
        Ask a process to end, insist after a while; return its exit code.

        What it and the others say meanwhile is taken.
        """
        child = self._children[name]
        child.ask_to_end()
        self._wait(child, PATIENCE_S)
        if child.process.poll() is None:
            child.process.terminate()
            self._wait(child, HARDNESS_S)
        if child.process.poll() is None:
            child.say(f'ERROR {name}: killed, it did not end by itself')
            child.process.kill()
        code = child.process.wait()
        self._drain(child)
        child.close()
        return code

    def _wait(self, child: Child, patience_s: float) -> None:
        """Wait for the end of a process; a second interrupt of the user cuts the patience."""
        deadline = time.monotonic() + patience_s
        while child.process.poll() is None and time.monotonic() < deadline and self._asked < 2:
            self._read(PUMP_S)

    def _drain(self, child: Child) -> None:
        """Read what is left in the pipes of a process that has ended."""
        for stream in (child.process.stdout, child.process.stderr):
            if stream is None or stream.closed:
                continue
            os.set_blocking(stream.fileno(), False)   # somebody may have inherited the other end
            while self._read_stream(stream):
                pass
            if not stream.closed:
                self._forget(stream)

    def _read(self, timeout_s: float) -> None:
        if not self._selector.get_map():
            time.sleep(timeout_s)
            return
        for key, _ in self._selector.select(timeout_s):
            self._read_stream(key.fileobj)

    def _read_stream(self, stream: Any) -> bool:
        """Take one chunk of a pipe; tell whether there may be more."""
        child, take = self._selector.get_key(stream).data
        try:
            chunk = os.read(stream.fileno(), 1 << 16)
        except BlockingIOError:
            return False
        *lines, self._rests[stream] = (self._rests[stream] + chunk).split(b'\n')
        for line in lines:
            take(child, line.decode('utf-8', 'replace'))
        if not chunk:
            self._forget(stream)
        return bool(chunk)

    def _forget(self, stream: Any) -> None:
        self._selector.unregister(stream)
        stream.close()

    def _take_event(self, child: Child, line: str) -> None:
        if line.startswith('{'):
            self._on_event(child.name, json.loads(line))
        else:
            child.say(line)

    @staticmethod
    def _take_log(child: Child, line: str) -> None:
        child.say(line)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._asked += 1
