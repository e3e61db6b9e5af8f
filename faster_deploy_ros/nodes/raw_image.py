# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
A serialised sensor_msgs/Image read in place, for subscriptions with ``raw=True``.

rclpy copies an image twice to make a message of it; here the bytes of the middleware stay the
pixels. Format: OMG DDSI-RTPS 2.5, 10 (encapsulation) and XTypes 1.3, 7.4 (XCDR1 and plain XCDR2,
which agree for a type without 8-byte members).
"""

from dataclasses import dataclass
from struct import calcsize, Struct
from typing import NamedTuple

from faster_deploy_ros.errors import BadFrame

CDR_ORDERS = {0: '>', 1: '<', 6: '>', 7: '<'}   # the second byte of the encapsulation
BODY = 4                                        # its length; alignment counts from here


class RawStamp(NamedTuple):
    """A builtin_interfaces/Time."""

    sec: int
    nanosec: int


class RawHeader(NamedTuple):
    """A std_msgs/Header."""

    stamp: RawStamp
    frame_id: str


@dataclass(frozen=True, slots=True, eq=False)
class RawImage:
    """
    A sensor_msgs/Image by the same attributes; ``data`` is a view of the serialised bytes.

    :param data: read-only; keeps the serialised bytes alive.
    """

    header: RawHeader
    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: memoryview

    @classmethod
    def parse(cls, serialized: bytes) -> 'RawImage':
        """
        Read the fields and leave the pixels where they are.

        :raises BadFrame: the bytes are truncated or no serialised image.

        Thread: any
        """
        reader = _Reader(serialized)
        sec, = reader.take('i')
        nanosec, = reader.take('I')
        frame_id = reader.take_text('frame_id')
        height, width = reader.take('II')
        encoding = reader.take_text('encoding')
        is_bigendian, = reader.take('B')
        step, = reader.take('I')
        return cls(RawHeader(RawStamp(sec, nanosec), frame_id), height, width, encoding,
                   is_bigendian, step, reader.take_bytes('data'))


class _Reader:
    """Walks serialised bytes, aligned as CDR wants it."""

    __slots__ = ('_at', '_bytes', '_order')

    def __init__(self, serialized: bytes) -> None:
        self._bytes = memoryview(serialized).toreadonly().cast('B')
        if len(self._bytes) < BODY:
            raise BadFrame(
                f'serialised image: it has {len(self._bytes)} bytes, expected at least {BODY}. '
                'The middleware delivered an empty message.')
        kind = bytes(self._bytes[:2])
        if kind[0] != 0 or kind[1] not in CDR_ORDERS:
            raise BadFrame(
                f'serialised image: the encapsulation is {kind.hex()}, expected plain CDR '
                '(0000, 0001, 0006 or 0007). Subscribe without raw on this middleware.')
        self._order = CDR_ORDERS[kind[1]]
        self._at = BODY

    def take(self, fields: str) -> tuple[int, ...]:
        """Read numbers of one size."""
        layout = LAYOUTS[self._order + fields]
        self._align(calcsize(fields[0]))
        end = self._at + layout.size
        if end > len(self._bytes):
            self._truncated('a number', end)
        values = layout.unpack_from(self._bytes, self._at)
        self._at = end
        return values

    def take_text(self, name: str) -> str:
        """Read a string that ends in a zero."""
        raw = bytes(self.take_bytes(name))
        try:
            return raw[:-1].decode() if raw else ''
        except UnicodeDecodeError as error:
            raise BadFrame(
                f'serialised image: {name} is no UTF-8 text ({error}), expected a string. Is '
                'this a sensor_msgs/Image?') from error

    def take_bytes(self, name: str) -> memoryview:
        """Return a view of a sequence of bytes."""
        length, = self.take('I')
        end = self._at + length
        if end > len(self._bytes):
            self._truncated(name, end)
        begin, self._at = self._at, end
        return self._bytes[begin:end]

    def _align(self, size: int) -> None:
        self._at += -(self._at - BODY) % size

    def _truncated(self, name: str, end: int) -> None:
        raise BadFrame(
            f'serialised image: it ends after {len(self._bytes)} bytes, within {name}; expected '
            f'{end} or more. It was cut off, or is no sensor_msgs/Image.')


LAYOUTS = {order + fields: Struct(order + fields) for order in '<>'
           for fields in ('i', 'I', 'II', 'B')}
