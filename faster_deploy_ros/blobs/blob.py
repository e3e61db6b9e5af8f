# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One named tensor: what it is, and the memory it lies in."""

from typing import Any

from faster_deploy_ros.blobs.memory import HOST_MEMORY, Location, Memory
from faster_deploy_ros.blobs.spec import BlobSpec, DYNAMIC, Shape
from faster_deploy_ros.errors import BlobMismatch, Unsupported
import numpy as np
from numpy.typing import NDArray


class Blob:
    """
    One input or output of one seat.

    Its memory is taken once and kept: ``reshape`` moves a view over it, ``bind`` puts the
    caller's array in its place without a copy, ``reset`` puts its own memory back. Belongs to
    one thread at a time, the one that leases the seat.

    :param spec: what the model declares.
    :param memory: where the host side is allocated (a core may bring pinned memory).
    :param device_memory: the accelerator's memory, where the core has one.
    """

    __slots__ = (
        '_block', '_capacity', '_data', '_device_block', '_device_capacity', '_device_memory',
        '_external', '_memory', '_own', '_shape', 'location', 'spec')

    def __init__(
            self, spec: BlobSpec, memory: Memory = HOST_MEMORY,
            device_memory: Memory | None = None) -> None:
        """Take the memory that the spec asks for; a dynamic blob without a bound takes none."""
        self.spec = spec
        self.location = Location.HOST
        self._memory = memory
        self._device_memory = device_memory
        self._block: Any = None
        self._capacity = -1
        self._device_block: Any = None
        self._device_capacity = -1
        self._external: Any = None
        self._own: NDArray[Any] | None = None   # the latest view of our own memory
        self._data: NDArray[Any] | None = None  # the host array in use: ours, bound or adopted
        self._shape: Shape = spec.shape
        if spec.reserved_shape is not None:
            self._reserve(spec.nbytes(spec.reserved_shape))
        if not spec.is_dynamic:
            self.reshape(spec.shape)

    @property
    def shape(self) -> Shape:
        """The current shape; -1 where a dynamic dimension is not set yet."""
        return self._shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the elements."""
        return self.spec.dtype

    @property
    def is_shaped(self) -> bool:
        """Whether every dimension is known, so that the blob can be read and written."""
        return DYNAMIC not in self._shape

    @property
    def is_bound(self) -> bool:
        """Whether the caller's memory is in use instead of our own."""
        return self._external is not None

    @property
    def data(self) -> NDArray[Any]:
        """
        The tensor on the host: contiguous, of ``shape``, valid while the seat is leased.

        The same object comes back until the shape or the memory changes.

        :raises BlobMismatch: a dynamic dimension is not set, or the tensor is on the device.
        """
        if self.location is not Location.HOST:
            raise BlobMismatch(
                f'{self.spec.title}: the data is on the device; place(Location.HOST) brings it '
                'back')
        if self._data is None:
            raise BlobMismatch(
                f'{self.spec.title}: the shape {self._shape} is still open; reshape() it first'
                if self.spec.is_input else
                f'{self.spec.title}: the shape {self._shape} is known only after an inference')
        return self._data

    def device_block(self) -> Any:
        """
        Return the device side, for a core: the memory's own block, or the external object bound.

        While the blob is on the host this is where the core uploads it to, or downloads it from.

        :raises Unsupported: the core has no device memory.
        :raises BlobMismatch: the shape is still open.
        """
        if self.location is Location.DEVICE and self._external is not None:
            return self._external
        if self._device_memory is None:
            raise Unsupported(
                f'{self.spec.title}: this core has no device memory; leave it on the host')
        if not self.is_shaped:
            raise BlobMismatch(f'{self.spec.title}: reshape() it before it goes to the device')
        nbytes = self.spec.nbytes(self._shape)
        if nbytes > self._device_capacity:
            if self._device_block is not None:
                self._device_memory.free(self._device_block)
            self._device_block = self._device_memory.allocate(nbytes)
            self._device_capacity = nbytes
        return self._device_block

    def reshape(self, shape: Shape) -> None:
        """
        Set the shape; the memory is kept where it is large enough, and the content is not.

        :raises BlobMismatch: the model cannot take that shape, or bound memory has another.
        """
        if shape == self._shape and self._data is not None:
            return
        shape = tuple(int(n) for n in shape)
        self.spec.check(shape)
        if self._external is not None:
            if shape == self._shape:
                return
            raise BlobMismatch(
                f'{self.spec.title}: got shape {shape}, expected {self._shape}, that of the '
                'memory bound to it; reset() it first')
        self._data = self._view(shape)
        self._shape = shape

    def place(self, location: Location) -> None:
        """
        Move the tensor to the host or to the device, with the content that it has.

        :raises Unsupported: the core has no device memory of its own.
        :raises BlobMismatch: the memory is the caller's, or the shape is still open.
        """
        if location is self.location:
            return
        if self._external is not None:
            raise BlobMismatch(
                f'{self.spec.title}: the memory bound to it cannot be moved; reset() it first')
        block = self.device_block()
        assert self._device_memory is not None
        if location is Location.HOST:
            self._data = self._view(self._shape)
            self._device_memory.download(block, self._data)
        elif self.spec.is_input:
            self._device_memory.upload(block, self.data)
        self.location = location

    def bind(self, external: Any) -> None:
        """
        Use the caller's memory instead of our own, without a copy, until ``reset()``.

        The caller keeps it alive and leaves it alone during an inference.

        :param external: a C-contiguous array of the blob's dtype and a shape it can have; where
            the core has device memory also any object with ``__cuda_array_interface__``.
        :raises BlobMismatch: dtype, shape or memory order differ, or an output is read-only.
        :raises Unsupported: device memory on a core that has none.
        """
        if isinstance(external, np.ndarray):
            self._check_external(external.dtype, external.shape, external.flags.c_contiguous)
            if not external.flags.aligned:
                raise BlobMismatch(
                    f'{self.spec.title}: the array to bind is not aligned; pass a copy of it')
            if not self.spec.is_input and not external.flags.writeable:
                raise BlobMismatch(
                    f'{self.spec.title}: the array to bind is read-only, and an output is written')
            self._data, self._shape, self.location = external, external.shape, Location.HOST
        else:
            self._shape = self._check_device_array(external)
            self._data, self.location = None, Location.DEVICE
        self._external = external

    def adopt(self, array: NDArray[Any]) -> None:
        """
        Take over an output that the runtime has allocated; for a core, not for its caller.

        Memory that the caller has bound stays in use: then the output is copied there.

        :raises BlobMismatch: the runtime's output is not what the model declared.
        """
        self._check_external(array.dtype, array.shape, array.flags.c_contiguous)
        if self._external is not None:
            self.reshape(array.shape)
            np.copyto(self._external, array)
            return
        self._data = array
        self._shape = array.shape

    def reset(self) -> None:
        """Go back to our own memory on the host, and to the shape that the model declares."""
        self.location = Location.HOST
        self._external = None
        self._shape = self.spec.shape
        self._data = None if self.spec.is_dynamic else self._own

    def free(self) -> None:
        """Give all memory back; the blob is not used afterwards."""
        self._external = self._own = self._data = None
        self._shape = self.spec.shape
        if self._block is not None:
            self._memory.free(self._block)
        if self._device_block is not None and self._device_memory is not None:
            self._device_memory.free(self._device_block)
        self._block = self._device_block = None
        self._capacity = self._device_capacity = -1

    def __repr__(self) -> str:
        state = 'bound' if self.is_bound else 'own'
        return f'<Blob {self.spec}, {self._shape}, {state} memory, {self.location.value}>'

    def _view(self, shape: Shape) -> NDArray[Any]:
        """Return our own memory in the given shape, the same array while the shape stays."""
        if self._own is None or self._own.shape != shape:
            nbytes = self.spec.nbytes(shape)
            self._reserve(nbytes)
            flat: NDArray[Any] = self._block[:nbytes].view(self.spec.dtype)
            self._own = flat.reshape(shape)
        return self._own

    def _reserve(self, nbytes: int) -> None:
        if nbytes > self._capacity:
            if self._block is not None:
                self._memory.free(self._block)
            self._block = self._memory.allocate(nbytes)
            self._capacity = nbytes

    def _check_external(self, dtype: np.dtype[Any], shape: Shape, contiguous: bool) -> None:
        if dtype != self.spec.dtype:
            raise BlobMismatch(
                f'{self.spec.title}: got {dtype}, expected {self.spec.dtype}; convert it first')
        self.spec.check(shape)
        if not contiguous:
            raise BlobMismatch(
                f'{self.spec.title}: the array is not C-contiguous; np.ascontiguousarray() '
                'makes a copy that is')

    def _check_device_array(self, external: Any) -> Shape:
        """Return the shape of a CUDA array (its interface, version 3) that this blob can take."""
        interface = getattr(external, '__cuda_array_interface__', None)
        if interface is None:
            raise BlobMismatch(
                f'{self.spec.title}: got a {type(external).__name__}, expected a numpy array or '
                'an object with __cuda_array_interface__')
        if self._device_memory is None:
            raise Unsupported(
                f'{self.spec.title}: this core has no device memory; bind a numpy array')
        shape = tuple(interface['shape'])
        self._check_external(
            np.dtype(interface['typestr']), shape, interface.get('strides') is None)
        return shape
