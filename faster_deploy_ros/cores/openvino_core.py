# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO: one request per seat on the blobs' own memory, at the precision that was asked for."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cache
import os
from pathlib import Path
import sys
from typing import Any

from faster_deploy_ros.blobs import Blob, BlobsBuffer, BlobSpec
from faster_deploy_ros.cores.base import BaseInferCore
from faster_deploy_ros.cores.device import Capabilities, Device
from faster_deploy_ros.cores.openvino.ends import Ends
from faster_deploy_ros.cores.openvino.model import explain, metadata_of, Said, spec_of
from faster_deploy_ros.cores.options import option
from faster_deploy_ros.cores.source import COPY_AGAIN, LoadedModel, remedy_by_ending, unpack
from faster_deploy_ros.cores.uri import ModelUri
from faster_deploy_ros.errors import BlobMismatch, LoadFailed, Unsupported
import numpy as np
from numpy.typing import NDArray

# A robot reports to nobody: each import of OpenVINO would send an event, where this package is.
sys.modules.setdefault('openvino_telemetry', None)  # type: ignore[arg-type]
import openvino  # noqa: E402
from openvino.frontend import FrontEndManager  # noqa: E402

CPU = 'CPU'
KINDS = ('CPU', 'GPU', 'NPU')   # the order of devices(); what else there is comes after them
PRECISIONS: Mapping[str, str] = {'fp32': 'f32', 'fp16': 'f16', 'bf16': 'bf16'}


@dataclass(frozen=True)
class OpenVinoOptions:
    """What an ``openvino`` URI can ask for."""

    threads: int = option(
        1, 'threads of the CPU for one inference; 0: as many as there are cores', minimum=0)
    precision: str = option(
        'fp32', 'what the device computes in; refused where it would take another',
        choices=tuple(PRECISIONS))
    cache_dir: str = option(
        '', 'a folder to keep compiled models in: the next start is sooner, on a GPU or NPU '
            'by much')


@dataclass
class Seat:
    """One request, and the arrays that are bound to it now, by name."""

    infer_request: Any
    bound: dict[str, NDArray[Any]] = field(default_factory=dict)


