# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A blob keeps its memory, gives it in any shape that fits, and takes the caller's instead."""

from faster_deploy_ros.blobs import Blob, BlobSpec, HostMemory, Location
from faster_deploy_ros.errors import BlobMismatch, Unsupported
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest


class CountingMemory(HostMemory):
    """Host memory that counts what is taken and given back."""

    def __init__(self):
        self.taken = 0
        self.given_back = 0

    def allocate(self, nbytes):
        self.taken += 1
        return super().allocate(nbytes)

    def free(self, block):
        self.given_back += 1


class FakeDeviceMemory:
    """An accelerator's memory: blocks that only upload and download can reach."""

    location = Location.DEVICE

    def __init__(self):
        self.blocks = {}

    def allocate(self, nbytes):
        handle = 0x1000 + len(self.blocks)
        self.blocks[handle] = bytearray(nbytes)
        return handle

    def free(self, block):
        del self.blocks[block]

    def upload(self, block, array):
        self.blocks[block][:array.nbytes] = array.tobytes()

    def download(self, block, array):
        array[...] = np.frombuffer(
            self.blocks[block][:array.nbytes], array.dtype).reshape(array.shape)


class FakeCudaArray:
    """What pycuda, cupy and torch give to others."""

    def __init__(self, shape=(2, 3), typestr='<f4', strides=None):
        self.__cuda_array_interface__ = {
            'shape': shape, 'typestr': typestr, 'strides': strides, 'data': (0xABC, False),
            'version': 3}


def blob(shape=(2, 3), *, dtype='f4', is_input=True, memory=None, device=None, **how):
    return Blob(BlobSpec('x', dtype, shape, is_input, **how), memory or HostMemory(), device)


def address(array):
    return array.__array_interface__['data'][0]


def test_the_data_is_contiguous_writable_and_begins_on_a_cache_line():
    for dtype in ('u1', 'f2', 'f4', 'f8', 'i8', '?'):
        data = blob((3, 5), dtype=dtype).data
        assert data.shape == (3, 5)
        assert data.dtype == np.dtype(dtype)
        assert data.flags.c_contiguous
        assert data.flags.writeable
        assert address(data) % 64 == 0
        assert not data.any()


def test_the_same_array_comes_back_until_something_changes():
    one = blob((-1, 3), max_shape=(4, 3))
    one.reshape((2, 3))
    first = one.data
    assert one.data is first
    one.reshape((2, 3))
    assert one.data is first
    one.reset()
    one.reshape((2, 3))
    assert one.data is first
    one.reshape((3, 3))
    assert one.data is not first


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12))
def test_every_shape_within_the_limit_uses_the_one_allocation(shapes):
    memory = CountingMemory()
    one = blob((-1, -1), max_shape=(6, 6), memory=memory)
    whole = None
    for shape in shapes:
        one.reshape(shape)
        assert one.shape == one.data.shape == shape
        if one.data.size:
            whole = whole or address(one.data)
            assert address(one.data) == whole
        one.data[...] = 1
    assert memory.taken == 1


def test_without_a_limit_memory_grows_and_does_not_shrink():
    memory = CountingMemory()
    one = blob((-1, 3), memory=memory)
    assert memory.taken == 0
    for rows in (2, 1, 2, 5, 4, 5):
        one.reshape((rows, 3))
        one.data[...] = rows
        assert (one.data == rows).all()
    assert (memory.taken, memory.given_back) == (2, 1)
    one.free()
    assert (memory.taken, memory.given_back) == (2, 2)


def test_an_open_shape_has_no_data_and_says_what_to_do():
    one = blob((-1, 3))
    assert not one.is_shaped
    with pytest.raises(BlobMismatch, match=r'input .x.*\(-1, 3\).*reshape\(\) it first'):
        one.data
    with pytest.raises(BlobMismatch, match='known only after an inference'):
        blob((-1, 3), is_input=False).data


def test_a_refused_shape_leaves_the_blob_as_it_was():
    one = blob((-1, 3), max_shape=(4, 3))
    one.reshape((2, 3))
    one.data[...] = 7
    for wrong in ((5, 3), (2, 4), (2,), (-1, 3)):
        with pytest.raises(BlobMismatch):
            one.reshape(wrong)
    assert one.shape == (2, 3)
    assert (one.data == 7).all()


def test_binding_uses_the_callers_memory_without_a_copy():
    one = blob((2, 3))
    own = address(one.data)
    external = np.arange(6, dtype='f4').reshape(2, 3)
    one.bind(external)
    assert one.is_bound
    assert one.data is external
    external[0, 0] = 99
    assert one.data[0, 0] == 99
    one.reset()
    assert not one.is_bound
    assert address(one.data) == own


def test_binding_sets_an_open_shape():
    one = blob((-1, 3))
    one.bind(np.zeros((4, 3), 'f4'))
    assert one.shape == (4, 3)
    one.reshape((4, 3))
    with pytest.raises(BlobMismatch, match=r'\(5, 3\).*\(4, 3\).*reset\(\)'):
        one.reshape((5, 3))
    one.reset()
    assert one.shape == (-1, 3)


def odd_address():
    raw = np.zeros(4 * 6 + 1, 'u1')
    return raw[1:].view('f4').reshape(2, 3)


