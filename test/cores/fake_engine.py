# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The stand-in for TensorRT, its second half: engines and execution contexts on fake streams."""

import json

from fake_graph import Graph
import numpy as np

PLAN = b'ftrt'
NAMES = {'float32': 'FLOAT', 'float16': 'HALF', 'int8': 'INT8', 'int32': 'INT32', 'bool': 'BOOL',
         'uint8': 'UINT8', 'int64': 'INT64'}


def run_classes(native, trt, machine):
    """Return Runtime, ICudaEngine and IExecutionContext."""
    return {each.__name__: each for each in (
        _runtime(native, trt, machine), _engine(native, trt, machine),
        _execution(native, trt, machine))}


def _runtime(native, trt, machine):
    class Runtime(native):
        _cuda = True

        def __init__(self, logger):
            if not getattr(logger, 'is_initialised', False):
                raise TypeError('__init__() must be called when overriding __init__')
            self._logger = logger

        def deserialize_cuda_engine(self, serialized_engine):
            device = machine.call('deserialize')
            head, _, data = bytes(serialized_engine).partition(b'\n')
            try:
                if not head.startswith(PLAN):
                    raise ValueError('Magic tag does not match')
                header = json.loads(head[len(PLAN):])
                if header['version'] != trt.__version__:
                    raise ValueError(
                        'Error Code 6: API Usage Error (The engine plan file is not compatible '
                        f'with this version of TensorRT, expecting library version '
                        f"{trt.__version__} got {header['version']}, please rebuild.)")
                capability, built_for = list(machine.gpus[device][1]), header['gpu'][1]
                if built_for != capability:
                    raise ValueError(
                        'Error Code 6: API Usage Error (The engine plan file is generated on an '
                        f'incompatible device, expecting compute {capability} got compute '
                        f'{built_for}, please rebuild.)')
                if header['gpu'][0] != machine.gpus[device][0]:
                    self._logger.log(
                        trt.ILogger.WARNING, 'Using an engine plan file across different models '
                        'of devices is not recommended and is likely to affect performance.')
                if trt.stand_in.memory_is_full:
                    raise ValueError('Error Code 2: OutOfMemory (Requested size was 8388608)')
                return trt.ICudaEngine(self, header, Graph(data))
            except ValueError as error:
                self._logger.log(trt.ILogger.ERROR, f'IRuntime::deserializeCudaEngine:\n {error}')
                return None

    return Runtime


def _engine(native, trt, machine):
    class ICudaEngine(native):
        _cuda = True

        def __init__(self, runtime, header, graph):
            self._runtime, self._header, self._graph = runtime, header, graph
            self._logger = runtime._logger
            self._contexts = 0
            self._io = {**graph.inputs, **graph.outputs}
            if not hasattr(trt.DataType, 'INT64'):   # the parser of 8.6 makes it 32 bits
                self._io = {name: (np.dtype(np.int32) if dtype == np.int64 else dtype, shape)
                            for name, (dtype, shape) in self._io.items()}

        @property
        def num_io_tensors(self):
            return len(self._io)

        @property
        def num_optimization_profiles(self):
            return self._header.get('profiles', 1)

        def get_tensor_name(self, index):
            return list(self._io)[index]

        def get_tensor_mode(self, name):
            return getattr(
                trt.TensorIOMode, 'INPUT' if name in self._graph.inputs else 'OUTPUT')

        def get_tensor_shape(self, name):
            return list(self._io[name][1])

        def get_tensor_dtype(self, name):
            return getattr(trt.DataType, self._header.get('dtypes', {}).get(
                name, NAMES[self._io[name][0].name]))

        def get_tensor_location(self, name):
            is_host = name in self._header.get('shape tensors', ())
            return trt.TensorLocation.HOST if is_host else trt.TensorLocation.DEVICE

        def get_tensor_format(self, name):
            return getattr(trt.TensorFormat, self._header.get('format', 'LINEAR'))

        def get_tensor_profile_shape(self, name, profile_index):
            least, usual, most = self._header['ranges'][name]
            grown = [n * (1 + profile_index) for n in most]   # the other profiles allow more
            return [least, usual, [most[0], most[1], *grown[2:]]]

        def create_execution_context(self):
            machine.call('createExecutionContext')
            if machine.live['IExecutionContext'] >= trt.stand_in.contexts:
                self._logger.log(
                    trt.ILogger.ERROR, 'Error Code 2: OutOfMemory (Requested size was 8388608)')
                return None
            return trt.IExecutionContext(self)

    return ICudaEngine


