# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What C code prints is heard by who listens, and by nobody else."""

import ctypes

from faster_deploy_ros.cores.mnn import c_stdout
from faster_deploy_ros.cores.mnn.c_stdout import listen
import pytest

LIBC = ctypes.CDLL(None)


@pytest.fixture(autouse=True)
def needs_glibc():
    if c_stdout._variable('stdout') is None:
        pytest.skip('the C library has no variable stdout')


def test_what_c_prints_meanwhile_is_heard_in_lines_and_not_shown(capfd):
    with listen() as first:
        LIBC.printf(b'one\ntwo\n')
    with listen() as second:
        LIBC.printf(b'three')
    assert (first, second) == (['one', 'two'], ['three'])
    LIBC.printf(b'shown\n')
    LIBC.fflush(None)
    found = capfd.readouterr()
    assert 'shown' in found.out + found.err
    assert 'two' not in found.out + found.err


def test_what_comes_too_late_for_one_is_not_told_to_the_next():
    """A thread of a runtime may have taken the stream and print when nobody listens any more."""
    with listen() as first:
        LIBC.printf(b'in time\n')
    LIBC.fputs(b'late\n', ctypes.c_void_p(c_stdout._listener().stream))
    with listen() as second:
        LIBC.printf(b'mine\n')
    assert (first, second) == (['in time'], ['mine'])


def test_the_lines_are_there_after_an_exception_too():
    def fails(heard):
        with listen() as lines:
            heard.append(lines)
            LIBC.printf(b'the reason\n')
            raise RuntimeError

    heard = []
    with pytest.raises(RuntimeError):
        fails(heard)
    assert heard == [['the reason']]
