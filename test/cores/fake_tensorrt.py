# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
A stand-in for TensorRT 8.6, 10.3 and 11.4: a version has what its list of names says, no more.

It fails as the real one: False, None or -1, and the reason only in the logger. This file builds;
``fake_engine.py`` runs.
"""

from functools import cache
import json
from pathlib import Path
from types import ModuleType

from fake_engine import run_classes
from fake_graph import Graph
import numpy as np

API = Path(__file__).parent / 'tensorrt_api'
VERSIONS = ('8.6.1', '10.3.0', '11.4.0')
PLAN = b'ftrt'
SEVERITIES = ('INTERNAL_ERROR', 'ERROR', 'WARNING', 'INFO', 'VERBOSE')
NAMES = {'float32': 'FLOAT', 'float16': 'HALF', 'int8': 'INT8', 'int32': 'INT32', 'bool': 'BOOL',
         'uint8': 'UINT8', 'int64': 'INT64'}


@cache
def facts(version):
    """Return the names of one version."""
    return json.loads((API / f'{version}.json').read_text())


def enum(name, members, shift):
    """Return an enumeration like pybind's: numbers, whose values move between versions."""
    def become(self, word, value):
        self.name, self.value = word, value

    kind = type(name, (), {
        '__init__': become, '__int__': lambda self: self.value,
        '__repr__': lambda self: f'<{name}.{self.name}: {self.value}>',
        '__str__': lambda self: f'{name}.{self.name}',
        '__eq__': lambda self, other: type(self) is type(other) and self.value == other.value,
        '__hash__': lambda self: hash((name, self.value))})
    for number, member in enumerate(m for m in members if m.isupper()):
        setattr(kind, member, kind(member, number + shift))
    return kind


class Settings:
    """What the tests can turn in a stand-in."""

    def __init__(self):
        self.build_fails = ''        # what the logger says when no engine comes out
        self.plugins = ()            # paths that load_library refuses
        self.contexts = 1 << 30      # how many execution contexts the memory is enough for
        self.enqueue_fails = ''
        self.refused_shape = ''
        self.during_build = None     # called in the middle of a build
        self.phases = (('Building Engine', None, 3), ('Tactic Selection', 'Building Engine', 2))
        self.builds = []             # the configuration of each


def module(machine, version, *, lean=False):
    """Return a module ``tensorrt`` of that version; its ``stand_in`` are the settings."""
    known = facts(version)
    trt = ModuleType('tensorrt')
    trt.__version__ = version
    trt.stand_in = Settings()
    shift = VERSIONS.index(version)
    for name, members in known['classes'].items():
        if name.isidentifier() and 'value' in members and 'name' in members:
            setattr(trt, name, enum(name, members, shift))
    native = _native(machine, known)
    made = {**_logging(native, trt), **_building(native, trt, machine),
            **run_classes(native, trt, machine)}
    for name, kind in made.items():
        if name not in known['module']:
            continue
        allowed = known['classes'][name]
        for attribute in [each for each in vars(kind) if not each.startswith('_')]:
            if attribute not in allowed and kind.__doc__ != 'Callbacks.':
                delattr(kind, attribute)
        setattr(trt, name, kind)
    trt.init_libnvinfer_plugins = lambda logger, namespace: True
    registry = trt.IPluginRegistry()
    trt.get_plugin_registry = lambda: registry
    if lean:
        for name in ('Builder', 'OnnxParser', 'init_libnvinfer_plugins'):
            delattr(trt, name)
    return trt


def _native(machine, known):
    class Native:
        """An object of the C++ side: no attribute but its own, counted, needs the context."""

        _cuda = False    # whether it can only come and go while a context is current

        def __new__(cls, *_, **__):
            made = super().__new__(cls)
            if cls._cuda:
                machine.call(cls.__name__)
                machine.live[cls.__name__] += 1
            return made

        def __del__(self):
            if self._cuda:
                machine.gone(type(self).__name__)

        def __setattr__(self, name, value):
            allowed = known['classes'].get(type(self).__name__, ())
            if not name.startswith('_') and name not in allowed:
                raise AttributeError(f'{type(self).__name__!r} object has no attribute {name!r}')
            object.__setattr__(self, name, value)

    return Native


