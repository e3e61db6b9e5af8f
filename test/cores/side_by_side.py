# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether a runtime lets others work beside it: two seats, and Python itself."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

from faster_deploy_ros.cores.contract import TIMEOUT_S
import numpy as np


def expect_the_same_alone_and_together(core, images):
    """Infer each image alone, then all of them from two threads at once, three times over."""
    def infer(image):
        with core.lease(TIMEOUT_S) as blobs:
            blobs['images'].data[...] = image
            core.sync_infer(blobs)
            return blobs['output'].data.copy()

    alone = [infer(image) for image in images]
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(infer, images * 3))
    assert all(
        np.array_equal(alone[k % len(images)], each) for k, each in enumerate(together))


def steps_of_python_beside(infer, times=5):
    """Return how far another thread has counted during each inference: 0 without the GIL."""
    started, over, count = Barrier(2, timeout=TIMEOUT_S), Event(), [0]

    def counts():
        started.wait()
        while not over.is_set():
            count[0] += 1

    during = []
    with ThreadPoolExecutor(1) as threads:
        counting = threads.submit(counts)
        try:
            started.wait()
            for _ in range(times):
                before = count[0]
                infer()
                during.append(count[0] - before)
        finally:
            over.set()
        counting.result(TIMEOUT_S)
    return during
