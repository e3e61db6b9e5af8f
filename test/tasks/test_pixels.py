# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What lies in an input tensor is exactly the letterboxed image, whatever lay there before."""

import gc
import threading

import cv2
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.tasks import padding
from faster_deploy_ros.tasks.letterbox import letterbox, stretch
from faster_deploy_ros.tasks.pixels import (
    fill,
    paint,
    PixelFormat,
    ULTRALYTICS,
    YOLOX,
    YOLOX_LEGACY,
)
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

FORMATS = {'yolox': YOLOX, 'legacy': YOLOX_LEGACY, 'ultralytics': ULTRALYTICS}
SIZES = st.tuples(st.integers(1, 90), st.integers(1, 90))
INPUT = (64, 32)
# What an input can be: layout and dtype.
KINDS = [(layout, dtype) for layout in ('NCHW', 'NHWC') for dtype in (np.float32, np.uint8)]


def picture(size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)


def expected(image, encoding, geometry, pixels, kind=KINDS[0]):
    """Do the same slowly, in float64; an input of bytes gets them as they are."""
    layout, dtype = kind
    (width, height), (x, y) = geometry.resized_size, geometry.offset
    canvas = np.full((geometry.input_size[1], geometry.input_size[0], 3), pixels.pad, np.uint8)
    canvas[y:y + height, x:x + width] = cv2.resize(
        image, (width, height), interpolation=cv2.INTER_LINEAR)
    if encoding[:3] != pixels.color:
        canvas = canvas[:, :, ::-1]
    values = canvas
    if dtype != np.uint8:
        values = (canvas * (pixels.scale / 255) - np.array(pixels.mean)) / np.array(pixels.std)
    return (values.transpose(2, 0, 1) if layout == 'NCHW' else values)[None].astype(dtype)


def tensor_for(geometry, kind=KINDS[0]):
    """Return a tensor with something in it that no picture has, or that is unlikely to stay."""
    (width, height), (layout, dtype) = geometry.input_size, kind
    shape = (1, 3, height, width) if layout == 'NCHW' else (1, height, width, 3)
    return np.full(shape, 77 if dtype == np.uint8 else np.nan, dtype)


@settings(max_examples=150, deadline=None)
@given(SIZES, st.sampled_from(list(FORMATS)), st.sampled_from(['bgr8', 'rgb8']),
       st.sampled_from(['corner', 'center']), st.integers(0, 255), st.sampled_from(KINDS))
def test_the_tensor_is_the_letterboxed_image(size, name, encoding, placement, seed, kind):
    image, geometry = picture(size, seed), letterbox(size, INPUT, placement)
    tensor = tensor_for(geometry, kind)
    paint(Frame(0, '', image, encoding), geometry, FORMATS[name], tensor, kind[0])
    np.testing.assert_array_equal(
        tensor, expected(image, encoding, geometry, FORMATS[name], kind))


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('encoding', ['bgr8', 'rgb8'])
def test_an_image_of_the_inputs_own_size_is_written_without_a_resize(kind, encoding):
    image, geometry = picture(INPUT), letterbox(INPUT, INPUT)
    tensor = tensor_for(geometry, kind)
    paint(Frame(0, '', image, encoding), geometry, YOLOX, tensor, kind[0])
    np.testing.assert_array_equal(tensor, expected(image, encoding, geometry, YOLOX, kind))


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('scale', [1.0, 2.0, 100.0, 127.5, 254.0, 255.0])
@pytest.mark.parametrize(('mean', 'std'), [
    ((0, 0, 0), (1, 1, 1)), ((0, 0, 0), (0.5, 0.5, 0.5)), ((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))])
def test_every_byte_becomes_the_number_that_the_formula_says_to_the_bit(scale, mean, std, kind):
    ramp = (np.arange(64 * 32 * 3) % 256).astype(np.uint8).reshape(32, 64, 3)
    pixels, geometry = PixelFormat('bgr', scale, mean, std), letterbox(INPUT, INPUT)
    tensor = tensor_for(geometry, kind)
    paint(Frame(0, '', ramp), geometry, pixels, tensor, kind[0])
    np.testing.assert_array_equal(tensor, expected(ramp, 'bgr8', geometry, pixels, kind))


@pytest.mark.parametrize('kind', KINDS)
def test_an_empty_picture_is_all_padding(kind):
    tensor = tensor_for(letterbox(INPUT, INPUT), kind)
    fill(YOLOX_LEGACY, tensor, kind[0])
    grey = np.full((INPUT[1], INPUT[0], 3), YOLOX_LEGACY.pad, np.uint8)
    np.testing.assert_array_equal(
        tensor, expected(grey, 'rgb8', letterbox(INPUT, INPUT), YOLOX_LEGACY, kind))


def test_an_input_of_other_numbers_is_refused_and_not_cast():
    geometry = letterbox((60, 20), INPUT)
    tensor = tensor_for(geometry, ('NCHW', np.float16))
    with pytest.raises(BlobMismatch, match='got a tensor of float16, expected float32 or uint8'):
        paint(Frame(0, '', picture((60, 20))), geometry, YOLOX, tensor)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(SIZES, st.sampled_from(['corner', 'center']),
                          st.sampled_from(list(FORMATS)), st.integers(0, 255)),
                min_size=2, max_size=8), st.sampled_from(KINDS))
