# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Build a TensorRT engine from an ONNX model; minutes of work, told while it goes on."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
import logging
from pathlib import Path
import re
from typing import Any

from faster_deploy_ros.cores.cuda_device import CudaContext
from faster_deploy_ros.cores.source import one_line
from faster_deploy_ros.cores.tensorrt.api import can_build, has, JOURNAL, MAJOR, member, VERSION
from faster_deploy_ros.cores.tensorrt.engine_cache import write_whole
from faster_deploy_ros.cores.tensorrt.hooks import calibrator, Feed, Hearing, progress_monitor
from faster_deploy_ros.cores.tensorrt.options import ranges_for, ShapeRange
from faster_deploy_ros.errors import FasterDeployError, LoadFailed, Unsupported
from numpy.typing import NDArray
import tensorrt as trt

# Flags that let the builder choose kernels of less precision, where it still has such flags.
FLAGS: Mapping[str, tuple[str, ...]] = {
    'fp32': (), 'fp16': ('FP16',), 'bf16': ('BF16',), 'int8': ('INT8', 'FP16')}
HALVES: Mapping[str, str] = {'fp16': 'HALF', 'bf16': 'BF16'}
MIXED = 'make the ONNX model mixed precision first (python -m modelopt.onnx.autocast --onnx_path)'
QUANTISED = 'quantise the ONNX model first, so that it has QuantizeLinear nodes (nvidia-modelopt)'
REMEDIES: tuple[tuple[str, str], ...] = (
    (r'plugin|creator|No importer registered|unsupported operator|UNSUPPORTED_NODE',
     'TensorRT lacks an operator: name its library by the option plugins, or export without it'),
    (r'opset|ir_version|IR version', 'Export it with an older opset, or install a newer TensorRT'),
    (r'external|weights', 'Keep the file with its weights beside it, and load from the path'),
    (r'deserializ|protobuf|DESERIALIZE',
     'It is no ONNX model, or cut short: compare its size with the original and copy it again'),
    (r'memory', 'Give the build more memory (option workspace_mb), or end other programs'),
)
Report = Callable[..., None]
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BuildWish:
    """
    Which engine is wanted.

    :param title: how messages call it.
    :param source: an ONNX file, or its bytes.
    :param shapes: ranges of the inputs with open dimensions, by name.
    :param workspace_mb: what the build may use; 0: all there is.
    :param tf32: whether fp32 may be multiplied with 10 bits of mantissa.
    :param timing_cache: where timings of earlier builds are, and are kept.
    :param calibration: yields inputs ``(1, c, h, w)`` float32 for int8, a new iterator each time.
    """

    title: str
    source: Path | bytes
    precision: str = 'fp32'
    shapes: Mapping[str, ShapeRange] = field(default_factory=dict)
    workspace_mb: int = 0
    tf32: bool = False
    timing_cache: Path | None = None
    calibration: Callable[[], Iterator[NDArray[Any]]] | None = None


def build_engine(wish: BuildWish, context: CudaContext, report: Report) -> bytes:
    """
    Build and return a serialised engine, for this TensorRT and this device.

    :param report: called as ``report(text, done, total, detail)`` while it goes on.
    :raises LoadFailed: the model cannot be read, or no engine comes of it.
    :raises Unsupported: this TensorRT cannot build, or not in that precision.
    :raises BadValue: the ranges of the shapes do not fit the model.
    """
    if not can_build():
        raise Unsupported(
            f'{wish.title}: this TensorRT {VERSION} is the lean runtime, which runs engines and '
            'builds none. Convert on a machine with the whole TensorRT of this version and the '
            'same GPU: faster-deploy convert m.onnx --to tensorrt')
    mark = JOURNAL.mark()
    with context.calling(wish.title, LoadFailed):
        workshop = _Workshop(wish, context, report)
        try:
            return workshop.build()
        except FasterDeployError:
            raise
        except Exception as error:   # pybind's own: a factory that returned nothing, a wrong type
            raise LoadFailed(
                f'{wish.title}: TensorRT cannot build an engine: {one_line(error)}; '
                f'{JOURNAL.errors_since(mark)}') from error
        finally:
            workshop.close()


