# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A simulated runtime: known answers, delays, failures and hangs on demand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
import os
from pathlib import Path
import random
import threading
from time import monotonic, sleep
from typing import ClassVar

from faster_deploy_ros import __version__
from faster_deploy_ros.blobs import BlobsBuffer, BlobSpec
from faster_deploy_ros.cores.base import BaseInferCore
from faster_deploy_ros.cores.device import Capabilities, Device
from faster_deploy_ros.cores.mock_devices import SimulatedDevices
from faster_deploy_ros.cores.mock_models import (
    identity_specs,
    read_shape,
    read_size,
    yolox_output,
    yolox_specs,
)
from faster_deploy_ros.cores.options import option
from faster_deploy_ros.cores.source import LoadedModel
from faster_deploy_ros.cores.uri import ModelUri
from faster_deploy_ros.errors import UnknownName
import numpy as np

DEVICES = 8
MODELS = ('identity', 'yolox')
Script = Callable[[BlobsBuffer], None]


@dataclass(frozen=True)
class MockOptions:
    """What a ``mock`` URI can ask for."""

    shape: str = option('1,3,4,5', 'identity: the shape of x and y, -1 for an open dimension')
    dtype: str = option('float32', 'identity: the dtype of x and y')
    size: str = option('416x416', 'yolox: the input, width x height')
    classes: int = option(80, 'yolox: how many classes', minimum=1)
    delay_ms: float = option(0.0, 'how long the device works on one inference', minimum=0)
    jitter_ms: float = option(0.0, 'up to so much longer, at random', minimum=0)
    devices: int = option(1, 'how many devices share the work', minimum=1)
    fail_every: int = option(0, 'every n-th inference fails; 0: none', minimum=0)
    hang_every: int = option(0, 'every n-th inference hangs; 0: none', minimum=0)
    fail_after: int = option(
        0, 'after so many inferences that went well the device is gone; 0: never', minimum=0)
    fail_for_s: float = option(0.0, 'until it is back; 0: for good', minimum=0)


class MockCore(BaseInferCore):
    """
    A core without a runtime, for tests, benchmarks and first steps: ``mock.0://identity``.

    Each simulated device works on one inference at a time, as an NPU core does, and releases the
    GIL meanwhile: with ``devices=3`` three inferences run at once, however many seats there are.
    ``mock.0://yolox?size=416x416&classes=80&delay_ms=7`` is a detector that always finds
    ``mock_models.FAKE_BOXES``.

    :param specs: other tensors than the URI's model has; then ``script`` writes the outputs.
    :param script: called with the blobs in place of the model; what it raises fails the inference.
    :param gate: each inference waits for this event before it ends.
    :param broken: while this event is set, each inference fails.
    :param metadata: what the model says about itself.
    """

    scheme = 'mock'
    options_type = MockOptions
    path_is_file = False
    capabilities: ClassVar[Capabilities] = Capabilities(
        dynamic_shape=True, external_blobs=True, from_bytes=True,
        versions={'faster_deploy_ros': __version__})

    def __init__(
            self, uri: str | os.PathLike[str] | ModelUri = 'mock.0://identity', *,
            seats: int = 2, specs: Sequence[BlobSpec] | None = None, script: Script | None = None,
            gate: threading.Event | None = None, broken: threading.Event | None = None,
            metadata: Mapping[str, str] | None = None) -> None:
        """Prepare the simulation; nothing is loaded yet."""
        super().__init__(uri, seats=seats)
        self.options: MockOptions = self._options
        self.gate = gate
        self.broken = broken or threading.Event()
        self.mended = threading.Event()  # set it to let the hanging inferences end
        self._given_specs = specs
        self._script = script
        self._given_metadata = dict(metadata or {})
        self._calls = count(1)
        self._gone_s: float | None = None   # since when the device is gone
        self._devices = SimulatedDevices(self.options.devices)
        self._random = random.Random(0)

    @classmethod
    def devices(cls) -> Sequence[Device]:
        """List the simulated devices, always the same."""
        return [Device(cls.scheme, index, 'simulated', cls.capabilities)
                for index in range(DEVICES)]

    def _load(self, source: Path | bytes) -> LoadedModel:
        model = self._uri.path
        if self._given_specs is not None:
            return LoadedModel(self._given_specs, self._given_metadata)
        if model not in MODELS:
            raise UnknownName(
                f"mock: no model is named '{model}', expected one of {', '.join(MODELS)}")
        if model == 'yolox':
            size, classes = read_size(self.options.size), self.options.classes
            answer = yolox_output(size, classes)
            self._script = self._script or (
                lambda blobs: np.copyto(blobs['output'].data, answer))
            # Said, so that no model needs a probing inference, which would count and could hang.
            metadata = {'family': 'yolox', 'decoded': 'false', **self._given_metadata}
            return LoadedModel(yolox_specs(size, classes), metadata)
        self._script = self._script or _copy_x_to_y
        shape = read_shape(self.options.shape)
        return LoadedModel(identity_specs(shape, self.options.dtype), self._given_metadata)

    def _unload(self) -> None:
        """Keep nothing."""

    def _infer(self, blobs: BlobsBuffer) -> None:
        options = self.options
        number = next(self._calls)
        if options.hang_every and number % options.hang_every == 0:
            self.mended.wait()
        if self.gate is not None:
            self.gate.wait()
        delay_s = options.delay_ms / 1e3
        if options.jitter_ms:
            delay_s += self._random.random() * options.jitter_ms / 1e3
        device = self._devices.take()  # each does one thing at a time
        try:
            if delay_s:
                sleep(delay_s)
            if options.fail_every and number % options.fail_every == 0:
                raise RuntimeError(f'the simulated device {device} fails at inference {number}')
            if self.broken.is_set() or self._is_gone(number):
                raise RuntimeError(f'the simulated device {device} is gone')
            if self._script is not None:
                self._script(blobs)
        finally:
            self._devices.give(device)

    def _is_gone(self, number: int) -> bool:
        """Tell whether the device is in the one long failure that the options ask for."""
        options = self.options
        if not options.fail_after or number <= options.fail_after:
            return False
        if self._gone_s is None:
            self._gone_s = monotonic()
        return not options.fail_for_s or monotonic() - self._gone_s < options.fail_for_s


def _copy_x_to_y(blobs: BlobsBuffer) -> None:
    x, y = blobs['x'], blobs['y']
    y.reshape(x.shape)
    np.copyto(y.data, x.data)