@pytest.mark.parametrize(('external', 'words'), [
    (np.zeros((2, 3)), 'float64.*float32'),
    (np.zeros((3, 2), 'f4'), r'\(3, 2\).*\(2, 3\)'),
    (np.zeros((3, 2), 'f4').T, 'not C-contiguous'),
    (np.zeros((2, 3), '>f4'), '>f4.*float32'),
    (odd_address(), 'not aligned'),
    ([[1, 2, 3], [4, 5, 6]], 'list.*numpy array'),
])
def test_memory_that_the_runtime_would_misread_is_refused(external, words):
    one = blob((2, 3))
    with pytest.raises(BlobMismatch, match=words):
        one.bind(external)
    assert not one.is_bound


def test_read_only_memory_is_for_inputs():
    frozen = np.zeros((2, 3), 'f4')
    frozen.flags.writeable = False
    blob((2, 3)).bind(frozen)
    with pytest.raises(BlobMismatch, match='read-only'):
        blob((2, 3), is_input=False).bind(frozen)


def test_an_adopted_output_is_the_runtimes_array_until_reset():
    one = blob((-1, 3), is_input=False)
    result = np.ones((5, 3), 'f4')
    one.adopt(result)
    assert one.data is result
    assert one.shape == (5, 3)
    assert not one.is_bound
    one.reset()
    assert not one.is_shaped
    with pytest.raises(BlobMismatch, match='float64'):
        one.adopt(np.ones((5, 3)))


def test_a_blob_goes_to_the_device_and_back_with_its_content():
    device = FakeDeviceMemory()
    one = blob((2, 3), device=device)
    one.data[...] = 4
    one.place(Location.DEVICE)
    assert one.location is Location.DEVICE
    with pytest.raises(BlobMismatch, match=r'on the device.*place\(Location.HOST\)'):
        one.data
    assert bytes(device.blocks[one.device_block()]) == np.full((2, 3), 4, 'f4').tobytes()
    device.blocks[one.device_block()][:] = np.full((2, 3), 5, 'f4').tobytes()
    one.place(Location.HOST)
    assert (one.data == 5).all()
    one.place(Location.DEVICE)
    assert len(device.blocks) == 1
    one.reset()
    assert one.location is Location.HOST
    one.free()
    assert not device.blocks


def test_a_blob_on_the_host_has_a_place_to_be_uploaded_to():
    device = FakeDeviceMemory()
    one = blob((2, 3), device=device)
    assert not device.blocks
    block = one.device_block()
    assert one.device_block() == block
    assert len(device.blocks[block]) == 2 * 3 * 4
    assert one.location is Location.HOST
    with pytest.raises(Unsupported, match='no device memory'):
        blob((2, 3)).device_block()


def test_an_output_goes_to_the_device_without_its_content():
    device = FakeDeviceMemory()
    one = blob((2, 3), is_input=False, device=device)
    one.data[...] = 4
    one.place(Location.DEVICE)
    assert not any(device.blocks[one.device_block()])
    one.place(Location.HOST)
    assert not one.data.any()


def test_an_adopted_output_is_copied_into_memory_that_the_caller_bound():
    one = blob((-1, 3), is_input=False)
    external = np.zeros((2, 3), 'f4')
    one.bind(external)
    one.adopt(np.ones((2, 3), 'f4'))
    assert one.data is external
    assert (external == 1).all()
    with pytest.raises(BlobMismatch, match=r'\(3, 3\).*\(2, 3\).*bound'):
        one.adopt(np.ones((3, 3), 'f4'))


def test_the_device_side_grows_with_the_shape():
    device = FakeDeviceMemory()
    one = blob((-1, 3), device=device)
    with pytest.raises(BlobMismatch, match='reshape'):
        one.place(Location.DEVICE)
    one.reshape((1, 3))
    one.place(Location.DEVICE)
    one.reshape((4, 3))
    assert len(device.blocks[one.device_block()]) == 4 * 3 * 4


def test_device_memory_of_the_caller_is_bound_by_its_interface():
    one = blob((2, 3), device=FakeDeviceMemory())
    external = FakeCudaArray()
    one.bind(external)
    assert one.location is Location.DEVICE
    assert one.device_block() is external
    assert one.shape == (2, 3)
    with pytest.raises(BlobMismatch, match='cannot be moved'):
        one.place(Location.HOST)
    one.reset()
    assert (one.data == 0).all()


@pytest.mark.parametrize(('external', 'words'), [
    (FakeCudaArray(typestr='<f8'), 'float64'),
    (FakeCudaArray(shape=(3, 2)), r'\(3, 2\)'),
    (FakeCudaArray(strides=(4, 8)), 'contiguous'),
])
def test_device_memory_that_would_be_misread_is_refused(external, words):
    with pytest.raises(BlobMismatch, match=words):
        blob((2, 3), device=FakeDeviceMemory()).bind(external)


def test_a_core_without_device_memory_says_so():
    one = blob((2, 3))
    with pytest.raises(Unsupported, match='no device memory'):
        one.place(Location.DEVICE)
    with pytest.raises(Unsupported, match='no device memory'):
        one.bind(FakeCudaArray())


def test_host_memory_copies_bytes_there_and_back():
    memory = HostMemory()
    block = memory.allocate(24)
    memory.upload(block, np.arange(6, dtype='f4'))
    back = np.zeros(6, 'f4')
    memory.download(block, back)
    assert back.tolist() == [0, 1, 2, 3, 4, 5]
