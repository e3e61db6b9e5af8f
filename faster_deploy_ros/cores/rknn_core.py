# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Rockchip's NPU through RKNNLite: one context per seat, each on an NPU core of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import os
from pathlib import Path
from tempfile import mkstemp
import threading
from typing import Any
import weakref

from faster_deploy_ros.blobs import Blob, BlobsBuffer, BlobSpec
from faster_deploy_ros.cores.base import BaseInferCore
from faster_deploy_ros.cores.device import Capabilities, Device
from faster_deploy_ros.cores.options import option
from faster_deploy_ros.cores.rknn.board import Board, find_board, versions, why_not
from faster_deploy_ros.cores.rknn.context import Context, release
from faster_deploy_ros.cores.rknn.file import read_rknn, RknnFile
from faster_deploy_ros.cores.rknn.tensors import (
    as_declared,
    input_specs,
    metadata,
    output_names,
    output_spec,
)
from faster_deploy_ros.cores.source import LoadedModel, one_line
from faster_deploy_ros.cores.uri import ModelUri
from faster_deploy_ros.errors import (
    BadValue,
    FasterDeployError,
    InferFailed,
    LoadFailed,
)
import numpy as np
from numpy.typing import NDArray
from rknnlite.api import RKNNLite

# Contexts are opened one after the other: RKNNLite sets up its log and libraries meanwhile.
_opening = threading.Lock()


@dataclass(frozen=True)
class RknnOptions:
    """What an ``rknn`` URI can ask for."""

    cores: tuple[str, ...] = option(
        (), 'NPU cores that the seats are spread over, such as 0,1,2; none: all of the device')
    together: bool = option(
        False, 'each seat runs on all those cores at once: one frame sooner, fewer per second')
    inputs: tuple[str, ...] = option(
        (), 'name:dtype:sizes of each input as the NPU takes it, images:uint8:1x416x416x3, for '
        'files that do not tell it')
    outputs: tuple[str, ...] = option((), 'names of the outputs, for files that do not tell them')


