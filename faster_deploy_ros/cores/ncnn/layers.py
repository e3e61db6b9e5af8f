# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What ncnn's layers need of what flows into them: ncnn does not check, and reads beyond."""

from collections.abc import Callable, Mapping, Sequence
import math

from faster_deploy_ros.cores.ncnn.param import Layer

Shape = tuple[int, ...]   # (c, h, w), (h, w) or (w,): no batch axis
REST = -233               # "what is left over" in a setting
FOCUS = 'YoloV5Focus'


def without_focus(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """
    Replace the custom layer of YOLOX and YOLOv5 models by built-in ones of the same values.

    Focus stacks the four pixels of each 2x2 square on the channels: top left, bottom left, top
    right, bottom right. Reorg does so by rows, therefore the two in the middle change places.
    """
    found: list[Layer] = []
    for layer in layers:
        if layer.kind != FOCUS:
            found.append(layer)
            continue
        stacked = f'{layer.name}_stacked'
        parts = tuple(f'{layer.name}_part{number}' for number in range(4))
        rest = ','.join([str(REST)] * 4)
        found += [
            Layer('Reorg', stacked, layer.bottoms, (stacked,), {0: '2', 1: '1'}),
            Layer('Slice', f'{layer.name}_parts', (stacked,), parts, {0: rest, 1: '0'},
                  frozenset({0})),
            Layer('Concat', layer.name, (parts[0], parts[2], parts[1], parts[3]), layer.tops,
                  {0: '0'})]
    return tuple(found)


def image_channels(layers: Sequence[Layer], blob: str) -> int:
    """Tell from the first convolution how many channels an image input has; 0 if it is unclear."""
    factor = 1
    for layer in layers:
        if blob not in layer.bottoms:
            continue
        if layer.kind == 'Convolution':
            of_one = max(1, layer.number(0, 0) * _kernel(layer))
            return layer.number(6, 0) // of_one // factor
        if layer.kind == 'Reorg':
            factor *= layer.number(0, 1) ** 2
        elif layer.kind not in ('Split', 'Slice', 'Concat'):
            return 0
        blob = layer.tops[0]
    return 0


def keeps_its_input(layers: Sequence[Layer], blob: str) -> bool:
    """
    Tell whether ncnn only reads this blob: no layer writes into it, and none passes it on.

    A layer that works in place looks at the reference count of its blob; borrowed memory has
    none, and the process ends there.
    """
    for layer in layers:
        if blob in layer.bottoms:
            if layer.kind == 'Split':
                return all(keeps_its_input(layers, top) for top in layer.tops)
            return layer.kind in _READERS
    return False


def reads_findings(layers: Sequence[Layer]) -> tuple[Layer, Layer] | None:
    """Return a layer that finds objects and the one behind it: of none it makes a crash."""
    readers = {name: layer for layer in layers for name in layer.bottoms}
    for layer in layers:
        if layer.kind in _FINDERS and layer.tops[0] in readers:
            return layer, readers[layer.tops[0]]
    return None


def wrong_settings(layer: Layer) -> str:
    """Say why nothing could run this layer; ``''`` where nothing speaks against it."""
    check = _SETTINGS.get(layer.kind)
    return check(layer) if check else ''


def complaint(layer: Layer, shapes: Sequence[Shape]) -> str:
    """
    Say why this layer cannot run on blobs of these shapes; ``''`` where nothing speaks against it.

    :param layer: one without wrong settings.

    What is not checked here, ncnn checks itself or can run on anything.
    """
    check = _CHECKS.get(layer.kind)
    if check is None:
        return ''
    if not all(shapes):
        return 'gets an empty blob'
    return check(layer, shapes)


def _convolution_settings(layer: Layer) -> str:
    """Check num_output 0, kernel 1/11, dilation 2/12, stride 3/13, weights 6, group 7."""
    outputs, group, weights = layer.number(0, 0), _group(layer), layer.number(6, 0)
    steps = [_pair(layer, key) for key in (1, 11, 2, 12, 3, 13)]
    if outputs < 1 or group < 1 or min(steps) < 1:
        return 'has a number of outputs, kernel, dilation, stride or group below 1'
    if not layer.number(19, 0) and (weights < 1 or weights * group % (outputs * _kernel(layer))):
        return f'has {weights} weights for {outputs} outputs of a kernel of {_kernel(layer)}'
    return ''


def _convolution(layer: Layer, shapes: Sequence[Shape]) -> str:
    if layer.number(19, 0):   # the weights are a second blob
        return ''
    outputs, kernel, group = layer.number(0, 0), _kernel(layer), _group(layer)
    wanted, shape = layer.number(6, 0) * group // (outputs * kernel), shapes[0]
    if len(shape) != 3 and not (len(shape) == 1 and kernel == 1):
        return f'gets {_text(shape)}, expected channels, height, width'
    if shape[0] != wanted or shape[0] % group or outputs % group:
        return f'gets {shape[0]} channels, expected {wanted}, which its weights are for'
    if layer.kind.startswith('Deconvolution') or len(shape) != 3:
        return ''
    for key, size, ends in ((1, shape[2], (4, 15)), (11, shape[1], (14, 16))):
        extent = _pair(layer, key + 1) * (_pair(layer, key) - 1) + 1
        first = layer.number(ends[0], layer.number(4, 0))
        pads = first, layer.number(ends[1], first)
        if min(pads) >= 0 and size + sum(pads) < extent:
            return f'gets {_text(shape)}, smaller than its kernel'
    return ''


def _group(layer: Layer) -> int:
    return layer.number(7, 1) if 'DepthWise' in layer.kind else 1


def _inner_product_settings(layer: Layer) -> str:
    outputs, weights = layer.number(0, 0), layer.number(2, 0)
    fits = outputs > 0 and weights > 0 and weights % outputs == 0
    return '' if fits else f'has {weights} weights for {outputs} outputs'


def _inner_product(layer: Layer, shapes: Sequence[Shape]) -> str:
    inputs, shape = layer.number(2, 0) // layer.number(0, 1), shapes[0]
    fits = inputs in (math.prod(shape), shape[-1] if len(shape) == 2 else 0)
    return '' if fits else (
        f'gets {_text(shape)}, expected {inputs} values, which its weights are for')


def _channels(layer: Layer, shapes: Sequence[Shape]) -> str:
    """Check a layer with one weight for each channel: their number is setting 0."""
    key = 1 if layer.kind == 'GroupNorm' else 0
    count, shape = layer.number(key, 0), shapes[0]
    fits = (shape[0], REST, 1) if layer.kind == 'PReLU' else (shape[0], REST)
    return '' if count in fits else (
        f'gets {shape[0]} channels, expected {count}, which its weights are for')


def _pooling_settings(layer: Layer) -> str:
    if layer.number(4, 0) or layer.number(7, 0):   # over all, or adaptive: no kernel
        return ''
    steps = [_pair(layer, key) for key in (1, 11, 2, 12)]
    return 'has a kernel or stride below 1' if min(steps) < 1 else ''


def _binary(layer: Layer, shapes: Sequence[Shape]) -> str:
    if layer.number(1, 0):   # with a number
        return ''
    if len(shapes) != 2:
        return f'gets {len(shapes)} blobs, expected 2'
    left, right = shapes
    fits = len(left) != len(right) or all(
        a == b or 1 in (a, b) for a, b in zip(left, right))
    return '' if fits else f'gets {_text(left)} and {_text(right)}, which do not match'


def _same(layer: Layer, shapes: Sequence[Shape]) -> str:
    return '' if len(set(shapes)) == 1 else (
        f"gets {' and '.join(map(_text, shapes))}, expected all of the same size")


def _concat(layer: Layer, shapes: Sequence[Shape]) -> str:
    axis = layer.number(0, 0)
    first = shapes[0]
    if not -len(first) <= axis < len(first):
        return f'joins along axis {axis} of {_text(first)}'
    axis %= len(first)
    others = {(len(shape), shape[:axis], shape[axis + 1:]) for shape in shapes}
    return '' if len(others) == 1 else (
        f"gets {' and '.join(map(_text, shapes))}, expected the same size but for axis {axis} "
        '(most detectors want images whose sides are multiples of 32)')


def _slice(layer: Layer, shapes: Sequence[Shape]) -> str:
    axis, shape = layer.number(1, 0), shapes[0]
    if 2 in layer.params or not -len(shape) <= axis < len(shape):
        return '' if 2 in layer.params else f'cuts along axis {axis} of {_text(shape)}'
    sizes = [int(float(each)) for each in layer.params.get(0, '').split(',') if each]
    fixed = sum(size for size in sizes if size != REST)
    if len(sizes) < len(layer.tops) or fixed > shape[axis]:
        return (f'cuts {_text(shape)} into {sizes} along axis {axis}, expected '
                f'{len(layer.tops)} sizes that fit')
    return ''


def _matmul(layer: Layer, shapes: Sequence[Shape]) -> str:
    if len(shapes) != 2:
        return f'gets {len(shapes)} blobs, expected 2'
    left, right = shapes
    inner = right[-1] if layer.number(0, 0) or len(right) == 1 else right[-2]
    fits = left[-1] == inner
    return '' if fits else f'gets {_text(left)} and {_text(right)}, which do not match'


def _layer_norm(layer: Layer, shapes: Sequence[Shape]) -> str:
    size, shape = layer.number(0, 0), shapes[0]
    fits = not layer.number(2, 1) or size in (shape[-1], math.prod(shape[-2:]))
    return '' if fits else f'gets {_text(shape)}, expected rows of {size}'


def _pair(layer: Layer, key: int) -> int:
    """Return a setting of a convolution; one for the height is that for the width if not given."""
    own = 0 if key in (1, 11) else 1
    return layer.number(key, layer.number(key - 10, own) if key > 10 else own)


def _kernel(layer: Layer) -> int:
    return _pair(layer, 1) * _pair(layer, 11)


def _text(shape: Shape) -> str:
    return 'x'.join(map(str, shape)) or 'nothing'


_CHECKS: Mapping[str, Callable[[Layer, Sequence[Shape]], str]] = {
    'BatchNorm': _channels, 'Bias': _channels, 'BinaryOp': _binary, 'Concat': _concat,
    'Convolution': _convolution, 'ConvolutionDepthWise': _convolution,
    'Deconvolution': _convolution, 'DeconvolutionDepthWise': _convolution, 'Eltwise': _same,
    'GroupNorm': _channels, 'InnerProduct': _inner_product, 'LayerNorm': _layer_norm,
    'MatMul': _matmul, 'PReLU': _channels, 'Scale': _channels, 'Slice': _slice,
}
_SETTINGS: Mapping[str, Callable[[Layer], str]] = {
    'Convolution': _convolution_settings, 'ConvolutionDepthWise': _convolution_settings,
    'Deconvolution': _convolution_settings, 'DeconvolutionDepthWise': _convolution_settings,
    'InnerProduct': _inner_product_settings, 'Pooling': _pooling_settings,
}
# As much comes out as is found.
_FINDERS = ('DetectionOutput', 'Proposal', 'Yolov3DetectionOutput', 'YoloDetectionOutput')
# They make a new blob of all that they read.
_READERS = ('Convolution', 'ConvolutionDepthWise', 'InnerProduct', 'Pooling', 'Reorg')
