# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime: one session, one binding per seat, no copy on the way in or out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import os
from pathlib import Path
import re
from typing import Any, ClassVar

from faster_deploy_ros.blobs import Blob, BlobsBuffer, BlobSpec
from faster_deploy_ros.cores.base import BaseInferCore
from faster_deploy_ros.cores.device import Capabilities, Device
from faster_deploy_ros.cores.options import option
from faster_deploy_ros.cores.source import guess_layout, LoadedModel, remedy_by_ending
from faster_deploy_ros.cores.uri import ModelUri
from faster_deploy_ros.errors import LoadFailed, Unavailable, UnknownName, Unsupported
import numpy as np
from numpy.typing import NDArray
import onnxruntime

CPU = 'CPU'
SUFFIX = 'ExecutionProvider'
SILENT = 4  # only fatal messages: what goes wrong is said by our errors, once
DTYPES: Mapping[str, str] = {
    'tensor(float)': 'float32', 'tensor(double)': 'float64', 'tensor(float16)': 'float16',
    'tensor(int8)': 'int8', 'tensor(uint8)': 'uint8', 'tensor(int16)': 'int16',
    'tensor(uint16)': 'uint16', 'tensor(int32)': 'int32', 'tensor(uint32)': 'uint32',
    'tensor(int64)': 'int64', 'tensor(uint64)': 'uint64', 'tensor(bool)': 'bool'}
REMEDIES: tuple[tuple[str, str], ...] = (
    (r'IR version', 'Export it with an older IR version, or install a newer onnxruntime'),
    (r'opset \d+|opset_import|under development',
     'Export it with an older opset, or install a newer onnxruntime'),
    (r'external data|External initializer|model_path must not be|get file size|GetFileLength',
     'Its weights are in a second file: keep that file beside the model, and load from the path'),
    (r'protobuf|No graph|ModelProto',
     'It is no ONNX model, or cut short: compare its size with the original and copy it again'),
    (r'not a registered function/op|No Op registered|Could not find an implementation',
     'It uses an operator that this onnxruntime has not: another export, or another version'),
    (r'fallback to CPU EP has been explicitly disabled',
     'Allow the CPU for what the provider cannot do: providers=<provider>,CPU'),
)


@dataclass(frozen=True)
class OnnxRuntimeOptions:
    """What an ``onnxruntime`` URI can ask for."""

    threads: int = option(
        1, 'threads inside one operator; 0: as many as there are cores', minimum=0)
    inter_op_threads: int = option(
        1, 'operators at once; more than 1 also lets branches of the graph run side by side',
        minimum=1)
    spinning: bool = option(
        False, 'idle threads spin: lower latency for several threads, for much CPU time')
    providers: tuple[str, ...] = option(
        (CPU,), 'execution providers in order of preference; without CPU nothing runs on it')
    precision: str = option(
        'fp32', "the model's own numbers; another precision is another model", choices=('fp32',))
    optimize: str = option(
        'all', 'how far the graph is rewritten', choices=('none', 'basic', 'extended', 'all'))


@dataclass
class Seat:
    """One binding, and the arrays that it is bound to now."""

    binding: Any
    bound: dict[str, NDArray[Any]] = field(default_factory=dict)


