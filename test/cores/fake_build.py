# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The stand-in for TensorRT, the half that builds."""

import json
from pathlib import Path

from fake_engine import NAMES, PLAN
from fake_graph import Graph
import numpy as np


class Setting:
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


def build_classes(native, trt, machine):
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
        progress_monitor, int8_calibrator = Setting(), Setting()

        def __init__(self):
            self._flags, self._limits, self._profiles, self._timing = {'TF32'}, {}, [], None

        def set_flag(self, flag):
            self._flags.add(flag.name)

        def clear_flag(self, flag):
            self._flags.discard(flag.name)

        def set_memory_pool_limit(self, pool, pool_size):
            self._limits[pool.name] = pool_size

        def set_preview_feature(self, feature, enable):
            self._flags.add(feature.name)

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
        'flags': sorted(config._flags - {'PROFILE_SHARING_0806'}),
        'shared': 'PROFILE_SHARING_0806' in config._flags, 'limits': config._limits,
        'ranges': ranges, 'batches': batches}
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
