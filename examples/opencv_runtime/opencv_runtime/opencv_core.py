# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""OpenCV DNN: a net for each seat; nothing to install where OpenCV is there already."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
from faster_deploy_ros.blobs import Blob, BlobsBuffer, BlobSpec
from faster_deploy_ros.cores import BaseInferCore, Capabilities, Device, LoadedModel
from faster_deploy_ros.cores.options import option
from faster_deploy_ros.cores.source import guess_layout
from faster_deploy_ros.errors import LoadFailed, Unsupported
import numpy as np
import onnx


@dataclass(frozen=True)
class OpenCvOptions:
    """What an ``opencv`` URI can ask for."""

    winograd: bool = option(True, 'convolutions by Winograd: faster, with other rounding')


class OpenCvCore(BaseInferCore):
    """
    An ONNX model in OpenCV: ``opencv://m.onnx?winograd=0``.

    A net is no two threads' thing, so each seat has its own, with its own copy of the weights.
    """

    scheme = 'opencv'
    options_type = OpenCvOptions
    capabilities: ClassVar[Capabilities] = Capabilities(
        external_blobs=True, from_bytes=True, versions={'opencv': cv2.__version__})

    @classmethod
    def devices(cls) -> Sequence[Device]:
        """List the CPU, the one place where every build of OpenCV runs."""
        return [Device(cls.scheme, 0, 'CPU', cls.capabilities)]

    def _load(self, source: Path | bytes) -> LoadedModel:
        self._model = source if isinstance(source, bytes) else source.read_bytes()
        self._net()   # what OpenCV refuses, it refuses here and not at the first frame
        graph = onnx.load_model_from_string(self._model).graph   # a net tells no input shapes
        weights = {each.name for each in graph.initializer}
        inputs = [each for each in graph.input if each.name not in weights]
        return LoadedModel(
            [self._spec(each, True) for each in inputs]
            + [self._spec(each, False) for each in graph.output])

    def _unload(self) -> None:
        self._model = b''

    def _allocate(self) -> BlobsBuffer:
        return BlobsBuffer(
            [Blob(spec) for spec in self._specs.values()], request=self._net(), owner=self)

    def _infer(self, blobs: BlobsBuffer) -> None:
        net = blobs.request
        for blob in blobs.inputs:
            net.setInput(blob.data, blob.spec.name)
        results = net.forward([blob.spec.name for blob in blobs.outputs])
        for blob, result in zip(blobs.outputs, results):
            np.copyto(blob.data, result)   # the net writes there again at the next inference

    def _net(self) -> 'cv2.dnn.Net':
        net = cv2.dnn.readNetFromONNX(np.frombuffer(self._model, np.uint8))
        if net.empty():
            raise LoadFailed(f'{self._name}: OpenCV cannot read it, expected an ONNX model')
        net.enableWinograd(self._options.winograd)
        return net

    def _spec(self, value: onnx.ValueInfoProto, is_input: bool) -> BlobSpec:
        tensor = value.type.tensor_type
        shape = tuple(each.dim_value or -1 for each in tensor.shape.dim)
        if -1 in shape:
            raise Unsupported(
                f"{self._name}: '{value.name}' has the open shape {shape}, which this runtime "
                'does not run; export the model with fixed shapes')
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        return BlobSpec(
            value.name, np.dtype(dtype), shape, is_input, guess_layout(shape) if is_input else '')
