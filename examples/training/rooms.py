# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Renders rooms a hundred at a time, by two processes, and keeps them for the next training."""

from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
import pickle
from typing import TypeVar

import cv2
from tqdm import tqdm

T = TypeVar('T')
ROOMS = 100   # to a file of the cache


def films(cache: Path, first_seed: int, seeds: int, film: Callable[[int], T]) -> Iterator[T]:
    """
    Give what ``film`` makes of one seed after another, made now or read from the cache.

    :param seeds: how many; made and kept in hundreds.
    """
    cache.mkdir(parents=True, exist_ok=True)
    for first in tqdm(range(first_seed, first_seed + seeds, ROOMS), desc='hundreds of rooms'):
        path = cache / f'rooms_{first}.pickle'
        if not path.exists():
            with get_context('spawn').Pool(2, cv2.setNumThreads, (1,)) as pool:
                made = pool.map(film, range(first, first + ROOMS), 4)
            path.write_bytes(pickle.dumps(made))
        yield from pickle.loads(path.read_bytes())
