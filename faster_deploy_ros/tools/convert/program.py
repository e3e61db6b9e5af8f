# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Run a vendor's converter as a program of its own, with its output kept and its end checked."""

from collections.abc import Callable, Mapping, Sequence
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
from threading import Timer

from faster_deploy_ros.errors import ConvertFailed, Unavailable

LINES_SHOWN = 12


def find_program(name: str, hint: str) -> Path:
    """
    Return the path of a program, beside this Python or on the PATH.

    :raises Unavailable: it is not there; ``hint`` says how to get it.
    """
    beside = Path(sys.executable).with_name(name)
    found = beside if beside.is_file() else shutil.which(name)
    if found is None:
        raise Unavailable(f"convert: the program '{name}' is not installed. {hint}")
    return Path(found)


def run_program(
        command: Sequence[str | os.PathLike[str]], *, folder: Path, timeout_s: float = 1800.0,
        environ: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None) -> str:
    """
    Run a program to its end and return what it printed.

    :param folder: its working directory.
    :param environ: variables to set beside ours.
    :param on_line: called with each line as it comes.
    :raises ConvertFailed: it ended with an error or took too long; the last lines are shown. The
        program and its children are ended whatever happens.
    """
    name = Path(command[0]).name
    lines: list[str] = []
    process = subprocess.Popen(
        [os.fspath(word) for word in command], cwd=folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace',
        env={**os.environ, **(environ or {})}, start_new_session=True)
    timer = Timer(timeout_s, _end, (process,))
    timer.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            if on_line is not None:
                on_line(line.rstrip())
        code = process.wait()
        is_late = not timer.is_alive()
    finally:
        timer.cancel()
        _end(process)
        process.wait()
    if code != 0:
        why = f'took more than {timeout_s:g} s' if is_late else f'ended with {code}'
        tail = '\n'.join(f'    | {line}' for line in lines[-LINES_SHOWN:] if line)
        raise ConvertFailed(f'convert: {name} {why}. It printed:\n{tail or "    | nothing"}')
    return '\n'.join(lines)


def _end(process: 'subprocess.Popen[str]') -> None:
    """End a program with all that it has started; its session is its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
