# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What every time depends on: the machine, as a page of figures tells it."""

import os
from pathlib import Path
import platform


def cores() -> int:
    """How many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:   # not Linux
        return os.cpu_count() or 1


def cpu_name() -> str:
    """Name of the processor, or at least its kind."""
    places = (('/proc/cpuinfo', 'model name'), ('/proc/device-tree/model', ''))
    for place, key in places:
        try:
            lines = Path(place).read_text(encoding='utf-8').replace('\0', '').splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith(key):
                return (line.partition(':')[2] if key else line).strip()
    return platform.machine()


def resident_mb() -> float:
    """Memory that this process holds now, in MiB; 0 where the system does not tell."""
    try:
        pages = int(Path('/proc/self/statm').read_text(encoding='ascii').split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf('SC_PAGE_SIZE') / 2**20
