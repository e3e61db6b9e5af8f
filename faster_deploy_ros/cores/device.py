# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a machine can run models on, and what each place can do."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Capabilities:
    """
    What one runtime offers on one device.

    :param dynamic_shape: models whose inputs have open dimensions run.
    :param device_blobs: blobs can be placed in the accelerator's memory.
    :param external_blobs: the caller's memory can be bound without a copy.
    :param from_bytes: a model can be loaded from memory.
    :param native_async: the runtime itself is asynchronous; no thread waits for it.
    :param max_in_flight: how many inferences can run at once; None: as many as there are seats.
    :param versions: of the runtime and its drivers, by name.
    """

    dynamic_shape: bool = False
    device_blobs: bool = False
    external_blobs: bool = False
    from_bytes: bool = False
    native_async: bool = False
    max_in_flight: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Device:
    """
    One place where a runtime can run a model: ``<scheme>.<index>``.

    :param name: the device's own: ``'NVIDIA Orin'``.
    :param guid: what tells this very device from all others, where the runtime knows it.
    """

    scheme: str
    index: int
    name: str
    capabilities: Capabilities
    guid: str = ''

    def __str__(self) -> str:
        return f'{self.scheme}.{self.index} ({self.name})'


@dataclass(frozen=True)
class UnavailableRuntime:
    """A runtime that this machine cannot use, and why not."""

    scheme: str
    reason: str

    def __str__(self) -> str:
        return f'{self.scheme}: not available: {self.reason}'
