# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A depth comes back at the pixel of the image where it was seen, for any size and placement."""

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import DepthOptions, ModelCard, open_model
from faster_deploy_ros.tasks.card import InputCard, OutputCard
from faster_deploy_ros.tasks.depth.resample import to_image
from faster_deploy_ros.tasks.letterbox import Letterbox, letterbox, PLACEMENTS
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

SIZES = st.tuples(st.integers(1, 300), st.integers(1, 300))
INPUTS = st.sampled_from([(64, 64), (96, 64), (64, 160), (90, 70)])
OUTPUT_SCALES = st.sampled_from([1, 0.5, 0.25, 0.1, 2, 3])
PADDING = 1e6   # a depth that would be seen at once


def plane(width, height):
    """Return a depth plane over the unit square of an image, at ``width`` x ``height`` pixels."""
    x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5)[:, None] / height
    return 5 + 3 * x - 2 * y


def inside(geometry, output_size, size):
    """Return which pixels of the result lie between the centres of pixels of the output."""
    kept = []
    for axis in (0, 1):
        step = output_size[axis] / geometry.input_size[axis]
        start = geometry.offset[axis] * step
        length = geometry.resized_size[axis] * step
        centres = np.arange(output_size[axis]) + 0.5
        centres = centres[(centres >= start) & (centres <= start + length)]
        place = start + (np.arange(size[axis]) + 0.5) / size[axis] * length
        kept.append((place >= centres.min()) & (place <= centres.max())
                    if centres.size else np.zeros(size[axis], bool))
    return kept[1][:, None] & kept[0]


@settings(max_examples=150, deadline=None)
@given(SIZES, INPUTS, st.sampled_from(PLACEMENTS), OUTPUT_SCALES, st.none() | SIZES)
def test_a_plane_in_the_output_is_the_same_plane_in_the_image(
        source, target, placement, scale, wanted):
    geometry = letterbox(source, target, placement)
    width, height = (max(int(side * scale), 2) for side in target)
    x = (np.arange(width) + 0.5) * target[0] / width       # in input pixels
    y = (np.arange(height) + 0.5)[:, None] * target[1] / height
    x_image = (x - geometry.offset[0]) / geometry.resized_size[0]
    y_image = (y - geometry.offset[1]) / geometry.resized_size[1]
    output = 5 + 3 * x_image - 2 * y_image
    output[:, (x_image < 0) | (x_image > 1)] = PADDING
    output[((y_image < 0) | (y_image > 1))[:, 0]] = PADDING
    size = wanted or source
    depth = to_image(output.astype(np.float32), geometry, size)
    assert depth.shape == size[::-1]
    known = inside(geometry, (width, height), size)
    np.testing.assert_allclose(depth[known], plane(*size)[known], rtol=2e-5)
    # Beyond the outermost centres it goes on as it was there, and nothing of the padding is in it.
    if known.any():
        assert depth.max() < 8.01


def test_an_image_that_lies_within_one_pixel_of_the_output_has_that_pixels_depth():
    geometry = letterbox((4, 400), (64, 64), 'center')   # 1 pixel wide, at 31 of 64
    output = np.arange(4 * 4, dtype=np.float32).reshape(4, 4)
    depth = to_image(output, geometry, (4, 400))
    np.testing.assert_array_equal(depth[:, 0], depth[:, 3])
    assert (depth[0, 0], depth[-1, 0]) == (1, 13)


def test_of_two_pixels_of_padding_an_image_between_them_has_the_one_it_lies_in():
    geometry = Letterbox((4, 400), (64, 64), (1, 64), (33, 0))   # 2.06 to 2.13 of 4 pixels
    output = np.arange(4 * 4, dtype=np.float32).reshape(4, 4)
    np.testing.assert_array_equal(to_image(output, geometry, (4, 4))[0], [2, 2, 2, 2])


