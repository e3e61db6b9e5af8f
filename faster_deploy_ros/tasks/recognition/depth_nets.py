# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which depth nets the tensors of a model can be of."""

from collections.abc import Iterator

from faster_deploy_ros.tasks.letterbox import Size
from faster_deploy_ros.tasks.recognition.evidence import Evidence, Fit
from faster_deploy_ros.tasks.results import DISPARITY, METRIC, RELATIVE

DEPTH_NETS = ('depth_anything', 'lite_mono', 'metric_depth', 'midas')
_PATCH = 14       # pixels of a side of DINOv2's patches, which Depth Anything looks through
_USUAL = 518      # a side of its input as it is nearly always exported
_STRIDE = 32      # what convolutional encoders shrink an image by
_SMALLEST = 8     # a map is no smaller part of the input than this


def depth_nets_for(known: Evidence) -> Iterator[Fit]:
    """Yield each family of depth nets that the shapes and names allow."""
    maps = _maps(known)
    if not maps:
        return
    names = ' '.join(spec.name.lower() for spec in known.outputs)
    if 'disp' in names:
        yield Fit('lite_mono', f"the output '{known.outputs[0].name}' is a map of disparities")
        return
    if len(maps) > 1:
        if 1 in maps and len(set(maps)) == len(maps):   # exporters give them numbers for names
            yield Fit('lite_mono', 'its outputs are one map at several scales')
        return
    is_said = _is_depth(known, names)
    share, (width, height) = maps[0], known.size or (0, 0)
    what = f"the output '{known.outputs[0].name}' is one map" + (
        '' if share is None else ' of the size of the input' if share == 1
        else f' of 1/{share} of the input')
    is_patched = share in (1, None) and width % _PATCH == height % _PATCH == 0
    is_convolved = share in (1, None) and width % _STRIDE == height % _STRIDE == 0
    if is_patched and (not is_convolved or known.size is None):
        is_usual = share == 1 and _USUAL in (width, height)
        yield Fit('depth_anything', f'{what}, whose sides are multiples of {_PATCH}',
                  is_sure=is_said or is_usual)
        if known.size is not None:
            return
    elif is_patched:
        yield Fit('depth_anything', what, is_sure=is_said)
    if is_convolved:
        yield Fit('midas', what, is_sure=is_said)
        if 'depth' not in names:
            yield Fit('lite_mono', what, is_sure=is_said)
    yield Fit('metric_depth', what, is_sure=is_said)


def of_that_kind(known: Evidence, fits: list[Fit]) -> list[Fit]:
    """Leave the families that can mean what card or metadata says of the numbers."""
    kind = known.output.kind or (METRIC if known.output.unit or known.unit else None)
    can = {METRIC: ('metric_depth', 'depth_anything'), RELATIVE: ('midas', 'depth_anything'),
           DISPARITY: ('lite_mono',)}.get(kind or '')
    return fits if can is None else [fit for fit in fits if fit.family in can]


def _maps(known: Evidence) -> list[int | None]:
    """
    Return which part of the input each output is; empty where one is no map of one channel.

    None stands for a map whose size is open.
    """
    if len(known.images) != 1 or known.others:
        return []
    found: list[int | None] = []
    for spec in known.outputs:
        shape = spec.shape
        if not (2 <= len(shape) <= 4 and all(axis in (1, -1) for axis in shape[:-2])):
            return []
        share = _share((shape[-1], shape[-2]), known.size)
        if share == 0:
            return []
        found.append(share)
    return found


def _share(size: Size, whole: Size | None) -> int | None:
    """Return by which number an input was shrunk to a map; 0: by none, None: nobody can tell."""
    if size == (-1, -1):
        return None
    if -1 in size or whole is None:   # a map is as open as its image
        return 0
    (width, height), (whole_width, whole_height) = size, whole
    if min(size) < 1 or whole_width % width or whole_height % height:
        return 0
    share = whole_width // width
    return share if share == whole_height // height and share <= _SMALLEST else 0


def _is_depth(known: Evidence, names: str) -> bool:
    """Whether anybody says that the map is of depth: masks and heat maps look alike."""
    output = known.output
    return ('depth' in names or known.task == 'depth' or bool(known.unit)
            or output.kind is not None or output.unit is not None
            or known.speaks_of('depth', 'midas', 'litemono'))
