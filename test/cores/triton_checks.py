# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of the Triton client look at: its files, its failures, and the clock."""

import os
import threading
from time import monotonic

from faster_deploy_ros.cores.triton.memory import FOLDER, PREFIX
from faster_deploy_ros.errors import InferFailed

WITHIN_S = 20.0   # for what must happen; nothing waits so long


def wait_for(condition):
    """Wait for what must happen soon."""
    end = monotonic() + WITHIN_S
    pause = threading.Event()
    while not condition():
        assert monotonic() < end, 'it did not happen'
        pause.wait(0.02)


def infer_later(core):
    """Return a function that infers the asynchronous way, and waits."""
    return lambda blobs: core.async_infer(blobs).result(WITHIN_S)


def fails(infer, blobs):
    """Tell whether an inference fails now."""
    try:
        infer(blobs)
    except InferFailed:
        return True
    return False


def our_files(pid=None):
    """Return the files that this process, or another, has in shared memory."""
    return [*FOLDER.glob(f'{PREFIX}{pid or os.getpid()}_*')]


def regions_on(server, pid=None):
    """Return the regions that this process, or another, has on a server."""
    start = f'{PREFIX}{pid or os.getpid()}_'
    return [name for name in server.regions() if name.startswith(start)]
