# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How a Rockchip NPU takes and gives the tensors that its model file or a user describes."""

from collections.abc import Mapping, Sequence
import json
import re
from typing import Any

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores.rknn.file import FileTensor, RknnFile
from faster_deploy_ros.errors import BadValue, LoadFailed, Unsupported
import numpy as np
from numpy.typing import NDArray

IMAGE_CHANNELS = (1, 3, 4)
DTYPES = ('uint8', 'int8', 'int16', 'float16', 'float32', 'int32', 'int64')
LEVELS = 255.0   # steps between the lowest and the highest value of 8 bits
_SIZES = re.compile(r'[1-9][0-9]*(x[1-9][0-9]*)*')
EXAMPLE = 'inputs=images:uint8:1x416x416x3'


def input_specs(title: str, words: Sequence[str], described: RknnFile) -> list[BlobSpec]:
    """
    Return the inputs as the NPU takes them: as the user says, else as the file does.

    :param words: ``name:dtype:sizes`` each, or none.
    :raises BadValue: a word that cannot be read.
    :raises LoadFailed: neither says anything.
    :raises Unsupported: the file was made for several shapes, and the user chooses none.
    """
    if words:
        return [_from_word(title, word) for word in words]
    if described.is_dynamic:
        shapes = ', '.join(f'{each.name} {list(each.shape)}' for each in described.inputs)
        raise Unsupported(
            f'{title}: the model was made for several shapes ({shapes} and others), expected one; '
            f'convert it for one, or choose by the option inputs, as in {EXAMPLE}')
    if not described.inputs:
        raise LoadFailed(
            f'{title}: the file does not tell its inputs in a way known here (container '
            f'{described.container}); say them, as in ?{EXAMPLE}&outputs=output')
    return [_from_file(tensor) for tensor in described.inputs]


def output_names(
        title: str, words: Sequence[str], described: RknnFile, count: int) -> Sequence[str]:
    """
    Return the names of the outputs: by the user, by the file, else ``output0`` and so on.

    :param count: how many the runtime has given.
    :raises BadValue: the user names another number of them.
    """
    if words and len(words) != count:
        raise BadValue(
            f"{title}: option outputs: got {len(words)} names ({','.join(words)}), the model has "
            f'{count} outputs')
    names = words or tuple(each.name for each in described.outputs)
    return names if len(names) == count else [f'output{index}' for index in range(count)]


def output_spec(title: str, name: str, result: NDArray[Any], described: RknnFile) -> BlobSpec:
    """
    Return the spec of an output that the runtime has just given.

    :raises Unsupported: raw 8-bit numbers whose range nobody knows.
    """
    dtype = result.dtype
    if _is_raw(result.dtype):
        tensor = _named(described.outputs, name)
        if tensor is None or tensor.limits is None:
            raise Unsupported(
                f"{title}: output '{name}' came as raw {dtype}, and the file does not tell its "
                'range; export it with a float output')
        dtype = np.dtype(np.float32)
    elif dtype.kind == 'f':
        dtype = np.dtype(np.float32)
    return BlobSpec(name, dtype, result.shape, is_input=False)


def as_declared(spec: BlobSpec, result: NDArray[Any], described: RknnFile) -> NDArray[Any]:
    """Return one output of the runtime as its spec promises it: float32 and contiguous."""
    if _is_raw(result.dtype) and spec.dtype == np.float32:
        tensor = _named(described.outputs, spec.name)
        assert tensor is not None   # output_spec has looked
        assert tensor.limits is not None
        return dequantised(result, tensor.limits)
    return np.ascontiguousarray(result, spec.dtype)


def dequantised(raw: NDArray[Any], limits: tuple[float, float]) -> NDArray[np.float32]:
    """
    Turn 8-bit steps into the values that they stand for.

    :param raw: int8 or uint8, any shape.
    :param limits: the values of the lowest and the highest step.
    """
    low, high = limits
    lowest = np.float32(np.iinfo(raw.dtype).min)
    step = np.float32((high - low) / LEVELS)
    values: NDArray[np.float32] = (raw.astype(np.float32) - lowest) * step + np.float32(low)
    return values


def metadata(described: RknnFile) -> Mapping[str, str]:
    """
    Return what the file says beside its tensors.

    ``input_mean`` and ``input_std`` are what the model itself takes off the bytes of its only
    input, and divides them by, as JSON lists.
    """
    found = {'toolkit': described.toolkit, 'target': ','.join(described.targets)}
    if len(described.inputs) == 1:
        image = described.inputs[0]
        if image.mean is not None and image.std is not None:
            found['input_mean'] = json.dumps(list(image.mean))
            found['input_std'] = json.dumps(list(image.std))
    return found


def _from_word(title: str, word: str) -> BlobSpec:
    name, dtype, sizes = (['', '', *word.rsplit(':', 2)])[-3:]
    if not name or dtype not in DTYPES or not _SIZES.fullmatch(sizes):
        raise BadValue(
            f"{title}: option inputs: got '{word}', expected name:dtype:sizes with one of "
            f"{', '.join(DTYPES)}, as in {EXAMPLE}")
    shape = tuple(map(int, sizes.split('x')))
    return BlobSpec(name, np.dtype(dtype), shape, True, 'NHWC' if len(shape) == 4 else '')


def _from_file(tensor: FileTensor) -> BlobSpec:
    """Turn a tensor of the original model into what RKNNLite takes for it."""
    shape = tensor.shape
    if len(shape) != 4:
        kind = np.dtype(tensor.dtype if tensor.dtype in DTYPES else 'float32')
        return BlobSpec(tensor.name, kind, shape, True)
    # Four dimensions are always NHWC to the runtime. Bytes are what a picture is made of; other
    # maps of features go in as numbers.
    kind = np.dtype('uint8' if shape[1] in IMAGE_CHANNELS else 'float32')
    return BlobSpec(tensor.name, kind, (shape[0], *shape[2:], shape[1]), True, 'NHWC')


def _is_raw(dtype: np.dtype[Any]) -> bool:
    return dtype in (np.int8, np.uint8)


def _named(tensors: Sequence[FileTensor], name: str) -> FileTensor | None:
    return next((each for each in tensors if each.name == name), None)
