# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Run an ncnn model once, layer by layer, asking each whether it can before it does."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from faster_deploy_ros.cores.ncnn.layers import complaint, reads_findings, wrong_settings
from faster_deploy_ros.cores.ncnn.param import Layer
from faster_deploy_ros.errors import LoadFailed, Unsupported
import numpy as np
from numpy.typing import NDArray

CODES: Mapping[int, str] = {-100: 'out of memory, or a blob came out empty'}


def try_layers(
        title: str, net: Any, new_mat: Callable[..., Any], layers: Sequence[Layer],
        shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """
    Run the net once on zeros, one layer after the other, and return the shape of each blob.

    Each layer is asked before it runs whether it can: most would read beyond their weights.

    :param new_mat: ncnn's class of blobs.
    :param shapes: of the inputs, by name, as ncnn has them.
    :raises LoadFailed: a layer cannot run on what it gets.
    """
    found = dict(shapes)
    zeros = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    indices = {blob.name: index for index, blob in enumerate(net.blobs())}
    extractor = net.create_extractor()
    extractor.set_light_mode(False)   # keeps what has been computed
    for name, array in zeros.items():
        extractor.input(indices[name], new_mat(array))
    sizes = ', '.join(f"'{name}' {(1, *shape)}" for name, shape in shapes.items())
    for layer in layers:
        wrong = complaint(layer, [found[name] for name in layer.bottoms])
        if wrong:
            raise LoadFailed(
                f'{title}: {layer.title} {wrong}. The input was {sizes}: if the model is for '
                'another size, say so (?input=1x3x416x416), else the files are damaged')
        for name in layer.tops:
            mat = new_mat()
            code = 0 if name in shapes else extractor.extract(indices[name], mat)
            if code:
                raise LoadFailed(
                    f'{title}: {layer.title} fails with {code} '
                    f'({CODES.get(code, "ncnn printed why to stderr")}) on inputs of {sizes}; is '
                    'that the size that the model is for? If not, say so: ?input=1x3x416x416')
            if name not in shapes:
                found[name] = array_of(mat).shape
    return found


def array_of(mat: Any) -> NDArray[np.float32]:
    """Return what lies in a blob, without a copy; the array keeps the blob alive."""
    if mat.dims == 0:
        return np.empty(0, np.float32)
    if mat.elemsize != 4 or mat.elempack != 1:
        raise Unsupported(
            f'ncnn: a blob came with {mat.elemsize} bytes an element, expected float32')
    array: NDArray[np.float32] = np.asarray(mat)
    return array


def check_layers(
        title: str, layers: Sequence[Layer], index_of: Callable[[str], int],
        version: str) -> None:
    """
    Refuse layers that ncnn has not, or that cannot be where they are.

    :param index_of: ncnn's own; below 0 for a layer that this version has not.
    :raises LoadFailed: a layer is not known, or has settings that are no layer's.
    :raises Unsupported: a layer behind one that may find nothing.
    """
    unknown = sorted({each.kind for each in layers if index_of(each.kind) < 0})
    if unknown:
        raise LoadFailed(
            f"{title}: ncnn {version} has no layer {', '.join(unknown)}; convert the "
            'model again (faster-deploy convert MODEL.onnx --to ncnn), or install a newer ncnn')
    for layer in layers:
        if wrong := wrong_settings(layer):
            raise LoadFailed(
                f'{title}: {layer.title} {wrong}; the param is damaged: copy it again')
    if found := reads_findings(layers):
        raise Unsupported(
            f'{title}: {found[1].title} reads what {found[0].title} finds, which may be nothing, '
            'and that ends the process; convert the model without its last layers')


def check_arity(title: str, net: Any, layers: Sequence[Layer]) -> None:
    """Refuse several blobs where a layer is for one; an ncnn of 2025 would read beyond them."""
    for layer, own in zip(layers, net.layers()):
        if own.one_blob_only and layer.bottoms and (len(layer.bottoms), len(layer.tops)) != (1, 1):
            raise LoadFailed(
                f'{title}: {layer.title} reads {len(layer.bottoms)} blobs and makes '
                f'{len(layer.tops)}, expected one and one; the param is damaged')
