# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A buffer is a mapping of the model's tensors that explains a wrong name."""

import threading

from faster_deploy_ros.blobs import Blob, BlobsBuffer, BlobSpec
from faster_deploy_ros.errors import BlobMismatch
import pytest


@pytest.fixture
def buffer():
    return BlobsBuffer([
        Blob(BlobSpec('images', 'f4', (1, 3, 2, 2), True)),
        Blob(BlobSpec('boxes', 'f4', (-1, 4), False))], request='context')


def test_a_buffer_is_a_mapping_in_the_models_order(buffer):
    assert list(buffer) == ['images', 'boxes']
    assert len(buffer) == 2
    assert 'images' in buffer
    assert 'nonsense' not in buffer
    assert buffer.get('nonsense') is None
    assert buffer.get('boxes') is buffer['boxes']
    assert [blob.spec.name for blob in buffer.inputs] == ['images']
    assert [blob.spec.name for blob in buffer.outputs] == ['boxes']
    assert buffer.request == 'context'


def test_an_unknown_name_is_refused_with_the_names_there_are(buffer):
    with pytest.raises(BlobMismatch) as refusal:
        buffer['image']
    for word in ("'image'", 'images', 'boxes', 'float32'):
        assert word in str(refusal.value)


def test_two_buffers_of_equal_content_are_two_seats(buffer):
    other = BlobsBuffer(buffer.values())
    assert other != buffer
    assert len({other, buffer}) == 2


def test_reset_reaches_every_blob(buffer):
    buffer['boxes'].reshape((5, 4))
    buffer.reset()
    assert buffer['boxes'].shape == (-1, 4)


def test_settling_waits_for_the_inference_that_runs(buffer):
    buffer.in_use.acquire()
    settled = threading.Event()
    thread = threading.Thread(target=lambda: (buffer.settle(), settled.set()))
    thread.start()
    assert not settled.wait(0.02)
    buffer.in_use.release()
    assert settled.wait(10)
    thread.join(10)
