# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A spec says what a tensor is, and refuses shapes that it cannot have."""

from faster_deploy_ros.blobs import BlobSpec
from faster_deploy_ros.errors import BlobMismatch
import numpy as np
import pytest


def test_dtype_and_sizes_are_read_from_what_people_write():
    spec = BlobSpec('x', 'float32', [1, np.int64(3), -1], True, max_shape=[1, 3, 9])
    assert spec.dtype == np.float32
    assert spec.shape == (1, 3, -1)
    assert spec.max_shape == (1, 3, 9)
    assert spec == BlobSpec('x', np.dtype('f4'), (1, 3, -1), True, max_shape=(1, 3, 9))
    assert str(spec) == "input 'x' float32 [1, 3, ?]"


@pytest.mark.parametrize(('change', 'words'), [
    ({'name': ''}, 'name is empty'),
    ({'dtype': object}, 'dtype object'),
    ({'dtype': 'U'}, 'fixed size'),
    ({'shape': (1, -2)}, 'or -1'),
    ({'layout': 'NCHW'}, '2 capital letters'),
    ({'layout': 'nc'}, '2 capital letters'),
    ({'max_shape': (1, 2, 3)}, 'agree with'),
    ({'max_shape': (2, 9)}, 'agree with'),
    ({'max_shape': (1, -1)}, 'whole sizes'),
])
def test_a_spec_that_contradicts_itself_is_refused(change, words):
    good = {'name': 'x', 'dtype': 'f4', 'shape': (1, -1), 'is_input': True}
    BlobSpec(**good)
    with pytest.raises(BlobMismatch, match=words):
        BlobSpec(**{**good, **change})


@pytest.mark.parametrize(('declared', 'limit', 'reserved'), [
    ((1, 3), None, (1, 3)),
    ((1, -1), None, None),
    ((1, -1), (1, 8), (1, 8)),
    ((), None, ()),
])
def test_memory_is_reserved_for_the_largest_known_shape(declared, limit, reserved):
    assert BlobSpec('x', 'f4', declared, True, max_shape=limit).reserved_shape == reserved


@pytest.mark.parametrize(('shape', 'fits'), [
    ((2, 3, 4), True), ((1, 3, 1), True), ((0, 3, 4), True),
    ((3, 3, 4), False),   # over the limit
    ((2, 4, 4), False),   # a fixed size
    ((2, 3), False), ((2, 3, 4, 1), False), ((-1, 3, 4), False)])
def test_a_concrete_shape_is_checked_in_every_dimension(shape, fits):
    spec = BlobSpec('x', 'f4', (-1, 3, -1), True, max_shape=(2, 3, 4))
    if fits:
        spec.check(shape)
        return
    with pytest.raises(BlobMismatch) as refusal:
        spec.check(shape)
    assert "input 'x'" in str(refusal.value)
    assert str(shape) in str(refusal.value)
