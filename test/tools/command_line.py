# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How the tests of the commands start processes, and look whether any is left."""

import os
from pathlib import Path
import time

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]


def environ():
    """Return variables with which our modules and those of this folder are found."""
    paths = [str(CHECKOUT), str(HERE), os.environ.get('PYTHONPATH', '')]
    return {**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, paths)), 'COLUMNS': '100'}


def is_alive(process: int) -> bool:
    """Tell whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        state = Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != 'Z'


def wait_until(condition, limit_s: float = 20.0) -> bool:
    """Wait for something to become true; tell whether it did."""
    deadline_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.01)
    return True


def names(folder: Path) -> list[str]:
    """Return what is in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())