def _execution(native, trt, machine):
    class IExecutionContext(native):
        _cuda = True

        def __init__(self, engine):
            self._engine, self._addresses, self._allocators = engine, {}, {}
            # Before 10, two contexts share a profile only in an engine that was built for it.
            header, alone = engine._header, trt.__version__.startswith('8')
            alone = alone and header['ranges'] and not header['shared']
            self._profile = -1 if alone and engine._contexts else 0
            engine._contexts += 1
            self._shapes = {name: tuple(shape) for name, (_, shape) in engine._io.items()}
            self._counts = {'set_tensor_address': 0, 'set_input_shape': 0}

        def _refuse(self, text):
            self._engine._logger.log(trt.ILogger.ERROR, f'IExecutionContext: {text}')
            return False

        @property
        def active_optimization_profile(self):
            return self._profile

        def set_optimization_profile_async(self, profile_index, stream_handle):
            machine.call('setOptimizationProfileAsync')
            if self._profile < 0 and profile_index == 0:
                return self._refuse('Profile 0 has been chosen by another IExecutionContext.')
            self._profile = profile_index
            return profile_index < self._engine.num_optimization_profiles

        def set_input_shape(self, name, shape):
            self._counts['set_input_shape'] += 1
            if trt.stand_in.refused_shape:
                return self._refuse(trt.stand_in.refused_shape)
            least, _, most = self._engine.get_tensor_profile_shape(name, self._profile)
            if not all(a <= n <= b for a, n, b in zip(least, shape, most)):
                return self._refuse('Error Code 3: the shape does not satisfy any profile')
            self._shapes[name] = tuple(shape)
            return True

        def get_tensor_shape(self, name):
            graph = self._engine._graph
            if name in graph.inputs or -1 not in graph.outputs[name][1]:
                return list(self._shapes[name])
            if graph.depends_on_data:
                return list(graph.outputs[name][1])
            if any(-1 in self._shapes[each] for each in graph.inputs):
                return [-1] * len(graph.outputs[name][1])
            zeros = {each: np.zeros(self._shapes[each], graph.inputs[each][0])
                     for each in graph.inputs}
            return list(graph.run(zeros)[name].shape)

        def set_tensor_address(self, name, memory):
            self._counts['set_tensor_address'] += 1
            if name not in self._engine._io or memory % 256:
                return self._refuse(f'Error Code 3: bad address {memory:#x} for {name}')
            self._addresses[name] = memory
            return True

        def set_output_allocator(self, name, output_allocator):
            if not getattr(output_allocator, 'is_initialised', False):
                raise TypeError('__init__() must be called when overriding __init__')
            self._allocators[name] = output_allocator
            return True

        def execute_async_v3(self, stream_handle):
            if machine.lost:
                return self._refuse(f'Error Code 1: Cuda Runtime ({machine.lost})')
            machine.call('executeAsyncV3')
            if trt.stand_in.enqueue_fails:
                return self._refuse(trt.stand_in.enqueue_fails)
            graph, stream = self._engine._graph, machine.streams[stream_handle]
            if any(-1 in self._shapes[each] for each in graph.inputs):
                return self._refuse('Error Code 3: API Usage Error (input shapes unspecified)')
            unset = [name for name in self._engine._io
                     if name not in self._addresses and name not in self._allocators]
            if unset:
                return self._refuse(f'Error Code 3: no address is set for {unset}')
            if not (graph.is_checked or graph.depends_on_data):
                addresses, shapes = dict(self._addresses), dict(self._shapes)
                stream.add(lambda: self._write(self._compute(addresses, shapes), addresses))
                return True
            stream.run()   # as a plug-in that has to look at its data before it can go on
            try:
                results = self._compute(self._addresses, self._shapes)
            except IndexError as error:
                return self._refuse(f'Error Code 1: Plugin (enqueue failed: {error})')
            addresses = dict(self._addresses)
            for name, allocator in self._allocators.items():
                pointer = self._allocate(name, allocator, results[name])
                if not pointer:
                    return self._refuse(f'Error Code 2: OutOfMemory (output {name})')
                addresses[name] = pointer
            stream.add(lambda: self._write(results, addresses))
            return True

        def _allocate(self, name, allocator, result):
            """Ask for memory, some even for nothing, and tell the shape."""
            memory = allocator.reallocate_output(name, 0, max(8, result.nbytes), 256)
            if memory:
                allocator.notify_shape(name, list(result.shape))
            return memory

        def _compute(self, addresses, shapes):
            inputs = {}
            for name in self._engine._graph.inputs:
                dtype = self._engine._io[name][0]
                nbytes = int(np.prod(shapes[name], dtype=int)) * dtype.itemsize
                inputs[name] = machine.view(
                    addresses[name], nbytes).view(dtype).reshape(shapes[name]).copy()
            results = self._engine._graph.run(inputs)
            return {name: np.ascontiguousarray(result.astype(self._engine._io[name][0]))
                    for name, result in results.items()}

        def _write(self, results, addresses):
            for name, result in results.items():
                machine.view(addresses[name], result.nbytes)[:] = (
                    result.reshape(-1).view(np.uint8))

    return IExecutionContext
