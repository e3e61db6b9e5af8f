# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is measured, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PICTURES = 8   # enough that not every inference sees the same


@dataclass(frozen=True)
class Orders:
    """
    One run of the benchmark.

    :param uris: of the models; the first is what the others are compared with.
    :param seats: how many inferences run at once, one configuration for each number.
    :param threads: inside one inference; None: as the URI or the runtime says.
    :param seconds: measured for each configuration, all rounds together.
    :param rounds: in which the models take turns.
    :param images: a source of pictures, ``''`` for noise.
    :param family: of the models.
    :param shapes: of inputs that the models leave open, by name.
    :param stages: measure the whole call: preprocess, infer, postprocess.
    :param limit_s: for a model to load; some runtimes compile it first.
    """

    uris: tuple[str, ...]
    seats: tuple[int, ...] = (1, 2)
    threads: tuple[int | None, ...] = (None,)
    seconds: float = 2.0
    rounds: int = 5
    images: str = 'scene'
    family: str = 'auto'
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    stages: bool = False
    limit_s: float = 1800.0

    def opening(self, uri: str, seats: int, threads: int | None) -> dict[str, Any]:
        """Return what the process that measures one configuration is told first."""
        return {
            'uri': uri, 'seats': seats, 'threads': threads, 'images': self.images,
            'family': self.family, 'shapes': dict(self.shapes), 'stages': self.stages}
