# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Real models with one mistake each, as a converter or its user makes it."""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto
import yaml


def write(model, path, card=None):
    """Write an edited model, and a card beside it where one is given; return the path."""
    onnx.save(model, str(path))
    if card is not None:
        path.with_suffix('.yaml').write_text(yaml.safe_dump(card), encoding='utf-8')
    return path


def before(model, nodes, weights=(), shape=None):
    """
    Put nodes between the input and the model.

    :param nodes: from ``given`` to ``image``.
    :param shape: what the input declares; None: as it did.
    """
    name = model.graph.input[0].name
    image = f'image_{len(model.graph.node)}'   # its own, if more than one mistake is planted
    for node in model.graph.node:
        node.input[:] = [image if each == name else each for each in node.input]
    rest = list(model.graph.node)
    del model.graph.node[:]
    made = [renamed(renamed(node, 'given', name), 'image', image) for node in nodes]
    model.graph.node.extend(made)
    model.graph.node.extend(rest)
    model.graph.initializer.extend(weights)
    if shape is not None:
        model.graph.input[0].CopyFrom(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    return model


def after(model, nodes, weights=(), shape=None):
    """Put nodes, from ``raw`` to ``said``, between the model and its output."""
    name = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = ['raw' if each == name else each for each in node.output]
        node.input[:] = ['raw' if each == name else each for each in node.input]
    model.graph.node.extend(renamed(node, 'said', name) for node in nodes)
    model.graph.initializer.extend(weights)
    if shape is not None:
        model.graph.output[0].CopyFrom(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    return model


def renamed(node, old, new):
    """Rename a tensor of a node."""
    node.input[:] = [new if each == old else each for each in node.input]
    node.output[:] = [new if each == old else each for each in node.output]
    return node


def constant(name, values, dtype=np.float32):
    """Make a weight."""
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def other_colours(model):
    """Exchange red and blue: the converter was told that the model wants the other order."""
    return before(
        model, [helper.make_node('Gather', ['given', 'order'], ['image'], axis=1)],
        [constant('order', [2, 1, 0], np.int64)])


def scaled(model, factor):
    """Multiply the image: the converter was told a normalisation that is done outside too."""
    return before(
        model, [helper.make_node('Mul', ['given', 'factor'], ['image'])],
        [constant('factor', factor)])


def nhwc_memory(model):
    """Take the memory of a declared NCHW input for NHWC."""
    batch, channels, height, width = input_shape(model)
    return before(
        model, [helper.make_node('Reshape', ['given', 'lies'], ['pixels']),
                helper.make_node('Transpose', ['pixels'], ['image'], perm=(0, 3, 1, 2))],
        [constant('lies', [batch, height, width, channels], np.int64)])


def nchw_memory(model):
    """Take the memory of an input that is declared NHWC for NCHW."""
    batch, channels, height, width = input_shape(model)
    return before(
        model, [helper.make_node('Reshape', ['given', 'lies'], ['image'])],
        [constant('lies', [batch, channels, height, width], np.int64)],
        shape=(batch, height, width, channels))


def nhwc_input(model):
    """Declare the input as NHWC and mean it: no mistake."""
    batch, channels, height, width = input_shape(model)
    return before(
        model, [helper.make_node('Transpose', ['given'], ['image'], perm=(0, 3, 1, 2))],
        shape=(batch, height, width, channels))


def byte_input(model):
    """Declare the input as bytes in NHWC, as NPUs have it: no mistake."""
    if model.graph.input[0].type.tensor_type.shape.dim[3].dim_value != 3:
        nhwc_input(model)
    before(model, [helper.make_node('Cast', ['given'], ['image'], to=TensorProto.FLOAT)])
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    return model


def collapsed(model, factor):
    """Flatten the scores, as 8 bits do that have to hold boxes of hundreds too."""
    axis, columns = class_axis(model)
    shape = [1, 1, 1]
    shape[axis] = columns
    factors = np.ones(columns)
    factors[4:] = factor
    return after(
        model, [helper.make_node('Mul', ['raw', 'factors'], ['said'])],
        [constant('factors', factors.reshape(shape))])


def eight_bits(model, top):
    """
    Round the whole output to 255 steps of one scale, boxes and scores alike.

    :param top: the largest number that fits.
    """
    return after(
        model, [helper.make_node('Div', ['raw', 'step'], ['steps']),
                helper.make_node('Floor', ['steps'], ['whole']),
                helper.make_node('Mul', ['whole', 'step'], ['said'])],
        [constant('step', top / 255)])


def one_class_less(model, which=0):
    """Cut one class out of the output."""
    axis, columns = class_axis(model)
    shape = [each.dim_value for each in model.graph.output[0].type.tensor_type.shape.dim]
    shape[axis] -= 1
    kept = [index for index in range(columns) if index != columns - 1 - which]
    return after(
        model, [helper.make_node('Gather', ['raw', 'kept'], ['said'], axis=axis)],
        [constant('kept', kept, np.int64)], shape)


def transposed(model):
    """Exchange rows and columns of the output."""
    shape = [each.dim_value for each in model.graph.output[0].type.tensor_type.shape.dim]
    return after(
        model, [helper.make_node('Transpose', ['raw'], ['said'], perm=(0, 2, 1))],
        shape=(shape[0], shape[2], shape[1]))


def logits(model):
    """Take the sigmoid off the scores."""
    axis, columns = class_axis(model)
    parts = {'boxes': np.arange(4), 'scores': np.arange(4, columns)}
    return after(
        model,
        [*(helper.make_node('Gather', ['raw', f'{name}_columns'], [name], axis=axis)
           for name in parts),
         helper.make_node('Clip', ['scores', 'least', 'most'], ['inside']),
         helper.make_node('Sub', ['one', 'inside'], ['rest']),
         helper.make_node('Div', ['inside', 'rest'], ['odds']),
         helper.make_node('Log', ['odds'], ['logits']),
         helper.make_node('Concat', ['boxes', 'logits'], ['said'], axis=axis)],
        [*(constant(f'{name}_columns', columns, np.int64) for name, columns in parts.items()),
         constant('least', 1e-6), constant('most', 1 - 1e-6), constant('one', 1)])


def overflowing(model, limit):
    """Let all numbers over a limit become infinite, as fp16 does from 65504 on."""
    return after(
        model, [helper.make_node('Greater', ['raw', 'limit'], ['over']),
                helper.make_node('Where', ['over', 'infinite', 'raw'], ['said'])],
        [constant('limit', limit), constant('infinite', np.inf)])


def noisy(model, size):
    """Disturb every weight of a convolution a little, as rounding to 8 bits does."""
    rng = np.random.default_rng(0)
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.ndim == 4:
            spread = np.abs(values).max(axis=(1, 2, 3), keepdims=True)
            noise = rng.uniform(-size, size, values.shape) * spread
            weight.CopyFrom(numpy_helper.from_array(
                (values + noise).astype(values.dtype), weight.name))
    return model


def input_shape(model):
    """Return the sizes of the input."""
    return [each.dim_value for each in model.graph.input[0].type.tensor_type.shape.dim]


def class_axis(model):
    """Return the axis of the output that holds a box and its scores, and its length."""
    shape = [each.dim_value for each in model.graph.output[0].type.tensor_type.shape.dim]
    axis = 1 if shape[1] < shape[2] else 2
    return axis, shape[axis]


def load(path):
    """Read a model to edit."""
    return onnx.load(str(Path(path)))
