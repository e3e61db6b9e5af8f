# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A process that ends with the one that started it, even if that one is killed."""

from collections.abc import Callable
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1   # prctl(2), Linux
C_LIBRARY = ctypes.CDLL(None)


def end_with_parent(parent: int, number: int = signal.SIGTERM) -> Callable[[], None] | None:
    """
    Make what a child runs before its program: ask the kernel to end it when its parent dies.

    :param parent: the process that is to be outlived by nobody.
    :param number: the signal that the child gets then.
    :returns: None where the kernel cannot do it; for ``preexec_fn``, or for the child to call.
    """
    if not sys.platform.startswith('linux'):
        return None

    def ask() -> None:
        C_LIBRARY.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:   # it died before the kernel was asked
            os._exit(1)

    return ask
