# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A module of ours in a process of its own: asked in JSON, and it may crash without harm."""

from collections.abc import Callable, Mapping, Sequence
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from types import TracebackType
from typing import Any

from faster_deploy_ros import errors
from faster_deploy_ros.cores.source import one_line
from faster_deploy_ros.errors import FasterDeployError, TimedOut
from faster_deploy_ros.tools.parent import end_with_parent

PATIENCE_S = 2.0    # for a child to end by itself when nobody asks any more
PARENT = 'FASTER_DEPLOY_PARENT'


class Crashed(FasterDeployError):
    """A process of ours that ended in the middle: a runtime took it down."""


class Child:
    """
    Run ``python -m module`` and ask it one question after another; leaving the ``with`` ends it.

    :param module: calls :func:`serve`.
    :param title: how messages call it: ``'ncnn'``.
    """

    def __init__(self, module: str, title: str, arguments: Sequence[str] = ()) -> None:
        """Start the process."""
        self._title = title
        self._rest = b''
        self._log = tempfile.TemporaryFile()   # noqa: SIM115  lives as long as the process
        self._process = subprocess.Popen(
            [sys.executable, '-m', module, *arguments], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self._log, start_new_session=True,
            env={**os.environ, PARENT: str(os.getpid())})

    def __enter__(self) -> 'Child':
        """Return the child itself."""
        return self

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        """End it; with patience only if nothing went wrong."""
        self.end(patience_s=PATIENCE_S if kind is None else 0.0)

    @property
    def process_id(self) -> int:
        """Of the process; for tests and messages."""
        return self._process.pid

    def ask(self, question: Mapping[str, Any], timeout_s: float) -> Any:
        """
        Send a question and return the answer.

        :raises Crashed: the process has ended; how, and its last words.
        :raises TimedOut: there was no answer in time; the process is ended.
        :raises FasterDeployError: whatever the question led to over there.
        """
        self.send(question)
        return self.receive(timeout_s)

    def send(self, question: Mapping[str, Any]) -> None:
        """Send a question; a process that has ended is told by ``receive``."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question).encode() + b'\n')
            self._process.stdin.flush()
        except BrokenPipeError:
            pass

    def receive(self, timeout_s: float) -> Any:
        """Return the answer to the last question; raises as ``ask``."""
        line = self._line(timeout_s)
        if line is None:
            self.end()
            raise TimedOut(f'{self._title}: no answer within {timeout_s:g} s; it was ended')
        if not line:
            raise Crashed(f'{self._title}: {self._how_it_ended()}')
        reply = json.loads(line)
        if 'error' in reply:
            kind = getattr(errors, reply['kind'], FasterDeployError)
            raise kind(reply['error'])
        return reply['answer']

    def end(self, patience_s: float = 0.0) -> None:
        """End the process with all that it has started; a second call does nothing."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                pass
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            pass
        finally:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._log.close()

    def _line(self, timeout_s: float) -> bytes | None:
        """Read one line; empty at the end, None when the time is up."""
        assert self._process.stdout is not None
        deadline_s = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b'\n' not in self._rest:
                left_s = max(0.0, deadline_s - time.monotonic())   # what is there is read anyway
                if not selector.select(left_s):
                    return None
                chunk = os.read(self._process.stdout.fileno(), 1 << 16)
                if not chunk:
                    return b''
                self._rest += chunk
        line, _, self._rest = self._rest.partition(b'\n')
        return line

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            return 'closed its output and went on'
        try:
            how = f'crashed ({signal.Signals(-code).name})' if code < 0 else f'ended with {code}'
        except ValueError:
            how = f'crashed (signal {-code})'
        self._log.seek(0)
        words = [line.strip() for line in self._log.read().decode(errors='replace').splitlines()]
        said = [line for line in words if line]
        return f"{how}; its last words: '{said[-1][:200]}'" if said else how


def serve(answer: Callable[[Mapping[str, Any]], Any]) -> None:
    """
    Answer the parent's questions, a JSON line each, until it closes our input.

    What a vendor's library prints goes to the standard error: the answers stay clean.
    """
    if ask := end_with_parent(int(os.environ.get(PARENT, os.getppid())), signal.SIGKILL):
        ask()
    with os.fdopen(os.dup(1), 'w', encoding='utf-8') as replies:
        os.dup2(2, 1)
        for line in sys.stdin:
            replies.write(json.dumps(_reply(answer, json.loads(line))) + '\n')
            replies.flush()


def _reply(answer: Callable[[Mapping[str, Any]], Any], question: Mapping[str, Any]) -> Any:
    try:
        return {'answer': answer(question)}
    except FasterDeployError as error:
        return {'error': str(error), 'kind': type(error).__name__}
    except Exception as error:   # it belongs to who asked
        return {'error': f'{type(error).__name__}: {one_line(error)}', 'kind': ''}
