# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The expected value that YOLOv8 takes by a convolution, written as the sum that it is."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper


def replace_dfl(model: onnx.ModelProto) -> int:
    """
    Replace each one-filter convolution that only weighs and sums its channels, in place.

    YOLOv8's distances are the mean of a distribution over 16 bins: a 1x1 convolution with the
    weights 0 to 15 and no bias, its one channel dropped by a reshape after it. Multiply and
    ReduceSum are the same to the bit order of the sum; toolkit 2.5 of Rockchip fails on the
    convolution (IndexError in its rule for a convolution, a reshape and a split).

    :param model: changed in place.
    :returns: how many were replaced.
    """
    graph = model.graph
    weights = {each.name: each for each in graph.initializer}
    opset = max((each.version for each in model.opset_import if not each.domain), default=13)
    count = 0
    for conv, reshape in list(_pairs(model, weights)):
        name, bins = conv.name or conv.output[0], numpy_helper.to_array(weights[conv.input[1]])
        graph.initializer.append(numpy_helper.from_array(
            np.ascontiguousarray(bins.reshape(1, -1, 1, 1)), f'{name}_bins'))
        weighed = helper.make_node(
            'Mul', [conv.input[0], f'{name}_bins'], [f'{name}_weighed'], name=f'{name}_weigh')
        axes: dict[str, Any] = {'axes': [1]}
        inputs = [weighed.output[0]]
        if opset >= 13:   # there the axes are an input
            axes = {}
            inputs.append(f'{name}_axes')
            graph.initializer.append(numpy_helper.from_array(
                np.array([1], np.int64), inputs[1]))
        total = helper.make_node(
            'ReduceSum', inputs, [reshape.output[0]], name=f'{name}_sum', keepdims=0, **axes)
        at = list(graph.node).index(conv)
        graph.node.remove(conv)
        graph.node.remove(reshape)
        graph.node.insert(at, weighed)
        graph.node.insert(at + 1, total)
        count += 1
    return count


def _pairs(
        model: onnx.ModelProto, weights: Mapping[str, Any]
) -> Iterator[tuple[onnx.NodeProto, onnx.NodeProto]]:
    """Yield such convolutions, each with the reshape that drops its channel."""
    graph = model.graph
    shapes = {
        each.name: [size.dim_value for size in each.type.tensor_type.shape.dim]
        for each in onnx.shape_inference.infer_shapes(model).graph.value_info}
    for conv in graph.node:
        if conv.op_type != 'Conv' or len(conv.input) != 2 or conv.input[1] not in weights:
            continue
        readers = [node for node in graph.node if conv.output[0] in node.input]
        one_filter = weights[conv.input[1]].dims
        if (one_filter[0] == 1 and list(one_filter[2:]) == [1, 1] and len(readers) == 1
                and readers[0].op_type == 'Reshape'):
            before, after = shapes.get(conv.output[0]), shapes.get(readers[0].output[0])
            if before and after and [before[0], *before[2:]] == after:
                yield conv, readers[0]