def _logging(native, trt):
    severity = enum('Severity', SEVERITIES, 0)

    class ILogger:
        """Callbacks."""

        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = (
            getattr(severity, name) for name in SEVERITIES)

        def __init__(self):
            self.is_initialised = True

    class IProgressMonitor:
        """Callbacks."""

        def __init__(self):
            self.is_initialised = True

    class IInt8EntropyCalibrator2(IProgressMonitor):
        """Callbacks."""

    class IOutputAllocator(IProgressMonitor):
        """Callbacks."""

    class IHostMemory(native):
        def __init__(self, data):
            self._data = data

        def __bytes__(self):
            return self._data

        @property
        def nbytes(self):
            return len(self._data)

    class IPluginRegistry(native):
        def load_library(self, path):
            return None if path in trt.stand_in.plugins else object()

    return {each.__name__: each for each in (
        ILogger, IProgressMonitor, IInt8EntropyCalibrator2, IOutputAllocator, IHostMemory,
        IPluginRegistry)}


class _Setting:
    """A property, as pybind's: the class has it before an object does."""

    def __set_name__(self, owner, name):
        self.name = f'_{name}'

    def __get__(self, made, owner=None):
        return self if made is None else made.__dict__.get(self.name)

    def __set__(self, made, value):
        made.__dict__[self.name] = value


def _checked(logger):
    """Take only what pybind would: an object whose base was initialised."""
    if not getattr(logger, 'is_initialised', False):
        raise TypeError('__init__() must be called when overriding __init__')
    return logger


def _building(native, trt, machine):
    class ITensor(native):
        def __init__(self, name, dtype, shape):
            self.name, self.dtype, self.shape = name, dtype, shape

    class ILayer(native):
        def __init__(self, kind, dtype):
            self.type, self.num_outputs = kind, 1
            self._dtype = dtype

        def get_output(self, index):
            return ITensor('', self._dtype, ())

    class INetworkDefinition(native):
        _cuda = True

        def __init__(self, flags):
            self._flags, self._graph, self._data = flags, None, b''

        @property
        def num_inputs(self):
            return len(self._graph.inputs)

        def get_input(self, index):
            name, (dtype, shape) = list(self._graph.inputs.items())[index]
            return ITensor(name, dtype_of(dtype), shape)

        @property
        def num_layers(self):
            return len(self._graph.nodes)

        def get_layer(self, index):
            operator, dtype = self._graph.dtypes()[index]
            kind = {'QuantizeLinear': 'QUANTIZE', 'DequantizeLinear': 'DEQUANTIZE'}.get(
                operator, 'IDENTITY')
            return ILayer(getattr(trt.LayerType, kind), dtype_of(dtype))

    def dtype_of(dtype):
        name = NAMES[dtype.name]
        return getattr(trt.DataType, name if hasattr(trt.DataType, name) else 'INT32')

    class ParserError(native):
        def __init__(self, text):
            self._text = text

        def desc(self):
            return self._text

        def node(self):
            return 0

    class OnnxParser(native):
        _cuda = True

        def __init__(self, network, logger):
            self._network, self._logger, self._errors = network, _checked(logger), []

        def parse(self, model, path=None):
            try:
                self._network._graph = Graph(bytes(model))
            except ValueError as error:
                self._logger.log(trt.ILogger.ERROR, f'[onnxparser] {error}')
                self._errors.append(str(error))
                return False
            self._network._data = bytes(model)
            return True

        def parse_from_file(self, model):
            return self.parse(Path(model).read_bytes(), model)

        @property
        def num_errors(self):
            return len(self._errors)

        def get_error(self, index):
            return ParserError(self._errors[index])

    class IOptimizationProfile(native):
        def __init__(self):
            self._ranges = {}

        def set_shape(self, input, min, opt, max):  # noqa: A002
            if not all(a <= b <= c for a, b, c in zip(min, opt, max)):
                raise RuntimeError_('Shape provided for max is inconsistent with other shapes.')
            self._ranges[input] = [list(min), list(opt), list(max)]

    RuntimeError_ = RuntimeError

    class ITimingCache(native):
        def __init__(self, data):
            self._data = data

        def serialize(self):
            return trt.IHostMemory(self._data + b'+1')

    class IBuilderConfig(native):
        _cuda = True
        progress_monitor, int8_calibrator = _Setting(), _Setting()

        def __init__(self):
            self._flags, self._limits, self._profiles, self._timing = {'TF32'}, {}, [], None

        def set_flag(self, flag):
            self._flags.add(flag.name)

        def clear_flag(self, flag):
            self._flags.discard(flag.name)

        def set_memory_pool_limit(self, pool, pool_size):
            self._limits[pool.name] = pool_size

        def add_optimization_profile(self, profile):
            self._profiles.append(profile)
            return len(self._profiles) - 1

        def set_calibration_profile(self, profile):
            return True

        def create_timing_cache(self, serialized_timing_cache):
            return ITimingCache(serialized_timing_cache)

        def set_timing_cache(self, cache, ignore_mismatch):
            head = f'timings {trt.__version__}'.encode()
            if cache._data and not cache._data.startswith(head):
                return False
            cache._data = cache._data or head
            self._timing = cache
            return True

        def get_timing_cache(self):
            return self._timing

    class Builder(native):
        _cuda = True

        def __init__(self, logger):
            self._logger = _checked(logger)

        def create_network(self, flags=0):
            return INetworkDefinition(flags)

        def create_builder_config(self):
            return IBuilderConfig()

        def create_optimization_profile(self):
            return IOptimizationProfile()

        def build_serialized_network(self, network, config):
            machine.call('build')
            try:
                return trt.IHostMemory(_build(trt, machine, self._logger, network, config))
            except ValueError as error:
                self._logger.log(trt.ILogger.ERROR, str(error))
                return None

    return {each.__name__: each for each in (
        ITensor, ILayer, INetworkDefinition, ParserError, OnnxParser, IOptimizationProfile,
        ITimingCache, IBuilderConfig, Builder)}


