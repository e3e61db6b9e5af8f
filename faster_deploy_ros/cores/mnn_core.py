# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""MNN by its session API: one interpreter and one session per seat, files checked before."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
import os
from pathlib import Path
import re
from typing import Any, ClassVar

from faster_deploy_ros.blobs import Blob, BlobsBuffer, BlobSpec
from faster_deploy_ros.cores.base import BaseInferCore
from faster_deploy_ros.cores.device import Capabilities, Device
from faster_deploy_ros.cores.mnn.c_stdout import keep_stdout_clean, listen
from faster_deploy_ros.cores.mnn.file import DeclaredInput, MnnFile, read_mnn, remedy_for
from faster_deploy_ros.cores.options import option
from faster_deploy_ros.cores.source import guess_layout, LoadedModel
from faster_deploy_ros.cores.uri import ModelUri
from faster_deploy_ros.errors import LoadFailed, Unavailable, Unsupported

_until_imported = ExitStack()
banner = _until_imported.enter_context(listen())   # what MNN says of the CPU is nowhere else
import MNN  # noqa: E402
import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

_until_imported.close()
keep_stdout_clean()   # it prints whenever something happens

PRECISIONS: Mapping[str, str] = {'fp32': 'high', 'fp16': 'low'}
TYPES: tuple[tuple[Any, str], ...] = (
    (MNN.Halide_Type_Float, 'float32'), (MNN.Halide_Type_Int, 'int32'),
    (MNN.Halide_Type_Uint8, 'uint8'))
NHWC, NCHW = MNN.Tensor_DimensionType_Tensorflow, MNN.Tensor_DimensionType_Caffe
BACKENDS, RESIZE_STATUS = 2, 3      # what getSessionInfo is asked for
ON_CPU, READY = (0, 13), 0
CODES: Mapping[int, str] = {
    1: 'out of memory', 2: 'not supported', 3: 'a size cannot be computed', 4: 'no execution',
    5: 'an invalid value', 10: 'wrong input data', 20: 'a tensor is not supported'}
PROBE_SIZE = 64             # for open dimensions, to learn how many the outputs have


@dataclass(frozen=True)
class MnnOptions:
    """What an ``mnn`` URI can ask for."""

    threads: int = option(
        1, 'threads for one inference; 0: as many as there are cores', minimum=0)
    precision: str = option(
        'fp32', 'what the CPU computes in; fp16 where it has such arithmetic',
        choices=tuple(PRECISIONS))


@dataclass
class Place:
    """
    One tensor of a session, and a plain copy of it on the host.

    MNN keeps tensors in layouts of its own, with four channels in one; its copies between a
    session's tensor and a host tensor of plain layout convert them.
    """

    tensor: Any
    host: Any
    view: NDArray[Any]


@dataclass
class Seat:
    """One session, the shapes that it is prepared for, its tensors by name."""

    interpreter: Any
    session: Any
    shapes: tuple[tuple[int, ...], ...] | None = None
    places: dict[str, Place] = field(default_factory=dict)


