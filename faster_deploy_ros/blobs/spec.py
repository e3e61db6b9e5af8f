# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What one tensor of a model is: name, dtype, shape."""

from dataclasses import dataclass
import math
import re
from typing import Any

from faster_deploy_ros.errors import BlobMismatch
import numpy as np

Shape = tuple[int, ...]
DYNAMIC = -1


@dataclass(frozen=True, slots=True)
class BlobSpec:
    """
    One input or output as the model declares it.

    :param name: the model's own name of the tensor.
    :param dtype: of its elements; anything that ``np.dtype`` takes.
    :param shape: -1 where the model leaves a dimension open.
    :param is_input: whether the caller writes it.
    :param layout: one capital letter for each dimension, ``'NCHW'``, or ``''`` when not known.
    :param max_shape: the largest shape that memory is reserved for; None: what the shape says.
    :raises BlobMismatch: the parts contradict each other.
    """

    name: str
    dtype: np.dtype[Any]
    shape: Shape
    is_input: bool
    layout: str = ''
    max_shape: Shape | None = None

    def __post_init__(self) -> None:
        """Refuse a spec that contradicts itself."""
        if not self.name:
            raise BlobMismatch("BlobSpec: the name is empty, expected the tensor's name")
        object.__setattr__(self, 'dtype', np.dtype(self.dtype))
        if self.dtype.hasobject or self.dtype.itemsize == 0:
            raise self._wrong(f'dtype {self.dtype}', 'numbers of a fixed size')
        object.__setattr__(self, 'shape', tuple(int(n) for n in self.shape))
        if any(n < DYNAMIC for n in self.shape):
            raise self._wrong(f'shape {self.shape}', 'sizes of 0 or more, or -1 for an open one')
        if self.layout and (
                len(self.layout) != len(self.shape) or not re.fullmatch('[A-Z]+', self.layout)):
            raise self._wrong(
                f"layout '{self.layout}'", f'{len(self.shape)} capital letters, one a dimension')
        if self.max_shape is not None:
            object.__setattr__(self, 'max_shape', tuple(int(n) for n in self.max_shape))
            if DYNAMIC in self.max_shape or not self._matches(self.max_shape):
                raise self._wrong(
                    f'max_shape {self.max_shape}', f'whole sizes that agree with {self.shape}')

    @property
    def is_dynamic(self) -> bool:
        """Whether the model leaves a dimension open."""
        return DYNAMIC in self.shape

    @property
    def reserved_shape(self) -> Shape | None:
        """The shape that memory is taken for at once; None when nobody knows one."""
        if self.max_shape is not None:
            return self.max_shape
        return None if self.is_dynamic else self.shape

    def nbytes(self, shape: Shape) -> int:
        """Bytes of a tensor of this dtype and the given concrete shape."""
        return math.prod(shape) * self.dtype.itemsize

    def check(self, shape: Shape) -> None:
        """
        Refuse a concrete shape that this tensor cannot have.

        :raises BlobMismatch: it contradicts the model's shape or exceeds ``max_shape``.
        """
        if not self._matches(shape):
            raise BlobMismatch(
                f'{self.title}: got shape {shape}, expected {self.shape}'
                f"{' (-1: any size)' if self.is_dynamic else ', which this model fixes'}")
        if self.max_shape is not None and any(
                n > limit for n, limit in zip(shape, self.max_shape)):
            raise BlobMismatch(
                f'{self.title}: got shape {shape}, expected at most {self.max_shape}; '
                'open the model with a larger max_shape')

    @property
    def title(self) -> str:
        """How messages call it: ``input 'images'``."""
        return f"{'input' if self.is_input else 'output'} '{self.name}'"

    def __str__(self) -> str:
        sizes = ', '.join('?' if n == DYNAMIC else str(n) for n in self.shape)
        return f'{self.title} {self.dtype} [{sizes}]'

    def _matches(self, shape: Shape) -> bool:
        return len(shape) == len(self.shape) and all(
            n >= 0 and own in (n, DYNAMIC) for n, own in zip(shape, self.shape))

    def _wrong(self, got: str, expected: str) -> BlobMismatch:
        return BlobMismatch(f"BlobSpec '{self.name}': got {got}, expected {expected}")
