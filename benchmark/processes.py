# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The processes of a benchmark: started first, commanded by lines of JSON, ended in any case."""

from collections.abc import Callable, Mapping, Sequence
import json
import os
from pathlib import Path
import queue
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

from faster_deploy_ros import transport

ROOT = Path(__file__).resolve().parent.parent


class BenchmarkFailed(Exception):
    """A process of the benchmark died, hung or said something unexpected."""


def bench_environment(*, profile: bool = True) -> dict[str, str]:
    """
    Make the environment of all processes of one benchmark: this machine only, a domain of its own.

    :param profile: with the shipped transport profile, or the user's own; otherwise with the
        middleware as it comes.
    """
    environ = dict(os.environ)
    environ.setdefault('ROS_DOMAIN_ID', str(50 + os.getpid() % 50))
    environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    environ['PYTHONPATH'] = os.pathsep.join(
        p for p in (str(ROOT), environ.get('PYTHONPATH', '')) if p)
    if profile:
        return transport.environment(environ)
    return {k: v for k, v in environ.items() if k not in transport.USER_VARIABLES}


class Child:
    """
    One Python process of a benchmark.

    :param module: run with ``python -m``.
    :param arguments: its command line.
    :param environ: its environment.
    """

    def __init__(
            self, module: str, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        """Start the process."""
        self.name = module.rpartition('.')[2]
        self._errors = tempfile.TemporaryFile('w+', encoding='utf-8')  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, '-m', module, *arguments], env=dict(environ), cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors)
        self._said: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> 'Child':
        """Use the process in a block, at whose end it is ended."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.end()

    def tell(self, **command: Any) -> None:
        """
        Send one command.

        :raises BenchmarkFailed: the process is gone.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(command) + '\n')
            self._process.stdin.flush()
        except OSError as error:
            raise BenchmarkFailed(self._obituary('is gone')) from error

    def answer(self, timeout_s: float, idle: Callable[[], None] | None = None) -> dict[str, Any]:
        """
        Wait for the next answer.

        :param idle: called again and again while waiting, to do something useful meanwhile.
        :raises BenchmarkFailed: none came in time, or the process ended.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            try:
                said = self._said.get(block=idle is None, timeout=min(0.5, timeout_s))
            except queue.Empty:
                if idle is not None:
                    idle()
                continue
            if said is None:
                raise BenchmarkFailed(self._obituary('ended'))
            return said
        raise BenchmarkFailed(self._obituary(f'has not answered for {timeout_s:.0f} s'))

    def alive(self) -> None:
        """
        Make sure that the process still runs.

        :raises BenchmarkFailed: it does not.
        """
        if self._process.poll() is not None:
            raise BenchmarkFailed(self._obituary('ended'))

    def cpu_s(self) -> float:
        """Return the CPU time of all its threads so far, in seconds."""
        # clock_getcpuclockid(3) by hand: nanoseconds, where /proc/<pid>/stat counts in 10 ms.
        return time.clock_gettime((~self._process.pid << 3) | 2)

    def end(self) -> None:
        """End the process: closed input, then SIGTERM, then SIGKILL."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.close()
        except OSError:
            pass
        for stop, patience_s in ((process.terminate, 5.0), (process.kill, 5.0)):
            if process.poll() is not None:
                break
            stop()
            try:
                process.wait(patience_s)
            except subprocess.TimeoutExpired:
                continue
        self._listener.join(5.0)
        process.stdout.close()
        self._errors.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith('{'):
                self._said.put(json.loads(line))
        self._said.put(None)

    def _obituary(self, what: str) -> str:
        self._errors.seek(0)
        tail = ''.join(self._errors.readlines()[-15:])
        return f'the process {self.name} {what}; its last words:\n{tail or "(none)"}'


def commands() -> Any:
    """Read the commands that a child is told, one dictionary each, until its input ends."""
    for line in sys.stdin:
        yield json.loads(line)


def say(**answer: Any) -> None:
    """Answer a command, from within a child."""
    print(json.dumps(answer), flush=True)