class MnnCore(BaseInferCore):
    """
    A model in MNN, on the CPU: ``mnn.0:///m.mnn?threads=2``.

    Each seat has an interpreter of its own: one that is shared runs one session at a time.
    """

    scheme = 'mnn'
    options_type = MnnOptions
    capabilities: ClassVar[Capabilities] = Capabilities(
        dynamic_shape=True, from_bytes=True, versions={'MNN': MNN.version()})

    def __init__(self, uri: str | os.PathLike[str] | ModelUri, *, seats: int = 2) -> None:
        """Read the options; nothing is loaded yet."""
        super().__init__(uri, seats=seats)
        self.options: MnnOptions = self._options
        self._path = ''
        self._memory: int | None = None     # the model as a file in memory
        self._ready: list[Seat] = []        # made to learn what the model has, for the first seat

    @classmethod
    def devices(cls) -> Sequence[Device]:
        """List the CPU; MNN's other back ends fall back to it by themselves, and are not used."""
        return [Device(cls.scheme, 0, _cpu_name(), cls.capabilities)]

    def _load(self, source: Path | bytes) -> LoadedModel:
        if PRECISIONS[self.options.precision] == 'low' and not _has_fp16(banner):
            raise Unsupported(
                f'{self._name}: precision=fp16: MNN does not say that this CPU has arithmetic for '
                'it, and would compute in fp32 without a word; leave it out')
        content = source if isinstance(source, bytes) else source.read_bytes()
        try:
            declared = read_mnn(content)
        except ValueError as error:
            raise LoadFailed(
                f'{self._name}: this is no MNN model: {error}. {remedy_for(source, content)}'
                ) from error
        self._path = self._keep(source, content)
        try:
            seat = self._open_seat()
            specs = self._make_specs(seat, declared)
        except BaseException:
            self._forget()
            raise
        self._ready.append(seat)
        return LoadedModel(specs, declared.metadata)

    def _unload(self) -> None:
        self._ready.clear()
        self._forget()

    def _allocate(self) -> BlobsBuffer:
        try:
            seat = self._ready.pop()
        except IndexError:
            seat = self._open_seat()
        seat.shapes = None
        blobs = [Blob(spec) for spec in self._specs.values()]
        if not any(blob.spec.is_dynamic for blob in blobs if blob.spec.is_input):
            self._prepare(seat, [blob for blob in blobs if blob.spec.is_input])
        return BlobsBuffer(blobs, request=seat, owner=self)

    def _free(self, blobs: BlobsBuffer) -> None:
        seat: Seat = blobs.request
        blobs.request = None
        seat.places.clear()   # tensors, session, interpreter: none outlives what it points into
        seat.session = None
        seat.interpreter = None
        blobs.free()

    def _infer(self, blobs: BlobsBuffer) -> None:
        seat: Seat = blobs.request
        self._prepare(seat, blobs.inputs)
        for blob in blobs.inputs:
            place = seat.places[blob.spec.name]
            np.copyto(place.view, blob.data)
            if not place.tensor.copyFrom(place.host):
                raise RuntimeError(f'MNN does not take the {blob.spec.title}')
        code = seat.interpreter.runSession(seat.session)
        if code:
            raise RuntimeError(f"MNN ended with {code}: {CODES.get(code, 'not known')}")
        for blob in blobs.outputs:
            place = seat.places[blob.spec.name]
            if not place.tensor.copyToHostTensor(place.host):
                raise RuntimeError(f'MNN does not give the {blob.spec.title}')
            blob.reshape(place.view.shape)
            np.copyto(blob.data, place.view)

    # -- inside ------------------------------------------------------------------------------

    def _prepare(self, seat: Seat, inputs: Sequence[Blob]) -> None:
        """Let the session have the inputs' shapes, and host tensors to go with them."""
        shapes = tuple(blob.shape for blob in inputs)
        if shapes == seat.shapes:
            return
        seat.shapes = None    # until all has worked
        self._resize(seat, {blob.spec.name: blob.shape for blob in inputs})
        for spec in self._specs.values():
            tensor = _tensor(seat, spec.name, spec.is_input)
            shape = tuple(tensor.getShape())
            if min(shape, default=0) < 0:   # a kernel larger than its image: MNN says READY
                raise RuntimeError(
                    f"MNN cannot run at {', '.join(map(str, shapes))}: the {spec.title} would be "
                    f'{shape}')
            spec.check(shape)
            seat.places[spec.name] = _place(tensor, spec.dtype)
        seat.shapes = shapes

    def _resize(self, seat: Seat, shapes: Mapping[str, tuple[int, ...]]) -> None:
        with listen() as words:
            changed = False
            for name, shape in shapes.items():
                tensor = _tensor(seat, name, True)
                if tuple(tensor.getShape()) != shape:
                    seat.interpreter.resizeTensor(tensor, shape)
                    changed = True
            worked = not changed or seat.interpreter.resizeSession(seat.session)
            status = seat.interpreter.getSessionInfo(seat.session, RESIZE_STATUS)
        if not worked or status != READY:
            raise RuntimeError(
                f"MNN cannot run at {', '.join(map(str, shapes.values()))}: "
                f"{_said(words) or 'a size cannot be computed'}")

    def _open_seat(self) -> Seat:
        """Make an interpreter and a session, and tell what MNN only prints."""
        words: list[str] = []
        try:
            with listen() as words:
                interpreter = MNN.Interpreter(self._path)
                session = interpreter.createSession({
                    'backend': 'CPU', 'numThread': self.options.threads or os.cpu_count() or 1,
                    'precision': PRECISIONS[self.options.precision]})
                backend = interpreter.getSessionInfo(session, BACKENDS)
        except Exception as error:
            said = _said(words)
            raise LoadFailed(
                f'{self._name}: MNN refuses the model: {said or error}. {_explain(said)}'
                ) from error
        if backend not in ON_CPU:
            raise Unavailable(
                f'{self._name}: MNN would run on its back end {backend}, expected the CPU')
        return Seat(interpreter, session)

    def _make_specs(self, seat: Seat, declared: MnnFile) -> list[BlobSpec]:
        open_shapes = {each.name: each.shape for each in declared.inputs}
        is_dynamic = any(-1 in shape for shape in open_shapes.values())
        # Also where nothing is open: then it only says whether MNN could plan the model.
        self._resize(seat, {name: _probe(shape) for name, shape in open_shapes.items()})
        specs = []
        for each in declared.inputs:
            tensor = _tensor(seat, each.name, True)
            layout = 'NHWC' if tensor.getDimensionType() == NHWC and len(each.shape) == 4 else (
                guess_layout(each.shape))
            specs.append(BlobSpec(
                each.name, self._dtype(tensor, each), each.shape, True, layout))
        for name in declared.outputs:
            tensor = _tensor(seat, name, False)
            shape = tuple(tensor.getShape())
            specs.append(BlobSpec(
                name, self._dtype(tensor, DeclaredInput(name, shape, '')),
                (-1,) * len(shape) if is_dynamic else shape, False))
        return specs

    def _dtype(self, tensor: Any, declared: DeclaredInput) -> np.dtype[Any]:
        found = [name for kind, name in TYPES if kind == tensor.getDataType()]
        if not found or declared.dtype == 'text':
            raise Unsupported(
                f"{self._name}: the tensor '{declared.name}' is {declared.dtype or 'not known'}, "
                f"expected one of {', '.join(name for _, name in TYPES)}")
        return np.dtype(found[0])

    def _keep(self, source: Path | bytes, content: bytes) -> str:
        """Return a path that holds this very content for all seats, however late they are made."""
        if not isinstance(source, bytes) and Path(f'{source}.weight').is_file():
            return str(source)   # its weights lie beside it
        self._memory = os.memfd_create('model.mnn')
        with open(self._memory, 'wb', closefd=False) as stream:
            stream.write(content)
        return f'/proc/self/fd/{self._memory}'

    def _forget(self) -> None:
        if self._memory is not None:
            os.close(self._memory)
            self._memory = None


