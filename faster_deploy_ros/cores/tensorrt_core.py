# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT 8.6, 10 and 11: an engine, built where it is not there yet, and a seat for each run."""

from collections.abc import Mapping, Sequence
import hashlib
import logging
import os
from pathlib import Path
import re
from time import monotonic
from typing import Any

from faster_deploy_ros.blobs import BlobsBuffer, BlobSpec
from faster_deploy_ros.cores.base import BaseInferCore
from faster_deploy_ros.cores.cuda_device import (
    context_of,
    CudaContext,
    find_gpus,
    quietly,
    versions,
)
from faster_deploy_ros.cores.device import Capabilities, Device
from faster_deploy_ros.cores.source import guess_layout, LoadedModel
from faster_deploy_ros.cores.tensorrt import onnx_file
from faster_deploy_ros.cores.tensorrt.api import (
    can_build,
    dtype_of,
    JOURNAL,
    load_plugins,
    VERSION,
)
from faster_deploy_ros.cores.tensorrt.build import build_engine, BuildWish
from faster_deploy_ros.cores.tensorrt.engine_cache import (
    default_folder,
    EngineCache,
    EngineKey,
    MAGIC,
    unwrap,
)
from faster_deploy_ros.cores.tensorrt.options import read_shapes, ShapeRange, TensorRtOptions
from faster_deploy_ros.cores.tensorrt.seat import range_of, Seat, seat_blobs
from faster_deploy_ros.cores.uri import ModelUri, SUFFIXES
from faster_deploy_ros.errors import BadValue, LoadFailed, Unavailable, Unsupported
import tensorrt as trt

BUILT_IN = ('precision', 'shapes', 'workspace_mb', 'tf32', 'timing_cache', 'build')
PLAN_MAGIC = b'ftrt'
OUT_OF_MEMORY = re.compile(r'out ?of ?memory|cudaMalloc', re.IGNORECASE)
REPORT_PERIOD_S = 5.0
_logger = logging.getLogger(__name__)


