# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""ncnn: one net for all seats, one extractor for each inference."""

from collections.abc import Sequence
import ctypes
from dataclasses import dataclass
from functools import cache
import os
from pathlib import Path
from typing import Any

from faster_deploy_ros.blobs import BlobsBuffer, BlobSpec
from faster_deploy_ros.cores.base import BaseInferCore
from faster_deploy_ros.cores.device import Capabilities, Device
from faster_deploy_ros.cores.ncnn.layers import keeps_its_input, without_focus
from faster_deploy_ros.cores.ncnn.param import (
    Layer,
    outputs_of,
    read_param,
    whole_of,
    write_param,
)
from faster_deploy_ros.cores.ncnn.shapes import input_shapes
from faster_deploy_ros.cores.ncnn.trial import (
    array_of,
    check_arity,
    check_layers,
    CODES,
    try_layers,
)
from faster_deploy_ros.cores.options import option
from faster_deploy_ros.cores.source import LoadedModel, unpack
from faster_deploy_ros.cores.uri import ModelUri
from faster_deploy_ros.errors import InferFailed, LoadFailed, Unavailable

# The OpenMP that comes with ncnn reads this once, when it is loaded. By default its threads spin
# while they wait: with two of them a camera's frames cost twenty times the CPU.
POLICY = 'OMP_WAIT_POLICY'
_SAID = os.environ.get(POLICY)
os.environ[POLICY] = _SAID or 'passive'

import ncnn  # noqa: E402
import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

if _SAID is None:   # other libraries, and programs that we start, read it too
    del os.environ[POLICY]

# Before this version the binding held the GIL while ncnn computed: inferences ran one by one.
FREE = (1, 0, 20261020)
VERSION = tuple(int(each) for each in ncnn.__version__.split('.') if each.isdecimal())
CPU = Device('ncnn', 0, 'CPU', Capabilities(
    external_blobs=True, from_bytes=True, max_in_flight=None if VERSION >= FREE else 1,
    versions={'ncnn': ncnn.__version__}))
VULKAN_LIBRARIES = ('libvulkan.so.1', 'libvulkan.so', 'vulkan-1.dll', 'libvulkan.1.dylib')
OTHERS = 'the weights are not those of this param; copy both files again, from one place'

_address_of = ctypes.pythonapi.PyCapsule_GetPointer
_address_of.restype = ctypes.c_void_p
_address_of.argtypes = (ctypes.py_object, ctypes.c_char_p)


@dataclass(frozen=True)
class NcnnOptions:
    """What an ``ncnn`` URI can ask for."""

    threads: int = option(
        1, 'threads inside one layer; 0: as many as there are cores', minimum=0)
    precision: str = option(
        'fp32', 'of the arithmetic, where the processor has it', choices=('fp32', 'fp16', 'bf16'))
    weights: str = option('', 'the .bin file; empty: beside the .param')
    input: tuple[str, ...] = option(
        (), 'shape of the input where the param does not say it, 1x3x416x416; of several inputs '
        'left:1x2x3,right:1x2x3')


@dataclass(frozen=True)
class Port:
    """
    One input or output of the net.

    :param index: of its blob.
    :param shape: as ncnn has it, without a batch axis.
    :param is_whole: whether that is our shape too; else ours has a batch axis in front.
    :param is_lent: whether ncnn may read our memory itself.
    """

    index: int
    shape: tuple[int, ...]
    is_whole: bool
    is_lent: bool

    @property
    def outside(self) -> tuple[int, ...]:
        """The shape that callers see."""
        return self.shape if self.is_whole else (1, *self.shape)