class OnnxRuntimeCore(BaseInferCore):
    """
    A model in ONNX Runtime: ``onnxruntime.0:///m.onnx?threads=2&providers=CUDA,CPU``.

    All seats share one session. The inputs and the outputs of fixed shape are bound to the blobs'
    own memory, once; an output of open shape is taken over from the runtime after each run.
    """

    scheme = 'onnxruntime'
    options_type = OnnxRuntimeOptions
    capabilities: ClassVar[Capabilities] = Capabilities(
        dynamic_shape=True, external_blobs=True, from_bytes=True,
        versions={'onnxruntime': onnxruntime.__version__})

    def __init__(self, uri: str | os.PathLike[str] | ModelUri, *, seats: int = 2) -> None:
        """Read the options; nothing is loaded yet."""
        super().__init__(uri, seats=seats)
        self.options: OnnxRuntimeOptions = self._options
        self._session: Any = None

    @classmethod
    def devices(cls) -> Sequence[Device]:
        """List the CPU, and what else this build of the runtime has found (from 1.22 on)."""
        found = [Device(cls.scheme, 0, CPU, cls.capabilities)]
        count: dict[str, int] = {}
        for each in getattr(onnxruntime, 'get_ep_devices', list)():
            name = _short(each.ep_name)
            if name != CPU:
                found.append(Device(cls.scheme, count.get(name, 0), name, cls.capabilities))
                count[name] = count.get(name, 0) + 1
        return found

    def _select_device(self) -> Device:
        wanted = _full_names(self.options.providers)
        present = onnxruntime.get_available_providers()
        for name in wanted:
            if name not in present:
                raise Unavailable(
                    f'{self._name}: this onnxruntime has no provider {_short(name)}, it has '
                    f"{', '.join(map(_short, present))}. Install a build that has it (for CUDA: "
                    'pip install onnxruntime-gpu), or leave the option providers out')
        device = Device(self.scheme, self._uri.device, _short(wanted[0]), self.capabilities)
        if device.name == CPU and device.index:
            raise Unavailable(
                f'{self._name}: there is no device {device.index}, the CPU is onnxruntime.0; '
                'choose another provider by the option providers')
        return device  # whether another provider has it shows when the session is made

    def _load(self, source: Path | bytes) -> LoadedModel:
        wanted = _full_names(self.options.providers)
        where = {'device_id': str(self._uri.device)}
        providers = [
            (name, where if _short(name) in ('CUDA', 'Tensorrt', 'ROCM', 'Dml') else {})
            for name in wanted]
        try:
            session = onnxruntime.InferenceSession(
                source if isinstance(source, bytes) else str(source), self._session_options(),
                providers=providers, enable_fallback=0)
        except Exception as error:
            raise LoadFailed(_explain(
                self._name, error, remedy_by_ending(source, self.scheme))) from error
        missing = [name for name in wanted if name not in session.get_providers()]
        if missing:
            raise Unavailable(
                f"{self._name}: onnxruntime left out {', '.join(map(_short, missing))} and would "
                f"run on {', '.join(map(_short, session.get_providers()))}. Check its driver and "
                'libraries, or leave it out of the option providers')
        specs = [_spec(self._name, node, True) for node in session.get_inputs()]
        specs += [_spec(self._name, node, False) for node in session.get_outputs()]
        self._session = session
        return LoadedModel(specs, dict(session.get_modelmeta().custom_metadata_map))

    def _unload(self) -> None:
        self._session = None

    def _allocate(self) -> BlobsBuffer:
        return BlobsBuffer(
            [Blob(spec) for spec in self._specs.values()],
            request=Seat(self._session.io_binding()), owner=self)

    def _free(self, blobs: BlobsBuffer) -> None:
        blobs.request = None  # the binding goes before the memory that it points to
        blobs.free()

    def _infer(self, blobs: BlobsBuffer) -> None:
        seat: Seat = blobs.request
        bound, binding = seat.bound, seat.binding
        taken = []
        for blob in blobs.inputs:
            if bound.get(blob.spec.name) is not blob.data:
                _bind(seat, blob, binding.bind_ortvalue_input)
        for index, blob in enumerate(blobs.outputs):
            if blob.spec.is_dynamic and not blob.is_bound:
                # Bound anew each time: the runtime would otherwise insist on the last shape.
                bound.pop(blob.spec.name, None)
                binding.bind_output(blob.spec.name, 'cpu')
                taken.append((index, blob))
            elif bound.get(blob.spec.name) is not blob.data:
                _bind(seat, blob, binding.bind_ortvalue_output)
        # No RunOptions: they make the runtime build a logger for each run, 100 us of it.
        self._session.run_with_iobinding(binding)
        if taken:
            outputs = binding.get_outputs()  # in the order of their first binding, the model's
            for index, blob in taken:
                blob.adopt(outputs[index].numpy())

    def _session_options(self) -> Any:
        options = onnxruntime.SessionOptions()
        levels = onnxruntime.GraphOptimizationLevel
        options.log_severity_level = SILENT
        options.intra_op_num_threads = self.options.threads
        options.inter_op_num_threads = self.options.inter_op_threads
        if self.options.inter_op_threads > 1:
            options.execution_mode = onnxruntime.ExecutionMode.ORT_PARALLEL
        options.graph_optimization_level = {
            'none': levels.ORT_DISABLE_ALL, 'basic': levels.ORT_ENABLE_BASIC,
            'extended': levels.ORT_ENABLE_EXTENDED, 'all': levels.ORT_ENABLE_ALL,
        }[self.options.optimize]
        spinning = '1' if self.options.spinning else '0'
        options.add_session_config_entry('session.intra_op.allow_spinning', spinning)
        options.add_session_config_entry('session.inter_op.allow_spinning', spinning)
        if CPU + SUFFIX not in _full_names(self.options.providers):
            options.add_session_config_entry('session.disable_cpu_ep_fallback', '1')
        return options


def _bind(seat: Seat, blob: Blob, how: Any) -> None:
    """Let the runtime read or write the blob's own memory."""
    data = blob.data
    how(blob.spec.name, onnxruntime.OrtValue.ortvalue_from_numpy(data))
    seat.bound[blob.spec.name] = data  # also keeps it alive: the runtime only has its address


def _full_names(words: Sequence[str]) -> list[str]:
    """Turn ``('cuda', 'CPU')`` into the runtime's own names of its providers."""
    known = {_short(name).lower(): name for name in onnxruntime.get_all_providers()}
    for word in words:
        if _short(word).lower() not in known:
            raise UnknownName(
                f"onnxruntime: option providers: no provider is named '{word}', expected some of "
                f"{', '.join(sorted(map(_short, known.values())))}")
    return [known[_short(word).lower()] for word in words] or [CPU + SUFFIX]


def _short(provider: str) -> str:
    return provider.removesuffix(SUFFIX)


def _spec(title: str, node: Any, is_input: bool) -> BlobSpec:
    """Turn the runtime's description of a tensor into ours."""
    dtype = DTYPES.get(node.type)
    if dtype is None:
        raise Unsupported(
            f"{title}: {'input' if is_input else 'output'} '{node.name}' is a {node.type}, "
            f"expected one of {', '.join(DTYPES.values())}")
    shape = tuple(size if isinstance(size, int) and size >= 0 else -1 for size in node.shape or ())
    layout = guess_layout(shape) if is_input else ''
    return BlobSpec(node.name, np.dtype(dtype), shape, is_input, layout)


def _explain(title: str, error: Exception, first: str = '') -> str:
    """Say in one line why a model was refused, and what to do about it: ``first`` or as known."""
    text = ' '.join(re.sub(
        r'^\s*\[ONNXRuntimeError\] : \d+ : \w+ : |Load model from .* failed:', '',
        str(error)).split()).rstrip('.')
    for pattern, remedy in REMEDIES:
        if re.search(pattern, text, re.IGNORECASE):
            return f'{title}: onnxruntime refuses the model: {text[:400]}. {first or remedy}'
    return f'{title}: onnxruntime refuses the model: {text[:400]}'