class _Workshop:
    """
    The objects of one build, given back in the reverse order while the context is current.

    They are attributes and not local variables, so that the traceback of an error holds none.
    """

    def __init__(self, wish: BuildWish, context: CudaContext, report: Report) -> None:
        self._wish = wish
        self._title = wish.title
        self._context = context
        self._hearing = Hearing(report)
        self._builder: Any = None
        self._network: Any = None
        self._config: Any = None
        self._parser: Any = None
        self._profile: Any = None
        self._timing: Any = None
        self._feed: Feed | None = None   # what calibrates
        self._ranges: Mapping[str, ShapeRange] = {}

    def build(self) -> bytes:
        self._builder = trt.Builder(JOURNAL)
        self._network = self._builder.create_network(_network_flags())
        self._config = self._builder.create_builder_config()
        self._parser = trt.OnnxParser(self._network, JOURNAL)
        self._parse()
        self._add_profile()
        self._set_precision()
        if self._wish.workspace_mb:
            self._config.set_memory_pool_limit(
                trt.MemoryPoolType.WORKSPACE, self._wish.workspace_mb << 20)
        self._begin_timing()
        plan = self._run()
        self._keep_timing()
        return plan

    def close(self) -> None:
        if self._feed is not None:
            self._feed.free()
        self._feed = self._timing = self._profile = self._parser = None
        self._config = self._network = self._builder = None

    def _parse(self) -> None:
        mark = JOURNAL.mark()
        source = self._wish.source
        if isinstance(source, bytes):
            done = self._parser.parse(source)
        else:
            done = self._parser.parse_from_file(str(source))
        if not done:
            why = self._parser_errors() or JOURNAL.errors_since(mark)
            raise LoadFailed(_explained(f'{self._title}: TensorRT cannot read the model', why))

    def _parser_errors(self) -> str:
        texts = []
        for index in range(min(self._parser.num_errors, 3)):
            problem = self._parser.get_error(index)
            text = problem.desc()
            texts.append(f"{' '.join(text.split())} (node {problem.node()})")
        return '; '.join(texts)

    def _add_profile(self) -> None:
        self._ranges = ranges_for(self._title, self._wish.shapes, self._inputs())
        if not self._ranges:
            return
        mark = JOURNAL.mark()
        self._profile = self._builder.create_optimization_profile()
        for name, each in self._ranges.items():
            try:
                self._profile.set_shape(name, each.least, each.usual, each.most)
            except (RuntimeError, ValueError) as error:
                raise LoadFailed(
                    f"{self._title}: TensorRT refuses the range {each} for input '{name}': "
                    f'{one_line(error)}') from None
        if self._config.add_optimization_profile(self._profile) < 0:
            raise LoadFailed(
                f'{self._title}: TensorRT refuses the ranges of the shapes: '
                f'{JOURNAL.errors_since(mark)}')
        if MAJOR < 10 and has('PreviewFeature.PROFILE_SHARING_0806'):   # from 10 on it is so
            self._config.set_preview_feature(trt.PreviewFeature.PROFILE_SHARING_0806, True)

    def _inputs(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the inputs by name, -1 where open."""
        found = {}
        for index in range(self._network.num_inputs):
            tensor = self._network.get_input(index)
            found[tensor.name] = tuple(tensor.shape)
        return found

    def _set_precision(self) -> None:
        precision = self._wish.precision
        if precision == 'fp32' and not self._wish.tf32:
            self._config.clear_flag(trt.BuilderFlag.TF32)
        if has('BuilderFlag.FP16'):
            self._allow(precision)
        else:
            self._demand(precision)

    def _allow(self, precision: str) -> None:
        """Let the builder use the precision, as TensorRT 8 and 10 do it."""
        for flag in FLAGS[precision]:
            if not has(f'BuilderFlag.{flag}'):
                raise Unsupported(
                    f'{self._title}: TensorRT {VERSION} has no {precision}, expected another '
                    'precision: fp16')
            self._config.set_flag(member(f'BuilderFlag.{flag}'))
        if precision == 'int8' and not self._kinds()[1]:
            self._calibrate()

    def _demand(self, precision: str) -> None:
        """Refuse a model that is not of the precision itself, as TensorRT 11 wants it to be."""
        dtypes, quantised = self._kinds()
        own = 'int8' if quantised else next(
            (name for name, dtype in HALVES.items() if has(f'DataType.{dtype}')
             and member(f'DataType.{dtype}') in dtypes), 'fp32')
        if own != precision:
            remedy = (
                f'say precision={own}' if precision == 'fp32' else
                QUANTISED if precision == 'int8' else MIXED)
            raise Unsupported(
                f'{self._title}: got precision={precision} for a model that is {own}, and '
                f'TensorRT {VERSION} computes in what the model itself says: {remedy}')

    def _kinds(self) -> tuple[list[Any], bool]:
        """Return the dtypes that the layers give, and whether some quantise."""
        dtypes, quantised = [], False
        for number in range(self._network.num_layers):
            layer = self._network.get_layer(number)
            quantised = quantised or layer.type == trt.LayerType.QUANTIZE
            for index in range(layer.num_outputs):
                tensor = layer.get_output(index)
                if tensor is not None and tensor.dtype not in dtypes:
                    dtypes.append(tensor.dtype)
        return dtypes, quantised

    def _calibrate(self) -> None:
        batches, inputs = self._wish.calibration, self._inputs()
        if batches is None or not has('IBuilderConfig.int8_calibrator'):
            raise Unsupported(
                f'{self._title}: int8 needs images to find the ranges of the values: '
                'faster-deploy convert m.onnx --to tensorrt --precision int8 with images, or '
                f'{QUANTISED}')
        if len(inputs) != 1:
            raise Unsupported(
                f'{self._title}: int8 is calibrated for models with one input, this one has '
                f'{len(inputs)}; {QUANTISED}')
        name, shape = next(iter(inputs.items()))
        if self._profile is not None:
            shape = self._ranges[name].usual
        if self._profile is not None and has('IBuilderConfig.set_calibration_profile'):
            self._config.set_calibration_profile(self._profile)
        self._feed = Feed(batches(), shape, self._context, self._hearing)
        self._config.int8_calibrator = calibrator(self._feed, shape[0] if shape else 1)

    def _run(self) -> bytes:
        mark = JOURNAL.mark()
        if has('IBuilderConfig.progress_monitor'):
            self._config.progress_monitor = progress_monitor(self._hearing)
            memory = self._builder.build_serialized_network(self._network, self._config)
        else:
            with JOURNAL.listening(self._hearing.message):
                memory = self._builder.build_serialized_network(self._network, self._config)
        self._hearing.raise_what_ended_it()
        if memory is None:
            raise LoadFailed(_explained(
                f'{self._title}: TensorRT built no engine', JOURNAL.errors_since(mark)))
        return bytes(memory)

    def _begin_timing(self) -> None:
        path = self._wish.timing_cache
        if path is None:
            return
        try:
            known = path.read_bytes()
        except OSError:
            known = b''
        self._timing = self._config.create_timing_cache(known)
        if self._timing is None or not self._config.set_timing_cache(self._timing, False):
            _logger.warning(
                "The timing cache '%s' is not of this TensorRT and GPU; it is begun anew", path)
            self._timing = self._config.create_timing_cache(b'')
            self._config.set_timing_cache(self._timing, False)

    def _keep_timing(self) -> None:
        path = self._wish.timing_cache
        if path is None:
            return
        self._timing = self._config.get_timing_cache()
        if self._timing is not None:
            memory = self._timing.serialize()
            try:
                write_whole(path, bytes(memory))
            except OSError as error:
                _logger.warning(
                    "The timing cache '%s' cannot be kept: %s", path, error.strerror or error)


def _network_flags() -> int:
    """Ask for the batch as a dimension, which older versions do not give unasked."""
    flag = member('NetworkDefinitionCreationFlag.EXPLICIT_BATCH')
    return 0 if flag is None else 1 << int(flag)


def _explained(what: str, why: str) -> str:
    for pattern, remedy in REMEDIES:
        if re.search(pattern, why, re.IGNORECASE):
            return f'{what}: {why[:400]}. {remedy}'
    return f'{what}: {why[:400]}'
