# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The same work without ROS: on bare threads (the raw limit), and through OrderedExecutor."""

import argparse
from functools import partial
from pathlib import Path
import threading
import time
from typing import Any

from benchmark.processes import commands, say
import cv2
from faster_deploy_ros.cores import ModelUri, open_core
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.pipeline.ordered import OrderedExecutor
from faster_deploy_ros.pipeline.outcome import Overflow, Status
from faster_deploy_ros.pipeline.stages import Stages
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import open_model

WARM_UP_S = 0.3
Carry = Any   # carry(seconds) -> frames carried


def main() -> None:
    """Carry frames for as long as told, the way told; answer with rate and CPU time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--model', required=True)
    parser.add_argument('--image', type=Path, required=True)
    parser.add_argument('--workers', type=int, required=True)
    options = parser.parse_args()
    core = open_core(ModelUri.parse(options.model), seats=options.workers)
    model = open_model('auto', core)
    frame = Frame(1, 'camera', cv2.imread(str(options.image)))
    ways: dict[str, Carry] = {
        'raw': partial(carry_raw, model, frame, options.workers),
        'executor': partial(carry_in_line, model, frame, options.workers)}
    say(ready=True, summary=model.summary)
    for command in commands():
        carry = ways[command['way']]
        carry(WARM_UP_S)
        begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
        frames, objects = carry(command['seconds'])
        seconds, cpu_s = time.perf_counter() - begin_s, time.process_time() - begin_cpu_s
        say(fps=frames / seconds, cpu_ms=cpu_s * 1e3 / frames, objects=objects)


def carry_raw(model: Any, frame: Frame, workers: int, seconds: float) -> tuple[int, float]:
    """Run the model in a loop on each of so many threads."""
    counts = [0] * workers
    objects = 0
    end = time.perf_counter() + seconds

    def loop(index: int) -> None:
        nonlocal objects
        while time.perf_counter() < end:
            objects = len(model(frame, Stopwatch()))
            counts[index] += 1

    threads = [threading.Thread(target=loop, args=(i,)) for i in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts), objects


def carry_in_line(model: Any, frame: Frame, workers: int, seconds: float) -> tuple[int, float]:
    """Run the model in the stages of the line, which is kept full; take the results in order."""
    job = partial(Stages(lambda f: f, model, lambda f, result: result), frame)
    ready = threading.Event()
    line = OrderedExecutor(
        workers=workers, depth=workers, overflow=Overflow.BLOCK, on_ready=ready.set)
    done = objects = 0
    end = time.perf_counter() + seconds
    try:
        while time.perf_counter() < end:
            line.submit(job)
            for outcome in line.drain():
                if outcome.status is not Status.DONE:
                    raise RuntimeError(f'{outcome.status}: {outcome.error}')
                done += 1
                objects = len(outcome.value)
    finally:
        line.close(finish=True, timeout_s=5.0)
    return done + sum(1 for _ in line.drain()), objects


if __name__ == '__main__':
    main()
