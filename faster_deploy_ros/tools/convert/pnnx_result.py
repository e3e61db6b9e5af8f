# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What pnnx has written, made whole: names, order and shapes of the original model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
import re

from faster_deploy_ros.cores.ncnn.param import INPUT, Layer, outputs_of, WHOLE
from faster_deploy_ros.errors import ConvertFailed

NO_BATCH = 233   # pnnx's word for: this tensor has no batch axis
WIDTH, HEIGHT, CHANNELS, DEPTH = 0, 1, 2, 11   # settings of an Input layer


@dataclass(frozen=True)
class Tensor:
    """One input or output of the original model; -1 where a dimension is open."""

    name: str
    shape: tuple[int, ...]
    dtype: str = 'float32'


def refuse_leftovers(layers: Sequence[Layer]) -> None:
    """
    Refuse operators that pnnx has only passed on.

    It names them with dots (``Tensor.slice``), or leaves ONNX's own: ``NonZero NonZero_1``. Some
    of these are layers of ncnn with another meaning: ArgMax.

    :raises ConvertFailed: the message names them.
    """
    left = sorted({
        layer.kind for layer in layers
        if re.search('[.:]', layer.kind)
        or re.fullmatch(rf'{re.escape(layer.kind)}_\d+', layer.name)})
    if left:
        raise ConvertFailed(
            f"convert: ncnn has no layer for {', '.join(left)}, which pnnx left in the model; "
            'export it without them (mostly they come after the last convolution), or choose '
            'another runtime')


def read_batches(script: str) -> dict[str, int]:
    """
    Read from pnnx's own test script which axis of each tensor it took for the batch.

    :returns: by pnnx's names (``in0``, ``out0``) 0, another axis, or NO_BATCH.
    """
    found: dict[str, int] = {}
    for line in script.splitlines():
        name = re.search(r'ex\.input\("(\w+)"|from_numpy\((?:np\.array\()?(\w+)', line)
        if name is None:
            continue
        axis = re.search(r'batch_index=(\d+)|squeeze\((\d+)\)', line)
        found[name[1] or name[2]] = int(axis[1] or axis[2]) if axis else NO_BATCH
    return found


def finish(
        layers: Sequence[Layer], inputs: Sequence[Tensor], outputs: Sequence[Tensor],
        batches: Mapping[str, int]) -> tuple[Layer, ...]:
    """
    Give the blobs their names, the Input layers their shapes and the outputs their order.

    :param batches: of ``read_batches``.
    :raises ConvertFailed: pnnx has lost an input or output, or moved the batch axis.
    """
    names = {f'in{n}': each for n, each in enumerate(inputs)}
    ends = {f'out{n}': each for n, each in enumerate(outputs)}
    made = {name for layer in layers for name in layer.tops}
    for name, each in (names | ends).items():
        if name not in made:
            raise ConvertFailed(
                f"convert: pnnx has left '{each.name}' out: the outputs do not depend on it, or "
                'it is a constant; export the model without it')
        if batches.get(name, 0) not in (0, NO_BATCH):
            raise ConvertFailed(
                f"convert: pnnx took axis {batches[name]} of '{each.name}' for the batch, "
                'expected the first; export the model with the batch in front')
    layers = _renamed(layers, {name: each.name for name, each in (names | ends).items()})
    whole = {each.name for name, each in (names | ends).items() if batches.get(name) == NO_BATCH}
    shapes = {each.name: each.shape for each in inputs}
    layers = [
        replace(layer, params=_input_params(shapes[layer.name], layer.name in whole))
        if layer.kind == INPUT else layer for layer in layers]
    order = [each.name for each in outputs]
    if list(outputs_of(layers)) != order or whole & set(order):
        layers = _ordered(layers, order, whole)
    return tuple(layers)


def _renamed(layers: Sequence[Layer], names: Mapping[str, str]) -> list[Layer]:
    """Rename blobs; one of pnnx's own that has a wanted name already gets another."""
    wanted = set(names.values()) - set(names)

    def new(name: str) -> str:
        return names.get(name, f'{name}_inside' if name in wanted else name)

    return [
        replace(
            layer, name=new(layer.tops[0]) if layer.kind == INPUT else layer.name,
            bottoms=tuple(map(new, layer.bottoms)), tops=tuple(map(new, layer.tops)))
        for layer in layers]


def _input_params(shape: tuple[int, ...], is_whole: bool) -> dict[int, str]:
    """Return the settings of an Input layer: ncnn counts from the last axis on."""
    sizes = shape if is_whole else shape[1:]
    keys = {1: (WIDTH,), 2: (HEIGHT, WIDTH), 3: (CHANNELS, HEIGHT, WIDTH),
            4: (CHANNELS, DEPTH, HEIGHT, WIDTH)}.get(len(sizes))
    if keys is None:
        raise ConvertFailed(
            f'convert: an input has the shape {shape}, expected up to four axes behind the batch')
    params = {key: str(size) for key, size in sorted(zip(keys, sizes))}
    return params | ({WHOLE: '1'} if is_whole else {})


def _ordered(layers: Sequence[Layer], order: Sequence[str], whole: set[str]) -> list[Layer]:
    """Let each output end in a layer that does nothing: ncnn's order is that of the file."""
    inner = _renamed(layers, {name: f'{name}_made' for name in order})
    return inner + [
        Layer('Noop', f'{name}_out', (f'{name}_made',), (name,),
              {WHOLE: '1'} if name in whole else {})
        for name in order]
