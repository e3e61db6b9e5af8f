# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The ONNX model that is to be converted: read, checked, its open shapes closed in a copy."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import hashlib
from pathlib import Path
from typing import Any

from faster_deploy_ros.cores.source import check_source, one_line
from faster_deploy_ros.errors import BlobMismatch, LoadFailed
from faster_deploy_ros.tasks import card_beside
import onnx
from onnx import TensorProto
import yaml

TITLE = 'convert'
INTEGER = frozenset({
    'ConvInteger', 'DynamicQuantizeLinear', 'MatMulInteger', 'QLinearConv', 'QLinearMatMul',
    'QuantizeLinear'})


@dataclass(frozen=True)
class Original:
    """
    An ONNX model that was read and found to be one.

    :param inputs: their shapes by name, -1 where a dimension is open.
    :param sha256: of the file, its external weights not included.
    """

    path: Path
    inputs: Mapping[str, tuple[int, ...]]
    sha256: str


def read_original(path: Path) -> Original:
    """
    Read and check a model.

    :raises LoadFailed: it is missing, no ONNX model, cut short, lacks a file of its weights, or
        has operators that ONNX does not know.
    """
    check_source(TITLE, path)
    if path.suffix.lower() != '.onnx':
        raise LoadFailed(
            f"{TITLE}: got '{path}', expected an .onnx file: other models are exported to ONNX by "
            'the framework that trained them')
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:   # protobuf's own classes
        raise LoadFailed(
            f"{TITLE}: '{path}' is no ONNX model, or cut short ({one_line(error)}): compare its "
            'size with the original and copy it again') from error
    if not model.graph.node:
        raise LoadFailed(
            f"{TITLE}: '{path}' has no graph: it is no ONNX model, or cut short; copy it again")
    _check_weights(path, model.graph)
    try:
        onnx.checker.check_model(str(path))
    except Exception as error:
        raise LoadFailed(
            f"{TITLE}: '{path}' is not valid ONNX: {one_line(error)[:400]}. Export it again, "
            'perhaps for an older opset') from error
    inputs = {each.name: _shape(each) for each in fed_inputs(model.graph)}
    with path.open('rb') as stream:
        digest = hashlib.sha256()
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return Original(path, inputs, digest.hexdigest())


def quantised_by(path: Path) -> str:
    """Return the operators that say that a model has been quantised before, ``''`` for none."""
    graph = onnx.load(path, load_external_data=False).graph
    return ', '.join(sorted(INTEGER & {node.op_type for node in graph.node}))


def fed_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """Return the inputs that a caller feeds; old exports list the weights among them."""
    weights = {each.name for each in graph.initializer}
    return [each for each in graph.input if each.name not in weights]


def closed_copy(
        original: Original, shapes: Mapping[str, tuple[int, ...]], folder: Path) -> Original:
    """
    Return the model with these inputs closed, as a copy in ``folder``; itself where none is named.

    The card beside it is copied too, but for the sha256, which is of the original's file.

    :raises BlobMismatch: a shape is for no input of the model, or contradicts it.
    :raises LoadFailed: the card cannot be read.
    """
    if not shapes:
        return original
    for name, shape in shapes.items():
        _check_shape(original, name, shape)
    model = onnx.load(original.path)
    names: dict[str, int] = {}   # the words that the model uses for sizes
    for each in model.graph.input:
        for dimension, size in zip(_dimensions(each), shapes.get(each.name, ())):
            if dimension.dim_param:
                names[dimension.dim_param] = size
            dimension.dim_value = size
    for each in (*model.graph.input, *model.graph.output):
        for dimension in _dimensions(each):
            if dimension.dim_param in names:
                dimension.dim_value = names[dimension.dim_param]
    del model.graph.value_info[:]
    is_large = model.ByteSize() > 1 << 30
    path = folder / original.path.name
    if not is_large:
        model = onnx.shape_inference.infer_shapes(model)
    onnx.save(model, path, save_as_external_data=is_large)
    if card_beside(original.path) is not None:
        page = yaml.safe_load(original.path.with_suffix('.yaml').read_text(encoding='utf-8'))
        page.pop('sha256', None)
        path.with_suffix('.yaml').write_text(yaml.safe_dump(page), encoding='utf-8')
    inputs = {each.name: _shape(each) for each in fed_inputs(model.graph)}
    return Original(path, inputs, original.sha256)


def _check_shape(original: Original, name: str, shape: tuple[int, ...]) -> None:
    own = original.inputs.get(name)
    text = 'x'.join(map(str, shape))
    if own is None:
        raise BlobMismatch(
            f"{TITLE}: --shape {name}={text}: the model has no input '{name}', expected one of "
            f"{', '.join(original.inputs)}")
    if len(own) != len(shape) or any(have not in (-1, want) for have, want in zip(own, shape)):
        declared = 'x'.join('?' if size == -1 else str(size) for size in own)
        raise BlobMismatch(
            f'{TITLE}: --shape {name}={text}: the model declares {declared}, expected a shape '
            'that agrees with it (?: any size)')


def _check_weights(path: Path, graph: Any) -> None:
    """Refuse a model whose weights lie in a file that is not there."""
    for name in sorted(set(_external_files(graph.initializer))):
        if not (path.parent / name).is_file():
            raise LoadFailed(
                f"{TITLE}: '{path}' has its weights in the file '{name}', and that is not beside "
                'it; copy both')


def _external_files(tensors: Iterable[Any]) -> Iterable[str]:
    for tensor in tensors:
        if tensor.data_location == TensorProto.EXTERNAL:
            for entry in tensor.external_data:
                if entry.key == 'location':
                    yield entry.value


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(
        dimension.dim_value if dimension.HasField('dim_value') and dimension.dim_value > 0 else -1
        for dimension in _dimensions(value))


def _dimensions(value: Any) -> Any:
    return value.type.tensor_type.shape.dim