def _build(trt, machine, logger, network, config):
    """Return a serialised engine; what goes wrong is a ValueError with the logger's words."""
    settings, graph = trt.stand_in, network._graph
    explicit = getattr(trt.NetworkDefinitionCreationFlag, 'EXPLICIT_BATCH', None)
    if trt.__version__.startswith('8') and not network._flags & 1 << int(explicit):
        raise ValueError('Network must have an explicit batch dimension')
    logger.log(trt.ILogger.INFO, 'Local timing cache in use.')
    ranges = config._profiles[0]._ranges if config._profiles else {}
    for name, (_, shape) in graph.inputs.items():
        if -1 in shape and name not in ranges:
            raise ValueError(
                f'Error Code 4: API Usage Error (Network has dynamic or shape inputs, but no '
                f'optimization profile has been defined: {name})')
    monitor = getattr(config, 'progress_monitor', None)
    for phase, parent, steps in settings.phases if monitor is not None else ():
        _checked(monitor).phase_start(phase, parent, steps)
        for step in range(steps):
            try:
                goes_on = monitor.step_complete(phase, step)
            except Exception:   # pybind prints it, and cancels
                goes_on = False
            if not goes_on:
                raise ValueError('Build was cancelled by the progress monitor')
        monitor.phase_finish(phase)
    if settings.during_build is not None:
        settings.during_build()
    batches = _calibrate(machine, graph, config)
    if settings.build_fails:
        raise ValueError(settings.build_fails)
    header = {
        'version': trt.__version__, 'gpu': machine.gpus[machine.stack[-1].device],
        'flags': sorted(config._flags), 'limits': config._limits, 'ranges': ranges,
        'batches': batches}
    settings.builds.append(header)
    return PLAN + json.dumps(header).encode() + b'\n' + network._data


def _calibrate(machine, graph, config):
    """Ask for batches until there are none, and look at them where the device has them."""
    calibrator = getattr(config, 'int8_calibrator', None)
    if calibrator is None:
        return []
    (name, (dtype, shape)), = graph.inputs.items()
    sums, shape = [], tuple(
        config._profiles[0]._ranges[name][1] if config._profiles else shape)
    while (pointers := _checked(calibrator).get_batch([name])) is not None:
        view = machine.view(pointers[0], int(np.prod(shape)) * dtype.itemsize)
        sums.append(float(view.view(dtype).sum()))
    if not sums:
        raise ValueError('Calibration failure occurred with no scaling factors detected.')
    return sums
