# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A small KServe v2 server in this process: what a real one would hardly do, it does on demand."""

from concurrent.futures import ThreadPoolExecutor
import mmap
import os
import socket
import threading

import grpc
import numpy as np
from tritonclient.grpc import service_pb2, service_pb2_grpc

IMAGE = (1, 3, 4, 5)
# Name -> datatype, shape of x and of y.
MODELS = {
    'identity': ('FP32', IMAGE), 'dynamic_identity': ('FP32', (-1, 3, -1, -1)),
    'failing': ('FP32', IMAGE), 'words': ('BYTES', (2,)), 'bytes': ('UINT8', (4,)),
    'halves': ('FP16', (4,)), 'flags': ('BOOL', (4,)), 'counts': ('INT64', (4,)),
    'scalar': ('FP64', ()), 'twins': ('FP32', IMAGE), 'square': ('FP32', (1, 3, 3, 3))}
FIELDS = {
    'FP32': 'fp32_contents', 'FP64': 'fp64_contents', 'UINT8': 'uint_contents',
    'BOOL': 'bool_contents', 'INT64': 'int64_contents'}
NUMPY = {
    'FP32': 'float32', 'FP64': 'float64', 'FP16': 'float16', 'UINT8': 'uint8', 'BOOL': 'bool',
    'INT64': 'int64'}


class _Late:
    """Looks the methods up when they are called, so that a test can replace one."""

    def __init__(self, real):
        self._real = real

    def __getattr__(self, name):
        def handle(request, context):
            return getattr(self._real, name)(request, context)
        return handle