def test_nothing_is_left_of_earlier_pictures_of_other_sizes_and_formats(pictures, kind):
    tensor = tensor_for(letterbox((1, 1), INPUT), kind)
    for seed, (size, placement, name, pad) in enumerate(pictures):
        image, geometry = picture(size, seed), letterbox(size, INPUT, placement)
        base = FORMATS[name]
        pixels = PixelFormat(base.color, base.scale, base.mean, base.std, pad)
        paint(Frame(0, '', image), geometry, pixels, tensor, kind[0])
        np.testing.assert_array_equal(tensor, expected(image, 'bgr8', geometry, pixels, kind))


def test_a_picture_without_padding_leaves_none_of_itself_in_the_next_ones_padding():
    narrow, full = letterbox((60, 20), INPUT), letterbox(INPUT, INPUT)
    frame, tensor = Frame(0, '', picture((60, 20))), tensor_for(narrow)
    paint(frame, narrow, YOLOX, tensor)
    other = picture(INPUT)
    other[[0, -1]] = other[:, [0, -1]] = YOLOX.pad   # looks like padding at its edges
    other[narrow.resized_size[1]:, 0] = YOLOX.pad
    paint(Frame(0, '', other), full, YOLOX, tensor)
    paint(frame, narrow, YOLOX, tensor)
    np.testing.assert_array_equal(tensor, expected(frame.image, 'bgr8', narrow, YOLOX))


@pytest.mark.parametrize('part', [slice(None), slice(None, 5), slice(-5, None)])
@pytest.mark.parametrize('kind', KINDS)
def test_the_padding_is_written_again_after_somebody_else_has_used_the_memory(kind, part):
    geometry, frame = letterbox((60, 20), INPUT, 'center'), Frame(0, '', picture((60, 20)))
    tensor = tensor_for(geometry, kind)
    paint(frame, geometry, YOLOX, tensor, kind[0])
    tensor.reshape(-1)[part] = 0   # all of it, or its beginning or end alone
    paint(frame, geometry, YOLOX, tensor, kind[0])
    np.testing.assert_array_equal(tensor, expected(frame.image, 'bgr8', geometry, YOLOX, kind))


def test_the_padding_is_written_once_for_pictures_of_one_size():
    geometry, frame = letterbox((60, 20), INPUT), Frame(0, '', picture((60, 20)))
    tensor = tensor_for(geometry)
    paint(frame, geometry, YOLOX, tensor)
    tensor[0, 1, -2, 7] = -1   # in the padding, not at an end of it
    paint(frame, geometry, YOLOX, tensor)
    assert tensor[0, 1, -2, 7] == -1


@pytest.mark.parametrize('kind', KINDS)
def test_views_of_other_memory_orders_and_read_only_images_are_read_as_they_are(kind):
    wide = picture((80, 30))
    views = {
        'row padding': wide[:, :60], 'upside down': wide[::-1], 'mirrored': wide[:, ::-1],
        'every second': wide[::2, ::2], 'channels last to first': wide[:, :, ::-1],
        'read-only': wide.copy()}
    views['read-only'].flags.writeable = False
    for name, image in views.items():
        geometry = letterbox((image.shape[1], image.shape[0]), INPUT)
        tensor = tensor_for(geometry, kind)
        paint(Frame(0, '', image), geometry, YOLOX, tensor, kind[0])
        np.testing.assert_array_equal(
            tensor, expected(np.ascontiguousarray(image), 'bgr8', geometry, YOLOX, kind),
            err_msg=name)


@pytest.mark.parametrize('kind', KINDS)
def test_the_image_is_not_changed(kind):
    image = picture((64, 32))
    before = image.copy()
    paint(Frame(0, '', image), letterbox((64, 32), INPUT), ULTRALYTICS,
          tensor_for(letterbox((64, 32), INPUT), kind), kind[0])
    np.testing.assert_array_equal(image, before)


def test_a_stretched_image_leaves_no_padding():
    geometry, image = stretch((50, 90), INPUT), picture((50, 90))
    tensor = tensor_for(geometry)
    paint(Frame(0, '', image), geometry, ULTRALYTICS, tensor)
    np.testing.assert_array_equal(tensor, expected(image, 'bgr8', geometry, ULTRALYTICS))


def test_threads_with_their_own_tensors_do_not_disturb_each_other():
    sizes = [(60, 20), (20, 60), (64, 32), (33, 17), (90, 10), (10, 90)]
    wrong = []
    start = threading.Barrier(4)

    def work(number):
        tensor = tensor_for(letterbox((1, 1), INPUT))
        start.wait(10)
        for turn in range(60):
            size = sizes[(number + turn) % len(sizes)]
            image, geometry = picture(size, number), letterbox(size, INPUT, 'center')
            paint(Frame(0, '', image), geometry, YOLOX_LEGACY, tensor)
            if not np.array_equal(tensor, expected(image, 'bgr8', geometry, YOLOX_LEGACY)):
                wrong.append((number, turn))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not wrong


def test_the_record_of_a_tensor_goes_with_the_tensor():
    records = padding._painted._records
    gc.collect()
    before = len(records)
    geometry = letterbox((60, 20), INPUT)
    tensors = [tensor_for(geometry) for _ in range(5)]
    for tensor in tensors:
        paint(Frame(0, '', picture((60, 20))), geometry, YOLOX, tensor)
    assert len(records) == before + 5
    del tensor, tensors
    gc.collect()
    assert len(records) == before


@pytest.mark.parametrize(('arguments', 'message'), [
    ({'color': 'grey'}, "PixelFormat.color: got 'grey'"),
    ({'scale': 0.0}, 'PixelFormat.scale: got 0.0'),
    ({'std': (1.0, 0.0, 1.0)}, 'PixelFormat.std: got'),
    ({'pad': 256}, 'PixelFormat.pad: got 256'),
])
def test_a_format_that_no_picture_can_have_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        PixelFormat(**arguments)