class TensorRtCore(BaseInferCore):
    """
    A model in TensorRT: ``tensorrt.0:///m.onnx?precision=fp16`` or ``tensorrt.1:///m.engine``.

    An ONNX model is built into an engine once and kept in the engine cache; docs/adr/0015 tells
    what the cache goes by. All seats share the engine; each has its execution context, its stream
    and its memory.
    """

    scheme = 'tensorrt'
    options_type = TensorRtOptions

    def __init__(self, uri: str | os.PathLike[str] | ModelUri, *, seats: int = 2) -> None:
        """Read the options; nothing is loaded yet."""
        super().__init__(uri, seats=seats)
        self.options: TensorRtOptions = self._options
        self._shapes = read_shapes(self.options.shapes)
        self._context: CudaContext | None = None
        self._runtime: Any = None
        self._engine: Any = None
        self._ranges: dict[str, ShapeRange] = {}
        self._told_s = 0.0

    @classmethod
    def devices(cls) -> Sequence[Device]:
        """List the GPUs of this machine."""
        gpus = find_gpus()
        can = Capabilities(
            dynamic_shape=True, device_blobs=True, external_blobs=True, from_bytes=True,
            versions={'tensorrt': VERSION, **versions()})
        lean = '' if can_build() else ', lean runtime: runs engines, builds none'
        return [Device(cls.scheme, gpu.index, f'{gpu}{lean}', can, guid=gpu.address)
                for gpu in gpus]

    def _load(self, source: Path | bytes) -> LoadedModel:
        self._context = context_of(self.device.index)
        load_plugins(self._name, self.options.plugins)
        try:
            metadata = self._open_onnx(source) if self._is_onnx(source) else (
                self._open_engine(source))
            return LoadedModel(self._describe(), metadata)
        except BaseException:
            self._unload()
            raise

    def _unload(self) -> None:
        """Let the engine go before the runtime that made it, while the context is current."""
        if self._context is not None:
            quietly(self._context, self._drop)

    def _drop(self) -> None:
        self._engine = None
        self._runtime = None

    def _allocate(self) -> BlobsBuffer:
        assert self._context is not None
        seat = Seat(   # the engine itself is not handed over: an error would hold it
            self._name, self._make_execution, self._ranges,
            self.options.profile, self._context, spinning=self.options.spinning)
        try:
            return BlobsBuffer(seat_blobs(seat, self._specs), request=seat, owner=self)
        except BaseException:
            seat.close()
            raise

    def _make_execution(self) -> Any:
        return self._engine.create_execution_context()

    def _free(self, blobs: BlobsBuffer) -> None:
        seat: Seat = blobs.request
        blobs.request = None
        seat.close()
        blobs.free()

    def _infer(self, blobs: BlobsBuffer) -> None:
        seat: Seat = blobs.request
        seat.run(blobs)

    # -- from an engine ----------------------------------------------------------------------

    def _is_onnx(self, source: Path | bytes) -> bool:
        """Tell by the ending, or else by how it begins, whether it is a model to build from."""
        ending = Path(self._uri.path if isinstance(source, bytes) else source).suffix.lower()
        runtime = SUFFIXES.get(ending)
        if runtime == 'tensorrt':
            return False
        if runtime not in (None, 'onnxruntime'):
            raise LoadFailed(
                f"{self._name}: a '{ending}' file is a model for {runtime}, expected .onnx, "
                '.engine or .plan: take the ONNX model that it was made from')
        if ending == '.onnx':
            return True
        head = source if isinstance(source, bytes) else _head(source)
        return not head.startswith((MAGIC, PLAN_MAGIC))

    def _open_engine(self, source: Path | bytes) -> Mapping[str, str]:
        for name in BUILT_IN:
            if name in self._uri.options:
                raise BadValue(
                    f'{self._name}: option {name} is for building an engine, and this is one '
                    'already; leave it out, or open the ONNX model')
        plan = source if isinstance(source, bytes) else source.read_bytes()
        if plan.startswith(MAGIC):   # out of a cache
            plan = unwrap(self._name, plan)[1]
        why = self._deserialize(plan)
        if why:
            raise LoadFailed(
                f'{self._name}: TensorRT {VERSION} on {self.device.name} refuses the engine: '
                f'{why}. An engine fits only the version and the GPU that it was built with: '
                'build it here, faster-deploy convert m.onnx --to tensorrt')
        return {}

    def _deserialize(self, plan: bytes) -> str:
        """Make the engine; return why there is none, ``''`` where there is."""
        assert self._context is not None
        mark = JOURNAL.mark()
        with self._context.calling(self._name, LoadFailed):
            self._runtime = trt.Runtime(JOURNAL)
            self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is not None:
            return ''
        why = JOURNAL.errors_since(mark)
        if OUT_OF_MEMORY.search(why):   # the engine may be a good one: it is not built anew
            raise Unavailable(
                f'{self._name}: the memory of {self.device.name} is not enough for the engine: '
                f'{why}. End other programs on it, or take a smaller model')
        return why

    def _describe(self) -> list[BlobSpec]:
        """Turn the engine's tensors into ours, and note the ranges of the open inputs."""
        profiles = self._engine.num_optimization_profiles
        if self.options.profile >= max(profiles, 1):
            raise BadValue(
                f'{self._name}: option profile: got {self.options.profile}, the engine has '
                f'{profiles}, numbered from 0')
        names = [self._engine.get_tensor_name(index)
                 for index in range(self._engine.num_io_tensors)]
        return [self._spec(name) for name in names]

    def _spec(self, name: str) -> BlobSpec:
        is_input = self._engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT
        title = f"{self._name}: {'input' if is_input else 'output'} '{name}'"
        if self._engine.get_tensor_location(name) != trt.TensorLocation.DEVICE:
            raise Unsupported(
                f'{title} is a shape tensor, whose values decide over sizes; export the model '
                'with these sizes fixed')
        if self._engine.get_tensor_format(name) != trt.TensorFormat.LINEAR:
            raise Unsupported(
                f'{title} is in a vectorised format; build the engine with plain (linear) inputs '
                'and outputs')
        dtype = dtype_of(title, self._engine.get_tensor_dtype(name))
        shape = tuple(self._engine.get_tensor_shape(name))
        most = None
        if is_input and -1 in shape:
            self._ranges[name] = range_of(self._engine, name, self.options.profile)
            most = self._ranges[name].most
        return BlobSpec(
            name, dtype, shape, is_input, guess_layout(shape) if is_input else '', most)

    # -- from an ONNX model ------------------------------------------------------------------

    def _open_onnx(self, source: Path | bytes) -> Mapping[str, str]:
        if isinstance(source, bytes):
            model, folder = source, None
        else:
            model, folder = source.read_bytes(), source.parent
        cache = EngineCache(
            self._cache_folder(), self._key(onnx_file.fingerprint(self._name, model, folder)),
            self._uri.path)
        reason = self._open_cached(cache)
        if self._engine is None:
            self._may_build(reason)
            with cache.building(lambda: _logger.warning(
                    '%s: another process builds this engine; waiting for it', self._name)):
                if self._open_cached(cache):   # nobody else has built it meanwhile
                    self._build(source, cache, reason)
        return onnx_file.metadata(model)

    def _open_cached(self, cache: EngineCache) -> str:
        """Open the engine that the cache has; return ``''``, or why there is none."""
        found = cache.read()
        if found.engine is None:
            return found.reason or 'it was never built'
        why = self._deserialize(found.engine)
        return why and f"TensorRT refuses '{cache.path}': {why}; it is built anew"

    def _may_build(self, reason: str) -> None:
        if self.options.build == 'never':
            raise LoadFailed(
                f'{self._name}: no engine is ready: {reason}; and the option build=never forbids '
                'to build one now. Open it once with build=auto, or use an engine made by '
                'faster-deploy convert --to tensorrt')

    def _build(self, source: Path | bytes, cache: EngineCache, reason: str) -> None:
        assert self._context is not None
        _logger.warning(
            '%s: building an engine, which can take minutes: %s', self._name, reason)
        began_s = monotonic()
        plan = build_engine(
            BuildWish(
                self._name, source, self.options.precision, self._shapes,
                self.options.workspace_mb, self.options.tf32, self._timing_cache()),
            self._context, self._tell)
        kept = cache.write(plan)
        _logger.warning(
            '%s: the engine is built, in %.0f s%s', self._name, monotonic() - began_s,
            f', and kept in {cache.path}' if kept else '')
        why = self._deserialize(plan)
        if why:
            raise LoadFailed(f'{self._name}: TensorRT refuses the engine it has built: {why}')

    def _tell(self, text: str, done: int = 0, total: int = 0, detail: str = '') -> None:
        """Say how the build goes on, not too often; as a warning, so that every log shows it."""
        now_s = monotonic()
        if now_s - self._told_s >= REPORT_PERIOD_S:
            self._told_s = now_s
            count = f'{done}/{total}' if total else ''
            _logger.warning('%s: %s', self._name, ' '.join(filter(None, (text, count, detail))))

    def _key(self, fingerprint: str) -> EngineKey:
        gpu = find_gpus()[self.device.index]
        shapes = ','.join(f'{name}:{each}' for name, each in sorted(self._shapes.items()))
        return EngineKey(
            fingerprint, VERSION, gpu.name, gpu.capability, self.options.precision, shapes,
            tuple(map(self._digest, self.options.plugins)), self.options.workspace_mb,
            self.options.tf32)

    def _digest(self, plugin: str) -> str:
        """Return the sha256 of a library; one that the loader found elsewhere counts by name."""
        try:
            return hashlib.sha256(Path(plugin).read_bytes()).hexdigest()
        except FileNotFoundError:
            return plugin
        except OSError as error:
            raise Unavailable(
                f"{self._name}: option plugins: '{plugin}': {error.strerror}") from error

    def _cache_folder(self) -> Path:
        folder = self.options.engine_cache_dir
        return Path(folder).expanduser() if folder else default_folder()

    def _timing_cache(self) -> Path | None:
        """Return the file with timings, which are of one version and GPU as the engines are."""
        word = self.options.timing_cache
        if word == 'off':
            return None
        if word != 'auto':
            return Path(word).expanduser()
        gpu = find_gpus()[self.device.index]
        name = ''.join(c if c.isalnum() else '_' for c in f'{VERSION}-{gpu.name}-{gpu.capability}')
        return self._cache_folder() / f'timings-{name}.cache'


def _head(path: Path) -> bytes:
    with path.open('rb') as stream:
        return stream.read(len(MAGIC))
