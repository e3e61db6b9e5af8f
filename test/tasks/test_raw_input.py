# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Inputs of bytes and of channels last: the same picture, the same boxes, the same refusals."""

from contextlib import contextmanager

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.frame import Frame
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tasks import guess_family, ModelCard, open_model
from faster_deploy_ros.tasks.card import InputCard
import numpy as np
import pytest

SIZE = (64, 32)   # width, height: 42 cells
SHAPES = {'NCHW': (1, 3, 32, 64), 'NHWC': (1, 32, 64, 3)}
KINDS = [(layout, dtype) for layout in SHAPES for dtype in (np.float32, np.uint8)]
IMAGE = np.random.default_rng(3).integers(0, 256, (40, 60, 3), np.uint8)


@contextmanager
def core_of(kind, output=('output0', (1, 84, 42)), metadata=None, said=True):
    """Yield a core that keeps a copy of what it is shown, and sees one box."""
    layout, dtype = kind
    seen = []

    def look(blobs):
        seen.append(blobs.inputs[0].data.copy())
        answer = blobs.outputs[0].data
        answer[...] = 0
        if answer.shape[1] == 84:
            answer[0, :5, 7] = (32, 16, 20, 10, 0.9)
        else:
            answer[0, 7, :6] = (0.5, 0.5, 1, 1, 0.9, 1)

    core = MockCore(specs=[
        BlobSpec('in', np.dtype(dtype), SHAPES[layout], True, layout if said else ''),
        BlobSpec(output[0], np.dtype(np.float32), output[1], False)],
        script=look, metadata=metadata)
    core.load()
    core.seen = seen
    with core:
        yield core


def boxes(model):
    return model(Frame(0, '', IMAGE, 'bgr8'), Stopwatch())


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('said', [True, False])
def test_every_kind_of_input_shows_the_model_the_same_picture(kind, said):
    with core_of(KINDS[0]) as plain, core_of(kind, said=said) as core:
        wanted, found = (boxes(open_model('yolov8', each)) for each in (plain, core))
        np.testing.assert_array_equal(found.xyxy, wanted.xyxy)
        assert found.score[0] == pytest.approx(0.9)
        layout, dtype = kind
        picture = core.seen[-1] if layout == 'NCHW' else core.seen[-1].transpose(0, 3, 1, 2)
        scale = 255 if dtype == np.uint8 else 1
        np.testing.assert_allclose(picture / scale, plain.seen[-1], atol=1e-6)


@pytest.mark.parametrize('kind', KINDS)
def test_the_probe_of_yolox_shows_grey_in_every_kind_of_input(kind):
    with core_of(kind, ('output', (1, 42, 85))) as core:
        model = open_model('yolox', core)
        assert (core.seen[0] == 114).all()
        assert 'probe' in model.summary


@pytest.mark.parametrize('layout', SHAPES)
def test_the_family_is_told_by_the_cells_of_either_layout(layout):
    for shape, family in (((1, 84, 42), 'yolov8'), ((1, 42, 85), 'yolox'), ((1, 9, 42), 'yolov8')):
        with core_of((layout, np.uint8), ('out', shape)) as core:
            assert guess_family(core, ModelCard()) == family


# -- who scales -------------------------------------------------------------------------------

RAW = ('NHWC', np.uint8)


@pytest.mark.parametrize(('said', 'words'), [
    ({'scale': 1}, 'says scale for'), ({'mean': (1.0, 2.0, 3.0)}, 'says mean for'),
    ({'scale': 255, 'mean': (0.0, 0.0, 0.0), 'std': (2.0, 2.0, 2.0)}, 'says scale, mean, std')])
def test_a_card_that_scales_what_the_model_scales_is_refused(said, words):
    with core_of(RAW) as core, pytest.raises(BlobMismatch, match=words) as refused:
        open_model('yolov8', core, card=ModelCard(input=InputCard(**said)))
    assert 'take them out of its card' in str(refused.value)
    assert 'uint8' in str(refused.value)


@pytest.mark.parametrize('said', [{}, {'color': 'bgr', 'pad': 5}, {'scale': 255}])
def test_a_card_that_says_bytes_or_nothing_of_scaling_is_taken(said):
    with core_of(RAW) as core:
        model = open_model('yolov8', core, card=ModelCard(input=InputCard(**said)))
        boxes(model)
        picture = core.seen[-1][0]
        top = said.get('pad', 114)
        assert (picture[:, 0] == top).all()   # 60x40 in 64x32: grey at the left
        assert picture.max() > 200


@pytest.mark.parametrize(('mean', 'std'), [
    ('[0]', '[255]'), ('[0, 0, 0]', '[255, 255, 255]'), ('[0.2, 0.2, 0.2]', '[256, 256, 256]')])
def test_a_model_that_scales_as_its_family_needs_is_taken(mean, std):
    with core_of(RAW, metadata={'input_mean': mean, 'input_std': std}) as core:
        open_model('yolov8', core)


def test_a_family_that_scales_nothing_takes_a_model_that_scales_nothing():
    output = ('output', (1, 42, 85))
    with core_of(RAW, output, metadata={'input_mean': '[0]', 'input_std': '[1]'}) as core:
        open_model('yolox', core)
    with core_of(RAW, output, metadata={'input_mean': '[0]', 'input_std': '[255]'}) as core:
        with pytest.raises(BlobMismatch, match='std 255/255/255 off its bytes'):
            open_model('yolox', core)


def test_a_model_that_was_converted_without_its_scaling_is_refused():
    with core_of(RAW, metadata={'input_mean': '[0]', 'input_std': '[1]'}) as core:
        with pytest.raises(BlobMismatch, match='std 1/1/1 off its bytes') as refused:
            open_model('yolov8', core)
        assert 'std 255/255/255' in str(refused.value)
        assert '{scale: 255}' in str(refused.value)
        open_model('yolov8', core, card=ModelCard(input=InputCard(scale=255)))


def test_the_scaling_is_compared_with_the_preprocessing_that_was_chosen():
    imagenet = {'input_mean': '[123.675, 116.28, 103.53]', 'input_std': '[58.395, 57.12, 57.375]'}
    output = ('output', (1, 42, 85))
    with core_of(RAW, output, metadata=imagenet) as core:
        open_model('yolox_legacy', core)
        with pytest.raises(BlobMismatch, match=r'123\.7/116\.3/103\.5'):
            open_model('yolox', core)


@pytest.mark.parametrize('metadata', [
    {'input_mean': '[0]'}, {'input_mean': 'none', 'input_std': '[1]'},
    {'input_mean': '[1, 2]', 'input_std': '[1, 2]'}])
def test_what_the_file_does_not_tell_is_no_reason_to_refuse(metadata):
    with core_of(RAW, metadata=metadata) as core:
        open_model('yolov8', core)


def test_a_float_input_is_never_asked_who_scales():
    with core_of(('NHWC', np.float32), metadata={'input_mean': '[0]', 'input_std': '[1]'}) as core:
        open_model('yolov8', core, card=ModelCard(input=InputCard(scale=1)))


def test_the_line_for_the_log_says_that_the_model_takes_bytes():
    with core_of(RAW) as core:
        assert 'rgb bytes' in open_model('yolov8', core).summary
    with core_of(KINDS[0]) as core:
        assert 'rgb 0 to 1' in open_model('yolov8', core).summary
