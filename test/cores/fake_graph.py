# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The little ONNX graphs that the stand-in for TensorRT really computes, with numpy."""

import numpy as np
import onnx
from onnx import numpy_helper

OPERATORS = {
    'Identity': lambda x: x,
    'Add': lambda a, b: a + b,
    'Mul': lambda a, b: a * b,
    'Cast': lambda x: x,
    'Gather': lambda table, x: table[x],
    'NonZero': lambda x: np.stack(np.nonzero(x)).astype(np.int64),
    'QuantizeLinear': lambda x, scale, zero: np.clip(
        np.rint(x / scale) + zero, -128, 127).astype(np.int8),
    'DequantizeLinear': lambda x, scale, zero: ((x.astype(np.float32) - zero) * scale),
}
DEPENDS_ON_DATA = ('NonZero',)


class Graph:
    """
    An ONNX model as far as the stand-in needs it.

    :raises ValueError: it cannot be read; as the parser would put it.
    """

    def __init__(self, data):
        try:
            model = onnx.load_model_from_string(data)
        except Exception as error:
            raise ValueError('Failed to parse ONNX model from memory: protobuf') from error
        if not model.graph.node:
            raise ValueError('Failed to parse ONNX model: no graph')
        if model.opset_import[0].version > 25:
            raise ValueError('Unsupported opset version')
        self.nodes = list(model.graph.node)
        for node in self.nodes:
            if node.op_type not in OPERATORS:
                raise ValueError(
                    f'No importer registered for op: {node.op_type}. '
                    'Attempting to import as plugin.')
        self.weights = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
        self.inputs = {
            each.name: _describe(each) for each in model.graph.input
            if each.name not in self.weights}
        self.outputs = {each.name: _describe(each) for each in model.graph.output}

    @property
    def is_checked(self):
        """Whether a run can fail by its data."""
        return any(node.op_type == 'Gather' for node in self.nodes)

    @property
    def depends_on_data(self):
        return any(node.op_type in DEPENDS_ON_DATA for node in self.nodes)

    def run(self, inputs):
        """Return the outputs by name."""
        known = {**self.weights, **inputs}
        for node in self.nodes:
            result = OPERATORS[node.op_type](*(known[name] for name in node.input))
            if node.op_type == 'Cast':
                result = result.astype(
                    onnx.helper.tensor_dtype_to_np_dtype(node.attribute[0].i))
            known[node.output[0]] = result
        return {name: known[name] for name in self.outputs}

    def dtypes(self):
        """Return the dtype that each node gives: by a run on zeros, for shapes do not matter."""
        zeros = {name: np.zeros([max(n, 1) for n in shape], dtype)
                 for name, (dtype, shape) in self.inputs.items()}
        known = {**self.weights, **zeros}
        found = []
        for node in self.nodes:
            result = OPERATORS[node.op_type](*(known[name] for name in node.input))
            if node.op_type == 'Cast':
                result = result.astype(
                    onnx.helper.tensor_dtype_to_np_dtype(node.attribute[0].i))
            known[node.output[0]] = result
            found.append((node.op_type, np.asarray(result).dtype))
        return found


def _describe(value):
    tensor = value.type.tensor_type
    return (np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)),
            tuple(each.dim_value if each.HasField('dim_value') else -1
                  for each in tensor.shape.dim))