def _tensor(seat: Seat, name: str, is_input: bool) -> Any:
    find = seat.interpreter.getSessionInput if is_input else seat.interpreter.getSessionOutput
    return find(seat.session, name)


def _place(tensor: Any, dtype: np.dtype[Any]) -> Place:
    """Make the plain copy of a session's tensor; its memory belongs to MNN, we look at it."""
    shape = tuple(tensor.getShape())
    plain = NHWC if tensor.getDimensionType() == NHWC else NCHW
    host = MNN.Tensor(shape, tensor.getDataType(), np.zeros(shape, dtype), plain)
    return Place(tensor, host, host.getNumpyData())


def _probe(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(
        size if size >= 0 else PROBE_SIZE if axis else 1 for axis, size in enumerate(shape))


def _cpu_name() -> str:
    """Return what the vendor calls the CPU, where the kernel tells."""
    try:
        text = Path('/proc/cpuinfo').read_text(encoding='utf-8')
    except OSError:
        text = ''
    found = re.search(r'^(?:model name|Hardware|Model)\s*:\s*(.+)$', text, re.MULTILINE)
    return f'CPU: {found[1].strip()}' if found else 'CPU'


def _has_fp16(lines: Sequence[str]) -> bool:
    """Tell whether MNN has said ``fp16:1`` of this CPU as it was imported."""
    return any(re.search(r'fp16:\s*1', line) for line in lines)


def _said(words: Sequence[str]) -> str:
    return '; '.join(line.strip() for line in words if 'precision' not in line)[:300]


def _explain(text: str) -> str:
    if 'module api' in text:
        return ('A shape in it depends on the data, which MNN computes only under the GIL: export '
                'it with fixed shapes, or run its ONNX on onnxruntime')
    return 'Convert it again with this MNN: faster-deploy convert m.onnx --to mnn'