def seeing_core(size, layout, dtype, factor=1):
    """Return a core whose depth is the brightness that it sees, averaged over squares."""
    width, height = size
    shape = (1, 3, height, width) if layout == 'NCHW' else (1, height, width, 3)

    def answer(blobs):
        seen = blobs['in'].data.astype(np.float32).mean(axis=1 if layout == 'NCHW' else 3)
        seen = seen.reshape(1, height // factor, factor, width // factor, factor)
        blobs['out'].data[:] = seen.mean(axis=(2, 4))

    core = MockCore(specs=[
        BlobSpec('in', np.dtype(dtype), shape, True, layout),
        BlobSpec('out', np.dtype(np.float32), (1, height // factor, width // factor), False)],
        script=answer)
    core.load()
    return core


@settings(max_examples=60, deadline=None)
@given(st.tuples(st.integers(40, 200), st.integers(40, 200)), INPUTS,
       st.sampled_from(PLACEMENTS), st.sampled_from([1, 2]))
def test_a_picture_whose_brightness_is_its_depth_comes_back_pixel_for_pixel(
        source, target, placement, factor):
    bright = 10 + 235 * (plane(*source) - 3) / 5
    card = ModelCard(
        input=InputCard(letterbox=placement, scale=255.0), output=OutputCard(unit='m'))
    geometry = letterbox(source, target, placement)
    rows, columns = np.indices(bright.shape)
    margin = factor * (2 + max(s / r for s, r in zip(source, geometry.resized_size)))
    known = inside(geometry, (target[0] // factor, target[1] // factor), source) & (
        np.minimum(rows, source[1] - 1 - rows) >= margin) & (
        np.minimum(columns, source[0] - 1 - columns) >= margin)
    off = []
    with seeing_core(target, 'NCHW', np.float32, factor) as core:
        model = open_model('metric_depth', core, card=card)
        for shades in (bright, 255 - bright):
            image = np.repeat(shades.round().astype(np.uint8)[..., None], 3, axis=2)
            depth = model(Frame(0, '', image), Stopwatch()).depth
            off.append(depth[known] - shades[known])
            assert np.abs(off[-1]).max(initial=0) < 1.1     # rounded to bytes twice
    if known.sum() > 500:
        # A map that is moved is too bright in one and too dark in the other; rounding is not.
        greys_per_pixel = 235 * 3 / 5 / source[0]
        assert abs(off[0].mean() - off[1].mean()) / 2 < 0.1 * greys_per_pixel


@pytest.mark.parametrize('layout', ['NCHW', 'NHWC'])
@pytest.mark.parametrize('dtype', [np.float32, np.uint8])
def test_inputs_of_bytes_and_with_channels_last_see_the_same_picture(layout, dtype):
    image = np.random.default_rng(0).integers(1, 255, (64, 96, 3), np.uint8)
    card = ModelCard(input=InputCard(scale=255.0), output=OutputCard(unit='m'))
    with seeing_core((96, 64), layout, dtype) as core:
        found = open_model('metric_depth', core, card=card)(Frame(0, '', image), Stopwatch())
    np.testing.assert_allclose(found.depth, image.mean(axis=2), rtol=1e-5)


def test_along_a_plane_the_inverse_is_resized_and_not_the_depth():
    """1 / Z of a plane is linear in the image, so a slope comes back exactly from few pixels."""
    inverse = 0.1 + 0.9 * (np.arange(6) + 0.5) / 6
    core = MockCore(specs=[
        BlobSpec('in', np.float32, (1, 3, 64, 96), True),
        BlobSpec('out', np.float32, (1, 6, 9), False)],
        script=lambda blobs: np.copyto(blobs['out'].data, inverse[None, :, None]))
    core.load()
    with core:
        model = open_model('midas', core, DepthOptions(scale=1.0))
        depth = model(Frame(0, '', np.zeros((48, 80, 3), np.uint8)), Stopwatch()).depth
    rows = slice(4, 44)
    np.testing.assert_allclose(
        depth[rows, 0], 1 / (0.1 + 0.9 * (np.arange(48)[rows] + 0.5) / 48), rtol=1e-5)
