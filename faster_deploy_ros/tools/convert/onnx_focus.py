# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""YOLOX's Focus in an ONNX graph, four strided slices stacked on channels, as one convolution."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
import onnx
from onnx import helper, numpy_helper

ROWS, COLUMNS = 2, 3   # axes of an image tensor
FAR = 1 << 24          # no image has so many rows: an end beyond this is "to the end"
Place = tuple[int | None, int | None]   # of a pixel in its 2x2 square: row and column


def replace_focus(model: onnx.ModelProto) -> int:
    """
    Replace each Focus by a 2x2 convolution of stride 2 with weights 0 and 1, which is exact.

    Converters that know no strided slice leave the slices as they are, and then no model runs.

    :param model: changed in place.
    :returns: how many were replaced.
    """
    graph = model.graph
    channels = _channels(model)
    makers = {name: node for node in graph.node for name in node.output}
    numbers = _numbers(graph)
    found = 0
    for index, node in enumerate(list(graph.node)):
        source, places = _focus(node, makers, numbers)
        count = channels.get(source, 0)
        if not places or not count:
            continue
        name = f'{node.output[0]}_focus_weights'
        graph.initializer.append(numpy_helper.from_array(_weights(places, count), name))
        graph.node.remove(node)
        graph.node.insert(index, helper.make_node(
            'Conv', [source, name], [node.output[0]], name=f'{node.name or node.output[0]}_focus',
            kernel_shape=[2, 2], strides=[2, 2]))
        found += 1
    if found:
        _drop_unused(graph)
    return found


def _focus(
        node: onnx.NodeProto, makers: Mapping[str, onnx.NodeProto],
        numbers: Mapping[str, NDArray[Any]]) -> tuple[str, list[Place]]:
    """Return what a Concat stacks, if it is a Focus: one blob, and four places in its squares."""
    if node.op_type != 'Concat' or len(node.input) != 4 or _attribute(node, 'axis') not in (1, -3):
        return '', []
    sources, places = set(), []
    for name in node.input:
        source, place = _pixel(name, makers, numbers)
        sources.add(source)
        places.append(place)
    whole = {(row, column) for row in (0, 1) for column in (0, 1)}
    return (sources.pop(), places) if len(sources) == 1 and set(places) == whole else ('', [])


def _pixel(
        name: str, makers: Mapping[str, onnx.NodeProto],
        numbers: Mapping[str, NDArray[Any]]) -> tuple[str, Place]:
    """Follow a chain of slices to where it begins, and tell which pixel of each 2x2 it takes."""
    offsets: dict[int, int] = {}
    while (node := makers.get(name)) is not None and node.op_type == 'Slice':
        taken = _steps(node, numbers)
        if not taken or taken.keys() & offsets.keys():
            break
        offsets |= taken
        name = node.input[0]
    return name, (offsets.get(ROWS), offsets.get(COLUMNS))


def _steps(node: onnx.NodeProto, numbers: Mapping[str, NDArray[Any]]) -> dict[int, int]:
    """Return axis -> first index of a slice that takes every second row or column to the end."""
    if len(node.input) != 5 or not all(name in numbers for name in node.input[1:]):
        return {}
    starts, ends, axes, steps = (numbers[name].ravel().tolist() for name in node.input[1:])
    axes = [axis + 4 if axis < 0 else axis for axis in axes]
    fits = all(
        start in (0, 1) and end >= FAR and axis in (ROWS, COLUMNS) and step == 2
        for start, end, axis, step in zip(starts, ends, axes, steps))
    return dict(zip(axes, starts)) if fits else {}


def _weights(places: list[Place], channels: int) -> NDArray[np.float32]:
    """Return ``(4 c, c, 2, 2)``: each output channel is one pixel of one input channel."""
    weights = np.zeros((4 * channels, channels, 2, 2), np.float32)
    for group, (row, column) in enumerate(places):
        for channel in range(channels):
            weights[group * channels + channel, channel, row, column] = 1
    return weights


def _numbers(graph: onnx.GraphProto) -> dict[str, NDArray[Any]]:
    """Return the whole numbers that the graph holds, by name: where slices begin and end."""
    found = {
        each.name: numpy_helper.to_array(each) for each in graph.initializer
        if each.data_type in (onnx.TensorProto.INT64, onnx.TensorProto.INT32)}
    for node in graph.node:
        if node.op_type == 'Constant' and isinstance(
                value := _attribute(node, 'value'), onnx.TensorProto):
            found[node.output[0]] = numpy_helper.to_array(value)
    return found


def _channels(model: onnx.ModelProto) -> dict[str, int]:
    """Return the channels of every float image tensor whose shape is known."""
    try:
        graph = onnx.shape_inference.infer_shapes(model).graph
    except Exception:   # a graph that it cannot follow: the inputs are known all the same
        graph = model.graph
    found = {}
    for each in (*graph.input, *graph.value_info):
        kind = each.type.tensor_type
        sizes = [size.dim_value for size in kind.shape.dim]
        if len(sizes) == 4 and sizes[1] > 0 and kind.elem_type == onnx.TensorProto.FLOAT:
            found[each.name] = sizes[1]
    return found


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Remove the slices that nobody reads any more."""
    outputs = {each.name for each in graph.output}
    while True:
        read = outputs | {name for node in graph.node for name in node.input}
        idle = [node for node in graph.node if not read & set(node.output)]
        if not idle:
            return
        for node in idle:
            graph.node.remove(node)


def _attribute(node: onnx.NodeProto, name: str) -> Any:
    for each in node.attribute:
        if each.name == name:
            return helper.get_attribute_value(each)
    return None
