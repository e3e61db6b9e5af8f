# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Cycles of a node's life in a process of their own: ``run_cycles.py CYCLES name=value ...``."""

import gc
import json
import sys
import threading

import psutil
import rclpy
from rig import Rig

FRAMES = 5


def main():
    """Live through the cycles; print the memory, threads and open files after each as JSON."""
    cycles = int(sys.argv[1])
    rclpy.init()
    bench = Rig(**dict(word.split('=', 1) for word in sys.argv[2:]))
    process = psutil.Process()
    seen = {'rss_mib': [], 'threads': [], 'files': []}
    for cycle in range(cycles):
        bench.start()
        bench.send(FRAMES)
        bench.until(lambda: len(bench.results) == FRAMES)
        bench.stop()
        first = FRAMES * cycle + 1
        assert bench.order == list(range(first, first + FRAMES)), bench.order
        bench.results.clear()   # what the test keeps must not look like a leak
        bench.health.clear()
        gc.collect()
        seen['rss_mib'].append(process.memory_info().rss / 2**20)
        seen['threads'].append(process.num_threads())
        seen['files'].append(process.num_fds())
    seen['workers'] = [one.name for one in threading.enumerate() if 'worker' in one.name]
    bench.close()
    rclpy.try_shutdown()
    print(json.dumps(seen))


if __name__ == '__main__':
    main()
