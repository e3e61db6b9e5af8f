# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A serialised image read in place is the message that rclpy would have made of it."""

from array import array
import struct

from faster_deploy_ros.errors import BadFrame
from faster_deploy_ros.nodes.convert import image_to_frame
from faster_deploy_ros.nodes.raw_image import RawImage
from hypothesis import given, settings
from hypothesis import strategies as st
from image_messages import gradient, image_message
import numpy as np
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image

uint32 = st.integers(0, 2**32 - 1)
text = st.text(st.characters(exclude_characters='\0', exclude_categories=('Cs',)), max_size=12)


def big_endian(message):
    """Serialise by hand in the other byte order, which no middleware here can be made to."""
    out = bytearray(b'\x00\x00\x00\x00')

    def put(form, *values):
        out.extend(b'\0' * (-(len(out) - 4) % struct.calcsize(form[0])))
        out.extend(struct.pack('>' + form, *values))

    def put_text(value):
        raw = value.encode() + b'\0'
        put('I', len(raw))
        out.extend(raw)

    put('i', message.header.stamp.sec)
    put('I', message.header.stamp.nanosec)
    put_text(message.header.frame_id)
    put('II', message.height, message.width)
    put_text(message.encoding)
    put('B', message.is_bigendian)
    put('I', message.step)
    put('I', len(message.data))
    return bytes(out) + bytes(message.data)


def fields(message):
    stamp = message.header.stamp
    return (stamp.sec, stamp.nanosec, message.header.frame_id, message.height, message.width,
            message.encoding, message.is_bigendian, message.step, bytes(message.data))


@settings(deadline=None, max_examples=200)
@given(sec=st.integers(-2**31, 2**31 - 1), nanosec=uint32, frame_id=text, encoding=text,
       height=uint32, width=uint32, step=uint32, is_bigendian=st.integers(0, 255),
       data=st.binary(max_size=40), order=st.sampled_from(['little', 'big']))
def test_any_image_is_read_as_it_was_written(
        sec, nanosec, frame_id, encoding, height, width, step, is_bigendian, data, order):
    message = Image(height=height, width=width, encoding=encoding, step=step,
                    is_bigendian=is_bigendian, data=array('B', data))
    message.header.frame_id = frame_id
    message.header.stamp.sec, message.header.stamp.nanosec = sec, nanosec
    wire = bytes(serialize_message(message)) if order == 'little' else big_endian(message)
    assert fields(RawImage.parse(wire)) == fields(message)


def test_the_pixels_stay_where_the_middleware_put_them():
    wire = bytes(serialize_message(image_message(gradient(), 'bgr8', padding=5)))
    frame = image_to_frame(RawImage.parse(wire))
    assert np.shares_memory(frame.image, np.frombuffer(wire, np.uint8))
    assert np.array_equal(frame.image, gradient())
    assert frame.stamp_ns == 1700000000123456789


def test_the_pixels_outlive_the_message():
    image = image_to_frame(
        RawImage.parse(bytes(serialize_message(image_message(gradient(), 'bgr8'))))).image
    junk = [bytes(10000) for _ in range(100)]
    assert np.array_equal(image, gradient())
    assert len(junk) == 100


def test_every_truncation_is_a_bad_frame():
    wire = bytes(serialize_message(image_message(gradient(2, 2), 'bgr8')))
    needed = len(wire)
    while wire[:needed] and _reads(wire[:needed]):
        needed -= 1
    assert len(wire) - needed <= 4   # Fast DDS pads the end to a multiple of 4
    for length in range(needed + 1):
        with pytest.raises(BadFrame, match='serialised image'):
            RawImage.parse(wire[:length])


def _reads(wire):
    try:
        RawImage.parse(wire)
    except BadFrame:
        return False
    return True


@pytest.mark.parametrize('kind', [b'\x00\x02', b'\x00\x03', b'\x01\x01', b'\xff\xff'])
def test_another_encapsulation_is_a_bad_frame(kind):
    wire = bytes(serialize_message(image_message(gradient(2, 2), 'bgr8')))
    with pytest.raises(BadFrame, match=f'encapsulation is {kind.hex()}, expected plain CDR'):
        RawImage.parse(kind + wire[2:])


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=120), st.sampled_from([b'\0\1\0\0', b'\0\0\0\0', b'']))
def test_any_bytes_are_an_image_or_a_bad_frame(body, start):
    try:
        message = RawImage.parse(start + body)
    except BadFrame:
        return
    assert len(message.data) <= len(body)
