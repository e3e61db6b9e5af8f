# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Run a vendor's converter as a program of its own, with its output kept and its end checked."""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import threading

from faster_deploy_ros.errors import ConvertFailed, Unavailable
from faster_deploy_ros.tools.interrupts import undisturbed

LINES_SHOWN = 12


def version_of(package: str) -> str:
    """Return the version of a converter's package, for the card; a program may have none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return 'not known'


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
    :raises ConvertFailed: it cannot be started, ended with an error or took too long; its last
        lines are shown. The program and what it has started are ended whatever happens.
    """
    name = Path(command[0]).name
    process: subprocess.Popen[str] | None = None
    late = threading.Event()
    lines: list[str] = []
    try:
        with undisturbed():   # or an interrupt could fall between the start and our knowing of it
            process = _start(command, folder, environ)
        watch = threading.Thread(
            target=_watch, args=(process, timeout_s, late), name=f'watch {name}', daemon=True)
        watch.start()
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            if on_line is not None:
                on_line(line.rstrip())
        watch.join()
    finally:
        if process is not None:
            _end(process)
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
    if process.returncode != 0 or late.is_set():
        is_late = f'took more than {timeout_s:g} s and was ended'
        why = is_late if late.is_set() else _how_it_ended(process.returncode)
        tail = '\n'.join(f'    | {line}' for line in lines[-LINES_SHOWN:] if line)
        raise ConvertFailed(f'convert: {name} {why}. It printed:\n{tail or "    | nothing"}')
    return '\n'.join(lines)


def _start(
        command: Sequence[str | os.PathLike[str]], folder: Path,
        environ: Mapping[str, str] | None) -> 'subprocess.Popen[str]':
    try:
        return subprocess.Popen(
            [os.fspath(word) for word in command], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace',
            env={**os.environ, **(environ or {})},
            start_new_session=True)   # a Ctrl-C is ours alone: we end it with all it has started
    except OSError as error:
        raise ConvertFailed(
            f"convert: '{command[0]}' cannot be started: {error.strerror}; install it again"
            ) from error


def _watch(
        process: 'subprocess.Popen[str]', timeout_s: float, late: threading.Event) -> None:
    """
    Wait for the end of a program, then end what it has started: that may hold its output open.

    Thread: one of its own.
    """
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        late.set()
    _end(process)


def _end(process: 'subprocess.Popen[str]') -> None:
    """End a program with all that it has started; its session is its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f'ended with {code}'
    try:
        return f'crashed ({signal.Signals(-code).name})'
    except ValueError:
        return f'crashed (signal {-code})'