class StandIn(service_pb2_grpc.GRPCInferenceServiceServicer):
    """
    A server of identities, written from the protocol alone.

    :param shared_memory: whether it has Triton's extension.
    :param typed: whether it answers with numbers one by one, as the protocol allows.
    """

    def __init__(
            self, *, shared_memory=False, typed=False, credentials=None, host='127.0.0.1'):
        self.host = host
        self.config = None     # what Triton's extension would tell; None: it is not there
        self.shared_memory = shared_memory
        self.typed = typed
        self.credentials = credentials
        self.spoil = None      # called with the response before it goes out
        self.gate = None       # an event that each inference waits for
        self.port = 0
        self.inferences = 0
        self.said = {}         # the headers of the last client that has greeted
        self.regions = {}
        self._server = None
        self._threads = None

    def start(self):
        self._threads = ThreadPoolExecutor(8, 'stand-in')
        self._server = grpc.server(self._threads, options=[
            ('grpc.so_reuseport', 0), ('grpc.max_receive_message_length', -1)])
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(_Late(self), self._server)
        where = f'{self.host}:{self.port}'
        self.port = (
            self._server.add_insecure_port(where) if self.credentials is None
            else self._server.add_secure_port(where, self.credentials))
        self._server.start()
        return self

    def stop(self):
        if self.gate is not None:
            self.gate.set()
        self._server.stop(0).wait(10)
        self._threads.shutdown(wait=True)
        self.regions = {}

    def uri(self, model, **options):
        text = '&'.join(f'{name}={value}' for name, value in options.items())
        return f'triton.0://{self.host}:{self.port}/{model}{"?" if text else ""}{text}'

    # -- the protocol ------------------------------------------------------------------------

    def ServerMetadata(self, request, context):
        self.said = dict(context.invocation_metadata())
        extensions = ['system_shared_memory'] if self.shared_memory else []
        return service_pb2.ServerMetadataResponse(
            name='stand-in', version='1.0', extensions=extensions)

    def ModelMetadata(self, request, context):
        if request.name not in MODELS:
            context.abort(grpc.StatusCode.NOT_FOUND, f'model {request.name} is unknown')
        datatype, shape = MODELS[request.name]
        response = service_pb2.ModelMetadataResponse(name=request.name, versions=['1'])
        response.inputs.add(name='x', datatype=datatype, shape=shape)
        name = 'x' if request.name == 'twins' else 'y'
        response.outputs.add(name=name, datatype=datatype, shape=shape)
        return response

    def ModelReady(self, request, context):
        return service_pb2.ModelReadyResponse(ready=True)

    def ModelConfig(self, request, context):
        if self.config is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, 'an extension of Triton')
        return service_pb2.ModelConfigResponse(config=self.config)

    def RepositoryIndex(self, request, context):
        context.abort(grpc.StatusCode.UNIMPLEMENTED, 'an extension of Triton')

    def SystemSharedMemoryRegister(self, request, context):
        path = f'/dev/shm{request.key}'
        if not self.shared_memory or not os.path.exists(path):
            context.abort(grpc.StatusCode.INTERNAL, f'no shared memory {request.key}')
        if request.name in self.regions:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, f'region {request.name} is known')
        with open(path, 'r+b') as file:
            self.regions[request.name] = mmap.mmap(file.fileno(), request.byte_size)
        return service_pb2.SystemSharedMemoryRegisterResponse()

    def SystemSharedMemoryUnregister(self, request, context):
        assert request.name, 'all regions of all clients'
        self.regions.pop(request.name, None)
        return service_pb2.SystemSharedMemoryUnregisterResponse()

    def SystemSharedMemoryStatus(self, request, context):
        response = service_pb2.SystemSharedMemoryStatusResponse()
        for name, memory in self.regions.items():
            region = response.regions[name]
            region.name, region.key, region.byte_size = name, f'/{name}', len(memory)
        return response

    def ModelInfer(self, request, context):
        self.inferences += 1
        if self.gate is not None:
            self.gate.wait(30)
        x, = request.inputs
        region = self._region(x, context)
        raw = request.raw_input_contents[0] if region is None else region
        if request.model_name == 'failing' and (np.frombuffer(raw, np.float32) == 100).all():
            context.abort(grpc.StatusCode.INTERNAL, 'it cannot take\n  a hundred')
        response = service_pb2.ModelInferResponse(model_name=request.model_name)
        y = response.outputs.add(name='y', datatype=x.datatype, shape=x.shape)
        target = self._region(request.outputs[0], context, write=raw)
        if self.typed and x.datatype in FIELDS:
            numbers = np.frombuffer(raw, NUMPY[x.datatype])
            getattr(y.contents, FIELDS[x.datatype]).extend(numbers.tolist())
        elif target is None:
            response.raw_output_contents.append(raw)
        else:
            response.raw_output_contents.append(b'')   # as Triton does
        if self.spoil is not None:
            self.spoil(response)
        return response

    def _region(self, tensor, context, write=None):
        """Return the bytes of a tensor in shared memory, or write them; None: it is not there."""
        name = tensor.parameters['shared_memory_region'].string_param
        if not name:
            return None
        if name not in self.regions:
            context.abort(grpc.StatusCode.NOT_FOUND, f'no region {name}')
        size = tensor.parameters['shared_memory_byte_size'].int64_param
        if write is not None:
            self.regions[name][:size] = write
        return self.regions[name][:size]


class Proxy:
    """A TCP road to a port that can go silent: connections stay open and carry nothing."""

    def __init__(self, port):
        self._target = port
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.port = self._listener.getsockname()[1]
        self._sockets = []
        self._silent = set()
        self.ended = 0     # connections that the client has closed
        self._threads = []
        self._spawn(self._accept)

    def freeze(self):
        """Let the connections that there are now carry nothing any more."""
        self._silent |= {*self._sockets}

    @property
    def connections(self):
        return len(self._sockets) // 2

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(10)
        for each in self._sockets:
            each.close()

    def _spawn(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments, name='proxy', daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(('127.0.0.1', self._target))
            self._sockets += [near, far]
            self._spawn(self._carry, near, far, True)
            self._spawn(self._carry, far, near)

    def _carry(self, source, target, is_near=False):
        try:
            while data := source.recv(65536):
                if source not in self._silent:
                    target.sendall(data)
            self.ended += is_near
            if source not in self._silent:
                target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