class NcnnCore(BaseInferCore):
    """
    A model in ncnn: ``ncnn.0:///m.param?threads=2``, with ``m.bin`` beside it.

    ncnn's blobs have no batch axis: ours have one of size 1 in front of them, as in ONNX. Device
    0 is the CPU, the others are what Vulkan finds. The model is tried once while it is loaded,
    layer by layer, because ncnn checks no shapes.
    """

    scheme = 'ncnn'
    options_type = NcnnOptions

    def __init__(self, uri: str | os.PathLike[str] | ModelUri, *, seats: int = 2) -> None:
        """Read the options; nothing is loaded yet."""
        super().__init__(uri, seats=seats)
        self.options: NcnnOptions = self._options
        self._net: Any = None
        self._ports: dict[str, Port] = {}

    @classmethod
    def devices(cls) -> Sequence[Device]:
        """List the CPU and the Vulkan devices on which a small model gives the right answer."""
        return [CPU, *_vulkan_devices()]

    def _select_device(self) -> Device:
        # Vulkan is not even looked for when nobody asks for it: its drivers take their time.
        return CPU if self._uri.device == CPU.index else super()._select_device()

    def _load(self, source: Path | bytes) -> LoadedModel:
        text, weights = self._read(source)
        layers = without_focus(read_param(text, self._name))
        check_layers(self._name, layers, ncnn.layer_to_index, ncnn.__version__)
        card = source.with_suffix('.yaml') if isinstance(source, Path) else None
        shapes = input_shapes(self._name, layers, self.options.input, card)
        gpu, precision = self.device.index - 1, self.options.precision
        if not _computes(precision, gpu):
            raise Unavailable(
                f'{self._name}: ncnn {ncnn.__version__} does not compute in {precision} on '
                f'{self.device.name}, and would quietly do so in fp32; leave precision out')
        net = _new_net(self.options.threads or ncnn.get_cpu_count(), precision, gpu)
        code = net.load_param_mem(write_param(layers))
        if code:   # lost on purpose: an ncnn of 2024 ends the process when such a net goes
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(net))
        _refuse(self._name, code, 'reading the param')
        self._check_device(net)
        check_arity(self._name, net, layers)
        reader = _Weights(self._name, weights)
        _refuse(self._name, net.load_model(reader), 'reading the weights')
        reader.check_end()
        found = try_layers(self._name, net, ncnn.Mat, layers, shapes)
        self._net = net
        indices = {blob.name: index for index, blob in enumerate(net.blobs())}
        whole, outputs = whole_of(layers), outputs_of(layers)
        if not outputs:
            raise LoadFailed(f'{self._name}: the param has no output, expected a blob unread')
        self._ports = {
            name: Port(indices[name], found[name], name in whole, keeps_its_input(layers, name))
            for name in (*shapes, *outputs)}
        return LoadedModel([
            _spec(name, port, is_input=name in shapes) for name, port in self._ports.items()])

    def _unload(self) -> None:
        self._net = None

    def _infer(self, blobs: BlobsBuffer) -> None:
        ports = self._ports
        extractor = self._net.create_extractor()
        for blob in blobs.inputs:
            port = ports[blob.spec.name]
            # A Mat of an array is only its address: the blob keeps the memory while we run.
            mat = ncnn.Mat(blob.data if port.is_whole else blob.data[0])
            extractor.input(port.index, mat if port.is_lent else mat.clone())
        for blob in blobs.outputs:
            name, port = blob.spec.name, ports[blob.spec.name]
            mat = ncnn.Mat()
            code = extractor.extract(port.index, mat)   # releases the GIL, see FREE
            if code:
                raise InferFailed(
                    f"{self._name}: ncnn returned {code} for the output '{name}': "
                    f'{CODES.get(code, "it printed why to stderr")}')
            array = array_of(mat)
            if array.shape != port.shape:
                raise InferFailed(
                    f"{self._name}: the output '{name}' came as {array.shape}, expected "
                    f'{port.shape} as in the trial at loading; a size that depends on the image '
                    'cannot be offered: convert the model without its last layers')
            if array.flags.c_contiguous:
                blob.adopt(array.reshape(port.outside))
            else:   # ncnn begins each channel on a multiple of 16 bytes
                np.copyto(blob.data.reshape(port.shape), array)

    def _read(self, source: Path | bytes) -> tuple[bytes, NDArray[np.uint8]]:
        """Return the param text and the weights."""
        if isinstance(source, bytes):
            text, packed = unpack(source)
            return text, np.frombuffer(packed, np.uint8)
        beside = source.with_suffix('.bin')
        path = Path(self.options.weights).expanduser() if self.options.weights else beside
        text = source.read_bytes()
        if not path.is_file():
            read_param(text, self._name)   # if it is no param at all, that is the better answer
            raise LoadFailed(
                f"{self._name}: no such file '{path}', expected the weights beside the param; "
                'copy it there, or say where it is: ?weights=/folder/m.bin')
        return text, np.fromfile(path, np.uint8)

    def _check_device(self, net: Any) -> None:
        if self.device.index and not net.opt.use_vulkan_compute:
            raise Unavailable(
                f'{self._name}: ncnn left the GPU {self.device.name} and would run on the CPU; '
                'check its Vulkan driver, or choose ncnn.0')


def _spec(name: str, port: Port, *, is_input: bool) -> BlobSpec:
    layout = 'NCHW' if is_input and len(port.outside) == 4 else ''
    return BlobSpec(name, np.dtype(np.float32), port.outside, is_input, layout)


