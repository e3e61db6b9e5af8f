# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What OpenVINO says about a model, in our words: tensors, metadata, reasons of refusal."""

from collections.abc import Collection, Mapping
import re
from typing import Any

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores.source import COPY_AGAIN, guess_layout
from faster_deploy_ros.errors import Unsupported
import numpy as np

DTYPES: Mapping[str, str] = {
    'f32': 'float32', 'f64': 'float64', 'f16': 'float16', 'i8': 'int8', 'u8': 'uint8',
    'i16': 'int16', 'u16': 'uint16', 'i32': 'int32', 'u32': 'uint32', 'i64': 'int64',
    'u64': 'uint64', 'boolean': 'bool'}
PLACE = re.compile(r"Exception from \S+:\d+:|Check '.*?' failed at \S+:\d+:|FrontEnd API failed "
                   r'with \w+:')
REMEDIES: tuple[tuple[str, str], ...] = (
    (r'No conversion rule|OpConversionFailure|unsupported operations|Cannot create \w+ layer',
     'It uses an operator that this openvino has not: another export, or another version'),
    (r'external data',
     'Its weights are in a second file: keep that file beside the model, and load from the path'),
    (r'bin file cannot be found|Empty weights',
     'An .xml needs its weights: keep the .bin of the same name beside it'),
    (r'Incorrect weights', 'Its .bin is cut short or belongs to another .xml: copy both again'),
    (r'While validating node',
     'Its weights are perhaps those of another model: an .xml and its .bin, copy both again'),
    (r"can't be parsed|Error parsing|at offset \d+|import of ONNX|Unable to read the model",
     COPY_AGAIN),
)


def spec_of(title: str, port: Any, is_input: bool, taken: Collection[str]) -> BlobSpec:
    """Turn OpenVINO's description of a tensor into ours."""
    name = _name_of(port, taken)
    what = f"{title}: {'input' if is_input else 'output'} '{name}'"
    dtype = DTYPES.get(port.element_type.get_type_name())
    if dtype is None:
        raise Unsupported(
            f'{what} is {port.element_type.get_type_name()}, expected one of '
            f"{', '.join(DTYPES.values())}")
    if port.partial_shape.rank.is_dynamic:
        raise Unsupported(f'{what} has no fixed number of dimensions; export it with one')
    shape = tuple(
        size.get_length() if size.is_static else -1 for size in port.partial_shape)
    said = re.sub(r'[\[\],]', '', str(port.node.layout)) if is_input else ''
    layout = said if len(said) == len(shape) and re.fullmatch('[A-Z]+', said) else (
        guess_layout(shape) if is_input else '')
    return BlobSpec(name, np.dtype(dtype), shape, is_input, layout)


def _name_of(port: Any, taken: Collection[str]) -> str:
    """Choose one of the several names, or none, that OpenVINO has for a tensor."""
    node = re.sub(r'/sink_port_\d+$', '', port.node.friendly_name)
    names = set(port.names) - set(taken)
    name = node if node in names or not names else min(names)
    return name if name not in taken else f'{name}:{port.node.friendly_name}'


def metadata_of(model: Any) -> dict[str, str]:
    """Flatten what the model says about itself; ONNX's own entries keep their own names."""
    found: dict[str, str] = {}

    def walk(prefix: str, node: Any) -> None:
        value = node.value if hasattr(node, 'value') else node
        if isinstance(value, Mapping):
            for key, inner in value.items():
                walk(f'{prefix}.{key}' if prefix else str(key), inner)
        else:
            found[prefix.removeprefix('framework.')] = str(value)

    for key, node in model.rt_info.items():
        walk(str(key), node)
    return found


class Said(Exception):
    """What the runtime has said, in one line and without the places in its own source."""

    def __init__(self, error: Exception) -> None:
        super().__init__(
            ' '.join(PLACE.sub(' ', str(error)).split())[:400] or type(error).__name__)


def explain(title: str, error: Exception) -> str:
    """Say in one line why a model was refused, and what to do about it."""
    text = str(Said(error)).rstrip('.!')
    for pattern, remedy in REMEDIES:
        if re.search(pattern, str(error), re.IGNORECASE):
            return f'{title}: openvino refuses the model: {text}. {remedy}'
    return f'{title}: openvino refuses the model: {text}'
