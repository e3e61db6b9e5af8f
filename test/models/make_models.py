# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tiny ONNX models for tests: ``python test/models/make_models.py FOLDER`` writes them all."""

from collections.abc import Callable
from pathlib import Path
import sys

import numpy as np
from onnx import helper, numpy_helper, TensorProto

IR_VERSION = 8   # old enough for every runtime in use
OPSET = 13
ELEMENTS = {
    'float32': TensorProto.FLOAT, 'float64': TensorProto.DOUBLE, 'float16': TensorProto.FLOAT16,
    'int8': TensorProto.INT8, 'uint8': TensorProto.UINT8, 'int32': TensorProto.INT32,
    'int64': TensorProto.INT64, 'bool': TensorProto.BOOL, 'text': TensorProto.STRING}


def tensor(name, shape, dtype='float32'):
    """Declare one input or output; a word in the shape is an open dimension."""
    return helper.make_tensor_value_info(name, ELEMENTS[dtype], shape)


def model(nodes, inputs, outputs, *, weights=(), opset=OPSET, ir_version=IR_VERSION, **metadata):
    """Put a model together and return its bytes."""
    graph = helper.make_graph(nodes, 'tiny', inputs, outputs, list(weights))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)])
    made.ir_version = ir_version
    helper.set_model_props(made, metadata)
    return made.SerializeToString()


def identity(shape=(1, 3, 4, 5), dtype='float32', **how):
    """Return ``y = x``."""
    return model(
        [helper.make_node('Identity', ['x'], ['y'])],
        [tensor('x', shape, dtype)], [tensor('y', shape, dtype)], **how)


def dynamic_identity():
    """Return ``y = x`` for any batch, height and width."""
    return identity(('n', 3, 'h', 'w'))


def two_inputs():
    """Return ``total = left + right`` and ``product = left * right``."""
    return model(
        [helper.make_node('Add', ['left', 'right'], ['total']),
         helper.make_node('Mul', ['left', 'right'], ['product'])],
        [tensor('left', (2, 3)), tensor('right', (2, 3))],
        [tensor('total', (2, 3)), tensor('product', (2, 3))])


def nonzero():
    """Return the indices of what is not zero: an output whose shape depends on the data."""
    return model(
        [helper.make_node('NonZero', ['x'], ['where'])],
        [tensor('x', (8,))], [tensor('where', (1, 'found'), 'int64')])


def gather():
    """Return ``y = [0, 10, 20][x]``: fails in the runtime when x is out of range."""
    table = numpy_helper.from_array(np.array([0, 10, 20], np.float32), 'table')
    return model(
        [helper.make_node('Gather', ['table', 'x'], ['y'])],
        [tensor('x', (4,), 'int64')], [tensor('y', (4,))], weights=[table])


def wrong_outputs():
    """Return a model that takes images and gives what no detector does."""
    return model(
        [helper.make_node('GlobalAveragePool', ['images'], ['mean'])],
        [tensor('images', (1, 3, 64, 64))], [tensor('mean', (1, 3, 1, 1))])


def silent_yolox(batch=1, images=-1, answers=-1, **metadata):
    """
    Return a detector of three classes that never finds anything.

    :param batch: what it declares.
    :param images: how many it can take at once in truth; -1: any number.
    :param answers: for how many it answers.
    """
    numbers = {
        'rows': [images, 3 * 64 * 64], 'begin': [0], 'end': [84 * 8], 'axis': [1],
        'boxes': [-1, 84, 8]}
    weights = [numpy_helper.from_array(np.array(values, np.int64), name)
               for name, values in numbers.items()]
    weights += [numpy_helper.from_array(np.zeros(shape, np.float32), name)
                for name, shape in (('zero', 1), ('nothing', (max(answers, 1), 1)))]
    return model(
        # The end depends on the pixels, or a runtime would see the batch before it runs.
        [helper.make_node('ReduceMax', ['images'], ['highest'], keepdims=0),
         helper.make_node('Mul', ['highest', 'zero'], ['no_more']),
         helper.make_node('Cast', ['no_more'], ['no_more_whole'], to=TensorProto.INT64),
         helper.make_node('Add', ['end', 'no_more_whole'], ['last']),
         helper.make_node('Reshape', ['images', 'rows'], ['flat']),
         helper.make_node('Slice', ['flat', 'begin', 'last', 'axis'], ['some']),
         helper.make_node('Mul', ['some', 'nothing'], ['zeros']),
         helper.make_node('Reshape', ['zeros', 'boxes'], ['output'])],
        [tensor('images', (batch, 3, 64, 64))], [tensor('output', (batch, 84, 8))],
        weights=weights, **metadata)


def open_batch():
    """Return a model that declares any batch, and runs any."""
    return silent_yolox('n')


def batch_of_two():
    """Return a model that declares any batch, and runs two images only."""
    return silent_yolox('n', images=2)


def answers_for_two():
    """Return a model that declares any batch, and always answers for two images."""
    return silent_yolox('n', answers=2)


def text_input():
    """Return ``y = x`` for texts, which no blob can hold."""
    return identity((1,), 'text')


def with_metadata():
    """Return an identity that says something about itself."""
    return identity(names="{0: 'cone', 1: 'ball'}", stride='32')


def future_opset():
    """Return an identity from a time to come."""
    return identity(opset=99)


def future_ir():
    """Return an identity in a file format to come."""
    return identity(ir_version=99)


def weights_elsewhere():
    """Return a model whose weights are in a file that is not there."""
    weights = TensorProto(
        name='w', dims=(4, 4), data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    weights.external_data.add(key='location', value='weights.bin')
    return model(
        [helper.make_node('MatMul', ['x', 'w'], ['y'])],
        [tensor('x', (1, 4))], [tensor('y', (1, 4))], weights=[weights])


def unknown_operator():
    """Return a model with an operator that nobody has."""
    return model(
        [helper.make_node('Teleport', ['x'], ['y'])],
        [tensor('x', (1,))], [tensor('y', (1,))])


MODELS: dict[str, Callable[[], bytes]] = {each.__name__: each for each in (
    identity, dynamic_identity, two_inputs, nonzero, gather, wrong_outputs, text_input,
    silent_yolox, open_batch, batch_of_two, answers_for_two, with_metadata, future_opset,
    future_ir, weights_elsewhere, unknown_operator)}


def write(folder, name):
    """Write one model as ``<folder>/<name>.onnx`` and return the path."""
    path = Path(folder) / f'{name}.onnx'
    path.write_bytes(MODELS[name]())
    return path


if __name__ == '__main__':
    for each_name in MODELS:
        print(write(sys.argv[1], each_name))