class RknnCore(BaseInferCore):
    """
    A model on Rockchip's NPU: ``rknn.0:///m.rknn`` on all NPU cores, ``rknn.1`` on the first.

    Device 0 spreads its seats over all cores of the chip in turn, so it takes as many seats as
    cores to use them all; the devices 1, 2 and 3 are its first, second and third core alone.

    Inputs of four dimensions are NHWC, images of them uint8: raw bytes in the model's colour
    order, because mean and std are inside the model. Outputs are float32.
    """

    scheme = 'rknn'
    options_type = RknnOptions

    def __init__(self, uri: str | os.PathLike[str] | ModelUri, *, seats: int = 2) -> None:
        """Read the options; nothing is loaded yet."""
        super().__init__(uri, seats=seats)
        self.options: RknnOptions = self._options
        self._path = Path(self._uri.path)
        self._stamp: tuple[int, ...] = ()
        self._remove_copy: Callable[[], Any] | None = None   # of a model that came as bytes
        self._file = RknnFile(0)
        self._lock = threading.Lock()
        self._in_use: dict[int, int] = {}         # core mask -> how many contexts have it
        self._spare: Context | None = None        # opened by load, for the first seat

    @classmethod
    def devices(cls) -> Sequence[Device]:
        """List the NPU as a whole, and its cores where it has several."""
        board = find_board()
        count = 1 + board.cores if board.cores > 1 else 1
        known = versions()
        return [_device(board, index, known) for index in range(count)]

    def _load(self, source: Path | bytes) -> LoadedModel:
        board = find_board()
        self._file = read_rknn(self._name, source)
        board.check_targets(self._name, self._file.targets)
        self._in_use = dict.fromkeys(self._masks(board), 0)
        inputs = input_specs(self._name, self.options.inputs, self._file)
        try:
            self._keep(source)
            self._spare = self._open()
            # The file tells the outputs of the original model; a run tells those of this one.
            results = _first_run(self._name, self._spare, inputs)
            names = output_names(self._name, self.options.outputs, self._file, len(results))
            outputs = [
                output_spec(self._name, name, result, self._file)
                for name, result in zip(names, results)]
            told = {**metadata(self._file), 'runtime': self._spare.version}
        except BaseException:
            self._unload()   # the base does so only for a model that was loaded
            raise
        return LoadedModel([*inputs, *outputs], {key: word for key, word in told.items() if word})

    def _allocate(self) -> BlobsBuffer:
        with self._lock:
            context, self._spare = self._spare, None
        context = context or self._open()
        return BlobsBuffer(
            [Blob(spec) for spec in self._specs.values()], request=context, owner=self)

    def _infer(self, blobs: BlobsBuffer) -> None:
        context: Context = blobs.request
        results = context.run([blob.data for blob in blobs.inputs])
        if len(results) != len(blobs.outputs):
            raise InferFailed(
                f'{self._name}: RKNNLite gave {len(results)} outputs, expected '
                f'{len(blobs.outputs)} as when the model was loaded')
        for blob, result in zip(blobs.outputs, results):
            blob.adopt(as_declared(blob.spec, result, self._file))

    def _free(self, blobs: BlobsBuffer) -> None:
        self._close(blobs.request)
        blobs.request = None
        blobs.free()

    def _unload(self) -> None:
        spare, self._spare = self._spare, None
        if spare is not None:
            self._close(spare)
        if self._remove_copy is not None:
            self._remove_copy()

    # -- the file ----------------------------------------------------------------------------

    def _keep(self, source: Path | bytes) -> None:
        """Have a file for the contexts still to come: RKNNLite reads nothing else."""
        if isinstance(source, bytes):
            handle, name = mkstemp('.rknn', 'faster_deploy_')
            self._remove_copy = weakref.finalize(self, _remove, name)
            with os.fdopen(handle, 'wb') as stream:
                stream.write(source)
            source = Path(name)
        self._path, self._stamp = source, _stamp(source)

    def _check_unchanged(self) -> None:
        """Refuse to mix two models in one core, when the file was replaced meanwhile."""
        try:
            stamp = _stamp(self._path)
        except OSError:
            stamp = ()
        if stamp != self._stamp:
            raise LoadFailed(
                f"{self._name}: '{self._path}' has changed since the model was loaded from it, "
                'and RKNNLite reads it for each seat; open the model again')

    # -- the contexts ------------------------------------------------------------------------

    def _masks(self, board: Board) -> tuple[int, ...]:
        chosen = self._uri.device
        if not chosen:
            cores = board.check_cores(self._name, self.options.cores)
        elif self.options.cores:
            raise BadValue(
                f'{self._name}: the device {chosen} is one core already, the option cores is for '
                'rknn.0; leave one of them out')
        else:
            cores = (chosen - 1,)
        if self.options.together and cores not in ((0, 1), (0, 1, 2)):
            raise BadValue(
                f'{self._name}: option together: the NPU joins the cores 0,1 or 0,1,2, got '
                f"{','.join(map(str, cores))}")
        return board.masks(cores, self.options.together)

    def _open(self) -> Context:
        """Open a context on the core that has the fewest."""
        with self._lock:
            mask = min(self._in_use, key=lambda mask: self._in_use[mask])
            self._in_use[mask] += 1
        context = Context(self._name, mask, self._start)
        try:
            context.open()
        except BaseException:
            self._close(context)
            raise
        return context

    def _close(self, context: Context) -> None:
        with self._lock:
            self._in_use[context.mask] -= 1
        context.close()

    def _start(self, mask: int) -> Any:
        """
        Return a new RKNNLite with the model started on these cores.

        :raises LoadFailed: it refuses the model; the message says what is known of the reason.
        :raises Unavailable: the runtime's library is missing.
        """
        self._check_unchanged()
        lite: Any = None
        try:
            with _opening:
                lite = RKNNLite()
                if lite.load_rknn(str(self._path)) != 0:
                    raise LoadFailed(
                        f"{self._name}: RKNNLite cannot read '{self._path}'; check that this "
                        'user may read it, and that memory is free')
                if lite.init_runtime(**({'core_mask': mask} if mask else {})) != 0:
                    raise why_not(self._name, self._file.toolkit)
        except BaseException as error:
            if lite is not None:
                release(lite)
            if isinstance(error, FasterDeployError) or not isinstance(error, Exception):
                raise
            raise LoadFailed(
                f'{self._name}: RKNNLite failed to start the model: {one_line(error)}') from error
        return lite


def _remove(name: str) -> None:
    Path(name).unlink(missing_ok=True)


def _stamp(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _first_run(title: str, context: Context, specs: Sequence[BlobSpec]) -> list[NDArray[Any]]:
    """Run on zeros: what comes is what the model gives, whatever its file says."""
    try:
        return context.run([np.zeros(spec.shape, spec.dtype) for spec in specs])
    except Exception as error:
        raise LoadFailed(
            f"{title}: the model starts, but does not run on {', '.join(map(str, specs))}: "
            f'{one_line(error)}') from error


def _device(board: Board, index: int, known: Mapping[str, str]) -> Device:
    cores = range(board.cores) if index == 0 else (index - 1,)
    plural = 's' if len(cores) > 1 else ''
    name = f"{board.title}, core{plural} {' '.join(map(str, cores))}"
    return Device(RknnCore.scheme, index, name, Capabilities(
        from_bytes=True, max_in_flight=len(cores), versions=known))
