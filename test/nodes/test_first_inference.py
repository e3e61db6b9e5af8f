# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A first inference that fails for the batch says so; one that fails otherwise is left alone."""

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.errors import BlobMismatch, InferFailed, Unsupported
import numpy as np
import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

from faster_deploy_ros.nodes.model_choice import first_inference

pytestmark = pytest.mark.ros


def core_of(batch):
    core = MockCore(
        specs=[BlobSpec('images', np.dtype(np.float32), (batch, 3, 64, 64), True)],
        script=lambda blobs: None)
    core.load()
    return core


@pytest.mark.parametrize('error', [
    InferFailed('Reshape: 12288 is not 24576'),
    BlobMismatch("yolox: output 'o' came as (2, 84, 8), expected (1, 84, 8)")])
def test_an_open_batch_is_named_with_the_cause_and_the_remedy(error):
    with pytest.raises(InferFailed) as caught, first_inference(core_of(-1)):
        raise error
    text = str(caught.value)
    assert "declares an open batch (input 'images' float32 [?, 3, 64, 64])" in text
    assert f'cannot run one image: {error}. Export it for batch 1' in text
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(('batch', 'error'), [
    (1, InferFailed('out of memory')),                              # the batch is not open
    (-1, BlobMismatch("Yolox: got output 'mean', expected float32 [1, 84, 5 + classes]")),
    (-1, Unsupported("the model's metadata says task 'pose'")),
])
def test_what_has_nothing_to_do_with_the_batch_stays_as_it_is(batch, error):
    with pytest.raises(type(error)) as caught, first_inference(core_of(batch)):
        raise error
    assert caught.value is error