class OpenVinoCore(BaseInferCore):
    """
    A model in OpenVINO, ONNX or IR: ``openvino.0:///m.xml?precision=bf16``.

    All seats share one compiled model; each has a request whose tensors are the blobs' own memory.
    Devices are numbered CPU first, then GPUs, then NPUs. The device AUTO is not used: it would
    choose by itself.
    """

    scheme = 'openvino'
    options_type = OpenVinoOptions

    def __init__(self, uri: str | os.PathLike[str] | ModelUri, *, seats: int = 2) -> None:
        """Read the options; nothing is loaded yet."""
        super().__init__(uri, seats=seats)
        self.options: OpenVinoOptions = self._options
        self._model: Any = None
        self._ports: dict[str, tuple[int, Any]] = {}   # name -> index and element type
        self._ends = Ends(self._on_end)

    @classmethod
    def devices(cls) -> Sequence[Device]:
        """List all that OpenVINO's plug-ins have found: CPU first, then GPUs, then NPUs."""
        return [
            Device(cls.scheme, index, _title(name), _capabilities(name), _ask(name, 'DEVICE_UUID'))
            for index, name in enumerate(_device_names())]

    def _load(self, source: Path | bytes) -> LoadedModel:
        target = _device_names()[self.device.index]
        try:
            model = _read(self._name, source)
            specs = self._make_specs(model)
            if not self.device.capabilities.dynamic_shape and any(
                    spec.is_dynamic for spec in specs):
                raise Unsupported(
                    f'{self._name}: the model has open dimensions and {self.device.name} takes '
                    'none; export it with fixed sizes')
            self._model = _core().compile_model(model, target, self._configuration(target))
        except RuntimeError as error:
            raise LoadFailed(explain(self._name, error)) from error
        self._check_precision(target)
        return LoadedModel(specs, metadata_of(model))

    def _unload(self) -> None:
        self._ends.close()
        self._model = None

    def _allocate(self) -> BlobsBuffer:
        return BlobsBuffer(
            [Blob(spec) for spec in self._specs.values()],
            request=Seat(self._model.create_infer_request()), owner=self)

    def _free(self, blobs: BlobsBuffer) -> None:
        blobs.request = None  # the request goes before the memory that it points to
        blobs.free()

    def _infer(self, blobs: BlobsBuffer) -> None:
        self._bind(blobs)
        request = blobs.request.infer_request
        try:
            # Not infer(): with one thread it runs in ours, swallows failures, and with a second
            # model in the process it crashes (docs/adr/0013).
            request.start_async(share_inputs=True)
            request.wait()
        except RuntimeError as error:
            raise self._failed(Said(error)) from error
        self._take(blobs)

    def _start_async(self, blobs: BlobsBuffer, future: 'Future[BlobsBuffer]') -> None:
        """Start on the runtime's own threads."""
        try:
            self._bind(blobs)
            self._ends.start(blobs, future, blobs.request.infer_request)
        except RuntimeError as error:
            raise self._failed(Said(error)) from error

    def _on_end(
            self, blobs: BlobsBuffer, future: 'Future[BlobsBuffer]',
            error: Exception | None) -> None:
        """Settle what was started; on a thread of the runtime, or the one that waits for it."""
        if error is None:
            try:
                self._take(blobs)
            except Exception as mismatch:
                self._settle(blobs, future, mismatch)
                return
        self._settle(blobs, future, None if error is None else Said(error))

    # -- inside ------------------------------------------------------------------------------

    def _bind(self, blobs: BlobsBuffer) -> None:
        """Let the request read and write the blobs' own memory, where it does not yet."""
        seat: Seat = blobs.request
        for blob in blobs.inputs:
            if seat.bound.get(blob.spec.name) is not blob.data:
                index, _ = self._ports[blob.spec.name]
                seat.infer_request.set_input_tensor(index, _share(blob.data))
                seat.bound[blob.spec.name] = blob.data
        for blob in blobs.outputs:
            name = blob.spec.name
            index, element = self._ports[name]
            if blob.spec.is_dynamic and not blob.is_bound:
                # A fresh tensor each time, which the runtime makes as large as it has to be: the
                # last one may still be looked at.
                seat.bound.pop(name, None)
                seat.infer_request.set_output_tensor(
                    index, openvino.Tensor(element, openvino.Shape([0] * len(blob.spec.shape))))
            elif seat.bound.get(name) is not blob.data:
                seat.infer_request.set_output_tensor(index, _share(blob.data))
                seat.bound[name] = blob.data

    def _take(self, blobs: BlobsBuffer) -> None:
        """Take over the outputs whose shape only the runtime knew."""
        for blob in blobs.outputs:
            if not blob.spec.is_dynamic:
                continue
            tensor = blobs.request.infer_request.get_output_tensor(self._ports[blob.spec.name][0])
            if not blob.is_bound:
                blob.adopt(tensor.data)
            elif tuple(tensor.shape) != blob.shape:
                raise BlobMismatch(
                    f'{self._name}: {blob.spec.title} came out as {tuple(tensor.shape)}, the '
                    f'memory bound to it is {blob.shape}; bind an array of that shape')

    def _configuration(self, target: str) -> dict[str, Any]:
        """Return the properties to compile with; nothing is left to OpenVINO's own taste."""
        options = self.options
        wanted: dict[str, Any] = {'INFERENCE_PRECISION_HINT': PRECISIONS[options.precision]}
        if options.precision == 'fp32':
            wanted['EXECUTION_MODE_HINT'] = 'ACCURACY'  # no quantising of activations either
        if options.cache_dir:
            wanted['CACHE_DIR'] = os.path.expanduser(options.cache_dir)
        if target == CPU:
            # OpenVINO divides its threads among its streams, and has no more than cores of both.
            cores = len(os.sched_getaffinity(0))
            threads = min(options.threads or cores, cores)
            streams = max(1, min(self._seats, cores // threads))
            wanted |= {'NUM_STREAMS': streams, 'INFERENCE_NUM_THREADS': streams * threads}
            # Two processes that pin their threads would pin them to the same cores.
            wanted['ENABLE_CPU_PINNING'] = False
        elif options.threads != 1:
            raise Unsupported(
                f'{self._name}: the option threads is for the CPU; leave it out on {target}')
        return wanted

    def _check_precision(self, target: str) -> None:
        """Refuse a compiled model that computes in something else than was asked for."""
        wanted = self.options.precision
        got = self._model.get_property('INFERENCE_PRECISION_HINT').get_type_name()
        if got != PRECISIONS[wanted]:
            found = {short: word for word, short in PRECISIONS.items()}.get(got, got)
            self._model = None
            raise Unsupported(
                f'{self._name}: got {found} on {target} for precision={wanted}; this device can '
                f"{', '.join(_precisions_of(target))}. Choose another precision or device")

    def _make_specs(self, model: Any) -> list[BlobSpec]:
        specs: list[BlobSpec] = []
        # Outputs first: where one is an input as it came, older versions give both both names.
        for ports, is_input in ((model.outputs, False), (model.inputs, True)):
            for index, port in enumerate(ports):
                spec = spec_of(self._name, port, is_input, {each.name for each in specs})
                specs.append(spec)
                self._ports[spec.name] = index, port.element_type
        return specs


@cache
def _core() -> Any:
    """Return the one door to the plug-ins; it is safe for any number of threads."""
    core = openvino.Core()
    # Weights that are only mapped: who writes over the file later ends the process by SIGBUS.
    core.set_property({'ENABLE_MMAP': False})
    return core


def _device_names() -> list[str]:
    """Return OpenVINO's names of the devices in our order: their places are our indices."""
    names = list(_core().available_devices)
    return sorted(names, key=lambda name: _rank(name, names))


def _rank(name: str, names: Sequence[str]) -> tuple[int, int]:
    kind = name.partition('.')[0]
    return (KINDS.index(kind) if kind in KINDS else len(KINDS)), names.index(name)


def _title(name: str) -> str:
    """Say which device it is, and what the vendor calls it: ``GPU.0: Intel(R) Arc ...``."""
    full = _ask(name, 'FULL_DEVICE_NAME')
    return f'{name}: {full}' if full else name


def _ask(name: str, what: str) -> str:
    """Return a property of a device as text, empty where the device has it not."""
    try:
        return ' '.join(str(_core().get_property(name, what)).split())
    except RuntimeError:
        return ''


def _capabilities(name: str) -> Capabilities:
    versions = {'openvino': openvino.__version__.partition('-')[0]}
    for plugin in _core().get_versions(name).values():
        versions[plugin.description] = plugin.build_number
    if 'NPU_DRIVER_VERSION' in _core().get_property(name, 'SUPPORTED_PROPERTIES'):
        versions['driver'] = str(_core().get_property(name, 'NPU_DRIVER_VERSION'))
    return Capabilities(
        dynamic_shape=not name.startswith('NPU'), external_blobs=True, from_bytes=True,
        native_async=True, versions=versions)


def _precisions_of(target: str) -> list[str]:
    found = {str(word).lower() for word in _core().get_property(
        target, 'OPTIMIZATION_CAPABILITIES')}
    return [word for word in PRECISIONS if word in found] or sorted(found)


def _read(title: str, source: Path | bytes) -> Any:
    """Read ONNX or IR, whichever it is; OpenVINO would also try its readers of other formats."""
    if isinstance(source, bytes):
        if not source.lstrip().startswith(b'<'):
            return _core().read_model(source)
        text, weights = unpack(source)
        return _core().read_model(text, weights)
    with source.open('rb') as stream:
        kind = 'ir' if stream.read(64).lstrip().startswith(b'<') else 'onnx'
    if not FrontEndManager().load_by_framework(kind).supported(str(source)):
        readable = source.suffix.lower() == '.onnx'
        remedy = '' if readable else remedy_by_ending(source, 'openvino')
        raise LoadFailed(f"{title}: '{source}' is neither ONNX nor an OpenVINO .xml. "
                         f'{remedy or COPY_AGAIN}')
    return _core().read_model(str(source))


def _share(array: NDArray[Any]) -> Any:
    """Return a tensor on the array's own memory, also where it is read-only: an input is."""
    if not array.flags.writeable:
        array = np.asarray(_Writeable(array))
    return openvino.Tensor(array, shared_memory=True)


class _Writeable:
    """The memory of a read-only array, for a runtime that takes no read-only array."""

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array   # kept alive as long as the view of it
        described = dict(array.__array_interface__)
        described['data'] = (array.__array_interface__['data'][0], False)
        self.__array_interface__ = described
