# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The command ``faster-deploy``: one word chooses what it does."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
import difflib
from importlib import import_module
import os
import sys
from types import MappingProxyType

from faster_deploy_ros import __version__
from faster_deploy_ros.errors import FasterDeployError
from faster_deploy_ros.tools.interrupts import ended_by_signals
from faster_deploy_ros.tools.whole_file import NO_ROOM

PROGRAM = 'faster-deploy'
# What the commands need beyond the package's own needs: extras of setup.py.
TOOLS = ('onnx', 'tabulate')
EXTRAS: Mapping[str, Sequence[str]] = MappingProxyType({
    'evaluate': ('matplotlib', 'pycocotools', 'tabulate')})
OK, DISAGREED, REFUSED, INTERRUPTED = 0, 1, 2, 130
# Command -> what it is for. Each is a module of this folder with add_arguments and run.
COMMANDS: Mapping[str, str] = MappingProxyType({
    'bench': 'how fast a model runs: latency and throughput by seats and threads',
    'compare': 'whether two runtimes give the same: tensors, boxes, and what is wrong if not',
    'convert': 'turn an ONNX model into one for another runtime, with a card beside it',
    'devices': 'what this machine can run models on, and why not on the rest',
    'evaluate': 'how good a model is: AP on labelled images, errors of depth against truth',
    'models': 'well-known models with their licences: list, fetch, verify',
})


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run one command and return its exit code.

    0: done. 1: done, and the answer is no. 2: refused, the reason is printed. 130: interrupted.
    """
    _open_missing_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = words[0] if words else '--help'
    if name in ('-h', '--help'):
        print(_overview())
        return OK if words else REFUSED
    if name == '--version':
        print(f'{PROGRAM} {__version__}')
        return OK
    if name not in COMMANDS:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        guess = f" Did you mean '{close[0]}'?" if close else ''
        print(f"{PROGRAM}: no command is named '{name}', expected one of "
              f"{', '.join(COMMANDS)}.{guess}", file=sys.stderr)
        return REFUSED
    return _run(name, words[1:])


def _run(name: str, words: Sequence[str]) -> int:
    try:
        command = import_module(f'faster_deploy_ros.tools.{name}')
        text = COMMANDS[name]
        parser = ArgumentParser(
            prog=f'{PROGRAM} {name}', description=f'{text[0].upper()}{text[1:]}.',
            formatter_class=RawDescriptionHelpFormatter)
        command.add_arguments(parser)
        chosen = parser.parse_args(words)
        with ended_by_signals():
            code: int = command.run(chosen)
            sys.stdout.flush()
    except FasterDeployError as error:
        reason = str(error).removeprefix(f'{name}: ')   # many say where they come from
        print(f'{PROGRAM} {name}: {reason}', file=sys.stderr)
        return REFUSED
    except ImportError as error:
        needed = EXTRAS.get(name, TOOLS)
        if (error.name or '').partition('.')[0] not in needed:
            raise
        print(f"{PROGRAM} {name}: the Python module '{error.name}' is not installed. "
              f"Install it: pip install {' '.join(needed)}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print(f'{PROGRAM} {name}: interrupted', file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:   # the reader, head or less, has seen enough
        _drop_output()
        return OK
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        print(f'{PROGRAM} {name}: nothing more can be written: {error.strerror}', file=sys.stderr)
        _drop_output()
        return REFUSED
    return code


def _open_missing_streams() -> None:
    """
    Put the null device where a stream is closed, as cron or ``>&-`` leave it.

    The next file that is opened, a model perhaps, would get the number of that stream, and with
    it what C libraries print.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)   # takes the lowest free number
    for stream in ('stdout', 'stderr'):
        if getattr(sys, stream) is None:
            setattr(sys, stream, open(os.devnull, 'w', encoding='utf-8'))   # noqa: SIM115


def _drop_output() -> None:
    """Let what is still to be printed go nowhere; Python would complain of it at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f'  {name:<{width}}  {text}' for name, text in COMMANDS.items()]
    return '\n'.join([
        f'usage: {PROGRAM} COMMAND [...]', '', *lines, '',
        f'{PROGRAM} COMMAND --help tells more; each command has --json.'])