class _Weights(ncnn.DataReader):  # type: ignore[misc]  # ncnn has no types
    """Hands the weights to ncnn and stops at their end, which ncnn's own reader does not know."""

    def __init__(self, title: str, data: NDArray[np.uint8]) -> None:
        super().__init__()
        self._title = title
        self._data = data
        self._at = 0

    def read(self, buffer: Any, size: int) -> int:
        """Fill ncnn's buffer, which comes as a capsule."""
        if size > self._data.size - self._at:
            raise LoadFailed(
                f'{self._title}: the weights end after {self._data.size} bytes, expected '
                f'{self._at + size} or more; they are cut short, or {OTHERS}')
        ctypes.memmove(_address_of(buffer, None), self._data.ctypes.data + self._at, size)
        self._at += size
        return size

    def check_end(self) -> None:
        """Refuse weights of which a part was never read."""
        if self._at != self._data.size:
            raise LoadFailed(
                f'{self._title}: the layers take {self._at} bytes of weights, and there are '
                f'{self._data.size}; {OTHERS}')


def _refuse(title: str, code: int, doing: str) -> None:
    if code:
        raise LoadFailed(
            f'{title}: ncnn returned {code} when {doing} '
            f'({CODES.get(code, "it printed why to stderr")}); the model is damaged, or made for '
            f'a newer ncnn than {ncnn.__version__}: convert it again')


def _new_net(threads: int, precision: str, gpu: int) -> Any:
    """Return a net without layers, for the CPU where ``gpu`` is below 0."""
    net = ncnn.Net()
    net.opt.num_threads = threads
    for name in ('use_fp16_packed', 'use_fp16_storage', 'use_fp16_arithmetic'):
        setattr(net.opt, name, precision == 'fp16')   # ncnn's own default is on
    for name in ('use_bf16_packed', 'use_bf16_storage'):
        if hasattr(net.opt, name):
            setattr(net.opt, name, precision == 'bf16')
    net.opt.use_vulkan_compute = gpu >= 0
    if gpu >= 0:
        net.set_vulkan_device(gpu)
    return net


@cache
def _computes(precision: str, gpu: int) -> bool:
    """Tell whether a convolution differs from that in float32: ncnn ignores what it cannot do."""
    if precision == 'fp32':
        return True
    layer = Layer('Convolution', 'c', ('x',), ('y',), {0: '16', 1: '3', 5: '0', 6: '2304'})
    x = np.linspace(-1, 1, 16 * 64, dtype=np.float32).reshape(16, 8, 8)
    weights = np.concatenate((np.zeros(1, np.float32), np.sin(np.arange(2304, dtype=np.float32))))
    return not np.array_equal(
        _run_one(layer, x, weights, 'fp32', gpu), _run_one(layer, x, weights, precision, gpu))


def _run_one(
        layer: Layer, x: NDArray[np.float32], weights: NDArray[np.float32], precision: str,
        gpu: int) -> NDArray[np.float32]:
    """Run one layer from x to y; the answer is empty where that fails, or on another device."""
    net, y = _new_net(1, precision, gpu), ncnn.Mat()
    text = write_param((Layer('Input', 'x', (), ('x',)), layer))
    if net.load_param_mem(text) == net.load_model(_Weights('ncnn', weights.view(np.uint8))) == 0:
        extractor = net.create_extractor()
        extractor.input(0, ncnn.Mat(x).clone())
        if net.opt.use_vulkan_compute == (gpu >= 0) and extractor.extract(1, y) == 0:
            return np.array(array_of(y))
    return np.empty(0, np.float32)


@cache
def _vulkan_devices() -> tuple[Device, ...]:
    """Try each Vulkan device once; without Vulkan's loader ncnn is not asked: it complains."""
    if not any(map(_can_open, VULKAN_LIBRARIES)):
        return ()
    return tuple(
        Device('ncnn', 1 + index, f'Vulkan {ncnn.get_gpu_info(index).device_name()}',
               CPU.capabilities)
        for index in range(ncnn.get_gpu_count()) if _gpu_works(index))


def _can_open(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _gpu_works(index: int) -> bool:
    """Let a Vulkan device double a few numbers."""
    layer = Layer('BinaryOp', 'double', ('x',), ('y',), {0: '2', 1: '1', 2: '2.0'})
    x = np.arange(64, dtype=np.float32).reshape(4, 4, 4)
    return np.array_equal(_run_one(layer, x, np.empty(0, np.float32), 'fp32', index), 2 * x)
